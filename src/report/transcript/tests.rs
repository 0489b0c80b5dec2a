use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::model::{
    Body, Echo, Flags, IcmpError, IcmpErrorKind, IpHeader, Meaning, Packet, PacketSize, Probe, Purpose, Quote,
    QuotedTransport, Refusal, Segment, SeqNumber, Step, Technique, Ttl,
};

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.25";
const ROUTER: &str = "203.0.113.7";
const HERE_V6: &str = "2001:db8::1";
const THERE_V6: &str = "2001:db8::25";
const ROUTER_V6: &str = "2001:db8:1::7";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn packet(source: &str, destination: &str, body: Body) -> Packet {
    let ip =
        IpHeader { source: ip(source), destination: ip(destination), ttl: Ttl::DEFAULT, dont_fragment: true, id: 1 };
    Packet { ip, body }
}

fn segment(flags: Flags, payload: &[u8]) -> Segment {
    let mut segment = Segment::new(40_000, 25, SeqNumber(1), SeqNumber(1), flags);
    segment.payload = Bytes::copy_from_slice(payload);
    segment
}

fn from_here(payload: &[u8]) -> Packet {
    packet(HERE, THERE, Body::Tcp(segment(Flags::PSH_ACK, payload)))
}

fn from_there(segment: Segment) -> Packet {
    packet(THERE, HERE, Body::Tcp(segment))
}

fn error(from: &str, to: &str, about: (&str, u32), kind: IcmpErrorKind) -> Packet {
    let quote = Quote {
        mss: None,
        source: ip(to),
        destination: ip(about.0),
        size: PacketSize::new(about.1),
        dont_fragment: true,
        id: 1,
        ttl: Ttl(1),
        transport: QuotedTransport::Tcp { source_port: 40_000, destination_port: 25, seq: SeqNumber(1) },
    };
    packet(from, to, Body::Error(IcmpError { kind, quote, checksum_ok: true }))
}

fn probe(technique: Technique, size: u32, purpose: Purpose) -> Probe {
    Probe { technique, size: PacketSize::new(size), purpose }
}

fn old_data(size: u32, purpose: Purpose) -> Probe {
    probe(Technique::OldData, size, purpose)
}

fn event(kind: PacketEventKind, meaning: Meaning, packet: &Packet) -> PacketEvent<'_> {
    let at = Timestamp::from_origin(Duration::from_micros(20_412));
    // What an IPv6 packet could begin with: no fragment.
    let bytes: &[u8] = if matches!(kind, PacketEventKind::PassedFirewall) { &[] } else { &[0x60; 52] };
    PacketEvent { job: 0, at, kind, bytes, packet, meaning }
}

fn line(kind: PacketEventKind, meaning: Meaning, packet: &Packet) -> String {
    let mut transcript = Transcript::new(vec!["mx.example.com 192.0.2.25".into()]);
    transcript.line(&event(kind, meaning, packet)).unwrap_or_default()
}

/// The part of a line after the columns.
fn words(kind: PacketEventKind, meaning: Meaning, packet: &Packet) -> String {
    let line = line(kind, meaning, packet);
    line.get("    20.41 ms >    52  ".len()..).unwrap_or_default().trim_end_matches('\n').to_owned()
}

#[test]
fn a_line_has_time_direction_size_and_meaning() {
    let probe = Meaning::Probe(old_data(52, Purpose::Search));
    assert_eq!(line(PacketEventKind::Sent, probe, &from_here(b"x")), "    20.41 ms >    52  probe 52, DF, old data\n");
    let ack = from_there(segment(Flags::ACK, b""));
    assert_eq!(line(PacketEventKind::Received, Meaning::Connection(Step::Ack), &ack), "    20.41 ms <    52  ACK\n");
    let refused = PacketEventKind::Refused(Refusal::Busy);
    assert!(line(refused, probe, &from_here(b"x")).starts_with("    20.41 ms !    52  not sent, "));
}

