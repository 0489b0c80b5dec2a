//! Metrics in the text format of Prometheus, version 0.0.4, for the textfile collector of node_exporter.
//!
//! No sample has a time of its own (the collector refuses such a file), and no label holds prose: names and addresses only.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use super::printable::printable;
use super::words::{Word, address_with_zone};
use crate::model::{
    AddressReport, FailureKind, Family, PacketSize, PortState, Report, ReverseVerdict, TargetFailure, Verdict,
};

/// What a run found, as little of each address as its samples need.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// By the labels of the address, so that no sample comes twice.
    addresses: BTreeMap<String, Address>,
    failures: [u64; FailureKind::ALL.len()],
    /// Whether there may be something to examine that is not known: a log could not be read, for one.
    is_incomplete: bool,
    is_cut_short: bool,
}

/// How the run went as a whole.
#[derive(Clone, Copy, Debug)]
pub struct RunTimes {
    /// When it ended.
    pub ended: SystemTime,
    /// What it took.
    pub took: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Address {
    path_mtu: Option<PacketSize>,
    local_mtu: PacketSize,
    reverse_path_mtu: Option<PacketSize>,
    /// `None`: the way there was not asked for.
    verdict: Option<Verdict>,
    reverse: ReverseVerdict,
    takes_connections: Option<bool>,
    rtt: Option<Duration>,
    probes: u32,
    took: Duration,
}

/// The user interrupted (128 + SIGINT).
const INTERRUPTED: u8 = 130;

impl Metrics {
    /// Adds the addresses of a report, and what could not be examined.
    pub fn add(&mut self, report: &Report) {
        for address in &report.addresses {
            self.add_address(address);
        }
        self.add_failures(&report.errors);
        self.is_incomplete |= report.addresses.is_empty() && report.exit_code() != 0;
        if report.ending == Some(INTERRUPTED) {
            self.cut_short();
        }
    }

    /// Adds an address.
    pub fn add_address(&mut self, address: &AddressReport) {
        self.addresses.insert(labels(address), Address::of(address));
    }

    /// Adds what could not be examined.
    pub fn add_failures(&mut self, failures: &[TargetFailure]) {
        for failure in failures {
            self.count(failure.kind);
        }
    }

    /// The run ends before its end.
    pub fn cut_short(&mut self) {
        if !std::mem::replace(&mut self.is_cut_short, true) && self.failures_of(FailureKind::Interrupted) == 0 {
            self.count(FailureKind::Interrupted);
        }
    }

    fn count(&mut self, kind: FailureKind) {
        let place = FailureKind::ALL.iter().position(|known| *known == kind);
        if let Some(count) = place.and_then(|place| self.failures.get_mut(place)) {
            *count += 1;
        }
    }

    fn failures_of(&self, kind: FailureKind) -> u64 {
        FailureKind::ALL.iter().zip(self.failures).find(|(known, _)| **known == kind).map_or(0, |(_, count)| count)
    }

    /// Whether the run came to its end and examined something, or had nothing to examine.
    fn is_success(&self) -> bool {
        let has_nothing_to_do = !self.is_incomplete && self.failures.iter().all(|count| *count == 0);
        !self.is_cut_short && (!self.addresses.is_empty() || has_nothing_to_do)
    }

    /// The file, with a final newline.
    pub fn render(&self, times: RunTimes) -> String {
        let mut out = String::new();
        self.push_run(&mut out, times);
        self.push_paths(&mut out);
        self.push_verdicts(&mut out);
        self.push_costs(&mut out);
        out
    }

