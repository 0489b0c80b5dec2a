//! Packets to bytes.

use crate::model::{Body, Family, Packet};

use super::checksum::Ends;
use super::error::{Layer, WireError};
use super::{icmp, ipv4, ipv6, protocol, quote, tcp};

/// Writes `packet` into `buffer`. The buffer then holds the packet and nothing else, or nothing after an error.
///
/// The payload of an echo is filler. An ICMP error quotes an IP header and eight bytes. Its checksum is wrong if
/// `checksum_ok` is false.
pub fn emit(packet: &Packet, buffer: &mut Vec<u8>) -> Result<(), WireError> {
    buffer.clear();
    let written = write(packet, buffer);
    if written.is_err() {
        buffer.clear();
    }
    written
}

fn write(packet: &Packet, buffer: &mut Vec<u8>) -> Result<(), WireError> {
    let ends = Ends::of(&packet.ip)?;
    let family = ends.family();
    let header_len = family.ip_header() as usize;
    let total = header_len + body_len(&packet.body, family)?;
    check_size(total, family)?;
    buffer.resize(total, 0);
    let (header, body) = buffer.split_at_mut(header_len);
    write_header(packet, ends, total, header)?;
    match &packet.body {
        Body::Tcp(segment) => tcp::write(segment, ends, body),
        Body::EchoRequest(echo) => icmp::write_echo(*echo, false, ends, body),
        Body::EchoReply(echo) => icmp::write_echo(*echo, true, ends, body),
        Body::Error(error) => icmp::write_error(error, ends, body),
    }
}

fn body_len(body: &Body, family: Family) -> Result<usize, WireError> {
    match body {
        Body::Tcp(segment) => tcp::len(segment),
        Body::EchoRequest(echo) | Body::EchoReply(echo) => Ok(protocol::ICMP_HEADER + echo.payload_len as usize),
        Body::Error(error) => Ok(protocol::ICMP_HEADER + quote::len(&error.quote, family)),
    }
}

fn check_size(total: usize, family: Family) -> Result<(), WireError> {
    let most = family.largest_packet().bytes() as usize;
    if total <= most {
        return Ok(());
    }
    let (layer, field) = match family {
        Family::V4 => (Layer::Ipv4, "total length"),
        Family::V6 => (Layer::Ipv6, "payload length"),
    };
    Err(WireError::TooLarge { layer, field, most, have: total })
}

fn write_header(packet: &Packet, ends: Ends, total: usize, buffer: &mut [u8]) -> Result<(), WireError> {
    let protocol = match packet.body {
        Body::Tcp(_) => protocol::TCP,
        Body::EchoRequest(_) | Body::EchoReply(_) | Body::Error(_) => protocol::icmp(ends.family()),
    };
    match ends {
        Ends::V4(source, destination) => ipv4::Ipv4Header {
            source,
            destination,
            id: packet.ip.id,
            ttl: packet.ip.ttl.0,
            protocol,
            dont_fragment: packet.ip.dont_fragment,
            more_fragments: false,
            fragment_offset: 0,
            total_length: total as u16,
            len: ipv4::HEADER,
        }
        .write(buffer),
        Ends::V6(source, destination) => ipv6::Ipv6Header {
            source,
            destination,
            id: packet.ip.id,
            hop_limit: packet.ip.ttl.0,
            protocol,
            payload_length: (total - ipv6::HEADER) as u16,
        }
        .write(buffer),
    }
}
