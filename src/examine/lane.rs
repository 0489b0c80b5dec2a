//! One technique's probes: what is queued, what is in flight, and what became of each.

use std::collections::VecDeque;

use crate::model::{PacketSize, Probe, Purpose, SeqNumber, Technique, Timestamp};

use super::fisher::Trials;
use super::rtt::RttEstimator;

/// How a probe's answer is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A range `[start, end)` of the sequence space, echoed by a D-SACK block.
    Range { start: SeqNumber, end: SeqNumber },
    /// A SYN from its own port.
    Syn { port: u16, isn: SeqNumber },
    /// An echo sequence number.
    Echo(u16),
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A DF packet of a size under test, or a control.
    Sized,
    /// The same in the course of the confirmation: the only kind that enters the statistics.
    Confirming,
    /// The non-DF twin of a lost size (IPv4).
    Twin,
    /// Two tiny fragments: the twin's control.
    Fragments,
    /// Larger than this host sends: it has no part in the search.
    Beyond,
}

/// A probe to be sent, not before an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shot {
    pub(super) size: PacketSize,
    pub(super) kind: Kind,
    pub(super) not_before: Timestamp,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Flying,
    Answered(Timestamp),
    /// A PTB quoted it.
    Refused,
    Lost(Timestamp),
}

/// A probe that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) key: Key,
    pub(super) size: PacketSize,
    pub(super) kind: Kind,
    pub(super) sent: Timestamp,
    pub(super) fate: Fate,
}

impl Kind {
    /// The same in the words of a transcript.
    pub(super) fn purpose(self) -> Purpose {
        match self {
            Self::Sized | Self::Beyond => Purpose::Search,
            Self::Confirming => Purpose::Confirm,
            Self::Twin => Purpose::NoDfCopy,
            Self::Fragments => Purpose::Fragments,
        }
    }
}

impl Flight {
    /// The probe in the words of a transcript.
    pub(super) fn probe(&self, technique: Technique) -> Probe {
        Probe { technique, size: self.size, purpose: self.kind.purpose() }
    }

    fn is_sized(&self) -> bool {
        matches!(self.kind, Kind::Sized | Kind::Confirming)
    }

    fn answered_at(&self) -> Option<Timestamp> {
        match self.fate {
            Fate::Answered(at) => Some(at),
            _ => None,
        }
    }
}

/// How often a size was sent and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) sent: u32,
    pub(super) answered: u32,
    /// Settled without an answer, PTBs included.
    pub(super) lost: u32,
    /// Of the lost, those that a PTB quoted.
    pub(super) refused: u32,
}

/// The probes of one technique, in the order they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<Shot>,
    flights: Vec<Flight>,
    /// Answers do not name their probe, so one alone does not prove that a size passes.
    pub(super) answers_are_nameless: bool,
}

impl Lane {
    /// Queues a probe. Probes leave in the order of queueing.
    pub(super) fn queue(&mut self, size: PacketSize, kind: Kind, not_before: Timestamp) {
        self.queue.push_back(Shot { size, kind, not_before });
    }

    /// Queues a probe ahead of all others.
    pub(super) fn queue_first(&mut self, size: PacketSize, kind: Kind, now: Timestamp) {
        self.queue.push_front(Shot { size, kind, not_before: now });
    }

    /// Forgets what is queued but not sent.
    pub(super) fn clear_queue(&mut self) {
        self.queue.clear();
    }

    /// The next probe to send, left in the queue.
    pub(super) fn next_shot(&self) -> Option<Shot> {
        self.queue.front().copied()
    }

    /// Takes the next probe off the queue.
    pub(super) fn take_shot(&mut self) -> Option<Shot> {
        self.queue.pop_front()
    }

    /// Notes that a probe was sent.
    pub(super) fn launched(&mut self, shot: Shot, key: Key, now: Timestamp) {
        self.flights.push(Flight { key, size: shot.size, kind: shot.kind, sent: now, fate: Fate::Flying });
    }

    /// Whether a probe of this size is queued or was sent.
    pub(super) fn knows(&self, size: PacketSize) -> bool {
        self.queue.iter().any(|shot| shot.size == size) || self.flights.iter().any(|f| f.is_sized() && f.size == size)
    }

