//! A whole examination: a server that answers as servers do, on a path that may have a hole, until the input changes, drops, repeats,
//! delays or adds something. Whatever comes, nothing panics, and all is over soon after the time is.

mod server;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::examine::Examination;
use pmtu_probe::model::{
    Action, Body, CachedPathMtu, Direction, Echo, Event, Family, FirstFlight, FirstHop, Flags, FlowChoice, IcmpError,
    IcmpErrorKind, IpHeader, KernelSettings, Meaning, MethodChoice, Outgoing, OwnTcp, OwnTcpSetup, Packet, PacketSize,
    Plan, Quote, QuotedTransport, Refusal, RouteMtu, Segment, SeqNumber, Service, Step, Timestamp, Ttl,
};

use super::input::Input;
use server::Server;

/// The program's own default of `--timeout`.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Once the time is over all is said in a hurry: what is still out is reset after this at the latest.
const FAREWELL: Duration = Duration::from_secs(5);
/// Of its own accord; beside that, it may answer each event.
const MOST_PACKETS: u32 = 5000;
/// It may not be woken this often without anything happening.
const MOST_IDLE_POLLS: u32 = 10_000;
const ROUND_TRIP: Duration = Duration::from_millis(20);

pub(crate) fn examination(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let plan = plan(&mut input);
    let path = Path::new(&plan, &mut input);
    let mut world = World {
        examination: Examination::new(plan.clone(), Timestamp::ZERO),
        server: Server::new(plan.service),
        plan,
        path,
        input,
        now: Timestamp::ZERO,
        under_way: VecDeque::new(),
        sent: 0,
        events: 0,
        idle: 0,
        last: None,
    };
    world.until_done();
    let examined = world.examination.examined().expect("done with findings");
    let again = world.examination.judged_again();
    assert_eq!(again.as_ref(), Some(examined), "the same is found again in the record");
    assert!(examined.path_mtu.is_none_or(|size| size <= PacketSize::new(65_535)));
    assert!(examined.findings.len() < 100 && examined.hops.len() <= 64 && examined.sizes.len() < 1000);
}

fn plan(input: &mut Input<'_>) -> Plan {
    let choice = input.byte();
    let family = if choice & 1 == 0 { Family::V4 } else { Family::V6 };
    let [source, destination, _] = addresses(family);
    let port = input.pick(&[25, 25, 25, 25, 465, 443, 7]);
    let interface = PacketSize::new(input.pick(&[1500, 1500, 1500, 1280, 9000, 576, 65_535]));
    let interface = interface.max(PacketSize::new(if family == Family::V4 { 576 } else { 1280 }));
    Plan {
        source,
        destination,
        port,
        first_hop: if choice & 2 == 0 { FirstHop::Router } else { FirstHop::Target },
        local_ports: (40_000..40_026).collect(),
        flow_ports: (41_000..41_000 + u16::from(input.byte() % 16)).collect(),
        direction: input.pick(&[Direction::Both, Direction::Both, Direction::Forward, Direction::Reverse]),
        service: Service::of_port(port),
        server_name: (choice & 4 == 0).then(|| "mx.example.com".into()),
        ptb_test: choice & 8 != 0,
        reverse_ports: (42_000..42_005).collect(),
        flows: if choice & 16 == 0 { FlowChoice::WhenHoled } else { FlowChoice::Always },
        echo_ident: 0x4d54,
        method: input.pick(&[MethodChoice::Auto, MethodChoice::Auto, MethodChoice::Tcp, MethodChoice::Icmp]),
        first_flight: if choice & 4 == 0 { FirstFlight::Ladder } else { FirstFlight::TwoSizes },
        local_mtu: interface,
        kernel_path_mtu: (choice & 32 == 0).then_some(interface),
        kernel_min_pmtu: PacketSize::new(if family == Family::V4 { 552 } else { 1280 }),
        max_size: interface,
        beyond_route: None,
        min_size: PacketSize::new(68),
        own_tcp: own_tcp(choice, interface),
        known_end: None,
        seed: u64::from(input.word()),
    }
}

