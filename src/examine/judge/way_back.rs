//! What the way back adds to the findings of the way there.

use crate::model::{
    AskedBy, Examined, Finding, Ground, PacketSize, Reverse, ReverseReason, ReverseVerdict, Service, Verdict,
};

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

/// Where a small MSS leaves this host, larger packets of the server are not to be had.
fn asked_for_less(record: &Record, found: Reverse) -> Reverse {
    let plan = &record.plan;
    let size_of = |mss| PacketSize::from_mss(mss, plan.family());
    let (announced, at_first_hop) = (size_of(plan.announced_mss()), record.first_hop_mss.map(size_of));
    let less = match at_first_hop.filter(|there| *there < announced) {
        Some(size) => Some((size, AskedBy::FirstHop)),
        None => (announced < plan.local_mtu).then_some((announced, AskedBy::Route)),
    };
    let is_clear = found.verdict == ReverseVerdict::Clear;
    let is_open = matches!(found.reason, None | Some(ReverseReason::KeepsBelow { .. }));
    let kept_to = less.filter(|(size, _)| is_clear && is_open && found.path_mtu.is_none_or(|largest| largest <= *size));
    match kept_to {
        Some((size, by)) => Reverse { reason: Some(ReverseReason::AskedForLess { size, by }), ..found },
        None => found,
    }
}

/// Asked for by itself, a way back to which no connection leads is no good news.
fn impossible(record: &Record, why: ReverseReason) -> Reverse {
    let is_bad = !record.plan.direction.is_forward() && record.plan.service != Service::Unknown;
    let verdict = if is_bad { ReverseVerdict::Inconclusive } else { ReverseVerdict::Untested };
    Reverse { verdict, ..Reverse::untested(why) }
}
