//! Known bytes and their meaning: read, write, cut short, damage.

mod wire_support;

use pmtu_probe::model::{Body, Family, PacketSize};
use pmtu_probe::wire::{
    Checksums, Layer, WireError, emit, fragment, parse, parse_icmp, parse_quote, parse_with, summary,
};

use wire_support::golden::{Golden, all};
use wire_support::hex;

fn golden(name: &str) -> Golden {
    all().into_iter().find(|golden| golden.name == name).expect("a golden packet of this name")
}

#[test]
fn every_packet_is_read_as_it_is_meant() {
    for Golden { name, bytes, packet, .. } in all() {
        let parsed = parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(parsed.packet, packet, "{name}");
        assert_eq!(parsed.wire_len, PacketSize::new(bytes.len() as u32), "{name}");
    }
}

#[test]
fn every_packet_of_ours_is_written_byte_by_byte() {
    let ours: Vec<_> = all().into_iter().filter(|golden| golden.ours).collect();
    assert!(ours.len() >= 9, "{} packets", ours.len());
    let mut buffer = vec![0xee; 3000]; // what stood there before must not show
    for Golden { name, bytes, packet, .. } in ours {
        emit(&packet, &mut buffer).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(buffer, bytes, "{name}");
    }
}

#[test]
fn a_packet_cut_short_anywhere_is_refused() {
    for Golden { name, bytes, .. } in all() {
        for len in 0..bytes.len() {
            let cut = parse(&bytes[..len]);
            assert!(matches!(cut, Err(WireError::Truncated { have, .. }) if have == len), "{name} at {len}: {cut:?}");
        }
    }
}

#[test]
fn padding_after_the_packet_is_no_part_of_it() {
    for Golden { name, mut bytes, packet, .. } in all() {
        let len = bytes.len() as u32;
        bytes.extend([0xa5; 18]);
        let parsed = parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((parsed.packet, parsed.wire_len), (packet, PacketSize::new(len)), "{name}");
    }
}

