//! What the sans-I/O core and its driver exchange.

use super::meaning::Meaning;
use super::own_tcp::OwnTcp;
use super::packet::Packet;
use super::size::PacketSize;
use super::time::Timestamp;

/// A packet to put on the wire, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The packet.
    pub packet: Packet,
    /// `Some(n)`: not as one packet but as fragments of at most `n` bytes each.
    pub fragments: Option<PacketSize>,
    /// What it is for.
    pub meaning: Meaning,
}

/// What an examination asks of its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // a box would be an allocation for each packet
pub enum Action {
    /// Send this now, then poll again.
    Send(Outgoing),
    /// Open an ordinary connection to the address by this host's own TCP, and tell what that says of it: [`Event::OwnTcp`]. Then
    /// poll again.
    AskOwnTcp,
    /// Nothing to send before this instant, unless an event comes first.
    WaitUntil(Timestamp),
    /// The examination is over and its connections are closed.
    Done,
}

/// What a driver tells an examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A packet arrived at the interface, before this host's firewall.
    Received(Packet),
    /// The same, of a packet that came in fragments.
    Reassembled {
        /// The whole packet, as its sender made it.
        packet: Packet,
        /// The size of the largest fragment on the wire.
        largest_fragment: PacketSize,
    },
    /// An ICMP message reached this host's kernel, behind its firewall.
    KernelSaw(Packet),
    /// The kernel refused to send a packet.
    SendRefused {
        /// The size of the refused packet.
        size: PacketSize,
        /// What it was for.
        meaning: Meaning,
        /// Why.
        refusal: Refusal,
    },
    /// What this host's own TCP said; `None`: it could not be asked.
    OwnTcp(Option<OwnTcp>),
    /// This host dropped packets that had arrived, for want of room. They may have been answers.
    CaptureOverrun,
}

/// Why a kernel refuses to send a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Larger than the interface takes (`EMSGSIZE`).
    TooBig,
    /// A local firewall rule forbids it (`EPERM`).
    Forbidden,
    /// No route, or the neighbour does not answer (`ENETUNREACH`, `EHOSTUNREACH`).
    NoRoute,
    /// Buffers are full (`ENOBUFS`, `EAGAIN`): the packet was not sent, as if lost.
    Busy,
    /// The interface is down or gone (`ENETDOWN`, `ENODEV`, `ENXIO`).
    InterfaceDown,
}
