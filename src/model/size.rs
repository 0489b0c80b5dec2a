//! Sizes: the one unit is the whole IP packet.

use std::fmt;
use std::net::IpAddr;

/// The IP version of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4: DF is a choice, and a PTB is ICMP type 3 code 4 (RFC 1191).
    V4,
    /// IPv6: no router fragments, and a PTB is ICMPv6 type 2 (RFC 8201).
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Bytes of the IP header as this program sends it: no IPv4 options, no IPv6 extension headers.
    pub const fn ip_header(self) -> u32 {
        match self {
            Self::V4 => 20,
            Self::V6 => 40,
        }
    }

    /// Bytes of IP plus option-less TCP header: what separates an MSS from a packet size (RFC 9293, 3.7.1).
    pub const fn tcp_headers(self) -> u32 {
        self.ip_header() + TCP_HEADER
    }

    /// Bytes of IP plus ICMP echo header.
    pub const fn echo_headers(self) -> u32 {
        self.ip_header() + ICMP_ECHO_HEADER
    }

    /// The smallest MTU a link may have: 68 (RFC 791) or 1280 (RFC 8200, section 5).
    pub const fn minimum_mtu(self) -> PacketSize {
        match self {
            Self::V4 => PacketSize(68),
            Self::V6 => PacketSize(1280),
        }
    }

    /// The largest packet the header can describe.
    pub const fn largest_packet(self) -> PacketSize {
        match self {
            Self::V4 => PacketSize(65_535),
            Self::V6 => PacketSize(65_575),
        }
    }
}

const TCP_HEADER: u32 = 20;
const ICMP_ECHO_HEADER: u32 = 8;

/// The size of a whole IP packet in bytes, headers included.
///
/// The only unit above `wire/`. RFC 8899 calls the same number a PMTU; its PLPMTU is smaller by the
/// headers and does not occur here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PacketSize(u32);

impl PacketSize {
    /// A packet of `bytes` bytes.
    pub const fn new(bytes: u32) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u32 {
        self.0
    }

    /// The packet one byte larger; there is none above the largest number that a message can state.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The TCP payload that makes a packet of this size, zero if the headers alone are larger.
    pub const fn tcp_payload(self, family: Family) -> usize {
        self.0.saturating_sub(family.tcp_headers()) as usize
    }

    /// The packet that TCP makes of a full segment under this MSS.
    pub const fn from_mss(mss: u16, family: Family) -> Self {
        Self(mss as u32 + family.tcp_headers())
    }

    /// The MSS to announce so that full segments make packets of this size (RFC 6691).
    pub fn to_mss(self, family: Family) -> u16 {
        u16::try_from(self.0.saturating_sub(family.tcp_headers())).unwrap_or(u16::MAX)
    }
}

impl fmt::Display for PacketSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Time to live (IPv4) or hop limit (IPv6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ttl(pub u8);

impl Ttl {
    /// What ordinary traffic starts with.
    pub const DEFAULT: Self = Self(64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mss_and_packet_size_are_inverse() {
        assert_eq!(PacketSize::from_mss(1460, Family::V4), PacketSize::new(1500));
        assert_eq!(PacketSize::from_mss(1440, Family::V6), PacketSize::new(1500));
        // An ICMPv6 message may state any number of 32 bits (RFC 4443, 3.2).
        assert_eq!(PacketSize::new(u32::MAX).next(), PacketSize::new(u32::MAX));
        assert_eq!(PacketSize::new(1500).to_mss(Family::V6), 1440);
        assert_eq!(PacketSize::new(65_575).to_mss(Family::V6), 65_515);
    }

    #[test]
    fn a_packet_smaller_than_its_headers_has_no_payload() {
        assert_eq!(PacketSize::new(30).tcp_payload(Family::V4), 0);
        assert_eq!(PacketSize::new(30).to_mss(Family::V6), 0);
    }
}
