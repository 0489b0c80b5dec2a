//! Packets that nobody meant: whatever arrives, an examination neither panics nor runs on for ever.

use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::examine::Examination;
use pmtu_probe::model::{
    Action, Body, Echo, Event, Flags, IcmpError, IcmpErrorKind, IpHeader, Meaning, OwnTcp, Packet, PacketSize, Plan,
    Quote, QuotedTransport, Refusal, Segment, SeqNumber, Step, Timestamp, Ttl,
};

use super::rng::Rng;

/// Of its own accord; beside that, it may answer each event.
const MOST_PACKETS: u32 = 5000;
const LONGEST: Duration = Duration::from_secs(120);

/// Feeds an examination with mutated echoes of what it sends; `Err` says how it misbehaved.
pub fn feed(plan: &Plan, seed: u64) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut now = Timestamp::ZERO;
    let mut examination = Examination::new(plan.clone(), now);
    let mut sent: Vec<Packet> = Vec::new();
    let hostility = rng.unit();
    let mut rounds = 0_u32;
    let mut events = 0_u32;
    while now.since(Timestamp::ZERO) < LONGEST {
        rounds += 1;
        if now >= Timestamp::from_origin(TIMEOUT) && examination.examined().is_none() {
            examination.interrupt(now);
        }
        match examination.poll(now) {
            Action::Send(outgoing) => sent.push(outgoing.packet),
            Action::AskOwnTcp => {
                let size = |rng: &mut Rng| PacketSize::new(rng.between(0, 70_000));
                let told = rng.chance(0.8).then(|| OwnTcp { full_packet: size(&mut rng), path_mtu: size(&mut rng) });
                examination.handle(&Event::OwnTcp(told), now);
            }
            Action::Done => return examination.examined().map(|_| ()).ok_or("done without findings".into()),
            Action::WaitUntil(at) => now = at.max(now + Duration::from_micros(rng.below(3000))).min(now + LONGEST),
        }
        if sent.len() as u32 > MOST_PACKETS + events {
            return Err(format!("{} packets and {events} events", sent.len()));
        }
        // A flood of nonsense may take an examination's time, but only as long as it lasts.
        while rounds < 20_000 && rng.chance(hostility) {
            let event = random_event(plan, &sent, &mut rng);
            examination.handle(&event, now);
            events += 1;
        }
    }
    Err(format!("not done after {LONGEST:?}"))
}

/// The program's own default of `--timeout`.
const TIMEOUT: Duration = Duration::from_secs(30);

fn random_event(plan: &Plan, sent: &[Packet], rng: &mut Rng) -> Event {
    match rng.below(10) {
        0 => Event::SendRefused {
            size: PacketSize::new(rng.between(0, 70_000)),
            meaning: *rng.pick(&[Meaning::Connection(Step::Open), Meaning::Connection(Step::Data), Meaning::Stray]),
            refusal: *rng.pick(&[Refusal::TooBig, Refusal::Forbidden, Refusal::Busy, Refusal::NoRoute]),
        },
        1 | 2 => Event::KernelSaw(random_packet(plan, sent, rng)),
        _ => Event::Received(random_packet(plan, sent, rng)),
    }
}

fn random_packet(plan: &Plan, sent: &[Packet], rng: &mut Rng) -> Packet {
    let about = if sent.is_empty() { None } else { Some(rng.pick(sent).clone()) };
    let foreign = rng.chance(0.05);
    let body = match about.as_ref().map(|packet| &packet.body) {
        _ if rng.chance(0.3) => Body::Error(random_error(plan, about.as_ref(), rng)),
        Some(Body::Tcp(segment)) => Body::Tcp(random_answer(segment, rng)),
        Some(Body::EchoRequest(echo)) => {
            Body::EchoReply(Echo { payload_len: mutate(echo.payload_len, rng) % 65_000, ..*echo })
        }
        _ => Body::EchoReply(Echo { ident: plan.echo_ident, seq: rng.next_u64() as u16, payload_len: 0 }),
    };
    let ip = IpHeader {
        source: if foreign { plan.source } else { plan.destination },
        destination: plan.source,
        ttl: Ttl(rng.next_u64() as u8),
        dont_fragment: rng.chance(0.5),
        id: rng.next_u64() as u16,
    };
    Packet { ip, body }
}

