//! A workaround of this host that is in force: what it does, and how to take it back once the path is repaired.

use std::collections::HashSet;

use super::case::Case;
use super::host::free_route;
use super::undo::undo;
use crate::model::{Advice, AskedBy, ClampRule, HoleHere, OwnLimit, ReverseReason, Who, WithoutDf};
use crate::report::words::what_helps;

/// How to take back what works around the hole. The command is a comment: nothing is to be run before the path is repaired.
pub(super) fn take_back(case: &Case<'_>) -> Option<Advice> {
    let here = case.examined().reason.here?;
    let commands = match here {
        HoleHere::SendsLess { by: OwnLimit::Clamp { .. }, .. } => clamp(case),
        HoleHere::SendsLess { by: OwnLimit::Route(_), .. } | HoleHere::LetsRoutersCut(WithoutDf::LockedRoute(_)) => {
            vec![undo(&free_route(case)?)]
        }
        HoleHere::LetsRoutersCut(WithoutDf::NoPmtuDisc(_)) => vec![undo("sysctl -w net.ipv4.ip_no_pmtu_disc=0")],
        HoleHere::Searches(_) => vec![undo("sysctl -w net.ipv4.tcp_mtu_probing=0")],
        HoleHere::Remembers { .. } => return None,
    };
    Some(Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "{} The path is still broken for other hosts{}. Keep it until the path is repaired; the comment says how to take it \
             back then.",
            sentence(case, here),
            others(here)
        ),
        commands,
    })
}

/// This host announces a small MSS, perhaps because of a hole on the way back.
pub(super) fn stop_asking_for_less(case: &Case<'_>) -> Option<Advice> {
    let Some(ReverseReason::AskedForLess { size, by }) = case.examined().reverse.reason else { return None };
    let (what, how, commands) = match by {
        AskedBy::Route => {
            ("The route to this address", "the comment says how to take it back", vec![undo(&free_route(case)?)])
        }
        AskedBy::FirstHop => (
            "A rule of this host's firewall, or of the machine it runs in,",
            "the commands show the rule",
            show_clamps(),
        ),
    };
    Some(Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "{what} makes this host ask for packets of {size} bytes at most. If that works around a hole on the way back, keep it \
             until that is repaired; {how} then."
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
        return show_clamps();
    }
    let mut commands: Vec<String> = clamps.iter().flat_map(|clamp| &clamp.undo).map(|command| undo(command)).collect();
    let mut known = HashSet::new();
    commands.retain(|command| known.insert(command.clone()));
    commands
}

/// Where to look for rules that lower an MSS.
fn show_clamps() -> Vec<String> {
    vec!["nft list ruleset | grep maxseg".into(), "iptables-save -t mangle | grep TCPMSS".into()]
}

/// What helps, with the rules that do it.
fn sentence(case: &Case<'_>, here: HoleHere) -> String {
    let words = what_helps(here).replacen("this host", "This host", 1);
    let clamps = case.host.clamps.iter().map(|clamp| format!(" ({}: \"{}\")", clamp.place, clamp.rule));
    format!("{words}{}.", clamps.collect::<String>())
}
