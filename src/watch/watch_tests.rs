//! The watch as a whole, driven by hand on a clock of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::model::{PortState, ReverseVerdict, Sighting, Timestamp, Verdict, WatchNews, WatchedAddress};

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs_f64(seconds))
}

fn place(host: u8, port: u16) -> Place {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
    Place { at: WatchedAddress { address, scope_id: 0, port }, label: format!("mx{host}") }
}

fn saw(verdict: Verdict, now: Timestamp) -> Sighting {
    let time = SystemTime::UNIX_EPOCH + now.since(Timestamp::ZERO);
    Sighting {
        there: Some(verdict),
        size: None,
        on_some_flows: false,
        hop: None,
        back: ReverseVerdict::Clear,
        back_size: None,
        port: Some(PortState::Open),
        rtt: None,
        code: if verdict == Verdict::Clear { 0 } else { 2 },
        began: time,
        ended: time,
    }
}

/// A watch, and where its targets lead.
struct World {
    watch: Watch,
    now: Timestamp,
    leads: HashMap<String, Vec<Place>>,
    /// What each examination took.
    takes: Duration,
    running: BTreeMap<(Timestamp, u64), Order>,
    /// Every examination: when it began, what, and whether it saw something new right after another one.
    log: Vec<(Timestamp, Order)>,
    holed: BTreeSet<IpAddr>,
    news: Vec<WatchNews>,
    ended: usize,
}

impl World {
    fn new(interval: u64, leads: &[(&str, Vec<Place>)]) -> Self {
        let leads: HashMap<String, Vec<Place>> =
            leads.iter().map(|(name, places)| ((*name).to_owned(), places.clone())).collect();
        let mut watch = Watch::new(Duration::from_secs(interval));
        let mut names: Vec<String> = leads.keys().cloned().collect();
        names.sort();
        watch.set_targets(names, Timestamp::ZERO);
        Self {
            watch,
            now: Timestamp::ZERO,
            leads,
            takes: Duration::from_millis(500),
            running: BTreeMap::new(),
            log: Vec::new(),
            holed: BTreeSet::new(),
            news: Vec::new(),
            ended: 0,
        }
    }

    fn run(&mut self, until: f64) {
        while self.now < at(until) {
            while let Some(entry) = self.running.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let order = entry.remove();
                let is_holed = self.holed.contains(&order.at.address);
                let verdict = if is_holed { Verdict::BlackHole } else { Verdict::Clear };
                self.watch.examined(order.number, saw(verdict, self.now), self.now);
            }
            while let Some(task) = self.watch.next(self.now) {
                match task {
                    Task::LookUp(id, name) => match self.leads.get(&name) {
                        Some(places) if !places.is_empty() => self.watch.found(id, places.clone(), self.now),
                        _ => self.watch.nowhere(id, "no such name", self.now),
                    },
                    Task::Examine(order) => {
                        self.running.insert((self.now + self.takes, order.number), order.clone());
                        self.log.push((self.now, order));
                    }
                }
            }
            while let Some(news) = self.watch.news() {
                self.news.push(news);
            }
            while self.watch.ended().is_some() {
                self.ended += 1;
            }
            let over = self.running.first_key_value().map_or(Timestamp::MAX, |((over, _), _)| *over);
            self.now = self.watch.next_wake().min(over).clamp(self.now + Duration::from_nanos(1), at(until));
        }
    }
}

