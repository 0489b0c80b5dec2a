//! Workarounds on this host until the path is repaired: it sends no packets that the path drops.

use super::case::Case;
use super::clamp::{Clamp, ClampPlace};
use super::host_route::{HostRoute, Metric, replace_all};
use super::lasting;
use crate::model::{Advice, Family, PacketSize, Who};

pub(super) use super::undo::undo;

/// `net.ipv4.tcp_min_snd_mss`: Linux takes no smaller MSS from a peer.
pub(super) const SMALLEST_MSS: u16 = 48;

/// All workarounds, the narrowest first.
pub(super) fn all(case: &Case<'_>) -> Vec<Advice> {
    let size = case.working_size();
    let clamps = size.map_or_else(Vec::new, |size| clamp_what_we_send(case, size));
    let route = size.and_then(|size| route(case, size));
    as_alternatives(clamps.into_iter().chain(route).chain(mtu_probing(case)))
}

/// The first is to be done, each of the others is another way to the same end.
fn as_alternatives(advice: impl Iterator<Item = Advice>) -> Vec<Advice> {
    let mut all: Vec<Advice> = advice.collect();
    for (index, advice) in all.iter_mut().enumerate() {
        advice.is_alternative = index > 0;
        if index > 0 {
            let (first, rest) = advice.text.split_at(1);
            advice.text = format!("Or {}{rest}", first.to_lowercase());
        }
    }
    all
}

/// Advice for this host, with its lasting form.
fn on_this_host(text: String, commands: Vec<String>, lasting: Vec<String>) -> Advice {
    Advice { is_alternative: false, who: Who::You, text, commands, lasting }
}

/// TCP sends segments as large as the MSS in the peer's SYN allows, so that option is lowered as it comes in.
fn clamp_what_we_send(case: &Case<'_>, size: PacketSize) -> Vec<Advice> {
    let mss = size.to_mss(case.family());
    if mss < SMALLEST_MSS {
        return Vec::new();
    }
    let these = case.this_address();
    let what =
        format!("make TCP send at most {size} bytes to {these}, by lowering the MSS that the other side announces");
    clamps(
        case,
        mss,
        [ClampPlace::Incoming, ClampPlace::ToContainer],
        &format!("Until the path is repaired, {what}"),
        "",
    )
}

/// Whether the advice for the way there has given the address a route of its own. A second one would replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostRouteUse {
    Free,
    Taken,
}

impl HostRouteUse {
    pub(super) fn of(advice: &[Advice]) -> Self {
        let mut commands = advice.iter().flat_map(|advice| &advice.commands);
        if commands.any(|command| command.contains(" route replace ")) { Self::Taken } else { Self::Free }
    }
}

/// The MSS in our own SYN or SYN-ACK is what limits the peer.
pub(super) fn all_for_the_way_back(case: &Case<'_>, size: PacketSize, route: HostRouteUse) -> Vec<Advice> {
    let mss = size.to_mss(case.family());
    let route = announcing_routes(case, mss).filter(|_| route == HostRouteUse::Free);
    let these = case.this_address();
    let what = format!(
        "Until the way back is repaired, ask for packets of at most {size} bytes, by lowering the MSS that this host \
         announces to {these}, whichever side connects"
    );
    let others = " Mail from other servers of theirs needs the same for their addresses.";
    let clamps = clamps(case, mss, [ClampPlace::Outgoing, ClampPlace::FromContainer], &what, others);
    as_alternatives(clamps.into_iter().chain(route))
}

/// By the program that this host has. Behind the machine that a container runs on, that machine comes first: it has the program and
/// the right to use it.
fn clamps(case: &Case<'_>, mss: u16, [here, on_the_machine]: [ClampPlace; 2], what: &str, more: &str) -> Vec<Advice> {
    let systems = &case.host.systems;
    let these = case.this_address();
    let only = format!("It changes new connections with {these} only");
    let mut advice = Vec::new();
    if lasting::is_behind_its_machine(systems) {
        let text = format!(
            "{what}. Type this on the machine that this container runs on. {only}, those of its other containers too, and is gone \
             after its reboot.{more}"
        );
        advice.push(on_this_host(text, Clamp::new(on_the_machine, case, mss).with_nft(), Vec::new()));
    }
    let clamp = Clamp::new(here, case, mss);
    if let Some(commands) = clamp.commands(systems) {
        let dropped = lasting::what_drops_a_clamp(systems);
        let text = if advice.is_empty() {
            format!("{what}. {only}, and {dropped}.{more}")
        } else {
            format!("Do the same inside this container, if it has the capability NET_ADMIN. It {dropped}.")
        };
        advice.push(on_this_host(text, commands, lasting::clamp(&clamp, systems)));
    }
    advice
}

/// No advice if the route has an MTU of its own, because a second host route would replace it.
fn announcing_routes(case: &Case<'_>, mss: u16) -> Option<Advice> {
    let mut reports = case.reports();
    let are_free = reports.all(|report| report.here.route_mtu.is_none() && !report.here.route_is_for_one);
    let routes = HostRoute::of_all(case).filter(|_| are_free)?;
    let text = format!(
        "Give {} a route with a fixed MSS to announce, without any firewall. It no longer follows changes of the network, and {}.",
        case.this_address(),
        lasting::what_drops_a_route(&case.host.systems)
    );
    let metric = Metric::Advmss(mss);
    Some(on_this_host(text, replace_all(&routes, metric), lasting::routes(&routes, metric, &case.host.systems)))
}

/// A host route with a locked MTU works for every protocol. One that is there already is not replaced: its undo would not bring
/// it back. IPv6 ignores an MTU below 1280 (RFC 8200, section 5).
fn route(case: &Case<'_>, size: PacketSize) -> Option<Advice> {
    let routes = HostRoute::of_all(case).filter(|_| case.reports().all(|report| !report.here.route_is_for_one))?;
    if case.family() == Family::V6 && size < Family::V6.minimum_mtu() {
        return None;
    }
    let side_effect = match case.family() {
        Family::V4 => "IPv4 packets then go without don't-fragment",
        Family::V6 => "larger UDP packets are fragmented here",
    };
    let text = format!(
        "Give {} a route with a fixed MTU, which serves all protocols. It no longer follows changes of the network, \
         {side_effect}, and it {}.",
        case.this_address(),
        lasting::what_drops_a_route(&case.host.systems)
    );
    let metric = Metric::Mtu(size);
    Some(on_this_host(text, replace_all(&routes, metric), lasting::routes(&routes, metric, &case.host.systems)))
}

/// The command that takes away the route to this address alone.
pub(super) fn delete_route(case: &Case<'_>) -> Option<String> {
    HostRoute::of(case.report).map(|route| route.delete())
}

/// Pointless where it is on already.
fn mtu_probing(case: &Case<'_>) -> Option<Advice> {
    let before = case.host.settings.tcp_mtu_probing.unwrap_or(0);
    let systems = &case.host.systems;
    let text = format!(
        "Let TCP search for a working size by itself (RFC 4821). That acts on every connection of this host, IPv6 too, each time \
         after a stall of some seconds, and {}.",
        lasting::what_drops_a_setting(systems)
    );
    let commands = vec!["sysctl -w net.ipv4.tcp_mtu_probing=1".into(), undo("sysctl -w net.ipv4.tcp_mtu_probing=0")];
    let lasting = lasting::setting("net.ipv4.tcp_mtu_probing", 1, systems);
    (before == 0).then(|| on_this_host(text, commands, lasting))
}
