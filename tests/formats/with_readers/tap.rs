//! Perl's reader of TAP, which prove uses.

use pmtu_probe::model::Report;
use pmtu_probe::report::checks::{Check, Outcome, checks};
use pmtu_probe::report::tap::{Tap, VERSION};
use serde_json::Value;

use crate::fixtures::{clear, report};
use crate::readers::{Read, Scratch, everything, feed, script};

fn stream(report: &Report) -> String {
    let mut tap = Tap::default();
    let lines: String = checks(report).iter().map(|check| tap.lines(check)).collect();
    format!("{VERSION}{lines}{}", tap.plan())
}

pub(super) fn read(stream: &str) -> Read {
    let scratch = Scratch::new("tap");
    let file = scratch.write("run.tap", stream);
    feed(std::process::Command::new("perl").arg(script("tap.pl")).arg(file), "")
}

/// Each line is read back with the outcome, the name and the message that it has here.
#[test]
fn every_check_is_read_back() {
    let report = everything();
    let read = read(&stream(&report));
    assert!(read.is_good, "{}", read.said);
    let found: Value = serde_json::from_str(&read.said).expect("JSON");
    assert_eq!(found["errors"], Value::Array(Vec::new()));
    let tests = found["tests"].as_array().expect("an array");
    let checks = checks(&report);
    assert_eq!(tests.len(), checks.len());
    for (test, check) in tests.iter().zip(&checks) {
        assert_eq!(test["ok"], check.outcome.is_good(), "{}", check.name);
        assert_eq!(test["skipped"], check.outcome == Outcome::Skipped, "{}", check.name);
        assert_eq!(test["todo"], false, "{}", check.name);
        assert_eq!(description(test).trim(), check.name.trim(), "{check:?}");
        if check.outcome != Outcome::Skipped {
            assert_eq!(test["yaml"]["message"], check.headline.as_str());
            assert_eq!(test["yaml"]["verdict"], check.word);
        }
        if has_report(check) {
            let found = test["yaml"]["report"].as_str().expect("the report");
            let lines = |report: &str| report.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(lines(found), lines(&check.details), "{}", check.name);
        }
    }
}

/// Perl's reader leaves the escapes of descriptions as they are.
fn description(test: &Value) -> String {
    let words = test["description"].as_str().expect("a description");
    let words = words.strip_prefix("- ").unwrap_or(words.strip_prefix('-').unwrap_or(words));
    words.replace("\\#", "#").replace("\\\\", "\\")
}

fn has_report(check: &Check) -> bool {
    !check.outcome.is_good() && !check.details.is_empty()
}

#[test]
fn prove_passes_exactly_where_all_is_well() {
    let scratch = Scratch::new("prove");
    for (report, passes) in [(report(vec![clear("192.0.2.25")]), true), (everything(), false)] {
        let file = scratch.write("run.tap", &stream(&report));
        let ran = feed(std::process::Command::new("prove").args(["--exec", "cat"]).arg(file), "");
        assert_eq!(ran.is_good, passes, "{}", ran.said);
        assert!(!ran.said.contains("Parse errors"), "{}", ran.said);
    }
}
