//! Answers to large packets that are neither "too big" nor an arrival: a filter that refuses them by their size.

use std::net::IpAddr;

use super::size::PacketSize;

/// What somebody answers to packets above a size, and to none below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejection {
    /// In whose name it came: that of the filter, or of the server that it guards.
    pub from: IpAddr,
    /// The answer.
    pub by: RejectedBy,
    /// The smallest packet that met it.
    pub smallest: PacketSize,
    /// How many came.
    pub count: u32,
}

/// How a packet was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectedBy {
    /// An ICMP "destination unreachable" of this code, which speaks of no size.
    Icmp(u8),
    /// A TCP reset.
    Reset,
}
