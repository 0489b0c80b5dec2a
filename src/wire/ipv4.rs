//! The IPv4 header (RFC 791).

use std::net::{IpAddr, Ipv4Addr};

use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::ipv4::{Ipv4Flags, Ipv4Packet, MutableIpv4Packet};

use crate::model::{IpHeader, Ttl};

use super::checksum;
use super::datagram::Datagram;
use super::error::{Layer, WireError};

/// Bytes of a header without options.
pub(super) const HEADER: usize = 20;

const CHECKSUM: std::ops::Range<usize> = 10..12;

/// The fields of an IPv4 header. [`read`] parses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ipv4Header {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) id: u16,
    pub(super) ttl: u8,
    pub(super) protocol: u8,
    pub(super) dont_fragment: bool,
    pub(super) more_fragments: bool,
    /// In units of eight bytes.
    pub(super) fragment_offset: u16,
    pub(super) total_length: u16,
    /// Options included.
    pub(super) len: usize,
}

impl Ipv4Header {
    /// Writes the header, without options, into the first 20 bytes of `buffer`.
    pub(super) fn write(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let have = buffer.len();
        let short = WireError::truncated(Layer::Ipv4, "header", HEADER, have);
        let bytes = buffer.get_mut(..HEADER).ok_or(short)?;
        bytes.fill(0);
        let mut view = MutableIpv4Packet::new(bytes).ok_or(short)?;
        view.set_version(4);
        view.set_header_length((HEADER / 4) as u8);
        view.set_total_length(self.total_length);
        view.set_identification(self.id);
        view.set_flags(self.flags());
        view.set_fragment_offset(self.fragment_offset);
        view.set_ttl(self.ttl);
        view.set_next_level_protocol(IpNextHeaderProtocol(self.protocol));
        view.set_source(self.source);
        view.set_destination(self.destination);
        let sum = checksum::plain(&buffer[..HEADER]);
        buffer[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
        Ok(())
    }

    fn flags(&self) -> u8 {
        let dont_fragment = if self.dont_fragment { Ipv4Flags::DontFragment } else { 0 };
        let more_fragments = if self.more_fragments { Ipv4Flags::MoreFragments } else { 0 };
        dont_fragment | more_fragments
    }

    pub(super) fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset > 0
    }
}

/// Reads the header at the start of `bytes`, options included. Does not require more bytes, because a quote may end anywhere.
pub(super) fn read(bytes: &[u8]) -> Result<Ipv4Header, WireError> {
    let view = Ipv4Packet::new(bytes).ok_or(WireError::truncated(Layer::Ipv4, "header", HEADER, bytes.len()))?;
    let version = view.get_version();
    if version != 4 {
        return Err(WireError::Malformed { layer: Layer::Ipv4, field: "version", need: "4", have: version.into() });
    }
    let header_len = usize::from(view.get_header_length()) * 4;
    if header_len < HEADER {
        let have = header_len as u32;
        return Err(WireError::Malformed { layer: Layer::Ipv4, field: "header length", need: "at least 20", have });
    }
    if bytes.len() < header_len {
        return Err(WireError::truncated(Layer::Ipv4, "options", header_len, bytes.len()));
    }
    Ok(Ipv4Header {
        source: view.get_source(),
        destination: view.get_destination(),
        id: view.get_identification(),
        ttl: view.get_ttl(),
        protocol: view.get_next_level_protocol().0,
        dont_fragment: view.get_flags() & Ipv4Flags::DontFragment != 0,
        more_fragments: view.get_flags() & Ipv4Flags::MoreFragments != 0,
        fragment_offset: view.get_fragment_offset(),
        total_length: view.get_total_length(),
        len: header_len,
    })
}

/// Reads the header of a complete packet and checks its checksum. Returns it and the packet without padding.
pub(super) fn read_whole(bytes: &[u8]) -> Result<(Ipv4Header, &[u8]), WireError> {
    let header = read(bytes)?;
    let total = usize::from(header.total_length);
    if total < header.len {
        let (need, have) = ("at least the header length", u32::from(header.total_length));
        return Err(WireError::Malformed { layer: Layer::Ipv4, field: "total length", need, have });
    }
    let packet = bytes.get(..total).ok_or(WireError::truncated(Layer::Ipv4, "total length", total, bytes.len()))?;
    let field = u16::from_be_bytes([packet[10], packet[11]]);
    checksum::verify(checksum::plain(&packet[..header.len]), field, Layer::Ipv4)?;
    Ok((header, packet))
}

/// Sets the length of the payload in a header, options included. Adds `index` to the identification, because senders
/// count their packets.
pub(super) fn amend(header: &mut [u8], payload: usize, index: u16) {
    let len = header.len();
    let Some(mut view) = MutableIpv4Packet::new(header) else { return };
    view.set_total_length((len + payload) as u16);
    view.set_identification(view.get_identification().wrapping_add(index));
    view.set_checksum(0);
    let sum = checksum::plain(header);
    header[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
}

/// Turns the header of a fragment into that of a whole packet. Its checksum is wrong afterwards.
pub(super) fn defragment(header: &mut [u8]) {
    let Some(mut view) = MutableIpv4Packet::new(header) else { return };
    view.set_flags(view.get_flags() & !Ipv4Flags::MoreFragments);
    view.set_fragment_offset(0);
}

/// Reads a whole packet, which may be followed by padding of the link.
pub(super) fn parse(bytes: &[u8]) -> Result<Datagram<'_>, WireError> {
    let (header, packet) = read_whole(bytes)?;
    if header.is_fragment() {
        return Err(WireError::Fragment { layer: Layer::Ipv4, offset: u32::from(header.fragment_offset) * 8 });
    }
    Ok(Datagram {
        header: IpHeader {
            source: IpAddr::V4(header.source),
            destination: IpAddr::V4(header.destination),
            ttl: Ttl(header.ttl),
            dont_fragment: header.dont_fragment,
            id: header.id,
        },
        protocol: header.protocol,
        payload: &packet[header.len..],
        wire_len: u32::from(header.total_length),
    })
}
