//! How far a search has come, and what that rests on.

use crate::model::{PacketSize, Plan};

use super::super::fisher::Trials;
use super::super::packet_kind::PacketKind;
use super::super::ptb_log::PtbLog;
use super::sizes::Pair;

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Probes are queued, or their outcome is open.
    Busy,
    /// The largest size passes.
    Full,
    /// The path is smaller, and the PTBs that reach the kernel lead to a size that passes.
    Discoverable(Pair),
    /// Larger sizes vanish: proven.
    Proven(Proof),
    /// Larger sizes seem to vanish, but small ones are lost too often to prove it.
    Noisy(Proof),
    /// Nothing is answered.
    Nothing,
}

/// A pair and the statistics about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Proof {
    pub(crate) pair: Pair,
    /// The lost size that was confirmed: `pair.lost`, unless a PTB speaks of that one.
    pub(crate) suspect: PacketSize,
    pub(crate) p: f64,
}

/// How a pair of sizes fared with one technique, for another to count in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Testimony {
    pub(crate) passes: PacketSize,
    pub(crate) suspect: PacketSize,
    pub(crate) control: Trials,
    pub(crate) suspected: Trials,
}

/// What a search needs to know of the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) ptbs: &'a PtbLog,
    /// The packets that the verdict rests on: only PTBs about such ones lead a kernel further.
    pub(crate) about: PacketKind,
    /// Largest packet TCP would send, once the peer has told its MSS.
    pub(crate) tcp_limit: Option<PacketSize>,
    /// How the same two sizes fared with other techniques.
    pub(crate) elsewhere: &'a [Testimony],
}
