//! The evidence in aligned rows: what was measured, no interpretation.

use super::because::because;
use super::page::Page;
use super::path::Drawing;
use super::phrase::seconds;
use super::row::{EvidenceRow, value_columns};
use super::style::Detail;
use super::{other_way, path, this_host};
use crate::model::{
    AddressReport, Examined, Family, FlowOutcome, Flows, MaskedBy, Method, MethodReport, MethodStatus, PacketSize,
    PtbFault, PtbReport, Technique, Ttl, Verdict,
};
use crate::report::numbers::rounded_down;
use crate::report::place::{Place, place_of};
use crate::report::words::{method_reason, ptb_fault, ptb_name, verdict_reason, with_name};

/// Routers under attack or by mistake can send many kinds of PTB; these show the pattern.
const PTB_ROWS: usize = 4;
/// These show that there is one.
const FEW_PTB_ROWS: usize = 2;

/// What a mail admin needs to know of it; in full detail all of it.
pub(super) fn rows(report: &AddressReport, detail: Detail, page: Page) -> Vec<EvidenceRow> {
    if detail == Detail::Full { all_rows(report, page) } else { main_rows(report, page) }
}

fn main_rows(report: &AddressReport, page: Page) -> Vec<EvidenceRow> {
    let examined = &report.examined;
    let mut rows = Vec::new();
    // An inconclusive verdict has its reason in the headline.
    if examined.verdict != Verdict::Inconclusive {
        rows.push(EvidenceRow::new("because", because(&examined.reason)));
    }
    sizes(examined, &mut rows);
    messages(examined, Family::of(report.address), FEW_PTB_ROWS, message_words, &mut rows);
    place(report, Drawing::Short, page, &mut rows);
    rows.extend(this_host::unusual_row(report));
    rows.extend(other_way::lines(report).into_iter().map(|line| EvidenceRow::new("other way", line)));
    rows.extend(this_way(examined));
    rows
}

fn all_rows(report: &AddressReport, page: Page) -> Vec<EvidenceRow> {
    let examined = &report.examined;
    let mut rows = Vec::new();
    if examined.verdict != Verdict::Inconclusive {
        rows.push(EvidenceRow::new("because", because(&examined.reason)));
    }
    rows.push(EvidenceRow::new("evidence", verdict_reason(&examined.reason)));
    sizes(examined, &mut rows);
    rows.extend(examined.flows.as_ref().map(|flows| EvidenceRow::new("flows", flows_words(flows))));
    messages(examined, Family::of(report.address), PTB_ROWS, ptb_words, &mut rows);
    place(report, Drawing::Long, page, &mut rows);
    mss(examined, &mut rows);
    rows.extend(examined.masked_by.and_then(masked_by).map(|by| EvidenceRow::new("masked by", by)));
    rows.push(this_host::row(report));
    rows.extend(other_way::all_lines(report).into_iter().map(|line| EvidenceRow::new("other way", line)));
    rows.extend(this_way(examined));
    rows.extend(methods(examined).map(|method| EvidenceRow::new("method", method_words(method, examined))));
    if let Some(rtt) = examined.rtt {
        rows.push(EvidenceRow::new("round trip", milliseconds(rtt.as_secs_f64())));
    }
    rows.push(EvidenceRow::new("sent", sent(examined)));
    if let Some(confidence) = examined.confidence {
        rows.push(EvidenceRow::new("confidence", confidence_words(confidence)));
    }
    rows.extend(single_rows(report));
    rows
}

fn this_way(examined: &Examined) -> Option<EvidenceRow> {
    const NOT_ASKED_FOR: &str = "not examined, as --direction reverse asks for the other one only";
    (!examined.direction.is_forward()).then(|| EvidenceRow::new("this way", NOT_ASKED_FOR))
}

/// Every size, flow and hop, and all that is known of this host.
fn single_rows(report: &AddressReport) -> Vec<EvidenceRow> {
    let examined = &report.examined;
    let sizes = examined.sizes.iter().map(|evidence| {
        EvidenceRow::new(
            "size",
            format!("{:>5} bytes: {} of {} answered", evidence.size.bytes(), evidence.answered, evidence.sent),
        )
    });
    let flows =
        examined.flows.iter().flat_map(|flows| &flows.flows).map(|flow| {
            EvidenceRow::new("flow", format!("source port {}: {}", flow.port, outcome_words(flow.outcome)))
        });
    let hops = examined.hops.iter().map(|hop| {
        let address = hop.address.map_or_else(|| "*".into(), |address| with_name(address, &report.names));
        let largest = hop.largest_answered.map_or_else(String::new, |size| format!(", up to {size} bytes"));
        let rtt = hop.rtt.map_or_else(String::new, |rtt| format!(", {}", milliseconds(rtt.as_secs_f64())));
        EvidenceRow::new("hop", format!("{:>3} {address}{largest}{rtt}", hop.ttl.0))
    });
    sizes.chain(flows).chain(hops).chain(this_host::detail_rows(&report.here)).collect()
}