#[test]
fn a_probe_says_its_size_and_what_it_is_for() {
    let rows = [
        (old_data(1500, Purpose::Search), "probe 1500, DF, old data"),
        (probe(Technique::SmtpData, 1500, Purpose::Search), "probe 1500, DF, repeated SMTP lines"),
        (probe(Technique::SynData, 1500, Purpose::Search), "probe 1500, DF, SYN with data"),
        (probe(Technique::RealBytes, 1500, Purpose::Search), "probe 1500, DF, new SMTP bytes"),
        (probe(Technique::Echo, 1500, Purpose::Confirm), "probe 1500, DF, ICMP echo, to confirm"),
        (old_data(1401, Purpose::Trace(Ttl(2))), "probe 1401, DF, TTL 2, old data"),
        (old_data(1401, Purpose::Flow { port: 40_005 }), "probe 1401, DF, old data, flow from port 40005"),
    ];
    for (probe, expected) in rows {
        assert_eq!(words(PacketEventKind::Sent, Meaning::Probe(probe), &from_here(b"x")), expected);
    }
    let mut may_be_cut = from_here(b"x");
    may_be_cut.ip.dont_fragment = false;
    let copy = words(PacketEventKind::Sent, Meaning::Probe(old_data(1401, Purpose::NoDfCopy)), &may_be_cut);
    assert_eq!(copy, "probe 1401, no DF, old data, a copy that routers may cut");
    let v6 = packet(HERE_V6, THERE_V6, Body::EchoRequest(Echo { ident: 1, seq: 1, payload_len: 1 }));
    assert_eq!(
        words(PacketEventKind::Sent, Meaning::Probe(old_data(1500, Purpose::Search)), &v6),
        "probe 1500, old data"
    );
}

#[test]
fn real_bytes_show_the_command_that_they_end_with() {
    let large = Meaning::Probe(probe(Technique::SmtpData, 1401, Purpose::RealBytes));
    let cut = Meaning::Probe(probe(Technique::SmtpData, 1400, Purpose::CutBytes));
    let rest = Meaning::Probe(probe(Technique::SmtpData, 41, Purpose::CutBytes));
    let real = "probe 1401, DF, real bytes of the conversation, \"EHLO me\"";
    assert_eq!(words(PacketEventKind::Sent, large, &from_here(b"......EHLO me\r\n")), real);
    let after = "probe 1401, DF, real bytes of the conversation, \"NOOP x\"";
    assert_eq!(words(PacketEventKind::Sent, large, &from_here(b"EHLO me\r\nNOOP x\r\n")), after);
    let shorter = "probe 1400, DF, the same real bytes, cut, \"EHLO me\"";
    assert_eq!(words(PacketEventKind::Sent, cut, &from_here(b"......EHLO me\r")), shorter);
    assert_eq!(
        words(PacketEventKind::Sent, rest, &from_here(b"\n")),
        "probe 41, DF, the same real bytes, cut, the end of the line"
    );
}

#[test]
fn an_answer_says_what_it_proves() {
    let rows = [
        (old_data(1400, Purpose::Search), "answer to 1400, old data: 1400 bytes pass"),
        (old_data(1400, Purpose::Confirm), "answer to 1400, old data: 1400 bytes pass"),
        (old_data(1401, Purpose::NoDfCopy), "answer to 1401, old data: passes where routers may cut it"),
        (old_data(160, Purpose::Fragments), "answer to 160, old data: small fragments pass"),
        (old_data(1400, Purpose::Trace(Ttl(4))), "answer to 1400, TTL 4, old data: the target is at most 4 hops away"),
        (
            old_data(1401, Purpose::Flow { port: 40_005 }),
            "answer to 1401, old data: 1401 bytes pass on the flow from port 40005",
        ),
        // A reply has the size of its request (RFC 792).
        (probe(Technique::Echo, 1400, Purpose::Search), "answer to 1400, ICMP echo: 1400 bytes pass both ways"),
    ];
    for (probe, expected) in rows {
        let packet = from_there(segment(Flags::ACK, b""));
        assert_eq!(words(PacketEventKind::Received, Meaning::Answer(probe), &packet), expected);
    }
}

#[test]
fn a_router_is_named_with_what_it_says() {
    let hop = Meaning::Hop(old_data(1401, Purpose::Trace(Ttl(2))));
    let exceeded = error(ROUTER, HERE, (THERE, 1401), IcmpErrorKind::TimeExceeded);
    assert_eq!(
        words(PacketEventKind::Received, hop, &exceeded),
        "hop 2 203.0.113.7: time exceeded for 1401: it came this far"
    );

    let mut cleared = exceeded.clone();
    if let Body::Error(error) = &mut cleared.body {
        error.quote.dont_fragment = false;
    }
    let expected = "hop 2 203.0.113.7: time exceeded for 1401: it came this far; DF was cleared on the way";
    assert_eq!(words(PacketEventKind::Received, hop, &cleared), expected);

    let prohibited = error(ROUTER, HERE, (THERE, 1400), IcmpErrorKind::Unreachable { code: 13 });
    let expected = "administratively prohibited, from 203.0.113.7 about 1400";
    assert_eq!(words(PacketEventKind::Received, Meaning::Unreachable, &prohibited), expected);
}

