//! What a run tells the outside world while it goes on.

use crate::model::{Examined, PacketSize, Sighting};

/// Where a run stands, for a progress line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Addresses with a verdict.
    pub judged: usize,
    /// Addresses in all.
    pub addresses: usize,
    /// The first address without a verdict, as an index into the jobs.
    pub current: Option<usize>,
    /// The sizes still in question there.
    pub bracket: Option<(PacketSize, PacketSize)>,
    /// Probes sent so far.
    pub probes: u64,
}

/// What the outside world does with a run.
pub trait Observer {
    /// Called for each packet that concerns an examination, right after it was sent or handled.
    fn sighted(&mut self, sighting: &Sighting<'_>) {
        let _ = sighting;
    }

    /// Called a few times a second.
    fn progress(&mut self, standing: &Standing);
    /// Called once, when the last verdict stands; the connections are closed after that.
    fn judged(&mut self, examined: Vec<Examined>);
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every address has the verdict that its evidence gives.
    Complete,
    /// The user interrupted.
    Interrupted,
}
