//! What this host's own TCP makes of a hole, in words.

use std::time::Duration;

use crate::model::{HoleHere, OwnLimit, OwnSearch, RouteMtu, WithoutDf};

/// A clause for the reason of a verdict.
pub(super) fn in_reason(here: HoleHere) -> String {
    match here {
        HoleHere::SendsLess { .. } | HoleHere::LetsRoutersCut(_) => {
            format!("but {}: mail from here passes", what_helps(here))
        }
        HoleHere::Searches(_) => format!("but {}", what_helps(here)),
        HoleHere::Remembers { .. } => format!("{}, which hides the hole until it forgets", what_helps(here)),
    }
}

/// What keeps mail of this host out of the hole, as the beginning of a sentence: "this host's ..."
pub(crate) fn what_helps(here: HoleHere) -> String {
    match here {
        HoleHere::SendsLess { most, by: OwnLimit::Clamp { mss } } => format!(
            "this host's own firewall lowers the MSS of the server to {mss}, so its TCP sends packets of {most} bytes at most"
        ),
        HoleHere::SendsLess { by: OwnLimit::Route(RouteMtu { mtu, locked }), .. } => {
            let lock = if locked { "a locked MTU" } else { "an MTU" };
            format!("this host's route to the address has {lock} of {mtu}, so no larger packet leaves")
        }
        HoleHere::LetsRoutersCut(WithoutDf::NoPmtuDisc(value)) => format!(
            "this host's TCP sends without don't-fragment (ip_no_pmtu_disc is {value}), and routers on the way cut its packets"
        ),
        HoleHere::LetsRoutersCut(WithoutDf::LockedRoute(mtu)) => format!(
            "this host's route to the address has a locked MTU of {mtu}, so its packets go without don't-fragment, and \
             routers on the way cut them"
        ),
        HoleHere::Searches(OwnSearch { mode, stall }) => match stall {
            Some(stall) => format!(
                "this host's TCP looks for a size that passes (tcp_mtu_probing is {mode}), after a stall of {}",
                stall_words(stall)
            ),
            None => {
                format!("this host's TCP starts with small packets and feels its way up (tcp_mtu_probing is {mode})")
            }
        },
        HoleHere::Remembers { mtu, expires_in } => {
            let left = expires_in.map_or_else(String::new, |left| format!(" for {} s more", left.as_secs()));
            format!("this host's kernel remembers a path MTU of {mtu}{left}")
        }
    }
}

/// `3 to 7 s`.
pub(crate) fn stall_words((from, to): (Duration, Duration)) -> String {
    format!("{} to {} s", from.as_secs(), to.as_secs())
}
