//! What a second technique says about a pair that another one has proven.

use super::super::fisher::SIGNIFICANCE;
use super::super::search::{Proof, Search};
use super::super::technique::Uses;

/// The opinion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Second {
    /// The same pair, with this p.
    Agrees(f64),
    /// The lost size passes with this technique.
    Refutes,
    /// It gives no answers, or not enough.
    Mute,
    /// It proves another pair, with this p.
    Differs(Proof),
}

/// Largest p at which a second technique, its probes used up, still counts as agreeing.
const SECOND_SIGNIFICANCE: f64 = 0.05;

/// `None` while the technique has not finished.
pub(crate) fn opinion(search: &Search, uses: Uses, is_usable: bool, proof: Proof) -> Option<Second> {
    if !is_usable {
        return Some(Second::Mute);
    }
    if !search.has_started() {
        // Echo is asked only if small requests were answered, the conversation only where echo does not agree; SYNs only if needed.
        return (uses != Uses::Syns).then_some(Second::Mute);
    }
    let passes = search.log().largest_answered().filter(|_| search.is_idle())?;
    if passes >= proof.suspect && (passes >= search.max() || uses == Uses::Icmp) {
        return Some(Second::Refutes);
    }
    let found = search.proof()?;
    match found.p <= SIGNIFICANCE {
        true if found.pair.passes == proof.pair.passes => Some(Second::Agrees(found.p)),
        true => Some(Second::Differs(found)),
        // As a second witness, less will do: the first one's statistics stand on their own.
        false if !search.is_exhausted() => None,
        false if found.p <= SECOND_SIGNIFICANCE && found.pair.passes == proof.pair.passes => {
            Some(Second::Agrees(found.p))
        }
        false => Some(Second::Mute),
    }
}