fn own_tcp(choice: u8, interface: PacketSize) -> OwnTcpSetup {
    let cached = CachedPathMtu { mtu: PacketSize::new(1400), expires_in: None, locked: choice & 128 != 0 };
    OwnTcpSetup {
        port: (choice & 64 == 0).then_some(43_000),
        route_mtu: (choice & 128 != 0).then_some(RouteMtu { mtu: interface, locked: true }),
        route_advmss: None,
        cached: (choice & 32 != 0).then_some(cached),
        settings: KernelSettings { tcp_mtu_probing: Some(choice % 3), ..KernelSettings::default() },
    }
}

/// This host, the server and a router.
fn addresses(family: Family) -> [IpAddr; 3] {
    let texts = match family {
        Family::V4 => ["192.0.2.1", "198.51.100.25", "203.0.113.1"],
        Family::V6 => ["2001:db8:1::1", "2001:db8:2::25", "2001:db8:3::1"],
    };
    texts.map(|text| text.parse().expect("an address"))
}

/// Largest packets that pass, either way, and whether somebody says so.
struct Path {
    there: u32,
    back: u32,
    tells: bool,
    router: IpAddr,
}

impl Path {
    fn new(plan: &Plan, input: &mut Input<'_>) -> Self {
        let size = |input: &mut Input<'_>| input.pick(&[65_535, 65_535, 1500, 1492, 1400, 1280, 600, 40]);
        let [.., router] = addresses(plan.family());
        Self { there: size(input), back: size(input), tells: input.byte() & 1 == 1, router }
    }

    fn ptb_about(&self, packet: &Packet) -> Packet {
        error_about(packet, self.router, IcmpErrorKind::Ptb { mtu: self.there })
    }
}

/// A message of a router about a packet of ours.
fn error_about(packet: &Packet, router: IpAddr, kind: IcmpErrorKind) -> Packet {
    let transport = match &packet.body {
        Body::Tcp(segment) => QuotedTransport::Tcp {
            source_port: segment.source_port,
            destination_port: segment.destination_port,
            seq: segment.seq,
        },
        Body::EchoRequest(echo) | Body::EchoReply(echo) => QuotedTransport::Echo { ident: echo.ident, seq: echo.seq },
        Body::Error(_) => QuotedTransport::Other(17),
    };
    let quote = Quote {
        source: packet.ip.source,
        destination: packet.ip.destination,
        size: packet.size().unwrap_or(PacketSize::new(0)),
        dont_fragment: packet.ip.dont_fragment,
        id: packet.ip.id,
        ttl: Ttl(1),
        transport,
        mss: None,
    };
    let ip = IpHeader {
        source: router,
        destination: packet.ip.source,
        ttl: Ttl(60),
        dont_fragment: false,
        id: packet.ip.id,
    };
    Packet { ip, body: Body::Error(IcmpError { kind, quote, checksum_ok: true }) }
}

struct World<'a> {
    examination: Examination,
    plan: Plan,
    server: Server,
    path: Path,
    input: Input<'a>,
    now: Timestamp,
    /// What is on its way to this host, and when it arrives.
    under_way: VecDeque<(Timestamp, Packet)>,
    sent: u32,
    events: u32,
    idle: u32,
    /// The last packet of ours.
    last: Option<Packet>,
}

