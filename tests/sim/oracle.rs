//! Random paths that no file describes, and what must come out of them.
//!
//! The expectation walks the path as the sender's kernel would: it starts at the local MTU and follows the PTBs that
//! reach it until a size passes or nothing helps any more. It knows the path and not the program.

use super::rng::Rng;
use crate::scenario::{
    Cause, Expect, Family, HostFirewall, Kind, Link, Node, Outcome, Port, PortState, PtbBehaviour, Router, Scenario,
    Verdict, Window,
};

/// `net.ipv4.route.min_pmtu`.
const LINUX_MIN_PMTU: u32 = 552;
const SIZES: [u32; 14] = [1280, 1300, 1340, 1358, 1380, 1400, 1420, 1436, 1450, 1460, 1480, 1492, 1499, 1500];

/// A random path with its expectation. `None`: the design leaves open what it should be called.
pub fn random_scenario(seed: u64, family: Family) -> Option<Scenario> {
    let mut rng = Rng::new(seed);
    let mut scenario = Scenario { name: format!("random-{seed}"), families: vec![family], ..Scenario::default() };
    scenario.set_links(random_links(&mut rng));
    random_routers(&mut rng, &mut scenario);
    random_peer(&mut rng, &mut scenario);
    if rng.chance(0.1) {
        scenario.host.firewall = HostFirewall::DropPtb;
    }
    let outcome = expect(&scenario, family)?;
    scenario.about = format!("{outcome:?}");
    scenario.expect = Expect::always(outcome);
    Some(scenario)
}

fn random_mtu(rng: &mut Rng) -> u32 {
    match rng.below(10) {
        0..=4 => 1500,
        5..=7 => *rng.pick(&SIZES),
        _ => rng.between(1280, 1500),
    }
}

fn random_links(rng: &mut Rng) -> [Link; 4] {
    let loss = if rng.chance(0.3) { f64::from(rng.between(1, 5)) / 100.0 } else { 0.0 };
    let lossy = rng.below(4) as usize;
    let delay = f64::from(rng.between(0, 30));
    std::array::from_fn(|index| Link {
        mtu: if index == 0 { 1500 } else { random_mtu(rng) },
        delay_ms: Some(delay),
        loss: if index == lossy { loss } else { 0.0 },
        ..Link::default()
    })
}

fn random_routers(rng: &mut Rng, scenario: &mut Scenario) {
    let clamps = rng.chance(0.2);
    for router in [&mut scenario.router.r1, &mut scenario.router.r2, &mut scenario.router.r3] {
        if rng.chance(0.3) {
            router.ptb = PtbBehaviour::Silent;
        }
        router.forward_ptb = !rng.chance(0.1);
        if rng.chance(0.1) {
            router.ptb_mtu = Some(*rng.pick(&[0, 500, 1290, 1350, 1470, 1500, 1600]));
        }
        if rng.chance(0.1) {
            router.drop.push(*rng.pick(&[Kind::Echo, Kind::LargeEcho, Kind::AllIcmp, Kind::TimeExceeded]));
        }
        if rng.chance(0.1) {
            router.drop_larger = Some(rng.between(1280, 1500));
        }
        router.drop_fragments = rng.chance(0.1);
        router.drop_syn_data = rng.chance(0.1);
    }
    if clamps {
        scenario.router.r3.clamp_mss_for = Some(rng.between(1280, 1500));
    }
    scenario.router.r3.stateful = rng.chance(0.1);
    scenario.router.r1.nat = rng.chance(0.1);
}

fn random_peer(rng: &mut Rng, scenario: &mut Scenario) {
    scenario.peer.sack = !rng.chance(0.1);
    scenario.peer.dsack = !rng.chance(0.1);
    scenario.peer.echo = !rng.chance(0.2);
    if rng.chance(0.1) {
        scenario.peer.port = Port::Closed;
    }
    if rng.chance(0.1) {
        scenario.peer.window = Window::Zero;
    }
    scenario.peer.greeting = !rng.chance(0.1);
}

/// What happens to a DF packet of this size from c to s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passes,
    /// A PTB with this MTU arrives at c's interface.
    Ptb(u32),
    /// Nothing comes back from a router that should have spoken.
    Silence,
    /// A filter by size took it.
    Filtered,
}