#[test]
fn a_ptb_has_the_name_that_its_family_gives_it() {
    let meaning = |mtu, checksum_ok| Meaning::TooBig { refused: PacketSize::new(1500), mtu, checksum_ok };
    let v4 = error(ROUTER, HERE, (THERE, 1500), IcmpErrorKind::Ptb { mtu: 1400 });
    let v6 = error(ROUTER_V6, HERE_V6, (THERE_V6, 1500), IcmpErrorKind::Ptb { mtu: 1400 });
    let rows = [
        (PacketEventKind::Received, &v4, 1400, true, "fragmentation needed, MTU 1400, from 203.0.113.7 about 1500"),
        (PacketEventKind::Received, &v6, 1400, true, "packet too big, MTU 1400, from 2001:db8:1::7 about 1500"),
        (PacketEventKind::Received, &v4, 0, true, "fragmentation needed, without an MTU, from 203.0.113.7 about 1500"),
        (
            PacketEventKind::Received,
            &v4,
            1400,
            false,
            "fragmentation needed, MTU 1400, from 203.0.113.7 about 1500; its checksum is wrong, so kernels drop it",
        ),
    ];
    for (kind, packet, mtu, checksum_ok, expected) in rows {
        assert_eq!(words(kind, meaning(mtu, checksum_ok), packet), expected);
    }
    let behind = words(PacketEventKind::PassedFirewall, meaning(1400, true), &v4);
    assert_eq!(behind, "fragmentation needed, MTU 1400, from 203.0.113.7 about 1500: passed this host's firewall");
}

#[test]
fn the_connection_is_told_as_it_goes() {
    let mut syn_ack = segment(Flags::SYN_ACK, b"");
    (syn_ack.mss, syn_ack.sack_permitted) = (Some(1460), true);
    let mut closed = segment(Flags::ACK, b"");
    closed.window = 0;
    let rows = [
        (Step::Open, syn_ack, "SYN-ACK, MSS 1460, SACK"),
        (Step::Open, segment(Flags::SYN_ACK, b""), "SYN-ACK"),
        (Step::Data, segment(Flags::PSH_ACK, b"220 mx ESMTP\r\n"), "\"220 mx ESMTP\""),
        (Step::Data, segment(Flags::PSH_ACK, b"250-mx\r\n250-SIZE\r\n250 HELP\r\n"), "\"250-mx\" and 2 more"),
        (Step::Close, segment(Flags::FIN_ACK, b"221 Bye\r\n"), "\"221 Bye\", FIN"),
        (Step::Close, segment(Flags::FIN_ACK, b""), "FIN"),
        (Step::Reset, segment(Flags::RST, b""), "RST"),
        (Step::Ack, closed, "ACK, window closed"),
    ];
    for (step, segment, expected) in rows {
        assert_eq!(words(PacketEventKind::Received, Meaning::Connection(step), &from_there(segment)), expected);
    }
    let stray = words(PacketEventKind::Received, Meaning::Stray, &from_there(segment(Flags::RST_ACK, b"")));
    assert_eq!(stray, "does not count: RST");
}

#[test]
fn a_refused_packet_says_why_it_was_not_sent() {
    let probe = Meaning::Probe(old_data(1500, Purpose::Search));
    for refusal in [Refusal::TooBig, Refusal::Forbidden, Refusal::NoRoute, Refusal::Busy, Refusal::InterfaceDown] {
        let words = words(PacketEventKind::Refused(refusal), probe, &from_here(b"x"));
        let (why, what) = words.rsplit_once(": ").unwrap();
        assert_eq!(what, "probe 1500, DF, old data");
        assert!(why.starts_with("not sent, "), "{why}");
        assert_eq!(
            comment(&event(PacketEventKind::Refused(refusal), probe, &from_here(b"x"))),
            None,
            "it was never on the wire"
        );
    }
}