    /// Whether nothing is queued and every fate is settled.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.has_flying()
    }

    pub(super) fn has_flying(&self) -> bool {
        self.flights.iter().any(|f| f.fate == Fate::Flying)
    }

    pub(super) fn flights(&self) -> &[Flight] {
        &self.flights
    }

    /// Marks the probe that `matches` as answered and returns its round-trip time. Late answers count.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        rtt: &mut RttEstimator,
        matches: impl Fn(&Flight) -> bool,
    ) -> Option<Flight> {
        let flight = self.flights.iter_mut().rev().find(|f| matches(f))?;
        match flight.fate {
            Fate::Answered(_) => {}
            Fate::Lost(given_up) => {
                rtt.came_late(now.since(given_up));
                flight.fate = Fate::Answered(now);
            }
            Fate::Flying | Fate::Refused => {
                rtt.sample(now.since(flight.sent));
                flight.fate = Fate::Answered(now);
            }
        }
        Some(*flight)
    }

    /// Marks the probe that `matches` as refused by a PTB, unless it was answered, and returns it.
    pub(super) fn refused(&mut self, matches: impl Fn(&Flight) -> bool) -> Option<Flight> {
        let flight = self.flights.iter_mut().rev().find(|f| matches(f))?;
        if matches!(flight.fate, Fate::Flying | Fate::Lost(_)) {
            flight.fate = Fate::Refused;
        }
        Some(*flight)
    }

    /// Gives up the probes whose silence has become meaningful.
    pub(super) fn settle(&mut self, now: Timestamp, rtt: &RttEstimator) {
        let mut later_answer: Option<Timestamp> = None;
        for flight in self.flights.iter_mut().rev() {
            if let Some(at) = flight.answered_at() {
                later_answer = Some(later_answer.map_or(at, |earlier| earlier.min(at)));
            } else if flight.fate == Fate::Flying && deadline(flight, later_answer, rtt) <= now {
                flight.fate = Fate::Lost(now);
            }
        }
    }

    /// When the next fate will be settled by silence, or the next probe may leave.
    pub(super) fn wake(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let mut later_answer: Option<Timestamp> = None;
        let mut wake = self.queue.front().map(|shot| shot.not_before);
        for flight in self.flights.iter().rev() {
            if let Some(at) = flight.answered_at() {
                later_answer = Some(later_answer.map_or(at, |earlier| earlier.min(at)));
            } else if flight.fate == Fate::Flying {
                let deadline = deadline(flight, later_answer, rtt);
                wake = Some(wake.map_or(deadline, |w| w.min(deadline)));
            }
        }
        wake
    }

    /// The fates of one size.
    pub(super) fn count(&self, size: PacketSize) -> Count {
        let mut count = Count::default();
        for flight in self.flights.iter().filter(|f| f.is_sized() && f.size == size) {
            count.sent += 1;
            match flight.fate {
                Fate::Flying => {}
                Fate::Answered(_) => count.answered += 1,
                Fate::Lost(_) => count.lost += 1,
                Fate::Refused => {
                    count.lost += 1;
                    count.refused += 1;
                }
            }
        }
        count
    }

    /// The largest size that was answered, twice if answers are nameless.
    pub(super) fn largest_answered(&self) -> Option<PacketSize> {
        let answered = self.sized().filter(|f| f.answered_at().is_some()).map(|f| f.size);
        if self.answers_are_nameless {
            answered.filter(|&size| self.count(size).answered >= 2).max()
        } else {
            answered.max()
        }
    }

    /// The largest size answered beyond what this host sends.
    pub(super) fn largest_beyond(&self) -> Option<PacketSize> {
        let beyond = self.flights.iter().filter(|f| f.kind == Kind::Beyond && f.answered_at().is_some());
        beyond.map(|f| f.size).max()
    }

    /// The smallest size above `passes` with a settled loss.
    pub(super) fn smallest_lost_above(&self, passes: PacketSize) -> Option<PacketSize> {
        self.sized()
            .filter(|f| f.size > passes && matches!(f.fate, Fate::Lost(_) | Fate::Refused))
            .map(|f| f.size)
            .min()
    }

    /// How packets of sizes that pass fared.
    pub(super) fn controls(&self, passes: PacketSize) -> Trials {
        self.trials_of(|f| f.is_sized() && f.size <= passes)
    }

    /// The settled probes of one size and kind.
    pub(super) fn trials(&self, size: PacketSize, kind: Kind) -> Trials {
        self.trials_of(|f| f.kind == kind && f.size == size)
    }

    /// Settled probes of one kind, whatever their size.
    pub(super) fn trials_of_kind(&self, kind: Kind) -> Trials {
        self.trials_of(|f| f.kind == kind)
    }

    fn trials_of(&self, wanted: impl Fn(&Flight) -> bool) -> Trials {
        let settled = self.flights.iter().filter(|f| wanted(f) && f.fate != Fate::Flying);
        settled.fold(Trials::default(), |trials, flight| Trials {
            total: trials.total + 1,
            answered: trials.answered + u32::from(flight.answered_at().is_some()),
        })
    }

    pub(super) fn sent(&self) -> u32 {
        self.flights.len() as u32
    }

    pub(super) fn total_answered(&self) -> u32 {
        self.flights.iter().filter(|f| f.answered_at().is_some()).count() as u32
    }

    /// Whether a probe sent after `instant` was answered, and when first.
    pub(super) fn answer_to_probe_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.flights.iter().filter(|f| f.sent > instant).filter_map(Flight::answered_at).min()
    }

    /// Whether a size that passes was lost at least once: the path loses packets of any size.
    pub(super) fn lost_below(&self, passes: PacketSize) -> bool {
        self.sized().any(|f| f.size <= passes && matches!(f.fate, Fate::Lost(_)))
    }

    fn sized(&self) -> impl Iterator<Item = &Flight> {
        self.flights.iter().filter(|f| f.is_sized())
    }
}

/// When a flying probe counts as lost: a margin after the answer to a later one, or after a whole timeout.
fn deadline(flight: &Flight, later_answer: Option<Timestamp>, rtt: &RttEstimator) -> Timestamp {
    let alone = flight.sent + rtt.timeout();
    later_answer.map_or(alone, |at| (at + rtt.margin()).min(alone))
}
