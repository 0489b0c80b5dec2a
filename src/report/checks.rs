//! A report as checks that pass or fail: what systems for continuous integration count, in whichever format.

use std::collections::HashSet;
use std::time::Duration;

use super::printable::printable;
use super::text::{self, Detail, Style};
use super::words::{Word, address_with_zone};
use crate::model::{AddressReport, FailureKind, Report, ReverseVerdict, TargetFailure, Verdict};

/// A check of one address, or of the run where nothing could be examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is called: the same in each run, so that systems tell its history. Printable, one line.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
    /// One word of the JSON contract: the verdict, or the kind of the failure.
    pub word: &'static str,
    /// The result in one line. Printable.
    pub headline: String,
    /// What a person reads about it: printable lines. May be empty.
    pub details: String,
    /// What to do first, in a sentence or two. Printable; may be empty.
    pub advice: String,
    /// What the examination took.
    pub elapsed: Duration,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All is well.
    Passed,
    /// There is a fault that mail gets past: exit code 1.
    Faulty,
    /// Mail hangs: exit code 2.
    Broken,
    /// It cannot be told: exit code 3.
    Unknown,
    /// Left out, and that is no fault: this host has no such family.
    Skipped,
}

impl Outcome {
    fn of_exit_code(code: u8) -> Self {
        match code {
            0 => Self::Passed,
            1 => Self::Faulty,
            2 => Self::Broken,
            _ => Self::Unknown,
        }
    }

    /// Whether a job with this check may go on.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Passed | Self::Skipped)
    }
}

/// The checks of a report, at least one. All of them are good exactly where the exit code is 0.
pub fn checks(report: &Report) -> Vec<Check> {
    let mut checks: Vec<Check> = report.addresses.iter().map(of_address).collect();
    let has_addresses = !checks.is_empty();
    checks.extend(report.errors.iter().map(|failure| of_failure(failure, has_addresses)));
    let all_are_good = checks.iter().all(|check| check.outcome.is_good());
    match report.exit_code() {
        0 if checks.is_empty() => checks.push(of_run(report, Outcome::Passed, "nothing to examine")),
        0 => {}
        code if all_are_good => {
            checks.push(of_run(report, Outcome::of_exit_code(code), &incomplete(code)));
        }
        _ => {}
    }
    number_repeated(&mut checks);
    checks
}

/// The checks of what could not be examined, where nothing else of the target is there.
pub fn checks_of_failures(failures: &[TargetFailure]) -> Vec<Check> {
    failures.iter().map(|failure| of_failure(failure, false)).collect()
}

/// Whether the checks of a run tell all about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    has_bad: bool,
    is_cut_short: bool,
}

impl Tally {
    /// A check was written.
    pub fn note(&mut self, check: &Check) {
        self.has_bad |= !check.outcome.is_good();
    }

    /// The run ends before its end.
    pub fn cut_short(&mut self) {
        self.is_cut_short = true;
    }

    /// One more check, if those of the addresses do not tell why this exit code is not 0.
    pub fn end(self, exit_code: u8) -> Option<Check> {
        let (outcome, word, headline) = match exit_code {
            _ if self.is_cut_short => {
                (Outcome::Unknown, "interrupted", "the run was interrupted before its end".into())
            }
            0 => return None,
            _ if self.has_bad => return None,
            code => (Outcome::of_exit_code(code), INCOMPLETE, incomplete(code)),
        };
        let (details, advice) = (String::new(), String::new());
        Some(Check { name: "the whole run".into(), outcome, word, headline, details, advice, elapsed: Duration::ZERO })
    }
}

const INCOMPLETE: &str = "incomplete";

fn incomplete(exit_code: u8) -> String {
    format!("what was examined now is fine, but that is not all there was to examine: exit code {exit_code}")
}

