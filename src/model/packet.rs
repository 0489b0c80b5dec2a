//! A packet as this program sees it: plain fields, no bytes on the wire.
//!
//! The same types describe what is sent and what is received. `wire/` turns them into bytes and back.

use std::fmt;
use std::net::IpAddr;
use std::ops::{Add, Sub};

use bytes::Bytes;

use super::size::{Family, PacketSize, Ttl};

/// One whole IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// IP header fields.
    pub ip: IpHeader,
    /// What the packet carries.
    pub body: Body,
}

/// The IP header fields that matter to a path MTU probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpHeader {
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: Ttl,
    /// DF (RFC 791). Always `true` in IPv6, where no router fragments.
    pub dont_fragment: bool,
    /// IPv4 identification; in IPv6 the low 16 bits of the flow label.
    pub id: u16,
}

/// What an IP packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment (RFC 9293).
    Tcp(Segment),
    /// An ICMP or ICMPv6 echo request (RFC 792, RFC 4443).
    EchoRequest(Echo),
    /// An ICMP or ICMPv6 echo reply.
    EchoReply(Echo),
    /// An ICMP or ICMPv6 error about a packet that somebody sent.
    Error(IcmpError),
}

impl Packet {
    /// The family of the packet.
    pub fn family(&self) -> Family {
        Family::of(self.ip.destination)
    }

    /// The size of the whole packet on the wire. `None` for ICMP errors, whose size proves nothing.
    pub fn size(&self) -> Option<PacketSize> {
        self.body.size(self.family())
    }
}

impl Body {
    /// The size of the packet that carries it. `None` for ICMP errors.
    pub fn size(&self, family: Family) -> Option<PacketSize> {
        match self {
            Self::Tcp(segment) => {
                let options = segment.options_len();
                Some(PacketSize::new(family.tcp_headers() + (options + segment.payload.len()) as u32))
            }
            Self::EchoRequest(echo) | Self::EchoReply(echo) => {
                Some(PacketSize::new(family.echo_headers().saturating_add(echo.payload_len)))
            }
            Self::Error(_) => None,
        }
    }
}

/// A TCP sequence number: arithmetic modulo 2^32 (RFC 9293, 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// Signed distance from `earlier` to `self`.
    pub fn distance(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// How many bytes lie between `earlier` and `self`; `None` if `self` comes first.
    pub fn bytes_since(self, earlier: Self) -> Option<u32> {
        u32::try_from(self.distance(earlier)).ok()
    }

    /// Whether `self` comes after `other`.
    pub fn is_after(self, other: Self) -> bool {
        self.distance(other) > 0
    }
}

impl Add<u32> for SeqNumber {
    type Output = Self;
    fn add(self, rhs: u32) -> Self {
        Self(self.0.wrapping_add(rhs))
    }
}

impl Sub<u32> for SeqNumber {
    type Output = Self;
    fn sub(self, rhs: u32) -> Self {
        Self(self.0.wrapping_sub(rhs))
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A TCP segment with the options that this program sends or reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte (or of the SYN).
    pub seq: SeqNumber,
    /// Acknowledgment number; meaningful with [`Flags::ack`].
    pub ack: SeqNumber,
    /// Control bits.
    pub flags: Flags,
    /// Window as it stands in the header, not scaled.
    pub window: u16,
    /// Maximum segment size option.
    pub mss: Option<u16>,
    /// SACK-permitted option (RFC 2018).
    pub sack_permitted: bool,
    /// SACK blocks; the first may be a D-SACK (RFC 2883).
    pub sack: SackBlocks,
    /// Timestamps option (RFC 7323): value, echo reply. Read, never sent.
    pub timestamps: Option<(u32, u32)>,
    /// Bytes of the stream.
    pub payload: Bytes,
}

impl Segment {
    /// A segment without options and payload.
    pub fn new(source_port: u16, destination_port: u16, seq: SeqNumber, ack: SeqNumber, flags: Flags) -> Self {
        Self {
            source_port,
            destination_port,
            seq,
            ack,
            flags,
            window: u16::MAX,
            mss: None,
            sack_permitted: false,
            sack: SackBlocks::default(),
            timestamps: None,
            payload: Bytes::new(),
        }
    }

    /// The sequence space that the segment takes: payload plus SYN and FIN.
    pub fn sequence_len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }

    /// Bytes of options as `wire/` lays them out, padding included.
    pub fn options_len(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let sack_permitted = if self.sack_permitted { 4 } else { 0 };
        let sack = match self.sack.len() {
            0 => 0,
            n => 4 + 8 * n,
        };
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        mss + sack_permitted + sack + timestamps
    }
}

