//! Fragments of a packet (RFC 791, 2.3; RFC 8200, 4.5).

use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::ipv6::MutableFragmentPacket;

use crate::model::{Family, PacketSize};

use super::datagram::family;
use super::error::{Layer, WireError};
use super::{ipv4, ipv6};

/// Cuts a whole packet into fragments of at most `largest` bytes each: an IPv4 packet as a router would if DF were not set, an
/// IPv6 packet as only its sender may.
///
/// A packet that fits is returned alone. Packets with IP options or extension headers are refused, because each has its own rule
/// whether fragments repeat it, and no probe has any.
pub fn fragment(packet: &[u8], largest: PacketSize) -> Result<Vec<Vec<u8>>, WireError> {
    match family(packet)?.0 {
        Family::V4 => fragment_v4(packet, largest),
        Family::V6 => fragment_v6(packet, largest),
    }
}

fn fragment_v4(packet: &[u8], largest: PacketSize) -> Result<Vec<Vec<u8>>, WireError> {
    let (header, packet) = ipv4::read_whole(packet)?;
    if header.len != ipv4::HEADER {
        let have = header.len as u32;
        return Err(WireError::Unsupported { layer: Layer::Ipv4, field: "header length", have });
    }
    let payload = &packet[ipv4::HEADER..];
    check_end(&header, payload.len())?;
    if packet.len() <= largest.bytes() as usize {
        return Ok(vec![piece(&ipv4::Ipv4Header { dont_fragment: false, ..header }, payload)?]);
    }
    let room = payload_room(Layer::Ipv4, ipv4::HEADER, largest)?;
    let count = payload.len().div_ceil(room);
    payload
        .chunks(room)
        .enumerate()
        .map(|(index, chunk)| {
            let part = ipv4::Ipv4Header {
                dont_fragment: false,
                more_fragments: header.more_fragments || index + 1 < count,
                fragment_offset: header.fragment_offset + (index * room / 8) as u16,
                total_length: (ipv4::HEADER + chunk.len()) as u16,
                ..header
            };
            piece(&part, chunk)
        })
        .collect()
}

/// The packet may be a fragment itself. Then its end must not lie beyond the largest packet (RFC 791, 3.1).
fn check_end(header: &ipv4::Ipv4Header, payload: usize) -> Result<(), WireError> {
    let end = ipv4::HEADER + usize::from(header.fragment_offset) * 8 + payload;
    let most = usize::from(u16::MAX);
    if end > most {
        return Err(WireError::TooLarge { layer: Layer::Ipv4, field: "fragment offset and length", most, have: end });
    }
    Ok(())
}

fn fragment_v6(packet: &[u8], largest: PacketSize) -> Result<Vec<Vec<u8>>, WireError> {
    let (header, packet) = ipv6::read_plain(packet)?;
    if packet.len() <= largest.bytes() as usize {
        return Ok(vec![packet.to_vec()]);
    }
    let payload = &packet[ipv6::HEADER..];
    let room = payload_room(Layer::Ipv6, ipv6::HEADER + ipv6::FRAGMENT_HEADER, largest)?;
    let count = payload.len().div_ceil(room);
    let identification = identification(payload);
    payload
        .chunks(room)
        .enumerate()
        .map(|(index, chunk)| {
            let more = u16::from(index + 1 < count);
            let mut bytes = vec![0; ipv6::HEADER + ipv6::FRAGMENT_HEADER];
            let payload_length = (ipv6::FRAGMENT_HEADER + chunk.len()) as u16;
            ipv6::Ipv6Header { protocol: ipv6::FRAGMENT, payload_length, ..header }.write(&mut bytes)?;
            if let Some(mut view) = MutableFragmentPacket::new(&mut bytes[ipv6::HEADER..]) {
                view.set_next_header(IpNextHeaderProtocol(header.protocol));
                view.set_fragment_offset_with_flags((index * room) as u16 | more);
                view.set_id(identification);
            }
            bytes.extend_from_slice(chunk);
            Ok(bytes)
        })
        .collect()
}

/// Ports and sequence number of a segment, or what an echo request has in their place, make a number that differs from one probe
/// to the next.
fn identification(payload: &[u8]) -> u32 {
    let word = |at: usize| payload.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
    word(0) ^ word(4)
}

/// Bytes of payload for each fragment but the last: a multiple of eight, because offsets count units of eight bytes.
fn payload_room(layer: Layer, headers: usize, largest: PacketSize) -> Result<usize, WireError> {
    let room = (largest.bytes() as usize).saturating_sub(headers) / 8 * 8;
    if room == 0 {
        let (need, have) = ("its headers and 8 bytes", largest.bytes());
        return Err(WireError::Malformed { layer, field: "size of a fragment", need, have });
    }
    Ok(room)
}

fn piece(header: &ipv4::Ipv4Header, payload: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; ipv4::HEADER];
    header.write(&mut bytes)?;
    bytes.extend_from_slice(payload);
    Ok(bytes)
}
