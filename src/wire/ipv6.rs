//! The IPv6 header and the extension headers between it and TCP or ICMPv6 (RFC 8200).

use std::net::{IpAddr, Ipv6Addr};

use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet::packet::ipv6::{FragmentPacket, Ipv6Packet, MutableIpv6Packet};

use crate::model::{IpHeader, Ttl};

use super::datagram::Datagram;
use super::error::{Layer, WireError};

/// Bytes of the fixed header.
pub(super) const HEADER: usize = 40;

/// Bytes of a fragment header.
pub(super) const FRAGMENT_HEADER: usize = 8;

/// The place of the next header's number in the fixed header.
pub(super) const NEXT_HEADER: usize = 6;

const PAYLOAD_LENGTH: std::ops::Range<usize> = 4..6;

/// No sender needs more, and reading them must end.
const MAX_EXTENSION_HEADERS: usize = 8;

const HOP_BY_HOP: u8 = IpNextHeaderProtocols::Hopopt.0;
const ROUTING: u8 = IpNextHeaderProtocols::Ipv6Route.0;
pub(super) const FRAGMENT: u8 = IpNextHeaderProtocols::Ipv6Frag.0;
const AUTHENTICATION: u8 = IpNextHeaderProtocols::Ah.0;
const DESTINATION_OPTIONS: u8 = IpNextHeaderProtocols::Ipv6Opts.0;

/// The fields of an IPv6 header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ipv6Header {
    pub(super) source: Ipv6Addr,
    pub(super) destination: Ipv6Addr,
    /// The low 16 bits of the flow label.
    pub(super) id: u16,
    pub(super) hop_limit: u8,
    pub(super) protocol: u8,
    pub(super) payload_length: u16,
}

impl Ipv6Header {
    /// Writes the header into the first 40 bytes of `buffer`.
    pub(super) fn write(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let short = WireError::truncated(Layer::Ipv6, "header", HEADER, buffer.len());
        let bytes = buffer.get_mut(..HEADER).ok_or(short)?;
        bytes.fill(0);
        let mut view = MutableIpv6Packet::new(bytes).ok_or(short)?;
        view.set_version(6);
        view.set_flow_label(self.id.into());
        view.set_payload_length(self.payload_length);
        view.set_next_header(IpNextHeaderProtocol(self.protocol));
        view.set_hop_limit(self.hop_limit);
        view.set_source(self.source);
        view.set_destination(self.destination);
        Ok(())
    }

    /// The size of the whole packet as the header states it.
    pub(super) fn wire_len(&self) -> u32 {
        HEADER as u32 + u32::from(self.payload_length)
    }
}

/// Reads the fixed header at the start of `bytes`. Does not require more bytes, because a quote may end anywhere.
pub(super) fn read(bytes: &[u8]) -> Result<Ipv6Header, WireError> {
    let view = Ipv6Packet::new(bytes).ok_or(WireError::truncated(Layer::Ipv6, "header", HEADER, bytes.len()))?;
    let version = view.get_version();
    if version != 6 {
        return Err(WireError::Malformed { layer: Layer::Ipv6, field: "version", need: "6", have: version.into() });
    }
    Ok(Ipv6Header {
        source: view.get_source(),
        destination: view.get_destination(),
        id: view.get_flow_label() as u16,
        hop_limit: view.get_hop_limit(),
        protocol: view.get_next_header().0,
        payload_length: view.get_payload_length(),
    })
}

/// Reads the fixed header, and returns the whole packet without padding of the link.
pub(super) fn read_whole(bytes: &[u8]) -> Result<(Ipv6Header, &[u8]), WireError> {
    let header = read(bytes)?;
    let total = header.wire_len() as usize;
    let packet = bytes.get(..total).ok_or(WireError::truncated(Layer::Ipv6, "payload length", total, bytes.len()))?;
    Ok((header, packet))
}

/// The same for a packet whose header no extension header follows.
pub(super) fn read_plain(bytes: &[u8]) -> Result<(Ipv6Header, &[u8]), WireError> {
    let (header, packet) = read_whole(bytes)?;
    if extension_len(header.protocol, &packet[HEADER..])?.is_some() {
        let have = header.protocol.into();
        return Err(WireError::Unsupported { layer: Layer::Ipv6, field: "next header", have });
    }
    Ok((header, packet))
}

/// Sets the length of what follows a header. `headers` includes its extension headers.
pub(super) fn amend(headers: &mut [u8], payload: usize) {
    let length = (headers.len() - HEADER + payload) as u16;
    headers[PAYLOAD_LENGTH].copy_from_slice(&length.to_be_bytes());
}

/// Reads a whole packet, which may be followed by padding of the link.
pub(super) fn parse(bytes: &[u8]) -> Result<Datagram<'_>, WireError> {
    let (header, packet) = read_whole(bytes)?;
    let upper = upper_layer(header.protocol, &packet[HEADER..]).map_err(|stuck| stuck.error)?;
    if let Some(offset) = upper.fragment_offset {
        return Err(WireError::Fragment { layer: Layer::Ipv6Extension, offset });
    }
    Ok(Datagram {
        header: IpHeader {
            source: IpAddr::V6(header.source),
            destination: IpAddr::V6(header.destination),
            ttl: Ttl(header.hop_limit),
            dont_fragment: true,
            id: header.id,
        },
        protocol: upper.protocol,
        payload: upper.payload,
        wire_len: header.wire_len(),
    })
}

