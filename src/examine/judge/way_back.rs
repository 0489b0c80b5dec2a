//! What the way back adds to the findings of the way there.

use crate::model::{Examined, Finding, Ground, PacketSize, Reverse, ReverseReason, ReverseVerdict, Service, Verdict};

use super::record::{Record, WayBack};

/// Puts both ways together.
pub(super) fn add(record: &Record, examined: Examined) -> Examined {
    let mut examined = unless_not_asked(record, examined);
    match &record.way_back {
        WayBack::NotAskedFor => {}
        WayBack::Impossible(why) => examined.reverse = impossible(record, why.clone()),
        WayBack::NoTime => examined.reverse = Reverse::untested(ReverseReason::RunEndedBefore),
        WayBack::Examined(found, findings) => {
            if is_narrower(record, found) {
                // The reply is as large as the request: it died where large packets die on this way.
                examined.findings.retain(|finding| *finding != Finding::LargeEchoFiltered);
            }
            examined.reverse = asked_for_less(record, found.clone());
            examined.findings.extend(findings);
            if has_taught(&examined) {
                examined.findings.push(Finding::ServerWasTaught);
            }
        }
    }
    examined
}

/// Whether the way back carries less than this host's MTU, for a reason that takes echo replies as well.
fn is_narrower(record: &Record, found: &Reverse) -> bool {
    let is_cause =
        matches!(found.verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers | ReverseVerdict::Discoverable);
    is_cause && found.path_mtu.is_none_or(|size| size < record.plan.local_mtu)
}

/// Whether the run itself may have hidden a hole on the way there: the server has just learnt a path MTU, by PTBs about its
/// certificates or by one of ours, and Linux derives the MSS that it announces from that.
fn has_taught(examined: &Examined) -> bool {
    let has_learnt = examined.reverse.verdict == ReverseVerdict::Discoverable || examined.obeyed_ptb().is_some();
    examined.verdict == Verdict::BlackHole && has_learnt
}

/// The verdict on the way there where only the way back was asked for.
fn unless_not_asked(record: &Record, examined: Examined) -> Examined {
    if record.plan.direction.is_forward() || record.session.opened.is_none() {
        return examined;
    }
    Examined { verdict: Verdict::Inconclusive, reason: Ground::OnlyWayBackAsked.into(), ..examined }
}

/// Where the route of this host announces a small MSS, larger packets of the server are not to be had.
fn asked_for_less(record: &Record, found: Reverse) -> Reverse {
    let plan = &record.plan;
    let is_less = plan.announced_mss() < plan.local_mtu.to_mss(plan.family());
    let is_clear = found.verdict == ReverseVerdict::Clear && found.reason.is_none();
    let size = PacketSize::from_mss(plan.announced_mss(), plan.family());
    let reason = if is_less && is_clear { Some(ReverseReason::AskedForLess { size }) } else { found.reason };
    Reverse { reason, ..found }
}

/// Asked for by itself, a way back to which no connection leads is no good news.
fn impossible(record: &Record, why: ReverseReason) -> Reverse {
    let is_bad = !record.plan.direction.is_forward() && record.plan.service != Service::Unknown;
    let verdict = if is_bad { ReverseVerdict::Inconclusive } else { ReverseVerdict::Untested };
    Reverse { verdict, ..Reverse::untested(why) }
}
