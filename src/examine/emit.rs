//! Packets out: what is due, in which order, and how a probe of each technique looks.

use std::time::Duration;

use bytes::Bytes;

use crate::model::{
    Body, Echo, Family, Flags, IpHeader, Meaning, MethodReason, Outgoing, Packet, PacketSize, Probe, Purpose, Segment,
    SeqNumber, Step, Technique, Timestamp, Ttl,
};

use super::connection::State;
use super::lane::{Fate, Key, Kind, Shot};
use super::{Examination, Stage, Track};

/// Spreads a burst so that queues on the way and in the receiver can follow: design, at most 32 packets at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pacer {
    window: Timestamp,
    sent: u32,
}

const WINDOW: Duration = Duration::from_millis(1);
const PER_WINDOW: u32 = 12;

impl Pacer {
    fn may_send(&mut self, now: Timestamp) -> bool {
        if now.since(self.window) >= WINDOW {
            *self = Self { window: now, sent: 0 };
        }
        self.sent < PER_WINDOW
    }

    fn wake(&self) -> Timestamp {
        self.window + WINDOW
    }
}

impl Examination {
    /// The next packet that is due.
    pub(super) fn next_packet(&mut self, now: Timestamp) -> Option<Outgoing> {
        if !self.pacer.may_send(now) {
            return None;
        }
        let outgoing = self
            .due_reset()
            .or_else(|| self.due_way_back(now))
            .or_else(|| self.due_connection(now))
            .or_else(|| self.due_in_order(now))
            .or_else(|| self.due_old_data(now))
            .or_else(|| self.due_trace(now))
            .or_else(|| self.due_syn(now))
            .or_else(|| self.due_flow(now))
            .or_else(|| self.due_echo(now))?;
        self.pacer.sent += 1;
        self.bytes_sent += u64::from(outgoing.packet.size().map_or(0, PacketSize::bytes));
        Some(outgoing)
    }

    /// When something may be due without an event.
    pub(super) fn wake(&self, now: Timestamp) -> Timestamp {
        let lanes = [&self.tcp, &self.syn, &self.echo];
        let lane_wakes = lanes.iter().filter_map(|track| {
            if track.campaign.serial && track.campaign.lane.next_shot().is_some() {
                Some(self.serial_turn())
            } else {
                track.campaign.lane.wake(&self.rtt)
            }
        });
        let wake = lane_wakes
            .chain(self.connection_in_use().then(|| self.connection.wake()).flatten())
            .chain(self.in_order.as_ref().and_then(|x| x.wake(&self.tcp.campaign.lane, &self.rtt)))
            .chain(self.trace.as_ref().and_then(|trace| trace.wake(&self.rtt)))
            .chain(self.scout.as_ref().and_then(|scout| scout.wake(now, &self.rtt, self.silences_needed())))
            .chain(self.reverse.as_ref().and_then(|reverse| reverse.wake(now)))
            .chain(self.resets.front().map(|_| now))
            .chain(self.timers(now))
            .min()
            .unwrap_or(now + IDLE);
        let earliest = if self.pacer.sent >= PER_WINDOW { self.pacer.wake() } else { now + TICK };
        wake.max(earliest).min(now + IDLE)
    }

    fn due_reset(&mut self) -> Option<Outgoing> {
        let reset = self.resets.pop_front()?;
        Some(self.tcp_packet(reset, Meaning::Connection(Step::Reset)))
    }

    fn due_connection(&mut self, now: Timestamp) -> Option<Outgoing> {
        if !self.connection_in_use() {
            return None;
        }
        let segment = self.connection.poll(now, &self.rtt)?;
        if segment.flags.syn {
            self.probes_sent += 1;
        }
        let step = step(&segment);
        Some(self.tcp_packet(segment, Meaning::Connection(step)))
    }

    fn due_in_order(&mut self, now: Timestamp) -> Option<Outgoing> {
        let experiment = self.in_order.as_mut()?;
        let segment = experiment.poll(now, &self.connection, &mut self.tcp.campaign.lane, &self.rtt)?;
        let size = PacketSize::new(self.plan.family().tcp_headers() + segment.payload.len() as u32);
        let purpose = if size >= experiment.pair().1 { Purpose::RealBytes } else { Purpose::CutBytes };
        let probe = Probe { technique: Technique::SmtpData, size, purpose };
        self.probes_sent += 1;
        Some(self.tcp_packet(segment, Meaning::Probe(probe)))
    }

