//! A box that drops TCP segments whose bytes the server has acknowledged already, as some firewalls do. It stands on a wire, and
//! knows how far each connection is from the server's acknowledgments.

use std::collections::HashMap;

/// What it has seen of each connection, by the client's port.
#[derive(Default)]
pub(crate) struct OldData {
    acknowledged: HashMap<u16, u32>,
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// What counts of a segment.
struct Segment {
    source_port: u16,
    destination_port: u16,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: u32,
}

impl OldData {
    /// Takes note of a packet from the server.
    pub(crate) fn note(&mut self, packet: &[u8]) {
        if let Some(segment) = parse(packet).filter(|segment| segment.flags & ACK != 0) {
            self.acknowledged.insert(segment.destination_port, segment.ack);
        }
    }

    /// Whether a packet to the server brings it nothing new.
    pub(crate) fn is_old(&self, packet: &[u8]) -> bool {
        let Some(segment) = parse(packet).filter(|segment| segment.flags & SYN == 0 && segment.payload > 0) else {
            return false;
        };
        let acknowledged = self.acknowledged.get(&segment.source_port);
        // RFC 9293, 3.4: sequence numbers are compared modulo 2^32.
        acknowledged.is_some_and(|&ack| ack.wrapping_sub(segment.seq.wrapping_add(segment.payload)).cast_signed() >= 0)
    }
}

/// A TCP segment in an IP packet; none in a fragment, whose end cannot be seen, or behind IPv6 extension headers.
fn parse(packet: &[u8]) -> Option<Segment> {
    let version = packet.first()? >> 4;
    let (header, total) = match version {
        4 if *packet.get(9)? == TCP && short(packet, 6)? & FRAGMENT == 0 => {
            (usize::from(packet[0] & 15) * 4, usize::from(short(packet, 2)?))
        }
        6 if *packet.get(6)? == TCP => (40, 40 + usize::from(short(packet, 4)?)),
        _ => return None,
    };
    let tcp = packet.get(header..)?;
    let offset = usize::from(tcp.get(12)? >> 4) * 4;
    Some(Segment {
        source_port: short(tcp, 0)?,
        destination_port: short(tcp, 2)?,
        seq: long(tcp, 4)?,
        ack: long(tcp, 8)?,
        flags: *tcp.get(13)?,
        payload: u32::try_from(total.checked_sub(header + offset)?).ok()?,
    })
}

const TCP: u8 = 6;
/// "More fragments", and the offset (RFC 791, 3.1).
const FRAGMENT: u16 = 0x3fff;

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(family: u8, from: u16, to: u16, (seq, ack): (u32, u32), payload: u16) -> Vec<u8> {
        let mut packet = if family == 4 { vec![0; 20] } else { vec![0; 40] };
        let length = if family == 4 { 40 + payload } else { 20 + payload }.to_be_bytes();
        packet[0] = if family == 4 { 0x45 } else { 0x60 };
        packet[if family == 4 { 9 } else { 6 }] = TCP;
        let at = if family == 4 { 2 } else { 4 };
        packet[at..at + 2].copy_from_slice(&length);
        packet.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
        packet.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
        packet.extend([0x50, ACK, 0, 0, 0, 0, 0, 0]);
        packet.extend(vec![0; payload.into()]);
        packet
    }

    #[test]
    fn only_what_the_server_has_is_old() {
        for family in [4, 6] {
            let mut seen = OldData::default();
            let to_server = |seq: u32, payload| packet(family, 4000, 25, (seq, 0), payload);
            assert!(!seen.is_old(&to_server(90, 10)), "nothing is known yet");
            seen.note(&packet(family, 25, 4000, (0, 100), 0));
            assert!(seen.is_old(&to_server(90, 10)));
            assert!(!seen.is_old(&to_server(90, 11)), "the last byte is new");
            assert!(!seen.is_old(&to_server(90, 0)), "an acknowledgment is no data");
            assert!(!seen.is_old(&packet(family, 4001, 25, (90, 0), 10)), "another connection");
            seen.note(&packet(family, 25, 4000, (0, 5), 0));
            assert!(seen.is_old(&to_server(u32::MAX, 4)), "numbers wrap");
        }
    }
}
