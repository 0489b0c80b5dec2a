//! Packets in: which probe an answer belongs to. Nothing that does not name one of our own probes counts.

use std::net::IpAddr;

use crate::model::{
    Body, Event, Family, Finding, IcmpError, IcmpErrorKind, Meaning, Obstacle, Packet, PacketSize, Probe, Purpose,
    Quote, QuotedTransport, Refusal, Segment, SeqNumber, Technique, Timestamp, Ttl,
};

use super::Examination;
use super::connection::State;
use super::emit::step;
use super::judge::Silence;
use super::lane::{Fate, Flight, Key, Kind};
use super::ptb::Seen;
use super::trace::Answer;

impl Examination {
    pub(super) fn receive(&mut self, event: &Event, now: Timestamp) -> Meaning {
        match event {
            Event::Received(packet) => self.arrived(packet, None, now),
            Event::Reassembled { packet, largest_fragment } => self.arrived(packet, Some(*largest_fragment), now),
            Event::KernelSaw(packet) => self.kernel_saw(packet, now),
            Event::SendRefused { size, refusal } => {
                self.refused(*size, *refusal, now);
                Meaning::Stray
            }
            // It concerns no packet; the verdict takes it into account.
            Event::CaptureOverrun => Meaning::Stray,
        }
    }

    /// A packet came, at the interface and in the pieces it was on the wire.
    fn arrived(&mut self, packet: &Packet, fragment: Option<PacketSize>, now: Timestamp) -> Meaning {
        match &packet.body {
            _ if packet.ip.source != self.plan.destination => self.received(packet, now),
            Body::Tcp(segment) if self.is_of_way_back(segment) => {
                self.receive_way_back(&packet.ip, segment, fragment, now)
            }
            Body::EchoReply(echo) if self.echoed_on_way_back(*echo, packet.size(), fragment) => {
                Meaning::Answer(self.echo_of_way_back(packet.size()))
            }
            _ => self.received(packet, now),
        }
    }

    fn received(&mut self, packet: &Packet, now: Timestamp) -> Meaning {
        match &packet.body {
            Body::Error(error) => self.icmp_error(packet, error, now),
            _ if packet.ip.source != self.plan.destination => Meaning::Stray,
            Body::Tcp(segment) => {
                self.arrived_with = packet.ip.ttl;
                self.segment(segment, packet.ip.id, now)
            }
            Body::EchoReply(echo) if echo.ident == self.plan.echo_ident => {
                if self.open_since.is_none() && packet.ip.ttl > Ttl(0) {
                    self.arrived_with = packet.ip.ttl;
                }
                let answers = |f: &Flight| f.key == Key::Echo(echo.seq) && Some(f.size) == packet.size();
                match self.echo.campaign.lane.answered(now, &mut self.rtt, answers) {
                    Some(flight) => Meaning::Answer(flight.probe(Technique::Echo)),
                    None => self
                        .traced(Answer::Target(packet.ip.source), now, |key| *key == Key::Echo(echo.seq))
                        .map_or(Meaning::Stray, Meaning::Answer),
                }
            }
            Body::EchoReply(_) | Body::EchoRequest(_) => Meaning::Stray,
        }
    }

    fn segment(&mut self, segment: &Segment, ip_id: u16, now: Timestamp) -> Meaning {
        if segment.source_port != self.plan.port {
            return Meaning::Stray;
        }
        if segment.destination_port != self.connection.local_port() {
            return self.answer_to_syn(segment, now);
        }
        let technique = self.tcp_technique;
        let named = segment.sack.iter().next().and_then(|(start, end)| {
            let key = Key::Range { start, end };
            let flight = self.tcp.campaign.lane.answered(now, &mut self.rtt, |f| f.key == key);
            flight.map(|flight| flight.probe(technique)).or_else(|| self.reached_target(key, now))
        });
        let before = self.connection.state();
        let bare = self.connection.handle(segment, now, &mut self.rtt);
        if before == State::Connecting && self.connection.state() == State::Open {
            self.open_since = Some(now);
        }
        let unnamed = (bare && named.is_none() && segment.sack.is_empty()).then(|| self.bare_ack(ip_id, now)).flatten();
        if self.connection.peer().window_was_zero {
            self.find(Finding::ZeroWindow);
        }
        if named.is_some() {
            self.all_at_once_again(now);
        }
        named.or(unnamed).map_or(Meaning::Connection(step(segment)), Meaning::Answer)
    }