fn random_answer(question: &Segment, rng: &mut Rng) -> Segment {
    let end = question.seq + question.sequence_len();
    let flags = *rng.pick(&[
        Flags::SYN_ACK,
        Flags::SYN_ACK,
        Flags::ACK,
        Flags::ACK,
        Flags::ACK,
        Flags::PSH_ACK,
        Flags::PSH_ACK,
        Flags::FIN_ACK,
        Flags::RST,
        Flags::RST_ACK,
        Flags::SYN,
        Flags { syn: true, ack: true, psh: true, rst: true, fin: true },
    ]);
    let seq = SeqNumber(mutate(question.ack.0, rng));
    let ack = SeqNumber(mutate(end.0, rng));
    let mut answer = Segment::new(question.destination_port, question.source_port, seq, ack, flags);
    answer.window = *rng.pick(&[0, 1, 500, 64_240, u16::MAX]);
    answer.mss = rng.chance(0.5).then(|| *rng.pick(&[0, 1, 536, 1220, 1360, 1460, u16::MAX]));
    answer.sack_permitted = rng.chance(0.7);
    for _ in 0..rng.below(4) {
        answer.sack.push(SeqNumber(mutate(question.seq.0, rng)), SeqNumber(mutate(end.0, rng)));
    }
    if flags.psh {
        let text =
            *rng.pick(&["220 mx ESMTP\r\n", "250-mx\r\n250 ok\r\n", "250 2.0.0 Ok\r\n", "421 no\r\n", "\0\r\n\r", "2"]);
        answer.payload = Bytes::from_static(text.as_bytes());
    }
    answer
}

fn random_error(plan: &Plan, about: Option<&Packet>, rng: &mut Rng) -> IcmpError {
    let kind = match rng.below(4) {
        0 => IcmpErrorKind::TimeExceeded,
        1 => IcmpErrorKind::Unreachable { code: rng.below(16) as u8 },
        _ => IcmpErrorKind::Ptb {
            mtu: *rng.pick(&[0, 1, 68, 552, 1279, 1280, 1400, 1499, 1500, 1501, 65_535, u32::MAX]),
        },
    };
    let transport = match about.map(|packet| &packet.body) {
        Some(Body::Tcp(segment)) => QuotedTransport::Tcp {
            source_port: segment.source_port,
            destination_port: segment.destination_port,
            seq: SeqNumber(mutate(segment.seq.0, rng)),
        },
        Some(Body::EchoRequest(echo)) => {
            QuotedTransport::Echo { ident: echo.ident, seq: mutate(echo.seq.into(), rng) as u16 }
        }
        _ => QuotedTransport::Other(rng.next_u64() as u8),
    };
    let size = about.and_then(Packet::size).map_or(0, PacketSize::bytes);
    let quote = Quote {
        mss: None,
        source: plan.source,
        destination: plan.destination,
        size: PacketSize::new(mutate(size, rng)),
        dont_fragment: rng.chance(0.8),
        id: about.map_or(0, |packet| packet.ip.id),
        ttl: Ttl(rng.next_u64() as u8),
        transport,
    };
    IcmpError { kind, quote, checksum_ok: rng.chance(0.9) }
}

/// Mostly the true value, sometimes a near one, seldom anything.
fn mutate(value: u32, rng: &mut Rng) -> u32 {
    match rng.below(10) {
        0 => rng.next_u64() as u32,
        1 | 2 => value.wrapping_add(rng.between(0, 3000)).wrapping_sub(1500),
        _ => value,
    }
}
