//! Results of several hosts, summed up. The lines are those that the program writes.

use std::time::{Duration, SystemTime};

use pmtu_probe::model::{
    AddressReport, FailureKind, PortState, Report, Reverse, ReverseReason, ReverseVerdict, TargetFailure,
};
use pmtu_probe::report::json::render_line;
use pmtu_probe::report::merge::{Collection, FileRead, NotOurs, Summary, render_json, render_text};
use pmtu_probe::report::text::Detail;
use serde_json::{Value, json};

use super::expected::must_be_as_expected;
use super::fixtures::{
    all, back_hole, between, clear, combinations, discoverable, hostile, inconclusive, local_firewall, no_ptb, report,
    size, unreachable,
};

/// What a host wrote of one target at this hour of the first day of 2026.
fn line(vantage: &str, hour: u64, target: &str, addresses: Vec<AddressReport>) -> String {
    let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + hour * 3600);
    render_line(&Report {
        target: target.into(),
        vantage: Some(vantage.into()),
        started,
        addresses,
        ..report(Vec::new())
    })
}

/// One address of a target, whose way back was not examined.
fn one(mut address: AddressReport, ip: &str) -> Vec<AddressReport> {
    address.address = ip.parse().unwrap();
    address.host = format!("mx.{}.example", ip.replace(['.', ':'], "-"));
    address.examined.reverse = Reverse::untested(ReverseReason::NoConnection);
    vec![address]
}

fn collected(lines: &[String]) -> Collection {
    let mut collection = Collection::default();
    for line in lines {
        collection.add(line.trim_end().as_bytes(), "a.jsonl").unwrap_or_else(|NotOurs| panic!("{line}"));
    }
    collection
}

fn summed_up(lines: &[String]) -> Summary {
    let read = FileRead {
        name: "a.jsonl".into(),
        lines: lines.len() as u64,
        longest_line: lines.iter().map(String::len).max().unwrap_or(0),
        is_cut_short: false,
    };
    collected(lines).summary(vec![read])
}

