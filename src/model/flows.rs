//! How the same sizes fare on several flows.

use super::size::PacketSize;

/// The same two sizes over several flows, which load balancers may send over different paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flows {
    /// The size that passes, and the one that is in question.
    pub sizes: (PacketSize, PacketSize),
    /// One entry per flow, the one of the verdict first.
    pub flows: Vec<Flow>,
}

/// One flow: its source port, and in IPv6 a flow label of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The source port.
    pub port: u16,
    /// How the size in question fared.
    pub outcome: FlowOutcome,
}

/// How the size in question fared on a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowOutcome {
    /// It was answered.
    Passes,
    /// It was lost, again and again, while smaller packets of the flow were answered.
    Lost,
    /// A router refused it by a PTB.
    Refused,
    /// Not even small packets of the flow were answered, or chance cannot be ruled out.
    Unknown,
}

impl Flows {
    /// Flows on which the size is lost.
    pub fn hit(&self) -> usize {
        self.flows.iter().filter(|flow| flow.outcome == FlowOutcome::Lost).count()
    }

    /// Flows that answered.
    pub fn known(&self) -> usize {
        self.flows.iter().filter(|flow| flow.outcome != FlowOutcome::Unknown).count()
    }
}
