//! From what arrived to a verdict on the way back, with its reason. Evidence in, verdict out: no state, no time.

use std::time::Duration;

use crate::model::{Finding, PacketSize, Reverse, ReverseReason, ReverseVerdict, SlowStep, Unwillingness};

use super::arrivals::{ArrivalLog, ResentSmaller};
use super::chance::Chance;
use super::evidence::{FetchEvidence, InterruptedFetch, ReverseEvidence, WatchEnd};
use super::fetch_list::{LOSSY_PATIENCE, TRIAL_PATIENCE};
use super::small_segments::SmallSegments;

/// The verdict on the way back, and what else was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReverseJudgement {
    found: Reverse,
    findings: Vec<Finding>,
}

impl ReverseJudgement {
    pub(super) fn found(&self) -> &Reverse {
        &self.found
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// Missing bytes came in smaller packets: what made the server lower them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lowering {
    /// A PTB told it.
    Told,
    /// Nothing, for all that is known: it may never have sent larger ones, and what came again was lost by chance.
    Usual,
    /// It searched for a size in the dark.
    Recovery,
    /// One or the other: too many packets are lost to say.
    Unclear,
}

/// A server that answers less often than this while its large packets stay away may have ended.
const LEAST_ANSWERS: u32 = 3;

/// The decision table.
pub(super) fn judge(evidence: &ReverseEvidence<'_>) -> ReverseJudgement {
    let first = &evidence.first;
    let found = match &evidence.end {
        // Whether it is silent or unheard cannot be told.
        WatchEnd::Unavailable(Unwillingness::FellSilent) if first.is_lossy && !first.arrivals.has_full() => {
            doubtful(ReverseReason::TooLossy, first.arrivals.largest())
        }
        WatchEnd::TooLossy => doubtful(ReverseReason::TooLossy, first.arrivals.largest()),
        WatchEnd::Unavailable(why) => unavailable(why.clone(), first.arrivals),
        WatchEnd::TooSlow { awaits_greeting, after } => too_slow(*awaits_greeting, *after),
        // What came smaller only after our own PTB shows obedience, and no way out of the hole.
        WatchEnd::Complete | WatchEnd::StillMissing if evidence.told.is_some() => missing(evidence),
        WatchEnd::Complete => seen(evidence).unwrap_or_else(|| all_arrived(first)),
        // It is recovering, only slowly.
        WatchEnd::StillMissing => {
            seen(evidence).or_else(|| recovered_beside(evidence)).unwrap_or_else(|| missing(evidence))
        }
        WatchEnd::Interrupted(fetch) => seen(evidence).unwrap_or_else(|| interrupted(*fetch, evidence)),
    };
    let watched_briefly = match evidence.end {
        WatchEnd::Interrupted(_) if found.verdict == ReverseVerdict::BlackHole => {
            Some(Finding::RecoveryWatchedBriefly { watched: first.watched })
        }
        _ => None,
    };
    let without_df = evidence.is_without_df.then_some(Finding::PeerWithoutDf);
    ReverseJudgement {
        found,
        findings: watched_briefly.into_iter().chain(obedience(evidence)).chain(without_df).collect(),
    }
}

/// What made the server send missing bytes again in smaller packets, where it did and no full one arrived.
pub(super) fn lowering(fetch: &FetchEvidence<'_>) -> Option<Lowering> {
    resent_smaller(fetch).map(|resent| why_lowered(fetch, resent))
}

/// Whether it is known why packets are as large as they are, where all has arrived.
pub(super) fn is_settled(fetch: &FetchEvidence<'_>) -> bool {
    match lowering(fetch) {
        Some(why) => matches!(why, Lowering::Told | Lowering::Usual),
        // Loss may have hidden the large packets that the server sent before it searched.
        None => !(fetch.is_lossy && fetch.arrivals.keeps_to_searched()),
    }
}

fn resent_smaller(fetch: &FetchEvidence<'_>) -> Option<ResentSmaller> {
    fetch.arrivals.resent().filter(|_| !fetch.arrivals.has_full())
}

fn why_lowered(fetch: &FetchEvidence<'_>, resent: ResentSmaller) -> Lowering {
    let after = fetch.lowered_after.unwrap_or_default();
    // What a server tries in the dark is hardly ever the size of the path to the byte.
    let is_exact = fetch.exact_by_echo == Some(resent.size());
    let is_told = is_exact || resent.is_told(after, fetch.round_trip);
    if is_told && fetch.is_lossy && !resent.is_certain() {
        if resent.is_searched() { Lowering::Unclear } else { Lowering::Usual }
    } else if is_told {
        Lowering::Told
    } else if fetch.is_lossy && !resent.is_searched() {
        Lowering::Unclear
    } else {
        Lowering::Recovery
    }
}

/// What the packets that arrived say on the first connection, or on one like it. `None`: no more than that they arrived.
fn seen(evidence: &ReverseEvidence<'_>) -> Option<Reverse> {
    let (first, again) = (&evidence.first, evidence.again.as_ref());
    if let Some(fetch) = [Some(first), again].into_iter().flatten().find(|fetch| is_refuted(fetch.arrivals)) {
        return Some(complete(fetch.arrivals));
    }
    let says = |fetch| lowered(fetch, evidence).unwrap_or_else(|| all_arrived(fetch));
    let is_open = evidence.end != WatchEnd::Complete && lowering(first).is_none();
    match again {
        _ if !is_open && is_settled(first) => lowered(first, evidence),
        Some(again) if is_settled(again) => Some(says(again)),
        Some(again) if is_open => Some(lowered(again, evidence).unwrap_or_else(|| unclear(again))),
        None if is_open => None,
        _ => Some(lowered(first, evidence).unwrap_or_else(|| unclear(first))),
    }
}

/// Whether what arrived refutes a hole: it is as large as anything that the server sends, or the path cuts what is too large.
fn is_refuted(arrivals: &ArrivalLog) -> bool {
    arrivals.has_full() || arrivals.in_fragments()
}

/// Missing bytes came in smaller packets.
fn lowered(fetch: &FetchEvidence<'_>, evidence: &ReverseEvidence<'_>) -> Option<Reverse> {
    let resent = resent_smaller(fetch)?;
    let after = fetch.lowered_after.unwrap_or_default();
    let largest = fetch.arrivals.largest();
    Some(match why_lowered(fetch, resent) {
        Lowering::Usual => complete(fetch.arrivals),
        Lowering::Told => reverse(ReverseVerdict::Discoverable, largest.max(Some(resent.size())), None),
        Lowering::Unclear => doubtful(ReverseReason::LoweredAfter { after }, largest),
        Lowering::Recovery => recovers(after, evidence),
    })
}

/// The server keeps to a size that it may have searched for.
fn unclear(fetch: &FetchEvidence<'_>) -> Reverse {
    doubtful(ReverseReason::LoweredAfter { after: fetch.watched }, fetch.arrivals.largest())
}

/// The server recovered on a connection beside the first: on that one, chance has taken what it tried.
fn recovered_beside(evidence: &ReverseEvidence<'_>) -> Option<Reverse> {
    evidence.recovered_beside.map(|after| recovers(after, evidence))
}

fn recovers(after: Duration, evidence: &ReverseEvidence<'_>) -> Reverse {
    let passes = evidence.passes.max(evidence.first.arrivals.largest());
    // A server may go over to smaller packets although the large ones were lost by chance.
    if evidence.by_chance == Chance::MayBeAll {
        return doubtful(ReverseReason::MayBeChance, passes);
    }
    Reverse {
        first_lost_size: lost_above(passes, evidence.lost),
        recovered_after: Some(after),
        ..reverse(ReverseVerdict::Recovers, passes, None)
    }
}

/// The same, where loss may have hidden what the server sent first: a reply that would fill a packet came in smaller ones, and not in
/// equal ones.
fn all_arrived(fetch: &FetchEvidence<'_>) -> Reverse {
    let found = complete(fetch.arrivals);
    let would_fill = fetch.arrivals.longest_reply() > fetch.arrivals.full();
    if found.verdict == ReverseVerdict::Untested && fetch.is_lossy && would_fill {
        doubtful(ReverseReason::TooLossy, found.path_mtu)
    } else {
        found
    }
}

/// All that the first connection fetched has arrived.
fn complete(arrivals: &ArrivalLog) -> Reverse {
    let largest = arrivals.largest();
    if arrivals.in_fragments() {
        return reverse(ReverseVerdict::Clear, largest, Some(ReverseReason::InFragments));
    }
    if arrivals.has_full() {
        return reverse(ReverseVerdict::Clear, largest, None);
    }
    if arrivals.keeps_below() {
        return reverse(ReverseVerdict::Clear, largest, Some(ReverseReason::KeepsBelow { largest }));
    }
    let why = ReverseReason::RepliesTooShort { longest: arrivals.longest_reply() };
    reverse(ReverseVerdict::Untested, largest, Some(why))
}

/// Nothing more can be fetched from the server.
fn unavailable(why: Unwillingness, arrivals: &ArrivalLog) -> Reverse {
    if arrivals.has_full() {
        return complete(arrivals);
    }
    reverse(ReverseVerdict::Untested, arrivals.largest(), Some(ReverseReason::Unwilling(why)))
}

/// Large packets never came. That is a hole if small ones did, on another connection and as answers on this one.
fn missing(evidence: &ReverseEvidence<'_>) -> Reverse {
    let doubt = match evidence.small_segments {
        SmallSegments::Pass if evidence.lost.is_none() => ReverseReason::SmallOnesLost,
        SmallSegments::Pass if evidence.first.answers_while_stalled < LEAST_ANSWERS => silent(&evidence.first),
        SmallSegments::Pass => match evidence.by_chance {
            Chance::Excluded => return hole(evidence),
            Chance::MayBeAll => ReverseReason::MayBeChance,
            Chance::MayHideSearch => ReverseReason::MayRecover { watched: evidence.first.watched },
        },
        // Whether it is silent or unheard cannot be told.
        SmallSegments::ShowNothing(ReverseReason::Unwilling(Unwillingness::FellSilent)) if evidence.first.is_lossy => {
            ReverseReason::TooLossy
        }
        SmallSegments::ShowNothing(why) => why.clone(),
        SmallSegments::NotTried | SmallSegments::Awaited => ReverseReason::NoControl,
    };
    doubtful(doubt, evidence.passes)
}

/// Why so few answers came.
fn silent(first: &FetchEvidence<'_>) -> ReverseReason {
    if first.is_lossy { ReverseReason::TooLossy } else { ReverseReason::FellSilent }
}

fn hole(evidence: &ReverseEvidence<'_>) -> Reverse {
    let why = ReverseReason::Missing { watched: evidence.first.watched, answers: evidence.first.answers_while_stalled };
    let found = reverse(ReverseVerdict::BlackHole, evidence.passes, Some(why));
    Reverse { first_lost_size: lost_above(evidence.passes, evidence.lost), ..found }
}

fn lost_above(passes: Option<PacketSize>, lost: Option<PacketSize>) -> Option<PacketSize> {
    lost.filter(|&lost| passes.is_none_or(|passes| lost > passes))
}

fn too_slow(awaits_greeting: bool, after: Duration) -> Reverse {
    let step = if awaits_greeting { SlowStep::Greeting } else { SlowStep::Reply };
    Reverse::untested(ReverseReason::Slow { step, within: after })
}

/// A hole is proven by the time that a size takes to count as lost. What more time is for is to see whether the server recovers.
fn interrupted(fetch: InterruptedFetch, evidence: &ReverseEvidence<'_>) -> Reverse {
    let arrivals = evidence.first.arrivals;
    let needed = if evidence.first.is_lossy { LOSSY_PATIENCE } else { TRIAL_PATIENCE };
    match fetch {
        InterruptedFetch::Complete => complete(arrivals),
        InterruptedFetch::Stalled(age) if age >= needed && missing(evidence).verdict == ReverseVerdict::BlackHole => {
            missing(evidence)
        }
        InterruptedFetch::Stalled(age) => {
            doubtful(ReverseReason::RunEndedWhileMissing { missing_for: age }, arrivals.largest())
        }
        InterruptedFetch::Waiting => Reverse::untested(ReverseReason::RunEndedEarly),
    }
}

/// Whether the server obeys PTBs, where it was told some and had its time.
fn obedience(evidence: &ReverseEvidence<'_>) -> Option<Finding> {
    let (told, is_obeyed) = match (&evidence.end, evidence.told) {
        (WatchEnd::Complete, Some(told)) => (told, true),
        (WatchEnd::StillMissing, Some(told)) => (told, false),
        (WatchEnd::Complete, None) => evidence.ptb_test?,
        _ => return None,
    };
    Some(if is_obeyed { Finding::PeerObeysPtb { told } } else { Finding::PeerIgnoresPtb { told } })
}

/// The evidence is too thin.
fn doubtful(why: ReverseReason, largest: Option<PacketSize>) -> Reverse {
    reverse(ReverseVerdict::Inconclusive, largest, Some(why))
}

fn reverse(verdict: ReverseVerdict, path_mtu: Option<PacketSize>, reason: Option<ReverseReason>) -> Reverse {
    Reverse { verdict, path_mtu, first_lost_size: None, reason, recovered_after: None, elapsed: None }
}

#[cfg(test)]
mod tests;
