//! What a watch over connections tells: lines, and the table on a terminal.

use std::time::{Duration, SystemTime};

use pmtu_probe::model::{
    AddressReport, Afterwards, Holder, ReverseVerdict, Sighting, StallEvent, StallNews, StalledConnection, Verdict,
};
use pmtu_probe::report::connections::ConnectionAnswer;
use pmtu_probe::report::json;
use pmtu_probe::report::watch::{StallTable, StallTableRow, Zone, stall_line};
use serde_json::Value;

use super::connections::{backward, forward};
use super::fixtures::{V4, back_hole, clear, inconclusive, no_ptb, report};

/// 30 November 2026, 10:42:00.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_035_320)
}

fn saw(address: &AddressReport) -> Sighting {
    Sighting::of(&address.examined, address.exit_code(), now(), now())
}

fn news(what: StallEvent, connection: StalledConnection, peer: Option<Sighting>) -> StallNews {
    let afterwards = match what {
        StallEvent::MovesAgain => Afterwards::GoneOn,
        StallEvent::Ended => Afterwards::Ended,
        _ => Afterwards::StandsStill { next_in: None },
    };
    StallNews { what, connection, hung: Duration::from_secs(12), peer, afterwards }
}

fn line(news: &StallNews, address: Option<&AddressReport>) -> String {
    let answer = ConnectionAnswer {
        connection: &news.connection,
        report: address,
        error: address.is_none().then(|| "no route".into()),
        afterwards: news.afterwards,
    };
    stall_line(news, Some(&answer), now(), &Zone::utc())
}

const WHOSE: &str = "2026-11-30 10:42 smtp (pid 744), port 40512 to 192.0.2.25:25: ";

#[test]
fn what_hangs_is_told_with_its_sizes_and_its_reason() {
    let hole = no_ptb(V4);
    let told = line(&news(StallEvent::Stalled, forward(1500), Some(saw(&hole))), Some(&hole));
    let expected = "hangs for 12 s, since 10:41:48: classic: large segments are sent in vain, small ones pass; waiting \
                    200000 bytes, of which 14480 were sent in 10 segments of up to 1448: packets of up to 1500 bytes; the \
                    path: black hole above 1400, hop 2; black hole confirmed: its packets have 1500 bytes, and all above 1400 \
                    vanish on the way there. The kernel takes the path MTU for 1500, no message tells it otherwise, and \
                    net.ipv4.tcp_mtu_probing is 0: it sends the same again until it times out. What `pmtu-probe \
                    [192.0.2.25]:25` advises cures new connections; `sysctl -w net.ipv4.tcp_mtu_probing=1` frees this one as \
                    well when it sends again, in 3.3 s";
    assert_eq!(told, format!("{WHOSE}{expected}"));
}

