//! The chain c - r1 - r2 - r3 - s: links, routers and the peer on one virtual clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use pmtu_probe::model::{Body, Family, IcmpErrorKind, IpHeader, Outgoing, Packet, Refusal, Timestamp};

use super::ecmp::Spreader;
use super::flight::Flight;
use super::middlebox::{Carried, Middlebox};
use super::peer::Peer;
use super::rng::Rng;
use super::router::{Fate, Passage, Rations, Router};
use super::tcp_listener::refuse;
use crate::scenario::{HostFirewall, Link, Node, Scenario, TakesTcp};

/// The one-way delay of a link when the scenario gives none at all: 10 ms for the round trip over four links.
const DEFAULT_DELAY: Duration = Duration::from_micros(1250);
/// How long a router tries to find a neighbour that is not there.
const NEIGHBOUR_TIMEOUT: Duration = Duration::from_secs(3);
const CLIENT: usize = 0;
const SERVER: usize = 4;

/// The network.
pub struct Net {
    now: Timestamp,
    rng: Rng,
    order: u64,
    queue: BinaryHeap<Reverse<(Timestamp, u64, Arrival)>>,
    arrivals: Vec<Option<(Flight, bool)>>,
    links: [Link; 4],
    middleboxes: [Middlebox; 4],
    /// Latest arrival on each link, by direction: a link keeps the order.
    latest: [[Timestamp; 2]; 4],
    default_delay: Duration,
    routers: [Router; 3],
    pub spreader: Spreader,
    pub peer: Peer,
    /// At each router: what answers TCP in the server's place.
    proxies: [Option<Peer>; 3],
    peer_alive: bool,
    /// What the client's own firewall does to what it sends to this port.
    client_firewall: (HostFirewall, u16),
    /// What the path becomes, and when, the next first.
    changes: VecDeque<(Timestamp, Scenario)>,
    family: crate::scenario::Family,
    /// What happened, line by line, if asked for.
    pub trace: Option<Vec<String>>,
    /// Packets delivered over any link, for the curious.
    pub hops: u64,
}

/// A packet reaches a node, or a router gives up on its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    node: usize,
    slot: usize,
    unreachable: bool,
}

/// The client's own firewall refuses to send.
struct Rejected {
    /// What it answers in place of sending (`nf_send_reset`).
    reset: Option<Flight>,
}

impl Net {
    pub fn new(scenario: &Scenario, family: crate::scenario::Family, seed: u64, trace: bool) -> Self {
        let links = scenario.links();
        let has_delay = links.iter().any(|link| link.delay_ms.is_some());
        Self {
            now: Timestamp::ZERO,
            rng: Rng::new(seed),
            order: 0,
            queue: BinaryHeap::new(),
            arrivals: Vec::new(),
            latest: [[Timestamp::ZERO; 2]; 4],
            default_delay: if has_delay { Duration::from_micros(50) } else { DEFAULT_DELAY },
            routers: scenario.routers().map(|(node, config)| Router::new(config, node, family)),
            spreader: Spreader::new(seed),
            peer: Peer::new(&scenario.peer, family, links[3].mtu),
            proxies: std::array::from_fn(|index| proxy(scenario, family, index)),
            peer_alive: scenario.peer.alive,
            client_firewall: (scenario.host.firewall, scenario.port()),
            middleboxes: std::array::from_fn(|index| Middlebox::new(&links[index].middlebox, seed)),
            links,
            changes: VecDeque::new(),
            family,
            trace: trace.then(Vec::new),
            hops: 0,
        }
    }

    /// The path becomes another one at these times: its links, its routers. The server stays.
    pub fn change_at(&mut self, changes: Vec<(Timestamp, Scenario)>) {
        self.changes = changes.into();
    }

