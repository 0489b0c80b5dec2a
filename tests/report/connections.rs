//! What becomes of a connection that stands still, for every verdict on its path: text, JSON and page.

use std::time::Duration;

use pmtu_probe::model::{
    AddressReport, Afterwards, BackwardSign, BackwardStall, Connections, Direction, Finding, ForwardStall, Grade,
    History, Holder, Opener, Stall, StalledConnection, Survey,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::connections::{ConnectionAnswer, meanings, render_at, render_short};
use pmtu_probe::report::{html, json};
use serde_json::Value;

use super::fixtures::{
    V4, V6, back_hole, back_only, back_recovers, clear, discoverable, inconclusive, masked, no_ptb, recovers_here,
    report, size, unreachable,
};

/// Its packets have so many bytes.
pub(super) fn forward(packet: u32) -> StalledConnection {
    let stall = ForwardStall {
        since: Duration::from_secs(12),
        waiting: 200_000,
        in_flight: 14_480,
        segments: 10,
        segment: packet - 52,
        packet: size(packet),
        sacked: 0,
        retransmissions: 5,
        next_in: Duration::from_millis(3264),
        silent_for: Duration::from_secs(12),
        history: History::OnlySmall { bytes: 310 },
    };
    connection(Stall::Forward(stall), packet)
}

pub(super) fn backward() -> StalledConnection {
    let sign = BackwardSign::Gap { held: 1488 };
    connection(
        Stall::Backward(BackwardStall { since: Duration::from_secs(12), sign, received: 250, segments: 4 }),
        1500,
    )
}

fn connection(stall: Stall, packet: u32) -> StalledConnection {
    StalledConnection {
        cookie: 1,
        inode: 7,
        local: "198.51.100.2:40512".parse().expect("an end"),
        peer: "192.0.2.25:25".parse().expect("an end"),
        zone: None,
        opener: Opener::ThisHost,
        holder: Holder::Process { pid: 744, name: "smtp".into(), others: 0 },
        grade: Grade::Classic,
        stall,
        mss: packet - 52,
        full_packet: size(packet),
        path_mtu: size(1500),
        acknowledged: 310,
        received: 250,
    }
}

fn answer<'a>(connection: &'a StalledConnection, report: &'a AddressReport) -> ConnectionAnswer<'a> {
    ConnectionAnswer { connection, report: Some(report), error: None, afterwards: Afterwards::Unknown }
}

fn told(connection: &StalledConnection, address: AddressReport) -> (String, String) {
    told_of(connection, address, Afterwards::Unknown)
}

/// The outcome's word and the sentence, out of a document that keeps to the schema.
fn told_of(connection: &StalledConnection, address: AddressReport, afterwards: Afterwards) -> (String, String) {
    let whole = report(vec![address]);
    let answer = ConnectionAnswer { afterwards, ..answer(connection, &whole.addresses[0]) };
    let text = meanings(std::slice::from_ref(&answer), Width::MOST).split_whitespace().collect::<Vec<_>>().join(" ");
    let document: Value = serde_json::from_str(&json::render_with_connections(&whole, &[answer])).expect("JSON");
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).expect("a schema");
    let faults: Vec<String> = jsonschema::validator_for(&schema)
        .expect("a schema")
        .iter_errors(&document)
        .map(|fault| fault.to_string())
        .collect();
    assert_eq!(faults, [""; 0], "{document}");
    let found = &document["connections"][0];
    let reason = found["reason"].as_str().expect("a reason");
    assert!(text.contains(reason), "{reason} is not in {text}");
    (found["outcome"].as_str().expect("a word").to_owned(), text)
}

/// The path carries 1400 bytes where it has a hole.
#[test]
fn each_verdict_says_what_becomes_of_the_connection() {
    let mut some_flows = clear(V4);
    some_flows.examined.findings.push(Finding::HoleOnSomeFlows);
    let mut forward_only = back_hole(V4);
    forward_only.examined.direction = Direction::Forward;
    let mut probing = no_ptb(V4);
    probing.here.settings.tcp_mtu_probing = Some(1);
    let rows = vec![
        (
            forward(1500),
            no_ptb(V4),
            "stays",
            "black hole confirmed: its packets have 1500 bytes, and all above 1400 vanish",
        ),
        (forward(1500), no_ptb(V4), "stays", "`sysctl -w net.ipv4.tcp_mtu_probing=1` frees this one as well"),
        (forward(1500), probing, "recovers", "net.ipv4.tcp_mtu_probing is 1, so this host's TCP tries smaller ones"),
        (forward(1500), recovers_here(V4), "recovers", "net.ipv4.tcp_mtu_probing is 1"),
        (forward(1500), masked(V4), "stays", "the path has a black hole that new connections avoid"),
        (forward(1401), no_ptb(V4), "stays", "its packets have 1401 bytes"),
        // It took a smaller MSS since: RFC 4821, a route, or a message.
        (
            forward(1400),
            no_ptb(V4),
            "fits",
            "its packets have 1400 bytes by now, and 1400 pass: it goes on when they are sent again",
        ),
        (forward(1076), no_ptb(V4), "fits", "its packets have 1076 bytes by now"),
        (forward(1500), discoverable(V4), "recovers", "the path carries 1400, which a router tells this host"),
        (forward(1500), clear(V4), "unexplained", "packets of 1500 bytes pass on the way there"),
        (forward(1500), some_flows, "stays", "one of several parallel paths has a black hole"),
        (forward(1500), unreachable(V4), "open", "not even small packets are answered now"),
        (forward(1500), inconclusive(V4), "open", "no verdict"),
        (forward(1500), back_only(back_hole(V4)), "open", "the way there was not examined"),
        (backward(), back_hole(V4), "stays", "large packets from there do not arrive, those of 1400 bytes do"),
        (backward(), back_recovers(V4), "recovers", "the peer finds a size that passes"),
        (backward(), clear(V4), "unexplained", "large packets from there arrive"),
        (backward(), unreachable(V4), "open", "the way from there could not be examined from here"),
        (backward(), forward_only, "open", "the way from there was not examined"),
    ];
    for (connection, address, outcome, words) in rows {
        let verdict = address.examined.verdict;
        let (found, text) = told(&connection, address);
        assert_eq!(found, outcome, "{verdict:?}: {text}");
        assert!(text.contains(words), "{verdict:?}: no {words:?} in {text}");
        assert!(text.contains("smtp (pid 744), port 40512 to 192.0.2.25:25: "), "{text}");
    }
}

