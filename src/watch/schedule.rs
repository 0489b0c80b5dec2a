//! When the round of each target is due, and of which kind it is.
//!
//! Every target has a place of its own in the interval, so that the rounds of many are spread evenly over it. A round never begins later
//! than the interval after the last one, nor sooner than a minute after it: between these it moves towards its place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::terms::{LEAST_PAUSE, RoundKind, TargetId};
use crate::model::Timestamp;

/// Every so many rounds one is whole, whatever the light ones say.
const WHOLE_EVERY: u64 = 12;
/// And at least so often.
const WHOLE_WITHIN: Duration = Duration::from_secs(3600);
/// The first rounds, and those that are late, begin so far apart.
const LONGEST_SPACING: Duration = Duration::from_millis(100);

/// The rounds to come.
#[derive(Debug)]
pub struct Schedule {
    interval: Duration,
    slots: BTreeMap<TargetId, Slot>,
    /// Those that had a round and that none is running for, by when they are due.
    line: BTreeSet<(Timestamp, TargetId)>,
    /// Those that had none yet. They wait for the others, who would be late if they had to wait for a long list of new ones.
    newcomers: BTreeSet<(Timestamp, TargetId)>,
    /// No round begins before.
    opens: Timestamp,
}

#[derive(Debug)]
struct Slot {
    /// Its place in the interval.
    phase: Duration,
    due: Timestamp,
    rounds: u64,
    /// Which of the rounds are whole: those of many targets are spread as well.
    turn: u64,
    last_whole: Option<Timestamp>,
    is_running: bool,
}

impl Schedule {
    /// Rounds of a target begin at most this far apart.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval: interval.max(LEAST_PAUSE),
            slots: BTreeMap::new(),
            line: BTreeSet::new(),
            newcomers: BTreeSet::new(),
            opens: Timestamp::ZERO,
        }
    }

    /// The targets from now on. Those that are new have their first round as soon as there is room.
    pub fn set(&mut self, targets: &[TargetId], now: Timestamp) {
        let wanted: BTreeSet<TargetId> = targets.iter().copied().collect();
        self.slots.retain(|target, _| wanted.contains(target));
        self.line.retain(|(_, target)| wanted.contains(target));
        self.newcomers.retain(|(_, target)| wanted.contains(target));
        let step = self.interval / u32::try_from(targets.len()).unwrap_or(u32::MAX).max(1);
        for (index, &target) in (0_u32..).zip(targets) {
            let phase = step * index;
            if let Some(slot) = self.slots.get_mut(&target) {
                slot.phase = phase;
                continue;
            }
            let turn = u64::from(index) % WHOLE_EVERY;
            let slot = Slot { phase, due: now, rounds: 0, turn, last_whole: None, is_running: false };
            self.slots.insert(target, slot);
            self.newcomers.insert((now, target));
        }
    }

    /// The next target whose round is due. It is running from now on.
    pub fn begin(&mut self, now: Timestamp) -> Option<(TargetId, RoundKind)> {
        if self.opens > now {
            return None;
        }
        let is_due = |(due, _): &&(Timestamp, TargetId)| *due <= now;
        let line =
            if self.line.first().is_some_and(|first| is_due(&first)) { &mut self.line } else { &mut self.newcomers };
        let &(_, target) = line.first().filter(is_due)?;
        line.pop_first();
        self.opens = now + self.spacing();
        let interval = self.interval;
        let slot = self.slots.get_mut(&target)?;
        slot.is_running = true;
        slot.rounds += 1;
        slot.due = next_due(now, slot.phase, interval);
        Some((target, slot.kind(now, interval)))
    }

    /// A round is over.
    pub fn end(&mut self, target: TargetId) {
        if let Some(slot) = self.slots.get_mut(&target).filter(|slot| slot.is_running) {
            slot.is_running = false;
            self.line.insert((slot.due, target));
        }
    }

    /// When `begin` has something to say at the earliest.
    pub fn next_wake(&self) -> Timestamp {
        let first = [self.line.first(), self.newcomers.first()].into_iter().flatten().map(|(due, _)| *due).min();
        first.map_or(Timestamp::MAX, |due| due.max(self.opens))
    }

    /// How far apart rounds of one target are at most.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Half as far apart as they are when spread evenly: what is late catches up.
    fn spacing(&self) -> Duration {
        let count = u32::try_from(self.slots.len()).unwrap_or(u32::MAX).max(1);
        (self.interval / count / 2).min(LONGEST_SPACING)
    }
}

