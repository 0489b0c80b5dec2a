//! From counts to a grade: the table of `docs/logs.md` in code. No state, no time.

use std::time::Duration;

use crate::model::{Grade, MailFlow, Reason, Stage};

use super::tally::{Passed, Span, Stalls, Tally};

/// Where no mail that stalled has a known size, one of this size is large: more than two full packets.
const LARGE: u64 = 4096;
/// Scanners let a handshake hang now and then.
const HANDSHAKES_OF_A_CLIENT: u32 = 2;

/// How good the evidence against a peer is. `None`: there is no evidence, or it speaks for another reason.
pub(super) fn grade(flow: MailFlow, tally: &Tally) -> Option<(Grade, Vec<Reason>)> {
    let stalls = tally.stalls.as_deref()?;
    let view = View::new(tally, stalls);
    let grade = if stalls.mails > 0 { of_mails(flow, stalls, &view) } else { of_others(flow, stalls, &view) };
    grade.map(|grade| (grade, reasons(stalls, &view)))
}

/// The sizes that passed, seen from the smallest that stalled.
struct View {
    small: Span,
    large_before: u32,
    large_between: u32,
    large_after: u32,
}

impl View {
    fn new(tally: &Tally, stalls: &Stalls) -> Self {
        let bound = if stalls.large.count > 0 { stalls.large.smallest } else { LARGE };
        let mut all: Passed = tally.before;
        all.merge(&stalls.between);
        all.merge(&stalls.after);
        Self {
            small: all.below(bound),
            large_before: tally.before.at_least(bound),
            large_between: stalls.between.at_least(bound),
            large_after: stalls.after.at_least(bound),
        }
    }

    /// Large mails that passed since the first stall.
    fn large_since(&self) -> u32 {
        self.large_between.saturating_add(self.large_after)
    }
}

/// The stalls are of mails, in a stage in which their size matters.
fn of_mails(flow: MailFlow, stalls: &Stalls, view: &View) -> Option<Grade> {
    let in_body = stalls.at(Stage::Body).max(stalls.at(Stage::EndOfData)).max(stalls.at(Stage::Data));
    let small_are_as_bad = stalls.small > 0 && stalls.small >= stalls.mails - stalls.small.min(stalls.mails);
    if small_are_as_bad || is_accident(stalls, view) {
        return None;
    }
    let contradicted = stalls.small > 0 || view.large_since() > 0;
    let has_contrast = view.small.count > 0;
    match () {
        () if contradicted => Some(Grade::Possible),
        () if in_body > 0 && has_contrast => Some(Grade::Classic),
        () if in_body > 0 => Some(Grade::Likely),
        // A hang-up after a long wait, or a time-out at a stage that nobody knows.
        () if has_contrast => Some(Grade::Likely).filter(|_| flow == MailFlow::Outgoing).or(Some(Grade::Possible)),
        () if stalls.at(Stage::LostInBody) > 0 => Some(Grade::Possible),
        // A client may hold a session open and have nothing to say.
        () => (flow == MailFlow::Outgoing).then_some(Grade::Possible),
    }
}

/// Large mail passes as a rule: as many as stalled passed between the stalls, or more than one or two that stalled passed around them.
fn is_accident(stalls: &Stalls, view: &View) -> bool {
    let around = view.large_since().saturating_add(view.large_before);
    let is_rare = stalls.mails <= 2 && view.large_since() > 0 && around > stalls.mails;
    view.large_between >= stalls.mails || is_rare
}

/// What stalls are handshakes, and commands with many recipients.
fn of_others(flow: MailFlow, stalls: &Stalls, view: &View) -> Option<Grade> {
    let needed = if flow == MailFlow::Incoming { HANDSHAKES_OF_A_CLIENT } else { 1 };
    let handshakes = stalls.at(Stage::TlsHandshake);
    let recipients = stalls.at(Stage::ManyRecipients);
    let passed_since = view.large_since();
    let is_evidence = handshakes >= needed || recipients > 0;
    (is_evidence && passed_since < handshakes.saturating_add(recipients)).then_some(Grade::Possible)
}

fn reasons(stalls: &Stalls, view: &View) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Stalls::STAGES
        .into_iter()
        .map(|stage| (stage, stalls.at(stage)))
        .filter(|(_, mails)| *mails > 0)
        .map(|(stage, mails)| Reason::Stalled { stage, mails })
        .collect();
    if stalls.large.count > 0 {
        let Span { count, smallest, largest } = stalls.large;
        reasons.push(Reason::StuckSizes { mails: count, smallest, largest });
    }
    reasons.extend(stalls.longest_wait.and_then(|wait| Duration::try_from_secs_f64(wait).ok()).map(Reason::Waited));
    if view.small.count > 0 {
        reasons.push(Reason::SmallPassed { mails: view.small.count, largest: view.small.largest });
    }
    if stalls.small > 0 {
        reasons.push(Reason::SmallStalled { mails: stalls.small });
    }
    if view.large_since() > 0 {
        reasons.push(Reason::LargePassed { mails: view.large_since(), stalled_again: view.large_between > 0 });
    }
    reasons
}
