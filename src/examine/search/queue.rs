//! The probes of one technique that wait to leave, in the order of queueing.

use std::collections::VecDeque;

use crate::model::{PacketSize, Timestamp};

use super::probe::QueuedProbe;

/// The queue.
#[derive(Clone, Debug, Default)]
pub(super) struct ProbeQueue {
    probes: VecDeque<QueuedProbe>,
    rests_until: Timestamp,
}

impl ProbeQueue {
    pub(super) fn push(&mut self, probe: QueuedProbe) {
        self.probes.push_back(probe);
    }

    pub(super) fn push_first(&mut self, probe: QueuedProbe) {
        self.probes.push_front(probe);
    }

    pub(super) fn clear(&mut self) {
        self.probes.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.probes.is_empty()
    }

    pub(super) fn has(&self, size: PacketSize) -> bool {
        self.probes.iter().any(|probe| probe.size == size)
    }

    /// Lets no probe leave before an instant.
    pub(super) fn rest_until(&mut self, instant: Timestamp) {
        self.rests_until = self.rests_until.max(instant);
    }

    /// The next probe, with the instant from which on it may leave.
    pub(super) fn next(&self) -> Option<QueuedProbe> {
        let probe = *self.probes.front()?;
        Some(QueuedProbe { not_before: probe.not_before.max(self.rests_until), ..probe })
    }

    /// Takes the next probe if its time has come.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<QueuedProbe> {
        self.next().filter(|probe| probe.not_before <= now)?;
        self.probes.pop_front()
    }
}