#[test]
fn a_server_can_neither_steer_the_terminal_nor_feign_a_line() {
    let hostile = b"220 \x1b[2J\x07\x9b\x00 \"\r    20.41 ms <    52  answer to 1500\n".repeat(40);
    let line = line(
        PacketEventKind::Received,
        Meaning::Connection(Step::Data),
        &from_there(segment(Flags::PSH_ACK, &hostile)),
    );
    assert_eq!(line.matches(char::is_control).collect::<String>(), "\n");
    assert!(line.len() < 400, "{line}");
    assert!(line.starts_with("    20.41 ms <    52  \"220 "), "{line}");
}

#[test]
fn what_was_told_is_not_told_again() {
    let echo = |payload_len| packet(THERE, HERE, Body::EchoReply(Echo { ident: 1, seq: 3, payload_len }));
    let answer = Meaning::Answer(probe(Technique::Echo, 1400, Purpose::Search));
    let reply = echo(1372);
    let (at_interface, behind) =
        (event(PacketEventKind::Received, answer, &reply), event(PacketEventKind::PassedFirewall, answer, &reply));
    // The two sockets are read one after the other, so either copy may come first. A reply in fragments has only the second,
    // one that the network doubles has four.
    for (copies, lines) in [
        (vec![at_interface, behind], [true, false].as_slice()),
        (vec![behind, at_interface], &[true, false]),
        (vec![behind], &[true]),
        (vec![at_interface, at_interface, behind, behind], &[true, true, false, false]),
    ] {
        let mut transcript = Transcript::new(vec!["mx".into()]);
        let told: Vec<bool> = copies.iter().map(|copy| transcript.line(copy).is_some()).collect();
        assert_eq!(told, lines);
    }
    let mut transcript = Transcript::new(vec!["mx".into()]);
    let line = transcript.line(&behind).unwrap_or_default();
    assert!(line.contains(" <  1400  answer to 1400"), "its size is known: {line}");
    let exceeded = error(ROUTER, HERE, (THERE, 1401), IcmpErrorKind::TimeExceeded);
    assert_eq!(transcript.line(&event(PacketEventKind::PassedFirewall, Meaning::Stray, &exceeded)), None);
}

#[test]
fn a_packet_in_fragments_has_one_line_but_a_comment_for_each() {
    let packet = from_here(&[b'.'; 120]);
    let meaning = Meaning::Probe(old_data(160, Purpose::Fragments));
    // Version 4, header of 20 bytes; flags and offset in bytes 6 and 7 (RFC 791, 3.1).
    let (mut first, mut last) = ([0x45; 100], [0x45; 80]);
    (first[6], first[7], last[6], last[7]) = (0x20, 0, 0, 10);
    let at = |bytes| PacketEvent { bytes, ..event(PacketEventKind::Sent, meaning, &packet) };
    let mut transcript = Transcript::new(vec!["mx".into()]);
    let line = transcript.line(&at(&first)).unwrap();
    assert!(line.contains(">   160  probe 160, "), "{line}");
    assert_eq!(transcript.line(&at(&last)), None);
    assert!(comment(&at(&first)).unwrap().ends_with("; this fragment begins at byte 0"));
    assert!(comment(&at(&last)).unwrap().ends_with("; this fragment begins at byte 80"));
}

#[test]
fn several_addresses_have_short_names() {
    let labels: Vec<String> = (1..=10).map(|n| format!("mx{n}.example.com 192.0.2.{n}")).collect();
    let mut transcript = Transcript::new(labels);
    assert!(transcript.heading().starts_with("#1 is mx1.example.com 192.0.2.1\n#2 is mx2.example.com 192.0.2.2\n"));
    let ack = from_there(segment(Flags::ACK, b""));
    let of = |job| PacketEvent { job, ..event(PacketEventKind::Received, Meaning::Connection(Step::Ack), &ack) };
    assert_eq!(transcript.line(&of(0)).as_deref(), Some("    20.41 ms #1  <    52  ACK\n"));
    assert_eq!(transcript.line(&of(9)).as_deref(), Some("    20.41 ms #10 <    52  ACK\n"));
}

#[test]
fn what_only_passed_the_firewall_was_no_packet_on_the_wire() {
    let ptb = error(ROUTER, HERE, (THERE, 1500), IcmpErrorKind::Ptb { mtu: 1400 });
    let meaning = Meaning::TooBig { refused: PacketSize::new(1500), mtu: 1400, checksum_ok: true };
    assert_eq!(comment(&event(PacketEventKind::PassedFirewall, meaning, &ptb)), None);
    assert!(comment(&event(PacketEventKind::Received, meaning, &ptb)).is_some());
}
