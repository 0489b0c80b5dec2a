//! What may stand between the IP header and TCP or ICMP: IPv6 extension headers, IPv4 options. Also in quotes.

mod wire_support;

use pmtu_probe::model::{Body, Family, Packet, PacketSize, QuotedTransport, SeqNumber};
use pmtu_probe::wire::{Checksums, Layer, WireError, parse, parse_quote, parse_with};

use wire_support::golden;
use wire_support::hex;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const TCP: u8 = 6;

/// Chains of extension headers before TCP: the number of the first, and their bytes.
fn chains() -> Vec<(u8, Vec<u8>)> {
    vec![
        (HOP_BY_HOP, vec![TCP, 0, 1, 4, 0, 0, 0, 0]),
        (DESTINATION_OPTIONS, vec![TCP, 0, 1, 4, 0, 0, 0, 0]),
        (ROUTING, vec![TCP, 0, 4, 0, 0, 0, 0, 0]),
        (FRAGMENT, vec![TCP, 0, 0, 0, 0, 0, 0, 1]), // atomic: RFC 6946
        (AUTHENTICATION, [&[TCP, 4, 0, 0][..], &[0; 20]].concat()),
        (
            HOP_BY_HOP,
            hex("2b 00 01 04 00000000  33 01 04 00 000000000000000000000000  3c 01 0000 00000001 00000002
                 06 00 01 04 00000000"),
        ),
    ]
}

/// Puts extension headers between the IPv6 header of `bytes` and what follows.
fn extend(bytes: &[u8], first: u8, chain: &[u8]) -> Vec<u8> {
    let mut extended = [&bytes[..40], chain, &bytes[40..]].concat();
    let payload = u16::from_be_bytes([bytes[4], bytes[5]]) + chain.len() as u16;
    extended[4..6].copy_from_slice(&payload.to_be_bytes());
    extended[6] = first;
    extended
}

fn golden_of(name: &str) -> (Vec<u8>, Packet) {
    let golden = golden::all().into_iter().find(|golden| golden.name == name).expect("a golden packet");
    (golden.bytes, golden.packet)
}

#[test]
fn extension_headers_do_not_hide_tcp() {
    let (bytes, packet) = golden_of("IPv6 DSACK of Linux");
    for (first, chain) in chains() {
        let extended = extend(&bytes, first, &chain);
        let parsed = parse(&extended).unwrap_or_else(|error| panic!("{first}: {error}"));
        assert_eq!(parsed.packet, packet, "{first}");
        assert_eq!(parsed.wire_len, PacketSize::new(extended.len() as u32), "{first}");
    }
}

#[test]
fn extension_headers_do_not_hide_tcp_in_a_quote() {
    let (bytes, packet) = golden_of("ICMPv6 PTB that quotes eight bytes of TCP");
    let Body::Error(error) = packet.body else { panic!("an error") };
    for (first, chain) in chains() {
        let quoted = extend(&bytes[48..], first, &chain);
        let quote = parse_quote(Family::V6, &quoted).unwrap_or_else(|error| panic!("{first}: {error}"));
        assert_eq!(quote.transport, error.quote.transport, "{first}");
        assert_eq!(quote.size, PacketSize::new(error.quote.size.bytes() + chain.len() as u32), "{first}");
        // Cut inside the first extension header: its number is all that is known.
        let cut = parse_quote(Family::V6, &quoted[..47]).map(|quote| quote.transport);
        assert_eq!(cut, Ok(QuotedTransport::Other(first)), "{first}");
    }
}

#[test]
fn fragments_of_ipv6_are_named() {
    let (bytes, _) = golden_of("IPv6 DSACK of Linux");
    for (offset_and_flags, offset) in [([0x00, 0x01], 0), ([0x05, 0xa8], 1448), ([0x05, 0xa9], 1448)] {
        let mut chain = [TCP, 0, 0, 0, 0, 0, 0, 1];
        chain[2..4].copy_from_slice(&offset_and_flags);
        let read = parse(&extend(&bytes, FRAGMENT, &chain)).map(|parsed| parsed.packet);
        assert_eq!(read, Err(WireError::Fragment { layer: Layer::Ipv6Extension, offset }));
    }
}

#[test]
fn a_quoted_fragment_has_ports_only_at_its_start() {
    let (bytes, packet) = golden_of("PTB that quotes eight bytes of TCP");
    let Body::Error(error) = packet.body else { panic!("an error") };
    let mut quoted = bytes[28..].to_vec();
    for (flags_and_offset, transport) in [
        ([0x20, 0x00], error.quote.transport),
        ([0x20, 0x01], QuotedTransport::Other(TCP)),
        ([0x00, 0xb9], QuotedTransport::Other(TCP)),
    ] {
        quoted[6..8].copy_from_slice(&flags_and_offset);
        assert_eq!(parse_quote(Family::V4, &quoted).map(|quote| quote.transport), Ok(transport));
    }
}

#[test]
fn ipv4_options_do_not_hide_tcp() {
    let bytes = hex("46 00 002c 0007 4000 40 06 0000 c000020a c6336419  01 01 01 00
                     9c40 0019 00000001 00000002 50 10 0040 0000 0000");
    // RFC 791: the sum of the words 4600 002c 0007 4000 4006 c000 020a c633 6419 0101 0100 is 2b490, folded b492.
    let bytes = [&bytes[..10], &0x4b6d_u16.to_be_bytes(), &bytes[12..]].concat();
    let parsed = parse_with(&bytes, Checksums::Trust).expect("a packet");
    let Body::Tcp(segment) = parsed.packet.body else { panic!("a segment") };
    assert_eq!((segment.source_port, segment.seq, segment.ack), (40000, SeqNumber(1), SeqNumber(2)));
    assert_eq!(parsed.wire_len, PacketSize::new(44));

    let quote = parse_quote(Family::V4, &bytes[..32]).expect("a quote");
    let transport = QuotedTransport::Tcp { source_port: 40000, destination_port: 25, seq: SeqNumber(1) };
    assert_eq!(quote.transport, transport);
}

#[test]
fn header_lengths_that_cannot_be_are_refused() {
    let (bytes, _) = golden_of("SYN with MSS and SACK-permitted");
    let damaged = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        // Right the header checksum, so that nothing but the length is wrong.
        bytes[10..12].copy_from_slice(&[0, 0]);
        let sum: u32 = bytes[..20].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        parse_with(&bytes, Checksums::Trust).map(|parsed| parsed.packet)
    };
    let malformed = |layer, field, need, have| Err(WireError::Malformed { layer, field, need, have });
    assert_eq!(damaged(0, 0x44), malformed(Layer::Ipv4, "header length", "at least 20", 16));
    assert_eq!(damaged(0, 0x55), malformed(Layer::Ipv4, "version", "4 or 6", 5));
    assert_eq!(damaged(3, 19), malformed(Layer::Ipv4, "total length", "at least the header length", 19));
    assert_eq!(damaged(32, 0x40), malformed(Layer::Tcp, "data offset", "at least 20", 16));
    let truncated = WireError::Truncated { layer: Layer::Tcp, field: "options", need: 32, have: 28 };
    assert_eq!(damaged(32, 0x80), Err(truncated));
}

#[test]
fn noise_in_the_length_of_rfc_4884_does_not_cut_the_quote() {
    // The second byte after the checksum was unused before RFC 4884; 1 would leave four bytes of quote.
    let (bytes, packet) = golden_of("time exceeded of Linux");
    for noise in [1, 7, 31, 0xff] {
        let mut bytes = bytes.clone();
        bytes[25] = noise;
        let parsed = parse_with(&bytes, Checksums::Trust).map(|parsed| parsed.packet);
        assert_eq!(parsed, Ok(packet.clone()), "length {noise}");
    }
}

#[test]
fn messages_that_answer_no_probe_are_unsupported() {
    let (bytes, _) = golden_of("time exceeded of Linux");
    let with_type = |kind, code| {
        let mut bytes = bytes.clone();
        (bytes[20], bytes[21]) = (kind, code);
        parse_with(&bytes, Checksums::Trust).map(|parsed| parsed.packet)
    };
    let unsupported = |field, have| Err(WireError::Unsupported { layer: Layer::Icmp, field, have });
    assert_eq!(with_type(11, 1), unsupported("code of time exceeded", 1)); // reassembly
    assert_eq!(with_type(5, 0), unsupported("type", 5)); // redirect
    assert_eq!(with_type(12, 0), unsupported("type", 12)); // parameter problem
}