impl Slot {
    fn kind(&mut self, now: Timestamp, interval: Duration) -> RoundKind {
        let is_its_turn = self.rounds % WHOLE_EVERY == self.turn;
        let is_time = self.last_whole.is_none_or(|last| (now + interval).since(last) > WHOLE_WITHIN);
        if !is_its_turn && !is_time {
            return RoundKind::Light;
        }
        self.last_whole = Some(now);
        RoundKind::Whole
    }
}

/// The last moment within the interval that is the target's own, if that is far enough away.
fn next_due(began: Timestamp, phase: Duration, interval: Duration) -> Timestamp {
    let latest = began + interval;
    let past_its_place = latest.since(Timestamp::ZERO + phase).as_nanos() % interval.as_nanos();
    let own = latest - Duration::from_nanos(u64::try_from(past_its_place).unwrap_or(0));
    if own.since(began) >= LEAST_PAUSE { own } else { latest }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_origin(Duration::from_secs_f64(seconds))
    }

    fn targets(count: usize) -> Vec<TargetId> {
        (0..count).map(TargetId).collect()
    }

    /// When each round began, in order, with targets whose rounds take this long.
    fn rounds(
        schedule: &mut Schedule,
        until: f64,
        takes: impl Fn(usize) -> f64,
    ) -> Vec<(Timestamp, TargetId, RoundKind)> {
        let (mut now, mut rounds, mut running) = (Timestamp::ZERO, Vec::new(), BTreeSet::new());
        while now < at(until) {
            while let Some(&(end, target)) = running.first().filter(|(end, _)| *end <= now) {
                running.remove(&(end, target));
                schedule.end(target);
            }
            while let Some((target, kind)) = schedule.begin(now) {
                rounds.push((now, target, kind));
                running.insert((now + Duration::from_secs_f64(takes(rounds.len())), target));
            }
            let ended = running.first().map_or(Timestamp::MAX, |(end, _)| *end);
            now = schedule.next_wake().min(ended).max(now + Duration::from_nanos(1));
        }
        rounds
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The promise: each as often as asked, never within a minute, never many at once.
        #[test]
        fn each_target_has_its_round_in_time_and_not_too_soon(
            count in 1_usize..400,
            interval in 60_u64..1200,
            took in 0.0..20.0,
        ) {
            let interval = Duration::from_secs(interval);
            let mut schedule = Schedule::new(interval);
            schedule.set(&targets(count), Timestamp::ZERO);
            let rounds = rounds(&mut schedule, interval.as_secs_f64() * 5.0, |n| if n % 3 == 0 { 0.0 } else { took });
            let mut last: HashMap<TargetId, Timestamp> = HashMap::new();
            for (began, target, _) in &rounds {
                if let Some(before) = last.insert(*target, *began) {
                    let gap = began.since(before);
                    prop_assert!(gap >= LEAST_PAUSE, "{target:?} again after {gap:?}");
                    prop_assert!(gap <= interval + Duration::from_secs(1), "{target:?} after {gap:?} of {interval:?}");
                }
            }
            prop_assert_eq!(last.len(), count, "every target had a round");
            // Twice as many as an even spread has, and no more than ten in a second unless there are that many.
            let most = (count * 2).div_ceil(usize::try_from(interval.as_secs()).expect("few")).max(10) + 1;
            for (index, (began, ..)) in rounds.iter().enumerate() {
                let within = rounds[index..].iter().take_while(|(other, ..)| other.since(*began) < Duration::from_secs(1));
                prop_assert!(within.count() <= most);
            }
        }

        /// Whatever comes and goes, nobody is asked twice within a minute, and who stays is not forgotten.
        #[test]
        fn a_list_that_changes_disturbs_nobody(lists in prop::collection::vec(prop::collection::btree_set(0_usize..40, 0..40), 1..12)) {
            let interval = Duration::from_secs(300);
            let mut schedule = Schedule::new(interval);
            let (mut last, mut now) = (HashMap::<TargetId, Timestamp>::new(), Timestamp::ZERO);
            for list in lists {
                let list: Vec<TargetId> = list.into_iter().map(TargetId).collect();
                schedule.set(&list, now);
                last.retain(|target, _| list.contains(target));
                let until = now + Duration::from_secs(97);
                while now < until {
                    while let Some((target, _)) = schedule.begin(now) {
                        schedule.end(target);
                        if let Some(before) = last.insert(target, now) {
                            prop_assert!(now.since(before) >= LEAST_PAUSE);
                        }
                        prop_assert!(list.contains(&target));
                    }
                    for before in last.values() {
                        prop_assert!(now.since(*before) <= interval + Duration::from_secs(1));
                    }
                    now = schedule.next_wake().clamp(now + Duration::from_millis(1), until);
                }
                prop_assert_eq!(last.len(), list.len());
            }
        }
    }

    /// Thousands of new ones take their time, and who was there before is not late because of them.
    #[test]
    fn a_long_list_of_new_ones_keeps_nobody_waiting() {
        let interval = Duration::from_secs(300);
        let mut schedule = Schedule::new(interval);
        schedule.set(&targets(10), Timestamp::ZERO);
        let (mut last, mut now) = (HashMap::<TargetId, Timestamp>::new(), Timestamp::ZERO);
        let mut is_long = false;
        while now < at(549.0) {
            if now >= at(250.0) && !is_long {
                is_long = true;
                schedule.set(&targets(5000), now);
            }
            while let Some((target, _)) = schedule.begin(now) {
                schedule.end(target);
                let before = last.insert(target, now).filter(|_| target < TargetId(10));
                let is_in_time = before.is_none_or(|before| now.since(before) <= interval + Duration::from_secs(1));
                assert!(is_in_time, "{target:?} at {now:?}");
            }
            now = schedule.next_wake().max(now + Duration::from_millis(1)).min(at(549.0));
        }
        assert_eq!(last.len(), 5000);
    }

    #[test]
    fn rounds_of_many_are_spread_over_the_interval() {
        let (count, interval) = (1000, 300.0);
        let mut schedule = Schedule::new(Duration::from_secs(300));
        schedule.set(&targets(count), Timestamp::ZERO);
        let rounds = rounds(&mut schedule, interval * 4.0, |_| 0.5);
        let in_second =
            |second: u64| rounds.iter().filter(|(began, ..)| began.since(Timestamp::ZERO).as_secs() == second).count();
        assert!((900..1200).all(|second| in_second(second) <= 10), "an even spread has 3.3 in a second");
        assert_eq!(rounds.iter().filter(|(began, ..)| *began >= at(900.0)).count(), count);
    }

    #[test]
    fn light_rounds_come_between_whole_ones() {
        let mut schedule = Schedule::new(Duration::from_secs(300));
        schedule.set(&targets(1), Timestamp::ZERO);
        let rounds = rounds(&mut schedule, 86_400.0, |_| 1.0);
        let whole: Vec<f64> = rounds
            .iter()
            .filter(|(.., kind)| *kind == RoundKind::Whole)
            .map(|(at, ..)| at.since(Timestamp::ZERO).as_secs_f64())
            .collect();
        assert_eq!((rounds.len(), whole.first()), (288, Some(&0.0)));
        assert!(whole.windows(2).all(|pair| pair[1] - pair[0] <= 3600.0), "at least once an hour: {whole:?}");
        assert!((24..=27).contains(&whole.len()), "{} of {}", whole.len(), rounds.len());
    }

    #[test]
    fn rounds_an_hour_apart_are_all_whole() {
        let mut schedule = Schedule::new(Duration::from_secs(3600));
        schedule.set(&targets(1), Timestamp::ZERO);
        assert!(rounds(&mut schedule, 86_400.0, |_| 1.0).iter().all(|(.., kind)| *kind == RoundKind::Whole));
    }
}
