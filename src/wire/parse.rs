//! Bytes to packets.

use std::net::IpAddr;

use crate::model::{Body, Family, IpHeader, Packet, PacketSize, Ttl};

use super::datagram::{Checksums, Datagram, family};
use super::error::WireError;
use super::{icmp, ipv4, ipv6, protocol, tcp};

/// A packet that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Its fields.
    pub packet: Packet,
    /// Its size as the IP header states it. More than [`Packet::size`] if it has options or extension headers that
    /// [`Packet`] does not hold.
    pub wire_len: PacketSize,
}

/// Reads the IP packet at the start of `bytes` and checks its checksums. Bytes after its end are padding of the link.
pub fn parse(bytes: &[u8]) -> Result<Parsed, WireError> {
    parse_with(bytes, Checksums::Verify)
}

/// As [`parse()`], with a choice about the checksums of TCP and ICMP.
pub fn parse_with(bytes: &[u8], checksums: Checksums) -> Result<Parsed, WireError> {
    let (family, layer) = family(bytes)?;
    let datagram = match family {
        Family::V4 => ipv4::parse(bytes)?,
        Family::V6 => ipv6::parse(bytes)?,
    };
    let body = match datagram.protocol {
        protocol::TCP => Body::Tcp(tcp::parse(&datagram, checksums)?),
        number if number == protocol::icmp(family) => icmp::parse(&datagram, checksums)?,
        number => return Err(WireError::Unsupported { layer, field: "protocol", have: number.into() }),
    };
    Ok(Parsed { packet: Packet { ip: datagram.header, body }, wire_len: PacketSize::new(datagram.wire_len) })
}

/// Reads an ICMP message without an IP header, as raw sockets deliver it.
///
/// Linux verifies the checksum of ICMPv6 before it delivers copies to raw sockets, and that of ICMP only afterwards.
pub fn parse_icmp(source: IpAddr, destination: IpAddr, message: &[u8]) -> Result<Packet, WireError> {
    let header = IpHeader { source, destination, ttl: Ttl(0), dont_fragment: true, id: 0 };
    let protocol = protocol::icmp(Family::of(source));
    let datagram = Datagram { header, protocol, payload: message, wire_len: 0 };
    let checksums = match Family::of(source) {
        Family::V4 => Checksums::Verify,
        Family::V6 => Checksums::Trust,
    };
    Ok(Packet { ip: header, body: icmp::parse(&datagram, checksums)? })
}
