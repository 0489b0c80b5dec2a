//! A day of `--watch` over a path that breaks and heals, for hours and for moments. The diary of the path says what has to be told: each
//! change once, within an interval, and nothing that did not happen. `PMTU_SIM_WATCH_HOURS=240` is ten days; without it it is one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use pmtu_probe::examine::Examination;
use pmtu_probe::model::{ReverseVerdict, Sighting, Timestamp, Verdict, WatchNews, WatchedAddress, WatchedChange};
use pmtu_probe::watch::{Order, Place, Task, Watch};

use super::day::{State, resident, seconds, states};
use super::run::{drive_over, plan};
use crate::scenario::{Family, Node, Random};

const INTERVAL: f64 = 300.0;
/// What the longest examination and the one that confirms it take, and rounds that keep each other waiting.
const EXAMINED: f64 = 60.0;

/// When which state begins, and whether it stays: else it is over in a moment.
struct Diary(Vec<Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: f64,
    state: usize,
    stays: bool,
}

impl Diary {
    fn new(until: f64, states: usize, random: &mut Random) -> Self {
        let mut entries = vec![Entry { at: 0.0, state: 0, stays: true }];
        let mut at = 0.0;
        while at < until {
            let state = entries.last().map_or(0, |entry| entry.state);
            // Twenty minutes to an hour, in which the path may be another for a moment.
            let end = at + 1200.0 + 2400.0 * random.unit();
            loop {
                at += 1.0 + 40.0 * random.unit();
                let blip = (random.next() % states as u64) as usize;
                let back = at + 0.02 + 0.8 * random.unit();
                if back + 1.0 > end {
                    break;
                }
                entries.push(Entry { at, state: blip, stays: false });
                entries.push(Entry { at: back, state, stays: true });
                at = back;
            }
            at = end;
            entries.push(Entry { at, state: (random.next() % states as u64) as usize, stays: true });
        }
        Self(entries)
    }

    /// The states that the path has from one moment to another.
    fn during(&self, (from, to): (f64, f64)) -> impl Iterator<Item = usize> {
        self.0[self.at(from)..=self.at(to)].iter().map(|entry| entry.state)
    }

    fn changes_within(&self, (from, to): (f64, f64)) -> bool {
        self.at(from) < self.at(to)
    }

    fn at(&self, now: f64) -> usize {
        self.0.partition_point(|entry| entry.at <= now) - 1
    }

    /// Begins of states that stay.
    fn lasting(&self) -> Vec<(f64, usize)> {
        let stays: Vec<&Entry> = self.0.iter().filter(|entry| entry.stays).collect();
        let begins = stays.windows(2).filter(|pair| pair[0].state != pair[1].state);
        begins.map(|pair| (pair[1].at, pair[1].state)).collect()
    }
}

/// What came of one address: what was told and when, and from when to when it was examined.
#[derive(Default)]
struct Outcome {
    told: Vec<(f64, WatchedChange)>,
    examined: Vec<(f64, f64)>,
}

#[test]
fn over_a_day_each_change_is_told_once_within_an_interval_and_none_that_did_not_happen() {
    let hours: f64 = std::env::var("PMTU_SIM_WATCH_HOURS").ok().and_then(|hours| hours.parse().ok()).unwrap_or(24.0);
    let (states, mut random) = (states(), Random::new(16));
    let until = hours * 3600.0;
    let diary = Diary::new(until, states.len(), &mut random);
    let outcomes = watch(&diary, &states, until, &mut random);
    let mut faults = Vec::new();
    for (family, outcome) in &outcomes {
        let (missed, checked) = missed(outcome, &diary, &states, until);
        let told = [invented(outcome, &diary, &states), missed].concat();
        faults.extend(told.into_iter().map(|fault| format!("{family}: {fault}")));
        println!("{family}: of {:.0} % of the changes it can be said whether they were told in time", checked * 100.0);
        assert!(checked > 0.75, "{checked}");
    }
    let lines: usize = outcomes.values().map(|outcome| outcome.told.len()).sum();
    let examined = outcomes.values().flat_map(|outcome| &outcome.examined);
    let disturbed = examined.clone().filter(|span| diary.changes_within(**span)).count();
    let rounds = examined.count();
    println!(
        "{hours} hours: {} states, {rounds} examinations, {disturbed} met a change, {lines} lines told; {} KiB",
        diary.0.len(),
        resident()
    );
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(u32::try_from(lines).is_ok_and(|lines| f64::from(lines) > hours), "{lines} lines are few");
}

