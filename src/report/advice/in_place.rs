//! A workaround of this host that is in force: what it does, and how to take it back once the path is repaired.

use std::collections::HashSet;

use super::case::Case;
use super::clamp::{Clamp, ClampPlace};
use super::host::free_route;
use super::host_route::{HostRoute, Metric};
use super::taken_back;
use super::undo::undo;
use crate::model::{
    AddressReport, Advice, AskedBy, ClampRule, HoleHere, HostSystems, OwnLimit, ReverseReason, RouteMtu, Who, WithoutDf,
};
use crate::report::words::what_helps;

/// How to take back what works around the hole. The command is a comment: nothing is to be run before the path is repaired.
pub(super) fn take_back(case: &Case<'_>) -> Option<Advice> {
    let here = case.examined().reason.here?;
    let systems = &case.host.systems;
    let (commands, lasting) = match here {
        HoleHere::SendsLess { by: OwnLimit::Clamp { mss }, .. } => (clamp(case), what_keeps_the_clamp(case, mss)),
        HoleHere::SendsLess { by: OwnLimit::Route(RouteMtu { mtu, .. }), .. }
        | HoleHere::LetsRoutersCut(WithoutDf::LockedRoute(mtu)) => {
            (vec![undo(&free_route(case)?)], what_keeps_the_route(case, Metric::Mtu(mtu)))
        }
        HoleHere::LetsRoutersCut(WithoutDf::NoPmtuDisc(_)) => {
            (vec![switch_off("net.ipv4.ip_no_pmtu_disc")], taken_back::others_setting("net.ipv4.ip_no_pmtu_disc"))
        }
        HoleHere::Searches(_) => {
            let name = "net.ipv4.tcp_mtu_probing";
            (vec![switch_off(name)], taken_back::setting(name, systems))
        }
        HoleHere::Remembers { .. } => return None,
    };
    let how = how_to_take_back(&lasting);
    Some(Advice {
        is_alternative: false,
        lasting,
        who: Who::You,
        text: format!(
            "{} The path is still broken for other hosts{}. Keep it until the path is repaired; {how}.",
            sentence(case, here),
            others(here)
        ),
        commands,
    })
}

fn how_to_take_back(lasting: &[String]) -> &'static str {
    if lasting.is_empty() {
        "the comment says how to take it back then"
    } else {
        "the comments say how to take it back then, and out of what keeps it over a reboot"
    }
}

fn switch_off(name: &str) -> String {
    undo(&format!("sysctl -w {name}=0"))
}

/// A rule of this program's own form may have been made to last in the form that came with it.
fn what_keeps_the_clamp(case: &Case<'_>, mss: u16) -> Vec<String> {
    let systems = &case.host.systems;
    let own = Clamp::new(ClampPlace::Incoming, case, mss);
    let is_own = |rule: &ClampRule| {
        let addresses = |report: &AddressReport| rule.rule.contains(&format!("-s {}/", report.address));
        rule.place.contains(&format!("inet {},", own.table())) || case.reports().any(addresses)
    };
    let mut rules = case.reports().flat_map(|report| &report.here.clamps).peekable();
    if rules.peek().is_none() {
        // Which rule it is, the commands show first.
        return Vec::new();
    }
    if rules.all(is_own) { taken_back::clamp(&own, systems) } else { taken_back::others_clamp(systems) }
}

fn what_keeps_the_route(case: &Case<'_>, metric: Metric) -> Vec<String> {
    let systems = &case.host.systems;
    match HostRoute::of_all(case).filter(|_| case.host.route_is_for_one) {
        Some(routes) => taken_back::routes(&routes, metric, systems),
        None => taken_back::others_route(systems),
    }
}

/// This host announces a small MSS, perhaps because of a hole on the way back.
pub(super) fn stop_asking_for_less(case: &Case<'_>) -> Option<Advice> {
    let Some(ReverseReason::AskedForLess { size, by }) = case.examined().reverse.reason else { return None };
    let (what, how, commands, lasting) = match by {
        AskedBy::Route => {
            let metric = case.host.route_advmss.map_or(Metric::Mtu(size), Metric::Advmss);
            let lasting = what_keeps_the_route(case, metric);
            ("The route to this address", how_to_take_back(&lasting), vec![undo(&free_route(case)?)], lasting)
        }
        AskedBy::FirstHop => (
            "A rule of this host's firewall, or of the machine it runs in,",
            "the commands show the rule then",
            show_clamps(&case.host.systems),
            Vec::new(),
        ),
    };
    Some(Advice {
        is_alternative: false,
        lasting,
        who: Who::You,
        text: format!(
            "{what} makes this host ask for packets of {size} bytes at most. If that works around a hole on the way back, keep it \
             until that is repaired; {how}."
        ),
        commands,
    })
}

/// What else loses its large packets on this path.
fn others(here: HoleHere) -> &'static str {
    match here {
        HoleHere::SendsLess { by: OwnLimit::Route(_), .. } | HoleHere::LetsRoutersCut(_) => "",
        HoleHere::SendsLess { .. } | HoleHere::Searches(_) | HoleHere::Remembers { .. } => {
            ", and for protocols other than TCP"
        }
    }
}

/// The rules that do it, or where to look for them.
fn clamp(case: &Case<'_>) -> Vec<String> {
    let clamps: Vec<&ClampRule> = case.reports().flat_map(|report| &report.here.clamps).collect();
    if clamps.is_empty() {
        return show_clamps(&case.host.systems);
    }
    let mut commands: Vec<String> = clamps.iter().flat_map(|clamp| &clamp.undo).map(|command| undo(command)).collect();
    let mut known = HashSet::new();
    commands.retain(|command| known.insert(command.clone()));
    commands
}

/// Where to look for rules that lower an MSS.
fn show_clamps(systems: &HostSystems) -> Vec<String> {
    let by_nft = systems.has_nft.then(|| "nft list ruleset | grep maxseg".into());
    by_nft.into_iter().chain(["iptables-save -t mangle | grep TCPMSS".into()]).collect()
}

/// What helps, with the rules that do it.
fn sentence(case: &Case<'_>, here: HoleHere) -> String {
    let words = what_helps(here).replacen("this host", "This host", 1);
    let clamps = case.host.clamps.iter().map(|clamp| format!(" ({}: \"{}\")", clamp.place, clamp.rule));
    format!("{words}{}.", clamps.collect::<String>())
}
