//! One address's examination as a deterministic state machine: no sockets, no tokio, no clock.

use crate::model::{Action, Event, Examined, Plan, Timestamp};

/// The examination of one address. The same inputs give the same probes.
pub struct Examination {}

impl Examination {
    /// Starts an examination.
    pub fn new(_plan: Plan, _now: Timestamp) -> Self {
        todo!()
    }

    /// What to do now. Call again after every `Send`, at the instant of `WaitUntil`, and after every event.
    pub fn poll(&mut self, _now: Timestamp) -> Action {
        todo!()
    }

    /// Takes in what the driver saw.
    pub fn handle(&mut self, _event: &Event, _now: Timestamp) {
        todo!()
    }

    /// Ends the probing: concludes from what is known and closes the connections.
    pub fn interrupt(&mut self, _now: Timestamp) {
        todo!()
    }

    /// The findings, as soon as the verdict stands. Closing the connections may still go on until `poll` says `Done`.
    pub fn examined(&self) -> Option<&Examined> {
        todo!()
    }
}
