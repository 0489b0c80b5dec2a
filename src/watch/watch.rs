//! The watch as a whole: it says what to look up and what to examine, and is told what came of it.
//!
//! `next` gives the next task and `next_wake` the time of the one after; what came of a task is told by `found`, `nowhere` and
//! `examined`, and `ended` names the targets whose round is over.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::addresses::{Addresses, Known, Place, Turn};
use super::round::{LookUp, Round, Target};
use super::schedule::Schedule;
use super::standing::{Reaction, Standing};
use super::terms::{Number, RoundKind, TargetId};
use crate::model::{Sighting, Timestamp, WatchNews, WatchedAddress, WatchedChange, worst_exit_code};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Look up where a target leads.
    LookUp(TargetId, String),
    /// Examine an address.
    Examine(Order),
}

/// An examination to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub number: u64,
    /// The address.
    pub at: WatchedAddress,
    /// How much it asks.
    pub kind: RoundKind,
    /// How many of this address there were before: the last one may not have left yet.
    pub turn: u64,
}

/// An address, for whoever shows all of them.
#[derive(Clone, Copy, Debug)]
pub struct Row<'w> {
    /// What to call it.
    pub label: &'w str,
    /// The address.
    pub at: &'w WatchedAddress,
    /// How it stands.
    pub standing: &'w Standing,
    /// Whether it is being examined.
    pub is_running: bool,
}

/// All targets and addresses under watch.
#[derive(Debug)]
pub struct Watch {
    schedule: Schedule,
    targets: HashMap<TargetId, Target>,
    next_target: usize,
    addresses: Addresses,
    orders: VecDeque<Order>,
    next_order: Number,
    /// The address of each examination that was ordered.
    ordered: HashMap<Number, WatchedAddress>,
    /// Addresses that have to wait for their turn; who came first comes first.
    waiting: BTreeMap<(Timestamp, Number), (WatchedAddress, TargetId, RoundKind)>,
    ended: VecDeque<TargetId>,
    news: VecDeque<WatchNews>,
    next_forgetting: Timestamp,
}

impl Watch {
    /// Nothing is watched yet. Rounds of an address begin at most this far apart.
    pub fn new(interval: Duration) -> Self {
        Self {
            schedule: Schedule::new(interval),
            targets: HashMap::new(),
            next_target: 0,
            addresses: Addresses::default(),
            orders: VecDeque::new(),
            next_order: 0,
            ordered: HashMap::new(),
            waiting: BTreeMap::new(),
            ended: VecDeque::new(),
            news: VecDeque::new(),
            next_forgetting: Timestamp::ZERO,
        }
    }

    /// What was told of addresses before this watch began: it holds for those that targets lead to.
    pub fn remember(&mut self, former: HashMap<WatchedAddress, Sighting>) {
        self.addresses.remember(former);
    }

    /// The targets from now on, each once. Those that stay keep what is known of them. Returns how many came and how many went.
    pub fn set_targets(&mut self, names: Vec<String>, now: Timestamp) -> (usize, usize) {
        let mut before: HashMap<String, TargetId> =
            self.targets.values().filter(|target| !target.is_dropped).map(|one| (one.name.clone(), one.id)).collect();
        let (mut ids, mut came) = (Vec::with_capacity(names.len()), 0);
        for name in names {
            ids.push(before.remove(&name).unwrap_or_else(|| {
                came += 1;
                self.add(name)
            }));
        }
        let went = before.len();
        for id in before.into_values() {
            if let Some(target) = self.targets.get_mut(&id) {
                target.is_dropped = true;
            }
        }
        self.targets.retain(|_, target| !target.is_dropped || target.round.is_some());
        self.schedule.set(&ids, now);
        (came, went)
    }

    fn add(&mut self, name: String) -> TargetId {
        let id = TargetId(self.next_target);
        self.next_target += 1;
        let target = Target { id, name, places: Vec::new(), look_up: LookUp::New, round: None, is_dropped: false };
        self.targets.insert(id, target);
        id
    }

