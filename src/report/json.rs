//! One JSON document of schema `pmtu-probe/1`. `docs/report.schema.json` describes it.

use std::fmt::Write;
use std::net::IpAddr;

use serde::Serialize;

use super::advice::{Check, check};
use super::compared::ComparedJson;
use super::connections::{ConnectionAnswer, ConnectionJson};
use super::numbers::{milliseconds, rfc3339, rounded_down};
use super::printable::is_unsafe_to_print;
use super::words::{Word, address_with_zone, changes, method_reason, reverse_reason, verdict_reason};
use crate::model::{
    AddressReport, Advice, Examined, Finding, Hop, HopNames, Location, LocationPoint, MethodReport, MethodStatus,
    PacketSize, PtbReport, RejectedBy, Report, Reverse, SizeEvidence, TargetFailure,
};

/// The schema that the document follows; a change that breaks a reader gets a new number.
pub const SCHEMA: &str = "pmtu-probe/1";

/// The document, indented, with a final newline.
///
/// Plain ASCII apart from letters that are safe to print: a host name of a stranger cannot steer a terminal.
pub fn render(report: &Report) -> String {
    pretty(&Document::of(report))
}

/// The same with the connections whose peers were examined.
pub fn render_with_connections(report: &Report, connections: &[ConnectionAnswer<'_>]) -> String {
    let connections = connections.iter().map(ConnectionJson::of).collect();
    pretty(&Document { connections: Some(connections), ..Document::of(report) })
}

fn pretty(document: &Document<'_>) -> String {
    // Serializing plain structs with string keys into memory has no way to fail (serde_json, `to_string`).
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    escape_unprintable(&text)
}

/// The document in one line, with a line feed at its end: many of them make a file that is read line by line.
pub fn render_line(report: &Report) -> String {
    line(&Document::of(report))
}

/// The same of a report about connections that stand still.
pub fn render_line_with_connections(report: &Report, connections: &[ConnectionAnswer<'_>]) -> String {
    let connections = connections.iter().map(ConnectionJson::of).collect();
    line(&Document { connections: Some(connections), ..Document::of(report) })
}

fn line(document: &Document<'_>) -> String {
    // As above.
    let mut text = serde_json::to_string(document).unwrap_or_default();
    text.push('\n');
    escape_unprintable(&text)
}

/// JSON lets DEL, C1 controls and direction marks stand raw in strings; a terminal acts on them.
pub(super) fn escape_unprintable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe_to_print(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    target: &'a str,
    vantage: Option<&'a str>,
    started: Option<String>,
    elapsed_ms: f64,
    exit_code: u8,
    addresses: Vec<AddressJson<'a>>,
    errors: Vec<ErrorJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<Vec<ConnectionJson>>,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    target: &'a str,
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct AddressJson<'a> {
    host: &'a str,
    preference: Option<u16>,
    address: String,
    port: u16,
    verdict: &'static str,
    cause: Option<&'static str>,
    masked_by: Option<&'static str>,
    reason: String,
    port_state: Option<&'static str>,
    confidence: Option<f64>,
    path_mtu: Option<u32>,
    first_lost_size: Option<u32>,
    local_mtu: u32,
    kernel_path_mtu: Option<u32>,
    peer_mss: Option<u16>,
    local_mss: Option<u16>,
    tcp_packet_limit: Option<u32>,
    rtt_ms: Option<f64>,
    location: Option<LocationJson>,
    tcp_ends_at_hop: Option<u8>,
    hops: Vec<HopJson<'a>>,
    ptb: Vec<PtbJson>,
    rejections: Vec<RejectionJson>,
    methods: Vec<MethodJson>,
    sizes: Vec<SizeJson>,
    reverse: ReverseJson,
    findings: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<ComparedJson>,
    advice: Vec<AdviceJson<'a>>,
    check: Option<CheckJson>,
    expected: Option<bool>,
    change: Option<String>,
    probes_sent: u32,
    bytes_sent: u64,
    elapsed_ms: f64,
    forward_elapsed_ms: Option<f64>,
}

#[derive(Serialize)]
struct LocationJson {
    last_hop: Option<PointJson>,
    next_hop: Option<PointJson>,
}

#[derive(Serialize)]
struct PointJson {
    ttl: Option<u8>,
    address: IpAddr,
}

#[derive(Serialize)]
struct HopJson<'a> {
    ttl: u8,
    address: Option<IpAddr>,
    largest_answered: Option<u32>,
    rtt_ms: Option<f64>,
    name: Option<&'a str>,
    name_confirmed: Option<bool>,
    asn: Option<u32>,
}

#[derive(Serialize)]
struct PtbJson {
    from: IpAddr,
    mtu: u32,
    about: &'static str,
    reached_kernel: bool,
    fault: Option<&'static str>,
    count: u32,
}

#[derive(Serialize)]
struct MethodJson {
    method: &'static str,
    technique: &'static str,
    status: &'static str,
    reason: Option<&'static str>,
    sent: u32,
    answered: u32,
    path_mtu: Option<u32>,
}

#[derive(Serialize)]
struct SizeJson {
    size: u32,
    sent: u32,
    answered: u32,
}

#[derive(Serialize)]
struct ReverseJson {
    verdict: &'static str,
    path_mtu: Option<u32>,
    reason: Option<String>,
    recovered_after_ms: Option<f64>,
    elapsed_ms: Option<f64>,
}

#[derive(Serialize)]
struct AdviceJson<'a> {
    who: &'static str,
    text: &'a str,
    commands: &'a [String],
    lasting: &'a [String],
}

