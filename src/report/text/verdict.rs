//! The verdict in plain words: what size works, and what that means for mail.

use super::other_way;
use super::phrase::{above, bytes_or};
use crate::model::{AddressReport, Cause, Examined, HoleHere, MaskedBy, OwnLimit, OwnSearch, PtbFault, Verdict};
use crate::report::words::{address_with_zone, stall_words, verdict_reason};

/// One line per address, not wrapped.
pub(super) fn headline(report: &AddressReport) -> String {
    let name = name(report);
    if !report.examined.direction.is_forward() {
        return format!("{name}: other direction: {}; this way: not examined", other_way::in_short(report));
    }
    let mut line = format!("{name}: {}", forward(&report.examined));
    if other_way::is_trouble(&report.examined.reverse) {
        line.push_str("; other direction: ");
        line.push_str(&other_way::in_short(report));
    }
    line
}

/// Host, address, and the port if it is not that of SMTP.
fn name(report: &AddressReport) -> String {
    const SMTP: u16 = 25;
    let address = address_with_zone(report.address, report.zone.as_deref());
    let name = if report.host.is_empty() || report.host == address || report.host == report.address.to_string() {
        address
    } else {
        format!("{} {address}", report.host)
    };
    if report.port == SMTP { name } else { format!("{name} port {}", report.port) }
}

fn forward(examined: &Examined) -> String {
    match examined.verdict {
        Verdict::Clear => clear(examined),
        Verdict::Discoverable => discoverable(examined),
        Verdict::Masked => masked(examined),
        Verdict::BlackHole => black_hole(examined),
        Verdict::Recovers => recovers(examined),
        Verdict::Unreachable => "unreachable: even small packets go unanswered, the path cannot be judged".into(),
        Verdict::Inconclusive => format!("inconclusive: {}", verdict_reason(&examined.reason)),
    }
}

fn clear(examined: &Examined) -> String {
    let would_send = examined.tcp_packet_limit.unwrap_or(examined.local_mtu);
    match examined.path_mtu {
        Some(size) if size < would_send => {
            format!("clear up to {size} bytes: larger packets were not tested")
        }
        // A handshake that stalls on the way back holds up mail to there as well.
        Some(size) if other_way::is_broken(&examined.reverse) => {
            format!("clear this way: packets of {size} bytes pass")
        }
        Some(size) => format!("clear: packets of {size} bytes pass, mail of any size gets through"),
        None => "clear: full-size packets pass, mail of any size gets through".into(),
    }
}

fn discoverable(examined: &Examined) -> String {
    let size = bytes_or(examined.path_mtu, "smaller packets");
    if examined.ptb.iter().any(|ptb| ptb.fault.is_some_and(PtbFault::is_survivable)) {
        format!("{size} pass and mail gets through, but a router states a wrong MTU")
    } else {
        format!("{size} pass and routers say so: PMTU discovery works, mail gets through")
    }
}

fn masked(examined: &Examined) -> String {
    let above = above(examined.path_mtu);
    if let Some(here) = examined.reason.here {
        return format!("masked: PMTU discovery is broken{above}, but {}: mail passes", in_short(here));
    }
    let by = examined.masked_by.map_or("", masker);
    match examined.peer_mss {
        Some(mss) => format!("masked: PMTU discovery is broken{above}, but MSS {mss}{by} lets mail pass"),
        None => format!("masked: PMTU discovery is broken{above}, but mail passes"),
    }
}

/// Who keeps the MSS small.
fn masker(by: MaskedBy) -> &'static str {
    match by {
        MaskedBy::PathClamp { .. } => ", set by a clamp,",
        MaskedBy::PeerLink => ", that of the server's own link,",
        MaskedBy::ThisHost => "",
    }
}

fn black_hole(examined: &Examined) -> String {
    let above = above(examined.path_mtu);
    if examined.is_hidden() {
        return format!(
            "black hole{above}, hidden for minutes while the server remembers it: then large mail will hang"
        );
    }
    match examined.cause {
        Some(Cause::LocalFirewall) => {
            format!("black hole{above}, made by this host's own firewall: large mail will hang")
        }
        _ => match examined.reason.here {
            Some(HoleHere::Remembers { .. }) => {
                format!("black hole{above}: large mail will hang as soon as this kernel forgets what it learnt")
            }
            _ => format!("black hole{above}: large mail will hang"),
        },
    }
}

fn recovers(examined: &Examined) -> String {
    let above = above(examined.path_mtu);
    match examined.reason.here {
        Some(HoleHere::Searches(OwnSearch { stall: None, .. })) => {
            format!("black hole{above}, but this host's TCP starts with small packets: mail passes")
        }
        Some(HoleHere::Searches(OwnSearch { stall: Some(stall), .. })) => {
            format!("black hole{above}: large mail stalls for {} each time, then passes", stall_words(stall))
        }
        _ => format!("black hole{above}: large mail stalls for a while each time, then passes"),
    }
}

/// What lets mail of this host pass.
fn in_short(here: HoleHere) -> String {
    match here {
        HoleHere::SendsLess { by: OwnLimit::Clamp { mss }, .. } => {
            format!("this host's own firewall lowers the MSS to {mss}")
        }
        HoleHere::SendsLess { by: OwnLimit::Route(route), .. } => {
            format!("this host's route keeps to {} bytes", route.mtu)
        }
        HoleHere::LetsRoutersCut(_) => "this host lets routers cut its packets".into(),
        HoleHere::Searches(_) => "this host's TCP looks for a size that passes".into(),
        HoleHere::Remembers { mtu, .. } => format!("this host's kernel remembers {mtu} bytes"),
    }
}
