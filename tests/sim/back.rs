//! Compares what a run found on the way back with what its scenario expects.

use pmtu_probe::model::{Examined, PacketSize, ReverseReason, ReverseVerdict as Found, Unwillingness};
use pmtu_probe::report::words::reverse_reason;

use super::check::Strictness;
use super::run::Run;
use crate::scenario::{Outcome, Port, Reverse, ReverseVerdict, Scenario, Window};

/// The expected verdict was not reached for want of evidence.
pub fn undecided(examined: &Examined, expected: &Outcome) -> Option<String> {
    let back = expected.reverse.as_ref()?;
    let found = verdict_of(examined.reverse.verdict);
    let is_open = found == ReverseVerdict::Inconclusive || (is_untested(examined) && Some(found) != back.or);
    let is_undecided = is_open && back.verdict != found;
    is_undecided.then(|| format!("reverse inconclusive, not {}: {}", back.verdict.word(), reason(examined)))
}

/// A verdict, a reason or a size that is not true of the path.
pub fn wrong(
    run: &Run,
    examined: &Examined,
    scenario: &Scenario,
    expected: &Outcome,
    strictness: Strictness,
) -> Vec<String> {
    let Some(back) = &expected.reverse else { return Vec::new() };
    let found = verdict_of(examined.reverse.verdict);
    let mut notes = Vec::new();
    notes.extend(untrue_reason(run, examined, scenario));
    let is_cut_short = strictness == Strictness::Verdict && is_untested(examined) && run.was_cut_short_on_both_ways();
    if found == ReverseVerdict::Inconclusive || is_cut_short {
        return notes;
    }
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

fn is_untested(examined: &Examined) -> bool {
    examined.reverse.verdict == Found::Untested
}

/// What is said of the server and is not true of it: that it is slow, silent or gone.
fn untrue_reason(run: &Run, examined: &Examined, scenario: &Scenario) -> Option<String> {
    let peer = &scenario.peer;
    let is_mute = !peer.alive || peer.port != Port::Open || peer.window == Window::Zero;
    let is_slow = is_mute || !peer.greeting || peer.bytes_per_second > 0 || peer.greeting_after_ms > 0;
    let is_true = match examined.reverse.reason.as_ref()? {
        ReverseReason::Slow { .. } => is_slow,
        ReverseReason::FellSilent | ReverseReason::Unwilling(Unwillingness::FellSilent) => is_mute,
        ReverseReason::RunEndedBefore | ReverseReason::RunEndedEarly | ReverseReason::RunEndedWhileMissing { .. } => {
            run.was_cut_short_on_both_ways()
        }
        _ => true,
    };
    (!is_true).then(|| format!("reverse {}: {}", verdict_of(examined.reverse.verdict).word(), reason(examined)))
}

/// Where packets are lost by chance, the server may learn while nobody sees it, and then keeps within the path.
fn is_true(found: ReverseVerdict, back: &Reverse, strictness: Strictness) -> bool {
    let by_chance = matches!((back.verdict, found), (ReverseVerdict::Discoverable, ReverseVerdict::Clear));
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