#[derive(Serialize)]
struct RejectionJson {
    from: IpAddr,
    by: &'static str,
    code: Option<u8>,
    smallest: u32,
    count: u32,
}

impl RejectionJson {
    fn of(finding: &Finding) -> Option<Self> {
        let Finding::LargeRejected(rejection) = finding else { return None };
        let (by, code) = match rejection.by {
            RejectedBy::Icmp(code) => ("icmp", Some(code)),
            RejectedBy::Reset => ("reset", None),
        };
        Some(Self { from: rejection.from, by, code, smallest: rejection.smallest.bytes(), count: rejection.count })
    }
}

#[derive(Serialize)]
struct CheckJson {
    text: String,
    commands: Vec<String>,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            target: &report.target,
            vantage: report.vantage.as_deref(),
            started: rfc3339(report.started),
            elapsed_ms: milliseconds(report.elapsed),
            exit_code: report.exit_code(),
            addresses: report.addresses.iter().map(AddressJson::of).collect(),
            errors: report.errors.iter().map(ErrorJson::of).collect(),
            connections: None,
        }
    }
}

impl<'a> AddressJson<'a> {
    fn of(report: &'a AddressReport) -> Self {
        let examined: &'a Examined = &report.examined;
        Self {
            host: &report.host,
            preference: report.preference,
            address: address_with_zone(report.address, report.zone.as_deref()),
            port: report.port,
            verdict: examined.verdict.word(),
            cause: examined.cause.map(Word::word),
            masked_by: examined.masked_by.map(Word::word),
            reason: verdict_reason(&examined.reason),
            port_state: examined.port_state.map(Word::word),
            confidence: examined.confidence.map(rounded_down),
            path_mtu: examined.path_mtu.map(PacketSize::bytes),
            first_lost_size: examined.first_lost_size.map(PacketSize::bytes),
            local_mtu: examined.local_mtu.bytes(),
            kernel_path_mtu: examined.kernel_path_mtu.map(PacketSize::bytes),
            peer_mss: examined.peer_mss,
            local_mss: examined.local_mss,
            tcp_packet_limit: examined.tcp_packet_limit.map(PacketSize::bytes),
            rtt_ms: examined.rtt.map(milliseconds),
            location: examined.location.as_ref().map(LocationJson::of),
            tcp_ends_at_hop: examined.tcp_ends_at_hop.map(|hop| hop.0),
            hops: examined.hops.iter().map(|hop| HopJson::of(hop, &report.names)).collect(),
            ptb: examined.ptb.iter().map(PtbJson::of).collect(),
            rejections: examined.findings.iter().filter_map(RejectionJson::of).collect(),
            methods: examined.methods.iter().map(MethodJson::of).collect(),
            sizes: examined.sizes.iter().map(SizeJson::of).collect(),
            reverse: ReverseJson::of(&examined.reverse),
            findings: examined.findings.iter().map(|finding| finding.word()).collect(),
            compared: ComparedJson::of(&examined.findings),
            advice: examined.advice.iter().map(AdviceJson::of).collect(),
            check: check(&[report]).map(|Check { text, commands }| CheckJson { text, commands }),
            expected: report.assessment.is_expected(),
            change: report.assessment.changes.as_deref().filter(|all| !all.is_empty()).map(changes),
            probes_sent: examined.probes_sent,
            bytes_sent: examined.bytes_sent,
            elapsed_ms: milliseconds(examined.elapsed),
            forward_elapsed_ms: examined.forward_elapsed.map(milliseconds),
        }
    }
}

