//! Fragments of an IPv4 packet (RFC 791, 2.3).

use crate::model::PacketSize;

use super::error::{Layer, WireError};
use super::ipv4;

/// Cuts a whole IPv4 packet into fragments of at most `largest` bytes each, as a router would if DF were not set.
///
/// A packet that fits is returned alone. Packets with IP options are refused, because each option has its own rule
/// whether fragments repeat it, and no probe has options.
pub fn fragment(packet: &[u8], largest: PacketSize) -> Result<Vec<Vec<u8>>, WireError> {
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
    let room = payload_room(largest)?;
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

/// Bytes of payload for each fragment but the last: a multiple of eight, because offsets count units of eight bytes.
fn payload_room(largest: PacketSize) -> Result<usize, WireError> {
    let room = (largest.bytes() as usize).saturating_sub(ipv4::HEADER) / 8 * 8;
    if room == 0 {
        let (need, have) = ("at least 28", largest.bytes());
        return Err(WireError::Malformed { layer: Layer::Ipv4, field: "size of a fragment", need, have });
    }
    Ok(room)
}

fn piece(header: &ipv4::Ipv4Header, payload: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; ipv4::HEADER];
    header.write(&mut bytes)?;
    bytes.extend_from_slice(payload);
    Ok(bytes)
}