    fn due_old_data(&mut self, now: Timestamp) -> Option<Outgoing> {
        if self.connection.state() != State::Open {
            return None;
        }
        if self.tcp.campaign.serial && (self.serial_turn() > now || self.must_yield_to_real_bytes()) {
            return None;
        }
        self.break_serial_silence(now);
        let shot = due_shot(&mut self.tcp, now)?;
        let (start, end) = self.next_range(shot.size.tcp_payload(self.plan.family()).max(1))?;
        self.tcp.campaign.lane.launched(shot, Key::Range { start, end }, now);
        let segment = self.connection.segment_over(start, end.bytes_since(start).unwrap_or(0) as usize);
        let technique = self.tcp_technique;
        Some(self.probe(shot, technique, |examination, meaning| examination.tcp_packet(segment, meaning)))
    }

    /// With answers that name no probe, the next one leaves when the last has its fate and a quiet moment has passed, or
    /// when its silence has lasted too long.
    fn serial_turn(&self) -> Timestamp {
        let flying = self.tcp.campaign.lane.flights().iter().filter(|f| f.fate == Fate::Flying);
        match flying.map(|f| f.sent).collect::<Vec<_>>()[..] {
            [] => self.quiet_until,
            [sent] => sent + (self.rtt.or_guess() + self.rtt.margin()).max(self.rtt.or_guess() * 3 / 2),
            [..] => Timestamp::MAX,
        }
    }

    /// Copies of real bytes that did arrive draw bare ACKs, which must not be taken for answers to a size under test.
    fn must_yield_to_real_bytes(&self) -> bool {
        let next = self.tcp.campaign.lane.next_shot().map(|shot| shot.size);
        self.in_order.as_ref().is_some_and(|x| x.outcome().is_none() && next.is_some_and(|size| size > x.pair().0))
    }

    /// Only a control may follow a probe without a fate: its answer settles the silence.
    fn break_serial_silence(&mut self, now: Timestamp) {
        let lane = &mut self.tcp.campaign.lane;
        if self.tcp.campaign.serial && lane.has_flying() {
            let control = lane.largest_answered().unwrap_or(self.plan.min_size);
            if lane.next_shot().is_none_or(|shot| shot.size != control || shot.kind != Kind::Sized) {
                lane.queue_first(control, Kind::Sized, now);
            }
        }
    }

    /// The next probe with a limited TTL: on the flow of the connection while there is one, else an echo request.
    fn due_trace(&mut self, now: Timestamp) -> Option<Outgoing> {
        let (ttl, size) = self.trace.as_ref()?.next_shot()?;
        let family = self.plan.family();
        let technique = if self.can_trace_by_tcp() { self.tcp_technique } else { Technique::Echo };
        let meaning = Meaning::Probe(Probe { technique, size, purpose: Purpose::Trace(ttl) });
        let (key, mut outgoing) = if technique == Technique::Echo {
            self.echoes_traced += 1;
            let seq = FIRST_TRACED_ECHO + self.echoes_traced;
            let payload_len = size.bytes().saturating_sub(family.echo_headers());
            let echo = Echo { ident: self.plan.echo_ident, seq, payload_len };
            (Key::Echo(seq), self.packet(Body::EchoRequest(echo), meaning))
        } else {
            let (start, end) = self.next_range(size.tcp_payload(family).max(1))?;
            let segment = self.connection.segment_over(start, end.bytes_since(start).unwrap_or(0) as usize);
            (Key::Range { start, end }, self.tcp_packet(segment, meaning))
        };
        outgoing.packet.ip.ttl = ttl;
        self.trace.as_mut()?.launched(key, now);
        self.probes_sent += 1;
        Some(outgoing)
    }

