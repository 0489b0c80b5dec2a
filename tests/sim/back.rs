//! Compares what a run found on the way back with what its scenario expects.

use pmtu_probe::model::{Examined, PacketSize, ReverseVerdict as Found};

use crate::scenario::{Outcome, ReverseVerdict};

/// The expected verdict was not reached for want of evidence.
pub fn undecided(examined: &Examined, expected: &Outcome) -> Option<String> {
    let back = expected.reverse.as_ref()?;
    let found = &examined.reverse;
    let is_undecided = found.verdict == Found::Inconclusive && back.verdict != ReverseVerdict::Inconclusive;
    is_undecided.then(|| format!("reverse inconclusive, not {}: {}", back.verdict.word(), reason(examined)))
}

/// A verdict or a size that is not true of the path.
pub fn wrong(examined: &Examined, expected: &Outcome) -> Vec<String> {
    let Some(back) = &expected.reverse else { return Vec::new() };
    let found = verdict_of(examined.reverse.verdict);
    let size = examined.reverse.path_mtu.map(PacketSize::bytes);
    if found != back.verdict {
        let doubt = found == ReverseVerdict::Inconclusive;
        let note = format!("reverse {}, not {}: {}", found.word(), back.verdict.word(), reason(examined));
        return if doubt { Vec::new() } else { vec![note] };
    }
    let unknown = matches!(found, ReverseVerdict::Untested | ReverseVerdict::Inconclusive);
    let is_right = match (size, back.path_mtu) {
        (Some(size), Some(bound)) if back.at_most => size <= bound,
        (None, Some(_)) if back.at_most => unknown,
        (size, exact) => size == exact,
    };
    let bound = if back.at_most { "at most " } else { "" };
    let note = || format!("reverse path_mtu {size:?}, not {bound}{:?}: {}", back.path_mtu, reason(examined));
    (!is_right).then(note).into_iter().collect()
}

fn reason(examined: &Examined) -> &str {
    examined.reverse.reason.as_deref().unwrap_or("no reason")
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
