//! promtool and the Python client of Prometheus read the metrics.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use pmtu_probe::model::Report;
use pmtu_probe::report::prometheus::{Metrics, RunTimes};

use crate::fixtures::report;
use crate::readers::{debian, everything, feed, python, script};

/// The file of a run that found this.
pub(super) fn file_of(report: &Report) -> String {
    let mut metrics = Metrics::default();
    metrics.add(report);
    metrics
        .render(RunTimes { ended: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600), took: report.elapsed })
}

#[test]
fn promtool_has_nothing_to_say_against_them() {
    for report in [everything(), report(Vec::new())] {
        let read = feed(debian("promtool").args(["check", "metrics"]), &file_of(&report));
        assert!(read.is_good && read.said.is_empty(), "{}", read.said);
    }
}

/// So that the test above means something.
#[test]
fn promtool_finds_what_is_wrong() {
    for (file, expected) in [
        ("# TYPE pmtu_probe_x counter\npmtu_probe_x 1\n", "no help text"),
        ("pmtu_probe_x{y=\"a\nb\"} 1\n", "error"),
        ("pmtu_probe_x{y=\"a\"} 1\npmtu_probe_x{y=\"a\"} 2\n", ""),
    ] {
        let read = feed(debian("promtool").args(["check", "metrics"]), file);
        assert!(!read.is_good && read.said.contains(expected), "{file}: {}", read.said);
    }
}

/// A name is read back as it was written, whatever stands in it.
#[test]
fn labels_are_read_back_letter_by_letter() {
    let report = everything();
    let read = feed(&mut python([script("labels.py")]), &file_of(&report));
    assert!(read.is_good, "{}", read.said);
    let read: Vec<Vec<String>> = serde_json::from_str(&read.said).expect("labels as JSON");
    let is_plain = |row: &Vec<String>| row.iter().all(|text| text.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
    // What cannot be printed is written out, so it comes back in another form; it must come, and alone.
    assert_eq!(read.len(), file_of(&report).matches("\npmtu_probe_last_probes{").count());
    let read: BTreeSet<Vec<String>> = read.into_iter().filter(is_plain).collect();
    let ours = report.addresses.iter().map(|address| vec![address.target.clone(), address.host.clone()]);
    let ours: BTreeSet<Vec<String>> = ours.filter(is_plain).collect();
    let lost: Vec<_> = ours.difference(&read).collect();
    assert!(ours.len() > 6 && lost.is_empty(), "{lost:?}");
}