fn place(report: &AddressReport, drawing: Drawing, page: Page, rows: &mut Vec<EvidenceRow>) {
    let Some(place) = place_of(report) else { return };
    let remark = match place {
        Place::At(_) => ", which says so itself",
        Place::Between { hidden: Some(1..), .. } => "; what lies between does not answer (*)",
        Place::Between { .. } => "",
    };
    rows.push(EvidenceRow::new("where", format!("{}{remark}", place.words_with(&report.names))));
    rows.extend(
        path::draw(report, drawing, value_columns(page)).into_iter().map(|line| EvidenceRow::new("path", line)),
    );
}

fn flows_words(flows: &Flows) -> String {
    let (passes, questioned) = flows.sizes;
    let share = match (flows.hit(), flows.known()) {
        (_, 0) => return format!("{questioned} bytes: no other flow gave an answer"),
        (0, 1) => format!("{questioned} bytes pass on the only flow that answered"),
        (1, 1) => format!("{questioned} bytes vanish on the only flow that answered, {passes} pass"),
        (0, known) => format!("{questioned} bytes pass on all {known} flows"),
        (hit, known) if hit == known => format!("{questioned} bytes vanish on all {known} flows, {passes} pass"),
        (hit, known) => format!("{questioned} bytes vanish on {hit} of {known} flows"),
    };
    let unknown = match flows.flows.len() - flows.known() {
        0 => String::new(),
        count => format!("; {count} gave no clear answer"),
    };
    format!("{share}{unknown}")
}

fn outcome_words(outcome: FlowOutcome) -> &'static str {
    match outcome {
        FlowOutcome::Passes => "passes",
        FlowOutcome::Lost => "vanishes",
        FlowOutcome::Refused => "is refused by a router",
        FlowOutcome::Unknown => "no clear answer",
    }
}

fn sizes(examined: &Examined, rows: &mut Vec<EvidenceRow>) {
    if let Some(size) = examined.path_mtu {
        rows.push(EvidenceRow::new("passes", format!("{size} bytes{}", answered(examined, size))));
    }
    if let Some(size) = examined.first_lost_size {
        let label = if examined.verdict == Verdict::Discoverable { "too big" } else { "vanishes" };
        rows.push(EvidenceRow::new(label, format!("{size} bytes{}", answered(examined, size))));
    }
}

fn answered(examined: &Examined, size: PacketSize) -> String {
    examined
        .sizes
        .iter()
        .find(|evidence| evidence.size == size)
        .map_or_else(String::new, |evidence| format!(": {} of {} answered", evidence.answered, evidence.sent))
}

/// Who says what; with more than so many kinds, how many others there are.
fn messages(
    examined: &Examined,
    family: Family,
    most: usize,
    words: fn(&str, &PtbReport, &Examined) -> String,
    rows: &mut Vec<EvidenceRow>,
) {
    let name = ptb_name(family);
    rows.extend(examined.ptb.iter().take(most).map(|ptb| EvidenceRow::new("ICMP", words(name, ptb, examined))));
    let more = examined.ptb.len().saturating_sub(most);
    if more > 0 {
        rows.push(EvidenceRow::new("ICMP", format!("and {more} other kinds of \"{name}\"")));
    }
    if examined.ptb.is_empty() && is_hole(examined.verdict) {
        rows.push(EvidenceRow::new("ICMP", format!("no \"{name}\" came back")));
    }
}

/// For a mail admin: who says what, and whether it helps.
fn message_words(name: &str, ptb: &PtbReport, examined: &Examined) -> String {
    let outcome = match (ptb.reached_kernel, ptb.fault) {
        (true, _) => "",
        (false, Some(PtbFault::BadChecksum)) => "; this host drops it",
        (false, _) => "; dropped by this host's own firewall",
    };
    let fault = ptb.fault.map_or_else(String::new, |fault| format!("; {}", ptb_fault::in_evidence(fault)));
    let size = if ptb.mtu == 0 { String::new() } else { format!(": at most {} bytes", ptb.mtu) };
    format!("\"{name}\" came from {}{}{size}{fault}{outcome}", ptb.from, about_ping(ptb, examined))
}

fn about_ping(ptb: &PtbReport, examined: &Examined) -> &'static str {
    match ptb.about {
        Method::Icmp if method_of_verdict(examined) == Some(Method::Tcp) => ", about ping",
        Method::Tcp | Method::Icmp => "",
    }
}

fn is_hole(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::BlackHole | Verdict::Recovers | Verdict::Masked)
}