    fn due_syn(&mut self, now: Timestamp) -> Option<Outgoing> {
        self.syn.campaign.lane.next_shot().filter(|shot| shot.not_before <= now)?;
        let port = self.free_syn_port()?;
        let shot = due_shot(&mut self.syn, now)?;
        let isn = SeqNumber(self.random() as u32);
        self.syn.campaign.lane.launched(shot, Key::Syn { port, isn }, now);
        let segment = self.syn_with_data(port, isn, shot.size);
        Some(self.probe(shot, Technique::SynData, |examination, meaning| examination.tcp_packet(segment, meaning)))
    }

    /// A SYN of another flow.
    fn due_flow(&mut self, now: Timestamp) -> Option<Outgoing> {
        let scout = self.scout.as_ref().filter(|_| self.stage == Stage::Probing)?;
        let shot = scout.next_shot(now, &self.rtt, self.silences_needed())?;
        let isn = SeqNumber(self.random() as u32);
        self.scout.as_mut()?.launched(shot, isn, now);
        self.probes_sent += 1;
        let segment = self.syn_with_data(shot.port, isn, shot.size);
        let purpose = Purpose::Flow { port: shot.port };
        let probe = Probe { technique: Technique::SynData, size: shot.size, purpose };
        Some(self.tcp_packet(segment, Meaning::Probe(probe)))
    }

    fn syn_with_data(&self, port: u16, isn: SeqNumber, size: PacketSize) -> Segment {
        let family = self.plan.family();
        let mut segment = Segment::new(port, self.plan.port, isn, SeqNumber(0), Flags::SYN);
        segment.mss = Some(self.plan.local_mtu.to_mss(family));
        let payload = size.tcp_payload(family).saturating_sub(segment.options_len());
        segment.payload = filler(payload);
        segment
    }

    fn due_echo(&mut self, now: Timestamp) -> Option<Outgoing> {
        let shot = due_shot(&mut self.echo, now)?;
        let seq = self.echo.campaign.lane.sent() as u16;
        self.echo.campaign.lane.launched(shot, Key::Echo(seq), now);
        let payload_len = shot.size.bytes().saturating_sub(self.plan.family().echo_headers());
        let echo = Echo { ident: self.plan.echo_ident, seq, payload_len };
        Some(
            self.probe(shot, Technique::Echo, |examination, meaning| {
                examination.packet(Body::EchoRequest(echo), meaning)
            }),
        )
    }

    /// Makes a probe of a packet: DF or not, whole or in pieces.
    fn probe(
        &mut self,
        shot: Shot,
        technique: Technique,
        build: impl FnOnce(&mut Self, Meaning) -> Outgoing,
    ) -> Outgoing {
        let probe = Probe { technique, size: shot.size, purpose: shot.kind.purpose() };
        let mut outgoing = build(self, Meaning::Probe(probe));
        self.probes_sent += 1;
        let may_be_fragmented = matches!(shot.kind, Kind::Twin | Kind::Fragments);
        outgoing.packet.ip.dont_fragment = !may_be_fragmented;
        outgoing.fragments = (shot.kind == Kind::Fragments).then_some(TINY_FRAGMENT);
        outgoing
    }

    /// A part of the sequence space that is old to the peer and unlike every other probe's.
    ///
    /// The end moves by one for each probe, so every D-SACK names one probe. Two probes with the same start would make
    /// Linux choose another path for its answers (`sk_rethink_txhash`), and a start that equals another's end would let
    /// GRO merge the two.
    fn next_range(&mut self, len: usize) -> Option<(SeqNumber, SeqNumber)> {
        let highest = match self.tcp_technique {
            Technique::SmtpData => self.connection.acknowledged(),
            _ => self.connection.stream_start(),
        };
        let flights = self.tcp.campaign.lane.flights();
        for _ in 0..=flights.len() + usize::from(MOST_TRACED) {
            let end = highest - self.ranges_used;
            let start = end - len as u32;
            self.ranges_used = (self.ranges_used + 1) % MOST_RANGES;
            let clashes = |key: &Key| matches!(key, Key::Range { start: s, end: e } if *s == start || *e == end);
            let traced = self.trace.as_ref().is_some_and(|trace| trace.uses(clashes));
            let real = self.in_order.as_ref().is_some_and(|experiment| experiment.has_segment_at(start));
            if !traced && !real && !flights.iter().any(|f| clashes(&f.key)) {
                return Some((start, end));
            }
        }
        None
    }

