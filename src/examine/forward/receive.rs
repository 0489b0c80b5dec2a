//! Packets in: which probe an answer belongs to. Nothing that does not name one of our own probes counts.

use std::net::IpAddr;

use crate::model::{
    Body, Event, Family, IcmpError, IcmpErrorKind, Meaning, Obstacle, Packet, PacketSize, Probe, Purpose, Quote,
    QuotedTransport, Refusal, RejectedBy, Segment, SeqNumber, Step, Technique as Name, Timestamp, Ttl,
};

use super::super::half_open::{acknowledges, shows_syn};
use super::super::outbox::Outbox;
use super::super::ptb_log::{Ptb, Seen};
use super::super::quoted::{Quoted, QuotedKey};
use super::super::search::ProbeKey;
use super::super::technique::{Answerer, Heard, likely_distance};
use super::parts::Parts;

/// How a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    InFragments,
    /// The kernel puts fragments together, and does not say so.
    Unknown,
}

/// Takes in what the driver saw. Returns what it means.
pub(super) fn receive(parts: &mut Parts, event: &Event, outbox: &mut Outbox, now: Timestamp) -> Meaning {
    match event {
        Event::Received(packet) => received(parts, packet, Form::Whole, outbox, now),
        Event::Reassembled { packet, .. } => received(parts, packet, Form::InFragments, outbox, now),
        Event::KernelSaw(packet) => kernel_saw(parts, packet, outbox, now),
        Event::SendRefused { size, meaning, refusal } => {
            send_refused(parts, *size, *meaning, *refusal);
            Meaning::Stray
        }
        // It concerns no packet; the verdict takes it into account.
        Event::OwnTcp(_) | Event::CaptureOverrun => Meaning::Stray,
    }
}

fn received(parts: &mut Parts, packet: &Packet, form: Form, outbox: &mut Outbox, now: Timestamp) -> Meaning {
    match &packet.body {
        Body::Error(error) => icmp_error(parts, packet, error, now),
        _ if packet.ip.source != parts.plan.destination => Meaning::Stray,
        Body::Tcp(segment) if segment.source_port == parts.plan.port => {
            received_segment(parts, segment, packet, outbox, now)
        }
        Body::EchoReply(echo) if echo.ident == parts.plan.echo_ident => {
            let Parts { techniques, plan, rtt, .. } = parts;
            let mut heard = Heard { plan, rtt, outbox, now };
            let answer = techniques.on_echo(*echo, packet.size(), &mut heard);
            let is_it = |key: &ProbeKey| *key == ProbeKey::Echo(echo.seq);
            let from = Answerer::Target(packet.ip.source);
            let answer = answer.or_else(|| traced(parts, from, now, is_it)).or_else(|| parts.who.answered(now, is_it));
            if answer.is_some() {
                note_echo_reply(parts, packet, form);
                let had_no_df = answer.is_some_and(|probe| probe.purpose.goes_without_df());
                if had_no_df && packet.ip.dont_fragment {
                    parts.notes.echo_replies().kept_df();
                }
            }
            answer.map_or(Meaning::Stray, Meaning::Answer)
        }
        Body::Tcp(_) | Body::EchoReply(_) | Body::EchoRequest(_) => Meaning::Stray,
    }
}