/// What another watch has told is known: it is not told again, and what is otherwise by now is a change.
#[test]
fn a_change_over_a_restart_is_a_change() {
    let mut world = World::new(300, &[("a", vec![place(1, 25)]), ("b", vec![place(2, 25)]), ("c", vec![place(3, 25)])]);
    let before = SystemTime::UNIX_EPOCH;
    let told = |verdict| Sighting { began: before, ended: before, ..saw(verdict, Timestamp::ZERO) };
    let former = [(1, Verdict::BlackHole), (2, Verdict::BlackHole), (3, Verdict::Clear)];
    world.watch.remember(former.map(|(host, verdict)| (place(host, 25).at, told(verdict))).into());
    world.holed = [1, 3].map(|host| place(host, 25).at.address).into();
    world.run(1000.0);
    let mut changes: Vec<_> = world
        .news
        .iter()
        .map(|news| {
            let WatchNews::Changed(change) = news else { panic!("{news:?}") };
            let from = change.since.map(|(from, _)| from);
            (change.label.as_str(), change.was.and_then(|was| was.there), change.now.there, from)
        })
        .collect();
    changes.sort_unstable_by_key(|change| change.0);
    let (clear, hole) = (Some(Verdict::Clear), Some(Verdict::BlackHole));
    assert_eq!(changes, [("mx2", hole, clear, Some(before)), ("mx3", clear, hole, Some(before))]);
}

#[test]
fn targets_that_share_an_address_share_its_rounds() {
    let shared = vec![place(1, 25), place(2, 25)];
    let mut world = World::new(300, &[("a", shared.clone()), ("b", shared.clone()), ("c", shared)]);
    world.run(3000.0);
    let of_one = world.log.iter().filter(|(_, order)| order.at == place(1, 25).at).count();
    assert!((10..=11).contains(&of_one), "ten intervals, {of_one} rounds");
    assert!(world.ended >= 27, "each target has its rounds: {}", world.ended);
    world.holed.insert(place(1, 25).at.address);
    world.run(3400.0);
    assert_eq!(world.news.len(), 1, "an address changes once, whatever leads to it: {:?}", world.news);
}

#[test]
fn a_new_verdict_is_confirmed_at_once_and_told() {
    let mut world = World::new(300, &[("a", vec![place(1, 25)])]);
    world.run(700.0);
    assert!(world.news.is_empty());
    world.holed.insert(place(1, 25).at.address);
    world.run(1000.0);
    let [.., (first, one), (second, two)] = &world.log[..] else { panic!("{:?}", world.log) };
    assert_eq!((second.since(*first), two.kind, two.turn), (world.takes, RoundKind::Whole, one.turn + 1));
    assert!(matches!(&world.news[..], [WatchNews::Changed(change)] if change.label == "mx1"), "{:?}", world.news);
    assert_eq!(world.watch.exit_code(), Some(2));
}

#[test]
fn a_name_that_leads_nowhere_is_told_when_it_stays_so_and_its_addresses_are_examined_all_the_same() {
    let mut world = World::new(300, &[("a", vec![place(1, 25)]), ("nowhere", vec![])]);
    world.run(10.0);
    assert!(matches!(&world.news[..], [WatchNews::Lost { target, .. }] if target == "nowhere"), "{:?}", world.news);
    assert_eq!(world.watch.exit_code(), Some(3));
    world.leads.remove("a");
    world.run(590.0);
    assert_eq!((world.news.len(), world.log.len()), (1, 2), "once is no news");
    world.run(890.0);
    assert!(matches!(&world.news[1..], [WatchNews::Lost { target, .. }] if target == "a"), "{:?}", world.news);
    world.run(1190.0);
    assert_eq!((world.news.len(), world.log.len()), (2, 4));
    world.leads.insert("a".into(), vec![place(1, 25)]);
    world.run(1490.0);
    assert!(matches!(&world.news[2..], [WatchNews::FoundAgain { target }] if target == "a"), "{:?}", world.news);
}

#[test]
fn what_nothing_leads_to_is_forgotten_and_told_if_it_was_not_fine() {
    let mut world = World::new(60, &[("a", vec![place(1, 25), place(2, 25)])]);
    world.holed.insert(place(1, 25).at.address);
    world.run(100.0);
    assert_eq!((world.watch.rows().count(), world.news.len()), (2, 1));
    world.leads.insert("a".into(), vec![place(3, 25)]);
    world.run(400.0);
    assert_eq!(world.watch.rows().count(), 1);
    assert!(matches!(&world.news[1..], [WatchNews::Gone { label, .. }] if label == "mx1"), "{:?}", world.news);
}