    /// The next task. To be asked until there is none.
    pub fn next(&mut self, now: Timestamp) -> Option<Task> {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, place), (at, whose, kind)) = entry.remove_entry();
            self.order_in_turn(at, (whose, kind), (place, Duration::ZERO), now);
        }
        if let Some(order) = self.orders.pop_front() {
            return Some(Task::Examine(order));
        }
        let (id, kind) = self.schedule.begin(now)?;
        let target = self.targets.get_mut(&id)?;
        target.round = Some(Round { kind, open: None });
        Some(Task::LookUp(id, target.name.clone()))
    }

    /// When there may be a task.
    pub fn next_wake(&self) -> Timestamp {
        let waiting = self.waiting.first_key_value().map_or(Timestamp::MAX, |((from, _), _)| *from);
        if self.orders.is_empty() { waiting.min(self.schedule.next_wake()) } else { Timestamp::ZERO }
    }

    /// A target leads to these places.
    pub fn found(&mut self, id: TargetId, places: Vec<Place>, now: Timestamp) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        if target.look_up == LookUp::Lost {
            self.news.push_back(WatchNews::FoundAgain { target: target.name.clone() });
        }
        target.look_up = LookUp::Works;
        target.places = places;
        self.examine_places(id, now);
    }

    /// A target leads nowhere. The places where it led before are examined all the same.
    pub fn nowhere(&mut self, id: TargetId, why: &str, now: Timestamp) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        let (look_up, is_told) = target.look_up.failed();
        target.look_up = look_up;
        if is_told {
            self.news.push_back(WatchNews::Lost { target: target.name.clone(), why: why.to_owned() });
        }
        self.examine_places(id, now);
    }

    /// An examination has its verdict. A second one of the same number is not listened to.
    pub fn examined(&mut self, number: u64, sighting: Sighting, now: Timestamp) {
        let Some(at) = self.ordered.remove(&number) else { return };
        let Some(known) = self.addresses.get_mut(&at) else { return };
        known.running = None;
        match known.standing.see(sighting) {
            Reaction::Settled => self.address_ended(&at),
            Reaction::Confirm => self.order(at, RoundKind::Whole, now),
            Reaction::Changed(change) => {
                let label = known.label.clone();
                let (parts, was, now, since) = (change.parts, change.was, change.now, change.since);
                self.news.push_back(WatchNews::Changed(WatchedChange { label, parts, was, now, since }));
                self.address_ended(&at);
            }
        }
    }

    /// An examination cannot be made: the address has had its round.
    pub fn cancel(&mut self, number: u64) {
        let Some(at) = self.ordered.remove(&number) else { return };
        if let Some(known) = self.addresses.get_mut(&at) {
            known.running = None;
        }
        self.address_ended(&at);
    }

    /// The next of the targets whose round is over.
    pub fn ended(&mut self) -> Option<TargetId> {
        self.ended.pop_front()
    }

    /// The next of what is to be told.
    pub fn news(&mut self) -> Option<WatchNews> {
        self.news.pop_front()
    }

    /// What the target is called, and where it led last.
    pub fn target(&self, id: TargetId) -> Option<(&str, &[Place])> {
        self.targets.get(&id).map(|target| (target.name.as_str(), target.places.as_slice()))
    }

    /// How an address stands.
    pub fn standing(&self, at: &WatchedAddress) -> Option<&Standing> {
        self.addresses.get(at).map(|known| &known.standing)
    }

    /// All addresses, in no order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.addresses.iter().map(|(at, Known { label, standing, running, .. })| Row {
            label,
            at,
            standing,
            is_running: running.is_some(),
        })
    }

    /// Targets under watch.
    pub fn count(&self) -> usize {
        self.targets.values().filter(|target| !target.is_dropped).count()
    }

    /// The worst of how all addresses stand; `None`: nothing is known of any.
    pub fn exit_code(&self) -> Option<u8> {
        /// There is nothing to examine.
        const NOTHING: u8 = 3;
        let lost = self.targets.values().filter(|target| target.look_up == LookUp::Lost && target.places.is_empty());
        let stand = self.addresses.iter().filter_map(|(_, known)| known.standing.told().map(|told| told.code));
        let codes: Vec<u8> = stand.chain(lost.map(|_| NOTHING)).collect();
        (!codes.is_empty()).then(|| worst_exit_code(codes))
    }

    fn examine_places(&mut self, id: TargetId, now: Timestamp) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        let Some(round) = &mut target.round else { return };
        let (places, kind) = (target.places.clone(), round.kind);
        round.open = Some(places.iter().map(|place| place.at.clone()).collect());
        // Targets that share an address share its rounds, whoever comes first.
        let fresh = self.schedule.interval() * 3 / 4;
        for place in &places {
            self.addresses.want(place, id, now);
            let number = self.number();
            self.order_in_turn(place.at.clone(), (id, kind), (number, fresh), now);
        }
        if places.is_empty() {
            self.end_round(id);
        }
        self.forget(now);
    }

    fn order_in_turn(
        &mut self,
        at: WatchedAddress,
        (whose, kind): (TargetId, RoundKind),
        (place, fresh): (Number, Duration),
        now: Timestamp,
    ) {
        match self.addresses.turn(&at, whose, fresh, now) {
            Turn::Now => {
                self.addresses.begin_round(&at, whose);
                self.order(at, kind, now);
            }
            Turn::Running => {}
            Turn::Had => self.address_ended(&at),
            Turn::From(from) => {
                self.waiting.insert((from, place), (at, whose, kind));
            }
        }
    }

    fn order(&mut self, at: WatchedAddress, kind: RoundKind, now: Timestamp) {
        let number = self.number();
        let turn = self.addresses.begin(&at, number, now);
        self.ordered.insert(number, at.clone());
        self.orders.push_back(Order { number, at, kind, turn });
    }

    fn number(&mut self) -> Number {
        self.next_order += 1;
        self.next_order - 1
    }

    /// The address has had its round: so have all that wait for it.
    fn address_ended(&mut self, at: &WatchedAddress) {
        let mut over = self.addresses.end(at);
        over.retain(|id| {
            let round = self.targets.get_mut(id).and_then(|target| target.round.as_mut());
            round.and_then(|round| round.open.as_mut()).is_some_and(|open| open.remove(at) && open.is_empty())
        });
        for id in over {
            self.end_round(id);
        }
    }

    fn end_round(&mut self, id: TargetId) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        target.round = None;
        if target.is_dropped {
            self.targets.remove(&id);
            return;
        }
        self.schedule.end(id);
        self.ended.push_back(id);
    }

    /// Names lead elsewhere in time: what none has led to for two intervals is forgotten.
    fn forget(&mut self, now: Timestamp) {
        if now < self.next_forgetting {
            return;
        }
        let interval = self.schedule.interval();
        self.next_forgetting = now + interval / 4;
        for (_, known) in self.addresses.forget(interval * 9 / 4, now) {
            if let Some(was) = known.standing.told().filter(|was| !was.is_fine()).copied() {
                self.news.push_back(WatchNews::Gone { label: known.label, was });
            }
        }
    }
}
