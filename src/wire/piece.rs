//! One fragment, read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet::packet::ipv6::FragmentPacket;

use crate::model::Family;

use super::datagram::family;
use super::error::{Layer, WireError};
use super::{ipv4, ipv6};

/// A fragment of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    pub(super) key: FragmentKey,
    /// Bytes of the packet's payload before this fragment.
    pub(super) start: usize,
    pub(super) more: More,
    pub(super) payload: &'a [u8],
    /// The size of this fragment as its header states it.
    pub(super) wire_len: u32,
    /// All bytes before the payload.
    headers: &'a [u8],
}

/// What the fragments of one packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FragmentKey {
    V4(Ipv4Addr, Ipv4Addr, u8, u16),
    V6(Ipv6Addr, Ipv6Addr, u32),
}

/// Whether fragments follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Follow,
    None,
}

/// All fragments but the last end at a multiple of this (RFC 791, 3.1; RFC 8200, 4.5).
const UNIT: usize = 8;
const MOST_PAYLOAD: usize = u16::MAX as usize;

impl<'a> Piece<'a> {
    /// Reads the fragment at the start of `bytes`. Anything else is an error.
    ///
    /// In IPv6 the fragment header must follow the IPv6 header directly, because no answer to our packets has others.
    pub fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (family, layer) = family(bytes)?;
        let piece = match family {
            Family::V4 => read_v4(bytes)?,
            Family::V6 => read_v6(bytes)?,
        };
        let len = piece.payload.len();
        let is_aligned = piece.more == More::None || len.is_multiple_of(UNIT);
        if len == 0 || !is_aligned {
            let (need, have) = ("a multiple of 8 and not 0", len as u32);
            return Err(WireError::Malformed { layer, field: "payload of a fragment", need, have });
        }
        let end = piece.start + len;
        if end > MOST_PAYLOAD {
            let (field, most) = ("fragment offset and length", MOST_PAYLOAD);
            return Err(WireError::TooLarge { layer, field, most, have: end });
        }
        Ok(piece)
    }

    /// Who sent the packet.
    pub fn source(&self) -> IpAddr {
        match self.key {
            FragmentKey::V4(source, ..) => source.into(),
            FragmentKey::V6(source, ..) => source.into(),
        }
    }

    /// For the first fragment, the headers of the whole packet without the fragment header of IPv6. The length is not set.
    pub(super) fn head(&self) -> Option<Vec<u8>> {
        if self.start > 0 {
            return None;
        }
        let mut head = self.headers.to_vec();
        if matches!(self.key, FragmentKey::V6(..)) {
            head.truncate(ipv6::HEADER);
            head[ipv6::NEXT_HEADER] = *self.headers.get(ipv6::HEADER)?;
        }
        Some(head)
    }
}

fn read_v4(bytes: &[u8]) -> Result<Piece<'_>, WireError> {
    let (header, packet) = ipv4::read_whole(bytes)?;
    if !header.is_fragment() {
        return Err(no_fragment(Layer::Ipv4));
    }
    let (headers, payload) = packet.split_at(header.len);
    Ok(Piece {
        key: FragmentKey::V4(header.source, header.destination, header.protocol, header.id),
        start: usize::from(header.fragment_offset) * UNIT,
        more: more(header.more_fragments),
        payload,
        wire_len: header.total_length.into(),
        headers,
    })
}

fn read_v6(bytes: &[u8]) -> Result<Piece<'_>, WireError> {
    let (header, packet) = ipv6::read_whole(bytes)?;
    if header.protocol != ipv6::FRAGMENT {
        return Err(no_fragment(Layer::Ipv6));
    }
    let len = FragmentPacket::minimum_packet_size();
    let have = packet.len() - ipv6::HEADER;
    let short = WireError::truncated(Layer::Ipv6Extension, "header", len, have);
    let (headers, payload) = packet.split_at_checked(ipv6::HEADER + len).ok_or(short)?;
    let view = FragmentPacket::new(&headers[ipv6::HEADER..]).ok_or(short)?;
    let place = view.get_fragment_offset_with_flags();
    if place & !6 == 0 {
        // RFC 6946: an atomic fragment is a whole packet.
        return Err(no_fragment(Layer::Ipv6Extension));
    }
    Ok(Piece {
        key: FragmentKey::V6(header.source, header.destination, view.get_id()),
        start: usize::from(place & !7),
        more: more(place & 1 != 0),
        payload,
        wire_len: header.wire_len(),
        headers,
    })
}

fn more(follow: bool) -> More {
    if follow { More::Follow } else { More::None }
}

fn no_fragment(layer: Layer) -> WireError {
    WireError::Malformed { layer, field: "fragment offset", need: "that of a fragment", have: 0 }
}

/// Sets the length in `packet`, whose first `head` bytes come from [`Piece::head`]. `None` if it is too long.
pub(super) fn set_length(packet: &mut [u8], head: usize) -> Option<()> {
    let payload = packet.len().checked_sub(head)?;
    match family(packet).ok()?.0 {
        Family::V4 => {
            u16::try_from(packet.len()).ok()?;
            let header = packet.get_mut(..head)?;
            ipv4::defragment(header);
            ipv4::amend(header, payload, 0);
        }
        Family::V6 => {
            u16::try_from(payload).ok()?;
            ipv6::amend(packet.get_mut(..head)?, payload);
        }
    }
    Some(())
}
