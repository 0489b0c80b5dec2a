//! What must come out of the way back. It walks the path as the server's segments would, and knows nothing of the program.

use crate::scenario::{Family, Kind, Port, PtbBehaviour, Reverse, ReverseVerdict, Router, Scenario, Tls, Window};

/// A flight of less fills no packet.
const FULL_FLIGHT: u32 = 1500;
/// `net.ipv4.tcp_base_mss`.
const PROBING_MSS: u32 = 1024;

/// The expectation.
pub fn expect(scenario: &Scenario, family: Family) -> Reverse {
    let most = largest_sent(scenario);
    if !can_be_drawn(scenario) {
        return outcome(ReverseVerdict::Untested, largest_that_passes(scenario));
    }
    let mut size = most;
    loop {
        match fate(scenario, family, size) {
            Fate::Passes if size < most => return outcome(ReverseVerdict::Discoverable, size),
            Fate::Passes => return outcome(ReverseVerdict::Clear, size),
            Fate::Cut(limit) => return outcome(ReverseVerdict::Clear, limit),
            Fate::Told(mtu) if mtu < size => size = mtu,
            Fate::Told(_) | Fate::Silence => break,
        }
    }
    let path = largest_that_passes(scenario);
    let headers = if family == Family::V4 { 40 } else { 60 };
    if scenario.peer.mtu_probing && PROBING_MSS + headers <= path {
        outcome(ReverseVerdict::Recovers, path)
    } else {
        outcome(ReverseVerdict::BlackHole, path)
    }
}

fn outcome(verdict: ReverseVerdict, path_mtu: u32) -> Reverse {
    Reverse { verdict, path_mtu: Some(path_mtu), or: None, at_most: false, may_be_inconclusive: false }
}

fn can_be_drawn(scenario: &Scenario) -> bool {
    let peer = &scenario.peer;
    let speaks_tls = match peer.tls {
        Tls::Starttls => peer.greeting,
        Tls::Implicit => true,
        Tls::None | Tls::Refused | Tls::Alert => false,
    };
    let answers = peer.alive && peer.port == Port::Open && peer.window == Window::Normal;
    answers && speaks_tls && peer.flight >= FULL_FLIGHT && peer.bytes_per_second == 0
}

/// By the MSS of both ends and what clamps leave of it.
fn largest_sent(scenario: &Scenario) -> u32 {
    let clamps = scenario.routers().into_iter().filter_map(|(_, router)| router.clamp_mss_for);
    let host = &scenario.host;
    let asked = [host.announce_for, host.route_advmss_for, host.route_mtu].into_iter().flatten();
    clamps.chain(asked).chain([scenario.link(0).mtu, scenario.link(3).mtu]).min().unwrap_or(0)
}

/// The MTU of the interface through which packets leave a link's end nearer to s.
fn backward(scenario: &Scenario, link: usize) -> u32 {
    let link = scenario.link(link);
    link.back_mtu.or(link.far_mtu).unwrap_or(link.mtu)
}

fn largest_that_passes(scenario: &Scenario) -> u32 {
    let filters = scenario.routers().into_iter().filter_map(|(_, router)| router.drop_larger);
    (0..4).map(|link| backward(scenario, link)).chain(filters).min().unwrap_or(0)
}

enum Fate {
    Passes,
    /// In fragments, through a link of this MTU.
    Cut(u32),
    /// The server's TCP hears of it.
    Told(u32),
    Silence,
}

fn fate(scenario: &Scenario, family: Family, size: u32) -> Fate {
    let routers = scenario.routers().map(|(_, router)| router);
    let mutes = |router: &Router| router.drop.contains(&Kind::AllIcmp);
    for (index, router) in routers.iter().enumerate().rev() {
        let next = backward(scenario, index);
        if size > next {
            if family == Family::V4 && !scenario.peer.dont_fragment {
                return Fate::Cut(next);
            }
            let speaks = router.ptb == PtbBehaviour::Send && !mutes(router);
            let heard = routers[index + 1..].iter().all(|farther| farther.forward_ptb && !mutes(farther));
            let told = speaks && heard && !scenario.peer.drops_ptb;
            return if told { Fate::Told(router.ptb_mtu.unwrap_or(next)) } else { Fate::Silence };
        }
        if router.drop_larger.is_some_and(|limit| size > limit) {
            return Fate::Silence;
        }
    }
    Fate::Passes
}
