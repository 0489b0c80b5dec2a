//! A plugin's answer: a line with state, text and metrics; of several addresses a line for each below it.

use super::status::{UNKNOWN, rank, state};
use super::words::{endpoint, in_full, name, plain, says};
use crate::model::{AddressReport, AlertRange, Family, Report, ReverseVerdict, Verdict};
use crate::report::words::address_with_zone;

/// What the service is called.
const SERVICE: &str = "PMTU";
/// Pagers and lists of services show no more.
const FIRST_LINE: usize = 90;
/// Round-robin databases tell names apart by so much.
const LABEL: usize = 19;

/// The answer. Its state is that of the exit code.
pub fn nagios(report: &Report) -> String {
    let mut addresses: Vec<&AddressReport> = report.addresses.iter().collect();
    addresses.sort_by_key(|address| rank(address.exit_code()));
    let mut errors = report.errors.iter().map(|error| plain(&error.text));
    let Some(worst) = addresses.first() else {
        let first = errors.next().unwrap_or_else(|| nothing(report.exit_code()).into());
        let lines: Vec<String> = errors.collect();
        return answer(report.exit_code(), &first, "", &lines);
    };
    let first = first_line(report, worst, addresses.len());
    let mut lines = Vec::new();
    if addresses.len() > 1 {
        let line = |address: &&AddressReport| plain(&format!("{}: {}", state(address.exit_code()), in_full(address)));
        lines.extend(addresses.iter().map(line));
    }
    lines.extend(errors);
    answer(report.exit_code(), &first, &metrics(report, &addresses), &lines)
}

/// The answer where there is no report.
pub fn nagios_failure(why: &str) -> String {
    answer(UNKNOWN, &plain(why), "", &[])
}

fn answer(code: u8, text: &str, metrics: &str, lines: &[String]) -> String {
    let mut out = format!("{}{text}", opening(code));
    if !metrics.is_empty() {
        out.push_str(" | ");
        out.push_str(metrics);
    }
    out.push('\n');
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn opening(code: u8) -> String {
    format!("{SERVICE} {} - ", state(code))
}

fn nothing(code: u8) -> &'static str {
    if code == 0 { "no suspects" } else { "nothing could be examined" }
}

/// The worst address, in the fullest form that fits.
fn first_line(report: &Report, worst: &AddressReport, count: usize) -> String {
    let code = report.exit_code();
    let before = match (code, worst.exit_code()) {
        (4.., _) => "interrupted; ".into(),
        // Every address is fine, and something else is not.
        (UNKNOWN, 0) => "not all could be examined; ".into(),
        _ if count > 1 => {
            let bad = report.addresses.iter().filter(|address| address.exit_code() != 0).count();
            if bad == 0 { format!("{count} addresses; ") } else { format!("{bad} of {count} addresses; ") }
        }
        _ => String::new(),
    };
    let [full, short, shortest] = says(worst);
    let forms = [
        format!("{before}{}: {full}", name(worst)),
        format!("{before}{}: {short}", name(worst)),
        format!("{before}{}: {full}", endpoint(worst)),
        format!("{before}{}: {short}", endpoint(worst)),
        format!("{before}{}: {shortest}", endpoint(worst)),
    ];
    let room = FIRST_LINE - opening(code).len();
    let fits = forms.iter().find(|form| form.len() <= room).or(forms.last());
    plain(fits.map(String::as_str).unwrap_or_default())
}

fn metrics(report: &Report, addresses: &[&AddressReport]) -> String {
    let mut labels: Vec<String> = Vec::new();
    let mut metrics = Vec::new();
    for address in addresses {
        let label = if addresses.len() == 1 { "pmtu".into() } else { label(address, &labels) };
        metrics.extend(path_mtu(&label, address));
        labels.push(label);
    }
    let is_hole = |address: &&&AddressReport| {
        let examined = &address.examined;
        let there = examined.direction.is_forward() && examined.verdict == Verdict::BlackHole;
        there || examined.reverse.verdict == ReverseVerdict::BlackHole
    };
    metrics.push(format!("black_holes={};;;0", addresses.iter().filter(is_hole).count()));
    metrics.push(format!("time={:.3}s;;;0", report.elapsed.as_secs_f64()));
    metrics.join(" ")
}

/// What is not known has no metric.
fn path_mtu(label: &str, report: &AddressReport) -> Option<String> {
    let size = report.examined.path_mtu.filter(|_| report.examined.direction.is_forward())?;
    let limits = report.assessment.thresholds;
    let range = |range: Option<AlertRange>| range.map_or_else(String::new, |range| range.to_string());
    let family = Family::of(report.address);
    Some(format!(
        "{label}={size}B;{};{};{};{}",
        range(limits.warning),
        range(limits.critical),
        family.minimum_mtu(),
        family.largest_packet()
    ))
}

/// The end of the address, which tells it from its neighbours. The same in every run, whatever the order.
fn label(report: &AddressReport, taken: &[String]) -> String {
    let address = plain(&address_with_zone(report.address, report.zone.as_deref()));
    let end = &address[address.len().saturating_sub(LABEL)..];
    let label = format!("'{}'", end.replace(['\'', '='], "_"));
    if !taken.contains(&label) {
        return label;
    }
    let port = report.port.to_string();
    format!("'{}_{port}'", &end[(end.len() + port.len() + 1).saturating_sub(LABEL)..])
}
