//! The part of a packet that an ICMP error quotes.
//!
//! Routers may quote as little as the IP header and eight bytes (RFC 792), so nothing more is needed. The lengths in the
//! quoted header are reported and not relied on.

use std::net::IpAddr;

use crate::model::{Family, IcmpErrorKind, PacketSize, Quote, QuotedTransport, SeqNumber, Ttl};

use super::checksum::Ends;
use super::error::{Layer, WireError};
use super::{ipv4, ipv6, options, protocol};

/// Bytes of the transport header that every router quotes.
const TRANSPORT: usize = 8;

/// RFC 4884, 3: if extensions follow, the quote is padded to at least this.
const LEAST_BEFORE_EXTENSIONS: usize = 128;

/// Bytes that the quote takes.
pub(super) fn len(quote: &Quote, family: Family) -> usize {
    family.ip_header() as usize + transport_bytes(quote.transport, family).map_or(0, |bytes| bytes.len())
}

/// Writes the quote into `buffer`, which is as long as [`len`] says: IP header plus eight bytes, as RFC 792 asks.
///
/// For [`QuotedTransport::Other`] it writes only the IP header.
pub(super) fn write(quote: &Quote, family: Family, buffer: &mut [u8]) -> Result<(), WireError> {
    let ends = Ends::new(quote.source, quote.destination, Layer::Quote)?;
    if ends.family() != family {
        return Err(WireError::MixedFamilies { layer: Layer::Quote });
    }
    let protocol = protocol_of(quote.transport, family);
    let header_len = family.ip_header();
    match ends {
        Ends::V4(source, destination) => ipv4::Ipv4Header {
            source,
            destination,
            id: quote.id,
            ttl: quote.ttl.0,
            protocol,
            dont_fragment: quote.dont_fragment,
            more_fragments: false,
            fragment_offset: 0,
            total_length: length_field(quote.size.bytes(), 0)?,
            len: header_len as usize,
        }
        .write(buffer)?,
        Ends::V6(source, destination) => ipv6::Ipv6Header {
            source,
            destination,
            id: quote.id,
            hop_limit: quote.ttl.0,
            protocol,
            payload_length: length_field(quote.size.bytes(), header_len)?,
        }
        .write(buffer)?,
    }
    if let Some(bytes) = transport_bytes(quote.transport, family) {
        buffer[header_len as usize..].copy_from_slice(&bytes);
    }
    Ok(())
}

fn length_field(size: u32, not_counted: u32) -> Result<u16, WireError> {
    let impossible = WireError::Malformed {
        layer: Layer::Quote,
        field: "size",
        need: "what the length field of its header can state",
        have: size,
    };
    size.checked_sub(not_counted).and_then(|length| u16::try_from(length).ok()).ok_or(impossible)
}

fn protocol_of(transport: QuotedTransport, family: Family) -> u8 {
    match transport {
        QuotedTransport::Tcp { .. } => protocol::TCP,
        QuotedTransport::Echo { .. } => protocol::icmp(family),
        QuotedTransport::Other(number) => number,
    }
}

fn transport_bytes(transport: QuotedTransport, family: Family) -> Option<[u8; TRANSPORT]> {
    let mut bytes = [0; TRANSPORT];
    match transport {
        QuotedTransport::Tcp { source_port, destination_port, seq } => {
            bytes[..2].copy_from_slice(&source_port.to_be_bytes());
            bytes[2..4].copy_from_slice(&destination_port.to_be_bytes());
            bytes[4..].copy_from_slice(&seq.0.to_be_bytes());
        }
        QuotedTransport::Echo { ident, seq } => {
            bytes[0] = protocol::echo_request(family);
            bytes[4..6].copy_from_slice(&ident.to_be_bytes());
            bytes[6..].copy_from_slice(&seq.to_be_bytes());
        }
        QuotedTransport::Other(_) => return None,
    }
    Some(bytes)
}

/// The part of an error's data that is the quoted packet, without the extensions that may follow it (RFC 4884).
///
/// A length below 128 bytes or beyond the data is ignored. It is noise in a field that was unused before RFC 4884.
pub(super) fn original_datagram(
    family: Family,
    kind: IcmpErrorKind,
    header: [u8; protocol::ICMP_HEADER],
    data: &[u8],
) -> &[u8] {
    let length = match (family, kind) {
        (Family::V4, _) => usize::from(header[5]) * 4,
        (Family::V6, IcmpErrorKind::Ptb { .. }) => 0,
        (Family::V6, _) => usize::from(header[4]) * 8,
    };
    if length < LEAST_BEFORE_EXTENSIONS { data } else { data.get(..length).unwrap_or(data) }
}