/// What follows the extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Upper<'a> {
    pub(super) protocol: u8,
    pub(super) payload: &'a [u8],
    /// For a fragment, the number of the packet's bytes before it. An atomic fragment (RFC 6946) is a whole packet.
    pub(super) fragment_offset: Option<u32>,
}

/// The header of this number could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    pub(super) at: u8,
    pub(super) error: WireError,
}

/// Reads past the extension headers in `bytes`. The first of them has the number `next`.
///
/// Stops at a fragment other than the first, because no headers follow it.
pub(super) fn upper_layer(mut next: u8, mut bytes: &[u8]) -> Result<Upper<'_>, Stuck> {
    let mut fragment_offset = None;
    for _ in 0..=MAX_EXTENSION_HEADERS {
        let Some(len) = extension_len(next, bytes).map_err(|error| Stuck { at: next, error })? else {
            return Ok(Upper { protocol: next, payload: bytes, fragment_offset });
        };
        let (extension, rest) = bytes.split_at(len);
        if next == FRAGMENT {
            // A fragment does not become a whole packet by what is in it.
            fragment_offset = fragment_offset.max(read_fragment(extension));
        }
        (next, bytes) = (extension[0], rest);
        if fragment_offset.is_some_and(|offset| offset > 0) {
            return Ok(Upper { protocol: next, payload: bytes, fragment_offset });
        }
    }
    let (need, have) = ("at most 8", MAX_EXTENSION_HEADERS as u32 + 1);
    Err(Stuck { at: next, error: WireError::Malformed { layer: Layer::Ipv6Extension, field: "number", need, have } })
}

/// The length of the complete extension header of number `next`. `None` if that is not an extension header.
fn extension_len(next: u8, bytes: &[u8]) -> Result<Option<usize>, WireError> {
    // RFC 8200, 4: no extension header is shorter than eight bytes.
    let need = match (next, bytes.get(1)) {
        (HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS, Some(units)) => 8 * (usize::from(*units) + 1),
        // RFC 4302, 2.2: the length counts 32-bit words, minus two.
        (AUTHENTICATION, Some(words)) => (4 * (usize::from(*words) + 2)).max(8),
        (HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | AUTHENTICATION | FRAGMENT, _) => 8,
        _ => return Ok(None),
    };
    if bytes.len() < need {
        return Err(WireError::truncated(Layer::Ipv6Extension, "header", need, bytes.len()));
    }
    Ok(Some(need))
}

fn read_fragment(extension: &[u8]) -> Option<u32> {
    let offset_and_flags = FragmentPacket::new(extension)?.get_fragment_offset_with_flags();
    let (offset, more) = (u32::from(offset_and_flags & !7), offset_and_flags & 1 != 0);
    (offset > 0 || more).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: u8 = 6;

    #[test]
    fn walks_every_kind_of_extension_header() {
        let mut bytes = vec![ROUTING, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([DESTINATION_OPTIONS, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([AUTHENTICATION, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([FRAGMENT, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9]);
        bytes.extend([TCP, 0, 0, 0, 0, 0, 0, 7]); // offset 0, no more: atomic
        bytes.extend([0xaa, 0xbb]);
        let upper = upper_layer(HOP_BY_HOP, &bytes);
        assert_eq!(upper, Ok(Upper { protocol: TCP, payload: &[0xaa, 0xbb], fragment_offset: None }));
    }

    #[test]
    fn does_not_read_headers_inside_a_later_fragment() {
        let bytes = [DESTINATION_OPTIONS, 0, 0x05, 0xa8, 0, 0, 0, 7, 0xff, 0xff];
        let upper = upper_layer(FRAGMENT, &bytes);
        let payload = &[0xff, 0xff][..];
        assert_eq!(upper, Ok(Upper { protocol: DESTINATION_OPTIONS, payload, fragment_offset: Some(1448) }));
    }

    /// Of a fragment header within a first fragment: whatever it says, the outer one is no whole packet.
    #[test]
    fn a_fragment_within_a_fragment_is_no_packet() {
        let first = [FRAGMENT, 0, 0, 1, 0, 0, 0, 7];
        for (inner, offset) in [([TCP, 0, 0, 0, 0, 0, 0, 8], 0), ([TCP, 0, 0x05, 0xa8, 0, 0, 0, 8], 1448)] {
            let bytes = [first, inner].concat();
            let upper = upper_layer(FRAGMENT, &bytes);
            assert_eq!(upper, Ok(Upper { protocol: TCP, payload: &[], fragment_offset: Some(offset) }));
        }
    }

    #[test]
    fn gives_up_on_a_chain_without_end() {
        let bytes = [HOP_BY_HOP, 0, 0, 0, 0, 0, 0, 0].repeat(200);
        assert!(upper_layer(HOP_BY_HOP, &bytes).is_err());
    }

    #[test]
    fn names_the_header_that_is_cut_off() {
        let error = WireError::truncated(Layer::Ipv6Extension, "header", 24, 8);
        assert_eq!(upper_layer(ROUTING, &[TCP, 2, 0, 0, 0, 0, 0, 0]), Err(Stuck { at: ROUTING, error }));
    }
}
