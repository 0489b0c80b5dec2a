//! Turns what the capture delivers into the packets that were on the wire.

use std::net::IpAddr;
use std::num::NonZeroU16;

use tracing::debug;

use crate::model::{Event, Family, Packet, Timestamp};
use crate::net::capture::{Checksum, OnWire, Received};
use crate::wire::{self, Checksums, Parsed, Piece, Reassembled, Reassembler, WireError};

/// Takes the packets.
pub(super) trait PacketSink {
    /// Whether packets from this address may be of use.
    fn knows(&self, address: IpAddr) -> bool;
    /// Takes one packet and its bytes.
    fn deliver(&mut self, event: &Event, bytes: &[u8]);
}

/// Splits joined segments and puts fragments together.
#[derive(Debug, Default)]
pub(super) struct Ingress {
    reassembler: Reassembler,
}

impl Ingress {
    /// Delivers each packet as its sender made it: joined segments are split again, and fragments are put together.
    /// `bytes` are those of `received`.
    pub(super) fn take(&mut self, received: Received, bytes: &[u8], now: Timestamp, to: &mut impl PacketSink) {
        let checksums = match received.checksum {
            Checksum::Ready => Checksums::Verify,
            Checksum::NotReady => Checksums::Trust,
        };
        match received.on_wire {
            OnWire::Whole => match wire::parse_with(bytes, checksums) {
                Err(WireError::Fragment { .. }) => self.reassemble(bytes, now, to),
                parsed => deliver(parsed, Event::Received, bytes, to),
            },
            OnWire::Segments(payload) => split(bytes, payload, to),
            OnWire::UnknownSegments => split(bytes, assumed_payload(bytes), to),
        }
    }

    fn reassemble(&mut self, bytes: &[u8], now: Timestamp, to: &mut impl PacketSink) {
        let piece = match Piece::read(bytes) {
            Ok(piece) if to.knows(piece.source()) => piece,
            Ok(_) => return,
            Err(error) => return debug!(%error, "fragment ignored"),
        };
        let Some(Reassembled { bytes, largest_fragment }) = self.reassembler.add(&piece, now) else { return };
        let event = |packet| Event::Reassembled { packet, largest_fragment };
        deliver(wire::parse(&bytes), event, &bytes, to);
    }
}

fn deliver(
    parsed: Result<Parsed, WireError>,
    event: impl FnOnce(Packet) -> Event,
    bytes: &[u8],
    to: &mut impl PacketSink,
) {
    match parsed {
        Ok(parsed) => to.deliver(&event(parsed.packet), bytes),
        Err(error) => debug!(%error, "packet ignored"),
    }
}

fn split(bytes: &[u8], payload: NonZeroU16, to: &mut impl PacketSink) {
    let segments = match wire::segments(bytes, payload) {
        Ok(segments) => segments,
        Err(error) => return debug!(%error, "joined packet ignored"),
    };
    for segment in segments {
        deliver(wire::parse(&segment), Event::Received, &segment, to);
    }
}

/// The payload that every path must carry (RFC 9293, 3.7.1: 536 bytes in IPv4, 1220 in IPv6), for segments of unknown size.
/// So the stream goes on, and no size is claimed that was never on the wire.
fn assumed_payload(bytes: &[u8]) -> NonZeroU16 {
    let is_ipv4 = bytes.first().is_some_and(|first| first >> 4 == 4);
    let payload = if is_ipv4 { 536 } else { Family::V6.minimum_mtu().to_mss(Family::V6) };
    NonZeroU16::new(payload).unwrap_or(NonZeroU16::MIN)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bytes::Bytes;

    use super::*;
    use crate::model::{Body, Flags, IpHeader, PacketSize, Segment, SeqNumber, Ttl};

    const SERVER: [&str; 2] = ["198.51.100.25", "2001:db8::25"];
    const HERE: [&str; 2] = ["192.0.2.10", "2001:db8::10"];

    fn data(family: usize, payload: usize) -> Packet {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mut segment = Segment::new(25, 40_000, SeqNumber(1000), SeqNumber(1), Flags::PSH_ACK);
        segment.payload = Bytes::from((0..payload).map(|n| n as u8).collect::<Vec<_>>());
        let (source, destination) = (ip(SERVER[family]), ip(HERE[family]));
        Packet {
            ip: IpHeader { source, destination, ttl: Ttl(60), dont_fragment: family == 1, id: 7 },
            body: Body::Tcp(segment),
        }
    }

    fn bytes_of(packet: &Packet) -> Vec<u8> {
        let mut bytes = Vec::new();
        wire::emit(packet, &mut bytes).expect("a packet");
        bytes
    }

    fn received(on_wire: OnWire) -> Received {
        Received { start: 0, len: 0, interface: 1, checksum: Checksum::Ready, on_wire }
    }

    struct RecordingSink {
        knows: bool,
        received: Vec<(Event, Vec<u8>)>,
    }

    impl PacketSink for RecordingSink {
        fn knows(&self, _: IpAddr) -> bool {
            self.knows
        }

        fn deliver(&mut self, event: &Event, bytes: &[u8]) {
            self.received.push((event.clone(), bytes.to_vec()));
        }
    }

    fn sizes(packet: &Packet, on_wire: OnWire) -> Vec<usize> {
        let mut sink = RecordingSink { knows: true, received: Vec::new() };
        Ingress::default().take(received(on_wire), &bytes_of(packet), Timestamp::ZERO, &mut sink);
        let payload = |event: &Event| match event {
            Event::Received(Packet { body: Body::Tcp(segment), .. }) => segment.payload.clone(),
            other => panic!("{other:?}"),
        };
        let stream: Vec<u8> = sink.received.iter().flat_map(|(event, _)| payload(event)).collect();
        let Body::Tcp(segment) = &packet.body else { panic!("a segment") };
        assert_eq!(stream, segment.payload, "nothing of the stream is lost");
        sink.received.iter().map(|(_, bytes)| bytes.len()).collect()
    }

    #[test]
    fn a_joined_packet_never_counts_as_one() {
        let payload = NonZeroU16::new(1460).expect("a size");
        assert_eq!(sizes(&data(0, 5000), OnWire::Segments(payload)), [1500, 1500, 1500, 660]);
        assert_eq!(sizes(&data(0, 1200), OnWire::UnknownSegments), [576, 576, 168]);
        assert_eq!(sizes(&data(1, 2500), OnWire::UnknownSegments), [1280, 1280, 120]);
        assert_eq!(sizes(&data(1, 5000), OnWire::Whole), [5060], "loopback carries that");
    }

    #[test]
    fn fragments_of_the_known_are_delivered_once_and_whole() {
        let whole = data(0, 3000);
        let pieces = wire::fragment(&bytes_of(&whole), PacketSize::new(1400)).expect("fragments");
        let take = |knows| {
            let (mut ingress, mut sink) = (Ingress::default(), RecordingSink { knows, received: Vec::new() });
            for piece in &pieces {
                ingress.take(received(OnWire::Whole), piece, Timestamp::ZERO, &mut sink);
            }
            sink.received
        };
        // 1400 - 20 bytes of payload, cut down to a multiple of eight.
        let largest_fragment = PacketSize::new(20 + 1376);
        let event = Event::Reassembled { packet: whole.clone(), largest_fragment };
        assert_eq!(take(true), [(event, bytes_of(&whole))]);
        assert_eq!(take(false), []);
    }
}
