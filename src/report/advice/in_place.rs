//! A workaround of this host that is in force: what it does, and how to take it back once the path is repaired.

use super::case::Case;
use super::host::free_route;
use super::workaround::undo;
use crate::model::{Advice, HoleHere, OwnLimit, ReverseReason, Who, WithoutDf};
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

/// The route of this host makes it announce a small MSS, perhaps because of a hole on the way back.
pub(super) fn stop_asking_for_less(case: &Case<'_>) -> Option<Advice> {
    let Some(ReverseReason::AskedForLess { size }) = case.examined().reverse.reason else { return None };
    let command = free_route(case)?;
    Some(Advice {
        who: Who::You,
        text: format!(
            "The route to this address asks for packets of {size} bytes at most (advmss). If that works around a hole on the way \
             back, keep it until that is repaired; the comment says how to take it back then."
        ),
        commands: vec![undo(&command)],
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
    let clamps = &case.host.clamps;
    if clamps.is_empty() {
        return vec!["nft list ruleset | grep maxseg".into(), "iptables-save -t mangle | grep TCPMSS".into()];
    }
    clamps.iter().flat_map(|clamp| &clamp.undo).map(|command| undo(command)).collect()
}

/// What helps, with the rules that do it.
fn sentence(case: &Case<'_>, here: HoleHere) -> String {
    let words = what_helps(here).replacen("this host", "This host", 1);
    let clamps = case.host.clamps.iter().map(|clamp| format!(" ({}: \"{}\")", clamp.place, clamp.rule));
    format!("{words}{}.", clamps.collect::<String>())
}
