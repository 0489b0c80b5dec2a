//! Lists in which many examinations meet the same routers at once. What counts for each has to be what the path tells one that runs alone,
//! as the scenario file has it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use pmtu_probe::compare::{Comparison, Order, Outcome, examined_again};
use pmtu_probe::examine::Examination;
use pmtu_probe::model::{Examined, Finding, PacketSize, Timestamp};

use super::router::Rations;
use super::run::{Driver, plan};
use crate::scenario::{self, Family, Node, Scenario, Verdict};

const TARGETS: usize = 60;
/// From one beginning to the next: some forty run side by side.
const PACE: Duration = Duration::from_millis(25);
/// No list takes longer.
const LONGEST: Duration = Duration::from_secs(300);

/// An examination beside others.
struct Side {
    driver: Driver<Examination>,
    wake: Option<Timestamp>,
    began: Timestamp,
    id: usize,
    is_again: bool,
    is_judged: bool,
}

/// A list over one path.
struct List<'s> {
    scenario: &'s Scenario,
    family: Family,
    rations: [Rations; 3],
    sides: Vec<Side>,
    comparison: Comparison,
    found: BTreeMap<usize, Examined>,
    settled: BTreeMap<usize, Outcome>,
    asked: u32,
    seed: u64,
}

impl List<'_> {
    /// Which of the routers have a word left is the same for all.
    fn with_rations<T>(&mut self, side: usize, work: impl FnOnce(&mut Side) -> T) -> T {
        let side = &mut self.sides[side];
        side.driver.net.swap_rations(&mut self.rations);
        let done = work(side);
        side.driver.net.swap_rations(&mut self.rations);
        done
    }

    fn begin(&mut self, id: usize, is_again: bool, now: Timestamp) {
        self.seed += 1;
        let mut plan = plan(self.scenario, self.family, self.seed);
        if !is_again {
            plan.known_end = self.comparison.known_end(address(self.family, id), plan.local_mtu);
        }
        let examination = Examination::new(plan, now);
        let mut driver = Driver::new(examination, self.scenario, self.family, self.seed, false);
        // Its routers are those that all share, whatever the file says of the first moment.
        driver.net.swap_rations(&mut [const { Rations::NONE }; 3]);
        driver.now = now;
        self.sides.push(Side { driver, wake: Some(now), began: now, id, is_again, is_judged: false });
    }

    fn run(mut self) -> Self {
        let (mut now, mut next) = (Timestamp::ZERO, 0);
        let end = now + LONGEST;
        loop {
            let wake = self.orders(now);
            let begins = (next < TARGETS).then_some(Timestamp::ZERO + PACE * next as u32);
            let steps = (0..self.sides.len()).filter_map(|side| Some((self.sides[side].next_at()?, side))).min();
            let Some(at) = [wake, begins, steps.map(|(at, _)| at)].into_iter().flatten().min() else { return self };
            now = now.max(at);
            assert!(now < end, "{} of {TARGETS} have a result", self.settled.len());
            if begins == Some(at) {
                self.begin(next, false, now);
                next += 1;
            } else if let Some((_, side)) = steps.filter(|(step, _)| *step == at) {
                self.with_rations(side, |side| side.step(now));
                self.take_verdict(side, now);
                if self.sides[side].next_at().is_none() {
                    self.sides.swap_remove(side);
                }
            }
        }
    }

    fn orders(&mut self, now: Timestamp) -> Option<Timestamp> {
        loop {
            match self.comparison.next(now) {
                Order::Settle(id, outcome) => {
                    assert!(self.settled.insert(id, outcome).is_none(), "{id} is settled twice");
                }
                Order::Ask(id) => {
                    self.asked += 1;
                    self.begin(id, true, now);
                }
                Order::WaitUntil(at) => return Some(at),
                Order::Idle => return None,
            }
        }
    }

    fn take_verdict(&mut self, side: usize, now: Timestamp) {
        let Side { driver, began, id, is_again, is_judged, .. } = &mut self.sides[side];
        let Some(examined) = driver.examiner.examined().filter(|_| !*is_judged).cloned() else { return };
        *is_judged = true;
        let (destination, interval) = (address(self.family, *id), (*began, now));
        if *is_again {
            if self.comparison.asked(*id, destination, &examined, interval)
                && let Some(first) = self.found.remove(id)
            {
                self.found.insert(*id, examined_again(first, examined));
            }
        } else {
            if !self.comparison.judged(*id, destination, &examined, interval) {
                self.settled.insert(*id, Outcome::Stands(None));
            }
            self.found.insert(*id, examined);
        }
    }

    fn results(&self) -> impl Iterator<Item = Examined> {
        self.found.iter().map(|(id, examined)| {
            let mut examined = examined.clone();
            self.settled[id].clone().apply(&mut examined);
            examined
        })
    }
}