/// Days in which names lead elsewhere each time.
#[test]
fn nothing_grows() {
    let mut world = World::new(60, &[("a", vec![place(1, 25)]), ("b", vec![place(1, 587)])]);
    for day in 1..200_u32 {
        let host = (day % 200) as u8;
        world.leads.insert("a".into(), vec![place(host, 25), place(host.wrapping_add(1), 25)]);
        world.run(f64::from(day) * 600.0);
        assert!(world.watch.rows().count() < 10);
        world.log.clear();
    }
}

#[test]
fn a_list_is_changed_and_what_stays_keeps_its_state() {
    let mut world = World::new(300, &[("a", vec![place(1, 25)]), ("b", vec![place(2, 25)])]);
    world.holed.insert(place(1, 25).at.address);
    world.run(10.0);
    assert_eq!(world.news.len(), 1);
    world.leads.insert("c".into(), vec![place(3, 25)]);
    let changed = world.watch.set_targets(vec!["a".into(), "c".into()], world.now);
    assert_eq!((changed, world.watch.count()), ((1, 1), 2));
    world.run(20.0);
    assert_eq!(world.log.last().map(|(_, order)| order.at.clone()), Some(place(3, 25).at), "the new one at once");
    world.run(1200.0);
    assert_eq!(world.news.len(), 1, "a hole that stays is not told again: {:?}", world.news);
    assert_eq!(world.watch.rows().count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However targets share addresses and ports, no address has two rounds within a minute. What is confirmed belongs to its round.
    #[test]
    fn no_address_is_asked_twice_within_a_minute(
        targets in prop::collection::vec(prop::collection::vec((1_u8..6, prop::sample::select(vec![25_u16, 587])), 1..4), 1..8),
        interval in 60_u64..400,
        takes in 1_u64..20_000,
        holes in prop::collection::vec((0_u32..2000, 1_u8..6), 0..6),
    ) {
        let named: Vec<(String, Vec<Place>)> = targets.iter().enumerate().map(|(index, places)| {
            (format!("t{index}"), places.iter().map(|(host, port)| place(*host, *port)).collect())
        }).collect();
        let leads: Vec<(&str, Vec<Place>)> = named.iter().map(|(name, places)| (name.as_str(), places.clone())).collect();
        let mut world = World::new(interval, &leads);
        world.takes = Duration::from_millis(takes);
        let mut holes = holes;
        holes.sort_unstable();
        for (when, host) in holes {
            world.run(f64::from(when));
            let address = place(host, 25).at.address;
            if !world.holed.remove(&address) {
                world.holed.insert(address);
            }
        }
        world.run(3000.0);
        let mut last: HashMap<IpAddr, (Timestamp, &Order)> = HashMap::new();
        for (began, order) in &world.log {
            if let Some((before, former)) = last.insert(order.at.address, (*began, order)) {
                let is_confirmation = former.at == order.at && began.since(before) == world.takes;
                prop_assert!(is_confirmation || began.since(before) >= LEAST_PAUSE, "{former:?} {before:?}, {order:?} {began:?}");
            }
        }
        // Ports of one address take turns, so the interval grows by a minute for each other one.
        let promised = |address: IpAddr| {
            let ports: BTreeSet<u16> = targets.iter().flatten().filter(|(host, _)| place(*host, 25).at.address == address).map(|(_, port)| *port).collect();
            let others = ports.len() as u32 - 1;
            (Duration::from_secs(interval) + LEAST_PAUSE * others).max(LEAST_PAUSE * (others + 2)) + world.takes * 4 + Duration::from_secs(2)
        };
        for places in &targets {
            for (host, port) in places {
                let at = place(*host, *port).at;
                let rounds: Vec<Timestamp> = world.log.iter().filter(|(_, order)| order.at == at).map(|(began, _)| *began).collect();
                prop_assert!(rounds.windows(2).all(|pair| pair[1].since(pair[0]) <= promised(at.address)), "{at:?} every {interval}: {rounds:?}");
            }
        }
    }
}
