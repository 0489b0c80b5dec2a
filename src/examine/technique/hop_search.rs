//! Where large packets end: probes of the lost size with a limited TTL, on the flow of the verdict, few and once each.
//!
//! Routers ration "time exceeded": Linux gives one address a burst of 6 and then one a second. So the lost size goes to
//! every hop once; only around the last hop that answered it are both sizes sent again.
//!
//! An answer is certain, a silence is not: a hop counts as out of reach of large packets only after several of them stayed
//! silent there and a smaller one, sent later, was answered. Otherwise the report names a wider gap.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::{FirstFlight, Hop, KnownEnd, Location, LocationPoint, PacketSize, Plan, Timestamp, Ttl};

use super::super::fisher::Trials;
use super::super::rtt::RttEstimator;
use super::super::search::ProbeKey;

/// A probe with a limited TTL.
#[derive(Clone, Copy, Debug)]
struct TtlProbe {
    ttl: u8,
    size: PacketSize,
    key: ProbeKey,
    sent: Timestamp,
    answer: Option<(Answerer, Duration)>,
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// A router whose TTL it was.
    Hop(IpAddr),
    /// The target itself.
    Target(IpAddr),
}

/// The search for the hop.
#[derive(Clone, Debug)]
pub(crate) struct HopSearch {
    passes: PacketSize,
    lost: PacketSize,
    horizon: u8,
    queue: VecDeque<(u8, PacketSize)>,
    probes: Vec<TtlProbe>,
    rounds: u32,
    /// Lost packets of the size that make a hop count as out of reach.
    silences_needed: u32,
    /// Whether routers that ration their messages are asked again, slowly.
    is_patient: bool,
    /// After a flight of two sizes packets are saved: fewer rounds, and the first one about the next hop alone.
    flight: FirstFlight,
    /// The place of others, while it is all that is asked about.
    known: Option<KnownEnd>,
    /// Whether `passes` and `lost` are neighbours yet. Until then only the first round is sent.
    exact: bool,
    over: bool,
}

/// Rounds around the last hop, when answers are lost or rationed.
const MOST_ROUNDS: u32 = 4;
/// The same where packets are saved.
const MOST_ROUNDS_SPARING: u32 = 2;
/// Further rounds for a place on which the verdict depends, a little further apart than Linux spaces the messages to one address.
const SLOW_ROUNDS: u32 = 2;
/// The same where packets of any size are lost.
const SLOW_ROUNDS_LOSSY: u32 = 8;
const RATION: Duration = Duration::from_millis(1100);
/// Silences that make a hop out of reach, at least and at most.
pub(crate) const SILENCES: std::ops::RangeInclusive<u32> = 2..=40;
/// How likely all of them may be mere loss.
const CHANCE: f64 = 1e-4;
/// A path has hardly more hops than this.
const MOST_HOPS: u8 = 30;

impl HopSearch {
    /// `arrived_with` is the TTL of a packet from the target: it tells about how far away it is.
    pub(crate) fn new(passes: PacketSize, lost: PacketSize, arrived_with: Ttl) -> Self {
        let horizon = (likely_distance(arrived_with) + 2).min(MOST_HOPS);
        let queue = (1..=horizon).map(|ttl| (ttl, lost)).collect();
        Self {
            passes,
            lost,
            horizon,
            queue,
            probes: Vec::new(),
            rounds: 0,
            silences_needed: *SILENCES.start(),
            is_patient: false,
            flight: FirstFlight::Ladder,
            known: None,
            exact: false,
            over: false,
        }
    }

