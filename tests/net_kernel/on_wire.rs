//! What was on the wire: segments that interfaces join, fragments, and a message of our own that a kernel believes.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use pmtu_probe::model::{
    Body, Echo, Flags, IcmpError, IcmpErrorKind, IpHeader, Packet, PacketSize, Quote, QuotedTransport, Segment,
    SeqNumber, Timestamp, Ttl,
};
use pmtu_probe::net::capture::{Capture, Checksum, LARGEST_CAPTURE, OnWire, Received};
use pmtu_probe::net::sender::Sender;
use pmtu_probe::net::silent::SilentPorts;
use pmtu_probe::wire::{self, Checksums, Piece, Reassembler};

use crate::lab::{Lab, in_namespaces, ip, sh};
use crate::receiving::{IDENT, PAIRS, drain, ours};

const SERVER_PORT: u16 = 2525;
const FLIGHT: usize = 5000;
const PATIENCE: Duration = Duration::from_secs(5);
/// The MTU of the link.
const MTU: usize = 1500;

fn packet(from: IpAddr, to: IpAddr, body: Body) -> Packet {
    Packet { ip: IpHeader { source: from, destination: to, ttl: Ttl::DEFAULT, dont_fragment: true, id: 7 }, body }
}

fn headers(family_of: IpAddr) -> usize {
    if family_of.is_ipv4() { 40 } else { 60 }
}

/// A TCP of our own that never acknowledges what it is sent, against a kernel's.
struct Client {
    sender: Sender,
    capture: Capture,
    ports: SilentPorts,
}

impl Client {
    fn open() -> Self {
        let ports = SilentPorts::reserve(8).expect("ports");
        let capture = Capture::open(ours(ports.block())).expect("a capture");
        Self { sender: Sender::open(None).expect("a sender"), capture, ports }
    }

    fn send(&self, packet: &Packet) {
        let mut bytes = Vec::new();
        wire::emit(packet, &mut bytes).expect("a packet");
        self.sender.send(&bytes, packet.ip.destination, 0).expect("it leaves");
    }

    /// All segments that arrive from there: how each came, and what was on the wire.
    async fn segments(&self, there: IpAddr, port: u16) -> Vec<Arrived> {
        let received = drain(&self.capture).await;
        let arrived = received.iter().flat_map(|(received, bytes)| cut_up(received, bytes));
        arrived
            .filter(|arrived| arrived.packet.ip.source == there && arrived.segment().destination_port == port)
            .collect()
    }

    /// The answer to a SYN, as soon as it is there: until the next packet of ours, the server measures a round trip.
    async fn syn_ack(&self, there: IpAddr, port: u16) -> Segment {
        let mut buffer = vec![0; LARGEST_CAPTURE];
        loop {
            let received = tokio::time::timeout(PATIENCE, self.capture.recv(&mut buffer)).await.expect("a SYN-ACK");
            let received = received.expect("the capture works");
            for arrived in cut_up(&received, received.bytes(&buffer)) {
                let segment = arrived.segment();
                if arrived.packet.ip.source == there && segment.destination_port == port && segment.flags.syn {
                    return segment.clone();
                }
            }
        }
    }

    /// A connection over which the server has sent its flight; its answers wait in the capture.
    async fn draw_flight(&self, lab: &Lab, here: IpAddr, there: IpAddr, port: u16) -> (TcpListener, TcpStream) {
        let listener = lab.peer(move || TcpListener::bind((there, SERVER_PORT)).expect("a listener"));
        let segment = |seq, ack, flags| Segment::new(port, SERVER_PORT, SeqNumber(seq), SeqNumber(ack), flags);
        let mut syn = segment(1000, 0, Flags::SYN);
        syn.mss = Some((MTU - headers(here)) as u16);
        self.send(&packet(here, there, Body::Tcp(syn)));
        let answer = self.syn_ack(there, port).await;
        self.send(&packet(here, there, Body::Tcp(segment(1001, answer.seq.0.wrapping_add(1), Flags::ACK))));
        let mut stream = accept(&listener);
        stream.write_all(&[b'x'; FLIGHT]).expect("room for the flight");
        (listener, stream)
    }
}

/// A segment that was on the wire.
#[derive(Debug)]
struct Arrived {
    on_wire: OnWire,
    len: usize,
    packet: Packet,
}

impl Arrived {
    fn segment(&self) -> &Segment {
        let Body::Tcp(segment) = &self.packet.body else { panic!("no TCP: {self:?}") };
        segment
    }
}

fn cut_up(received: &Received, bytes: &[u8]) -> Vec<Arrived> {
    let pieces: Vec<Vec<u8>> = match received.on_wire {
        OnWire::Whole => vec![bytes.to_vec()],
        OnWire::Segments(payload) => wire::segments(bytes, payload).expect("TCP").collect(),
        OnWire::UnknownSegments => panic!("this kernel knows the size"),
    };
    let is_ready = received.checksum == Checksum::Ready || received.on_wire != OnWire::Whole;
    let checksums = if is_ready { Checksums::Verify } else { Checksums::Trust };
    let parse = |bytes: &Vec<u8>| {
        let packet = wire::parse_with(bytes, checksums).expect("a packet").packet;
        Arrived { on_wire: received.on_wire, len: bytes.len(), packet }
    };
    pieces.iter().map(parse).collect()
}

fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a mode");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).expect("a mode");
            return stream;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the server did not take our ACK");
}

/// The packets that carry a stream of this length, the last with the rest.
fn full_size_packets(headers: usize) -> Vec<usize> {
    let payload = MTU - headers;
    let rest = FLIGHT % payload;
    [vec![MTU; FLIGHT / payload], vec![headers + rest]].concat()
}

#[test]
fn joined_segments_are_told_apart_with_offloads_on() {
    in_namespaces("on_wire::joined_segments_are_told_apart_with_offloads_on", async |lab| {
        let client = Client::open();
        sh("ethtool -K here gro on tso on gso on");
        // What a virtual neighbour never cut up, and what this end joined again.
        for (offloads, cases) in [("tso on gso on gro on", 0), ("tso off gso off gro on", 4)] {
            lab.peer(move || sh(&format!("ethtool -K there {offloads}")));
            for (index, (here, there)) in PAIRS.map(|(here, there)| (ip(here), ip(there))).into_iter().enumerate() {
                let port = client.ports.block().first() + (cases + index) as u16;
                let connection = client.draw_flight(&lab, here, there, port).await;
                let arrived = client.segments(there, port).await;
                let is_joined = arrived.iter().any(|arrived| arrived.on_wire != OnWire::Whole);
                assert!(is_joined, "{there}, {offloads}: nothing was joined: {arrived:?}");
                let mut sizes = BTreeMap::new();
                for arrived in &arrived {
                    let len = arrived.len;
                    assert_eq!(arrived.packet.size(), Some(PacketSize::new(len as u32)), "{there}: no option left out");
                    // Retransmissions are cut as the first time.
                    assert_eq!(*sizes.entry(arrived.segment().seq.0).or_insert(len), len, "{there}, {offloads}");
                }
                assert_eq!(sizes.into_values().collect::<Vec<_>>(), full_size_packets(headers(here)), "{there}");
                drop(connection);
            }
        }
    });
}

#[test]
fn a_kernel_believes_our_own_message_about_its_segment() {
    in_namespaces("on_wire::a_kernel_believes_our_own_message_about_its_segment", async |lab| {
        const STATED: u32 = 1300;
        let client = Client::open();
        for (index, (here, there)) in PAIRS.map(|(here, there)| (ip(here), ip(there))).into_iter().enumerate() {
            let port = client.ports.block().first() + index as u16;
            let _connection = client.draw_flight(&lab, here, there, port).await;
            let arrived = client.segments(there, port).await;
            let full = arrived.iter().find(|arrived| arrived.len == MTU).expect("a full-size packet");
            let (first, len, segment) = (&full.packet, full.len, full.segment());
            let (source_port, destination_port) = (segment.source_port, segment.destination_port);
            let quote = Quote {
                mss: None,
                source: first.ip.source,
                destination: first.ip.destination,
                size: PacketSize::new(len as u32),
                dont_fragment: first.ip.dont_fragment,
                id: first.ip.id,
                ttl: first.ip.ttl,
                transport: QuotedTransport::Tcp { source_port, destination_port, seq: segment.seq },
            };
            let kind = IcmpErrorKind::Ptb { mtu: STATED };
            client.send(&packet(here, there, Body::Error(IcmpError { kind, quote, checksum_ok: true })));

            let after = client.segments(there, port).await;
            assert!(!after.is_empty(), "{there}: what was too big is sent again");
            let largest = after.iter().map(|arrived| arrived.len).max();
            assert!(largest.is_some_and(|largest| largest <= STATED as usize), "{there}: {after:?}");
            let route = lab.peer(move || sh(&format!("ip route get {here}")));
            assert!(route.contains(&format!("mtu {STATED}")), "{there}: {route}");
        }
    });
}

#[test]
fn fragments_of_a_kernel_become_its_packet() {
    in_namespaces("on_wire::fragments_of_a_kernel_become_its_packet", async |lab| {
        let client = Client::open();
        lab.peer(|| sh("ip route replace 10.9.1.0/24 dev there mtu 1000"));
        lab.peer(|| sh("ip -6 route replace fd09::/64 dev there metric 256 mtu 1280"));
        for ((here, there), mtu) in PAIRS.map(|(here, there)| (ip(here), ip(there))).into_iter().zip([1000, 1280]) {
            let echo = Echo { ident: IDENT, seq: 3, payload_len: 1400 };
            client.send(&packet(here, there, Body::EchoRequest(echo)));
            let arrived = drain(&client.capture).await;
            assert!(arrived.len() > 1, "{there}: {} packets", arrived.len());
            let mut reassembler = Reassembler::default();
            let mut wholes = Vec::new();
            for (_, bytes) in &arrived {
                let piece = Piece::read(bytes).expect("a fragment");
                assert_eq!(piece.source(), there);
                wholes.extend(reassembler.add(&piece, Timestamp::ZERO));
            }
            assert_eq!(wholes.len(), 1, "{there}");
            let largest = arrived.iter().map(|(_, bytes)| bytes.len()).max().expect("fragments");
            assert!(largest <= mtu, "{there}: {largest}");
            assert_eq!(wholes[0].largest_fragment, PacketSize::new(largest as u32), "{there}");
            let whole = wire::parse(&wholes[0].bytes).expect("a packet").packet;
            assert_eq!(whole.body, Body::EchoReply(echo), "{there}");
        }
    });
}