/// The document, which follows its schema whatever it is about.
fn document(lines: &[String]) -> Value {
    let document: Value = serde_json::from_str(&render_json(&summed_up(lines))).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../docs/merge.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{document:#}");
    document
}

/// A fleet: three hosts, two holes, and what they do not agree about.
fn fleet() -> Vec<String> {
    let mut lines = Vec::new();
    for n in 0..5 {
        lines.push(line("fra1", 0, &format!("t{n}.example"), one(no_ptb("192.0.2.25"), &format!("192.0.2.{n}"))));
    }
    let mut elsewhere = no_ptb("192.0.2.25");
    elsewhere.examined.location = Some(between((4, "198.51.100.9"), (5, "198.51.100.13")));
    elsewhere.examined.path_mtu = Some(size(1300));
    lines.push(line("fra1", 0, "far.example", one(elsewhere, "192.0.2.99")));
    for n in 0..7 {
        lines.push(line("fra1", 1, &format!("c{n}.example"), one(clear("192.0.2.25"), &format!("203.0.113.{n}"))));
    }
    // The other host reaches two of those behind the hole by another way.
    lines.push(line("nyc2", 2, "t0.example", one(clear("192.0.2.25"), "192.0.2.0")));
    lines.push(line("nyc2", 2, "t1.example", one(clear("192.0.2.25"), "192.0.2.1")));
    lines.push(line("nyc2", 2, "t2.example", one(no_ptb("192.0.2.25"), "192.0.2.2")));
    lines.push(line("nyc2", 2, "t3.example", one(inconclusive("192.0.2.25"), "192.0.2.3")));
    lines.push(line("nyc2", 2, "own.example", one(local_firewall("192.0.2.25"), "192.0.2.50")));
    lines.push(line("syd3", 3, "own.example", one(local_firewall("192.0.2.25"), "192.0.2.50")));
    lines.push(line("syd3", 3, "gone.example", one(unreachable("192.0.2.25"), "192.0.2.200")));
    lines.push(line("syd3", 3, "back.example", vec![back_hole("192.0.2.25")]));
    lines
}

#[test]
fn one_bottleneck_is_one_row_however_many_see_it() {
    let document = document(&fleet());
    let worst = &document["rows"][0];
    assert_eq!(worst["verdict"], "black_hole");
    assert_eq!(worst["cause"], "no_ptb");
    assert_eq!(worst["place"], json!({"where": "behind", "router": "203.0.113.2", "vantage": null}));
    assert_eq!(worst["network"], "203.0.113.0/24");
    assert_eq!((&worst["targets"], &worst["addresses"]), (&json!(5), &json!(5)), "t2 is seen twice and counts once");
    assert_eq!(worst["vantages"], json!(["fra1", "nyc2"]));
    assert_eq!(worst["path_mtu"], json!({"min": 1400, "max": 1400}));
    let named: Vec<_> = worst["examples"].as_array().unwrap().iter().map(|each| each["address"].clone()).collect();
    assert_eq!(named, ["192.0.2.0", "192.0.2.1", "192.0.2.2"]);
    let other =
        &document["rows"].as_array().unwrap().iter().find(|row| row["place"]["router"] == "198.51.100.9").unwrap();
    assert_eq!((&other["targets"], &other["path_mtu"]["max"]), (&json!(1), &json!(1300)));
}

#[test]
fn what_a_host_does_to_itself_is_a_row_of_its_own() {
    let document = document(&fleet());
    let rows = document["rows"].as_array().unwrap();
    let own: Vec<_> = rows.iter().filter(|row| row["cause"] == "local_firewall").collect();
    let places: Vec<_> =
        own.iter().map(|row| (row["place"]["where"].clone(), row["place"]["vantage"].clone())).collect();
    assert_eq!(places, [(json!("own_host"), json!("nyc2")), (json!("own_host"), json!("syd3"))]);
    assert!(own.iter().all(|row| row["network"].is_null()));
}

#[test]
fn hosts_that_disagree_are_shown_and_those_that_do_not_know_are_not() {
    let document = document(&fleet());
    let [only] = &document["contradictions"].as_array().unwrap()[..] else { panic!("{document:#}") };
    assert_eq!((&only["way"], &only["addresses"]), (&json!("forward"), &json!(2)), "t0 and t1; t3 is inconclusive");
    let said: Vec<_> = only["said"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (each["vantage"].clone(), each["verdict"].clone()))
        .collect();
    assert_eq!(said, [(json!("fra1"), json!("black_hole")), (json!("nyc2"), json!("clear"))]);
    for each in only["said"].as_array().unwrap() {
        let row = usize::try_from(each["row"].as_u64().unwrap()).unwrap();
        assert_eq!(document["rows"][row]["verdict"], each["verdict"]);
    }
}

/// Of one host the later result counts, in whatever order files are named.
#[test]
fn a_repaired_path_is_no_hole_any_more() {
    let before = line("fra1", 0, "t.example", one(no_ptb("192.0.2.25"), "192.0.2.1"));
    let after = line("fra1", 5, "T.example.", one(clear("192.0.2.25"), "192.0.2.1"));
    for lines in [[before.clone(), after.clone()], [after, before]] {
        let document = document(&lines);
        assert_eq!(document["rows"].as_array().unwrap().len(), 1, "{document:#}");
        assert_eq!(document["rows"][0]["verdict"], "clear");
        assert_eq!((&document["outdated"], &document["contradictions"]), (&json!(1), &json!([])));
        assert_eq!((&document["targets"], &document["exit_code"]), (&json!(1), &json!(0)));
    }
}

#[test]
fn lines_that_name_no_host_are_told_apart_by_their_files() {
    let old = line("x", 0, "t.example", one(no_ptb("192.0.2.25"), "192.0.2.1")).replace("\"vantage\":\"x\",", "");
    let new = line("x", 0, "t.example", one(clear("192.0.2.25"), "192.0.2.1"))
        .replace("\"vantage\":\"x\",", "\"vantage\":null,");
    let mut collection = Collection::default();
    collection.add(old.trim_end().as_bytes(), "fra1.jsonl").expect("a line of an earlier version");
    collection.add(new.trim_end().as_bytes(), "nyc2.jsonl").expect("a line");
    let text = render_text(&collection.summary(Vec::new()), Detail::Normal);
    assert!(text.contains("seen from 2 vantages: fra1.jsonl, nyc2.jsonl\n"), "{text}");
    assert!(text.contains("Vantages disagree about 1 address"), "{text}");
}

/// Where no router is known, the network is that of the targets.
#[test]
fn targets_of_one_network_are_one_row_where_no_router_is_known() {
    let gone = |ip: &str| line("fra1", 0, ip, one(unreachable("192.0.2.25"), ip));
    let lines = ["192.0.2.1", "192.0.2.254", "198.51.100.1", "2001:db8:1:2::1", "2001:db8:1:ffff::1"].map(gone);
    let document = document(&lines);
    let networks: Vec<_> = document["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["network"].clone(), row["targets"].clone()))
        .collect();
    let expected = [("192.0.2.0/24", 2), ("2001:db8:1::/48", 2), ("198.51.100.0/24", 1)];
    assert_eq!(networks, expected.map(|(network, count)| (json!(network), json!(count))));
}

#[test]
fn one_server_of_many_domains_is_one_address_and_many_targets() {
    let lines: Vec<String> =
        (0..4).map(|n| line("fra1", 0, &format!("d{n}.example"), one(no_ptb("192.0.2.25"), "192.0.2.1"))).collect();
    let document = document(&lines);
    assert_eq!((&document["targets"], &document["addresses"]), (&json!(4), &json!(1)));
    assert_eq!((&document["rows"][0]["targets"], &document["rows"][0]["addresses"]), (&json!(4), &json!(1)));
}

/// The exit code of a summary of one report is that of the report.
#[test]
fn every_report_is_read_back_and_is_as_grave_as_before() {
    let mut single = combinations();
    single.extend(all());
    single.push(hostile());
    let mut closed = discoverable("192.0.2.25");
    closed.examined.port_state = Some(PortState::Refused);
    single.push(closed);
    for mut address in single {
        if !address.examined.direction.is_forward() {
            // As the program has it.
            address.examined.forward_elapsed = None;
        }
        let whole = report(vec![address]);
        let line = render_line(&whole);
        let document = document(std::slice::from_ref(&line));
        assert_eq!(document["exit_code"], u64::from(whole.exit_code()), "{line}\n{document:#}");
        let there = document["rows"].as_array().unwrap().iter().find(|row| row["way"] == "forward");
        let examined = &whole.addresses[0].examined;
        assert_eq!(there.is_some(), examined.direction.is_forward());
        if let Some(there) = there {
            let lines: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(there["verdict"], lines["addresses"][0]["verdict"]);
            assert_eq!(there["cause"], lines["addresses"][0]["cause"]);
        }
        let back = document["rows"].as_array().unwrap().iter().any(|row| row["way"] == "reverse");
        assert_eq!(back, examined.reverse.verdict != ReverseVerdict::Untested);
    }
}

#[test]
fn what_could_not_be_examined_counts() {
    let mut whole = report(Vec::new());
    whole.errors =
        vec![TargetFailure { target: "nobody.example".into(), kind: FailureKind::Unresolved, text: "no".into() }];
    whole.target = "nobody.example".into();
    let document = document(&[render_line(&whole)]);
    let row = &document["rows"][0];
    assert_eq!((&row["error"], &row["targets"], &row["addresses"]), (&json!("unresolved"), &json!(1), &json!(0)));
    assert_eq!(row["examples"], json!([{"host": "nobody.example", "address": null, "port": null}]));
    assert_eq!((&document["exit_code"], &document["addresses"]), (&json!(3), &json!(0)));
}

#[test]
fn the_worst_comes_first_and_of_the_same_kind_what_hits_most() {
    let document = document(&fleet());
    let order: Vec<(String, u64)> = document["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = format!("{} {}", row["way"].as_str().unwrap_or("-"), row["verdict"].as_str().unwrap_or("-"));
            (text, row["targets"].as_u64().unwrap())
        })
        .collect();
    let expected = [
        ("forward black_hole", 5),
        ("forward black_hole", 1),
        ("forward black_hole", 1),
        ("forward black_hole", 1),
        ("reverse black_hole", 1),
        ("forward unreachable", 1),
        ("forward inconclusive", 1),
        ("forward clear", 10),
    ];
    assert_eq!(order, expected.map(|(row, count)| (row.to_owned(), count)));
}

#[test]
fn other_lines_are_refused() {
    let good = line("fra1", 0, "t.example", one(no_ptb("192.0.2.25"), "192.0.2.1"));
    let good = good.trim_end();
    assert!(Collection::default().add(good.as_bytes(), "a").is_ok());
    for bad in [
        String::new(),
        "127.0.0.1 localhost".into(),
        "{}".into(),
        "null".into(),
        "[]".into(),
        good.replace("pmtu-probe/1", "pmtu-probe/2"),
        good.replace("\"black_hole\"", "\"blackhole\""),
        good.replace("\"no_ptb\"", "\"no_such_cause\""),
        good.replace("\"address\":\"192.0.2.1\"", "\"address\":\"192.0.2.1.5\""),
        good.replace("2026-01-01T00:00:00Z", "yesterday"),
        good.replace("\"untested\"", "\"tested\""),
        format!("{good}{good}"),
        good[..good.len() - 1].to_owned(),
        "[".repeat(100_000),
    ] {
        let shown: String = bad.chars().take(80).collect();
        assert_eq!(Collection::default().add(bad.as_bytes(), "a"), Err(NotOurs), "{shown}");
    }
    assert_eq!(Collection::default().add(b"\xff\xfe{", "a"), Err(NotOurs));
}

#[test]
fn names_of_strangers_stay_text() {
    let mut address = no_ptb("192.0.2.25");
    address.host = "\u{1b}]0;owned\u{7}\n\u{202e}mx".into();
    let line = line("host\u{1b}[2J", 0, "t\n.example", vec![address]);
    let (text, json) =
        (render_text(&summed_up(std::slice::from_ref(&line)), Detail::Full), render_json(&summed_up(&[line])));
    for shown in [text, json] {
        assert!(shown.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()), "{shown:?}");
    }
}

#[test]
fn a_summary_for_people() {
    must_be_as_expected(&render_text(&summed_up(&fleet()), Detail::Normal), "merge");
    let full = render_text(&summed_up(&fleet()), Detail::Full);
    assert!(full.contains("\nclear\n"), "{full}");
    let quiet = render_text(&summed_up(&fleet()), Detail::VerdictOnly);
    assert!(quiet.lines().count() <= 4, "{quiet}");
}

/// However many rows there are, the text stays short, and says so.
#[test]
fn a_thousand_rows_are_cut() {
    let lines: Vec<String> = (0..1000)
        .map(|n| {
            let mut address = no_ptb("192.0.2.25");
            let router = format!("10.{}.{}.1", n / 250, n % 250);
            address.examined.location = Some(between((2, &router), (3, "198.51.100.13")));
            line("fra1", 0, &format!("t{n}.example"), one(address, "192.0.2.1"))
        })
        .collect();
    let text = render_text(&summed_up(&lines), Detail::Normal);
    assert!(text.ends_with("\nand 960 more rows; -v shows them\n"), "{text}");
    assert!(text.lines().count() < 200);
    assert_eq!(summed_up(&lines).exit_code(), 2);
}