fn watch(diary: &Diary, states: &[State], until: f64, random: &mut Random) -> BTreeMap<Family, Outcome> {
    let mut watch = Watch::new(Duration::from_secs_f64(INTERVAL));
    watch.set_targets(vec!["v4".into(), "v6".into()], Timestamp::ZERO);
    let mut outcomes = BTreeMap::<Family, Outcome>::new();
    let mut running: BTreeMap<(Timestamp, u64), (Order, f64, pmtu_probe::model::Examined)> = BTreeMap::new();
    let mut now = Timestamp::ZERO;
    while now < seconds(until) {
        while let Some(entry) = running.first_entry().filter(|entry| entry.key().0 <= now) {
            let (order, began, examined) = entry.remove();
            let sighting = Sighting::of(&examined, examined.exit_code(), wall(began), wall(from_zero(now)));
            watch.examined(order.number, sighting, now);
        }
        while let Some(task) = watch.next(now) {
            match task {
                Task::LookUp(id, name) => watch.found(id, vec![place(&name)], now),
                Task::Examine(order) => {
                    let began = from_zero(now);
                    let (ended, examined) = examine(&order, diary, states, began, random.next());
                    let outcome = outcomes.entry(family_at(&order)).or_default();
                    outcome.examined.push((began, began + ended.as_secs_f64()));
                    running.insert((now + ended, order.number), (order, began, examined));
                }
            }
        }
        while let Some(news) = watch.news() {
            let WatchNews::Changed(change) = news else { panic!("{news:?}") };
            outcomes.entry(family_of(&change.label)).or_default().told.push((from_zero(now), change));
        }
        while watch.ended().is_some() {}
        let over = running.first_key_value().map_or(Timestamp::MAX, |((over, _), _)| *over);
        now = watch.next_wake().min(over).max(now + Duration::from_nanos(1));
    }
    outcomes
}

fn family_at(order: &Order) -> Family {
    if order.at.address.is_ipv4() { Family::V4 } else { Family::V6 }
}

fn place(name: &str) -> Place {
    let address = Node::S.near_address(family_of(name));
    Place { at: WatchedAddress { address, scope_id: 0, port: 25 }, label: name.to_owned() }
}

fn family_of(name: &str) -> Family {
    if name == "v4" { Family::V4 } else { Family::V6 }
}

/// Examines the path as it is from this moment on. Returns when the verdict stood.
fn examine(
    order: &Order,
    diary: &Diary,
    states: &[State],
    began: f64,
    number: u64,
) -> (Duration, pmtu_probe::model::Examined) {
    let family = family_at(order);
    let first = diary.at(began);
    let later = diary.0[first + 1..].iter().take_while(|entry| entry.at < began + 100.0);
    let changes = later.map(|entry| (seconds(entry.at - began), states[entry.state].scenario.clone())).collect();
    let scenario = &states[diary.0[first].state].scenario;
    let examination = Examination::new(plan(scenario, family, number), Timestamp::ZERO);
    let run = drive_over(examination, scenario, changes, family, number);
    assert!(run.faults.is_empty(), "{:?}", run.faults);
    (run.verdict_at.expect("a verdict"), run.examined.expect("findings"))
}