#[test]
fn what_became_of_it_meanwhile_counts() {
    let of = |afterwards| told_of(&forward(1500), no_ptb(V4), afterwards);
    assert_eq!(of(Afterwards::GoneOn).0, "gone_on");
    assert!(of(Afterwards::GoneOn).1.contains("it has gone on meanwhile; before, black hole confirmed"));
    assert_eq!(of(Afterwards::Ended).0, "ended");
    let (outcome, text) = of(Afterwards::StandsStill { next_in: Some(Duration::from_secs(40)) });
    assert_eq!(outcome, "stays");
    assert!(text.contains("when it sends again, in 40 s") && !text.contains("3.3 s"), "{text}");
}

#[test]
fn a_peer_that_could_not_be_examined_leaves_it_open() {
    let connection = forward(1500);
    let answer = ConnectionAnswer {
        connection: &connection,
        report: None,
        error: Some("no route".into()),
        afterwards: Afterwards::Unknown,
    };
    assert!(answer.is_open());
    assert!(meanings(&[answer], Width::MOST).contains("its peer could not be examined: no route"));
}

/// Connections of one peer share an examination, and what is to be said of it.
#[test]
fn the_same_is_said_once() {
    let (first, mut second) = (forward(1500), forward(1500));
    second.local.set_port(40_513);
    let other = forward(1452);
    let whole = report(vec![no_ptb(V4)]);
    let answers = [&first, &second, &other].map(|connection| answer(connection, &whole.addresses[0]));
    let text = meanings(&answers, Width::MOST);
    assert_eq!(text.matches("black hole confirmed").count(), 2, "{text}");
    assert!(text.contains("  - smtp (pid 744), port 40513 to 192.0.2.25:25: the same\n"), "{text}");
}

#[test]
fn the_list_has_process_peer_sizes_and_times() {
    let mut one = forward(1500);
    one.peer = format!("[{V6}]:25").parse().expect("an end");
    let survey = Survey { looked_at: 203, waiting_for_room: 1, young: 2, small: 1, ..Survey::default() };
    let text = render_at(&Connections { list: vec![one.clone(), backward()], survey }, Width::MOST);
    let unbroken = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "2 of 203 connections stand still, the strongest suspicion first:",
        "1 waits for a peer that reads slowly, which no path explains.",
        "2 have begun to send something again",
        "1 sends small segments in vain",
        &format!("[{V6}]:25: classic: large segments are sent in vain, small ones pass"),
        "process smtp, pid 744",
        "opened here at 198.51.100.2:40512; the way there is to be examined",
        "stalled for 12 s; the peer was last heard 12 s ago",
        "waiting 200000 bytes, of which 14480 were sent in 10 segments of up to 1448: packets of up to 1500 bytes",
        "sent again 5 times, and again in 3.3 s",
        "because small segments were acknowledged before, 310 bytes in all, and none of that size",
        "kernel MSS 1448, packets of 1500 bytes, path MTU 1500",
        "192.0.2.25:25: classic: segments from there are missing, and only small ones came",
        "a later segment is here (1488 bytes of memory), and an earlier one is missing",
    ] {
        assert!(unbroken.contains(words), "no {words:?} in\n{text}");
    }
    let none =
        Connections { list: Vec::new(), survey: Survey { looked_at: 1, ports: vec![25, 465], ..Survey::default() } };
    assert_eq!(
        render_at(&none, Width::MOST),
        "No suspects: of 1 connection at ports 25, 465, none stands still as if the path swallowed large\n  packets.\n"
    );
    assert_eq!(
        render_at(&Connections::default(), Width::MOST),
        "No suspects: this host has no connection with another.\n"
    );
}

/// A process calls itself what it likes.
#[test]
fn a_hostile_name_stays_text() {
    let mut one = forward(1500);
    one.holder = Holder::Process { pid: 1, name: "\u{1b}[2J\n<script>\u{202e}".into(), others: 0 };
    let whole = report(vec![no_ptb(V4)]);
    let answers = [answer(&one, &whole.addresses[0])];
    let list = Connections { list: vec![one.clone()], survey: Survey::default() };
    let page = html::render_with_connections(&whole, &answers);
    let all = [
        render_at(&list, Width::USUAL),
        render_short(&list),
        meanings(&answers, Width::USUAL),
        json::render_with_connections(&whole, &answers),
        page.clone(),
    ];
    for text in all {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
    assert_eq!(
        page.matches("<script>").count(),
        html::render_with_connections(&whole, &[]).matches("<script>").count()
    );
    for words in
        ["What that means for the connections", "large segments are sent in vain", "black hole above 1400 bytes"]
    {
        assert!(page.contains(words), "no {words:?} on the page");
    }
}
