//! The formats for continuous integration and monitoring. What reads them is tried in tests/formats.

use std::time::{Duration, SystemTime};

use pmtu_probe::model::{FailureKind, Report, TargetFailure, Verdict};
use pmtu_probe::report::checks::{Check, Outcome, Tally, checks, checks_of_failures};
use pmtu_probe::report::github::annotation;
use pmtu_probe::report::junit::TestSuite;
use pmtu_probe::report::markdown::Page;
use pmtu_probe::report::prometheus::{Metrics, RunTimes};
use pmtu_probe::report::tap::{Tap, VERSION};

use super::expected::must_be_as_expected;
use super::fixtures::{
    V4, V6, back_hole, back_only, back_recovers, clear, combinations, discoverable, hostile, inconclusive, masked,
    no_ptb, report, unreachable,
};
use super::judged::{expecting, words};

pub(super) const TIMES: RunTimes = RunTimes { ended: SystemTime::UNIX_EPOCH, took: Duration::from_millis(171) };

fn failure(target: &str, kind: FailureKind, text: &str) -> TargetFailure {
    TargetFailure { target: target.into(), kind, text: text.into() }
}

/// One of each outcome.
fn mixed() -> Report {
    let mut of_v6 = back_hole(V6);
    of_v6.host = "mx2.example.com".into();
    let mut old = masked("192.0.2.26");
    old.target = "mx-old.example.com".into();
    old.host = "mx-old.example.com".into();
    let mut report = report(vec![no_ptb(V4), of_v6, old, clear("192.0.2.27"), unreachable("192.0.2.28")]);
    report.errors = vec![
        failure("example.com", FailureKind::NoRoute, "no route to 2001:db8::26: this host has no IPv6 address"),
        failure("nosuch.invalid", FailureKind::Unresolved, "no such domain: nosuch.invalid (NXDOMAIN)"),
    ];
    report
}

fn failed() -> Report {
    let mut report = report(Vec::new());
    report.errors =
        vec![failure("example.com", FailureKind::NoPrivilege, "raw sockets need CAP_NET_RAW; run it by sudo")];
    report
}

fn junit(report: &Report) -> String {
    let mut suite = TestSuite::default();
    for check in &checks(report) {
        suite.add(check);
    }
    suite.document(report.started, report.elapsed)
}

fn tap(report: &Report) -> String {
    let mut tap = Tap::default();
    let lines: String = checks(report).iter().map(|check| tap.lines(check)).collect();
    format!("{VERSION}{lines}{}", tap.plan())
}

fn github(report: &Report) -> String {
    checks(report).iter().map(annotation).collect()
}

fn markdown(report: &Report, limit: usize) -> String {
    let mut page = Page::new(limit);
    for check in &checks(report) {
        page.add(check);
    }
    page.finish()
}

fn metrics(report: &Report) -> String {
    let mut metrics = Metrics::default();
    metrics.add(report);
    metrics.render(TIMES)
}

#[test]
fn each_format_of_one_report() {
    let report = mixed();
    must_be_as_expected(&junit(&report), "junit");
    must_be_as_expected(&tap(&report), "tap");
    must_be_as_expected(&github(&report), "github");
    must_be_as_expected(&markdown(&report, usize::MAX), "markdown");
    must_be_as_expected(&metrics(&report), "prometheus");
    must_be_as_expected(&metrics(&failed()), "prometheus_failed");
}

/// Whoever reads the file and whoever reads the exit code have to come to the same decision.
#[test]
fn all_checks_are_good_exactly_where_the_exit_code_is_0() {
    let harmless = failure("example.com", FailureKind::NoRoute, "no IPv6 here");
    // Whether a finding is there or not, most of them are alike.
    let some = combinations().into_iter().step_by(5);
    let mut reports: Vec<Report> = some.map(|address| report(vec![address])).collect();
    reports.extend([report(vec![clear(V4), discoverable(V6)]), mixed(), failed(), report(Vec::new())]);
    reports.push(Report { errors: vec![harmless.clone()], ..report(vec![clear(V4)]) });
    reports.push(Report { errors: vec![harmless], ..report(Vec::new()) });
    for ending in [0, 3, 130] {
        reports.push(Report { ending: Some(ending), ..report(vec![clear(V4)]) });
        reports.push(Report { ending: Some(ending), ..report(Vec::new()) });
    }
    for report in &reports {
        let checks = checks(report);
        assert!(!checks.is_empty(), "{report:?}");
        let all_are_good = checks.iter().all(|check| check.outcome.is_good());
        assert_eq!(all_are_good, report.exit_code() == 0, "exit code {}: {checks:#?}", report.exit_code());
    }
}