fn of_address(report: &AddressReport) -> Check {
    let examined = &report.examined;
    let (name, target) = (text::name(report), &report.target);
    let says_target = target.is_empty() || forms(report).contains(target);
    let name = if says_target { name } else { format!("{target}: {name}") };
    let alone = Report {
        target: target.clone(),
        started: std::time::SystemTime::UNIX_EPOCH,
        elapsed: examined.elapsed,
        addresses: vec![report.clone()],
        errors: Vec::new(),
        vantage: None,
        ending: None,
    };
    let style = Style { color: false, detail: Detail::Normal, ..Style::default() };
    Check {
        name: printable(name.trim()),
        outcome: Outcome::of_exit_code(report.exit_code()),
        word: word(report),
        headline: printable(&text::headline(report)),
        details: text::blocks(&alone, &style),
        advice: examined.advice.first().map(|advice| printable(&advice.text)).unwrap_or_default(),
        elapsed: examined.elapsed,
    }
}

/// How a user may write the host or the address itself.
fn forms(report: &AddressReport) -> Vec<String> {
    let (port, address) = (report.port, report.address.to_string());
    let hosts = [report.host.clone(), address.clone(), address_with_zone(report.address, report.zone.as_deref())];
    let of_host =
        |host: &String| [host.clone(), format!("[{host}]"), format!("{host}:{port}"), format!("[{host}]:{port}")];
    hosts.iter().flat_map(of_host).collect()
}

/// The verdict that decides on the outcome, if one does.
fn word(report: &AddressReport) -> &'static str {
    let examined = &report.examined;
    // No fault of the path, and still not what was expected.
    if report.exit_code() != 0 && examined.exit_code() == 0 {
        return "not_as_expected";
    }
    let back = examined.reverse.verdict;
    let forward_is_fine = matches!(examined.verdict, Verdict::Clear | Verdict::Discoverable);
    let back_is_worse = match back {
        ReverseVerdict::BlackHole => examined.verdict != Verdict::BlackHole,
        ReverseVerdict::Recovers | ReverseVerdict::Inconclusive => forward_is_fine,
        ReverseVerdict::Clear | ReverseVerdict::Discoverable | ReverseVerdict::Untested => false,
    };
    match (examined.direction.is_forward(), back) {
        (true, _) if examined.takes_no_connections() && forward_is_fine => {
            examined.port_state.map_or("unreachable", Word::word)
        }
        (true, _) if !back_is_worse => examined.verdict.word(),
        (_, ReverseVerdict::BlackHole) => "reverse_black_hole",
        (_, ReverseVerdict::Recovers) => "reverse_recovers",
        (_, ReverseVerdict::Inconclusive) => "reverse_inconclusive",
        (_, back) => back.word(),
    }
}

fn of_failure(failure: &TargetFailure, has_addresses: bool) -> Check {
    // A name with addresses of a family that this host does not have: its other addresses tell.
    let is_left_out = failure.kind == FailureKind::NoRoute && has_addresses;
    Check {
        name: printable(failure.target.trim()),
        outcome: if is_left_out { Outcome::Skipped } else { Outcome::Unknown },
        word: failure.kind.word(),
        headline: printable(&failure.text),
        details: String::new(),
        advice: String::new(),
        elapsed: Duration::ZERO,
    }
}

fn of_run(report: &Report, outcome: Outcome, headline: &str) -> Check {
    Check {
        name: printable(&report.target),
        outcome,
        word: if outcome.is_good() { "clear" } else { INCOMPLETE },
        headline: headline.to_owned(),
        details: String::new(),
        advice: String::new(),
        elapsed: report.elapsed,
    }
}

/// Two checks of one name would be one to those who keep their history.
fn number_repeated(checks: &mut [Check]) {
    let mut seen = HashSet::new();
    for check in checks {
        let (first, mut number) = (check.name.clone(), 1);
        while !seen.insert(check.name.clone()) {
            number += 1;
            check.name = format!("{first} ({number})");
        }
    }
}
