//! The schema that Jenkins' xUnit plugin uses, and a reader of XML.

use pmtu_probe::model::Report;
use pmtu_probe::report::checks::{Outcome, checks};
use pmtu_probe::report::junit::TestSuite;
use serde_json::Value;

use crate::fixtures::report;
use crate::readers::{Read, everything, feed, folder, python, script};

fn document(report: &Report) -> String {
    let mut suite = TestSuite::default();
    for check in &checks(report) {
        suite.add(check);
    }
    suite.document(report.started, report.elapsed)
}

pub(super) fn read(document: &str) -> Read {
    feed(&mut python([script("junit.py"), folder().join("junit-10.xsd")]), document)
}

/// Each case is read back with the outcome, the words and the counts that it has here.
#[test]
fn the_document_is_valid_and_says_what_the_report_says() {
    for report in [everything(), report(Vec::new())] {
        let document = document(&report);
        let read = read(&document);
        assert!(read.is_good, "{}", read.said);
        let found: Value = serde_json::from_str(&read.said).expect("JSON");
        let checks = checks(&report);
        let cases = found["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), checks.len());
        let count = |outcomes: &[Outcome]| checks.iter().filter(|check| outcomes.contains(&check.outcome)).count();
        for (suite, counted) in [
            ("tests", checks.len()),
            ("failures", count(&[Outcome::Faulty, Outcome::Broken])),
            ("errors", count(&[Outcome::Unknown])),
            ("skipped", count(&[Outcome::Skipped])),
        ] {
            assert_eq!(found[suite], counted.to_string(), "{suite}");
        }
        for (case, check) in cases.iter().zip(&checks) {
            let element = match check.outcome {
                Outcome::Passed => "system-out",
                Outcome::Faulty | Outcome::Broken => "failure",
                Outcome::Unknown => "error",
                Outcome::Skipped => "skipped",
            };
            assert_eq!(case["element"], element, "{}", check.name);
            // What XML cannot hold is replaced, one character for one.
            assert_eq!(case["name"].as_str().map(without_nul), Some(without_nul(&check.name)));
            if check.outcome != Outcome::Passed {
                assert_eq!(case["message"].as_str().map(without_nul), Some(without_nul(&check.headline)));
                assert_eq!(case["type"], check.word);
            }
        }
    }
}

/// Without the two characters that no XML can hold, and what stands for them.
fn without_nul(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}', '\u{fffd}'], "")
}

/// So that the test above means something.
#[test]
fn the_schema_finds_what_is_wrong() {
    let good = document(&everything());
    for (from, to) in [
        ("<testcase ", "<testcase colour=\"red\" "),
        ("<properties>", "<property>"),
        ("time=\"0.171\"", "time=\"soon\""),
    ] {
        assert!(good.contains(from), "{from}");
        let read = read(&good.replacen(from, to, 1));
        assert!(!read.is_good, "{to}");
    }
}