#[test]
fn one_flipped_bit_never_passes_for_a_packet() {
    for Golden { name, bytes, packet, .. } in all() {
        for bit in 0..bytes.len() * 8 {
            // Traffic class, flow label and hop limit of IPv6 are under no checksum.
            if packet.family() == Family::V6 && (4..32).contains(&bit) || (56..64).contains(&bit) {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 0x80 >> (bit % 8);
            match parse(&damaged).map(|parsed| parsed.packet.body) {
                Err(_) => {}
                Ok(Body::Error(error)) => assert!(!error.checksum_ok, "{name}, bit {bit}"),
                Ok(body) => panic!("{name}, bit {bit}: {body:?}"),
            }
        }
    }
}

#[test]
fn a_trusted_checksum_is_not_looked_at() {
    let Golden { mut bytes, packet, .. } = golden("DSACK of Linux");
    bytes[36..38].copy_from_slice(&[0xbe, 0xef]);
    let refused = parse(&bytes).map(|parsed| parsed.packet);
    assert_eq!(refused, Err(WireError::Checksum { layer: Layer::Tcp, need: 0x97f1, have: 0xbeef }));
    assert_eq!(parse_with(&bytes, Checksums::Trust).map(|parsed| parsed.packet), Ok(packet));
}

#[test]
fn options_that_are_not_kept_show_in_the_length() {
    let Golden { bytes, packet, .. } = golden("SYN-ACK of Linux with timestamps and window scale");
    let parsed = parse(&bytes).expect("a packet");
    assert_eq!(parsed.wire_len, PacketSize::new(60));
    // MSS 4, SACK-permitted and timestamps padded to 4 and 12 as this program would send them: no window scale.
    assert_eq!(packet.size(), Some(PacketSize::new(20 + 20 + 4 + 4 + 12)));
}

#[test]
fn a_quote_is_read_wherever_it_ends_after_the_ip_header() {
    for Golden { name, bytes, packet, .. } in all() {
        let Body::Error(error) = &packet.body else { continue };
        let family = packet.family();
        let header = family.ip_header() as usize;
        let quoted = &bytes[header + 8..];
        for len in 0..quoted.len() {
            let read = parse_quote(family, &quoted[..len]);
            match len {
                len if len < header => {
                    assert!(matches!(read, Err(WireError::Truncated { layer: Layer::Quote, .. })), "{name}: {read:?}");
                }
                len if len < header + 8 => assert_eq!(read.map(|quote| quote.size), Ok(error.quote.size), "{name}"),
                _ => assert_eq!(read, Ok(error.quote), "{name}"),
            }
        }
    }
}

#[test]
fn a_message_without_its_ip_header_is_read_alike() {
    for Golden { name, bytes, packet, .. } in all() {
        if matches!(packet.body, Body::Tcp(_)) {
            continue;
        }
        let message = &bytes[packet.family().ip_header() as usize..];
        let read = parse_icmp(packet.ip.source, packet.ip.destination, message);
        assert_eq!(read.map(|read| read.body), Ok(packet.body), "{name}");
    }
}

#[test]
fn a_fragment_is_named_as_one() {
    let bytes = hex("45 00 001c 0007 00b9 40 11 8dba c000020a c6336419  0102030405060708");
    let expected = WireError::Fragment { layer: Layer::Ipv4, offset: 0xb9 * 8 };
    assert_eq!(parse(&bytes).map(|parsed| parsed.packet), Err(expected));
}

#[test]
fn fragments_of_an_echo_request() {
    // 44 bytes: 24 of payload. At most 43 leaves room for 23, so 16 and then 8.
    let Golden { bytes, .. } = golden("echo request");
    let fragments = fragment(&bytes, PacketSize::new(43)).expect("an IPv4 packet");
    let expected = [
        hex("45 00 0024 0001 2000 40 01 6e81 c000020a c6336419  08 00 ad8a 1234 0001  0001020304050607"),
        hex("45 00 001c 0001 0002 40 01 8e87 c000020a c6336419  08090a0b0c0d0e0f"),
    ];
    assert_eq!(fragments, expected);
}

#[test]
fn a_fragment_may_be_cut_again() {
    // The first fragment of the test above, cut to 8 bytes a piece: both say that more follows (RFC 791, 3.2).
    let first = hex("45 00 0024 0001 2000 40 01 6e81 c000020a c6336419  08 00 ad8a 1234 0001  0001020304050607");
    let fragments = fragment(&first, PacketSize::new(28)).expect("an IPv4 packet");
    let flags_and_offsets: Vec<_> = fragments.iter().map(|fragment| [fragment[6], fragment[7]]).collect();
    assert_eq!(flags_and_offsets, [[0x20, 0x00], [0x20, 0x01]]);
}

#[test]
fn fragments_of_an_icmpv6_echo_request() {
    let Golden { bytes, .. } = golden("ICMPv6 echo request");
    // 40 and 8 for the headers, and 8 bytes of payload in each.
    let fragments = fragment(&bytes, PacketSize::new(56)).expect("an IPv6 packet");
    let payload = &bytes[40..];
    assert!(payload.len() > 8, "{} bytes make no two fragments", payload.len());
    for (index, (piece, chunk)) in fragments.iter().zip(payload.chunks(8)).enumerate() {
        let length = (8 + chunk.len()) as u16;
        assert_eq!(piece[4..6], length.to_be_bytes(), "the payload length");
        assert_eq!(piece[6], 44, "a fragment header follows (RFC 8200, 4.5)");
        assert_eq!(piece[40..42], [58, 0], "ICMPv6, and a reserved byte");
        let more = u16::from((index + 1) * 8 < payload.len());
        assert_eq!(piece[42..44], ((8 * index as u16) | more).to_be_bytes(), "the offset and the flag");
        assert_eq!(piece[44..48], fragments[0][44..48], "one identification");
        assert_eq!(&piece[48..], chunk);
    }
    assert_eq!(fragments.len(), payload.len().div_ceil(8));
}

#[test]
fn only_a_whole_packet_is_fragmented() {
    let small = PacketSize::new(68);
    assert!(fragment(&golden("ICMPv6 echo request").bytes, PacketSize::new(48)).is_err());
    assert!(fragment(&golden("ICMPv6 echo request").bytes[..43], small).is_err());
    let pieces = fragment(&golden("ICMPv6 echo request").bytes, PacketSize::new(56)).expect("an IPv6 packet");
    assert!(fragment(&pieces[0], PacketSize::new(56)).is_err(), "a sender cuts a packet once");
    assert!(fragment(&golden("echo request").bytes[..43], small).is_err());
    assert!(fragment(&golden("echo request").bytes, PacketSize::new(27)).is_err());
}

#[test]
fn summaries_read_like_tcpdump() {
    let lines = [
        (
            "SYN with MSS and SACK-permitted",
            "IP 192.0.2.10.40000 > 198.51.100.25.25: Flags [S], seq 16909060, win 65535, mss 1460, sackOK, length 0, \
             size 48, ttl 64, DF, id 4660",
        ),
        (
            "DSACK of Linux",
            "IP 198.51.100.25.2525 > 192.0.2.10.58240: Flags [.], seq 3435695214, ack 2650512443, win 64, \
             sack {2650512437:2650512443}, length 0, size 52, ttl 63, DF, id 17622",
        ),
        (
            "ICMPv6 echo reply of Linux",
            "IP6 2001:db8:2::25 > 2001:db8:1::10: echo reply, id 4660, seq 1, length 16, size 64, hlim 63, flow 25870",
        ),
        (
            "PTB that quotes eight bytes of TCP",
            "IP 203.0.113.1 > 192.0.2.10: packet too big, mtu 1400, about [192.0.2.10.40000 > 198.51.100.25.25: \
             seq 16909312, size 1401, ttl 62, DF, id 1401], ttl 253, id 9",
        ),
    ];
    for (name, line) in lines {
        assert_eq!(summary(&golden(name).packet), line);
    }
}
