//! Compares what a run found on the way back with what its scenario expects.

use pmtu_probe::model::{Examined, PacketSize, ReverseReason, ReverseVerdict as Found, Unwillingness};
use pmtu_probe::report::words::reverse_reason;

use super::check::Strictness;
use crate::scenario::{Outcome, Reverse, ReverseVerdict};

/// The expected verdict was not reached for want of evidence.
pub fn undecided(examined: &Examined, expected: &Outcome) -> Option<String> {
    let back = expected.reverse.as_ref()?;
    let found = verdict_of(examined.reverse.verdict);
    // Where packets are lost, the conversation may take longer than anybody waits for it.
    let is_open = found == ReverseVerdict::Inconclusive || (is_late(examined) && Some(found) != back.or);
    let is_undecided = is_open && back.verdict != found;
    is_undecided.then(|| format!("reverse inconclusive, not {}: {}", back.verdict.word(), reason(examined)))
}

/// A verdict or a size that is not true of the path.
pub fn wrong(examined: &Examined, expected: &Outcome, strictness: Strictness) -> Vec<String> {
    let Some(back) = &expected.reverse else { return Vec::new() };
    let found = verdict_of(examined.reverse.verdict);
    if found == ReverseVerdict::Inconclusive || (strictness == Strictness::Verdict && is_late(examined)) {
        return Vec::new();
    }
    let mut notes = Vec::new();
    if !is_true(found, back, strictness) {
        notes.push(format!("reverse {}, not {}: {}", found.word(), back.verdict.word(), reason(examined)));
    }
    let [size, lost] =
        [examined.reverse.path_mtu, examined.reverse.first_lost_size].map(|size| size.map(PacketSize::bytes));
    let bound = back.path_mtu.unwrap_or(0);
    if size.is_some_and(|size| size > bound) {
        notes.push(format!("reverse path_mtu {size:?}, but no packet of more than {bound} can arrive"));
    }
    if lost.is_some_and(|lost| lost <= bound) {
        notes.push(format!("reverse first_lost_size {lost:?}, but {bound} passes"));
    }
    notes
}

/// A size that is true, yet less than could be known.
pub fn vague(examined: &Examined, expected: &Outcome) -> Option<String> {
    let back = expected.reverse.as_ref()?;
    let size = examined.reverse.path_mtu.map(PacketSize::bytes);
    let says_nothing = matches!(back.verdict, ReverseVerdict::Untested | ReverseVerdict::Inconclusive);
    let is_enough = if back.at_most { size.is_some() || says_nothing } else { size == back.path_mtu };
    (!is_enough).then(|| format!("reverse path_mtu {size:?}, not {:?}: {}", back.path_mtu, reason(examined)))
}

/// The conversation did not get as far as the question: it was too slow, or its packets were lost for too long.
fn is_late(examined: &Examined) -> bool {
    let is_late = |why: &ReverseReason| {
        matches!(why, ReverseReason::Slow { .. } | ReverseReason::Unwilling(Unwillingness::FellSilent))
    };
    examined.reverse.verdict == Found::Untested && examined.reverse.reason.as_ref().is_some_and(is_late)
}

/// Where packets are lost by chance, the server may learn while nobody sees it, and then keeps within the path; a flight of which
/// only the short last packet arrives looks as if the server had learnt; and the few
/// small packets by which it recovers may be lost for as long as it is watched, which is what a black hole is said to be.
fn is_true(found: ReverseVerdict, back: &Reverse, strictness: Strictness) -> bool {
    let by_chance = matches!(
        (back.verdict, found),
        (ReverseVerdict::Discoverable, ReverseVerdict::Clear)
            | (ReverseVerdict::Clear, ReverseVerdict::Discoverable)
            | (ReverseVerdict::Recovers, ReverseVerdict::BlackHole)
    );
    found == back.verdict || Some(found) == back.or || (strictness == Strictness::Verdict && by_chance)
}

fn reason(examined: &Examined) -> String {
    examined.reverse.reason.as_ref().map_or_else(|| "no reason".into(), reverse_reason)
}

fn verdict_of(found: Found) -> ReverseVerdict {
    match found {
        Found::Clear => ReverseVerdict::Clear,
        Found::Discoverable => ReverseVerdict::Discoverable,
        Found::BlackHole => ReverseVerdict::BlackHole,
        Found::Recovers => ReverseVerdict::Recovers,
        Found::Untested => ReverseVerdict::Untested,
        Found::Inconclusive => ReverseVerdict::Inconclusive,
    }
}