    fn push_run(&self, out: &mut String, times: RunTimes) {
        head(out, "build_info", "The version of pmtu-probe that wrote this file.");
        sample(out, "build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let help = "Whether the last run came to its end and examined something (1), or did not (0).";
        head(out, "last_run_success", help);
        sample(out, "last_run_success", &[], u8::from(self.is_success()));
        head(out, "last_run_timestamp_seconds", "When the last run ended, in seconds since 1970.");
        let ended = times.ended.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        sample(out, "last_run_timestamp_seconds", &[], seconds(ended));
        head(out, "run_duration_seconds", "What the last run took.");
        sample(out, "run_duration_seconds", &[], seconds(times.took));
        head(out, "last_run_addresses", "Addresses that the last run examined.");
        sample(out, "last_run_addresses", &[], self.addresses.len());
        let help = "What the last run could not examine, by the kind of failure.";
        head(out, "last_run_failures", help);
        for (kind, count) in FailureKind::ALL.iter().zip(self.failures) {
            sample(out, "last_run_failures", &[("kind", kind.word())], count);
        }
    }

    fn push_paths(&self, out: &mut String) {
        let help = "Largest packet proven to pass to the address; no sample where none is.";
        self.family(out, "path_mtu_bytes", help, |address| address.path_mtu.map(PacketSize::bytes));
        let help = "MTU of the interface or route by which packets to the address leave.";
        self.family(out, "local_mtu_bytes", help, |address| Some(address.local_mtu.bytes()));
        let help = "Largest packet seen from the address.";
        self.family(out, "reverse_path_mtu_bytes", help, |address| address.reverse_path_mtu.map(PacketSize::bytes));
    }

    fn push_verdicts(&self, out: &mut String) {
        let help = "Whether large packets to the address vanish and mail hangs or stalls (1), or not (0); no sample where it \
                    could not be told.";
        self.family(out, "blackhole", help, |address| address.is_black_hole().map(u8::from));
        let help = "The same for packets that come from the address.";
        self.family(out, "reverse_blackhole", help, |address| address.is_reverse_black_hole().map(u8::from));
        let help = "The verdict on the way to the address: 1 for the one that it is, 0 for the others.";
        self.states(out, "verdict", help, &Verdict::WORST_FIRST, |address| address.verdict);
        let help = "The verdict on the way back: 1 for the one that it is, 0 for the others.";
        self.states(out, "reverse_verdict", help, &ReverseVerdict::WORST_FIRST, |address| Some(address.reverse));
        let help = "Whether the port takes connections; no sample where that is not known.";
        self.family(out, "port_open", help, |address| address.takes_connections.map(u8::from));
    }

    fn push_costs(&self, out: &mut String) {
        let help = "Smoothed round-trip time to the address.";
        self.family(out, "rtt_seconds", help, |address| address.rtt.map(seconds));
        let help = "Probes that the last run sent to the address.";
        self.family(out, "last_probes", help, |address| Some(address.probes));
        let help = "What the last examination of the address took.";
        self.family(out, "examination_duration_seconds", help, |address| Some(seconds(address.took)));
    }

    /// For each address that has a state a sample for each of all states.
    fn states<S: Word + Copy + PartialEq>(
        &self,
        out: &mut String,
        name: &str,
        help: &str,
        all: &[S],
        state: impl Fn(&Address) -> Option<S>,
    ) {
        let mut known =
            self.addresses.iter().filter_map(|(labels, address)| Some((labels, state(address)?))).peekable();
        if known.peek().is_some() {
            head(out, name, help);
        }
        for (labels, known) in known {
            for one in all {
                let (word, is_it) = (one.word(), u8::from(*one == known));
                let _ = writeln!(out, "{PREFIX}{name}{{{labels},verdict=\"{word}\"}} {is_it}");
            }
        }
    }

    /// A sample for each address that has this value.
    fn family<V: std::fmt::Display>(
        &self,
        out: &mut String,
        name: &str,
        help: &str,
        value: impl Fn(&Address) -> Option<V>,
    ) {
        let mut samples =
            self.addresses.iter().filter_map(|(labels, address)| Some((labels, value(address)?))).peekable();
        if samples.peek().is_some() {
            head(out, name, help);
        }
        for (labels, value) in samples {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{PREFIX}{name}{{{labels}}} {value}");
        }
    }
}

const PREFIX: &str = "pmtu_probe_";

impl Address {
    fn of(report: &AddressReport) -> Self {
        let examined = &report.examined;
        Self {
            path_mtu: examined.path_mtu,
            local_mtu: examined.local_mtu,
            reverse_path_mtu: examined.reverse.path_mtu,
            verdict: examined.direction.is_forward().then_some(examined.verdict),
            reverse: examined.reverse.verdict,
            takes_connections: examined.port_state.map(PortState::takes_connections),
            rtt: examined.rtt,
            probes: examined.probes_sent,
            took: examined.elapsed,
        }
    }

    fn is_black_hole(&self) -> Option<bool> {
        match self.verdict? {
            Verdict::BlackHole | Verdict::Recovers => Some(true),
            Verdict::Masked | Verdict::Discoverable | Verdict::Clear => Some(false),
            Verdict::Unreachable | Verdict::Inconclusive => None,
        }
    }

    fn is_reverse_black_hole(&self) -> Option<bool> {
        match self.reverse {
            ReverseVerdict::BlackHole | ReverseVerdict::Recovers => Some(true),
            ReverseVerdict::Discoverable | ReverseVerdict::Clear => Some(false),
            ReverseVerdict::Untested | ReverseVerdict::Inconclusive => None,
        }
    }
}

/// What tells an address apart from all others.
fn labels(report: &AddressReport) -> String {
    let address = address_with_zone(report.address, report.zone.as_deref());
    let family = match Family::of(report.address) {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let rows = [
        ("domain", report.target.as_str()),
        ("mx", &report.host),
        ("address", &address),
        ("family", family),
        ("port", &report.port.to_string()),
    ];
    label_list(&rows)
}

fn label_list(rows: &[(&str, &str)]) -> String {
    let rows: Vec<String> = rows.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    rows.join(",")
}

/// A label's value. What cannot be printed is written out first, so that no line ends in it.
fn escaped(value: &str) -> String {
    printable(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} gauge");
}

fn sample(out: &mut String, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", label_list(labels)) };
    let _ = writeln!(out, "{PREFIX}{name}{labels} {value}");
}

/// To the microsecond: finer digits are noise.
fn seconds(duration: Duration) -> String {
    let text = format!("{:.6}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
