//! The three kinds of block that a capture file needs: pcapng, draft-ietf-opsawg-pcapng, sections 4.1 to 4.3.
//!
//! Every function gives whole blocks, so a writer that writes what it is given never leaves half of one behind.

use std::time::Duration;

use super::transcript;
use crate::model::{PacketEvent, PacketEventKind};

/// The blocks that a file begins with: this program, and one interface of whole IP packets.
pub fn header() -> Vec<u8> {
    let mut out = Vec::new();
    block(&mut out, SECTION_HEADER, |body| {
        body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        let (major, minor): (u16, u16) = (1, 0);
        body.extend(major.to_le_bytes());
        body.extend(minor.to_le_bytes());
        body.extend(LENGTH_UNKNOWN.to_le_bytes());
        option(body, SHB_USERAPPL, concat!("pmtu-probe ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(body, END_OF_OPTIONS, &[]);
    });
    block(&mut out, INTERFACE_DESCRIPTION, |body| {
        body.extend(LINKTYPE_RAW.to_le_bytes());
        body.extend([0; 2]);
        body.extend(SNAPLEN.to_le_bytes());
        option(body, IF_DESCRIPTION, b"packets of pmtu-probe alone, on all interfaces");
        option(body, IF_TSRESOL, &[NANOSECONDS]);
        option(body, END_OF_OPTIONS, &[]);
    });
    out
}

/// Appends a packet with its comment, if it was on the wire. `at` is the time since 1970, UTC.
pub fn push(out: &mut Vec<u8>, event: &PacketEvent<'_>, at: Duration) {
    let Some(comment) = transcript::comment(event) else { return };
    let direction = if event.kind == PacketEventKind::Sent { OUTBOUND } else { INBOUND };
    let (at, len) = (at.as_nanos() as u64, event.bytes.len() as u32);
    block(out, ENHANCED_PACKET, |body| {
        body.extend(FIRST_INTERFACE.to_le_bytes());
        body.extend(((at >> 32) as u32).to_le_bytes());
        body.extend((at as u32).to_le_bytes());
        body.extend(len.to_le_bytes());
        body.extend(len.to_le_bytes());
        padded(body, event.bytes);
        option(body, COMMENT, comment.as_bytes());
        option(body, EPB_FLAGS, &direction.to_le_bytes());
        option(body, END_OF_OPTIONS, &[]);
    });
}

/// Packets of a run that a capture has and lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that are in it.
    pub written: u64,
    /// Those that its limit left out.
    pub left_out: u64,
}

/// Appends the statistics of the interface: what the limit left out, in numbers and in words. A later block replaces an
/// earlier one.
pub fn push_statistics(out: &mut Vec<u8>, counts: Counts, at: Duration, comment: &str) {
    let at = at.as_nanos() as u64;
    block(out, INTERFACE_STATISTICS, |body| {
        body.extend(FIRST_INTERFACE.to_le_bytes());
        body.extend(((at >> 32) as u32).to_le_bytes());
        body.extend((at as u32).to_le_bytes());
        option(body, COMMENT, comment.as_bytes());
        option(body, ISB_IFRECV, &(counts.written + counts.left_out).to_le_bytes());
        option(body, ISB_IFDROP, &counts.left_out.to_le_bytes());
        option(body, ISB_USRDELIV, &counts.written.to_le_bytes());
        option(body, END_OF_OPTIONS, &[]);
    });
}

/// Type, length, body, and the length again, for those who read backwards.
fn block(out: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    fill(out);
    let len = (out.len() - start + 4) as u32;
    out.extend(len.to_le_bytes());
    if let Some(field) = out.get_mut(start + 4..start + 8) {
        field.copy_from_slice(&len.to_le_bytes());
    }
}

/// Code, length and value; what does not fit into the length field is cut off.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(len.to_le_bytes());
    padded(body, &value[..usize::from(len)]);
}

/// Everything begins at a multiple of four bytes.
fn padded(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend_from_slice(bytes);
    body.resize(body.len() + bytes.len().wrapping_neg() % 4, 0);
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// A file that is written as it comes does not know the length of its section.
const LENGTH_UNKNOWN: i64 = -1;
/// IPv4 or IPv6, as the first four bits say.
const LINKTYPE_RAW: u16 = 101;
/// tcpdump's value for "unlimited".
const SNAPLEN: u32 = 262_144;
/// A resolution of 10^-9 seconds.
const NANOSECONDS: u8 = 9;
const FIRST_INTERFACE: u32 = 0;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_USRDELIV: u16 = 8;

const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

#[cfg(test)]
mod tests;
