//! What can be wrong with a packet.

use std::fmt;

/// Where in a packet something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The IPv4 header.
    Ipv4,
    /// The IPv6 header.
    Ipv6,
    /// An IPv6 extension header.
    Ipv6Extension,
    /// The TCP header.
    Tcp,
    /// The options of the TCP header.
    TcpOptions,
    /// The ICMP message.
    Icmp,
    /// The ICMPv6 message.
    Icmpv6,
    /// The packet that an ICMP error quotes.
    Quote,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4 header",
            Self::Ipv6 => "IPv6 header",
            Self::Ipv6Extension => "IPv6 extension header",
            Self::Tcp => "TCP header",
            Self::TcpOptions => "TCP options",
            Self::Icmp => "ICMP message",
            Self::Icmpv6 => "ICMPv6 message",
            Self::Quote => "quoted packet",
        })
    }
}

/// Why bytes are no packet for this program, or a packet cannot become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end too early.
    #[error("{layer}: {field} needs {need} bytes, {have} are there")]
    Truncated {
        /// Where.
        layer: Layer,
        /// What was to be read.
        field: &'static str,
        /// Bytes that it takes.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// A field has a value that it must not have.
    #[error("{layer}: {field} must be {need}, is {have}")]
    Malformed {
        /// Where.
        layer: Layer,
        /// The field.
        field: &'static str,
        /// What the protocol asks for.
        need: &'static str,
        /// What stands there.
        have: u32,
    },
    /// The checksum does not fit the bytes.
    #[error("{layer}: checksum must be {need:#06x}, is {have:#06x}")]
    Checksum {
        /// Which checksum.
        layer: Layer,
        /// The sum of the bytes.
        need: u16,
        /// What stands there.
        have: u16,
    },
    /// Well-formed, but nothing that a probe is answered with.
    #[error("{layer}: {field} {have} does not concern a path MTU probe")]
    Unsupported {
        /// Where.
        layer: Layer,
        /// The field.
        field: &'static str,
        /// What stands there.
        have: u32,
    },
    /// A fragment of a packet. [`Piece::read`](super::Piece::read) reads those.
    #[error("{layer}: fragment at byte {offset} of its packet, not a whole packet")]
    Fragment {
        /// Where.
        layer: Layer,
        /// Bytes of the packet before this fragment.
        offset: u32,
    },
    /// The packet does not fit into the field that states its length.
    #[error("{layer}: {field} holds at most {most} bytes, {have} are wanted")]
    TooLarge {
        /// Where.
        layer: Layer,
        /// The field.
        field: &'static str,
        /// The largest value of the field.
        most: usize,
        /// Bytes that the packet takes.
        have: usize,
    },
    /// An IPv4 address beside an IPv6 address.
    #[error("{layer}: source and destination must be of the packet's family")]
    MixedFamilies {
        /// Where.
        layer: Layer,
    },
}

impl WireError {
    /// Fewer bytes than the fixed part of a header takes.
    pub(super) const fn truncated(layer: Layer, field: &'static str, need: usize, have: usize) -> Self {
        Self::Truncated { layer, field, need, have }
    }

    /// The same fault, found inside the packet that an ICMP error quotes.
    pub(super) const fn in_quote(mut self) -> Self {
        match &mut self {
            Self::Truncated { layer, .. }
            | Self::Malformed { layer, .. }
            | Self::Checksum { layer, .. }
            | Self::Unsupported { layer, .. }
            | Self::Fragment { layer, .. }
            | Self::TooLarge { layer, .. }
            | Self::MixedFamilies { layer } => *layer = Layer::Quote,
        }
        self
    }
}
