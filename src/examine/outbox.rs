//! The only exit: every packet of an examination gets its IP header here, is paced and counted here, and leaves from here.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{
    Body, Echo, Family, Flags, IpHeader, Meaning, Outgoing, Packet, PacketSize, Plan, Segment, SeqNumber, Step,
    Timestamp, Ttl,
};

use super::filler::filler;
use super::half_open::HalfOpen;
use super::random::Random;

/// What leaves, in which header, and how much has left.
#[derive(Debug)]
pub(super) struct Outbox {
    source: IpAddr,
    destination: IpAddr,
    family: Family,
    /// Ports of other flows and further connections. In IPv6 each has a flow label of its own.
    other_ports: Vec<u16>,
    /// Ports of connections that fetch certificates: their SYNs are no probes.
    fetching_ports: Vec<u16>,
    random: Random,
    pacer: Pacer,
    next_id: u16,
    /// In IPv6 all packets of one flow carry one label (RFC 6437), or load balancers would take each for a flow of its own.
    flow_label: u16,
    probes_sent: u32,
    bytes_sent: u64,
    half_open: HalfOpen,
}

impl Outbox {
    pub(super) fn new(plan: &Plan, mut random: Random) -> Self {
        let next_id = (random.next() as u16).max(1);
        Self {
            source: plan.source,
            destination: plan.destination,
            family: plan.family(),
            other_ports: plan.flow_ports.iter().chain(&plan.reverse_ports).copied().collect(),
            fetching_ports: plan.reverse_ports.clone(),
            random,
            pacer: Pacer::default(),
            next_id,
            flow_label: next_id,
            probes_sent: 0,
            bytes_sent: 0,
            half_open: HalfOpen::default(),
        }
    }

    pub(super) fn random(&mut self) -> u64 {
        self.random.next()
    }

    pub(super) fn probes_sent(&self) -> u32 {
        self.probes_sent
    }

    /// Probes and bytes sent.
    pub(super) fn sent(&self) -> (u32, u64) {
        (self.probes_sent, self.bytes_sent)
    }

    pub(super) fn half_open(&mut self) -> &mut HalfOpen {
        &mut self.half_open
    }

    pub(super) fn has_resets(&self) -> bool {
        self.half_open.has_due()
    }

    /// Whether pacing lets another packet leave now.
    pub(super) fn may_send(&mut self, now: Timestamp) -> bool {
        self.pacer.may_send(now)
    }

    /// The earliest instant at which pacing lets the next packet leave.
    pub(super) fn earliest(&self, now: Timestamp) -> Timestamp {
        self.pacer.wake(now)
    }

    /// Spaces packets so that a line of so many bytes a second can follow; `None`: as fast as any can.
    pub(super) fn space_for(&mut self, bytes_per_second: Option<u32>) {
        self.pacer.bytes_per_second = bytes_per_second;
    }

    /// Whether packets are spaced for a thin line.
    pub(super) fn is_spaced(&self) -> bool {
        self.pacer.bytes_per_second.is_some()
    }

    /// Counts a packet that leaves now.
    pub(super) fn launch(&mut self, outgoing: Outgoing, now: Timestamp) -> Outgoing {
        self.pacer.sent(outgoing.packet.size(), now);
        self.bytes_sent += u64::from(outgoing.packet.size().map_or(0, PacketSize::bytes));
        self.probes_sent += u32::from(self.is_probe(&outgoing));
        if let Body::Tcp(segment) = &outgoing.packet.body
            && segment.flags.syn
        {
            self.half_open.left(segment.source_port);
        }
        outgoing
    }

    fn is_probe(&self, outgoing: &Outgoing) -> bool {
        match (outgoing.meaning, &outgoing.packet.body) {
            (Meaning::Probe(_), _) => true,
            (Meaning::Connection(Step::Open), Body::Tcp(syn)) => !self.fetching_ports.contains(&syn.source_port),
            _ => false,
        }
    }