    /// A spare port that no SYN is in flight from. A port whose SYN was lost is reset first, in case only the answer was.
    fn free_syn_port(&mut self) -> Option<u16> {
        let lane = &self.syn.campaign.lane;
        let last_of = |port: u16| {
            lane.flights().iter().rev().find(|f| matches!(f.key, Key::Syn { port: p, .. } if p == port)).copied()
        };
        let spare = self.plan.local_ports.get(1..).unwrap_or_default();
        let unused = spare.iter().copied().find(|&port| last_of(port).is_none());
        let port = unused.or_else(|| {
            spare
                .iter()
                .copied()
                .filter_map(|port| last_of(port).map(|flight| (flight.sent, port, flight)))
                .filter(|(_, _, flight)| flight.fate != Fate::Flying)
                .min_by_key(|(sent, ..)| *sent)
                .map(|(_, port, _)| port)
        })?;
        match last_of(port).map(|flight| flight.key) {
            // The reset goes first; the SYN follows at the next call.
            Some(key) if self.reset_syn(key) => None,
            _ => Some(port),
        }
    }

    /// Ends a half-open connection that a SYN probe may have left behind, once. Returns whether there was one to end.
    pub(super) fn reset_syn(&mut self, key: Key) -> bool {
        let Key::Syn { port, isn } = key else { return false };
        let fresh = !self.reset_isns.contains(&isn);
        if fresh {
            self.reset_isns.push(isn);
            self.resets.push_back(Segment::new(port, self.plan.port, isn + 1, SeqNumber(0), Flags::RST));
        }
        fresh
    }

    fn tcp_packet(&mut self, segment: Segment, meaning: Meaning) -> Outgoing {
        self.packet(Body::Tcp(segment), meaning)
    }

    pub(super) fn packet(&mut self, body: Body, meaning: Meaning) -> Outgoing {
        let id = match (self.plan.family(), &body) {
            (Family::V4, _) => self.next_id,
            (Family::V6, Body::Tcp(segment)) => self.label_of(segment.source_port),
            (Family::V6, _) => self.flow_label,
        };
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        let ip = IpHeader {
            source: self.plan.source,
            destination: self.plan.destination,
            ttl: Ttl::DEFAULT,
            dont_fragment: true,
            id,
        };
        Outgoing { packet: Packet { ip, body }, fragments: None, meaning }
    }

    fn connection_in_use(&self) -> bool {
        self.tcp.dead != Some(MethodReason::NotAskedFor)
    }
}

pub(super) fn step(segment: &Segment) -> Step {
    match segment.flags {
        flags if flags.rst => Step::Reset,
        flags if flags.syn => Step::Open,
        flags if flags.fin => Step::Close,
        _ if segment.payload.is_empty() => Step::Ack,
        _ => Step::Data,
    }
}

/// Takes the next probe off a lane if its time has come.
fn due_shot(track: &mut Track, now: Timestamp) -> Option<Shot> {
    let lane = &mut track.campaign.lane;
    lane.next_shot().filter(|shot| shot.not_before <= now)?;
    lane.take_shot()
}

/// Bytes without meaning, of which there are always enough: most packets carry nothing else, and none of them allocates.
pub(super) fn filler(len: usize) -> Bytes {
    static FILLER: [u8; 1 << 16] = [super::connection::FILLER; 1 << 16];
    Bytes::from_static(&FILLER).slice(..len.min(FILLER.len()))
}

/// An IPv4 fragment that any link takes.
const TINY_FRAGMENT: PacketSize = PacketSize::new(100);
/// TTL-limited probes at most.
const MOST_TRACED: u16 = 60;
/// Echo sequence numbers of TTL-limited requests begin here, far from those of the sized ones.
const FIRST_TRACED_ECHO: u16 = 0x4000;
/// Probes use at most so many bytes of the sequence space below the newest old byte.
const MOST_RANGES: u32 = 4000;
/// The finest step of the driver's clock.
const TICK: Duration = Duration::from_micros(200);
/// The longest a driver sleeps.
const IDLE: Duration = Duration::from_secs(1);
