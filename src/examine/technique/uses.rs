//! What carries the probes of a technique.

use super::super::packet_kind::PacketKind;

/// What carries a technique's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    /// The connection: bytes that are old to the peer.
    Connection,
    /// The conversation on it: bytes that are new to the peer, in order.
    Conversation,
    /// SYNs from ports of their own.
    Syns,
    /// ICMP echo.
    Icmp,
}

impl Uses {
    /// Whether the probes are segments of the connection.
    pub(crate) fn is_over_connection(self) -> bool {
        matches!(self, Self::Connection | Self::Conversation)
    }

    /// What its probes are.
    pub(crate) fn packets(self) -> PacketKind {
        match self {
            Self::Connection | Self::Conversation => PacketKind::Segment,
            Self::Syns => PacketKind::Syn,
            Self::Icmp => PacketKind::Echo,
        }
    }
}