    /// Turns to the exact pair once it is known. Returns whether what was learnt so far is about it too.
    pub(crate) fn refine(&mut self, passes: PacketSize, lost: PacketSize) -> bool {
        let fits = self.passes <= passes && lost <= self.lost;
        if fits {
            self.exact = true;
            (self.passes, self.lost) = (passes, lost);
        }
        fits
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// The verdict depends on the place: routers that ration their messages are worth waiting for, and the word of others is not enough.
    pub(crate) fn be_patient(&mut self) {
        self.is_patient = true;
        if self.known.is_some() {
            self.ask_all();
        }
    }

    /// The same as a plan has it: after two sizes, with as few packets as tell the place where all hops answer. Where others of a list
    /// know a place that it may be, with one.
    pub(crate) fn planned(self, plan: &Plan) -> Self {
        let (passes, lost, horizon) = (self.passes, self.lost, self.horizon);
        let may_be_it =
            |known: &KnownEnd| (passes..lost).contains(&known.passes) && (1..=horizon).contains(&known.ttl.0);
        let is_sparing = plan.first_flight == FirstFlight::TwoSizes;
        let known = plan.known_end.filter(|known| is_sparing && may_be_it(known));
        let queue = known.map_or(self.queue, |known| VecDeque::from([(known.ttl.0, lost)]));
        Self { flight: plan.first_flight, known, queue, ..self }
    }

    /// The place of others is not the place here, or not enough: every other hop is asked as well.
    fn ask_all(&mut self) {
        let asked = self.known.take().map(|known| known.ttl.0);
        self.queue.extend((1..=self.horizon).filter(|ttl| Some(*ttl) != asked).map(|ttl| (ttl, self.lost)));
        self.over = false;
    }

    /// Whether the place is that of others, as far as its hop does not say otherwise.
    fn is_known(&self, known: KnownEnd) -> bool {
        let is_it = |probe: &TtlProbe| probe.answer.is_none_or(|(answer, _)| answer == Answerer::Hop(known.hop));
        self.passes == known.passes && self.probes.iter().all(is_it)
    }

    fn is_sparing(&self) -> bool {
        self.flight == FirstFlight::TwoSizes
    }

    fn most_rounds(&self) -> u32 {
        match (self.is_patient, self.is_lossy()) {
            (true, true) => MOST_ROUNDS + SLOW_ROUNDS_LOSSY,
            (true, false) => MOST_ROUNDS + SLOW_ROUNDS,
            (false, false) if self.is_sparing() => MOST_ROUNDS_SPARING,
            (false, _) => MOST_ROUNDS,
        }
    }

    /// Whether packets of any size are lost.
    fn is_lossy(&self) -> bool {
        self.silences_needed > *SILENCES.start()
    }

    /// The next probe to send: TTL and size.
    pub(crate) fn next_probe(&self) -> Option<(Ttl, PacketSize)> {
        self.queue.front().map(|&(ttl, size)| (Ttl(ttl), size))
    }

    /// Notes that the next probe was sent.
    pub(crate) fn launched(&mut self, key: ProbeKey, now: Timestamp) {
        if let Some((ttl, size)) = self.queue.pop_front() {
            self.probes.push(TtlProbe { ttl, size, key, sent: now, answer: None });
        }
    }

    /// The size of the newest probe that a key names.
    pub(crate) fn size_of(&self, is_it: impl Fn(&ProbeKey) -> bool) -> Option<PacketSize> {
        self.probes.iter().rev().find(|probe| is_it(&probe.key)).map(|probe| probe.size)
    }

    /// Takes an answer to the probe that a key names. Returns that probe's TTL and size.
    pub(crate) fn answered(
        &mut self,
        answer: Answerer,
        now: Timestamp,
        is_it: impl Fn(&ProbeKey) -> bool,
    ) -> Option<(Ttl, PacketSize)> {
        let probe = self.probes.iter_mut().find(|probe| is_it(&probe.key))?;
        if probe.answer.is_none() {
            probe.answer = Some((answer, now.since(probe.sent)));
        }
        Some((Ttl(probe.ttl), probe.size))
    }

    /// Moves on once the last round's answers are in or overdue.
    ///
    /// `controls` tells how packets of a size that passes fare on this path.
    pub(crate) fn advance(&mut self, now: Timestamp, rtt: &RttEstimator, controls: Trials) {
        if self.over || !self.exact || !self.queue.is_empty() || self.due(rtt).is_some_and(|due| now < due) {
            return;
        }
        self.silences_needed = silences_needed(controls);
        if let Some(known) = self.known {
            self.over = self.is_known(known);
            if !self.over {
                self.ask_all();
            }
            return;
        }
        let last = self.last_reached();
        let settled = self.rounds > 0 && self.next_out_of_reach().is_some_and(|(ttl, _)| ttl == last + 1);
        // Who said nothing to any of them spares his words, and will for a second.
        let is_mute =
            self.is_sparing() && self.rounds > 0 && !self.is_lossy() && self.answers(|_| true).next().is_none();
        let gives_up = is_mute && !self.is_patient;
        if settled || gives_up || self.rounds >= self.most_rounds() {
            self.over = true;
            return;
        }
        self.rounds += 1;
        let width = match self.rounds {
            1 if self.is_sparing() => 1,
            1 => 2,
            _ => 4,
        };
        for ttl in last + 1..=(last + width).min(self.horizon) {
            self.queue_round(ttl);
        }
        self.over = self.queue.is_empty();
    }

    /// The lost size as often as is still needed, then the other: its answer shows that the hop was not sparing its words. Where packets
    /// are lost, a slow round asks for more, and with two of the other.
    fn queue_round(&mut self, ttl: u8) {
        let is_slow = self.rounds > MOST_ROUNDS && self.is_lossy();
        let (most, controls) = if is_slow { (MOST_AT_ONCE_SLOWLY, 2) } else { (MOST_AT_ONCE, 1) };
        let missing = self.silences_needed.saturating_sub(self.silences(ttl)).clamp(1, most);
        self.queue.extend((0..missing).map(|_| (ttl, self.lost)));
        self.queue.extend((0..controls).map(|_| (ttl, self.passes)));
    }

    /// When silence of the last round becomes meaningful.
    pub(crate) fn due(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let waiting = self.probes.iter().filter(|probe| probe.answer.is_none());
        let is_slow = self.rounds >= MOST_ROUNDS && self.rounds < self.most_rounds();
        let patience = if is_slow { rtt.patience().max(RATION) } else { rtt.patience() };
        waiting.map(|probe| probe.sent + patience).max().filter(|_| !self.over && self.exact)
    }

    /// The largest distance at which the lost size was answered; 0 is this host.
    fn last_reached(&self) -> u8 {
        self.answers(|size| size >= self.lost).map(|(ttl, _)| ttl).max().unwrap_or(0)
    }

    /// The first hop beyond the last one reached that answers the size that passes, but never the lost one. The target needs
    /// no such proof: that large packets do not get there is what the verdict says.
    fn next_out_of_reach(&self) -> Option<(u8, Answerer)> {
        let last = self.last_reached();
        let is_proven = |ttl: u8, answer: Answerer| match answer {
            Answerer::Target(_) => true,
            Answerer::Hop(_) => self.silences(ttl) >= self.silences_needed,
        };
        self.answers(|size| size <= self.passes)
            .filter(|&(ttl, answer)| ttl > last && is_proven(ttl, answer))
            .min_by_key(|(ttl, _)| *ttl)
    }

    /// How often the lost size stayed silent at a hop and a smaller packet of the same round, sent right after it, did not. A round
    /// of which nothing was answered tells nothing: the hop may have been sparing its words, or loss took them.
    fn silences(&self, ttl: u8) -> u32 {
        let (mut counted, mut silent, mut is_round_over) = (0, 0, false);
        for probe in self.probes.iter().filter(|probe| probe.ttl == ttl) {
            match probe.answer {
                Some(_) if probe.size <= self.passes => (counted, silent) = (counted + silent, 0),
                None if probe.size <= self.passes => is_round_over = true,
                None if probe.size == self.lost => {
                    silent = if is_round_over { 1 } else { silent + 1 };
                    is_round_over = false;
                }
                _ => {}
            }
        }
        counted
    }

    fn answers(&self, wanted: impl Fn(PacketSize) -> bool) -> impl Iterator<Item = (u8, Answerer)> {
        let of_size = self.probes.iter().filter(move |probe| wanted(probe.size));
        of_size.filter_map(|probe| Some((probe.ttl, probe.answer?.0)))
    }

    /// Whether it is about this pair of sizes.
    pub(crate) fn is_about(&self, passes: Option<PacketSize>, lost: Option<PacketSize>) -> bool {
        self.exact && passes == Some(self.passes) && lost.is_some_and(|lost| lost <= self.lost)
    }

    /// Whether packets of the lost size reach the last hop in front of the target, which answers itself, and never the target.
    pub(crate) fn ends_at_target(&self, passes: PacketSize, lost: PacketSize) -> bool {
        let reached = self.last_reached();
        let next = self.next_out_of_reach().filter(|(ttl, _)| reached > 0 && *ttl == reached + 1);
        self.is_about(Some(passes), Some(lost)) && matches!(next, Some((_, Answerer::Target(_))))
    }

    /// Whether the hop where large packets end and the one behind it are known: then it was the first that should have spoken.
    pub(crate) fn is_exact(&self) -> bool {
        let last = self.last_reached();
        last > 0 && self.next_out_of_reach().is_some_and(|(ttl, _)| ttl == last + 1)
    }

    /// Where large packets end, as far as the answers tell.
    pub(crate) fn location(&self) -> Option<Location> {
        // A packet may reach the target with TTL to spare: how far it is, is known only if the hop before it is.
        let follows_a_hop = |ttl: u8| {
            let before =
                self.probes.iter().any(|p| p.ttl + 1 == ttl && matches!(p.answer, Some((Answerer::Hop(_), _))));
            before || ttl == 1
        };
        let point = |(ttl, answer): (u8, Answerer)| match answer {
            Answerer::Hop(address) => LocationPoint { ttl: Some(Ttl(ttl)), address },
            Answerer::Target(address) => LocationPoint { ttl: follows_a_hop(ttl).then_some(Ttl(ttl)), address },
        };
        let reached = self.answers(|size| size >= self.lost).filter(|(_, answer)| matches!(answer, Answerer::Hop(_)));
        let last_hop = reached.max_by_key(|(ttl, _)| *ttl).map(point);
        let next_hop = self.next_out_of_reach().map(point);
        (last_hop.is_some() || next_hop.is_some()).then_some(Location { last_hop, next_hop })
    }

    /// The hops seen; those up to the last one that answered are listed, silent ones without an address.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        let furthest = self.probes.iter().filter(|probe| probe.answer.is_some()).map(|probe| probe.ttl).max();
        (1..=furthest.unwrap_or(0)).filter_map(|ttl| self.hop(ttl)).collect()
    }