/// How the kernel's walk ends.
#[derive(Debug)]
struct Walk {
    /// It ends at a size that passes.
    works: bool,
    /// A PTB on the way was faulty and survivable.
    survived_fault: bool,
    causes: Vec<Cause>,
}

/// The expectation.
pub fn expect(scenario: &Scenario, family: Family) -> Option<Outcome> {
    of_path(scenario, family).map(|path| with_own_tcp(path, scenario, family))
}

/// What this host's own TCP makes of a path: its route, its firewall and its settings decide what leaves.
fn with_own_tcp(path: Outcome, scenario: &Scenario, family: Family) -> Outcome {
    let (host, passes) = (&scenario.host, path.path_mtu.unwrap_or_default());
    if let Some(route) = host.route_mtu.filter(|&route| route <= passes && path.cause.is_empty()) {
        let (verdict, path_mtu) = (Verdict::Clear, Some(route));
        return Outcome { verdict, path_mtu, first_lost_size: None, exit_code: 0, ..path };
    }
    if path.verdict != Verdict::BlackHole {
        return path;
    }
    let sends = [host.route_mtu, host.clamp_mss_for].into_iter().flatten().min().unwrap_or(u32::MAX);
    let has_df = family == Family::V6 || host.no_pmtu_disc == 0 && host.route_mtu.is_none();
    let is_cut = !has_df && !path.cause.contains(&Cause::LinkMismatch);
    let verdict = match () {
        () if sends <= passes || is_cut => Verdict::Masked,
        () if host.mtu_probing > 0 => Verdict::Recovers,
        () => return path,
    };
    let masked_by = (verdict == Verdict::Masked).then(|| "this_host".to_owned());
    Outcome { verdict, masked_by, exit_code: verdict.exit_code(), ..path }
}

fn of_path(scenario: &Scenario, family: Family) -> Option<Outcome> {
    let local_mtu = scenario.link(0).mtu;
    let path_mtu = largest_that_passes(scenario);
    let limit = local_mtu.min(peer_limit(scenario));
    let drops_above = scenario.routers().iter().any(|(_, router)| router.drop_above_mss) && limit < path_mtu;
    if drops_above && has_no_large_echo(scenario) && has_no_syn_data(scenario) {
        return Some(as_far_as_mss(limit));
    }
    let walk = walk(scenario, family, local_mtu);
    let verdict = if path_mtu == local_mtu {
        Verdict::Clear
    } else if limit > path_mtu && !self::walk(scenario, family, limit).works {
        // Whatever is said of larger packets: TCP sends none, so it is not told.
        Verdict::BlackHole
    } else if walk.works {
        Verdict::Discoverable
    } else if limit == path_mtu && looks_like_memory(scenario, limit) {
        return None;
    } else if limit <= path_mtu {
        Verdict::Masked
    } else {
        // Broken from the local MTU on, yet TCP would start lower and be told: the design has no word for it.
        return None;
    };
    // Mail suffers what happens to the packets that TCP sends.
    let causes = match verdict {
        Verdict::BlackHole => self::walk(scenario, family, limit).causes,
        Verdict::Masked => walk.causes,
        _ => Vec::new(),
    };
    let fault = verdict == Verdict::Discoverable && walk.survived_fault;
    Some(Outcome {
        masked_by: None,
        verdict,
        cause: causes,
        path_mtu: Some(path_mtu),
        first_lost_size: (verdict != Verdict::Clear).then_some(path_mtu + 1),
        exit_code: match (fault, takes_mail(scenario)) {
            (true, true) => 1,
            (false, true) => verdict.exit_code(),
            // Design, section 3: at least 3, and a proven hole stays 2.
            (_, false) => {
                if verdict == Verdict::BlackHole {
                    2
                } else {
                    3
                }
            }
        },
        findings: Vec::new(),
        located_at: None,
        may_be_inconclusive: is_thin(scenario) || verdict == Verdict::Masked && has_no_trace(scenario, limit, path_mtu),
        reverse: None,
    })
}

/// A path whose firewall drops all that could show that it carries more than the MSS.
fn as_far_as_mss(limit: u32) -> Outcome {
    Outcome {
        verdict: Verdict::Inconclusive,
        cause: Vec::new(),
        masked_by: None,
        path_mtu: Some(limit),
        first_lost_size: None,
        exit_code: 3,
        findings: Vec::new(),
        located_at: None,
        may_be_inconclusive: true,
        reverse: None,
    }
}

