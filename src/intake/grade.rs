//! Turns counts into a grade: the table of `docs/logs.md` in code, without state or time.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{
    Grade, MailFlow, PassedWhen, Reason, StallStage, is_container_gateway, is_global, is_of_container_network,
};

use super::counts::{PassedMails, PeerCounts, SEVERAL, SizeRange, StallCounts};

/// One stalled handshake is not enough, because scanners leave some unfinished.
const HANDSHAKES_OF_A_CLIENT: u32 = 2;
/// So few stalls may be those of the largest mails alone.
const FEW: u32 = 2;
/// Where mail servers listen (RFC 5321, 6409, 8314), and two that stand in for them.
const PORTS_OF_MAIL: [u16; 5] = [25, 465, 587, 2525, 1025];

/// Grades the evidence against a peer. `None`: there is no evidence, or it points to another reason.
pub(super) fn grade(flow: MailFlow, address: Option<IpAddr>, counts: &PeerCounts) -> Option<(Grade, Vec<Reason>)> {
    let stalls = counts.stalls.as_deref()?;
    let hides_the_sender = flow == MailFlow::Incoming && address.is_some_and(is_container_gateway);
    // What passes is then another client's, as far as the log tells.
    let view = if hides_the_sender { View::default() } else { View::new(counts, stalls) };
    let grade = if stalls.mails > 0 { of_mails(flow, stalls, &view) } else { of_others(flow, stalls, &view) }?;
    // Of a gateway that hides the sender, more is said.
    let private = address.filter(|_| !hides_the_sender).and_then(|address| private(flow, address, stalls.port));
    let is_filter = matches!(private, Some(Reason::PrivateAddress { filter_port: Some(_), .. }));
    let grade = if is_filter || hides_the_sender { Grade::Possible } else { grade };
    Some((grade, reasons(stalls, &view).into_iter().chain(private).collect()))
}

/// The mails that passed, in comparison with those that stalled.
#[derive(Default)]
struct View {
    /// Smaller than any that stalled, and than several packets.
    small: SizeRange,
    /// Of several packets, or no smaller than the smallest that stalled.
    several_before: SizeRange,
    several_between: u32,
    several_since: SizeRange,
    /// No smaller than the smallest that stalled.
    as_large_before: u32,
    as_large_between: u32,
    as_large_since: u32,
}

impl View {
    fn new(counts: &PeerCounts, stalls: &StallCounts) -> Self {
        let smallest = if stalls.large.count > 0 { stalls.large.smallest } else { SEVERAL };
        let bound = smallest.min(SEVERAL);
        let mut since: PassedMails = stalls.between;
        since.merge(&stalls.after);
        let mut all = counts.before;
        all.merge(&since);
        Self {
            small: all.below(bound),
            several_before: counts.before.at_least(bound),
            several_between: stalls.between.at_least(bound).count,
            several_since: since.at_least(bound),
            as_large_before: counts.before.at_least(smallest).count,
            as_large_between: stalls.between.at_least(smallest).count,
            as_large_since: since.at_least(smallest).count,
        }
    }

    /// A hole makes no difference between mails of several packets and larger ones, but scanners and slow lines do.
    fn contradiction(&self, stalls: &StallCounts) -> Option<Reason> {
        let (passed, when) = match () {
            () if self.several_between > 0 => (self.several_since, PassedWhen::Between),
            () if self.several_since.count > 0 => (self.several_since, PassedWhen::After),
            // What passed may be from before the hole. A few stalls of nothing but larger mail tell otherwise.
            () if stalls.mails <= FEW
                && stalls.large.count == stalls.mails
                && (1..stalls.large.smallest).contains(&self.several_before.largest) =>
            {
                (self.several_before, PassedWhen::Before)
            }
            () => return None,
        };
        let SizeRange { count, smallest, largest } = passed;
        Some(Reason::LargePassed { mails: count, smallest, largest, when })
    }
}

/// Where a mail server is not on the Internet.
fn private(flow: MailFlow, address: IpAddr, port: Option<u16>) -> Option<Reason> {
    if is_global(address) {
        return None;
    }
    let filter_port = port.filter(|port| flow == MailFlow::Outgoing && !PORTS_OF_MAIL.contains(port));
    Some(Reason::PrivateAddress { container: is_of_container_network(address), filter_port })
}

/// Grades stalls of mails at a stage where their size matters.
fn of_mails(flow: MailFlow, stalls: &StallCounts, view: &View) -> Option<Grade> {
    let in_body = stalls.at(StallStage::Body).max(stalls.at(StallStage::EndOfData)).max(stalls.at(StallStage::Data));
    let small_are_as_bad = stalls.small > 0 && stalls.small >= stalls.mails - stalls.small.min(stalls.mails);
    if small_are_as_bad || is_accident(stalls, view) {
        return None;
    }
    let contradicted = stalls.small > 0 || view.contradiction(stalls).is_some();
    let has_contrast = view.small.count > 0;
    match () {
        () if contradicted => Some(Grade::Possible),
        () if in_body > 0 && has_contrast => Some(Grade::Classic),
        () if in_body > 0 => Some(Grade::Likely),
        // Who hangs up after a long wait, or says that it timed out, has waited for us, or has had enough for a reason of its own.
        () if stalls.at(StallStage::LostInBody).saturating_add(stalls.at(StallStage::GaveUp)) >= stalls.mails => {
            Some(Grade::Possible)
        }
        // The stage of the time-out is not known.
        () if has_contrast => Some(Grade::Likely).filter(|_| flow == MailFlow::Outgoing).or(Some(Grade::Possible)),
        () if stalls.at(StallStage::LostInBody) > 0 => Some(Grade::Possible),
        // A client may keep a session open without sending anything.
        () => (flow == MailFlow::Outgoing).then_some(Grade::Possible),
    }
}

/// Whether mail as large passes as a rule: at least as many such mails passed between the stalls as stalled, or there were only one
/// or two stalls and more such mails passed around them.
fn is_accident(stalls: &StallCounts, view: &View) -> bool {
    let around = view.as_large_since.saturating_add(view.as_large_before);
    let is_rare = stalls.mails <= FEW && view.as_large_since > 0 && around > stalls.mails;
    view.as_large_between >= stalls.mails || is_rare
}

/// Grades stalls of handshakes, and of commands with many recipients.
fn of_others(flow: MailFlow, stalls: &StallCounts, view: &View) -> Option<Grade> {
    let needed = if flow == MailFlow::Incoming { HANDSHAKES_OF_A_CLIENT } else { 1 };
    let handshakes = stalls.at(StallStage::TlsHandshake);
    let recipients = stalls.at(StallStage::ManyRecipients);
    let passed_since = view.several_since.count;
    // A mail whose handshake failed may pass without TLS right after it, which tells nothing of the way back.
    let is_evidence = handshakes >= needed || recipients > 0;
    (is_evidence && passed_since <= handshakes.saturating_add(recipients)).then_some(Grade::Possible)
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
    reasons.extend(view.contradiction(stalls));
    reasons
}
