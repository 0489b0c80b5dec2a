//! The proof on real bytes: an SMTP command that completes a segment of the lost size stalls, and the same bytes cut to the
//! path MTU pass. It is what a mailer on this path suffers.
//!
//! The segment begins with bytes that the receiver has, or that lie below its initial sequence number, and ends with one
//! new command. A receiver trims what is old (RFC 9293, 3.10.7.4), so the server sees an ordinary command, one at a time.

use crate::model::{PacketSize, Segment, SeqNumber, Timestamp};

use super::connection::Connection;
use super::fisher::Trials;
use super::lane::{Kind, Lane};
use super::rtt::RttEstimator;

/// What the real bytes proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The large segment never arrived, the same bytes in smaller ones did.
    Stalls,
    /// The large segment arrived.
    Passes,
    /// Not even the small segments were acknowledged.
    Unusable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Large,
    Cut { next: SeqNumber },
    Over(Outcome),
}

/// The experiment.
#[derive(Clone, Debug)]
pub(super) struct InOrder {
    suspect: PacketSize,
    passes: PacketSize,
    start: SeqNumber,
    end: SeqNumber,
    large_payload: usize,
    cut_payload: usize,
    large_tries: u32,
    phase: Phase,
    tries: u32,
    controls: u32,
    last_sent: Timestamp,
    next_at: Timestamp,
}

/// How often the large segment is sent, and how often where small packets are lost too.
pub(super) const LARGE_TRIES: [u32; 2] = [3, 6];
/// How many further controls may go unanswered.
const MOST_CONTROLS: u32 = 8;
/// How often the cut one is sent before the conversation is called unusable.
const CUT_TRIES: u32 = 6;

impl InOrder {
    /// `end` is the end of the held line in sequence space.
    pub(super) fn new(
        suspect: PacketSize,
        passes: PacketSize,
        large_payload: usize,
        cut_payload: usize,
        end: SeqNumber,
        large_tries: u32,
        now: Timestamp,
    ) -> Self {
        Self {
            suspect,
            passes,
            start: end - large_payload as u32,
            end,
            large_payload,
            cut_payload: cut_payload.max(1),
            large_tries,
            phase: Phase::Large,
            tries: 0,
            controls: 0,
            last_sent: now,
            next_at: now,
        }
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self.phase {
            Phase::Over(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// How the two sizes fared, once that is known: control, suspect.
    pub(super) fn trials(&self) -> Option<(Trials, Trials)> {
        let lost = Trials { total: self.large_tries, answered: 0 };
        let passed = Trials { total: 1, answered: 1 };
        (self.phase == Phase::Over(Outcome::Stalls)).then_some((passed, lost))
    }

    /// The sizes that the experiment is about: passes, suspect.
    pub(super) fn pair(&self) -> (PacketSize, PacketSize) {
        (self.passes, self.suspect)
    }

    /// Whether a quoted segment is the large one.
    pub(super) fn sent(&self, seq: SeqNumber, size: PacketSize) -> bool {
        seq == self.start && size == self.suspect
    }

    /// Whether one of its segments, whole or cut, begins here. A D-SACK about such a segment could be about a probe as well.
    pub(super) fn has_segment_at(&self, start: SeqNumber) -> bool {
        let offset = start.bytes_since(self.start).filter(|&offset| offset < self.large_payload as u32);
        offset.is_some_and(|offset| offset % self.cut_payload as u32 == 0)
    }

    /// Takes note of what the peer has acknowledged.
    pub(super) fn observe(&mut self, connection: &Connection) {
        let arrived = connection.acknowledged().distance(self.end) >= 0;
        match self.phase {
            Phase::Large if arrived => self.phase = Phase::Over(Outcome::Passes),
            Phase::Cut { .. } if arrived => self.phase = Phase::Over(Outcome::Stalls),
            _ => {}
        }
    }

    /// The next segment of the experiment, if one is due.
    pub(super) fn poll(
        &mut self,
        now: Timestamp,
        connection: &Connection,
        lane: &mut Lane,
        rtt: &RttEstimator,
    ) -> Option<Segment> {
        match self.phase {
            Phase::Large => self.poll_large(now, connection, lane, rtt),
            Phase::Cut { next } => self.poll_cut(next, now, connection, rtt),
            Phase::Over(_) => None,
        }
    }

    fn poll_large(
        &mut self,
        now: Timestamp,
        connection: &Connection,
        lane: &mut Lane,
        rtt: &RttEstimator,
    ) -> Option<Segment> {
        if self.tries < self.large_tries {
            if now < self.next_at {
                return None;
            }
            self.tries += 1;
            self.last_sent = now;
            self.next_at = now + (rtt.or_guess() / 16).clamp(SHORT, SHORT * 5);
            lane.queue_first(self.passes, Kind::Confirming, now + SHORT);
            return Some(connection.segment_over(self.start, self.large_payload));
        }
        match lane.answer_to_probe_after(self.last_sent) {
            Some(at) if now >= at + rtt.margin() => {
                self.phase = Phase::Cut { next: self.start };
                self.tries = 0;
                self.poll_cut(self.start, now, connection, rtt)
            }
            Some(_) => None,
            None if !lane.is_idle() => None,
            None if self.controls < MOST_CONTROLS => {
                self.controls += 1;
                lane.queue(self.passes, Kind::Sized, now);
                None
            }
            None => {
                self.phase = Phase::Over(Outcome::Unusable);
                None
            }
        }
    }

    fn poll_cut(
        &mut self,
        next: SeqNumber,
        now: Timestamp,
        connection: &Connection,
        rtt: &RttEstimator,
    ) -> Option<Segment> {
        let left = self.end.bytes_since(next).unwrap_or(0) as usize;
        if left > 0 {
            let len = self.cut_payload.min(left);
            self.phase = Phase::Cut { next: next + len as u32 };
            if left <= self.cut_payload {
                self.tries += 1;
                self.next_at = now + rtt.retransmission() * self.tries;
            }
            return Some(connection.segment_over(next, len));
        }
        if now < self.next_at {
            return None;
        }
        if self.tries >= CUT_TRIES {
            self.phase = Phase::Over(Outcome::Unusable);
            return None;
        }
        self.poll_cut(self.start, now, connection, rtt)
    }

    /// When to poll again.
    pub(super) fn wake(&self, lane: &Lane, rtt: &RttEstimator) -> Option<Timestamp> {
        match self.phase {
            Phase::Large if self.tries < self.large_tries => Some(self.next_at),
            Phase::Large => lane.answer_to_probe_after(self.last_sent).map(|at| at + rtt.margin()),
            Phase::Cut { next } if self.end.distance(next) > 0 => Some(Timestamp::ZERO),
            Phase::Cut { .. } => Some(self.next_at),
            Phase::Over(_) => None,
        }
    }
}

const SHORT: std::time::Duration = std::time::Duration::from_millis(1);