    fn hop(&self, ttl: u8) -> Option<Hop> {
        let answered = || self.probes.iter().filter(|probe| probe.ttl == ttl).filter_map(|p| Some((p, p.answer?)));
        let best = answered().max_by_key(|(probe, _)| probe.size);
        let address = match best {
            Some((_, (Answerer::Target(_), _))) => return None,
            Some((_, (Answerer::Hop(address), _))) => Some(address),
            None => None,
        };
        Some(Hop {
            ttl: Ttl(ttl),
            address,
            largest_answered: best.map(|(probe, _)| probe.size),
            rtt: answered().map(|(_, (_, rtt))| rtt).min(),
        })
    }
}

/// So many that mere loss would hardly ever take them all.
pub(crate) fn silences_needed(controls: Trials) -> u32 {
    silences_against(controls, CHANCE)
}

/// So many that mere loss takes them all with this chance at most. A control's loss rate is that of a probe and its answer.
pub(crate) fn silences_against(controls: Trials, chance: f64) -> u32 {
    let lost = controls.total - controls.answered;
    if lost == 0 {
        return *SILENCES.start();
    }
    let rate = f64::from(lost + 1) / f64::from(controls.total + 2);
    let needed = (chance.ln() / rate.ln()).ceil();
    SILENCES.rev().find(|&n| f64::from(n) <= needed).unwrap_or(*SILENCES.start())
}

/// Probes of the lost size to one hop in one round at most.
const MOST_AT_ONCE: u32 = 3;
const MOST_AT_ONCE_SLOWLY: u32 = 6;

/// Hops on the way back, from the TTL that is left of 64, 128 or 255.
pub(crate) fn likely_distance(arrived_with: Ttl) -> u8 {
    const STARTS: [u8; 3] = [64, 128, 255];
    STARTS.into_iter().find(|&start| start >= arrived_with.0).map_or(0, |start| start - arrived_with.0)
}

#[cfg(test)]
#[path = "hop_search_tests.rs"]
mod tests;