/// Whether the port takes connections, or nobody asks.
fn takes_mail(scenario: &Scenario) -> bool {
    scenario.port_state().is_none_or(|state| state == PortState::Open)
}

/// Whether the server's MSS, which is that of its own small link, looks as if it came from a path MTU that it has learnt: packets
/// that are too large end further up.
fn looks_like_memory(scenario: &Scenario, limit: u32) -> bool {
    const ETHERNET: u32 = 1500;
    let own = scenario.link(3).mtu;
    let ends_at = |size| crate::scenario::place(scenario, 0, size).map(|place| place.next);
    let is_at_server = [limit + 1, scenario.link(0).mtu].into_iter().all(|size| ends_at(size) == Some(Node::S));
    // A clamp shows in the window of a server with a usual MTU.
    let is_clamped = limit < own && SIZES.contains(&own);
    limit != ETHERNET && !is_clamped && (!is_at_server || may_hide_the_place(scenario))
}

/// Whether it may stay unknown that packets which are too large end at the server's own link: routers do not tell who they are.
fn may_hide_the_place(scenario: &Scenario) -> bool {
    let takes_word = |kind: &Kind| matches!(kind, Kind::TimeExceeded | Kind::AllIcmp);
    scenario.routers().iter().any(|(_, router)| router.stateful || router.drop.iter().any(takes_word))
}

/// Whether nothing can look for the place with large packets: answers of the server name no size, so that a segment that arrives
/// after all would be taken for another, and large echo requests are filtered. Then a server on a small link of its own and one that
/// remembers a path MTU look alike, if its MSS ends where the path does.
fn has_no_trace(scenario: &Scenario, limit: u32, path_mtu: u32) -> bool {
    let is_nameless = !scenario.peer.sack || !scenario.peer.dsack;
    limit == path_mtu && is_nameless && has_no_large_echo(scenario)
}

/// Whether filters may leave too little evidence, without any loss.
fn is_thin(scenario: &Scenario) -> bool {
    let routers = scenario.routers();
    let any = |test: &dyn Fn(&Router) -> bool| routers.iter().any(|(_, router)| test(router));
    let (no_echo, no_syn_data) = (has_no_large_echo(scenario), has_no_syn_data(scenario));
    let no_connection = !takes_mail(scenario);
    let no_new_data = !scenario.peer.greeting || scenario.peer.window == Window::Zero;
    // Above the MSS the same segment in smaller packets tells, if those arrive.
    let takes_pieces = |router: &Router| router.drop_fragments || router.drop_larger.is_some() || router.drop_above_mss;
    let above_mss = peer_limit(scenario) < scenario.link(0).mtu && any(&takes_pieces);
    // Two kinds of packets must agree. An open connection gives one, the real bytes, echo and SYNs with data others.
    (no_connection && (no_echo || no_syn_data)) || (no_echo && no_syn_data && (no_new_data || above_mss))
}

fn has_no_large_echo(scenario: &Scenario) -> bool {
    let takes_echo = |kind: &Kind| matches!(kind, Kind::Echo | Kind::LargeEcho | Kind::AllIcmp);
    !scenario.peer.echo || scenario.routers().iter().any(|(_, r)| r.stateful || r.drop.iter().any(takes_echo))
}

fn has_no_syn_data(scenario: &Scenario) -> bool {
    scenario.routers().iter().any(|(_, router)| router.drop_syn_data)
}

/// The largest packet that TCP would send to the peer, by the MSS as it arrives at c; without a SYN-ACK nobody states one.
fn peer_limit(scenario: &Scenario) -> u32 {
    if !takes_mail(scenario) {
        return u32::MAX;
    }
    let clamps = scenario.routers().into_iter().filter_map(|(_, router)| router.clamp_mss_for);
    clamps.chain([scenario.link(3).mtu]).min().unwrap_or(u32::MAX)
}

fn largest_that_passes(scenario: &Scenario) -> u32 {
    let links = scenario.links().into_iter().map(|link| link.mtu);
    let filters = scenario.routers().into_iter().filter_map(|(_, router)| router.drop_larger);
    links.chain(filters).min().unwrap_or(0)
}

