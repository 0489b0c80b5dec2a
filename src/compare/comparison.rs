//! Compares examinations as they end, has some of them asked again alone, and says what counts.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::account::{Account, Answer};
use super::held::{Held, Turn};
use super::hop::{HopRecord, NetworkRecord};
use super::memory::{HopKey, Memory};
use super::outcome::Outcome;
use crate::model::{Examined, Family, KnownEnd, Network, PacketSize, Timestamp};

/// What a run has learnt of hops, and the addresses that wait for what will be learnt.
#[derive(Debug, Default)]
pub struct Comparison {
    held: BTreeMap<usize, Held>,
    orders: VecDeque<Order>,
    memory: Memory,
    /// When those that wait are looked at again.
    look: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// This counts for an address.
    Settle(usize, Outcome),
    /// Examine this address again, now: nobody else asks its hop.
    Ask(usize),
    /// Nothing before this, unless an examination ends.
    WaitUntil(Timestamp),
    /// Nothing.
    Idle,
}

/// So many lines may wait before the list has to.
const MOST_HELD: usize = 512;
/// The list goes on when so few are left.
const FEW_HELD: usize = 32;
/// So long it takes until those that asked at the same time have their verdict as well.
const SETTLING: Duration = Duration::from_secs(2);
/// All that wait are looked at no more often than that.
const INTERVAL: Duration = Duration::from_millis(20);
/// A hop that tells others is asked so often in vain by one address, and by one whose neighbours asked in vain.
const ASKED_IN_VAIN: u32 = 3;
const ASKED_IN_VAIN_AS_OTHERS: u32 = 2;
/// So many are examined again because of one hop.
const MOST_ASKED: u32 = 64;
/// The same where the hop is not known: each may be another one.
const MOST_ASKED_UNKNOWN: u32 = 256;

impl Comparison {
    /// An examination has ended, by a number that no other address has. Returns whether its result has to wait for an
    /// [`Order::Settle`]; else it counts as it is.
    pub fn judged(
        &mut self,
        id: usize,
        destination: IpAddr,
        examined: &Examined,
        (began, ended): (Timestamp, Timestamp),
    ) -> bool {
        let Some(account) = Account::of(examined, destination) else { return self.held.contains_key(&id) };
        let is_known = self.held.contains_key(&id);
        if is_known && !matches!(account.answer, Answer::Told(_)) {
            return true;
        }
        let is_crowded = !is_known && began < self.memory.rested((account.likeness, self.memory.hop_of(&account)));
        self.note(id, &account, (began, ended));
        match account.answer {
            Answer::Told(hop) => {
                self.memory.told((account.likeness, account.network), hop);
                // A late message about an address that waits.
                if is_known {
                    self.stop_asking(id);
                    self.held.remove(&id);
                    self.orders.push_back(Order::Settle(id, Outcome::Stands(None)));
                }
                is_known
            }
            Answer::Silence { is_exact } => {
                self.memory.silent((account.likeness, self.memory.hop_of(&account)), account.network);
                let Account { likeness, network, place, .. } = account;
                let (silences, turn) = (0, Turn::Waits);
                let held = Held { likeness, network, is_exact, place, began, ended, is_crowded, silences, turn };
                self.held.insert(id, held);
                true
            }
        }
    }

    /// An address that was to be asked alone was examined again. Returns whether that result counts in place of the earlier one.
    pub fn asked(
        &mut self,
        id: usize,
        destination: IpAddr,
        examined: &Examined,
        (began, ended): (Timestamp, Timestamp),
    ) -> bool {
        let account = Account::of(examined, destination);
        let Some(mut held) = self.stop_asking(id) else {
            return matches!(account, Some(Account { answer: Answer::Told(_), .. }));
        };
        let Some(account) = account else {
            // It cannot be compared: only messages prove more than the first examination did.
            self.settle(id, &held);
            return !examined.ptb.is_empty();
        };
        self.note(id, &account, (began, ended));
        held.place = account.place.or(held.place);
        match account.answer {
            Answer::Told(hop) => {
                self.memory.told((account.likeness, account.network), hop);
                if account.likeness == held.likeness {
                    self.memory.told_alone((account.likeness, account.network), hop);
                }
                self.orders.push_back(Order::Settle(id, Outcome::Stands(None)));
            }
            Answer::Silence { .. } => {
                if !held.is_crowded {
                    held.silences += 1;
                }
                self.was_silent(id, held);
            }
        }
        true
    }