impl World<'_> {
    fn until_done(&mut self) {
        let deadline = Timestamp::from_origin(TIMEOUT);
        while let Some(wake) = self.poll_all() {
            assert!(self.now < deadline + FAREWELL, "not done {FAREWELL:?} after the time was over");
            let next = self.under_way.front().map_or(wake, |(at, _)| wake.min(*at));
            if next <= self.now {
                self.idle += 1;
                assert!(self.idle < MOST_IDLE_POLLS, "waits for a time that has passed, again and again");
            }
            self.now = self.now.max(next);
            if self.now >= deadline && self.examination.examined().is_none() {
                self.examination.interrupt(self.now);
            }
            self.deliver();
            if !self.input.is_empty() && self.input.chance(8) {
                self.disturb();
            }
            let late = self.server.late_words(self.now);
            self.send_back(late);
        }
    }

    /// Polls until there is nothing to send; `None` when it is over.
    fn poll_all(&mut self) -> Option<Timestamp> {
        loop {
            match self.examination.poll(self.now) {
                Action::Send(outgoing) => self.send(&outgoing),
                Action::AskOwnTcp => self.tell_of_own_tcp(),
                Action::WaitUntil(at) => return Some(at),
                Action::Done => return None,
            }
        }
    }

    /// Whatever a server says, packets go to it alone, from ports of the plan, and none is larger than what the interface takes.
    fn send(&mut self, outgoing: &Outgoing) {
        let packet = &outgoing.packet;
        self.sent += 1;
        assert!(self.sent <= MOST_PACKETS + self.events, "{} packets after {} events", self.sent, self.events);
        assert_eq!((packet.ip.source, packet.ip.destination), (self.plan.source, self.plan.destination));
        let mut bytes = Vec::new();
        assert!(pmtu_probe::wire::emit(packet, &mut bytes).is_ok(), "it can be written");
        let size = bytes.len() as u32;
        assert!(size <= self.plan.local_mtu.bytes() || outgoing.fragments.is_some(), "{size} bytes");
        match &packet.body {
            Body::Tcp(segment) => {
                assert_eq!(segment.destination_port, self.plan.port);
                let ports = [&self.plan.local_ports, &self.plan.flow_ports, &self.plan.reverse_ports];
                assert!(ports.iter().any(|ports| ports.contains(&segment.source_port)), "port {}", segment.source_port);
            }
            Body::EchoRequest(echo) => assert_eq!(echo.ident, self.plan.echo_ident),
            Body::Error(_) => assert!(self.plan.ptb_test, "a PTB nobody wanted"),
            Body::EchoReply(_) => panic!("a reply that nobody asked for"),
        }
        self.last = Some(packet.clone());
        if self.input.chance(6) {
            return self.refuse(outgoing);
        }
        let fits = size <= self.path.there || outgoing.fragments.is_some();
        if !fits {
            if self.path.tells {
                let ptb = self.path.ptb_about(packet);
                self.send_back(vec![ptb]);
            }
        } else if packet.ip.ttl.0 <= 2 {
            let exceeded = error_about(packet, self.path.router, IcmpErrorKind::TimeExceeded);
            self.send_back(vec![exceeded]);
        } else {
            let answers = self.server.hear(packet, self.now);
            self.send_back(answers);
        }
    }

    fn refuse(&mut self, outgoing: &Outgoing) {
        let refusal = self.input.pick(&[
            Refusal::TooBig,
            Refusal::Forbidden,
            Refusal::NoRoute,
            Refusal::Busy,
            Refusal::InterfaceDown,
        ]);
        let Some(size) = outgoing.packet.size() else { return };
        self.handle(&Event::SendRefused { size, meaning: outgoing.meaning, refusal });
    }

    fn tell_of_own_tcp(&mut self) {
        let told = (!self.input.chance(64)).then(|| OwnTcp {
            full_packet: PacketSize::new(self.input.pick(&[1500, 1400, 0, 65_535, 552])),
            path_mtu: PacketSize::new(self.input.pick(&[1500, 1400, 0, u32::MAX, 552])),
        });
        self.handle(&Event::OwnTcp(told));
    }

    fn send_back(&mut self, packets: Vec<Packet>) {
        for mut packet in packets {
            if packet.size().is_some_and(|size| size.bytes() > self.path.back) {
                continue;
            }
            let mut delay = ROUND_TRIP;
            if self.input.chance(24) {
                match self.input.byte() % 8 {
                    0 => continue,
                    1 => self.under_way.push_back((self.now + delay, packet.clone())),
                    2 => delay = Duration::from_millis(u64::from(self.input.word())),
                    _ => spoil(&mut packet, &mut self.input),
                }
            }
            let at = self.now + delay;
            let place = self.under_way.partition_point(|(other, _)| *other <= at);
            self.under_way.insert(place, (at, packet));
        }
    }

    fn deliver(&mut self) {
        while self.under_way.front().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, packet)) = self.under_way.pop_front() else { return };
            let reaches_kernel = matches!(packet.body, Body::Error(_) | Body::EchoReply(_));
            let event = if self.input.chance(4) {
                let largest_fragment = PacketSize::new(self.input.word().into());
                Event::Reassembled { packet: packet.clone(), largest_fragment }
            } else {
                Event::Received(packet.clone())
            };
            self.handle(&event);
            if reaches_kernel && !self.input.chance(16) {
                self.handle(&Event::KernelSaw(packet));
            }
        }
    }

    /// Something that nobody's packet caused.
    fn disturb(&mut self) {
        let event = match self.input.byte() % 12 {
            0 => Event::CaptureOverrun,
            1 => Event::OwnTcp(None),
            2 => Event::SendRefused {
                size: PacketSize::new(self.input.long()),
                meaning: self.input.pick(&[
                    Meaning::Connection(Step::Open),
                    Meaning::Connection(Step::Data),
                    Meaning::Stray,
                ]),
                refusal: self.input.pick(&[Refusal::TooBig, Refusal::Forbidden, Refusal::Busy]),
            },
            3 => return self.examination.interrupt(self.now),
            4 | 5 => {
                let Some(about) = self.last.clone() else { return };
                let kind = match self.input.byte() % 3 {
                    0 => IcmpErrorKind::TimeExceeded,
                    1 => IcmpErrorKind::Unreachable { code: self.input.byte() % 16 },
                    _ => IcmpErrorKind::Ptb { mtu: self.input.pick(&[0, 68, 552, 1280, 1400, 1499, 1501, u32::MAX]) },
                };
                let mut packet = error_about(&about, self.path.router, kind);
                spoil(&mut packet, &mut self.input);
                self.handle(&Event::KernelSaw(packet.clone()));
                Event::Received(packet)
            }
            6 => {
                let length = usize::from(self.input.byte());
                let Ok(parsed) = pmtu_probe::wire::parse(self.input.take(length)) else { return };
                Event::Received(parsed.packet)
            }
            _ => {
                let Some(mut packet) = self.last.clone() else { return };
                std::mem::swap(&mut packet.ip.source, &mut packet.ip.destination);
                if let Body::Tcp(segment) = &mut packet.body {
                    std::mem::swap(&mut segment.source_port, &mut segment.destination_port);
                    (segment.seq, segment.ack) = (segment.ack, segment.seq + segment.sequence_len());
                }
                spoil(&mut packet, &mut self.input);
                Event::Received(packet)
            }
        };
        self.handle(&event);
    }

    fn handle(&mut self, event: &Event) {
        self.events += 1;
        self.examination.handle(event, self.now);
    }
}