    fn change(&mut self) {
        while self.changes.front().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, scenario)) = self.changes.pop_front() else { return };
            self.links = scenario.links();
            self.routers = scenario.routers().map(|(node, config)| Router::new(config, node, self.family));
        }
    }

    /// The client sends.
    pub fn send(&mut self, outgoing: Outgoing, now: Timestamp) -> Result<(), Refusal> {
        self.now = self.now.max(now);
        self.change();
        let mut flight = Flight::from(outgoing);
        if let Some(Rejected { reset }) = self.rejected(&flight) {
            self.note(CLIENT, "rejects", &flight);
            // From the host itself, at once.
            if let Some(reset) = reset {
                self.schedule(self.now, CLIENT, reset, false, false);
            }
            return Err(Refusal::Forbidden);
        }
        if flight.largest_piece() > self.links[0].mtu {
            let may_fragment = flight.packet.family() == Family::V4 && !flight.packet.ip.dont_fragment;
            if !may_fragment {
                self.note(CLIENT, "refused", &flight);
                return Err(Refusal::TooBig);
            }
            flight.fragment(self.links[0].mtu);
        }
        self.note(CLIENT, "sends", &flight);
        self.spreader.sent(&flight);
        self.transmit(CLIENT, true, &flight);
        Ok(())
    }

    /// Whether the client's own firewall sends nothing.
    fn rejected(&self, flight: &Flight) -> Option<Rejected> {
        let (firewall, port) = self.client_firewall;
        let Body::Tcp(segment) = &flight.packet.body else { return None };
        if segment.destination_port != port {
            return None;
        }
        match firewall {
            HostFirewall::Open | HostFirewall::DropPtb | HostFirewall::DropPtbAboutTcp => None,
            HostFirewall::RejectPort => Some(Rejected { reset: None }),
            HostFirewall::ResetPort => {
                let ip = IpHeader {
                    source: flight.packet.ip.destination,
                    destination: flight.packet.ip.source,
                    ..flight.packet.ip
                };
                let reset = refuse(segment).pop().map(|reset| Packet { ip, body: Body::Tcp(reset) });
                Some(Rejected { reset: reset.map(Flight::from) })
            }
        }
    }

    /// Changes what the routers have sent for what others have.
    pub fn swap_rations(&mut self, others: &mut [Rations; 3]) {
        for (router, rations) in self.routers.iter_mut().zip(others) {
            router.swap_rations(rations);
        }
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Timestamp> {
        let queued = self.queue.peek().map(|Reverse((at, _, _))| *at);
        let proxies = self.proxies.iter().flatten().map(Peer::next_wake);
        proxies.chain([queued, self.peer.next_wake()]).flatten().min()
    }

    /// Lets the next thing happen; returns what reaches the client.
    pub fn step(&mut self) -> Option<Flight> {
        let at = self.next_at()?;
        self.now = self.now.max(at);
        self.change();
        if self.queue.peek().is_none_or(|Reverse((queued, _, _))| *queued > at) {
            let flights = self.peer.wake(self.now);
            self.sends_back(SERVER, flights);
            for node in 1..SERVER {
                let flights = self.proxies[node - 1].as_mut().map_or(Vec::new(), |proxy| proxy.wake(self.now));
                self.sends_back(node, flights);
            }
            return None;
        }
        let Reverse((_, _, arrival)) = self.queue.pop()?;
        let (flight, rightward) = self.arrivals[arrival.slot].take()?;
        match arrival.node {
            CLIENT | SERVER if flight.is_damaged => {
                self.note(arrival.node, "does not take", &flight);
                None
            }
            CLIENT => {
                self.note(CLIENT, "receives", &flight);
                Some(flight)
            }
            SERVER => {
                self.note(SERVER, "receives", &flight);
                let flights = self.peer.receive(&flight.packet, self.now, &mut self.rng);
                self.sends_back(SERVER, flights);
                None
            }
            _ if arrival.unreachable => {
                self.neighbour_missing(&flight);
                None
            }
            node => {
                self.route(node, flight, rightward);
                None
            }
        }
    }

    fn sends_back(&mut self, node: usize, flights: Vec<Flight>) {
        for flight in flights {
            self.note(node, "sends", &flight);
            self.transmit(node, false, &flight);
        }
    }

    fn route(&mut self, node: usize, flight: Flight, rightward: bool) {
        if let (true, Body::Tcp(_), Some(proxy)) = (rightward, &flight.packet.body, &mut self.proxies[node - 1]) {
            let flights = proxy.receive(&flight.packet, self.now, &mut self.rng);
            return self.sends_back(node, flights);
        }
        let next_link = if rightward { node } else { node - 1 };
        let link = &self.links[next_link];
        let next_mtu = match link.parallel.as_slice() {
            others if rightward && !others.is_empty() => link.members()[self.spreader.choose(link, &flight)],
            _ if rightward => link.mtu,
            _ => link.back_mtu.or(link.far_mtu).unwrap_or(link.mtu),
        };
        let passage = Passage { rightward, next_mtu, now: self.now };
        let copy = flight.clone();
        let fate = self.routers[node - 1].pass(flight, passage);
        self.carry_out(node, fate, rightward, &copy);
    }

    fn carry_out(&mut self, node: usize, fate: Fate, rightward: bool, about: &Flight) {
        match fate {
            Fate::Forward(flight) if rightward && node == 3 && !self.peer_alive => {
                self.schedule(self.now + NEIGHBOUR_TIMEOUT, 3, flight, rightward, true);
            }
            Fate::Forward(flight) => self.transmit(node, rightward, &flight),
            Fate::Answer(packet) => {
                let flight = Flight::from(packet);
                self.note(node, "answers", &flight);
                self.transmit(node, !rightward, &flight);
            }
            Fate::Drop(reason) => self.note(node, &format!("drops ({reason})"), about),
        }
    }

    fn neighbour_missing(&mut self, flight: &Flight) {
        // Host unreachable (RFC 792), address unreachable (RFC 4443).
        let code = if flight.packet.family() == Family::V4 { 1 } else { 3 };
        let passage = Passage { rightward: true, next_mtu: self.links[3].mtu, now: self.now };
        let fate = self.routers[2].limited_error(IcmpErrorKind::Unreachable { code }, flight, passage);
        self.carry_out(3, fate, true, flight);
    }

    fn transmit(&mut self, node: usize, rightward: bool, flight: &Flight) {
        let index = if rightward { node } else { node - 1 };
        for carried in self.middleboxes[index].pass(flight.clone(), rightward, self.now) {
            self.carry(index, &carried);
        }
    }

    fn carry(&mut self, index: usize, Carried { flight, rightward, held_back }: &Carried) {
        let rightward = *rightward;
        let (node, target) = if rightward { (index, index + 1) } else { (index + 1, index) };
        let link = self.links[index].clone();
        if (0..flight.pieces()).any(|_| self.rng.chance(link.loss)) {
            self.note(node, "loses", flight);
            return;
        }
        if rightward && flight.largest_piece() > link.largest_taken() {
            self.note(target, "does not take", flight);
            return;
        }
        let copies = if self.rng.chance(link.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let at = self.arrival_time(index, rightward, &link) + *held_back;
            self.schedule(at, target, flight.clone(), rightward, false);
        }
    }

    fn arrival_time(&mut self, index: usize, rightward: bool, link: &Link) -> Timestamp {
        let delay = link.delay_ms.map_or(self.default_delay, milliseconds);
        let jitter = milliseconds(link.jitter_ms * self.rng.unit());
        let latest = &mut self.latest[index][usize::from(rightward)];
        let at = (self.now + delay + jitter).max(*latest);
        if self.rng.chance(link.reorder) {
            return at + milliseconds(link.reorder_ms);
        }
        *latest = at;
        at
    }

    fn schedule(&mut self, at: Timestamp, node: usize, flight: Flight, rightward: bool, unreachable: bool) {
        self.order += 1;
        self.hops += 1;
        let slot = self.arrivals.len();
        self.arrivals.push(Some((flight, rightward)));
        self.queue.push(Reverse((at, self.order, Arrival { node, slot, unreachable })));
    }

    fn note(&mut self, node: usize, what: &str, flight: &Flight) {
        if let Some(trace) = &mut self.trace {
            let at = self.now.since(Timestamp::ZERO).as_secs_f64() * 1e3;
            trace.push(format!("{at:9.3} ms  {} {what} {}", Node::ALL[node], flight.describe()));
        }
    }
}

/// The kernel of a router that takes connections: it has the server's address for them, and an MTU of its own.
fn proxy(scenario: &Scenario, family: crate::scenario::Family, index: usize) -> Option<Peer> {
    let takes = scenario.routers()[index].1.takes_tcp == TakesTcp::Proxy;
    takes.then(|| Peer::new(&scenario.peer, family, scenario.link(index).mtu))
}

fn milliseconds(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}
