//! What came of many targets, worst first.

use std::collections::HashMap;
use std::fmt::Write;

use crate::model::{FailureKind, Report, ReverseVerdict, Verdict};
use crate::report::rows::{Document, Found, Tally, What};
use crate::report::words::{counted, reverse_counted, without_connections};

/// Counts of verdicts, and what needs attention by place and network.
#[derive(Debug, Default)]
pub struct VerdictCounts {
    there: HashMap<Verdict, u64>,
    /// What is wrong with it, and everything where nothing else was examined.
    back: HashMap<ReverseVerdict, u64>,
    /// Whose port takes no connections.
    closed: u64,
    /// That are as expected.
    expected: u64,
    changed: Changed,
    targets: u64,
    /// Targets without an address that could be examined.
    failed: u64,
    worst: Option<u8>,
    rows: Tally,
}

/// Addresses that are not as expected.
#[derive(Debug, Default)]
struct Changed {
    count: u64,
    first: Vec<String>,
}

/// Addresses named one by one: a summary does not grow with the list.
const MOST_NAMED: usize = 20;

impl VerdictCounts {
    /// Counts a target that has its result.
    pub fn add(&mut self, report: &Report, labels: &[String]) {
        for (address, label) in report.addresses.iter().zip(labels) {
            if address.assessment.is_expected() == Some(false) {
                self.changed.note(label);
            }
            self.add_address(&mut Found::all_of(address));
        }
        self.add_target(report.exit_code(), !report.addresses.is_empty());
        self.rows.note_report(report);
    }

    /// Counts a target of an earlier run by its line.
    pub fn add_line(&mut self, document: &Document<'_>) {
        for of_address in document.found.chunk_by(Found::is_of_the_same) {
            let is_changed = of_address.first().is_some_and(|found| found.is_expected == Some(false));
            self.changed.count += u64::from(is_changed);
            self.add_address(&mut of_address.iter());
        }
        self.add_target(document.exit_code, document.failure.is_none());
        self.rows.note_line(document);
    }

    /// Counts a target that could not be examined, and that a later run may have more luck with.
    pub fn add_failure(&mut self, target: &str, kind: FailureKind) {
        self.add_target(3, false);
        self.rows.note_failure(target, kind);
    }

    fn add_address<'a, F: std::borrow::Borrow<Found<'a>>>(&mut self, directions: &mut dyn Iterator<Item = F>) {
        let mut is_there = false;
        for found in directions {
            let found = found.borrow();
            let is_expected = found.is_expected == Some(true);
            match found.what {
                What::There(there) => {
                    is_there = true;
                    *self.there.entry(there.verdict).or_default() += 1;
                    self.expected += u64::from(is_expected);
                    self.closed += u64::from(found.is_closed && !is_expected);
                }
                What::Back(verdict) if !is_there || (!is_expected && is_trouble(verdict)) => {
                    *self.back.entry(verdict).or_default() += 1;
                    self.expected += u64::from(is_expected && !is_there);
                }
                What::Back(_) | What::NotExamined(_) => {}
            }
        }
    }

    fn add_target(&mut self, exit_code: u8, has_addresses: bool) {
        self.targets += 1;
        self.failed += u64::from(!has_addresses);
        self.note_exit_code(exit_code);
    }

    /// 2 before 1 before 3 before 0.
    pub fn note_exit_code(&mut self, code: u8) {
        self.worst = Some(crate::model::worst_exit_code(self.worst.into_iter().chain([code])));
    }

    /// The worst of all.
    pub fn exit_code(&self) -> u8 {
        self.worst.unwrap_or(0)
    }

    /// Whether no target was counted.
    pub fn is_empty(&self) -> bool {
        self.targets == 0
    }

    /// `600 black hole, 3 masked, 20 clear`.
    pub fn counts(&self) -> String {
        let there = counted(|verdict| self.there.get(&verdict).copied().unwrap_or(0));
        let back = reverse_counted(|verdict| self.back.get(&verdict).copied().unwrap_or(0));
        let mut parts: Vec<String> = there.chain(back).collect();
        parts.extend(without_connections(self.closed));
        if self.expected > 0 {
            parts.push(format!("{} as expected", self.expected));
        }
        if self.changed.count > 0 {
            parts.push(format!("{} not as expected", self.changed.count));
        }
        if self.failed > 0 {
            parts.push(format!("{} not examined", self.failed));
        }
        parts.join(", ")
    }

    /// Several lines: the counts, then who is not as expected, then what needs attention by place and network, worst first.
    pub fn summary(&self) -> String {
        let s = if self.targets == 1 { "" } else { "s" };
        format!("{} target{s}: {}\n{}{}", self.targets, self.counts(), self.changed.words(), self.rows.words())
    }
}

impl Changed {
    fn note(&mut self, label: &str) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(label.to_owned());
        }
    }

    fn words(&self) -> String {
        if self.first.is_empty() {
            return String::new();
        }
        let mut out = "\nnot as expected:\n".to_owned();
        for label in &self.first {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "  {label}");
        }
        if let Some(more @ 1..) = self.count.checked_sub(self.first.len() as u64) {
            let _ = writeln!(out, "  and {more} more");
        }
        out
    }
}

fn is_trouble(verdict: ReverseVerdict) -> bool {
    matches!(verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers | ReverseVerdict::Inconclusive)
}
