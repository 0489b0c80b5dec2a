//! TCP segments (RFC 9293).

use bytes::Bytes;
use pnet::packet::tcp::{MutableTcpPacket, TcpFlags, TcpPacket};

use crate::model::{Flags, Segment, SeqNumber};

use super::checksum::{self, Ends};
use super::datagram::{Checksums, Datagram};
use super::error::{Layer, WireError};
use super::options;
use super::protocol;

/// Bytes of a header without options.
const HEADER: usize = 20;

pub(super) const CHECKSUM: std::ops::Range<usize> = 16..18;

/// Bytes that the segment takes, header included.
pub(super) fn len(segment: &Segment) -> Result<usize, WireError> {
    let options = segment.options_len();
    if options > options::MOST {
        let (field, most) = ("data offset", options::MOST);
        return Err(WireError::TooLarge { layer: Layer::TcpOptions, field, most, have: options });
    }
    Ok(HEADER + options + segment.payload.len())
}

/// Writes the segment into `buffer`, which is as long as [`len`] says and all zero.
pub(super) fn write(segment: &Segment, ends: Ends, buffer: &mut [u8]) -> Result<(), WireError> {
    let header_len = HEADER + segment.options_len();
    let short = WireError::truncated(Layer::Tcp, "segment", len(segment)?, buffer.len());
    let mut view = MutableTcpPacket::new(buffer).ok_or(short)?;
    view.set_source(segment.source_port);
    view.set_destination(segment.destination_port);
    view.set_sequence(segment.seq.0);
    view.set_acknowledgement(segment.ack.0);
    view.set_data_offset((header_len / 4) as u8);
    view.set_flags(to_bits(segment.flags));
    view.set_window(segment.window);
    let (header, payload) = buffer.split_at_mut_checked(header_len).ok_or(short)?;
    options::write(segment, &mut header[HEADER..]);
    payload.copy_from_slice(&segment.payload);
    let sum = checksum::with_pseudo_header(ends, protocol::TCP, buffer);
    buffer[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
    Ok(())
}

/// The header, options included, and the payload.
pub(super) fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let view = TcpPacket::new(bytes).ok_or(WireError::truncated(Layer::Tcp, "header", HEADER, bytes.len()))?;
    let header_len = usize::from(view.get_data_offset()) * 4;
    if header_len < HEADER {
        let have = header_len as u32;
        return Err(WireError::Malformed { layer: Layer::Tcp, field: "data offset", need: "at least 20", have });
    }
    bytes.split_at_checked(header_len).ok_or(WireError::truncated(Layer::Tcp, "options", header_len, bytes.len()))
}

/// Reads the segment that a datagram carries.
pub(super) fn parse(datagram: &Datagram<'_>, checksums: Checksums) -> Result<Segment, WireError> {
    let bytes = datagram.payload;
    let (header, payload) = split(bytes)?;
    let view = TcpPacket::new(bytes).ok_or(WireError::truncated(Layer::Tcp, "header", HEADER, bytes.len()))?;
    if checksums == Checksums::Verify {
        let residue = checksum::with_pseudo_header(Ends::of(&datagram.header)?, protocol::TCP, bytes);
        checksum::verify(residue, view.get_checksum(), Layer::Tcp)?;
    }
    let options = options::parse_tcp_options(&header[HEADER..])?;
    Ok(Segment {
        source_port: view.get_source(),
        destination_port: view.get_destination(),
        seq: SeqNumber(view.get_sequence()),
        ack: SeqNumber(view.get_acknowledgement()),
        flags: from_bits(view.get_flags()),
        window: view.get_window(),
        mss: options.mss,
        sack_permitted: options.sack_permitted,
        sack: options.sack,
        timestamps: options.timestamps,
        payload: Bytes::copy_from_slice(payload),
    })
}

fn to_bits(flags: Flags) -> u8 {
    [
        (flags.syn, TcpFlags::SYN),
        (flags.ack, TcpFlags::ACK),
        (flags.psh, TcpFlags::PSH),
        (flags.rst, TcpFlags::RST),
        (flags.fin, TcpFlags::FIN),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(0, |bits, (_, bit)| bits | bit)
}

fn from_bits(bits: u8) -> Flags {
    let is_set = |bit| bits & bit != 0;
    Flags {
        syn: is_set(TcpFlags::SYN),
        ack: is_set(TcpFlags::ACK),
        psh: is_set(TcpFlags::PSH),
        rst: is_set(TcpFlags::RST),
        fin: is_set(TcpFlags::FIN),
    }
}