fn walk(scenario: &Scenario, family: Family, start: u32) -> Walk {
    let mut size = start;
    let mut walk = Walk { works: false, survived_fault: false, causes: Vec::new() };
    let kernel_sees_ptb = match scenario.host.firewall {
        HostFirewall::Open | HostFirewall::RejectPort | HostFirewall::ResetPort => true,
        HostFirewall::DropPtb => false,
        HostFirewall::DropPtbAboutTcp => scenario.peer.port == Port::Filtered,
    };
    loop {
        match fate(scenario, size) {
            Fate::Passes => {
                walk.works = true;
                walk.survived_fault |= size < start && size < largest_that_passes(scenario);
                return walk;
            }
            Fate::Ptb(_) if !kernel_sees_ptb => {
                walk.causes.push(Cause::LocalFirewall);
                let mut open = scenario.clone();
                open.host.firewall = HostFirewall::Open;
                let without_firewall = self::walk(&open, family, size);
                if !without_firewall.works {
                    walk.causes.extend(without_firewall.causes);
                }
                return walk;
            }
            // The kernel clears DF at its minimum, and the routers fragment.
            Fate::Ptb(mtu) if family == Family::V4 && mtu < LINUX_MIN_PMTU => {
                walk.works = true;
                walk.survived_fault = true;
                return walk;
            }
            Fate::Ptb(mtu) if mtu >= size || (family == Family::V6 && mtu < 1280) => {
                walk.causes.push(Cause::BadPtb);
                return walk.with_other_causes(scenario, family);
            }
            Fate::Ptb(mtu) => {
                // Somebody further on refuses this size too: the words of the contract fit both.
                walk.causes.push(Cause::BadPtb);
                size = mtu;
            }
            Fate::Silence | Fate::Filtered => {
                walk.causes.push(Cause::NoPtb);
                return walk.with_other_causes(scenario, family);
            }
        }
    }
}

impl Walk {
    /// Where a path has several faults, each is a cause in its own right.
    fn with_other_causes(mut self, scenario: &Scenario, family: Family) -> Self {
        if family == Family::V4 && scenario.routers().iter().any(|(_, router)| router.drop_larger.is_some()) {
            self.causes.push(Cause::LinkMismatch);
            let mtu_is_smallest = scenario.links().iter().any(|link| link.mtu <= largest_that_passes(scenario));
            let size = largest_that_passes(scenario) + 1;
            let is_silent = self.causes == [Cause::NoPtb, Cause::LinkMismatch];
            if !mtu_is_smallest && fate(scenario, size) == Fate::Filtered && is_silent {
                // Only the filter takes the smallest lost size: its copy without DF vanishes too, unless another
                // fault keeps the control of two tiny fragments from passing. A bad message about the size that TCP sends
                // first is a cause all the same: it is in the way before the filter is.
                let fragments_pass = scenario.routers().iter().all(|(_, router)| !router.drop_fragments);
                // Under loss, the copy and its control may both be lost by chance.
                let lossless = scenario.links().iter().all(|link| link.loss == 0.0);
                if fragments_pass && lossless {
                    self.causes.retain(|cause| *cause == Cause::LinkMismatch);
                }
            }
        }
        self
    }
}

fn fate(scenario: &Scenario, size: u32) -> Fate {
    for (index, (_, router)) in scenario.routers().into_iter().enumerate() {
        let next = scenario.link(index + 1).mtu;
        if size > next {
            let all_icmp = |router: &Router| router.drop.contains(&Kind::AllIcmp);
            let speaks = router.ptb == PtbBehaviour::Send && !all_icmp(router);
            // Those about echo count where echo alone is left.
            let is_silenced =
                |router: &Router| scenario.peer.port != Port::Filtered && router.drop.contains(&Kind::PtbAboutTcp);
            let passes = |nearer: &Router| nearer.forward_ptb && !all_icmp(nearer) && !is_silenced(nearer);
            let heard = scenario.routers()[..index].iter().all(|(_, nearer)| passes(nearer));
            return if speaks && heard { Fate::Ptb(router.ptb_mtu.unwrap_or(next)) } else { Fate::Silence };
        }
        if router.drop_larger.is_some_and(|limit| size > limit) {
            return Fate::Filtered;
        }
    }
    Fate::Passes
}
