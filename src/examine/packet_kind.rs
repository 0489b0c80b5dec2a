//! Kinds of packets that a message may be about. A kernel tells its TCP nothing that quotes another port or an echo request.

/// What a probe is, as a kernel looks it up that hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketKind {
    /// A segment of the connection.
    Segment,
    /// A SYN from another port.
    Syn,
    /// An ICMP echo request.
    Echo,
}

impl PacketKind {
    /// Whether a message about a packet of the other kind counts for these. One about a segment of the connection does for SYNs: mail
    /// consists of segments, and SYNs stand in for them.
    pub(crate) fn is_told_by(self, other: Self) -> bool {
        self == other || (self, other) == (Self::Syn, Self::Segment)
    }
}
