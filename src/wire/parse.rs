//! Bytes to packets.

use std::net::IpAddr;

use crate::model::{Body, Family, IpHeader, Packet, PacketSize, Ttl};

use super::error::{Layer, WireError};
use super::{icmp, ipv4, ipv6, tcp};

/// Whether the checksums of TCP and ICMP are checked. That of the IPv4 header always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// A wrong checksum is an error; in an ICMP error it is a remark.
    Verify,
    /// The kernel has not completed them: take them as right.
    Trust,
}

/// A packet that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Its fields.
    pub packet: Packet,
    /// Its size as the IP header states it. More than [`Packet::size`] if it has options or extension headers that
    /// [`Packet`] does not hold.
    pub wire_len: PacketSize,
}

/// An IP packet, taken apart down to its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) header: IpHeader,
    pub(super) protocol: u8,
    pub(super) payload: &'a [u8],
    pub(super) wire_len: u32,
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
        tcp::PROTOCOL => Body::Tcp(tcp::parse(&datagram, checksums)?),
        protocol if protocol == icmp::protocol(family) => icmp::parse(&datagram, checksums)?,
        protocol => return Err(WireError::Unsupported { layer, field: "protocol", have: protocol.into() }),
    };
    Ok(Parsed { packet: Packet { ip: datagram.header, body }, wire_len: PacketSize::new(datagram.wire_len) })
}

/// Reads an ICMP message without an IP header, as raw sockets deliver it.
///
/// Linux checks the checksum of ICMPv6 before it hands out copies, and that of ICMP only after.
pub fn parse_icmp(source: IpAddr, destination: IpAddr, message: &[u8]) -> Result<Packet, WireError> {
    let header = IpHeader { source, destination, ttl: Ttl(0), dont_fragment: true, id: 0 };
    let protocol = icmp::protocol(Family::of(source));
    let datagram = Datagram { header, protocol, payload: message, wire_len: 0 };
    let checksums = match Family::of(source) {
        Family::V4 => Checksums::Verify,
        Family::V6 => Checksums::Trust,
    };
    Ok(Packet { ip: header, body: icmp::parse(&datagram, checksums)? })
}

/// The family of the packet at the start of `bytes`, and the name of its header.
pub(super) fn family(bytes: &[u8]) -> Result<(Family, Layer), WireError> {
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok((Family::V4, Layer::Ipv4)),
        Some(6) => Ok((Family::V6, Layer::Ipv6)),
        Some(have) => {
            Err(WireError::Malformed { layer: Layer::Ipv4, field: "version", need: "4 or 6", have: have.into() })
        }
        None => Err(WireError::truncated(Layer::Ipv4, "version", 1, 0)),
    }
}
