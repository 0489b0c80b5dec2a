//! What the question who answers has to know of the connection, and how much may be asked.

use std::time::Duration;

use super::super::session::{Session, TcpState};

/// What is known of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knowledge {
    pub(super) state: TcpState,
    /// Answers name the segment that they are about.
    pub(super) names: bool,
    /// SYNs with data are asked what passes.
    pub(super) needs_syns: bool,
    /// How often a probe may stay silent before loss no longer explains it.
    pub(super) silences: u32,
    pub(super) times: AnswerTimes,
    pub(super) asking: Asking,
}

/// How much may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Everything at once.
    Freely,
    /// As little as tells who answers the connection: the size in question is not known to be lost, so no SYN is a witness.
    /// `is_echo_awaited`: the target may still tell how far away it is.
    Sparingly { is_echo_awaited: bool },
}

/// The shortest time in which each kind of packet was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerTimes {
    /// The SYN.
    pub(crate) handshake: Option<Duration>,
    /// A segment on the connection.
    pub(crate) segment: Option<Duration>,
}

/// How many times sooner is far sooner.
const FAR_SOONER: u32 = 10;
/// And by how much at least.
const CLOCK_AND_QUEUES: Duration = Duration::from_millis(5);

impl Knowledge {
    /// `names`: answers on the connection name the segment that they are about. `needs_syns`: SYNs with data are witnesses.
    /// `silences`: how often a probe may stay silent before loss no longer explains it.
    pub(crate) fn of(session: &Session, names: bool, needs_syns: bool, silences: u32, times: AnswerTimes) -> Self {
        let names = names && session.state() == TcpState::Open;
        Self { state: session.state(), names, needs_syns, silences, times, asking: Asking::Freely }
    }

    /// The same, to be asked about so much.
    pub(crate) fn asked(self, asking: Asking) -> Self {
        Self { asking, ..self }
    }

    /// Whether a SYN to the first router may tell something: a box that refuses connections, or one that takes SYNs alone.
    pub(super) fn is_syn_of_use(&self) -> bool {
        match (self.asking, self.state) {
            (Asking::Freely, _) | (_, TcpState::Refused) => true,
            (Asking::Sparingly { .. }, TcpState::Connecting) => false,
            (Asking::Sparingly { .. }, _) => self.needs_syns || !self.names,
        }
    }
}

impl AnswerTimes {
    /// Whether segments were answered far sooner than the SYN.
    pub(super) fn are_odd(self) -> bool {
        self.handshake.is_some_and(|handshake| self.is_segment_sooner_than(handshake))
    }

    pub(super) fn is_segment_sooner_than(self, other: Duration) -> bool {
        self.segment.is_some_and(|segment| segment * FAR_SOONER <= other && other >= segment + CLOCK_AND_QUEUES)
    }
}