#[test]
fn the_outcome_and_the_word_are_those_of_the_worse_way() {
    let rows = [
        (clear(V4), Outcome::Passed, "clear"),
        (discoverable(V4), Outcome::Passed, "discoverable"),
        (masked(V4), Outcome::Faulty, "masked"),
        (no_ptb(V4), Outcome::Broken, "black_hole"),
        (back_hole(V4), Outcome::Broken, "reverse_black_hole"),
        (back_recovers(V4), Outcome::Faulty, "reverse_recovers"),
        (back_only(back_hole(V4)), Outcome::Broken, "reverse_black_hole"),
        (unreachable(V4), Outcome::Unknown, "unreachable"),
        (inconclusive(V4), Outcome::Unknown, "inconclusive"),
    ];
    for (address, outcome, word) in rows {
        let found = checks(&report(vec![address])).remove(0);
        assert_eq!((found.outcome, found.word), (outcome, word), "{}", found.headline);
    }
}

/// What is right for this path is said by `--expect`: a hole that everybody knows passes, and one that has healed is news.
#[test]
fn the_outcome_is_that_of_what_was_expected() {
    let rows = [
        (no_ptb(V4), Verdict::BlackHole, Outcome::Passed, "black_hole"),
        (masked(V4), Verdict::Masked, Outcome::Passed, "masked"),
        (clear(V4), Verdict::BlackHole, Outcome::Faulty, "not_as_expected"),
        (no_ptb(V4), Verdict::Discoverable, Outcome::Broken, "black_hole"),
        (unreachable(V4), Verdict::Clear, Outcome::Unknown, "unreachable"),
    ];
    for (address, expected, outcome, word) in rows {
        let report = report(vec![expecting(address, &words(&[expected]))]);
        let found = checks(&report);
        assert_eq!((found[0].outcome, found[0].word, found.len()), (outcome, word, 1), "{}", found[0].headline);
        assert_eq!(found[0].outcome.is_good(), report.exit_code() == 0);
        assert!(found[0].headline.contains("as expected"), "{}", found[0].headline);
    }
}

