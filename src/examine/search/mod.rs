//! One technique's search: which sizes it probes next, what became of each probe, and how far that proves anything.

mod log;
mod probe;
mod progress;
mod queue;
mod scales;
mod sizes;
mod state;
mod two_sizes;

/// A path on which so many probes bring no verdict will not get one.
pub(super) const MOST_PROBES: u32 = 2000;

pub(super) use log::ProbeLog;
pub(super) use probe::{Outcome, ProbeKey, ProbeKind, QueuedProbe, SentProbe};
pub(super) use progress::{Progress, Proof, Situation, Testimony};
pub(super) use sizes::Pair;
pub(super) use state::Search;
