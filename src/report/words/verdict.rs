//! Verdicts by name, and how many of them there are.

use crate::model::{ReverseVerdict, Verdict};

/// What a verdict is called in a sentence.
pub(crate) fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::BlackHole => "black hole",
        Verdict::Recovers => "recovers after a stall",
        Verdict::Masked => "masked",
        Verdict::Unreachable => "unreachable",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Discoverable => "discoverable",
        Verdict::Clear => "clear",
    }
}

/// `600 black hole`, `3 masked`, `20 clear`: worst first, without verdicts that nobody has.
pub(crate) fn counted(count: impl Fn(Verdict) -> u64) -> impl Iterator<Item = String> {
    let counts = Verdict::WORST_FIRST.map(|verdict| (count(verdict), verdict));
    counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, verdict)| format!("{count} {}", verdict_name(verdict)))
}

/// The same for the other direction.
pub(crate) fn reverse_counted(count: impl Fn(ReverseVerdict) -> u64) -> impl Iterator<Item = String> {
    let counts = ReverseVerdict::WORST_FIRST.map(|verdict| (count(verdict), verdict));
    counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, verdict)| format!("{count} {} in the other direction", reverse_name(verdict)))
}

fn reverse_name(verdict: ReverseVerdict) -> &'static str {
    match verdict {
        ReverseVerdict::BlackHole => "with a black hole",
        ReverseVerdict::Recovers => "with a stall",
        ReverseVerdict::Inconclusive => "inconclusive",
        ReverseVerdict::Discoverable => "discoverable",
        ReverseVerdict::Clear => "clear",
        ReverseVerdict::Untested => "untested",
    }
}
