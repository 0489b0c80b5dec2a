//! The verdict in plain words: what size works, and what that means for mail.

use super::because::because;
use super::phrase::{above, bytes_or, large_packets};
use super::{other_way, port};
use crate::model::{AddressReport, Cause, Examined, HoleHere, MaskedBy, OwnLimit, OwnSearch, PtbFault, Verdict};
use crate::report::words::{address_with_zone, assessed, stall_words};

/// One line per address, not wrapped.
pub(crate) fn headline(report: &AddressReport) -> String {
    headline_of(&name(report), report)
}

/// The same under another name.
pub(super) fn headline_of(name: &str, report: &AddressReport) -> String {
    let found = found(name, report);
    match assessed(report) {
        Some(assessed) => format!("{found}; {assessed}"),
        None => found,
    }
}

fn found(name: &str, report: &AddressReport) -> String {
    if !report.examined.direction.is_forward() {
        let closed =
            port::closed(report.port, &report.examined).map_or_else(String::new, |closed| format!("{closed}; "));
        return format!("{name}: {closed}other direction: {}; this way: not examined", other_way::in_short(report));
    }
    let mut line = match port::closed(report.port, &report.examined) {
        Some(closed) => format!("{name}: {closed}; {}", path_alone(report)),
        None if is_tcp_left_out(&report.examined) => format!("{name}: {}", path_alone(report)),
        None => format!("{name}: {}", forward(report)),
    };
    if other_way::is_trouble(&report.examined.reverse) {
        line.push_str("; other direction: ");
        line.push_str(&other_way::in_short(report));
    }
    line
}

/// The way there while the other direction is open. Nothing is promised for mail yet: a handshake that stalls on the way back
/// holds it up as well.
pub(super) fn so_far(report: &AddressReport) -> String {
    format!("{}: {}", name(report), there(report))
}

/// The same without a name.
pub(super) fn there(report: &AddressReport) -> String {
    let examined = &report.examined;
    let size = bytes_or(examined.path_mtu, "full size");
    match (port::closed(report.port, examined), examined.verdict) {
        (Some(closed), _) => format!("{closed}; {}", path_alone(report)),
        (None, Verdict::Clear) => format!("clear this way: packets of {size} pass"),
        (None, Verdict::Discoverable) => {
            format!("{size} pass this way and routers say so")
        }
        (None, Verdict::Masked) => {
            let keeper = examined.reason.here.map_or_else(|| keeper(examined.masked_by), |_| "this host keeps");
            format!("masked: {} vanish this way, but {keeper} TCP to smaller ones", large_packets(examined.path_mtu))
        }
        (None, Verdict::Recovers) => {
            format!("black hole this way{}, but this host's TCP looks for smaller packets", above(examined.path_mtu))
        }
        (None, Verdict::BlackHole | Verdict::Unreachable | Verdict::Inconclusive) => forward(report),
    }
}

/// Host, address, and the port if it is not that of SMTP.
pub(crate) fn name(report: &AddressReport) -> String {
    const SMTP: u16 = 25;
    let address = address_with_zone(report.address, report.zone.as_deref());
    let name = if report.host.is_empty() || report.host == address || report.host == report.address.to_string() {
        address
    } else {
        format!("{} {address}", report.host)
    };
    if report.port == SMTP { name } else { format!("{name} port {}", report.port) }
}

fn forward(report: &AddressReport) -> String {
    let examined = &report.examined;
    match examined.verdict {
        Verdict::Clear => clear(report),
        Verdict::Discoverable => discoverable(report),
        Verdict::Masked => masked(report),
        Verdict::BlackHole => black_hole(report),
        Verdict::Recovers => recovers(report),
        Verdict::Unreachable => "unreachable: even small packets go unanswered, the path cannot be judged".into(),
        Verdict::Inconclusive => format!("inconclusive: {}", because(&examined.reason)),
    }
}

/// Whether the path is known by echo alone, as was asked for: what TCP makes of it is not known then.
fn is_tcp_left_out(examined: &Examined) -> bool {
    let is_known = !matches!(examined.verdict, Verdict::Unreachable | Verdict::Inconclusive);
    is_known && examined.local_mss.is_none()
}

/// What is known of the path where the port takes no connections, or was not asked: nothing is promised for mail.
fn path_alone(report: &AddressReport) -> String {
    let examined = &report.examined;
    let transfer = port::large_traffic(report.port);
    let (above, size) = (above(examined.path_mtu), bytes_or(examined.path_mtu, "full size"));
    let large = large_packets(examined.path_mtu);
    match examined.verdict {
        Verdict::Clear => format!("the path itself is clear: packets of {size} pass"),
        Verdict::Discoverable => format!("the path itself: packets of {size} pass, and routers say so"),
        Verdict::Masked => format!("the path itself: {large} vanish"),
        Verdict::BlackHole => format!("the path itself: black hole{above}, where {transfer} would hang"),
        Verdict::Recovers => format!("the path itself: black hole{above}, where {transfer} would stall"),
        Verdict::Unreachable => "nothing else answers either".into(),
        Verdict::Inconclusive => format!("the path itself: inconclusive: {}", because(&examined.reason)),
    }
}