fn ptb_words(name: &str, ptb: &PtbReport, examined: &Examined) -> String {
    let about = about_ping(ptb, examined);
    let outcome = match (ptb.reached_kernel, ptb.fault) {
        (true, _) => "reached this kernel",
        (false, Some(PtbFault::BadChecksum)) => "dropped by this kernel for its checksum",
        (false, _) => "did not reach this kernel: dropped by this host's own firewall",
    };
    let fault = ptb.fault.map_or_else(String::new, |fault| format!("; {}", ptb_fault::in_evidence(fault)));
    let times = if ptb.count == 1 { "once".into() } else { format!("{} times", ptb.count) };
    format!("\"{name}\", MTU {}, from {}{about}, {times}; {outcome}{fault}", ptb.mtu, ptb.from)
}

fn mss(examined: &Examined, rows: &mut Vec<EvidenceRow>) {
    let Some(theirs) = examined.peer_mss else { return };
    let ours = examined.local_mss.map_or_else(String::new, |ours| format!("ours {ours}, "));
    let limit =
        examined.tcp_packet_limit.map_or_else(String::new, |limit| format!(": TCP sends packets up to {limit} bytes"));
    rows.push(EvidenceRow::new("MSS", format!("{ours}theirs {theirs}{limit}")));
}

/// What this host does has rows of its own.
fn masked_by(by: MaskedBy) -> Option<String> {
    Some(match by {
        MaskedBy::ThisHost => return None,
        MaskedBy::PathClamp { hop: Some(Ttl(hop)) } => {
            let before = if hop == 1 { "this host".into() } else { format!("hop {}", hop - 1) };
            format!("an MSS clamp between {before} and hop {hop}, as it shows in our SYN")
        }
        MaskedBy::PathClamp { hop: None } => {
            "an MSS clamp on the way, or at the server behind its TCP: the server itself counts in larger segments"
                .into()
        }
        MaskedBy::PeerLink => "the server's own link, which is what its MSS is made for".into(),
    })
}

/// The technique that carries the verdict comes first.
fn methods(examined: &Examined) -> impl Iterator<Item = &MethodReport> {
    let carrier = carrier(examined);
    let is_carrier = move |method: &&MethodReport| carrier == Some(method.technique);
    examined.methods.iter().filter(is_carrier).chain(examined.methods.iter().filter(move |m| !is_carrier(m)))
}

/// The technique whose sizes the report shows: the first one used whose largest answered size is the path MTU.
fn carrier(examined: &Examined) -> Option<Technique> {
    let proves = |method: &&MethodReport| {
        method.status == MethodStatus::Used && method.path_mtu.is_some() && method.path_mtu == examined.path_mtu
    };
    let concluded = !matches!(examined.verdict, Verdict::Unreachable | Verdict::Inconclusive);
    examined.methods.iter().find(proves).filter(|_| concluded).map(|method| method.technique)
}

fn method_of_verdict(examined: &Examined) -> Option<Method> {
    let carrier = carrier(examined)?;
    Some(if carrier == Technique::Echo { Method::Icmp } else { Method::Tcp })
}

fn method_words(method: &MethodReport, examined: &Examined) -> String {
    let name = match (method.method, method.technique) {
        (Method::Tcp, Technique::OldData) => "TCP, old data",
        (Method::Tcp, Technique::SmtpData) => "TCP, SMTP lines",
        (Method::Tcp, Technique::SynData) => "TCP, SYN with data",
        (Method::Tcp, Technique::RealBytes) => "TCP, new SMTP bytes",
        (Method::Tcp, Technique::Echo) => "TCP",
        (Method::Icmp, _) => "ICMP echo",
    };
    let carries = if carrier(examined) == Some(method.technique) { "; it carries the verdict" } else { "" };
    match method.status {
        MethodStatus::Used => format!("{name}: {} of {} answered{carries}", method.answered, method.sent),
        MethodStatus::Unusable(reason) => format!("{name}: not usable, {}", method_reason(reason)),
        MethodStatus::Skipped(reason) => format!("{name}: not tried, {}", method_reason(reason)),
    }
}

fn sent(examined: &Examined) -> String {
    let probes = match examined.probes_sent {
        1 => "1 probe".into(),
        count => format!("{count} probes"),
    };
    format!("{probes}, {} bytes, in {}", examined.bytes_sent, seconds(examined.elapsed))
}

fn confidence_words(confidence: f64) -> String {
    if confidence >= 1.0 {
        "rests on answers, not on silence".into()
    } else {
        format!("{:.2} %", rounded_down(confidence) * 100.0)
    }
}

/// Three digits at most: `0.03 ms`, `20.4 ms`, `171 ms`.
fn milliseconds(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if ms < 1.0 {
        format!("{ms:.2} ms")
    } else if ms < 100.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_at_most() {
        assert_eq!(milliseconds(0.000_03), "0.03 ms");
        assert_eq!(milliseconds(0.020_44), "20.4 ms");
        assert_eq!(milliseconds(0.171_2), "171 ms");
    }

    #[test]
    fn only_answers_give_certainty() {
        assert_eq!(confidence_words(1.0), "rests on answers, not on silence");
        assert_eq!(confidence_words(0.999_999), "99.99 %");
    }
}