    /// What is to be done now.
    pub fn next(&mut self, now: Timestamp) -> Order {
        if let Some(order) = self.orders.pop_front() {
            return order;
        }
        if self.held.is_empty() {
            return Order::Idle;
        }
        if now < self.look {
            return Order::WaitUntil(self.look);
        }
        let mut wake = None;
        let doubted = self.doubted();
        for id in self.waiting_in_turn() {
            match self.held.get(&id).map_or(Step::Wait, |held| self.step(held, &doubted, now)) {
                Step::Settle(outcome) => {
                    self.held.remove(&id);
                    self.orders.push_back(Order::Settle(id, outcome));
                }
                Step::AskedAlone => wake = Some(self.asked_alone_already(id, now)),
                Step::Ask => {
                    self.ask(id, now);
                    self.orders.push_back(Order::Ask(id));
                }
                Step::WaitUntil(at) => wake = Some(wake.map_or(at, |wake: Timestamp| wake.min(at))),
                Step::Wait => {}
            }
        }
        if let Some(order) = self.orders.pop_front() {
            return order;
        }
        self.look = now + INTERVAL;
        wake.map_or(Order::Idle, |wake| Order::WaitUntil(wake.max(self.look)))
    }

    /// Hops that somebody asked in vain who may be asked again: until then they do not tell all.
    fn doubted(&self) -> HashSet<HopKey> {
        let in_vain = self.held.values().filter(|held| held.silences > 0);
        in_vain.map(|held| self.memory.key_of(held)).collect()
    }

