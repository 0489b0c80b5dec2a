//! What the examination of another flow adds to that of the first.

use crate::model::{Examined, FlowOutcome, PacketSize, Verdict};

/// Another flow that was examined like the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VisitedFlow {
    pub(crate) port: u16,
    /// How its largest packets fare, and the largest size that passes.
    largest: FlowOutcome,
    passes: Option<PacketSize>,
}

impl VisitedFlow {
    /// One whose examination has begun.
    pub(crate) fn unknown(port: u16) -> Self {
        Self { port, largest: FlowOutcome::Unknown, passes: None }
    }

    /// Takes note of how it ended. Returns whether large packets vanish there.
    pub(crate) fn conclude(&mut self, examined: &Examined) -> bool {
        (self.largest, self.passes) = (outcome_of(examined.verdict), examined.path_mtu);
        self.largest == FlowOutcome::Lost
    }

    /// How packets of a size fare there.
    pub(super) fn outcome_at(self, size: PacketSize) -> FlowOutcome {
        if self.passes >= Some(size) { FlowOutcome::Passes } else { self.largest }
    }
}

/// How the largest packets of a flow fare, by its verdict.
pub(super) fn outcome_of(verdict: Verdict) -> FlowOutcome {
    match verdict {
        Verdict::Clear => FlowOutcome::Passes,
        Verdict::BlackHole | Verdict::Recovers | Verdict::Masked => FlowOutcome::Lost,
        Verdict::Discoverable => FlowOutcome::Refused,
        Verdict::Unreachable | Verdict::Inconclusive => FlowOutcome::Unknown,
    }
}
