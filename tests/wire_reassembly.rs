//! What fragments and joined segments become, in any order and from any hand.

mod wire_support;

use std::num::NonZeroU16;
use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::model::{Body, Echo, Packet, PacketSize, SeqNumber, Timestamp};
use pmtu_probe::wire::{Piece, Reassembled, Reassembler, emit, fragment, parse, segments};
use proptest::prelude::*;

use wire_support::golden::{self, CLIENT6, SERVER6};
use wire_support::strategies::{packet, packet_v4};

fn bytes_of(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(packet, &mut bytes).expect("a packet that can exist");
    bytes
}

/// Fragments of an IPv6 packet of ours with `room` bytes of payload each, as RFC 8200, 4.5 lays them out.
fn fragment_v6(packet: &[u8], room: usize, id: u32) -> Vec<Vec<u8>> {
    let payload = &packet[40..];
    let count = payload.len().div_ceil(room);
    let piece = |(index, chunk): (usize, &[u8])| {
        let mut bytes = packet[..40].to_vec();
        bytes[4..6].copy_from_slice(&(8 + chunk.len() as u16).to_be_bytes());
        bytes[6] = 44;
        let place = (index * room) as u16 | u16::from(index + 1 < count);
        bytes.extend([packet[6], 0]);
        bytes.extend(place.to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend(chunk);
        bytes
    };
    payload.chunks(room).enumerate().map(piece).collect()
}

fn add(reassembler: &mut Reassembler, bytes: &[u8], now: Timestamp) -> Option<Reassembled> {
    reassembler.add(&Piece::read(bytes).expect("a fragment"), now)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

/// A packet with its fragments, of which there are at least two, in any order, some of them twice.
fn shuffled() -> impl Strategy<Value = (Packet, Vec<Vec<u8>>, Vec<Vec<u8>>)> {
    (packet(), 1..40_usize)
        .prop_filter_map("a packet of one piece", |(packet, eights)| {
            let bytes = bytes_of(&packet);
            let headers = if packet.ip.source.is_ipv4() { 20 } else { 48 };
            let pieces = fragment(&bytes, PacketSize::new(headers + eights as u32 * 8)).expect("a whole packet");
            (2..=100).contains(&pieces.len()).then_some((packet, pieces))
        })
        .prop_flat_map(|(packet, pieces)| {
            let repeated = prop::sample::subsequence(pieces.clone(), 0..=pieces.len());
            let order = repeated.prop_map({
                let pieces = pieces.clone();
                move |repeated| [pieces.clone(), repeated].concat()
            });
            (Just(packet), Just(pieces), order.prop_shuffle())
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn fragments_in_any_order_and_number_become_the_packet((packet, pieces, arriving) in shuffled()) {
        let mut reassembler = Reassembler::default();
        let mut seen = Vec::new();
        let mut wholes = Vec::new();
        for piece in &arriving {
            let whole = add(&mut reassembler, piece, Timestamp::ZERO);
            seen.push(piece.clone());
            let is_all = pieces.iter().all(|piece| seen.contains(piece));
            prop_assert_eq!(whole.is_some(), is_all, "with the last piece, and no sooner");
            if is_all {
                seen.clear();
            }
            wholes.extend(whole);
        }
        prop_assert!(!wholes.is_empty());
        for whole in wholes {
            let parsed = parse(&whole.bytes).expect("a whole packet");
            // A packet that travels in pieces has no DF.
            let mut sent = packet.clone();
            sent.ip.dont_fragment = packet.ip.source.is_ipv6();
            prop_assert_eq!(&parsed.packet, &sent);
            let largest = pieces.iter().map(Vec::len).max().expect("pieces");
            prop_assert_eq!(whole.largest_fragment, PacketSize::new(largest as u32));
        }
    }

    #[test]
    fn a_packet_that_lacks_a_piece_never_comes((_, pieces, arriving) in shuffled(), lost in any::<prop::sample::Index>()) {
        let mut reassembler = Reassembler::default();
        let lost = lost.get(&pieces);
        for piece in arriving.iter().filter(|piece| *piece != lost) {
            prop_assert_eq!(add(&mut reassembler, piece, Timestamp::ZERO), None);
        }
    }

    #[test]
    fn a_piece_that_overlaps_spoils_the_packet((_, pieces, arriving) in shuffled(), which in any::<prop::sample::Index>()) {
        // The same place, other bytes: whose are right cannot be known (RFC 5722).
        let mut forged = which.get(&pieces).clone();
        *forged.last_mut().expect("bytes") ^= 1;
        let mut reassembler = Reassembler::default();
        prop_assert_eq!(add(&mut reassembler, &forged, Timestamp::ZERO), None);
        // The forged piece takes the place of the true one: all pieces are needed to see that they contradict it.
        let spoils = arriving.iter().position(|piece| piece == which.get(&pieces)).expect("the true piece");
        prop_assert_eq!(add(&mut reassembler, &arriving[spoils], Timestamp::ZERO), None);
        for piece in &arriving {
            prop_assert_eq!(add(&mut reassembler, piece, at(29)), None);
        }
    }

    #[test]
    fn any_pieces_are_safe(
        first in packet(),
        changes in prop::collection::vec((0..60_usize, any::<u8>(), 0..1600_usize), 1..200),
    ) {
        let mut reassembler = Reassembler::default();
        let mut bytes = fragmentable(&first);
        for (index, (place, value, len)) in changes.into_iter().enumerate() {
            let place = place % bytes.len();
            bytes[place] = value;
            let mut piece = bytes.clone();
            piece.resize(len.max(60), value);
            repair(&mut piece);
            if let Ok(piece) = Piece::read(&piece)
                && let Some(whole) = reassembler.add(&piece, at(index as u64))
            {
                prop_assert!(whole.bytes.len() <= 65_575);
                prop_assert!(whole.largest_fragment.bytes() as usize <= 65_575);
                let _ = parse(&whole.bytes);
            }
        }
    }

    #[test]
    fn joined_segments_come_apart_as_they_were_sent(packet in packet(), payload in 1..3000_u16, parts in 1..9_usize) {
        let Body::Tcp(segment) = &packet.body else { return Ok(()) };
        let mut joined = packet.clone();
        let stream: Vec<u8> = segment.payload.iter().copied().cycle().take(usize::from(payload) * parts).collect();
        let mut sent = segment.clone();
        sent.payload = Bytes::from(stream.clone());
        joined.body = Body::Tcp(sent);
        let whole = bytes_of(&joined);
        let pieces: Vec<_> = segments(&whole, NonZeroU16::new(payload).expect("a size")).expect("TCP").collect();
        let mut expected_seq = segment.seq;
        let mut received = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let parsed = parse(piece).expect("right lengths and checksums");
            prop_assert_eq!(parsed.wire_len, PacketSize::new(piece.len() as u32));
            let Body::Tcp(part) = parsed.packet.body else { panic!("a segment") };
            let is_last = index + 1 == pieces.len();
            prop_assert_eq!(part.seq, expected_seq);
            prop_assert_eq!(part.flags.fin, is_last && segment.flags.fin);
            prop_assert_eq!(part.flags.psh, is_last && segment.flags.psh);
            prop_assert_eq!((part.flags.ack, part.flags.syn), (segment.flags.ack, segment.flags.syn));
            prop_assert_eq!((part.ack, part.window, part.timestamps), (segment.ack, segment.window, segment.timestamps));
            prop_assert_eq!(part.sack, segment.sack);
            prop_assert!(part.payload.len() == usize::from(payload) || is_last);
            expected_seq = expected_seq + part.payload.len() as u32;
            received.extend_from_slice(&part.payload);
        }
        prop_assert_eq!(received, stream);
    }

    #[test]
    fn any_bytes_come_apart_safely(bytes in prop::collection::vec(any::<u8>(), 0..200), payload in 1..300_u16) {
        let _ = Piece::read(&bytes);
        if let Ok(pieces) = segments(&bytes, NonZeroU16::new(payload).expect("a size")) {
            prop_assert!(pieces.count() <= bytes.len());
        }
    }

    #[test]
    fn fragments_of_fragments_join_as_well(packet in packet_v4(), first in 4..20_u32, second in 1..4_u32) {
        let whole = bytes_of(&packet);
        let coarse = fragment(&whole, PacketSize::new(20 + 64 * first)).expect("fragments");
        let fine = coarse.iter().flat_map(|piece| fragment(piece, PacketSize::new(20 + 32 * second)).expect("finer ones"));
        let fine: Vec<_> = fine.collect();
        prop_assume!((2..=128).contains(&fine.len()));
        let mut reassembler = Reassembler::default();
        let wholes: Vec<_> = fine.iter().filter_map(|piece| add(&mut reassembler, piece, Timestamp::ZERO)).collect();
        prop_assert_eq!(wholes.len(), 1);
        prop_assert_eq!(&wholes[0].bytes[20..], &whole[20..]);
    }
}

/// The first fragment of the packet, or the packet made one.
fn fragmentable(packet: &Packet) -> Vec<u8> {
    let bytes = bytes_of(packet);
    if packet.ip.source.is_ipv4() {
        fragment(&bytes, PacketSize::new(60)).expect("an IPv4 packet").swap_remove(0)
    } else {
        fragment_v6(&bytes, 16, 9).swap_remove(0)
    }
}

/// Makes lengths and IPv4's checksum right, so that what is wrong lies deeper.
fn repair(piece: &mut [u8]) {
    let len = piece.len() as u16;
    if piece[0] >> 4 == 4 {
        piece[0] = 0x45;
        piece[2..4].copy_from_slice(&len.to_be_bytes());
        piece[10..12].fill(0);
        let header = etherparse::Ipv4HeaderSlice::from_slice(piece).expect("a header").to_header();
        let sum = header.calc_header_checksum();
        piece[10..12].copy_from_slice(&sum.to_be_bytes());
    } else {
        piece[0] = 0x60 | piece[0] & 0x0f;
        piece[4..6].copy_from_slice(&(len - 40).to_be_bytes());
        piece[6] = 44;
    }
}

fn echo6(payload_len: u32) -> Vec<u8> {
    let mut packet = golden::all().into_iter().next().expect("a packet").packet;
    (packet.ip.source, packet.ip.destination) = (SERVER6, CLIENT6);
    packet.body = Body::EchoReply(Echo { ident: 1, seq: 2, payload_len });
    bytes_of(&packet)
}

#[test]
fn a_packet_is_given_up_after_thirty_seconds() {
    let pieces = fragment_v6(&echo6(1400), 1232, 9);
    let outcome = |seconds: u64| {
        let mut reassembler = Reassembler::default();
        assert_eq!(add(&mut reassembler, &pieces[0], at(100)), None);
        add(&mut reassembler, &pieces[1], at(100 + seconds)).is_some()
    };
    assert!(outcome(29));
    assert!(!outcome(30));
}

#[test]
fn a_spoilt_packet_may_come_again_when_it_is_forgotten() {
    let pieces = fragment_v6(&echo6(1400), 1232, 9);
    let mut forged = pieces[0].clone();
    forged[100] ^= 1;
    let mut reassembler = Reassembler::default();
    for piece in [&pieces[0], &forged, &pieces[1], &pieces[0]] {
        assert_eq!(add(&mut reassembler, piece, at(0)), None);
    }
    assert_eq!(add(&mut reassembler, &pieces[0], at(30)), None);
    assert!(add(&mut reassembler, &pieces[1], at(30)).is_some());
}

#[test]
fn a_flood_drops_the_oldest_and_keeps_the_newest() {
    let packet = echo6(60_000);
    let mut reassembler = Reassembler::default();
    let first = |id| fragment_v6(&packet, 48_000, id).swap_remove(0);
    for id in 0..10_000 {
        assert_eq!(add(&mut reassembler, &first(id), at(0)), None);
    }
    // 4 MiB hold 87 pieces of 48,000 bytes.
    let completes = |reassembler: &mut Reassembler, id| {
        add(reassembler, &fragment_v6(&packet, 48_000, id).swap_remove(1), at(0)).is_some()
    };
    assert!(completes(&mut reassembler, 9_999));
    assert!(completes(&mut reassembler, 9_920));
    assert!(!completes(&mut reassembler, 9_900));
}

#[test]
fn pieces_without_number_spoil_their_packet() {
    let packet = echo6(60_000);
    let pieces = fragment_v6(&packet, 8, 9);
    let mut reassembler = Reassembler::default();
    assert!(pieces.iter().all(|piece| add(&mut reassembler, piece, at(0)).is_none()));
}

#[test]
fn an_atomic_fragment_is_a_whole_packet() {
    let whole = echo6(100);
    let atomic = fragment_v6(&whole, 1000, 9).swap_remove(0);
    assert!(Piece::read(&atomic).is_err());
    assert_eq!(parse(&atomic).expect("a packet").packet, parse(&whole).expect("a packet").packet);
}

#[test]
fn whole_packets_are_no_pieces() {
    for golden in golden::all() {
        assert!(Piece::read(&golden.bytes).is_err(), "{}", golden.name);
    }
}

#[test]
fn a_sequence_number_wraps_within_a_joined_packet() {
    let mut packet = golden::all().into_iter().find(|golden| golden.name == "data of Linux").expect("a packet").packet;
    let Body::Tcp(segment) = &mut packet.body else { panic!("a segment") };
    (segment.seq, segment.payload) = (SeqNumber(u32::MAX - 9), Bytes::from_static(&[b'x'; 25]));
    let bytes = bytes_of(&packet);
    let pieces = segments(&bytes, NonZeroU16::new(10).expect("a size")).expect("TCP");
    let seqs: Vec<u32> = pieces
        .map(|piece| match parse(&piece).expect("a packet").packet.body {
            Body::Tcp(segment) => segment.seq.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [u32::MAX - 9, 0, 10]);
}