impl Side {
    fn next_at(&self) -> Option<Timestamp> {
        let net = self.driver.net.next_at();
        self.wake.map(|wake| net.map_or(wake, |net| net.min(wake)))
    }

    fn step(&mut self, now: Timestamp) {
        self.driver.now = self.driver.now.max(now);
        if self.driver.net.next_at().is_some_and(|at| at <= now)
            && let Some(flight) = self.driver.net.step()
        {
            self.driver.deliver(flight);
        }
        self.wake = self.driver.poll_all();
    }
}

/// An address of the list: two networks of them. Every examination has a path of its own to s, whose routers are the same.
fn address(family: Family, id: usize) -> IpAddr {
    let (network, host) = ((id % 2) as u8, (id / 2 + 1) as u8);
    match family {
        Family::V4 => Ipv4Addr::new(198, 51, network, host).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, network.into(), 0, 0, 0, 0, host.into()).into(),
    }
}

fn list(name: &str, family: Family) -> (Vec<Examined>, u32) {
    let mut scenario = scenario::load(name).unwrap();
    scenario.host.in_list = true;
    let list = List {
        scenario: &scenario,
        family,
        rations: [const { Rations::NONE }; 3],
        sides: Vec::new(),
        comparison: Comparison::default(),
        found: BTreeMap::new(),
        settled: BTreeMap::new(),
        asked: 0,
        seed: 0,
    }
    .run();
    let results: Vec<Examined> = list.results().collect();
    assert_eq!(results.len(), TARGETS);
    for examined in &results {
        let expected = scenario.expect.outcome(family);
        let found = examined.verdict;
        let is_right = match expected.verdict {
            Verdict::Discoverable => found == pmtu_probe::model::Verdict::Discoverable,
            Verdict::BlackHole => found == pmtu_probe::model::Verdict::BlackHole,
            _ => false,
        };
        let path_mtu = examined.path_mtu.map(PacketSize::bytes);
        assert!(is_right && path_mtu == expected.path_mtu, "{name} {family}: {examined:#?}");
    }
    (results, list.asked)
}

fn last_hop(examined: &Examined) -> Option<IpAddr> {
    examined.location.as_ref()?.last_hop.as_ref().map(|hop| hop.address)
}

fn is_of_others(finding: &Finding) -> bool {
    matches!(finding, Finding::ToldAsOthers { .. })
}

/// r2 sends one message a second, to all of them together.
#[test]
fn behind_a_router_that_rations_its_messages_everybody_is_told() {
    for family in [Family::V4, Family::V6] {
        let (results, asked) = list("ptb_rate_limited", family);
        assert!(results.iter().all(|examined| last_hop(examined) == Some(Node::R2.near_address(family))), "{family}");
        println!("{family}: {asked} asked alone");
        // Each of these heard nothing, and would be a hole if nobody compared.
        let corrected = results.iter().filter(|examined| examined.findings.iter().any(is_of_others)).count();
        assert!(corrected * 2 > TARGETS, "{family}: {corrected} heard nothing");
        assert!((8..=40).contains(&asked), "{family}: {asked} asked alone");
    }
}

/// All routers ration "time exceeded", so few of the traces come to an end.
#[test]
fn behind_a_silent_router_everybody_has_the_place() {
    for family in [Family::V4, Family::V6] {
        let (results, asked) = list("silent_router", family);
        let r2 = Node::R2.near_address(family);
        let placed = results.iter().filter(|examined| last_hop(examined) == Some(r2)).count();
        println!("{family}: {asked} asked alone, {placed} of {TARGETS} placed");
        assert!(placed * 100 >= TARGETS * 95, "{family}: {placed} of {TARGETS} placed");
        assert!(asked <= 6, "{family}: {asked} asked alone");
    }
}