    /// An ACK that names no probe: it answers the one probe in flight, if probes go one at a time.
    fn bare_ack(&mut self, ip_id: u16, now: Timestamp) -> Option<Probe> {
        // The network may deliver a packet twice, and only IPv4 headers tell.
        if self.plan.family() == Family::V4 && self.last_ack_id == Some(ip_id) && ip_id != 0 {
            return None;
        }
        self.last_ack_id = Some(ip_id);
        self.plain_acks += 1;
        if !self.tcp.campaign.serial {
            return None;
        }
        // With a control behind an overdue probe the ACK is taken for the control's: a late answer to the probe would have
        // to be very late, and calling a loss too early only costs another probe.
        let flight = self.tcp.campaign.lane.answered(now, &mut self.rtt, |f| f.fate == Fate::Flying);
        self.quiet_until = now + self.rtt.margin();
        flight.map(|flight| flight.probe(self.tcp_technique))
    }

    /// A SYN-ACK or RST to a SYN with data: it acknowledges the SYN alone or with the data (RFC 9293, 3.10.7.2).
    fn answer_to_syn(&mut self, segment: &Segment, now: Timestamp) -> Meaning {
        if !segment.flags.ack {
            return Meaning::Stray;
        }
        let family = self.plan.family();
        let answers = |f: &Flight| match f.key {
            Key::Syn { port, isn } if port == segment.destination_port => {
                acknowledges_syn(segment, isn, f.size, family)
            }
            _ => false,
        };
        let lane = &mut self.syn.campaign.lane;
        let Some(flight) = lane.answered(now, &mut self.rtt, answers) else {
            return self.answer_to_flow(segment, now);
        };
        if segment.flags.syn {
            self.reset_syn(flight.key);
        }
        Meaning::Answer(flight.probe(Technique::SynData))
    }

    fn answer_to_flow(&mut self, segment: &Segment, now: Timestamp) -> Meaning {
        let family = self.plan.family();
        let is_acked = |isn: SeqNumber, size: PacketSize| acknowledges_syn(segment, isn, size, family);
        let port = segment.destination_port;
        let answered = self.scout.as_mut().and_then(|scout| scout.answered(port, is_acked, now));
        let Some((size, isn)) = answered else { return Meaning::Stray };
        if segment.flags.syn {
            self.reset_syn(Key::Syn { port, isn });
        }
        Meaning::Answer(Probe { technique: Technique::SynData, size, purpose: Purpose::Flow { port } })
    }

    fn icmp_error(&mut self, packet: &Packet, error: &IcmpError, now: Timestamp) -> Meaning {
        // An error from our own address is the kernel's own opinion, not a router's.
        if packet.ip.source == self.plan.source {
            return Meaning::Stray;
        }
        if error.kind == IcmpErrorKind::TimeExceeded
            && let Some(probe) = self.time_exceeded(packet.ip.source, &error.quote, now)
        {
            return Meaning::Hop(probe);
        }
        if let Some(meaning) = self.refused_flow(error) {
            return meaning;
        }
        let Some(size) = self.quoted(&error.quote) else { return Meaning::Stray };
        match error.kind {
            IcmpErrorKind::Ptb { mtu } => {
                self.ptb.record(packet.ip.source, mtu, size, error.checksum_ok, Seen::OnWire);
                self.mark_refused(&error.quote, error.checksum_ok);
                if error.checksum_ok {
                    self.take_hint(mtu, &error.quote, now);
                }
                Meaning::TooBig { refused: size, mtu, checksum_ok: error.checksum_ok }
            }
            IcmpErrorKind::Unreachable { code } if error.checksum_ok => {
                self.unreachables += 1;
                self.silence = Silence::Explained(Obstacle::Icmp { from: packet.ip.source, code });
                Meaning::Unreachable
            }
            IcmpErrorKind::TimeExceeded if error.checksum_ok => {
                self.unreachables += 1;
                self.silence = Silence::Explained(Obstacle::RoutingLoop { from: packet.ip.source });
                Meaning::Unreachable
            }
            IcmpErrorKind::Unreachable { .. } | IcmpErrorKind::TimeExceeded => Meaning::Stray,
        }
    }

