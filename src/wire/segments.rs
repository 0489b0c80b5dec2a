//! Splits TCP segments that a receiving interface joined.

use std::num::NonZeroU16;

use pnet::packet::tcp::{TcpFlags, TcpPacket};

use crate::model::Family;

use super::checksum::{self, Ends};
use super::datagram::family;
use super::error::WireError;
use super::{ipv4, ipv6, protocol, tcp};

/// Cuts a joined TCP packet into the packets that were on the wire, each with `payload` bytes and the last with the rest.
///
/// Joining keeps the headers of the first segment, options included, adds up the lengths, and takes FIN and PSH from the
/// last segment (Linux: `tcp_gro_receive`). So each packet here is what was on the wire, except for the identification of
/// IPv4, which is assumed to count up. Checksums are computed anew, because the joining checked the old ones.
pub fn segments(packet: &[u8], payload: NonZeroU16) -> Result<impl Iterator<Item = Vec<u8>> + '_, WireError> {
    let layout = Layout::of(packet)?;
    let chunks = layout.stream.chunks(payload.get().into());
    let last = chunks.len().saturating_sub(1);
    // A packet without payload is one segment too.
    let empty = layout.stream.is_empty().then_some(layout.stream);
    let pieces = chunks.chain(empty).enumerate();
    Ok(pieces.map(move |(index, chunk)| layout.segment(index, index >= last, usize::from(payload.get()), chunk)))
}

/// The places of the headers in a TCP packet.
#[derive(Clone, Copy)]
struct Layout<'a> {
    ends: Ends,
    /// All headers.
    head: &'a [u8],
    /// Where the TCP header begins.
    tcp: usize,
    stream: &'a [u8],
}

impl<'a> Layout<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (family, layer) = family(bytes)?;
        let datagram = match family {
            Family::V4 => ipv4::parse(bytes)?,
            Family::V6 => ipv6::parse(bytes)?,
        };
        if datagram.protocol != protocol::TCP {
            return Err(WireError::Unsupported { layer, field: "protocol", have: datagram.protocol.into() });
        }
        let (tcp_header, stream) = tcp::split(datagram.payload)?;
        let tcp = datagram.wire_len as usize - datagram.payload.len();
        let head = bytes.get(..tcp + tcp_header.len()).unwrap_or_default();
        Ok(Self { ends: Ends::of(&datagram.header)?, head, tcp, stream })
    }

    fn segment(&self, index: usize, is_last: bool, payload: usize, chunk: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.head.len() + chunk.len());
        bytes.extend_from_slice(self.head);
        bytes.extend_from_slice(chunk);
        let (ip, tcp) = bytes.split_at_mut(self.tcp);
        match self.ends.family() {
            Family::V4 => ipv4::amend(ip, tcp.len(), index as u16),
            Family::V6 => ipv6::amend(ip, tcp.len()),
        }
        amend(tcp, (index * payload) as u32, index == 0, is_last);
        let sum = checksum::with_pseudo_header(self.ends, protocol::TCP, tcp);
        tcp[tcp::CHECKSUM].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

const SEQUENCE: std::ops::Range<usize> = 4..8;
const FLAGS: usize = 13;

/// Turns the header of the joined packet into that of one segment. Its checksum becomes zero.
fn amend(tcp: &mut [u8], advance: u32, is_first: bool, is_last: bool) {
    let seq = TcpPacket::new(tcp).map_or(0, |view| view.get_sequence()).wrapping_add(advance);
    tcp[SEQUENCE].copy_from_slice(&seq.to_be_bytes());
    if !is_last {
        tcp[FLAGS] &= !(TcpFlags::FIN | TcpFlags::PSH);
    }
    if !is_first {
        tcp[FLAGS] &= !TcpFlags::CWR;
    }
    tcp[tcp::CHECKSUM].fill(0);
}