/// The history of a test goes by its name: two addresses of one host, ports and targets must not share one.
#[test]
fn no_two_checks_of_a_report_share_a_name() {
    let mut of_port = clear(V4);
    of_port.port = 587;
    let mut of_target = clear(V4);
    of_target.target = "example.net".into();
    let as_typed = ["mx.example.com", "192.0.2.25", "[192.0.2.25]:25", "mx.example.com:25"];
    for target in as_typed {
        let mut address = clear(V4);
        address.target = target.into();
        assert_eq!(checks(&report(vec![address]))[0].name, "mx.example.com 192.0.2.25", "{target} says no more");
    }
    let found = checks(&report(vec![clear(V4), clear(V6), of_port, of_target, clear(V4)]));
    let names: Vec<&str> = found.iter().map(|check| check.name.as_str()).collect();
    let expected = [
        "example.com: mx.example.com 192.0.2.25",
        "example.com: mx.example.com 2001:db8::25",
        "example.com: mx.example.com 192.0.2.25 port 587",
        "example.net: mx.example.com 192.0.2.25",
        "example.com: mx.example.com 192.0.2.25 (2)",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_list_that_is_not_whole_has_a_check_that_says_so() {
    let good = checks(&report(vec![clear(V4)])).remove(0);
    let bad = checks_of_failures(&[failure("a.example", FailureKind::Unresolved, "no answer")]).remove(0);
    let end = |seen: &[&Check], is_cut_short, code| {
        let mut tally = Tally::default();
        for check in seen {
            tally.note(check);
        }
        if is_cut_short {
            tally.cut_short();
        }
        tally.end(code).map(|check| (check.outcome, check.word))
    };
    assert_eq!(end(&[&good], false, 0), None);
    assert_eq!(end(&[&good, &bad], false, 3), None, "the bad one tells");
    assert_eq!(end(&[&good], false, 3), Some((Outcome::Unknown, "incomplete")), "a line that is no target");
    assert_eq!(end(&[&good], false, 2), Some((Outcome::Broken, "incomplete")), "an earlier run found a hole");
    assert_eq!(end(&[&good], true, 0), Some((Outcome::Unknown, "interrupted")));
    assert_eq!(end(&[&bad], true, 3), Some((Outcome::Unknown, "interrupted")));
}

#[test]
fn a_page_stays_below_its_limit_and_says_what_it_left_out() {
    let many: Vec<_> = (0..100).map(|n| no_ptb(&format!("192.0.2.{n}"))).collect();
    let report = report(many);
    for limit in [4_000, 30_000, 65_000] {
        let page = markdown(&report, limit);
        assert!(page.len() <= limit, "{} of {limit}", page.len());
        assert!(page.starts_with("## Path MTU: 100 where mail hangs\n"), "{}", &page[..60]);
        assert!(page.contains("There was no room for the reports on "), "{page}");
    }
    assert!(!markdown(&report, usize::MAX).contains("no room"));
}

/// A command begins a line; in the properties, what parts them is escaped as well (the toolkit of GitHub Actions, `command.ts`).
#[test]
fn an_annotation_is_one_line_whatever_stands_in_it() {
    let mut address = hostile();
    address.target = "a::b,c%0A::error::x\n::stop-commands::y".into();
    for line in [github(&report(vec![address])), github(&mixed())].concat().lines() {
        let rest = line.strip_prefix("::").expect("a command");
        let (command, message) = rest.split_once("::").expect("a message");
        let (kind, title) = command.split_once(" title=").expect("a title");
        assert!(["error", "warning", "notice"].contains(&kind), "{line}");
        assert!(!title.contains([':', ',', '\r']), "{title}");
        let is_escape = |part: &str| ["25", "0A", "0D", "3A", "2C"].iter().any(|code| part.starts_with(code));
        assert!(title.split('%').skip(1).chain(message.split('%').skip(1)).all(is_escape), "{line}");
    }
}

/// The textfile collector refuses a file with times, or with a sample that comes twice.
#[test]
fn metrics_have_no_times_no_prose_and_nothing_twice() {
    let mut addresses: Vec<_> = combinations().into_iter().step_by(5).collect();
    addresses.push(hostile());
    let text = metrics(&report(addresses));
    let mut seen = std::collections::HashSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(series.ends_with('}') || !series.contains(' '), "a time: {line}");
        assert!(seen.insert(series.to_owned()), "twice: {series}");
    }
    for (index, line) in text.lines().enumerate() {
        assert!(line.starts_with("# HELP ") == (text.lines().nth(index + 1)).is_some_and(|n| n.starts_with("# TYPE ")));
    }
    assert!(text.ends_with('\n'));
    assert!(!text.contains("because") && !text.contains("TLS"), "prose in a label");
}

#[test]
fn every_address_is_in_exactly_one_state() {
    let text = metrics(&mixed());
    let of = |address: &str| {
        let states = text.lines().filter(|line| line.starts_with("pmtu_probe_verdict{") && line.contains(address));
        states.map(|line| line.ends_with(" 1")).collect::<Vec<_>>()
    };
    for address in ["\"192.0.2.25\"", "\"2001:db8::25\"", "\"192.0.2.26\"", "\"192.0.2.27\"", "\"192.0.2.28\""] {
        let states = of(address);
        assert_eq!((states.len(), states.iter().filter(|is_it| **is_it).count()), (7, 1), "{address}");
    }
}

/// A sample says what was proven: of a path that could not be judged, nothing.
#[test]
fn what_is_not_known_has_no_sample() {
    let value = |address, name: &str| {
        let text = metrics(&report(vec![address]));
        let line = text.lines().find(|line| line.starts_with(&format!("pmtu_probe_{name}{{")));
        line.and_then(|line| line.rsplit_once(' ')).map(|(_, value)| value.to_owned())
    };
    let rows = [
        (clear(V4), Some("0"), Some("0"), Some("1500")),
        (masked(V4), Some("0"), Some("0"), Some("1400")),
        (no_ptb(V6), Some("1"), Some("0"), Some("1400")),
        (back_hole(V4), Some("0"), Some("1"), Some("1500")),
        (back_recovers(V4), Some("0"), Some("1"), Some("1500")),
        (back_only(back_hole(V4)), None, Some("1"), None),
        (unreachable(V4), None, None, None),
        (inconclusive(V4), None, None, None),
    ];
    for (address, there, back, size) in rows {
        let found = ["blackhole", "reverse_blackhole", "path_mtu_bytes"].map(|name| value(address.clone(), name));
        assert_eq!(found.each_ref().map(Option::as_deref), [there, back, size], "{:?}", address.examined.verdict);
    }
}

#[test]
fn success_is_a_run_to_its_end_that_had_something_to_tell() {
    let success = |report: &Report| metrics(report).contains("\npmtu_probe_last_run_success 1\n");
    assert!(success(&mixed()), "one name that fails is counted, and the others were examined");
    assert!(success(&Report { ending: Some(0), ..report(Vec::new()) }), "nothing to examine");
    assert!(!success(&failed()));
    assert!(!success(&Report { ending: Some(3), ..report(Vec::new()) }), "nobody was accused in what could be read");
    assert!(!success(&Report { ending: Some(130), ..report(vec![clear(V4)]) }), "interrupted");
    let mut cut_short = Metrics::default();
    cut_short.add(&report(vec![clear(V4)]));
    cut_short.cut_short();
    let text = cut_short.render(TIMES);
    assert!(text.contains("\npmtu_probe_last_run_success 0\n"));
    assert!(text.contains("\npmtu_probe_last_run_failures{kind=\"interrupted\"} 1\n"));
}