fn received_segment(
    parts: &mut Parts,
    segment: &Segment,
    packet: &Packet,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Meaning {
    if segment.destination_port != parts.session.local_port() {
        return received_beside(parts, segment, packet, outbox, now);
    }
    // Whoever knows addresses and ports alone may send segments, and their numbers give them away.
    let Some(arrival) = parts.session.receive(segment, packet.ip.ttl, now, &mut parts.rtt) else {
        // A SYN may have left from the same port before.
        outbox.half_open().challenged(segment);
        return Meaning::Stray;
    };
    if let Some(probe) = arrival.is_bare.then(|| parts.who.answered_alone(now)).flatten() {
        return Meaning::Answer(probe);
    }
    let Parts { techniques, plan, rtt, .. } = parts;
    let answer = techniques.on_segment(segment, Some(arrival), packet.ip.id, &mut Heard { plan, rtt, outbox, now });
    let named = segment.sack.iter().next();
    let answer = answer.or_else(|| named.and_then(|(start, end)| reached_target(parts, start, end, now)));
    if answer.is_some() && named.is_some() {
        let has_in_order = parts.real_bytes.has_begun();
        parts.techniques.on_name(&mut parts.session, has_in_order, &parts.plan, now);
    }
    answer.map_or(Meaning::Connection(Step::of(segment)), Meaning::Answer)
}

/// What comes to another port than that of the connection.
fn received_beside(
    parts: &mut Parts,
    segment: &Segment,
    packet: &Packet,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Meaning {
    // The port takes connections: a RST to another SYN is that of somebody who dislikes the SYN, and not of the server.
    let is_foreign = segment.flags.rst && parts.session.opened().is_some();
    if is_foreign {
        note_reset(parts, segment, packet.ip.source);
    }
    let answer = if is_foreign { None } else { answer_to_syn(parts, segment, packet.ip.id, outbox, now) };
    let answer = answer.or_else(|| answer_to_limited_syn(parts, segment, outbox, now));
    if parts.plan.flow_ports.contains(&segment.destination_port) {
        outbox.half_open().challenged(segment);
    }
    if answer.is_some() {
        parts.session.heard_beside(packet.ip.ttl);
    }
    answer.map_or(Meaning::Stray, Meaning::Answer)
}

/// A reset that names a SYN of ours tells which size it dislikes.
fn note_reset(parts: &mut Parts, segment: &Segment, from: IpAddr) {
    let headers = parts.plan.family().tcp_headers();
    let mut probes = parts.techniques.iter().flat_map(|technique| technique.search().log().probes());
    let named = probes.find(|probe| match probe.key {
        ProbeKey::Syn { port, isn } => port == segment.destination_port && shows_syn(segment, isn, probe.size, headers),
        _ => false,
    });
    if let Some(size) = named.map(|probe| probe.size) {
        parts.rejections.note(from, RejectedBy::Reset, size);
    }
}

/// An answer to a SYN of a technique, or of another flow.
fn answer_to_syn(
    parts: &mut Parts,
    segment: &Segment,
    ip_id: u16,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Option<Probe> {
    let Parts { techniques, plan, rtt, .. } = parts;
    let answer = techniques.on_segment(segment, None, ip_id, &mut Heard { plan, rtt, outbox, now });
    answer.or_else(|| answer_to_flow(parts, segment, outbox, now))
}

/// Its TTL tells how far away the target is, and its form how much the target sends in one piece. What comes from a raw ICMP socket
/// has no TTL any more, and may come first where this host is busy.
fn note_echo_reply(parts: &mut Parts, packet: &Packet, form: Form) {
    if packet.ip.ttl > Ttl(0) {
        if parts.session.opened().is_none() {
            parts.session.heard_beside(packet.ip.ttl);
        }
        parts.who.heard_from_behind(likely_distance(packet.ip.ttl));
    }
    match form {
        Form::Whole => parts.notes.echo_replies().came_whole(packet.size()),
        Form::InFragments => parts.notes.echo_replies().came_in_fragments(),
        Form::Unknown => {}
    }
}

/// An answer to a SYN of another flow.
fn answer_to_flow(parts: &mut Parts, segment: &Segment, outbox: &mut Outbox, now: Timestamp) -> Option<Probe> {
    if !segment.flags.ack {
        return None;
    }
    let headers = parts.plan.family().tcp_headers();
    let is_acked = |isn: SeqNumber, size: PacketSize| shows_syn(segment, isn, size, headers);
    let port = segment.destination_port;
    let (size, isn) = parts.flows.as_mut()?.answered(port, is_acked, now)?;
    if segment.flags.syn {
        outbox.half_open().refuse(isn, segment);
    }
    Some(Probe { technique: Name::SynData, size, purpose: Purpose::Flow { port } })
}

/// An answer to a SYN whose TTL should have kept it from the target.
fn answer_to_limited_syn(parts: &mut Parts, segment: &Segment, outbox: &mut Outbox, now: Timestamp) -> Option<Probe> {
    let is_it = |key: &ProbeKey| match *key {
        ProbeKey::Syn { port, isn } => port == segment.destination_port && acknowledges(segment, isn, 0),
        _ => false,
    };
    let Parts { clamp, plan, .. } = parts;
    clamp.answered(segment.destination_port, plan, |isn| segment.flags.ack && acknowledges(segment, isn, 0));
    let probe = parts.who.answered(now, is_it).filter(|_| segment.flags.ack)?;
    if segment.flags.syn {
        outbox.half_open().late_answer(segment);
    }
    Some(probe)
}

/// A probe meant for a hop that reached the target.
fn reached_target(parts: &mut Parts, start: SeqNumber, end: SeqNumber, now: Timestamp) -> Option<Probe> {
    if parts.session.is_in_order(start) {
        return None;
    }
    let key = ProbeKey::Range { start, end };
    let is_it = |own: &ProbeKey| *own == key;
    traced(parts, Answerer::Target(parts.plan.destination), now, is_it).or_else(|| parts.who.answered(now, is_it))
}

fn traced(parts: &mut Parts, answerer: Answerer, now: Timestamp, is_it: impl Fn(&ProbeKey) -> bool) -> Option<Probe> {
    let over = parts.traces_over();
    parts.trace.answered(answerer, over, now, is_it)
}

fn icmp_error(parts: &mut Parts, packet: &Packet, error: &IcmpError, now: Timestamp) -> Meaning {
    let from = packet.ip.source;
    // An error from our own address is the kernel's own opinion, not a router's.
    if from == parts.plan.source {
        return Meaning::Stray;
    }
    if error.kind == IcmpErrorKind::TimeExceeded
        && let Some(probe) = time_exceeded(parts, from, &error.quote, now)
    {
        return Meaning::Hop(probe);
    }
    if let Some(meaning) = refused_flow(parts, error) {
        return meaning;
    }
    let Some(quoted) = quoted(parts, &error.quote) else {
        if let IcmpErrorKind::Ptb { .. } = error.kind {
            note_unknown(parts, error);
        }
        return Meaning::Stray;
    };
    match error.kind {
        IcmpErrorKind::Ptb { mtu } => {
            let ptb = Ptb { from, mtu, about: quoted.key.kind(), refused: quoted.size, checksum_ok: error.checksum_ok };
            take_ptb(parts, ptb, Seen::OnWire, &quoted, &error.quote, now)
        }
        IcmpErrorKind::Unreachable { code } if error.checksum_ok => {
            if is_about_our_syn(parts, quoted.key) {
                parts.port.syn_unreachable(from, code);
            }
            parts.rejections.note(from, RejectedBy::Icmp(code), quoted.size);
            parts.reach.explain(Obstacle::Icmp { from, code });
            Meaning::Unreachable
        }
        IcmpErrorKind::TimeExceeded if error.checksum_ok => {
            parts.reach.explain(Obstacle::RoutingLoop { from });
            Meaning::Unreachable
        }
        IcmpErrorKind::Unreachable { .. } | IcmpErrorKind::TimeExceeded => Meaning::Stray,
    }
}

fn is_about_our_syn(parts: &Parts, key: QuotedKey) -> bool {
    matches!(key, QuotedKey::Segment(seq) if parts.session.is_own_syn(seq))
}

/// A PTB about a SYN of another flow says nothing about the flow of the verdict.
fn refused_flow(parts: &mut Parts, error: &IcmpError) -> Option<Meaning> {
    let IcmpErrorKind::Ptb { mtu } = error.kind else { return None };
    let QuotedTransport::Tcp { source_port, seq, .. } = error.quote.transport else { return None };
    let refused = parts.flows.as_mut().filter(|_| error.checksum_ok)?.refused(source_port, seq)?;
    Some(Meaning::TooBig { refused, mtu, checksum_ok: true })
}

/// A hop answers a probe whose TTL ended there.
fn time_exceeded(parts: &mut Parts, from: IpAddr, quote: &Quote, now: Timestamp) -> Option<Probe> {
    let (local_port, port, ident) = (parts.session.local_port(), parts.plan.port, parts.plan.echo_ident);
    let is_it = |key: &ProbeKey| match (quote.transport, key) {
        (QuotedTransport::Tcp { source_port, destination_port, seq }, ProbeKey::Range { start, end }) => {
            let is_own = source_port == local_port && destination_port == port && *start == seq;
            is_own && !is_shortened(quote, *start, *end)
        }
        (QuotedTransport::Tcp { source_port, destination_port, seq }, ProbeKey::Syn { port: own, isn }) => {
            source_port == *own && destination_port == port && *isn == seq
        }
        (QuotedTransport::Echo { ident: i, seq }, ProbeKey::Echo(own)) => i == ident && *own == seq,
        _ => false,
    };
    let known = traced(parts, Answerer::Hop(from), now, is_it).or_else(|| parts.who.expired(quote.mss, is_it));
    let known = known.or_else(|| parts.clamp.expired(quote, &parts.plan));
    if known.is_some() && !quote.dont_fragment && parts.plan.family() == Family::V4 {
        parts.notes.df_cleared();
    }
    known
}

/// Whether something has taken data out of a segment before it got to where it is quoted: then that is no word of its size. Some
/// quote a length that lacks a header or a few bytes.
fn is_shortened(quote: &Quote, start: SeqNumber, end: SeqNumber) -> bool {
    const ODD: u32 = 64;
    let sent = Family::of(quote.destination).tcp_headers() + end.bytes_since(start).unwrap_or(0);
    quote.size.bytes().saturating_add(ODD) < sent
}

fn kernel_saw(parts: &mut Parts, packet: &Packet, outbox: &mut Outbox, now: Timestamp) -> Meaning {
    let error = match &packet.body {
        Body::Error(error) => error,
        // Large replies may have come in fragments, which only the kernel puts together.
        Body::EchoReply(_) if packet.ip.source == parts.plan.destination => {
            return received(parts, packet, Form::Unknown, outbox, now);
        }
        _ => return Meaning::Stray,
    };
    let IcmpErrorKind::Ptb { mtu } = error.kind else { return Meaning::Stray };
    // A raw ICMP socket gets copies before the kernel verifies the checksum.
    if packet.ip.source == parts.plan.source || !error.checksum_ok {
        return Meaning::Stray;
    }
    let Some(quoted) = quoted(parts, &error.quote) else { return Meaning::Stray };
    let (from, about) = (packet.ip.source, quoted.key.kind());
    let ptb = Ptb { from, mtu, about, refused: quoted.size, checksum_ok: true };
    take_ptb(parts, ptb, Seen::InKernel, &quoted, &error.quote, now)
}

fn take_ptb(parts: &mut Parts, ptb: Ptb, seen: Seen, quoted: &Quoted, quote: &Quote, now: Timestamp) -> Meaning {
    // A kernel finds no connection by an address that is not its own: somebody translated the packet and not the quote.
    if quote.source != parts.plan.source {
        parts.ptbs.note_unknown_quote();
        return Meaning::Stray;
    }
    if quoted.is_altered(quote) {
        parts.ptbs.note_altered_quote();
    }
    parts.ptbs.record(ptb, seen);
    if ptb.checksum_ok {
        parts.techniques.refused(quoted.key, ptb.mtu, now);
    }
    Meaning::TooBig { refused: ptb.refused, mtu: ptb.mtu, checksum_ok: ptb.checksum_ok }
}

/// A message with the ports of the connection about a segment that was never sent: kernels ignore it (`tcp_v4_err`, out of window).
fn note_unknown(parts: &mut Parts, error: &IcmpError) {
    let key = QuotedKey::of(&error.quote, &parts.plan, parts.session.local_port());
    if let Some(QuotedKey::Segment(seq)) = key
        && error.checksum_ok
        && !parts.session.is_of_stream(seq)
    {
        parts.ptbs.note_unknown_quote();
    }
}

/// The packet of ours that an ICMP error quotes.
fn quoted(parts: &mut Parts, quote: &Quote) -> Option<Quoted> {
    let Parts { plan, session, techniques, trace, .. } = parts;
    let probes = techniques.iter().flat_map(|technique| technique.search().log().probes());
    let found = Quoted::find(quote, (plan, session.local_port()), session.sent(), probes, trace)?;
    if !quote.dont_fragment && found.is_whole() {
        parts.notes.df_cleared();
    }
    Some(found)
}

/// The kernel would not send.
fn send_refused(parts: &mut Parts, size: PacketSize, meaning: Meaning, refusal: Refusal) {
    if refusal == Refusal::Forbidden && meaning == Meaning::Connection(Step::Open) {
        parts.port.syn_forbidden();
    }
    if refusal == Refusal::TooBig {
        let below = PacketSize::new(size.bytes().saturating_sub(1)).max(parts.plan.min_size);
        parts.techniques.limit_to(below);
    }
    let nothing_answered = parts.nothing_answered();
    parts.reach.refused(refusal, nothing_answered);
}
