//! Local checks of Checkmk: a service for each address, in a line.

use super::status::{UNKNOWN, number};
use super::words::{name, plain, says};
use crate::model::{AddressReport, AlertRange, Family, Report};

/// A line for each address, and for each target that could not be examined.
pub fn checkmk(report: &Report) -> String {
    let mut out: String =
        report.addresses.iter().map(|address| line_of(address, report.addresses.len(), report)).collect();
    for error in &report.errors {
        // What is left out of a target that has addresses is no service of its own: it would come and go.
        if report.addresses.is_empty() {
            out.push_str(&line(report.exit_code(), &error.target, "-", &error.text));
        }
    }
    if out.is_empty() {
        let text = if report.exit_code() == 0 { "no suspects" } else { "nothing could be examined" };
        out.push_str(&line(report.exit_code(), &report.target, "-", text));
    }
    out
}

/// The same where there is no report.
pub fn checkmk_failure(why: &str) -> String {
    line(UNKNOWN, "", "-", why)
}

fn line_of(address: &AddressReport, count: usize, report: &Report) -> String {
    // What the run as a whole ends with is said of the one address that it is about.
    let code = if count == 1 { report.exit_code() } else { address.exit_code() };
    let [full, ..] = says(address);
    line(code, &name(address), &metrics(address), &full)
}

fn line(code: u8, item: &str, metrics: &str, text: &str) -> String {
    let item = plain(item).replace('\'', "?");
    let item = if item.is_empty() { "PMTU".into() } else { format!("PMTU {item}") };
    format!("{} \"{item}\" {metrics} {}\n", number(code), plain(text))
}

fn metrics(report: &AddressReport) -> String {
    let examined = &report.examined;
    let time = format!("time={:.3}", examined.elapsed.as_secs_f64());
    let Some(size) = examined.path_mtu.filter(|_| examined.direction.is_forward()) else { return time };
    let limits = report.assessment.thresholds;
    let levels = |range: Option<AlertRange>| range.map_or_else(String::new, levels);
    let family = Family::of(report.address);
    let (least, most) = (family.minimum_mtu(), family.largest_packet());
    format!("pmtu={size};{};{};{least};{most}|{time}", levels(limits.warning), levels(limits.critical))
}

/// `lower:upper`, or the upper level alone. A range inside of which an alarm is raised cannot be told.
fn levels(range: AlertRange) -> String {
    let end = range.end.map_or_else(String::new, |end| end.to_string());
    match range {
        AlertRange { inside: true, .. } => String::new(),
        AlertRange { start: Some(start), .. } => format!("{start}:{end}"),
        AlertRange { start: None, .. } => end,
    }
}
