//! What a run is to do, and within which limits.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::model::Plan;

/// One address to examine.
#[derive(Clone, Debug)]
pub struct Job {
    /// A number that no other job of the run has.
    pub id: usize,
    /// What to do.
    pub plan: Plan,
    /// Interface index of a link-local destination, else 0.
    pub scope_id: u32,
    /// The interface that the user names for what is sent.
    pub interface: Option<String>,
}

/// Limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Packets per second over all addresses; `None`: no limit.
    pub rate: Option<NonZeroU32>,
    /// Examinations at the same time.
    pub concurrency: usize,
    /// When verdicts are due.
    pub patience: Patience,
}

/// When verdicts are due.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// All of them at this instant.
    Until(Instant),
    /// Each so long after its examination began.
    Each(Duration),
}
