//! Large packets end at this host's own link, or at the next hop of its route: every path that leaves there has the same limit. So
//! what cures one server cures all, and it stands before what cures one.

mod container;
mod link;
mod tunnel;

use super::case::Case;
use super::clamp::ClampProgram;
use super::systems::{self, ClampBy, Task};
use super::{behind, lasting, owner};
use crate::model::{Advice, Cause, Family, LinkKind, Who};
use crate::report::place::{Place, place_of};
use crate::report::words::shell_word;
use link::{Link, SHARED};

/// The cures of all paths over that link: the MTU of this host, and a clamp on the gateway for all hosts behind it. Empty: large
/// packets end elsewhere.
pub(super) fn cures(case: &Case<'_>) -> Vec<Advice> {
    if !owner::is_at_next_hop(case) {
        return Vec::new();
    }
    [lower_the_interface(case), clamp_at_the_gateway(case), clamp_for_those_behind(case)]
        .into_iter()
        .flatten()
        .collect()
}

/// Both families use the interface, so it does not go below the least MTU of IPv6 (RFC 8200, section 5).
fn lower_the_interface(case: &Case<'_>) -> Option<Advice> {
    let size = case.examined().path_mtu.filter(|size| *size >= Family::V6.minimum_mtu())?;
    let before = case.host.interface_mtu.filter(|before| *before > size)?;
    let interface = shell_word(case.host.interface.as_deref()?);
    let link = Link { interface, before, size, host: case.host };
    if let Some(advice) = container::lower_from_outside(&link) {
        return Some(advice);
    }
    Some(match case.host.systems.link {
        Some(kind @ (LinkKind::WireGuard | LinkKind::Tun | LinkKind::Tunnel | LinkKind::Ppp)) => {
            tunnel::lower(&link, kind)
        }
        Some(LinkKind::Ethernet | LinkKind::Veth) | None => lower_here(&link),
    })
}

fn lower_here(link: &Link<'_>) -> Advice {
    let Link { size, .. } = link;
    Advice {
        is_alternative: false,
        lasting: lasting::interface_mtu(link.host, *size),
        who: Who::You,
        text: format!(
            "{SHARED} Lower the MTU of this host's interface to {size}: that cures mail to every server at once, both ways. It acts \
             on all traffic of the interface, this network included, and {}. If some paths carry more, use what follows instead.",
            lasting::what_drops_an_mtu(&link.host.systems)
        ),
        commands: link.commands(),
    }
}

/// It serves all hosts behind the gateway, and this one too.
fn clamp_at_the_gateway(case: &Case<'_>) -> Option<Advice> {
    case.host.gateway?;
    let task = Task::Clamp(case.examined().path_mtu?, clamp_by(case));
    let gateway =
        if case.host.systems.container.is_some() { "the machine that runs this container" } else { "the gateway" };
    Some(Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::YourNetwork,
        text: format!(
            "Or on {gateway}, for every host behind it: lower the MSS of all TCP that it forwards. That cures mail to every server, \
             both ways; other protocols still need the message."
        ),
        commands: systems::commands(task, case.family()),
    })
}

/// Its own route tells the size if it refuses the packets itself: where it says so and states the right size, or where it cuts
/// copies without DF to pieces. Else the two ends of a link may disagree, or packets end before they get to it or at somebody in between.
fn clamp_by(case: &Case<'_>) -> ClampBy {
    let why = case.examined().cause;
    let is_its_own = match place_of(case.report) {
        Some(Place::At(router)) => router.distance() == Some(1) && why != Some(Cause::BadPtb),
        Some(Place::Between { last, hidden, .. }) => {
            let is_behind_it = last.distance() == Some(1) && hidden == Some(0);
            is_behind_it && why == Some(Cause::NoPtb) && case.family() == Family::V4
        }
        None => false,
    };
    if is_its_own { ClampBy::Route } else { ClampBy::Number }
}

/// Whom this host forwards for. Its own route tells them the size once its interface is lowered.
fn clamp_for_those_behind(case: &Case<'_>) -> Option<Advice> {
    let size = case.examined().path_mtu?;
    let names = behind::names(case, size)?;
    let by = if lower_the_interface(case).is_some() { ClampBy::Route } else { ClampBy::Number };
    let systems = &case.host.systems;
    Some(Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "This host forwards for those behind {names}. For them it has to lower the MSS in what it forwards as well."
        ),
        commands: systems::clamp_on_this_host(case.family(), size, by, ClampProgram::of(systems)?),
    })
}