#[test]
fn the_way_back_is_told_as_such() {
    let hole = back_hole(V4);
    let told = line(&news(StallEvent::Stalled, backward(), Some(saw(&hole))), Some(&hole));
    for words in
        ["; came 250 bytes in order; 4 segments with data in all; ", "the path: way back black hole above 1400; "]
    {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
}

#[test]
fn what_is_not_known_is_not_made_up() {
    let told = line(&news(StallEvent::Stalled, forward(1500), None), None);
    assert!(told.ends_with("packets of up to 1500 bytes; its peer could not be examined: no route"), "{told}");
    let alone = stall_line(&news(StallEvent::Stalled, forward(1500), None), None, now(), &Zone::utc());
    assert!(alone.ends_with("packets of up to 1500 bytes"), "nobody wanted it examined: {alone}");
    let doubt = inconclusive(V4);
    let told = line(&news(StallEvent::Stalled, forward(1500), Some(saw(&doubt))), Some(&doubt));
    assert!(told.ends_with("no verdict; try what `pmtu-probe [192.0.2.25]:25` advises"), "{told}");
}

#[test]
fn another_state_of_the_path_and_each_end_is_a_line() {
    let (hole, healed) = (no_ptb(V4), clear(V4));
    let was = Some(saw(&hole));
    let changed = line(&news(StallEvent::Changed { was }, forward(1500), Some(saw(&healed))), Some(&healed));
    let expected = "hangs for 12 s: the path was black hole above 1400, hop 2, now clear; packets of 1500 bytes pass";
    assert!(changed.starts_with(&format!("{WHOSE}{expected}")), "{changed}");
    let rows = [
        (StallEvent::MovesAgain, "moves again, after it hung for 12 s"),
        (StallEvent::Ended, "is over, after it hung for 12 s"),
        (StallEvent::GivenUp, "is closed by its program, after it hung for 12 s; the kernel goes on with what is left"),
    ];
    for (event, words) in rows {
        assert_eq!(line(&news(event, forward(1500), was), Some(&hole)), format!("{WHOSE}{words}"));
    }
    let mut gone = news(StallEvent::Stalled, forward(1500), was);
    gone.afterwards = Afterwards::Ended;
    let told = line(&gone, Some(&hole));
    assert!(
        told.contains(": hung for 12 s, since ") && told.contains("; it has ended meanwhile; before, black hole"),
        "{told}"
    );
}

#[test]
fn the_name_of_a_process_steers_no_terminal() {
    let mut connection = forward(1500);
    connection.holder = Holder::Process { pid: 7, name: "x\u{1b}[2J\ny".into(), others: 0 };
    let told = line(&news(StallEvent::MovesAgain, connection.clone(), None), None);
    assert!(told.contains("x\\u{1b}[2J\\ny (pid 7)") && !told.contains(['\u{1b}', '\n']), "{told}");
    let lines = table(&[(connection, None)], Vec::new(), (120, 10));
    assert!(lines.iter().all(|line| !line.contains(['\u{1b}', '\n'])), "{lines:#?}");
}

fn table(rows: &[(StalledConnection, Option<Sighting>)], news: Vec<&str>, size: (usize, usize)) -> Vec<String> {
    let zone = Zone::utc();
    let rows = rows.iter().map(|(connection, peer)| StallTableRow {
        connection,
        hung: connection.since(),
        peer: peer.as_ref(),
        is_running: peer.is_none(),
    });
    let title = "2 of 207 connections hang".to_owned();
    let table =
        StallTable { title, is_paused: false, now: now(), zone: &zone, rows: rows.collect(), news, color: false };
    table.lines(size.0, size.1)
}

#[test]
fn the_table_has_a_row_for_each_that_hangs() {
    let holed = saw(&no_ptb(V4));
    let back = Sighting { back: ReverseVerdict::BlackHole, back_size: None, ..saw(&clear(V4)) };
    let mut new = forward(1500);
    (new.cookie, new.holder) = (2, Holder::Unreadable);
    let rows = [(forward(1500), Some(holed)), (new, None), (StalledConnection { cookie: 3, ..backward() }, Some(back))];
    let expected = [
        "2026-11-30 10:42  2 of 207 connections hang  q quits, p pauses",
        " Connection                                     Hangs for   Waiting Packet Path",
        " smtp (pid 744), port 40512 to 192.0.2.25:25         12 s    200000   1500 black hole above 1400, hop 2",
        ">port 40512 to 192.0.2.25:25                         12 s    200000   1500 -",
        " smtp (pid 744), port 40512 to 192.0.2.25:25         12 s         -      - way back black hole",
        "",
        "Changes",
        "10:42 something",
    ];
    assert_eq!(table(&rows, vec!["10:42 something"], (120, 8)), expected);
}

#[test]
fn the_table_fits_any_screen() {
    let holed = saw(&no_ptb(V4));
    let rows: Vec<_> = (0..30).map(|n| (StalledConnection { cookie: n, ..forward(1500) }, Some(holed))).collect();
    for (width, height) in [(0, 0), (1, 1), (20, 3), (40, 8), (80, 24), (100, 30), (200, 60)] {
        let lines = table(&rows, vec!["a change of which there is more to tell than fits"; 9], (width, height));
        assert!(lines.len() <= height, "{width}x{height}: {}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}x{height}: {lines:#?}");
    }
    assert_eq!(table(&rows, Vec::new(), (80, 10)).last().map(String::as_str), Some("and 23 more, none of them older"));
}

/// A line of the history is a document as of `--from-sockets --json`.
#[test]
fn the_history_keeps_to_the_schema() {
    let (connection, whole) = (forward(1500), report(vec![no_ptb(V4)]));
    let answer = ConnectionAnswer {
        connection: &connection,
        report: whole.addresses.first(),
        error: None,
        afterwards: Afterwards::GoneOn,
    };
    let line = json::render_line_with_connections(&whole, &[answer]);
    assert_eq!(line.matches('\n').count(), 1);
    let document: Value = serde_json::from_str(&line).expect("JSON");
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).expect("a schema");
    assert!(jsonschema::is_valid(&schema, &document), "{line}");
    assert_eq!(document["connections"][0]["outcome"], "gone_on");
    assert_eq!(saw(&whole.addresses[0]).there, Some(Verdict::BlackHole));
}
