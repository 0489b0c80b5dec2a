//! What is broken on the nodes of a scenario, as breakages of a real kernel.

use crate::breakage::Breakage;
use crate::scenario_file::{
    HostFirewall, Kind, LARGE_ECHO, Node, Peer, Port, PtbBehaviour, Scenario, TakesTcp, Window,
};

/// The port of a relay on a router.
const RELAY_PORT: u16 = 2525;

/// The breakages of each node. The order of those of one node counts.
pub(crate) fn faults(scenario: &Scenario) -> Result<Vec<(Node, Breakage)>, String> {
    check(scenario)?;
    let mut faults = Vec::new();
    let own = match scenario.host.firewall {
        HostFirewall::Open => None,
        HostFirewall::DropPtb => Some(Breakage::HostDropsPtb),
        HostFirewall::DropPtbAboutTcp => Some(Breakage::HostDropsPtbAboutTcp),
        HostFirewall::RejectPort => Some(Breakage::HostRejectsPort),
        HostFirewall::ResetPort => Some(Breakage::HostResetsPort),
    };
    faults.extend(own.map(|breakage| (Node::C, breakage)));
    let mss = |size: u32| (size.saturating_sub(40), size.saturating_sub(60));
    faults.extend(
        scenario.host.clamp_mss_for.map(mss).map(|(ipv4, ipv6)| (Node::C, Breakage::HostClampsMss { ipv4, ipv6 })),
    );
    faults.extend(
        scenario.host.announce_for.map(mss).map(|(ipv4, ipv6)| (Node::C, Breakage::HostAnnounces { ipv4, ipv6 })),
    );
    for index in 0..3 {
        let node = scenario.routers()[index].0;
        faults.extend(of_router(scenario, index).into_iter().map(|breakage| (node, breakage)));
    }
    faults.extend(of_peer(&scenario.peer).into_iter().map(|breakage| (Node::S, breakage)));
    Ok(faults)
}

/// What no kernel can be told.
fn check(scenario: &Scenario) -> Result<(), String> {
    if scenario.routers().iter().any(|(_, router)| router.errors_left.is_some()) {
        return Err("a kernel starts with its whole burst of errors".into());
    }
    if scenario.link(3).back_mtu.is_some() {
        return Err("on the last link no router stands in front of packets towards c".into());
    }
    Ok(())
}

fn of_router(scenario: &Scenario, index: usize) -> Vec<Breakage> {
    let router = scenario.routers()[index].1;
    let links = scenario.links();
    let spreads = scenario.parallel_link() == Some(index + 1);
    let mtu_e0 = links[index].back_mtu.unwrap_or(u32::MAX).min(links[index].mtu);
    let (to_e0, to_e1) = announced_limits(scenario, index);
    let clamp = |size: u32| Breakage::ClampMss { ipv4: size.saturating_sub(40), ipv6: size.saturating_sub(60) };
    let first = [
        // What passes is noted, whatever later rules say.
        spreads.then(|| Breakage::NoteMembers { count: links[index + 1].members().len() }),
        (router.ptb == PtbBehaviour::Silent).then_some(Breakage::PtbSilent),
        router.ptb_bad_checksum.then_some(Breakage::PtbBadChecksum),
        (!router.forward_ptb).then_some(Breakage::PtbFiltered),
        router.hidden.then_some(Breakage::Hidden),
        router.clear_df.then_some(Breakage::ClearDf),
        router.drop_fragments.then_some(Breakage::DropFragments { mtu_e0, mtu_e1: links[index + 1].mtu }),
        router.drop_syn_data.then_some(Breakage::DropSynData),
    ];
    let last = [
        router.ptb_mtu.map(|mtu| Breakage::PtbMtu { mtu }),
        router.ptb_per_second.map(|per_second| Breakage::PtbLimit { per_second }),
        router.drop_larger.map(|larger_than| Breakage::DropLarger { larger_than }),
        router.clamp_mss_for.map(clamp),
        router.drop_above_mss.then_some(Breakage::DropAbove { to_e0, to_e1 }),
        router.nat.then_some(Breakage::Nat),
        match router.takes_tcp {
            TakesTcp::No => None,
            TakesTcp::Proxy => Some(Breakage::TakeTcp { relay: RELAY_PORT }),
            TakesTcp::Resets => Some(Breakage::ResetTcp),
        },
        // What it admits, no later rule may drop.
        router.stateful.then_some(Breakage::Stateful),
    ];
    let dropped = router.drop.iter().map(|kind| Some(dropped(*kind)));
    first.into_iter().chain(dropped).chain(last).flatten().collect()
}

fn dropped(kind: Kind) -> Breakage {
    match kind {
        Kind::Echo => Breakage::DropEcho,
        Kind::LargeEcho => Breakage::DropLargeEcho { larger_than: LARGE_ECHO },
        Kind::TimeExceeded => Breakage::DropTimeExceeded,
        Kind::AllIcmp => Breakage::DropAllIcmp,
        Kind::PtbAboutTcp => Breakage::PtbAboutTcpFiltered,
    }
}

/// The packet sizes behind the MSS that c and s announce, as they pass this router: their link's MTU, or what a clamp between
/// them and this router left of it.
fn announced_limits(scenario: &Scenario, index: usize) -> (u32, u32) {
    let links = scenario.links();
    let clamps = scenario.routers().map(|(_, router)| router.clamp_mss_for.unwrap_or(u32::MAX));
    let smallest = |own: u32, clamps: &[u32]| clamps.iter().copied().fold(own, u32::min);
    (smallest(links[0].mtu, &clamps[..=index]), smallest(links[3].mtu, &clamps[index..]))
}

fn of_peer(peer: &Peer) -> Vec<Breakage> {
    [
        peer.drops_ptb.then_some(Breakage::HostDropsPtb),
        (peer.answers_after_ms > 0).then_some(Breakage::SlowToAnswer { ms: peer.answers_after_ms }),
        (peer.window == Window::Zero).then_some(Breakage::ZeroWindow),
        (peer.port == Port::Filtered).then_some(Breakage::PortFiltered),
        (peer.port == Port::Prohibited).then_some(Breakage::PortProhibited),
        (!peer.alive).then_some(Breakage::Dead),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario_file::parse;

    #[test]
    fn a_clamp_bounds_what_is_announced_behind_it() {
        let text = "about = 'x'\n[router.r2]\nclamp_mss_for = 1400\n[expect]\nverdict = 'clear'\npath_mtu = 1500\n";
        let scenario = parse("x", text).unwrap();
        assert_eq!(announced_limits(&scenario, 0), (1500, 1400));
        assert_eq!(announced_limits(&scenario, 1), (1400, 1400));
        assert_eq!(announced_limits(&scenario, 2), (1400, 1500));
    }

    #[test]
    fn what_admits_stands_behind_what_drops() {
        let path = "[router.r2]\nstateful = true\ndrop_larger = 1400\nptb = 'silent'\n";
        let text = format!("about = 'x'\n{path}[expect]\nverdict = 'clear'\npath_mtu = 1500\n");
        let faults = faults(&parse("x", &text).unwrap()).unwrap();
        let last = (Node::R2, Breakage::Stateful);
        assert_eq!(faults.len(), 3);
        assert_eq!(faults.last(), Some(&last));
    }
}