/// Changes something of a packet.
fn spoil(packet: &mut Packet, input: &mut Input<'_>) {
    if input.chance(16) {
        packet.ip.ttl = Ttl(input.byte());
    }
    match &mut packet.body {
        Body::Tcp(segment) => spoil_segment(segment, input),
        Body::EchoReply(Echo { seq, payload_len, .. }) | Body::EchoRequest(Echo { seq, payload_len, .. }) => {
            *seq = input.word();
            *payload_len = input.word().into();
        }
        Body::Error(error) => {
            error.quote.size = PacketSize::new(input.long());
            error.checksum_ok = input.byte() & 1 == 0;
            if let IcmpErrorKind::Ptb { mtu } = &mut error.kind {
                *mtu = input.pick(&[0, 1, 68, 552, 1279, 1280, 1400, 1499, 1501, 65_535, u32::MAX]);
            }
        }
    }
}

fn spoil_segment(segment: &mut Segment, input: &mut Input<'_>) {
    match input.byte() % 12 {
        0 => segment.seq = segment.seq + u32::from(input.word()),
        1 => segment.seq = SeqNumber(segment.seq.0.wrapping_sub(input.word().into())),
        2 => segment.ack = segment.ack + u32::from(input.word()),
        3 => segment.ack = SeqNumber(segment.ack.0.wrapping_sub(input.word().into())),
        4 => segment.window = input.pick(&[0, 1, 500, 64_240, u16::MAX]),
        5 => segment.mss = input.pick(&[None, Some(0), Some(1), Some(536), Some(1220), Some(9000), Some(u16::MAX)]),
        6 => segment.flags = flags(input.byte()),
        7 => segment.sack.push(SeqNumber(input.long()), SeqNumber(input.long())),
        8 => segment.sack.push(segment.ack, segment.ack + u32::from(input.word())),
        9 => segment.flags.fin = true,
        10 => {
            let length = usize::from(input.byte());
            segment.payload = Bytes::copy_from_slice(input.take(length));
        }
        _ => {
            let mut payload = segment.payload.to_vec();
            let at = usize::from(input.word());
            if let Some(byte) = payload.get_mut(at % segment.payload.len().max(1)) {
                *byte ^= input.byte();
            }
            segment.payload = payload.into();
        }
    }
}

fn flags(bits: u8) -> Flags {
    let is_set = |bit: u8| bits & 1 << bit != 0;
    Flags { syn: is_set(0), ack: is_set(1), psh: is_set(2), rst: is_set(3), fin: is_set(4) }
}
