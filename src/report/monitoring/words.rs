//! An address in as few words as its state needs.

use crate::model::{AddressReport, Cause, Examined, PacketSize, Reverse, ReverseVerdict, Verdict};
use crate::report::words::{address_with_zone, assessed, verdict_name};

const SMTP: u16 = 25;

/// Host and address, and the port if it is not that of SMTP.
pub(super) fn name(report: &AddressReport) -> String {
    let endpoint = endpoint(report);
    let address = address_with_zone(report.address, report.zone.as_deref());
    if report.host.is_empty() || report.host == address || report.host == report.address.to_string() {
        endpoint
    } else {
        format!("{} {endpoint}", report.host)
    }
}

/// The address, and the port if it is not that of SMTP.
pub(super) fn endpoint(report: &AddressReport) -> String {
    let address = address_with_zone(report.address, report.zone.as_deref());
    if report.port == SMTP { address } else { format!("{address} port {}", report.port) }
}

/// What was found, from the fullest form to the shortest.
pub(super) fn says(report: &AddressReport) -> [String; 3] {
    let (found, short) = (found(report, true), found(report, false));
    let Some(assessed) = assessed(report) else { return [found, short.clone(), short] };
    let head = assessed.split(": ").next().unwrap_or_default();
    [format!("{found}; {assessed}"), format!("{short}; {assessed}"), format!("{short}; {head}")]
}

/// One line of any length.
pub(super) fn in_full(report: &AddressReport) -> String {
    let [full, ..] = says(report);
    format!("{}: {full}", name(report))
}

/// In short form without causes, and without what is fine beside a fault.
fn found(report: &AddressReport, in_full: bool) -> String {
    let examined = &report.examined;
    let back = back(examined);
    let is_fine = matches!(examined.verdict, Verdict::Clear | Verdict::Discoverable) && back.is_some();
    let mut parts = Vec::new();
    if examined.takes_no_connections() {
        parts.push(format!("port {} takes no connections", report.port));
    }
    if examined.direction.is_forward() && (in_full || !is_fine) {
        parts.push(there(examined, in_full));
    }
    parts.extend(back);
    parts.join("; ")
}

fn there(examined: &Examined, with_cause: bool) -> String {
    let name = verdict_name(examined.verdict);
    let above = || examined.path_mtu.map_or_else(String::new, |size| format!(" above {size}"));
    match examined.verdict {
        Verdict::Clear | Verdict::Discoverable => format!("{name}, {}", pass(examined.path_mtu, "pass")),
        Verdict::BlackHole => format!("{name}{}{}", above(), if with_cause { cause(examined) } else { String::new() }),
        Verdict::Masked => format!("{name}, hole{}", above()),
        Verdict::Recovers => format!("recovers, hole{}", above()),
        Verdict::Unreachable | Verdict::Inconclusive => name.into(),
    }
}

fn pass(size: Option<PacketSize>, verb: &str) -> String {
    size.map_or_else(|| format!("large packets {verb}"), |size| format!("{size} bytes {verb}"))
}

fn cause(examined: &Examined) -> String {
    let hop = examined.location.as_ref().and_then(|location| location.last_hop.as_ref()?.ttl);
    match (examined.cause, hop) {
        (Some(Cause::NoPtb), Some(hop)) => format!(" (no ICMP from hop {})", hop.0),
        (Some(Cause::NoPtb), None) => " (no ICMP)".into(),
        (Some(Cause::LocalFirewall), _) => " (own firewall drops ICMP)".into(),
        (Some(Cause::BadPtb), _) => " (faulty ICMP)".into(),
        (Some(Cause::LinkMismatch), _) => " (no router cuts them)".into(),
        (None, _) => String::new(),
    }
}

/// The way back, where it has a fault or was all that was asked for.
fn back(examined: &Examined) -> Option<String> {
    let Reverse { verdict, path_mtu, .. } = examined.reverse;
    let above = || path_mtu.map_or_else(String::new, |size| format!(" above {size}"));
    let words = match verdict {
        ReverseVerdict::BlackHole => format!("black hole{}", above()),
        ReverseVerdict::Recovers => format!("recovers, hole{}", above()),
        ReverseVerdict::Inconclusive => "inconclusive".into(),
        _ if examined.direction.is_forward() => return None,
        ReverseVerdict::Clear => format!("clear, {}", pass(path_mtu, "arrive")),
        ReverseVerdict::Discoverable => format!("discoverable, {}", pass(path_mtu, "arrive")),
        ReverseVerdict::Untested => "not tested".into(),
    };
    Some(format!("way back: {words}"))
}

/// Text without what such a system takes for more: other letters than ASCII, line breaks, the bar before metrics, quotes, and what
/// shells of notifications expand.
pub(super) fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        '|' => '/',
        '"' | '`' => '\'',
        '<' => '(',
        '>' => ')',
        '$' | '\\' | '&' => '?',
        c if c.is_ascii_graphic() || c == ' ' => c,
        _ => '?',
    };
    text.chars().map(plain).take(LONGEST).collect()
}

/// Less than any of these systems cuts off.
const LONGEST: usize = 1000;
