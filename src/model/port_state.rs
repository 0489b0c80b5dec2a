//! Whether the port takes connections, and how the server receives a visitor.

use std::net::IpAddr;

/// Whether the TCP port takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortState {
    /// A handshake was completed.
    Open,
    /// A RST answers the SYN: nobody listens, or a firewall says so.
    Refused,
    /// Something keeps SYNs from the port.
    Filtered(Filter),
    /// This host's own firewall refuses to send them.
    ForbiddenHere,
}

/// How it is known that something keeps SYNs from a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// SYNs stay unanswered, while small echo requests to the same address are answered.
    Silent,
    /// An ICMP "destination unreachable" answers each.
    Icmp {
        /// Who sent it.
        from: IpAddr,
        /// Its code, of the family of that address.
        code: u8,
    },
}

/// How the server receives a visitor whose connection is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reception {
    /// It has not said anything, or nobody listened.
    #[default]
    NotHeard,
    /// It greets.
    Greeted,
    /// In place of a greeting comes a reply that refuses service (RFC 5321, sections 3.1 and 4.2.1).
    TurnedAway {
        /// The code of the reply: 4xx for now, 5xx for good.
        code: u16,
    },
    /// It closes without a word.
    HungUp,
    /// It resets the connection without a word.
    Reset,
}

impl PortState {
    /// Whether mail can be handed over there at all.
    pub fn takes_connections(self) -> bool {
        self == Self::Open
    }
}
