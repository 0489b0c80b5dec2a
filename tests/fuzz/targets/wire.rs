//! Bytes of the network: packets, the options of TCP, what ICMP errors quote, fragments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

use pmtu_probe::model::{
    Body, Family, Flags, IcmpError, IcmpErrorKind, IpHeader, Packet, PacketSize, Segment, SeqNumber, Timestamp, Ttl,
};
use pmtu_probe::wire::{
    Checksums, Piece, Reassembler, emit, fragment, parse, parse_icmp, parse_quote, parse_tcp_options, parse_with,
    segments, summary,
};

/// A whole packet: with and without checksums, and as something to fragment.
pub(crate) fn packet(bytes: &[u8]) {
    let trusting = parse_with(bytes, Checksums::Trust);
    if let Ok(parsed) = &trusting {
        assert!(parsed.wire_len.bytes() as usize <= bytes.len(), "a packet is no longer than its bytes");
        assert!(!summary(&parsed.packet).is_empty());
        survives_the_wire(&parsed.packet);
    }
    if let Ok(strict) = parse(bytes) {
        let trusting = trusting.expect("what passes the checksum passes without it");
        assert_eq!(trusting.wire_len, strict.wire_len);
        assert_eq!(trusting.packet.ip, strict.packet.ip);
    }
    check_fragments(bytes);
    check_segments(bytes);
    check_piece(bytes);
    for family in [Family::V4, Family::V6] {
        // The bytes as a raw ICMP socket would deliver them.
        let IpHeader { source, destination, .. } = header(family);
        if let Ok(message) = parse_icmp(source, destination, bytes) {
            survives_the_wire(&message);
        }
    }
}

/// The options part of a TCP header.
pub(crate) fn tcp_options(bytes: &[u8]) {
    let Ok(options) = parse_tcp_options(bytes) else { return };
    let segment = Segment {
        mss: options.mss,
        sack_permitted: options.sack_permitted,
        sack: options.sack,
        timestamps: options.timestamps,
        ..Segment::new(25, 40000, SeqNumber(1), SeqNumber(2), Flags::ACK)
    };
    survives_the_wire(&Packet { ip: header(Family::V4), body: Body::Tcp(segment) });
}

/// The packet that an ICMP error quotes, taken for one of each family.
pub(crate) fn quote(bytes: &[u8]) {
    for family in [Family::V4, Family::V6] {
        let Ok(quote) = parse_quote(family, bytes) else { continue };
        let error = IcmpError { kind: IcmpErrorKind::TimeExceeded, quote, checksum_ok: true };
        let packet = Packet { ip: header(family), body: Body::Error(error) };
        assert!(emit(&packet, &mut Vec::new()).is_ok(), "a quote that was read can be written");
        survives_the_wire(&packet);
    }
}

/// What `emit` writes, `parse` reads back the same. Options may need more room with our padding than they had: then
/// there is nothing to read back. A quote is written as RFC 792 has it, with eight bytes of TCP, which hold no MSS.
fn survives_the_wire(packet: &Packet) {
    let mut packet = packet.clone();
    if let Body::Error(error) = &mut packet.body {
        error.quote.mss = None;
    }
    let packet = &packet;
    let mut bytes = Vec::new();
    if emit(packet, &mut bytes).is_err() {
        assert!(bytes.is_empty(), "no half a packet");
        return;
    }
    let again = parse(&bytes).expect("our own packet is well-formed");
    assert_eq!(&again.packet, packet);
    assert_eq!(again.wire_len.bytes() as usize, bytes.len());
    if let Some(size) = packet.size() {
        assert_eq!(size, again.wire_len);
    }
}

fn check_fragments(bytes: &[u8]) {
    let largest = PacketSize::new(bytes.first().map_or(68, |byte| u32::from(*byte) + 20));
    let Ok(fragments) = fragment(bytes, largest) else { return };
    let is_v4 = bytes[0] >> 4 == 4;
    let at = if is_v4 { 2 } else { 4 };
    let stated = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let (header, total) = if is_v4 { (20, stated) } else { (40, 40 + stated) };
    let headers = if is_v4 || fragments.len() == 1 { header } else { 48 };
    let payload: Vec<u8> = fragments.iter().flat_map(|fragment| fragment[headers..].to_vec()).collect();
    assert_eq!(payload, &bytes[header..total], "the fragments hold the packet, in order");
    for fragment in &fragments {
        assert!(fragment.len() <= largest.bytes() as usize);
    }
}

/// A joined packet comes apart into packets with the same payload in all.
fn check_segments(bytes: &[u8]) {
    let Ok(pieces) = segments(bytes, NonZeroU16::MIN) else { return };
    let joined = parse_with(bytes, Checksums::Trust);
    let mut stream = Vec::new();
    for piece in pieces {
        match (parse(&piece), &joined) {
            (Ok(part), Ok(_)) => match part.packet.body {
                Body::Tcp(segment) => stream.extend_from_slice(&segment.payload),
                other => panic!("a segment became {other:?}"),
            },
            // Options that cannot be read are no better in the pieces.
            (Err(_), Err(_)) => {}
            (part, joined) => panic!("{part:?} came of {joined:?}"),
        }
    }
    if let Ok(Body::Tcp(segment)) = joined.map(|parsed| parsed.packet.body) {
        assert_eq!(stream, segment.payload);
    }
}

/// A fragment is no packet, and one alone makes none.
fn check_piece(bytes: &[u8]) {
    let Ok(piece) = Piece::read(bytes) else { return };
    assert!(parse_with(bytes, Checksums::Trust).is_err(), "a fragment is no packet");
    assert!(Reassembler::default().add(&piece, Timestamp::ZERO).is_none(), "a fragment is not all of it");
}

fn header(family: Family) -> IpHeader {
    let (source, destination) = match family {
        Family::V4 => (Ipv4Addr::new(192, 0, 2, 10).into(), Ipv4Addr::new(198, 51, 100, 25).into()),
        Family::V6 => (documentation(1), documentation(2)),
    };
    IpHeader { source, destination, ttl: Ttl::DEFAULT, dont_fragment: true, id: 7 }
}

fn documentation(host: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host).into()
}
