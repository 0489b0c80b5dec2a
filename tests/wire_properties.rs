//! What holds for every packet, and for any bytes at all.

mod wire_support;

#[path = "fuzz/targets/wire.rs"]
mod checks;

use pmtu_probe::model::{Body, Echo, Family, IcmpErrorKind, Packet, PacketSize};
use pmtu_probe::wire::{Layer, WireError, emit, fragment, parse};
use proptest::prelude::*;

use wire_support::golden;
use wire_support::strategies::{packet, packet_v4};

fn bytes_of(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(packet, &mut bytes).expect("a packet that can exist");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read_back(packet in packet()) {
        let bytes = bytes_of(&packet);
        let parsed = parse(&bytes).expect("our own packet");
        prop_assert_eq!(parsed.wire_len, PacketSize::new(bytes.len() as u32));
        if let Some(size) = packet.size() {
            prop_assert_eq!(parsed.wire_len, size);
        }
        prop_assert_eq!(parsed.packet, packet);
    }

    #[test]
    fn fragments_join_to_the_packet(packet in packet_v4(), largest in 28..2000_u32) {
        let whole = bytes_of(&packet);
        let fragments = fragment(&whole, PacketSize::new(largest)).expect("an IPv4 packet");
        let mut joined = Vec::new();
        for (index, fragment) in fragments.iter().enumerate() {
            let header = etherparse::Ipv4HeaderSlice::from_slice(fragment).expect("a header").to_header();
            prop_assert!(fragment.len() <= largest as usize);
            prop_assert_eq!(usize::from(header.total_len), fragment.len());
            prop_assert_eq!(header.calc_header_checksum(), header.header_checksum);
            prop_assert_eq!(header.identification, packet.ip.id);
            prop_assert!(!header.dont_fragment);
            prop_assert_eq!(header.more_fragments, index + 1 < fragments.len());
            prop_assert_eq!(usize::from(header.fragment_offset.value()) * 8, joined.len());
            joined.extend_from_slice(&fragment[20..]);
        }
        prop_assert_eq!(&joined, &whole[20..]);
        if fragments.len() > 1 {
            let refused = parse(&fragments[1]).map(|parsed| parsed.packet);
            let offset = (fragments[0].len() - 20) as u32;
            prop_assert_eq!(refused, Err(WireError::Fragment { layer: Layer::Ipv4, offset }));
        }
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::packet(&bytes);
        checks::tcp_options(&bytes);
        checks::quote(&bytes);
    }

    #[test]
    fn damaged_packets_are_safe(packet in packet(), damage in prop::collection::vec((any::<u16>(), any::<u8>()), 1..6)) {
        let mut bytes = bytes_of(&packet);
        for (at, value) in damage {
            // Mostly within the headers, where lengths and types stand.
            let at = usize::from(at) % bytes.len().min(120);
            bytes[at] = value;
        }
        checks::packet(&bytes);
        checks::quote(&bytes);
        checks::quote(&bytes[bytes.len().min(28)..]);
    }
}

#[test]
fn a_packet_fills_the_length_field_and_no_more() {
    for (source, destination) in [(golden::CLIENT, golden::SERVER), (golden::CLIENT6, golden::SERVER6)] {
        let family = Family::of(source);
        let largest = family.largest_packet().bytes();
        let mut packet = golden::all().into_iter().next().expect("a packet").packet;
        (packet.ip.source, packet.ip.destination) = (source, destination);
        let echo = |payload_len| Body::EchoRequest(Echo { ident: 1, seq: 2, payload_len });

        packet.body = echo(largest - family.echo_headers());
        assert_eq!(bytes_of(&packet).len(), largest as usize);
        assert_eq!(parse(&bytes_of(&packet)).map(|parsed| parsed.wire_len), Ok(PacketSize::new(largest)));

        packet.body = echo(largest - family.echo_headers() + 1);
        let mut bytes = vec![1, 2, 3];
        let refused = emit(&packet, &mut bytes);
        assert!(matches!(refused, Err(WireError::TooLarge { .. })), "{refused:?}");
        assert!(bytes.is_empty());
    }
}

#[test]
fn packets_that_cannot_exist_are_refused() {
    let [syn, error] = ["SYN with MSS and SACK-permitted", "PTB that quotes eight bytes of TCP"]
        .map(|name| golden::all().into_iter().find(|golden| golden.name == name).expect("a golden packet").packet);

    let mut mixed = syn.clone();
    mixed.ip.destination = golden::SERVER6;
    assert_eq!(emit(&mixed, &mut Vec::new()), Err(WireError::MixedFamilies { layer: Layer::Ipv6 }));

    let Body::Tcp(mut segment) = syn.body.clone() else { panic!("a segment") };
    segment.timestamps = Some((1, 2));
    for block in 0..4 {
        segment.sack.push(segment.seq + block, segment.seq + block + 1);
    }
    let crowded = Packet { body: Body::Tcp(segment), ..syn };
    // MSS 4, SACK-permitted 4, timestamps 12, four SACK blocks 36.
    let refused = WireError::TooLarge { layer: Layer::TcpOptions, field: "data offset", most: 40, have: 56 };
    assert_eq!(emit(&crowded, &mut Vec::new()), Err(refused));

    let Body::Error(mut foreign) = error.body.clone() else { panic!("an error") };
    foreign.quote.source = golden::CLIENT6;
    foreign.quote.destination = golden::SERVER6;
    let foreign = Packet { body: Body::Error(foreign), ..error.clone() };
    assert_eq!(emit(&foreign, &mut Vec::new()), Err(WireError::MixedFamilies { layer: Layer::Quote }));

    for kind in [IcmpErrorKind::Ptb { mtu: 65_536 }, IcmpErrorKind::Unreachable { code: 4 }] {
        let Body::Error(mut wrong) = error.body.clone() else { panic!("an error") };
        wrong.kind = kind;
        let wrong = Packet { body: Body::Error(wrong), ..error.clone() };
        assert!(emit(&wrong, &mut Vec::new()).is_err(), "{kind:?}");
    }
}
