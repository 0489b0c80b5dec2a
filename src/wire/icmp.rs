//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echo messages and the errors that answer a probe.
//!
//! Both families share the layout: type, code, checksum, four bytes that depend on the type, then data.

use pnet::packet::icmp::{IcmpCode, IcmpType};
use pnet::packet::icmp::{IcmpPacket, IcmpTypes, MutableIcmpPacket};
use pnet::packet::icmpv6::Icmpv6Types;

use crate::model::{Body, Echo, Family, IcmpError, IcmpErrorKind};

use super::checksum::{self, Ends};
use super::datagram::{Checksums, Datagram};
use super::error::{Layer, WireError};
use super::protocol::{self, ICMP_HEADER, echo_reply, echo_request};
use super::quote;

const CHECKSUM: std::ops::Range<usize> = 2..4;

/// ICMP type 3 code 4, "fragmentation needed and DF set".
const FRAGMENTATION_NEEDED: u8 = 4;

/// Code 0 of "time exceeded". Code 1, reassembly, concerns fragments.
const IN_TRANSIT: u8 = 0;

const fn layer(family: Family) -> Layer {
    match family {
        Family::V4 => Layer::Icmp,
        Family::V6 => Layer::Icmpv6,
    }
}

/// Writes an echo request or reply into `buffer`, which is as long as the message.
pub(super) fn write_echo(echo: Echo, reply: bool, ends: Ends, buffer: &mut [u8]) -> Result<(), WireError> {
    let family = ends.family();
    let kind = if reply { echo_reply(family) } else { echo_request(family) };
    write_header(kind, 0, words(echo.ident, echo.seq), family, buffer)?;
    for (slot, filler) in buffer[ICMP_HEADER..].iter_mut().zip((0..=u8::MAX).cycle()) {
        *slot = filler;
    }
    write_checksum(true, ends, buffer);
    Ok(())
}

/// Writes an error into `buffer`, which is as long as the header and the quote.
pub(super) fn write_error(error: &IcmpError, ends: Ends, buffer: &mut [u8]) -> Result<(), WireError> {
    let family = ends.family();
    let (kind, code, rest) = encode(error.kind, family)?;
    write_header(kind, code, rest, family, buffer)?;
    quote::write(&error.quote, family, &mut buffer[ICMP_HEADER..])?;
    write_checksum(error.checksum_ok, ends, buffer);
    Ok(())
}

fn write_header(kind: u8, code: u8, rest: [u8; 4], family: Family, buffer: &mut [u8]) -> Result<(), WireError> {
    let short = WireError::truncated(layer(family), "header", ICMP_HEADER, buffer.len());
    let header = buffer.get_mut(..ICMP_HEADER).ok_or(short)?;
    header[4..].copy_from_slice(&rest);
    let mut view = MutableIcmpPacket::new(header).ok_or(short)?;
    view.set_icmp_type(IcmpType(kind));
    view.set_icmp_code(IcmpCode(code));
    Ok(())
}

fn write_checksum(right: bool, ends: Ends, buffer: &mut [u8]) {
    let sum = sum(ends, buffer);
    // Flipping one bit is always wrong: 0 and 0xffff mean the same, but differ in all bits.
    let field = if right { sum } else { sum ^ 1 };
    buffer[CHECKSUM].copy_from_slice(&field.to_be_bytes());
}

/// ICMP sums its message alone. ICMPv6 also sums a pseudo header (RFC 4443, 2.3).
fn sum(ends: Ends, message: &[u8]) -> u16 {
    match ends {
        Ends::V4(..) => checksum::plain(message),
        Ends::V6(..) => checksum::with_pseudo_header(ends, protocol::icmp(Family::V6), message),
    }
}

fn words(first: u16, second: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (first.to_be_bytes(), second.to_be_bytes());
    [a, b, c, d]
}