/// What the path means for mail, unless the server takes none. Nothing is promised for others, whose packets may be larger.
fn promise(report: &AddressReport, of: &str) -> String {
    let promise = || format!("{}{of}{} gets through", port::traffic(report.port), whose(report));
    port::unwelcome(&report.examined).map_or_else(promise, |why| format!("but {why}"))
}

/// Whose mail a promise is about, where others send through this host.
fn whose(report: &AddressReport) -> &'static str {
    if report.inner_links_not_examined().is_empty() { "" } else { " from this host itself" }
}

fn clear(report: &AddressReport) -> String {
    let examined = &report.examined;
    let would_send = examined.tcp_packet_limit.unwrap_or(examined.local_mtu);
    match examined.path_mtu {
        Some(size) if size < would_send => {
            format!("clear up to {size} bytes: larger packets were not tested")
        }
        // A handshake that stalls on the way back holds up mail to there as well.
        Some(size) if other_way::is_broken(&examined.reverse) => {
            format!("clear this way: packets of {size} bytes pass")
        }
        Some(size) => {
            format!("clear: packets of {size} bytes pass, {}", promise(report, " of any size"))
        }
        None => format!("clear: full-size packets pass, {}", promise(report, " of any size")),
    }
}

fn discoverable(report: &AddressReport) -> String {
    let examined = &report.examined;
    let size = bytes_or(examined.path_mtu, "smaller packets");
    if examined.ptb.iter().any(|ptb| ptb.fault.is_some_and(PtbFault::is_survivable)) {
        match port::unwelcome(examined) {
            None => format!("{size} pass and {}, but a router states a wrong size", promise(report, "")),
            Some(why) => format!("{size} pass, though a router states a wrong size, but {why}"),
        }
    } else {
        match port::unwelcome(examined) {
            None => format!("{size} pass and routers say so: {}", promise(report, "")),
            Some(why) => format!("{size} pass and routers say so, but {why}"),
        }
    }
}

fn masked(report: &AddressReport) -> String {
    let examined = &report.examined;
    let large = large_packets(examined.path_mtu);
    if let Some(why) = port::unwelcome(examined) {
        return format!("masked: {large} vanish, and {why}");
    }
    if let Some(here) = examined.reason.here {
        return format!(
            "masked: {large} vanish, but {}: {}{} passes",
            in_short(here),
            port::traffic(report.port),
            whose(report)
        );
    }
    format!(
        "masked: {large} vanish, but {} TCP to smaller ones: {} passes",
        keeper(examined.masked_by),
        port::traffic(report.port)
    )
}

/// Who keeps TCP to smaller packets, and the verb.
fn keeper(by: Option<MaskedBy>) -> &'static str {
    match by {
        Some(MaskedBy::PathClamp { .. }) => "something on the way keeps",
        Some(MaskedBy::ThisHost) => "this host keeps",
        Some(MaskedBy::PeerLink) | None => "the server keeps",
    }
}

fn black_hole(report: &AddressReport) -> String {
    let (examined, large) = (&report.examined, port::large_traffic(report.port));
    let above = above(examined.path_mtu);
    if examined.is_hidden() {
        return format!("black hole{above}, hidden for minutes while the server remembers it: then {large} will hang");
    }
    match examined.cause {
        Some(Cause::LocalFirewall) => {
            format!("black hole{above}, made by this host's own firewall: {large} will hang")
        }
        _ => match examined.reason.here {
            Some(HoleHere::Remembers { .. }) => {
                format!("black hole{above}: {large} will hang as soon as this kernel forgets what it learnt")
            }
            _ => format!("black hole{above}: {large} will hang"),
        },
    }
}

fn recovers(report: &AddressReport) -> String {
    let examined = &report.examined;
    let (above, large) = (above(examined.path_mtu), port::large_traffic(report.port));
    if let Some(why) = port::unwelcome(examined) {
        return format!("black hole{above}, which {large} gets past after a stall at most, but {why}");
    }
    match examined.reason.here {
        Some(HoleHere::Searches(OwnSearch { stall: None, .. })) => {
            format!(
                "black hole{above}, but this host's TCP starts with small packets: {}{} passes",
                port::traffic(report.port),
                whose(report)
            )
        }
        Some(HoleHere::Searches(OwnSearch { stall: Some(stall), .. })) => {
            format!("black hole{above}: {large} stalls for {} each time, then passes", stall_words(stall))
        }
        _ => format!("black hole{above}: {large} stalls for a while each time, then passes"),
    }
}

/// What lets mail of this host pass.
fn in_short(here: HoleHere) -> String {
    match here {
        HoleHere::SendsLess { by: OwnLimit::Clamp { .. }, most } => {
            format!("this host's own firewall keeps TCP to {most} bytes")
        }
        HoleHere::SendsLess { by: OwnLimit::Route(route), .. } => {
            format!("this host's route keeps to {} bytes", route.mtu)
        }
        HoleHere::LetsRoutersCut(_) => "this host lets routers cut its packets".into(),
        HoleHere::Searches(_) => "this host's TCP looks for a size that passes".into(),
        HoleHere::Remembers { mtu, .. } => format!("this host's kernel remembers {mtu} bytes"),
    }
}