impl<'a> ErrorJson<'a> {
    fn of(failure: &'a TargetFailure) -> Self {
        Self { target: &failure.target, kind: failure.kind.word(), text: &failure.text }
    }
}

impl LocationJson {
    fn of(location: &Location) -> Self {
        Self {
            last_hop: location.last_hop.as_ref().map(PointJson::of),
            next_hop: location.next_hop.as_ref().map(PointJson::of),
        }
    }
}

impl PointJson {
    fn of(point: &LocationPoint) -> Self {
        Self { ttl: point.ttl.map(|ttl| ttl.0), address: point.address }
    }
}

impl<'a> HopJson<'a> {
    fn of(hop: &Hop, names: &'a HopNames) -> Self {
        let known = hop.address.and_then(|address| names.of(address));
        let name = known.and_then(|known| known.name.as_ref());
        Self {
            name: name.map(|name| name.text.as_str()),
            name_confirmed: name.map(|name| name.is_confirmed),
            asn: known.and_then(|known| known.asn),
            ttl: hop.ttl.0,
            address: hop.address,
            largest_answered: hop.largest_answered.map(PacketSize::bytes),
            rtt_ms: hop.rtt.map(milliseconds),
        }
    }
}

impl PtbJson {
    fn of(ptb: &PtbReport) -> Self {
        Self {
            from: ptb.from,
            mtu: ptb.mtu,
            about: ptb.about.word(),
            reached_kernel: ptb.reached_kernel,
            fault: ptb.fault.map(Word::word),
            count: ptb.count,
        }
    }
}

impl MethodJson {
    fn of(method: &MethodReport) -> Self {
        let (status, reason) = match method.status {
            MethodStatus::Used => ("used", None),
            MethodStatus::Unusable(reason) => ("unusable", Some(method_reason(reason))),
            MethodStatus::Skipped(reason) => ("skipped", Some(method_reason(reason))),
        };
        Self {
            method: method.method.word(),
            technique: method.technique.word(),
            status,
            reason,
            sent: method.sent,
            answered: method.answered,
            path_mtu: method.path_mtu.map(PacketSize::bytes),
        }
    }
}

impl SizeJson {
    fn of(evidence: &SizeEvidence) -> Self {
        Self { size: evidence.size.bytes(), sent: evidence.sent, answered: evidence.answered }
    }
}

impl ReverseJson {
    fn of(reverse: &Reverse) -> Self {
        Self {
            verdict: reverse.verdict.word(),
            path_mtu: reverse.path_mtu.map(PacketSize::bytes),
            reason: reverse.reason.as_ref().map(reverse_reason),
            recovered_after_ms: reverse.recovered_after.map(milliseconds),
            elapsed_ms: reverse.elapsed.map(milliseconds),
        }
    }
}

impl<'a> AdviceJson<'a> {
    fn of(advice: &'a Advice) -> Self {
        Self { who: advice.who.word(), text: &advice.text, commands: &advice.commands, lasting: &advice.lasting }
    }
}