    /// Those that asked in vain come first, then those of networks of which nothing is known, and none because of its place in the list: so whoever is asked speaks
    /// for many.
    fn waiting_in_turn(&self) -> Vec<usize> {
        let waiting = self.held.iter().filter(|(_, held)| held.turn == Turn::Waits);
        let rank = |(id, held): (&usize, &Held)| (held.silences == 0, self.memory.is_near(held), spread(*id), *id);
        let mut ranked: Vec<_> = waiting.map(rank).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., id)| id).collect()
    }

    /// Where large packets to this address may end, as others know.
    pub fn known_end(&self, destination: IpAddr, local_mtu: PacketSize) -> Option<KnownEnd> {
        self.memory.known_end(Network::of(destination), (Family::of(destination), local_mtu))
    }

    /// Whether so many wait that the hops have to rest before anything else is begun. `is_resting`: what it said last.
    pub fn needs_rest(&self, is_resting: bool) -> bool {
        self.held.len() > if is_resting { FEW_HELD } else { MOST_HELD }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.held.len()
    }

    fn step(&self, held: &Held, doubted: &HashSet<HopKey>, now: Timestamp) -> Step {
        let key @ (likeness, hop) = self.memory.key_of(held);
        let nothing_known = HopRecord::default();
        let record = self.memory.hop(key).unwrap_or(&nothing_known);
        let kind = self.memory.kind(likeness);
        let tells_others = self.memory.tells_others(key);
        // Where no two hops are known, whoever was asked speaks for all.
        let is_only =
            || kind.is_some_and(|kind| hop.is_none_or(|hop| kind.hops.only() == Some(hop)) && kind.are_silent());
        let near = self.memory.network(likeness, held.network);
        let is_hidden = record.hides_networks() && near.is_some_and(NetworkRecord::is_dark);
        let is_silent = !tells_others && (record.is_silent() || is_only());
        if is_silent || is_hidden || near.is_some_and(NetworkRecord::is_silent) {
            return Step::Settle(Outcome::Stands(self.memory.shared_place(held)));
        }
        if !held.is_crowded {
            let settles = held.ended + SETTLING;
            return if now >= settles { Step::AskedAlone } else { Step::WaitUntil(settles) };
        }
        let by_neighbours = near.filter(|near| near.is_told()).map(|near| near.told_alone);
        let by_all = || record.tells_all(self.memory.is_near(held)).then_some(record.told_alone);
        let is_alike = held.is_exact && !doubted.contains(&key) && !self.memory.ends_too_soon(held);
        if let (Some(hop), Some(told_alone)) = (hop.filter(|_| is_alike), by_neighbours.or_else(by_all)) {
            let place = record.place.clone();
            return Step::Settle(Outcome::AsTold { hop, told_alone, place });
        }
        if record.asked >= if hop.is_some() { MOST_ASKED } else { MOST_ASKED_UNKNOWN } {
            let place = self.memory.shared_place(held);
            return Step::Settle(if tells_others { Outcome::Doubtful(place) } else { Outcome::Stands(place) });
        }
        let unknown_is_asked = self.memory.hop((likeness, None)).is_some_and(|unknown| unknown.is_asked);
        let is_busy = match hop {
            Some(_) => record.is_asked || unknown_is_asked,
            // It may be any of them.
            None => kind.is_some_and(|kind| kind.asking > 0),
        };
        let rested = self.memory.rested(key);
        match (is_busy, rested <= now) {
            (true, _) => Step::Wait,
            (false, true) => Step::Ask,
            (false, false) => Step::WaitUntil(rested),
        }
    }

    /// Nobody else asked the hop while it was examined first. Returns when to look again.
    fn asked_alone_already(&mut self, id: usize, now: Timestamp) -> Timestamp {
        if let Some(mut held) = self.held.remove(&id) {
            held.silences += 1;
            self.was_silent(id, held);
        }
        now
    }

    fn ask(&mut self, id: usize, now: Timestamp) {
        let Some(held) = self.held.get(&id) else { return };
        let key @ (_, hop) = self.memory.key_of(held);
        self.memory.begin_asking(key);
        if let Some(held) = self.held.get_mut(&id) {
            (held.turn, held.is_crowded) = (Turn::Asks(hop), false);
            (held.began, held.ended) = (now, Timestamp::MAX);
        }
    }

    fn stop_asking(&mut self, id: usize) -> Option<Held> {
        let Some(Held { turn: Turn::Asks(hop), likeness, .. }) = self.held.get(&id) else { return None };
        self.memory.stop_asking((*likeness, *hop));
        self.held.remove(&id).map(|held| Held { turn: Turn::Waits, ..held })
    }

    /// Asked alone, it heard nothing.
    fn was_silent(&mut self, id: usize, held: Held) {
        let key = self.memory.key_of(&held);
        let near = self.memory.network(held.likeness, held.network);
        let most =
            match (self.memory.tells_others(key), near.is_some_and(|near| near.told == 0 && near.silent_alone > 0)) {
                (false, _) => 1,
                (true, _) if self.memory.hop(key).is_some_and(HopRecord::rations_nothing) => 1,
                (true, false) => ASKED_IN_VAIN,
                (true, true) => ASKED_IN_VAIN_AS_OTHERS,
            };
        if held.silences >= most {
            self.memory.silent_alone(key, held.network);
            self.settle(id, &held);
        } else {
            self.held.insert(id, Held { is_crowded: true, ..held });
        }
    }

    fn settle(&mut self, id: usize, held: &Held) {
        let outcome = Outcome::Stands(self.memory.shared_place(held));
        self.orders.push_back(Order::Settle(id, outcome));
    }

    /// What every examination adds: its hop, and that large packets went there.
    fn note(&mut self, id: usize, account: &Account, (began, ended): (Timestamp, Timestamp)) {
        let (likeness, hop) = self.memory.note(account, ended);
        let crowded: Vec<usize> = self
            .held
            .iter()
            .filter(|(other, held)| **other != id && held.likeness == likeness && held.overlaps(began, ended))
            .filter(|(_, held)| hop.is_none() || self.memory.key_of(held).1.is_none_or(|its| Some(its) == hop))
            .map(|(other, _)| *other)
            .collect();
        for other in crowded {
            if let Some(held) = self.held.get_mut(&other) {
                held.is_crowded = true;
            }
        }
    }
}

/// What is to be done about an address that waits.
enum Step {
    Settle(Outcome),
    /// It has been asked alone.
    AskedAlone,
    Ask,
    WaitUntil(Timestamp),
    Wait,
}

/// Numbers that follow each other become far apart (Knuth's multiplicative hashing).
fn spread(id: usize) -> u64 {
    (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