/// TCP control bits that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // the header has bits, not states
pub struct Flags {
    /// Synchronize.
    pub syn: bool,
    /// Acknowledgment field is valid.
    pub ack: bool,
    /// Push.
    pub psh: bool,
    /// Reset.
    pub rst: bool,
    /// Finished.
    pub fin: bool,
}

impl Flags {
    /// SYN alone.
    pub const SYN: Self = Self { syn: true, ack: false, psh: false, rst: false, fin: false };
    /// SYN and ACK.
    pub const SYN_ACK: Self = Self { syn: true, ack: true, psh: false, rst: false, fin: false };
    /// ACK alone.
    pub const ACK: Self = Self { syn: false, ack: true, psh: false, rst: false, fin: false };
    /// ACK with PSH, for data.
    pub const PSH_ACK: Self = Self { syn: false, ack: true, psh: true, rst: false, fin: false };
    /// FIN and ACK.
    pub const FIN_ACK: Self = Self { syn: false, ack: true, psh: false, rst: false, fin: true };
    /// RST alone.
    pub const RST: Self = Self { syn: false, ack: false, psh: false, rst: true, fin: false };
    /// RST and ACK.
    pub const RST_ACK: Self = Self { syn: false, ack: true, psh: false, rst: true, fin: false };
}

/// Up to four SACK blocks `[left, right)`: all that fits into TCP options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [(SeqNumber, SeqNumber); 4],
    len: u8,
}

impl SackBlocks {
    /// Appends a block; a fifth is ignored, since a header has no room for it.
    pub fn push(&mut self, left: SeqNumber, right: SeqNumber) {
        if let Some(slot) = self.blocks.get_mut(usize::from(self.len)) {
            *slot = (left, right);
            self.len += 1;
        }
    }

    /// The blocks in the order of the header.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNumber, SeqNumber)> + '_ {
        self.blocks.iter().copied().take(self.len())
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// An ICMP echo message. Its payload is filler; only the length matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Identifier: one per run.
    pub ident: u16,
    /// Sequence number: one per probe.
    pub seq: u16,
    /// Bytes after the echo header.
    pub payload_len: u32,
}

/// An ICMP error and the packet it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What the sender of the error says.
    pub kind: IcmpErrorKind,
    /// The packet quoted.
    pub quote: Quote,
    /// Whether the ICMP checksum is right. A kernel drops the message silently if not.
    pub checksum_ok: bool,
}

/// The ICMP errors that matter to a path MTU probe, the same for both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpErrorKind {
    /// "Fragmentation needed" (type 3 code 4) or "packet too big" (ICMPv6 type 2).
    Ptb {
        /// The MTU of the next hop as stated; 0 from routers older than RFC 1191.
        mtu: u32,
    },
    /// TTL or hop limit exceeded in transit.
    TimeExceeded,
    /// Destination unreachable for another reason than size; the code is of the packet's family.
    Unreachable {
        /// ICMP code.
        code: u8,
    },
}

/// What an ICMP error quotes of the packet it is about. May be as short as the IP header plus 8 bytes (RFC 792).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Source of the quoted packet: this host, unless a NAT forgot to translate.
    pub source: IpAddr,
    /// Destination of the quoted packet.
    pub destination: IpAddr,
    /// Size of the quoted packet as its own header states it.
    pub size: PacketSize,
    /// DF as the router saw it; `true` in IPv6.
    pub dont_fragment: bool,
    /// IPv4 identification, or the low 16 bits of the IPv6 flow label.
    pub id: u16,
    /// TTL as the router saw it.
    pub ttl: Ttl,
    /// Transport header of the quoted packet.
    pub transport: QuotedTransport,
    /// MSS option of a quoted SYN, where the router quotes that much. Read, never written.
    pub mss: Option<u16>,
}

/// The first eight bytes of a quoted transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotedTransport {
    /// TCP: the ports and the sequence number stand in the first eight bytes.
    Tcp {
        /// Our port.
        source_port: u16,
        /// The peer's port.
        destination_port: u16,
        /// Sequence number of the quoted segment.
        seq: SeqNumber,
    },
    /// ICMP echo request.
    Echo {
        /// Identifier.
        ident: u16,
        /// Sequence number.
        seq: u16,
    },
    /// Anything else, or too short to tell: the IP protocol number.
    Other(u8),
}