/// What is told and did not happen.
fn invented(outcome: &Outcome, diary: &Diary, states: &[State]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, change) in &outcome.told {
        // Two examinations say it, and each met the path as it is told.
        let second = (since_epoch(change.now.began), since_epoch(change.now.ended));
        let first_ended = change.since.map(|(_, to)| since_epoch(to));
        let is_first = |span: &&(f64, f64)| first_ended.is_none_or(|ended| close(span.1, ended)) && span.1 <= second.0;
        let first = outcome.examined.iter().rev().find(is_first);
        let is_doubt = change.parts.there && change.now.there == Some(Verdict::Inconclusive);
        let met = |span: (f64, f64)| {
            // The path gave reason for doubt.
            if is_doubt {
                return diary.changes_within(span);
            }
            diary.during(span).any(|state| {
                (!change.parts.there || change.now.there == Some(states[state].there.0))
                    && (!change.parts.back || change.now.back == states[state].back.0)
            })
        };
        if !first.is_some_and(|first| met(*first)) || !met(second) {
            faults.push(format!("at {at:.1} told, and {first:?} or {second:?} did not meet it: {change:?}"));
        }
        if change.parts.there && change.was.is_some_and(|was| was.there == change.now.there) || change.parts.port {
            faults.push(format!("at {at:.1} no change: {change:?}"));
        }
    }
    faults
}

/// What happened and was not told, or late or twice; and the share of changes of which that can be said.
fn missed(outcome: &Outcome, diary: &Diary, states: &[State], until: f64) -> (Vec<String>, f64) {
    let (lasting, mut faults, mut checked) = (diary.lasting(), Vec::new(), 0.0);
    for (index, &(at, after)) in lasting.iter().enumerate() {
        let (there, back) = (states[after].there.0, states[after].back.0);
        let next = lasting.get(index + 1).map_or(until, |(next, ..)| *next);
        // A round that met another state for a moment says nothing, or tells that one: then the next one tells what stays.
        let mut latest = at + INTERVAL + EXAMINED;
        let within =
            |from: f64, to: f64| outcome.examined.iter().filter(move |(began, _)| *began > from && *began <= to);
        while within(latest - INTERVAL - EXAMINED, latest).any(|span| diary.during(*span).any(|state| state != after)) {
            latest += INTERVAL;
        }
        if latest > next {
            continue;
        }
        checked += 1.0;
        let told = outcome.told.iter().filter(|(when, change)| {
            *when >= at && *when <= latest && change.parts.there && change.now.there == Some(there)
        });
        // What was there for too short a time to be told needs no word that it is over.
        let stood = standing(outcome, at);
        // After doubt that was told, it may be told that it is as before.
        let is_after_doubt =
            |change: &WatchedChange| change.was.is_some_and(|was| was.there == Some(Verdict::Inconclusive));
        let (after_doubt, at_once): (Vec<_>, Vec<_>) = told.partition(|(_, change)| is_after_doubt(change));
        let count = if at_once.is_empty() { after_doubt.len().min(1) } else { at_once.len() };
        if count != usize::from(stood.0 != Some(there)) {
            faults.push(format!("{there:?} since {at:.1}: told {count} times until {latest:.1}"));
        }
        // What was told last is what is.
        let stands = standing(outcome, latest);
        if stands.0 != Some(there) || back != ReverseVerdict::Untested && stands.1 != back {
            faults.push(format!("{there:?}, back {back:?} since {at:.1}: it stands as {stands:?} at {latest:.1}"));
        }
    }
    let all = f64::from(u32::try_from(lasting.len()).unwrap_or(u32::MAX));
    (faults, checked / all)
}

/// How the address stands at a time, by what was told until then: at first all is well.
fn standing(outcome: &Outcome, at: f64) -> (Option<Verdict>, ReverseVerdict) {
    let last = outcome.told.iter().rev().find(|(when, _)| *when <= at).map(|(_, change)| change.now);
    last.map_or((Some(Verdict::Clear), ReverseVerdict::Clear), |now| (now.there, now.back))
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-3
}

fn wall(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

fn since_epoch(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn from_zero(now: Timestamp) -> f64 {
    now.since(Timestamp::ZERO).as_secs_f64()
}
