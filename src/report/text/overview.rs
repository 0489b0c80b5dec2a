//! All addresses of a report in few lines, the worst first.

use std::cmp::Reverse as Descending;

use super::{other_way, verdict};
use crate::model::{AddressReport, Report};
use crate::report::alike::alike;
use crate::report::words::{counted, reverse_counted, without_connections};

/// The order of the exit code's severity; equals keep their order.
pub(super) fn worst_first(addresses: &[AddressReport]) -> Vec<&AddressReport> {
    let mut sorted: Vec<_> = addresses.iter().collect();
    sorted.sort_by_key(|address| Descending(severity(address.exit_code())));
    sorted
}

/// Addresses of which all is said at once.
pub(super) fn groups<'a>(addresses: &[&'a AddressReport]) -> Vec<Vec<&'a AddressReport>> {
    alike(addresses).into_iter().flat_map(assessed_alike).collect()
}

/// What was expected of some of them alone is said of those alone.
fn assessed_alike(group: Vec<&AddressReport>) -> Vec<Vec<&AddressReport>> {
    let mut parts: Vec<Vec<&AddressReport>> = Vec::new();
    for address in group {
        match parts.iter_mut().find(|part| part[0].assessment == address.assessment) {
            Some(part) => part.push(address),
            None => parts.push(vec![address]),
        }
    }
    parts
}

fn severity(exit_code: u8) -> u8 {
    match exit_code {
        2 => 3,
        1 => 2,
        0 => 0,
        _ => 1,
    }
}

/// What the report is about, and how many addresses have which verdict.
pub(super) fn all_in_a_line(report: &Report) -> String {
    match report.addresses.len() {
        0 => format!("{}: no address was examined", report.target),
        1 => format!("{}: 1 address: {}", report.target, counts(&report.addresses)),
        count => format!("{}: {count} addresses: {}", report.target, counts(&report.addresses)),
    }
}

/// One of several: which MX record leads to it, and what its block says first.
pub(super) fn with_preference(report: &AddressReport) -> String {
    let preference = report.preference.map_or_else(String::new, |preference| format!("MX {preference} "));
    format!("{preference}{}", verdict::headline(report))
}

/// How many addresses have which verdict, worst first. Of the other direction what is wrong with it, and everything where
/// nothing else was examined.
fn counts(addresses: &[AddressReport]) -> String {
    let is_forward = |a: &AddressReport| a.examined.direction.is_forward();
    let is_told = |a: &AddressReport| other_way::is_trouble(&a.examined.reverse) || !is_forward(a);
    let number = |is_one: &dyn Fn(&AddressReport) -> bool| addresses.iter().filter(|a| is_one(a)).count() as u64;
    let forward = counted(|verdict| number(&|a| is_forward(a) && a.examined.verdict == verdict));
    let reverse = reverse_counted(|verdict| number(&|a| is_told(a) && a.examined.reverse.verdict == verdict));
    let closed = without_connections(number(&|a| a.examined.takes_no_connections()));
    forward.chain(reverse).chain(closed).collect::<Vec<_>>().join(", ")
}