    /// The next reset that is due.
    pub(super) fn poll_reset(&mut self) -> Option<Outgoing> {
        let reset = self.half_open.poll()?;
        Some(self.tcp(reset, Meaning::Connection(Step::Reset)))
    }

    pub(super) fn tcp(&mut self, segment: Segment, meaning: Meaning) -> Outgoing {
        self.packet(Body::Tcp(segment), meaning)
    }

    pub(super) fn echo(&mut self, echo: Echo, meaning: Meaning) -> Outgoing {
        self.packet(Body::EchoRequest(echo), meaning)
    }

    /// A packet that gets no further than `ttl` hops.
    pub(super) fn limited(&mut self, body: Body, ttl: Ttl, meaning: Meaning) -> Outgoing {
        let mut outgoing = self.packet(body, meaning);
        outgoing.packet.ip.ttl = ttl;
        outgoing
    }

    /// A SYN without data, from a port and with a sequence number of its own.
    pub(super) fn syn(&mut self, plan: &Plan, port: u16, isn: SeqNumber) -> Segment {
        let mut segment = Segment::new(port, plan.port, isn, SeqNumber(0), Flags::SYN);
        segment.mss = Some(plan.local_mtu.to_mss(self.family));
        self.half_open.sent(&segment);
        segment
    }

    /// A SYN with data in a packet of `size` bytes, from a port and with a sequence number of its own.
    pub(super) fn syn_with_data(&mut self, plan: &Plan, port: u16, isn: SeqNumber, size: PacketSize) -> Segment {
        let mut segment = Segment::new(port, plan.port, isn, SeqNumber(0), Flags::SYN);
        segment.mss = Some(plan.announced_mss());
        let payload = size.tcp_payload(self.family).saturating_sub(segment.options_len());
        segment.payload = filler(payload);
        self.half_open.sent(&segment);
        segment
    }

    fn packet(&mut self, body: Body, meaning: Meaning) -> Outgoing {
        let id = match (self.family, &body) {
            (Family::V4, _) => self.next_id,
            (Family::V6, Body::Tcp(segment)) => self.label_of(segment.source_port),
            (Family::V6, _) => self.flow_label,
        };
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        let ip =
            IpHeader { source: self.source, destination: self.destination, ttl: Ttl::DEFAULT, dont_fragment: true, id };
        Outgoing { packet: Packet { ip, body }, fragments: None, meaning }
    }

    /// The label of a flow: the same port always has the same.
    fn label_of(&self, port: u16) -> u16 {
        if self.other_ports.contains(&port) { self.flow_label.wrapping_add(port).max(1) } else { self.flow_label }
    }
}

/// Spreads a burst so that queues on the way and in the receiver can follow: design, at most 32 packets at once.
#[derive(Clone, Copy, Debug, Default)]
struct Pacer {
    window: Timestamp,
    sent: u32,
    /// What a thin line takes.
    bytes_per_second: Option<u32>,
    /// When such a line has taken what was sent.
    free_at: Timestamp,
}

const WINDOW: Duration = Duration::from_millis(1);
const PER_WINDOW: u32 = 12;
/// The finest step of the driver's clock.
const TICK: Duration = Duration::from_micros(200);

impl Pacer {
    fn may_send(&mut self, now: Timestamp) -> bool {
        if now.since(self.window) >= WINDOW {
            (self.window, self.sent) = (now, 0);
        }
        !self.is_full() && now >= self.free_at
    }

    fn sent(&mut self, size: Option<PacketSize>, now: Timestamp) {
        self.sent += 1;
        if let (Some(rate), Some(size)) = (self.bytes_per_second, size) {
            self.free_at = now + Duration::from_secs(1) * size.bytes() / rate;
        }
    }

    fn is_full(self) -> bool {
        self.sent >= PER_WINDOW
    }

    /// The earliest instant at which another packet may leave.
    fn wake(self, now: Timestamp) -> Timestamp {
        if self.is_full() { (self.window + WINDOW).max(self.free_at) } else { self.free_at.max(now + TICK) }
    }
}