/// Reads a quoted packet of the given family. Its header must be complete; the rest may be cut anywhere.
///
/// The header checksum is not checked, because routers quote a header whose TTL they have already lowered.
pub fn parse_quote(family: Family, bytes: &[u8]) -> Result<Quote, WireError> {
    match family {
        Family::V4 => parse_v4(bytes),
        Family::V6 => parse_v6(bytes),
    }
    .map_err(WireError::in_quote)
}

fn parse_v4(bytes: &[u8]) -> Result<Quote, WireError> {
    let header = ipv4::read(bytes)?;
    let (transport, mss) = if header.fragment_offset > 0 {
        (QuotedTransport::Other(header.protocol), None)
    } else {
        let segment = &bytes[header.len..];
        (parse_transport(Family::V4, header.protocol, segment), parse_mss(header.protocol, segment))
    };
    Ok(Quote {
        source: IpAddr::V4(header.source),
        destination: IpAddr::V4(header.destination),
        size: PacketSize::new(header.total_length.into()),
        dont_fragment: header.dont_fragment,
        id: header.id,
        ttl: Ttl(header.ttl),
        transport,
        mss,
    })
}

fn parse_v6(bytes: &[u8]) -> Result<Quote, WireError> {
    let header = ipv6::read(bytes)?;
    let (transport, mss) = match ipv6::upper_layer(header.protocol, &bytes[ipv6::HEADER..]) {
        Ok(upper) if upper.fragment_offset.is_none_or(|offset| offset == 0) => {
            (parse_transport(Family::V6, upper.protocol, upper.payload), parse_mss(upper.protocol, upper.payload))
        }
        Ok(upper) => (QuotedTransport::Other(upper.protocol), None),
        Err(stuck) => (QuotedTransport::Other(stuck.at), None),
    };
    Ok(Quote {
        source: IpAddr::V6(header.source),
        destination: IpAddr::V6(header.destination),
        size: PacketSize::new(header.wire_len()),
        dont_fragment: true,
        id: header.id,
        ttl: Ttl(header.hop_limit),
        transport,
        mss,
    })
}

/// The MSS option of a SYN, if the quote goes that far. Options that cannot be read say nothing.
fn parse_mss(number: u8, bytes: &[u8]) -> Option<u16> {
    const HEADER: usize = 20;
    let header = bytes.first_chunk::<HEADER>().filter(|_| number == protocol::TCP)?;
    let is_syn = header[13] & 0b10 != 0;
    let options = bytes.get(HEADER..usize::from(header[12] >> 4) * 4).filter(|_| is_syn)?;
    options::parse_tcp_options(options).ok()?.mss
}

fn parse_transport(family: Family, number: u8, bytes: &[u8]) -> QuotedTransport {
    let Some(quoted) = bytes.first_chunk::<TRANSPORT>() else {
        return QuotedTransport::Other(number);
    };
    if number == protocol::TCP {
        return QuotedTransport::Tcp {
            source_port: u16::from_be_bytes([quoted[0], quoted[1]]),
            destination_port: u16::from_be_bytes([quoted[2], quoted[3]]),
            seq: SeqNumber(u32::from_be_bytes([quoted[4], quoted[5], quoted[6], quoted[7]])),
        };
    }
    if number == protocol::icmp(family) && quoted[0] == protocol::echo_request(family) {
        return QuotedTransport::Echo {
            ident: u16::from_be_bytes([quoted[4], quoted[5]]),
            seq: u16::from_be_bytes([quoted[6], quoted[7]]),
        };
    }
    QuotedTransport::Other(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN with MSS 1360 from 192.0.2.1 to 198.51.100.1, as Linux quotes it.
    const SYN: [u8; 44] = [
        0x45, 0, 0, 44, 0, 1, 0x40, 0, 1, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1, //
        0x9c, 0x40, 0, 25, 0, 0, 0, 7, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0x05, 0x50,
    ];

    #[test]
    fn a_syn_that_is_quoted_whole_tells_its_mss() {
        assert_eq!(parse_quote(Family::V4, &SYN).map(|quote| quote.mss), Ok(Some(1360)));
    }

    #[test]
    fn a_shorter_quote_tells_none() {
        for len in 28..SYN.len() {
            assert_eq!(parse_quote(Family::V4, &SYN[..len]).map(|quote| quote.mss), Ok(None), "{len} bytes");
        }
    }

    #[test]
    fn what_is_no_syn_has_no_mss() {
        let mut ack = SYN;
        ack[33] = 0x10;
        assert_eq!(parse_quote(Family::V4, &ack).map(|quote| quote.mss), Ok(None));
    }
}