    /// A PTB about a SYN of another flow says nothing about the flow of the verdict.
    fn refused_flow(&mut self, error: &IcmpError) -> Option<Meaning> {
        let IcmpErrorKind::Ptb { mtu } = error.kind else { return None };
        let QuotedTransport::Tcp { source_port, seq, .. } = error.quote.transport else { return None };
        let refused = self.scout.as_mut().filter(|_| error.checksum_ok)?.refused(source_port, seq)?;
        Some(Meaning::TooBig { refused, mtu, checksum_ok: true })
    }

    /// A hop answers a probe whose TTL ended there.
    fn time_exceeded(&mut self, from: IpAddr, quote: &Quote, now: Timestamp) -> Option<Probe> {
        let (local_port, port, ident) = (self.connection.local_port(), self.plan.port, self.plan.echo_ident);
        let is_it = |key: &Key| match (quote.transport, key) {
            (QuotedTransport::Tcp { source_port, destination_port, seq }, Key::Range { start, .. }) => {
                source_port == local_port && destination_port == port && *start == seq
            }
            (QuotedTransport::Echo { ident: i, seq }, Key::Echo(own)) => i == ident && *own == seq,
            _ => false,
        };
        let known = self.traced(Answer::Hop(from), now, is_it);
        if known.is_some() && !quote.dont_fragment && self.plan.family() == Family::V4 {
            self.find(Finding::DfCleared);
        }
        known
    }

    /// A probe meant for a hop that reached the target.
    fn reached_target(&mut self, key: Key, now: Timestamp) -> Option<Probe> {
        let Key::Range { start, .. } = key else { return None };
        let real = self.in_order.as_ref().is_some_and(|experiment| experiment.has_segment_at(start));
        if real {
            return None;
        }
        self.traced(Answer::Target(self.plan.destination), now, |own| *own == key)
    }

    fn traced(&mut self, answer: Answer, now: Timestamp, is_it: impl Fn(&Key) -> bool) -> Option<Probe> {
        let (ttl, size) = self.trace.as_mut()?.answered(answer, now, is_it)?;
        let technique = if self.can_trace_by_tcp() { self.tcp_technique } else { Technique::Echo };
        Some(Probe { technique, size, purpose: Purpose::Trace(ttl) })
    }

    fn kernel_saw(&mut self, packet: &Packet, now: Timestamp) -> Meaning {
        let error = match &packet.body {
            Body::Error(error) => error,
            // Large replies may have come in fragments, which only the kernel puts together.
            Body::EchoReply(_) if packet.ip.source == self.plan.destination => return self.received(packet, now),
            _ => return Meaning::Stray,
        };
        let IcmpErrorKind::Ptb { mtu } = error.kind else { return Meaning::Stray };
        // A raw ICMP socket gets copies before the kernel verifies the checksum.
        if packet.ip.source == self.plan.source || !error.checksum_ok {
            return Meaning::Stray;
        }
        let Some(size) = self.quoted(&error.quote) else { return Meaning::Stray };
        self.ptb.record(packet.ip.source, mtu, size, true, Seen::InKernel);
        Meaning::TooBig { refused: size, mtu, checksum_ok: true }
    }

    fn take_hint(&mut self, mtu: u32, quote: &Quote, now: Timestamp) {
        let track = match quote.transport {
            QuotedTransport::Echo { .. } => &mut self.echo,
            QuotedTransport::Tcp { source_port, .. } if source_port == self.connection.local_port() => &mut self.tcp,
            _ => &mut self.syn,
        };
        if track.campaign.has_started() && !track.campaign.serial {
            track.campaign.take_hint(mtu, now);
        }
    }

    /// The size of the probe of ours that an ICMP error quotes.
    fn quoted(&mut self, quote: &Quote) -> Option<PacketSize> {
        if quote.destination != self.plan.destination {
            return None;
        }
        match quote.transport {
            QuotedTransport::Tcp { source_port, destination_port, seq } if destination_port == self.plan.port => {
                self.quoted_segment(source_port, seq, quote)
            }
            QuotedTransport::Echo { ident, seq } if ident == self.plan.echo_ident => {
                self.quoted_flight(quote, |f| f.key == Key::Echo(seq))
            }
            _ => None,
        }
    }

