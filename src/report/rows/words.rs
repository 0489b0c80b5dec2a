//! The words of a row.

use super::key::{Named, RowKey};
use super::place::{Place, Spot};
use super::what::{There, What};
use crate::model::{Cause, FailureKind, ReverseVerdict, Verdict};
use crate::report::printable::printable;

/// The head of a row.
pub(in crate::report) fn what(what: What) -> String {
    match what {
        What::There(there) => way_there(there),
        What::Back(verdict) => format!("the way back: {}", way_back(verdict)),
        What::NotExamined(kind) => format!("not examined: {}", failure(kind)),
    }
}

fn way_there(there: There) -> String {
    let verdict = match there.verdict {
        Verdict::BlackHole => "black hole",
        Verdict::Recovers => "black hole that the sender's TCP finds out of after a stall",
        Verdict::Masked => "masked black hole",
        Verdict::Unreachable => "unreachable",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Discoverable => "smaller path, and routers say so",
        Verdict::Clear => "clear",
    };
    let cause = there.cause.map(cause);
    let masked_by = there.masked_by.map(|by| match by {
        "path_clamp" => "an MSS clamp on the way hides it",
        "peer_link" => "the MSS of the server's own link hides it",
        _ => "a setting of the sender hides it",
    });
    let port = there.port_state.map(|state| match state {
        "refused" => "the port refuses connections",
        "forbidden_here" => "the sender's own firewall forbids the port",
        _ => "the port takes no connections",
    });
    let fault = there.fault.map(|fault| match fault {
        "mtu_zero" => "messages state no size",
        "too_low" => "messages state less than passes",
        _ => "messages state less than the smallest MTU",
    });
    let more = [cause, masked_by, fault, port].into_iter().flatten();
    [verdict].into_iter().chain(more).collect::<Vec<_>>().join(", ")
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::NoPtb => "no message comes back",
        Cause::LocalFirewall => "the sender's own firewall drops the messages",
        Cause::BadPtb => "the messages are unusable",
        Cause::LinkMismatch => "two ends of a link disagree",
    }
}

fn way_back(verdict: ReverseVerdict) -> &'static str {
    match verdict {
        ReverseVerdict::BlackHole => "black hole",
        ReverseVerdict::Recovers => "black hole that the server finds out of after a stall",
        ReverseVerdict::Inconclusive => "inconclusive",
        ReverseVerdict::Discoverable => "smaller path, and routers say so",
        ReverseVerdict::Clear => "clear",
        ReverseVerdict::Untested => "untested",
    }
}

fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::BadTarget => "no target",
        FailureKind::Unresolved => "no such name, or no answer about it",
        FailureKind::NoRoute => "no route",
        FailureKind::BadOption => "options that do not fit",
        FailureKind::NoPrivilege => "no privilege",
        FailureKind::Interrupted => "interrupted",
        FailureKind::System => "an error of the system",
    }
}

/// Where, and in which network. Nothing where nothing is known. The second is the name of the vantage, for places that belong to one.
pub(in crate::report) fn place(key: RowKey, of: Option<String>) -> Option<String> {
    let Place { spot, .. } = key.place;
    let is_firewall = matches!(key.what, What::There(There { cause: Some(Cause::LocalFirewall), .. }));
    let words = match spot {
        Spot::OwnHost if is_firewall => of.as_ref().map(|of| format!("at {of} itself")),
        Spot::OwnHost => of.as_ref().map(|of| format!("at the first link of {of}")),
        Spot::At(router) => Some(format!("at {router}, which says so itself")),
        Spot::Behind(router) => Some(format!("behind {router}")),
        Spot::Before(router) => Some(format!("before {router}")),
        Spot::Unknown => None,
    };
    let words = words.map(|words| match (of, spot) {
        (Some(of), Spot::At(_) | Spot::Behind(_) | Spot::Before(_)) => format!("{words} on a link of {of}"),
        _ => words,
    });
    match (words, key.network) {
        (Some(words), Some(network)) => Some(format!("{words}; network {network}")),
        (None, Some(network)) => Some(format!("network {network}")),
        (words, None) => words,
    }
}

/// "1300 to 1400 bytes pass", of the smallest and the largest size that does.
pub(in crate::report) fn size(what: What, path_mtu: Option<(u16, u16)>) -> Option<String> {
    let (least, most) = path_mtu.filter(|_| what.rank() < 13)?;
    Some(if least == most { format!("{most} bytes pass") } else { format!("{least} to {most} bytes pass") })
}

/// "3 targets (4 addresses): a, b, and 1 more".
pub(in crate::report) fn members(targets: u64, addresses: u64, examples: &[Named]) -> String {
    let in_brackets = if addresses > 0 && addresses != targets {
        format!(" ({})", counted(addresses, "address", "addresses"))
    } else {
        String::new()
    };
    format!("{}{in_brackets}: {}", counted(targets, "target", "targets"), names(examples, targets.max(addresses)))
}

pub(in crate::report) fn names(examples: &[Named], all: u64) -> String {
    let mut names: Vec<String> = examples.iter().map(named).collect();
    if let Some(more @ 1..) = all.checked_sub(examples.len() as u64) {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

fn named(one: &Named) -> String {
    let host = shortened(&one.host);
    let port = if matches!(one.port, 0 | 25) { String::new() } else { format!(" port {}", one.port) };
    match one.address {
        Some(address) if *one.host != *address.to_string() => format!("{host} ({address}){port}"),
        _ => format!("{host}{port}"),
    }
}

/// Strangers choose these.
pub(in crate::report) fn shortened(name: &str) -> String {
    const MOST: usize = 80;
    let shown: String = name.chars().take(MOST).collect();
    let dots = if shown.len() < name.len() { "..." } else { "" };
    format!("{}{dots}", printable(&shown))
}

pub(in crate::report) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