/// Type, code and the four bytes after the checksum.
fn encode(kind: IcmpErrorKind, family: Family) -> Result<(u8, u8, [u8; 4]), WireError> {
    match (family, kind) {
        (Family::V4, IcmpErrorKind::Ptb { mtu }) => {
            let most = usize::from(u16::MAX);
            let too_large = WireError::TooLarge { layer: Layer::Icmp, field: "next-hop MTU", most, have: mtu as usize };
            let mtu = u16::try_from(mtu).map_err(|_| too_large)?;
            Ok((IcmpTypes::DestinationUnreachable.0, FRAGMENTATION_NEEDED, words(0, mtu)))
        }
        (Family::V4, IcmpErrorKind::Unreachable { code: FRAGMENTATION_NEEDED }) => {
            let (need, have) = ("another one than 4, which is a PTB", FRAGMENTATION_NEEDED.into());
            Err(WireError::Malformed { layer: Layer::Icmp, field: "code of unreachable", need, have })
        }
        (Family::V4, IcmpErrorKind::Unreachable { code }) => Ok((IcmpTypes::DestinationUnreachable.0, code, [0; 4])),
        (Family::V4, IcmpErrorKind::TimeExceeded) => Ok((IcmpTypes::TimeExceeded.0, IN_TRANSIT, [0; 4])),
        (Family::V6, IcmpErrorKind::Ptb { mtu }) => Ok((Icmpv6Types::PacketTooBig.0, 0, mtu.to_be_bytes())),
        (Family::V6, IcmpErrorKind::Unreachable { code }) => Ok((Icmpv6Types::DestinationUnreachable.0, code, [0; 4])),
        (Family::V6, IcmpErrorKind::TimeExceeded) => Ok((Icmpv6Types::TimeExceeded.0, IN_TRANSIT, [0; 4])),
    }
}

/// Reads the ICMP or ICMPv6 message that a datagram carries.
pub(super) fn parse(datagram: &Datagram<'_>, checksums: Checksums) -> Result<Body, WireError> {
    let ends = Ends::of(&datagram.header)?;
    let (family, message) = (ends.family(), datagram.payload);
    let short = WireError::truncated(layer(family), "header", ICMP_HEADER, message.len());
    let (header, data) = message.split_first_chunk::<ICMP_HEADER>().ok_or(short)?;
    let view = IcmpPacket::new(header).ok_or(short)?;
    let (kind, code) = (view.get_icmp_type().0, view.get_icmp_code().0);
    let checksum = match checksums {
        Checksums::Verify => checksum::verify(sum(ends, message), view.get_checksum(), layer(family)),
        Checksums::Trust => Ok(()),
    };
    if kind == echo_request(family) || kind == echo_reply(family) {
        // The code is 0 and means nothing here. Kernels ignore it too.
        checksum?;
        let (ident, seq) = split_words(*header);
        let echo = Echo { ident, seq, payload_len: data.len() as u32 };
        return Ok(if kind == echo_reply(family) { Body::EchoReply(echo) } else { Body::EchoRequest(echo) });
    }
    let kind = decode(family, kind, code, *header)?;
    let quote = quote::parse_quote(family, quote::original_datagram(family, kind, *header, data))?;
    Ok(Body::Error(IcmpError { kind, quote, checksum_ok: checksum.is_ok() }))
}

/// The two 16-bit words after the checksum.
fn split_words(header: [u8; ICMP_HEADER]) -> (u16, u16) {
    (u16::from_be_bytes([header[4], header[5]]), u16::from_be_bytes([header[6], header[7]]))
}

fn decode(family: Family, kind: u8, code: u8, header: [u8; ICMP_HEADER]) -> Result<IcmpErrorKind, WireError> {
    let unsupported = |field, have| WireError::Unsupported { layer: layer(family), field, have };
    let unreachable = match family {
        Family::V4 => IcmpTypes::DestinationUnreachable.0,
        Family::V6 => Icmpv6Types::DestinationUnreachable.0,
    };
    let time_exceeded = match family {
        Family::V4 => IcmpTypes::TimeExceeded.0,
        Family::V6 => Icmpv6Types::TimeExceeded.0,
    };
    if family == Family::V6 && kind == Icmpv6Types::PacketTooBig.0 {
        // RFC 4443, 3.2: the receiver ignores the code.
        let (high, low) = split_words(header);
        return Ok(IcmpErrorKind::Ptb { mtu: u32::from(high) << 16 | u32::from(low) });
    }
    if family == Family::V4 && kind == unreachable && code == FRAGMENTATION_NEEDED {
        // RFC 1191, 4: the low 16 bits hold the MTU.
        return Ok(IcmpErrorKind::Ptb { mtu: split_words(header).1.into() });
    }
    match kind {
        kind if kind == unreachable => Ok(IcmpErrorKind::Unreachable { code }),
        kind if kind == time_exceeded && code == IN_TRANSIT => Ok(IcmpErrorKind::TimeExceeded),
        kind if kind == time_exceeded => Err(unsupported("code of time exceeded", code.into())),
        kind => Err(unsupported("type", kind.into())),
    }
}