    fn quoted_segment(&mut self, port: u16, seq: SeqNumber, quote: &Quote) -> Option<PacketSize> {
        if port != self.connection.local_port() {
            return self
                .quoted_flight(quote, |f| matches!(f.key, Key::Syn { port: p, isn } if p == port && isn == seq));
        }
        if self.in_order.as_ref().is_some_and(|experiment| experiment.sent(seq, quote.size)) {
            return Some(quote.size);
        }
        let flight = self.quoted_flight(quote, |f| matches!(f.key, Key::Range { start, .. } if start == seq));
        let traced = |key: &Key| matches!(key, Key::Range { start, .. } if *start == seq);
        let flight = flight.or_else(|| self.trace.as_ref().is_some_and(|t| t.uses(traced)).then_some(quote.size));
        // A quoted SYN names no size to learn from, but an unreachable about it is meant for us.
        flight.or_else(|| (seq + 1 == self.connection.stream_start()).then_some(quote.size))
    }

    fn quoted_flight(&mut self, quote: &Quote, is_it: impl Fn(&Flight) -> bool) -> Option<PacketSize> {
        let lanes = [&self.tcp, &self.syn, &self.echo];
        let flight = lanes
            .iter()
            .flat_map(|track| track.campaign.lane.flights())
            .rev()
            .find(|f| is_it(f) && f.kind != Kind::Beyond && (f.size == quote.size || f.kind == Kind::Fragments))
            .copied()?;
        if !quote.dont_fragment && matches!(flight.kind, Kind::Sized | Kind::Confirming) {
            self.find(Finding::DfCleared);
        }
        Some(flight.size)
    }

    fn mark_refused(&mut self, quote: &Quote, checksum_ok: bool) {
        if !checksum_ok {
            return;
        }
        let size = quote.size;
        match quote.transport {
            QuotedTransport::Tcp { source_port, seq, .. } => {
                let is_it = |f: &Flight| match f.key {
                    Key::Range { start, .. } => start == seq && f.size == size,
                    Key::Syn { port, isn } => port == source_port && isn == seq && f.size == size,
                    Key::Echo(_) => false,
                };
                self.tcp.campaign.lane.refused(is_it);
                self.syn.campaign.lane.refused(is_it);
            }
            QuotedTransport::Echo { seq, .. } => {
                self.echo.campaign.lane.refused(|f| f.key == Key::Echo(seq) && f.size == size);
            }
            QuotedTransport::Other(_) => {}
        }
    }

    /// The kernel would not send.
    fn refused(&mut self, size: PacketSize, refusal: Refusal, now: Timestamp) {
        match refusal {
            // As if lost on the way: the search asks again.
            Refusal::Busy => {}
            Refusal::TooBig => self.shrink(size),
            Refusal::Forbidden => {
                self.find(Finding::SendRefusedByFirewall);
                if self.nothing_answered() {
                    self.silence = Silence::Forbidden;
                }
            }
            Refusal::NoRoute => self.local_trouble(Obstacle::NoRoute, now),
            Refusal::InterfaceDown => self.local_trouble(Obstacle::InterfaceDown, now),
        }
    }

    /// The interface takes less than its MTU promised.
    fn shrink(&mut self, refused: PacketSize) {
        let below = PacketSize::new(refused.bytes().saturating_sub(1)).max(self.plan.min_size);
        for track in [&mut self.tcp, &mut self.syn, &mut self.echo] {
            track.campaign.bounds.max = track.campaign.bounds.max.min(below);
        }
    }

    fn local_trouble(&mut self, obstacle: Obstacle, now: Timestamp) {
        if self.nothing_answered() && self.examined.is_none() {
            self.silence = Silence::Explained(obstacle);
            self.unreachables += 1;
            if self.unreachables >= 2 {
                self.conclude(now);
            }
        }
    }

    /// Whether no packet of ours was ever answered by the target.
    pub(super) fn nothing_answered(&self) -> bool {
        let lanes = [&self.tcp, &self.syn, &self.echo];
        self.connection.state() == State::Connecting && lanes.iter().all(|t| t.campaign.lane.total_answered() == 0)
    }
}

/// Whether a segment acknowledges exactly this SYN, alone or with its data. Another SYN's number may lie in between.
fn acknowledges_syn(segment: &Segment, isn: SeqNumber, size: PacketSize, family: Family) -> bool {
    let data = (size.tcp_payload(family) as u32).saturating_sub(SYN_OPTIONS);
    segment.ack.bytes_since(isn).is_some_and(|acked| acked == 1 || acked == 1 + data)
}

/// The MSS option of a SYN with data.
const SYN_OPTIONS: u32 = 4;
