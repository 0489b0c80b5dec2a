//! Turns counts into a grade: the table of `docs/logs.md` in code, without state or time.

use std::time::Duration;

use crate::model::{Grade, MailFlow, Reason, StallStage};

use super::counts::{PassedMails, PeerCounts, SizeRange, StallCounts};

/// A mail of this size, more than two full packets, counts as large if no mail that stalled has a known size.
const LARGE: u64 = 4096;
/// One stalled handshake is not enough, because scanners leave some unfinished.
const HANDSHAKES_OF_A_CLIENT: u32 = 2;

/// Grades the evidence against a peer. `None`: there is no evidence, or it points to another reason.
pub(super) fn grade(flow: MailFlow, counts: &PeerCounts) -> Option<(Grade, Vec<Reason>)> {
    let stalls = counts.stalls.as_deref()?;
    let view = View::new(counts, stalls);
    let grade = if stalls.mails > 0 { of_mails(flow, stalls, &view) } else { of_others(flow, stalls, &view) };
    grade.map(|grade| (grade, reasons(stalls, &view)))
}

/// The mails that passed, compared with the smallest that stalled.
struct View {
    small: SizeRange,
    large_before: u32,
    large_between: u32,
    large_after: u32,
}

impl View {
    fn new(counts: &PeerCounts, stalls: &StallCounts) -> Self {
        let bound = if stalls.large.count > 0 { stalls.large.smallest } else { LARGE };
        let mut all: PassedMails = counts.before;
        all.merge(&stalls.between);
        all.merge(&stalls.after);
        Self {
            small: all.below(bound),
            large_before: counts.before.at_least(bound),
            large_between: stalls.between.at_least(bound),
            large_after: stalls.after.at_least(bound),
        }
    }

    /// Large mails that passed since the first stall.
    fn large_since(&self) -> u32 {
        self.large_between.saturating_add(self.large_after)
    }
}

/// Grades stalls of mails at a stage where their size matters.
fn of_mails(flow: MailFlow, stalls: &StallCounts, view: &View) -> Option<Grade> {
    let in_body = stalls.at(StallStage::Body).max(stalls.at(StallStage::EndOfData)).max(stalls.at(StallStage::Data));
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
        // Who hangs up after a long wait has timed out, or has had enough for a reason of its own.
        () if stalls.at(StallStage::LostInBody) == stalls.mails => Some(Grade::Possible),
        // The stage of the time-out is not known.
        () if has_contrast => Some(Grade::Likely).filter(|_| flow == MailFlow::Outgoing).or(Some(Grade::Possible)),
        () if stalls.at(StallStage::LostInBody) > 0 => Some(Grade::Possible),
        // A client may keep a session open without sending anything.
        () => (flow == MailFlow::Outgoing).then_some(Grade::Possible),
    }
}

/// Whether large mail passes as a rule: at least as many large mails passed between the stalls as stalled, or there were only one
/// or two stalls and more large mails passed around them.
fn is_accident(stalls: &StallCounts, view: &View) -> bool {
    let around = view.large_since().saturating_add(view.large_before);
    let is_rare = stalls.mails <= 2 && view.large_since() > 0 && around > stalls.mails;
    view.large_between >= stalls.mails || is_rare
}

/// Grades stalls of handshakes, and of commands with many recipients.
fn of_others(flow: MailFlow, stalls: &StallCounts, view: &View) -> Option<Grade> {
    let needed = if flow == MailFlow::Incoming { HANDSHAKES_OF_A_CLIENT } else { 1 };
    let handshakes = stalls.at(StallStage::TlsHandshake);
    let recipients = stalls.at(StallStage::ManyRecipients);
    let passed_since = view.large_since();
    let is_evidence = handshakes >= needed || recipients > 0;
    (is_evidence && passed_since < handshakes.saturating_add(recipients)).then_some(Grade::Possible)
}

fn reasons(stalls: &StallCounts, view: &View) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = StallCounts::STAGES
        .into_iter()
        .map(|stage| (stage, stalls.at(stage)))
        .filter(|(_, mails)| *mails > 0)
        .map(|(stage, mails)| Reason::Stalled { stage, mails })
        .collect();
    if stalls.large.count > 0 {
        let SizeRange { count, smallest, largest } = stalls.large;
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
