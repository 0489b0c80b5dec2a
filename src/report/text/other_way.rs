//! The direction from the target to this host: one clause in the headline, a few rows in the report.

use super::phrase::{above, bytes_or, seconds};
use super::port::is_mail;
use crate::model::{AddressReport, AskedBy, PacketSize, Reverse, ReverseReason, ReverseVerdict, Service};
use crate::report::words::reverse_reason;

/// Whether the headline has to speak of it: a fault, or a doubt that shows in the exit code.
pub(super) fn is_trouble(reverse: &Reverse) -> bool {
    is_broken(reverse) || reverse.verdict == ReverseVerdict::Inconclusive
}

/// Whether large packets from there are lost.
pub(super) fn is_broken(reverse: &Reverse) -> bool {
    matches!(reverse.verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers)
}

/// In one clause.
pub(super) fn in_short(report: &AddressReport) -> String {
    let reverse = &report.examined.reverse;
    let what = what_comes_from(report.port);
    match reverse.verdict {
        ReverseVerdict::Clear => {
            format!("clear: {} from there arrive", bytes_or(reverse.path_mtu, "full-size packets"))
        }
        ReverseVerdict::Discoverable => format!(
            "the server goes down to {} at once, as routers tell it to",
            bytes_or(reverse.path_mtu, "a size that passes")
        ),
        ReverseVerdict::BlackHole => format!("black hole{}: {what} from there will hang", limit(reverse)),
        ReverseVerdict::Recovers => format!("{what} from there stalls, then passes after {}", after(reverse)),
        ReverseVerdict::Untested => with_reason("not tested", reverse),
        ReverseVerdict::Inconclusive => with_reason("inconclusive", reverse),
    }
}

/// The same with what follows from it, a line each.
pub(super) fn lines(report: &AddressReport) -> Vec<String> {
    let reverse = &report.examined.reverse;
    if !is_broken(reverse) {
        return vec![in_short(report)];
    }
    let mut lines = vec![sizes(reverse).unwrap_or_else(|| in_short(report))];
    if reverse.verdict == ReverseVerdict::BlackHole && is_mail(report.port) {
        lines.push("mail from there ends with \"timeout after DATA\" in this host's log".into());
    }
    if Service::of_port(report.port) != Service::Unknown {
        let verb = if reverse.verdict == ReverseVerdict::Recovers { "stalls" } else { "hangs" };
        lines.push(format!("TLS from here to it {verb} too, where its certificates are large"));
    }
    lines.push("which router is at fault cannot be seen from here".into());
    lines
}

/// The same with all of its evidence.
pub(super) fn all_lines(report: &AddressReport) -> Vec<String> {
    let reverse = &report.examined.reverse;
    let mut lines = Vec::new();
    if is_broken(reverse) && sizes(reverse).is_some() {
        lines.push(in_short(report));
    }
    lines.extend(self::lines(report));
    if !matches!(reverse.verdict, ReverseVerdict::Untested | ReverseVerdict::Inconclusive) {
        lines.extend(reverse.reason.as_ref().map(reverse_reason));
    }
    lines
}

/// A web server sends no mail.
fn what_comes_from(port: u16) -> &'static str {
    if is_mail(port) { "large mail" } else { "a large answer" }
}

/// Where it begins, as closely as it is known.
fn limit(reverse: &Reverse) -> String {
    match (reverse.path_mtu, reverse.first_lost_size) {
        (Some(arrives), Some(_)) if is_exact(reverse) => above(Some(arrives)),
        (Some(arrives), Some(lost)) => format!(" somewhere between {arrives} and {lost} bytes"),
        (Some(arrives), None) => format!(" somewhere above {arrives} bytes"),
        (None, Some(lost)) => format!(" at {lost} bytes or less"),
        (None, None) => String::new(),
    }
}

fn sizes(reverse: &Reverse) -> Option<String> {
    let (arrives, lost) = reverse.path_mtu.zip(reverse.first_lost_size)?;
    let bound = if is_exact(reverse) { "" } else { "; between them nothing was tried" };
    Some(format!("packets of {arrives} bytes arrive, of {lost} never do{bound}"))
}

fn is_exact(reverse: &Reverse) -> bool {
    let next = reverse.path_mtu.map(|arrives| PacketSize::new(arrives.bytes() + 1));
    next.is_some() && next == reverse.first_lost_size
}

fn after(reverse: &Reverse) -> String {
    reverse.recovered_after.map_or_else(|| "a while".into(), seconds)
}

/// For a mail admin: without the terms of those who measure.
fn because(reason: &ReverseReason) -> String {
    match reason {
        ReverseReason::KeepsBelow { largest } => format!(
            "the server keeps its packets to {}, less than both ends asked for: it knows the path, or something on the way \
             makes it",
            bytes_or(*largest, "few bytes")
        ),
        ReverseReason::AskedForLess { size, by: AskedBy::Route } => {
            format!("this host asks for packets of {size} bytes at most, by its route (advmss), so larger ones were not tested")
        }
        ReverseReason::AskedForLess { size, by: AskedBy::FirstHop } => format!(
            "this host asks for packets of {size} bytes at most, by a rule of its own firewall or of the machine that it runs \
             in, so larger ones were not tested"
        ),
        ReverseReason::NoControl => {
            "the server's large packets stay away, but it took no further connection that would show that small ones come"
                .into()
        }
        _ => reverse_reason(reason),
    }
}

fn with_reason(words: &str, reverse: &Reverse) -> String {
    match &reverse.reason {
        Some(reason) => format!("{words}: {}", because(reason)),
        None => words.into(),
    }
}
