//! Where large packets end: what is true of a path, what of it can be seen from c, and what a report makes of it.
//!
//! All of it follows from the links and routers. Nothing here knows what the program does to find out.

use std::net::IpAddr;

use super::middlebox::Fate;
use super::{Family, Kind, Link, Node, Scenario};

/// The hop that packets of a size still reach, and the first that they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub last: Node,
    pub next: Node,
}

/// A hop as a report names it.
pub type Point = (Option<u8>, IpAddr);

/// `location` as a report has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub last: Option<Point>,
    pub next: Option<Point>,
    /// A packet too big names its sender and says nothing about what comes next.
    pub rests_on_ptb: bool,
}

/// An entry of `hops` as a report has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundHop {
    pub ttl: u8,
    pub address: Option<IpAddr>,
    pub largest_answered: Option<u32>,
}

/// How good a report's place is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placing {
    /// All that can be seen is said.
    Exact,
    /// True, but less than can be seen.
    Vague(String),
    /// Not true of the path.
    Wrong(String),
}

/// Where DF packets of this size end; of parallel links, `member` is taken. `None`: they arrive, or c itself refuses them.
pub fn place(scenario: &Scenario, member: usize, size: u32) -> Option<Place> {
    let ends_at = |index: &usize| {
        let members = scenario.link(index + 1).members();
        let mtu = members.get(member).unwrap_or(&members[0]);
        let limit = scenario.routers()[*index].1.drop_larger.unwrap_or(u32::MAX);
        let boxed = scenario.link(*index + 1).middlebox.large.filter(|large| large.fate != Fate::Corrupted);
        let boxed = boxed.map_or(u32::MAX, |large| large.above);
        size > *mtu || size > limit || size > boxed || size > scenario.link(index + 1).largest_taken()
    };
    let Some(index) = (0..3).find(ends_at) else {
        // Routers forward what is damaged.
        let damages = |link: &Link| link.middlebox.large.is_some_and(|large| size > large.above);
        return scenario.links().iter().any(damages).then_some(Place { last: Node::R3, next: Node::S });
    };
    Some(Place { last: Node::ALL[index + 1], next: Node::ALL[index + 2] })
}

/// All places where packets end that are too large for the path, the nearest first: `lost` is the smallest size of which that is
/// true. Several bottlenecks make several places.
pub fn places(scenario: &Scenario, member: usize, lost: u32) -> Vec<Place> {
    let mut places: Vec<Place> =
        (lost..=scenario.link(0).mtu).rev().filter_map(|size| place(scenario, member, size)).collect();
    places.dedup();
    places
}

/// Compares a report with the truth. `None` if nothing ends on the way.
pub fn judge_place(places: &[Place], found: Found, scenario: &Scenario, family: Family) -> Option<Placing> {
    let hides = scenario.links().iter().any(|link| link.middlebox.hides_hops());
    let judged = places.iter().map(|place| place.judge(found, scenario, family));
    // Less may be said where a box is in the way, and nothing untrue.
    let judged = judged.map(|placing| match placing {
        Placing::Vague(_) if hides => Placing::Exact,
        placing => placing,
    });
    judged.min_by_key(|placing| match placing {
        Placing::Exact => 0,
        Placing::Vague(_) => 1,
        Placing::Wrong(_) => 2,
    })
}

/// Whether c hears of a packet whose TTL ends at this node: a router's time exceeded, or the server's own answer.
pub fn is_visible(scenario: &Scenario, node: Node) -> bool {
    let is_mute = |kind: &Kind| matches!(kind, Kind::TimeExceeded | Kind::AllIcmp);
    match node {
        Node::C => false,
        Node::S => true,
        _ => {
            let routers = &scenario.routers()[..node.distance()];
            let itself_hides = routers.last().is_some_and(|(_, router)| router.hidden);
            !itself_hides && !routers.iter().any(|(_, router)| router.drop.iter().any(is_mute))
        }
    }
}

impl Place {
    /// What a perfect observer at c says: the last hop it can see large packets at, and the first one beyond.
    pub fn as_seen(self, scenario: &Scenario) -> (Option<Node>, Node) {
        let seen = |node: &&Node| is_visible(scenario, **node);
        let (reached, beyond) = Node::ALL.split_at(self.next.distance());
        (reached.iter().rev().find(seen).copied(), beyond.iter().find(seen).copied().unwrap_or(Node::S))
    }

    fn judge(self, found: Found, scenario: &Scenario, family: Family) -> Placing {
        let (last, next) = match (named(found.last, scenario, family), named(found.next, scenario, family)) {
            (Ok(last), Ok(next)) => (last, next),
            (Err(wrong), _) | (_, Err(wrong)) => return Placing::Wrong(wrong),
        };
        if let Some(node) = last.filter(|node| *node > self.last) {
            return Placing::Wrong(format!("last_hop {node}, but large packets end at {}", self.last));
        }
        if let Some(node) = next.filter(|node| *node < self.next) {
            return Placing::Wrong(format!("next_hop {node}, but large packets reach it"));
        }
        let (seen_last, seen_next) = self.as_seen(scenario);
        let last_is_best = last == seen_last || found.rests_on_ptb && last == Some(self.last);
        // Where no router answers beyond the place, the target need not be named.
        let is_nameless = next.is_none() && (found.rests_on_ptb || seen_next == Node::S && self.next != Node::S);
        if last_is_best && (next == Some(seen_next) || is_nameless) {
            return Placing::Exact;
        }
        Placing::Vague(format!("between {last:?} and {next:?}, not between {seen_last:?} and {seen_next}"))
    }
}

/// The node that a report names.
fn named(point: Option<Point>, scenario: &Scenario, family: Family) -> Result<Option<Node>, String> {
    let Some((ttl, address)) = point else { return Ok(None) };
    let node = Node::ALL[1..].iter().copied().find(|node| scenario.names(*node, family).contains(&address));
    let node = node.ok_or_else(|| format!("{address} is no hop"))?;
    match ttl {
        Some(ttl) if usize::from(ttl) != node.distance() => Err(format!("{node} is not at distance {ttl}")),
        _ => Ok(Some(node)),
    }
}

/// Hops that must be listed, answered or not: all up to the one that the location names next, without the target itself.
pub fn missing_hops(hops: &[FoundHop], next: Option<Point>) -> Option<String> {
    let distance = next.and_then(|(ttl, _)| ttl)?.min(3);
    (hops.len() < distance.into()).then(|| format!("{} hops in the list, not at least {distance}", hops.len()))
}

/// What is not true of a list of hops. `lost`: a size that is lost, and where.
pub fn wrong_hops(hops: &[FoundHop], lost: Option<(u32, Place)>, scenario: &Scenario, family: Family) -> Vec<String> {
    let mut notes = Vec::new();
    for (index, hop) in hops.iter().enumerate() {
        if usize::from(hop.ttl) != index + 1 {
            notes.push(format!("hop {} is missing from the list", index + 1));
            break;
        }
        let Some(address) = hop.address else { continue };
        let node = Node::ALL.get(index + 1).copied().filter(|node| *node != Node::S);
        let Some(node) =
            node.filter(|node| scenario.names(*node, family).contains(&address) && is_visible(scenario, *node))
        else {
            notes.push(format!("hop {} is {address}", hop.ttl));
            continue;
        };
        if let Some((size, place)) = lost
            && node >= place.next
            && hop.largest_answered.is_some_and(|largest| largest >= size)
        {
            notes.push(format!("hop {} answered {:?} bytes, which cannot reach it", hop.ttl, hop.largest_answered));
        }
    }
    notes
}
