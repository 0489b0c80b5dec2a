//! Settings of this host that are no longer needed.

use super::case::Case;
use super::undo::undo;
use super::{lasting, workaround};
use crate::model::{Advice, Family, HoleHere, Verdict, Who};
use crate::report::words::{address_with_zone, shell_word};

/// The kernel learns what still holds again.
pub(super) fn forget_path_mtu(case: &Case<'_>) -> Advice {
    let ip = ip(case.family());
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text:
            "Make this kernel forget the path MTUs that it learned. It learns those that still hold again by itself, \
               so there is nothing to undo."
                .into(),
        commands: vec![format!("{ip} route flush cache")],
    }
}

/// Takes the MTU off the route if all that the interface carries is proven to pass, else raises it to what is.
///
/// `fibmatch` prints the route as it was set, so every other part of it stays (iproute2 4.13 and later).
pub(super) fn free_the_route(case: &Case<'_>) -> Option<Advice> {
    let route = case.host.route_mtu?;
    let proven = case.examined().path_mtu.max(case.examined().beyond_route)?;
    let ip = ip(case.family());
    let lock = if route.locked { "lock " } else { "" };
    let matching = matching_route(case);
    let bare = without_mtu(case);
    let is_free = case.host.interface_mtu.is_some_and(|most| proven >= most);
    let (what, command) = if is_free {
        (format!("Take the MTU of {} off the route", route.mtu), bare)
    } else {
        (format!("Raise the MTU of the route from {} to {proven}", route.mtu), format!("{bare} mtu {lock}{proven}"))
    };
    Some(Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "{what} to {}, so that packets as large as the path carries go out. It acts on everything that uses that \
             route. If the old MTU comes back, see what sets it: {}.",
            address_with_zone(case.address(), case.report.zone.as_deref()),
            lasting::who_sets_routes(&case.host.systems)
        ),
        commands: vec![command, undo(&format!("{ip} route change $({matching}) mtu {lock}{}", route.mtu))],
    })
}

/// Prints the route as it was set.
fn matching_route(case: &Case<'_>) -> String {
    let zone = case.report.zone.as_deref().map(|zone| format!(" oif {}", shell_word(zone)));
    format!("{} route get fibmatch {}{}", ip(case.family()), case.address(), zone.unwrap_or_default())
}

fn without_mtu(case: &Case<'_>) -> String {
    let (ip, matching) = (ip(case.family()), matching_route(case));
    format!(r"{ip} route change $({matching} | sed 's/ mtu\( lock\)\? [0-9]*//; s/ expires [0-9]*sec//')")
}

/// The command that takes the MTU off the route, or the route away if it is for this address alone.
pub(super) fn free_route(case: &Case<'_>) -> Option<String> {
    if case.host.route_is_for_one {
        return workaround::delete_route(case);
    }
    case.host.route_mtu.map(|_| without_mtu(case))
}

/// No advice if large packets vanish, because mail then passes only without DF.
pub(super) fn switch_pmtud_on(case: &Case<'_>) -> Option<Advice> {
    let value = case.host.settings.no_pmtu_disc.filter(|value| *value > 0)?;
    let passes_by_it = case.examined().verdict == Verdict::BlackHole
        || matches!(case.examined().reason.here, Some(HoleHere::LetsRoutersCut(_)));
    let systems = &case.host.systems;
    let name = "net.ipv4.ip_no_pmtu_disc";
    (!passes_by_it).then(|| Advice {
        is_alternative: false,
        lasting: lasting::setting(name, 0, systems),
        who: Who::You,
        text: format!(
            "Switch this kernel's path MTU discovery on again: ip_no_pmtu_disc is {value}. It acts on all new IPv4 \
             connections, and {} if a file sets it.",
            lasting::what_drops_a_setting(systems)
        ),
        commands: vec![format!("sysctl -w {name}=0"), undo(&format!("sysctl -w {name}={value}"))],
    })
}

fn ip(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip -6",
    }
}
