//! What a run reports while it goes on.

use crate::model::{Examined, PacketEvent, PacketSize};

/// How far a run has come, for a progress line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunProgress {
    /// Addresses with a verdict.
    pub judged: usize,
    /// Addresses admitted so far.
    pub addresses: usize,
    /// The number of a job without a verdict.
    pub current: Option<usize>,
    /// The sizes still in question there.
    pub bracket: Option<(PacketSize, PacketSize)>,
    /// Whether its way there is known, and the way back is examined.
    pub is_on_the_way_back: bool,
    /// Probes sent so far.
    pub probes: u64,
}

/// Takes the reports of a run.
pub trait Observer {
    /// Called for each packet that concerns an examination, right after it was sent or handled.
    fn on_packet(&mut self, event: &PacketEvent<'_>) {
        let _ = event;
    }

    /// Whether `progress` is wanted.
    fn wants_progress(&self) -> bool {
        true
    }
    /// Called a few times a second.
    fn progress(&mut self, progress: &RunProgress);
    /// Called when the findings on the way there stand while the way back is examined, and again if their verdict changes.
    fn way_there(&mut self, job: usize, there: &Examined) {
        let _ = (job, there);
    }
    /// Called for each job when its verdict stands; its connections are closed after that. Called again if a late PTB revises it.
    fn judged(&mut self, job: usize, examined: Examined);
    /// Whether a revision is of use after the connections are closed: nothing has been reported yet.
    fn awaits_revisions(&self) -> bool {
        false
    }
    /// Called once, when the last verdict stands and no job is to come.
    fn all_judged(&mut self) {}
    /// Called once if the user interrupts while verdicts are missing. Later verdicts rest on what was known then.
    fn interrupted(&mut self) {}
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every address has the verdict that its evidence gives.
    Complete,
    /// The user interrupted.
    Interrupted,
}
