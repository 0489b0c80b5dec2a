//! Those for whom this host forwards: containers, virtual machines, networks at the end of a tunnel. Their connections meet the same
//! hole, and what this host does for its own does not act on them.

use super::case::Case;
use super::clamp::{Clamp, ClampPlace};
use super::lasting;
use super::workaround::SMALLEST_MSS;
use crate::model::{Advice, InnerLink, PacketSize, Who};

/// The clamp for packets that they send to the address.
pub(super) fn what_they_send(case: &Case<'_>) -> Option<Advice> {
    clamp(case, case.working_size()?, ClampPlace::ToThoseBehind)
}

/// The clamp for packets that the address sends to them.
pub(super) fn what_they_get(case: &Case<'_>, size: PacketSize) -> Option<Advice> {
    clamp(case, size, ClampPlace::FromThoseBehind)
}

/// `docker0`, or `docker0 and others`: behind which larger packets are sent than this.
pub(super) fn names(case: &Case<'_>, size: PacketSize) -> Option<String> {
    let links = case.host.inner_links_above(size, case.family());
    let first: &InnerLink = links.first()?;
    Some(format!("{}{}", first.name, if links.len() > 1 { " and others" } else { "" }))
}

fn clamp(case: &Case<'_>, size: PacketSize, place: ClampPlace) -> Option<Advice> {
    let mss = size.to_mss(case.family());
    let names = names(case, size).filter(|_| mss >= SMALLEST_MSS)?;
    let systems = &case.host.systems;
    let clamp = Clamp::new(place, case, mss);
    let (these, dropped) = (case.this_address(), lasting::what_drops_a_clamp(systems));
    Some(Advice {
        is_alternative: false,
        who: Who::You,
        text: format!(
            "For those behind {names} as well, if they exchange mail with {these}: this host forwards for them, and they meet the \
             same hole. This lowers the MSS in what it forwards, and {dropped}."
        ),
        commands: clamp.commands(systems)?,
        lasting: lasting::clamp(&clamp, systems),
    })
}
