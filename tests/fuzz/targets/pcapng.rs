//! What the capture file has, another parser reads back.

use std::time::Duration;

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, PcapBlockOwned, PcapError, PcapNGReader};
use pmtu_probe::model::{Meaning, PacketEvent, PacketEventKind, Refusal, Step, Timestamp};
use pmtu_probe::report::pcapng;
use pmtu_probe::wire::{Checksums, parse_with};

use super::input::Input;

pub(crate) fn capture(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut file = pcapng::header();
    let mut written = Vec::new();
    while !input.is_empty() {
        let kind = input.pick(&[
            PacketEventKind::Sent,
            PacketEventKind::Received,
            PacketEventKind::PassedFirewall,
            PacketEventKind::Refused(Refusal::TooBig),
        ]);
        let at = Duration::from_nanos(u64::from(input.long()) << 16);
        let length = usize::from(input.word()) % 2000;
        let packet = input.take(length);
        let Ok(parsed) = parse_with(packet, Checksums::Trust) else { continue };
        let meaning = input.pick(&[Meaning::Stray, Meaning::Connection(Step::Data), Meaning::AckProbe]);
        let event = PacketEvent { job: 0, at: Timestamp::ZERO, kind, bytes: packet, packet: &parsed.packet, meaning };
        let before = file.len();
        pcapng::push(&mut file, &event, at);
        if file.len() > before {
            written.push((packet.to_vec(), at));
        }
    }
    assert_eq!(read_back(&file), written);
}

/// Every packet with its time.
fn read_back(file: &[u8]) -> Vec<(Vec<u8>, Duration)> {
    let mut reader = PcapNGReader::new(1 << 16, file).expect("a capture");
    let mut packets = Vec::new();
    loop {
        let (length, block) = match reader.next() {
            Ok(read) => read,
            Err(PcapError::Eof) => return packets,
            Err(PcapError::Incomplete(_)) => {
                reader.refill().expect("bytes in memory");
                continue;
            }
            Err(error) => panic!("{error:?}"),
        };
        if let PcapBlockOwned::NG(Block::EnhancedPacket(packet)) = &block {
            let at = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            let bytes = packet.data.get(..packet.caplen as usize).expect("all of the packet").to_vec();
            assert_eq!(packet.caplen, packet.origlen);
            packets.push((bytes, Duration::from_nanos(at)));
        }
        reader.consume(length);
    }
}
