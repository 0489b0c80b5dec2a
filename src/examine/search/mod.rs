//! One technique's search: which sizes it probes next, what became of each probe, and how far that proves anything.

mod log;
mod probe;
mod sizes;
mod state;

pub(super) use log::ProbeLog;
pub(super) use probe::{Outcome, ProbeKey, ProbeKind, QueuedProbe, SentProbe};
pub(super) use sizes::Pair;
pub(super) use state::{Progress, Proof, Search, Situation, Testimony};
