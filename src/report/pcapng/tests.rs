//! pcap-parser reads back what is written.

use std::time::Duration;

use bytes::Bytes;
use pcap_parser::pcapng::{Block, OptionCode, PcapNGOption, parse_block_le};
use pcap_parser::traits::PcapNGPacketBlock;

use super::*;
use crate::model::{
    Body, Flags, IpHeader, Meaning, Packet, PacketSize, Probe, Purpose, Refusal, Segment, SeqNumber, Technique,
    Timestamp, Ttl,
};

fn packet() -> Packet {
    let (source, destination) = ("192.0.2.1".parse().unwrap(), "192.0.2.25".parse().unwrap());
    let ip = IpHeader { source, destination, ttl: Ttl::DEFAULT, dont_fragment: true, id: 1 };
    let mut segment = Segment::new(40_000, 25, SeqNumber(1), SeqNumber(1), Flags::PSH_ACK);
    segment.payload = Bytes::from_static(b"x");
    Packet { ip, body: Body::Tcp(segment) }
}

fn event<'a>(kind: PacketEventKind, bytes: &'a [u8], packet: &'a Packet) -> PacketEvent<'a> {
    let probe =
        Probe { technique: Technique::OldData, size: PacketSize::new(bytes.len() as u32), purpose: Purpose::Search };
    PacketEvent { job: 0, at: Timestamp::ZERO, kind, bytes, packet, meaning: Meaning::Probe(probe) }
}

fn value<'a>(options: &'a [PcapNGOption<'a>], code: OptionCode) -> &'a [u8] {
    let found: Vec<_> = options.iter().filter(|option| option.code == code).collect();
    assert_eq!(found.len(), 1, "{code:?}");
    &found[0].value[..usize::from(found[0].len)]
}

/// Every block of a file; nothing may be left over.
fn blocks(mut file: &[u8]) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let (rest, block) = parse_block_le(file).unwrap();
        blocks.push(block);
        file = rest;
    }
    blocks
}

#[test]
fn the_header_names_the_program_and_whole_ip_packets() {
    let header = header();
    let blocks = blocks(&header);
    let [Block::SectionHeader(section), Block::InterfaceDescription(interface)] = &blocks[..] else { panic!() };
    let program = format!("pmtu-probe {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(value(&section.options, OptionCode(4)), program.as_bytes());
    assert_eq!((section.major_version, section.minor_version, section.section_len), (1, 0, -1));
    assert_eq!(interface.linktype, pcap_parser::Linktype::RAW);
    assert_eq!(interface.ts_resolution(), Some(1_000_000_000));
}

#[test]
fn packets_come_back_with_time_direction_and_comment() {
    let packet = packet();
    let at = Duration::new(1_780_000_000, 123_456_789);
    // Every remainder of a division by four needs other padding.
    let rows: Vec<(PacketEventKind, Vec<u8>)> = (41..=44)
        .flat_map(|len| [(PacketEventKind::Sent, vec![0x60; len]), (PacketEventKind::Received, vec![0x60; len])])
        .chain([(PacketEventKind::Sent, vec![0x60; 65_575])])
        .collect();
    let mut file = header();
    for (kind, bytes) in &rows {
        push(&mut file, &event(*kind, bytes, &packet), at);
    }
    let blocks = blocks(&file).split_off(2);
    assert_eq!(blocks.len(), rows.len());
    for (block, (kind, bytes)) in blocks.iter().zip(&rows) {
        let Block::EnhancedPacket(read) = block else { panic!() };
        assert_eq!(read.packet_data(), &bytes[..]);
        assert_eq!((read.caplen as usize, read.origlen as usize), (bytes.len(), bytes.len()));
        let time = (u64::from(read.ts_high) << 32) | u64::from(read.ts_low);
        assert_eq!(time, 1_780_000_000_123_456_789);
        let comment = format!("probe {}, DF, old data", bytes.len());
        assert_eq!(value(&read.options, OptionCode(1)), comment.as_bytes());
        // Bits 0 and 1 of the flags: 01 inbound, 10 outbound.
        let direction: u32 = if *kind == PacketEventKind::Received { 0b01 } else { 0b10 };
        assert_eq!(value(&read.options, OptionCode(2)), direction.to_le_bytes());
    }
}

#[test]
fn what_was_not_on_the_wire_is_not_in_the_file() {
    let packet = packet();
    let mut file = Vec::new();
    push(&mut file, &event(PacketEventKind::Refused(Refusal::TooBig), &[0x45; 41], &packet), Duration::ZERO);
    push(&mut file, &event(PacketEventKind::PassedFirewall, &[], &packet), Duration::ZERO);
    assert!(file.is_empty());
}

#[test]
fn what_was_left_out_is_told_in_numbers_and_in_words() {
    let mut file = header();
    push_statistics(&mut file, Counts { written: 7, left_out: 40_000 }, Duration::new(1_780_000_000, 5), "why it ends");
    let blocks = blocks(&file).split_off(2);
    let [Block::InterfaceStatistics(statistics)] = &blocks[..] else { panic!("{blocks:?}") };
    let number = |code| u64::from_le_bytes(value(&statistics.options, OptionCode(code)).try_into().unwrap());
    // isb_ifrecv, isb_ifdrop, isb_usrdeliv
    assert_eq!([number(4), number(5), number(8)], [40_007, 40_000, 7]);
    assert_eq!(value(&statistics.options, OptionCode(1)), b"why it ends");
    assert_eq!((u64::from(statistics.ts_high) << 32) | u64::from(statistics.ts_low), 1_780_000_000_000_000_005);
}
