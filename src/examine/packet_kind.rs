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
