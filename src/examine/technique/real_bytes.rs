//! The proof on real bytes: an SMTP command that completes a segment of the lost size stalls, and the same bytes cut to the
//! path MTU pass. It is what a mailer on this path suffers.
//!
//! The segment begins with bytes that the receiver has, or that lie below its initial sequence number, and ends with one
//! new command. A receiver trims what is old (RFC 9293, 3.10.7.4), so the server sees an ordinary command, one at a time.

use std::time::Duration;

use crate::model::{
    FirstFlight, Meaning, Outgoing, PacketSize, Probe, Purpose, Segment, SeqNumber, Technique as Name, Timestamp,
};

use super::super::fisher::Trials;
use super::super::rtt::RttEstimator;
use super::super::search::{ProbeKind, QueuedProbe, Search, Testimony};
use super::super::session::Session;
use super::interface::Turn;

/// What the real bytes proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RealBytesOutcome {
    /// The large segment never arrived, the same bytes in smaller ones did.
    Stalls,
    /// The large segment arrived.
    Passes,
    /// Not even the small segments were acknowledged.
    Unusable,
}

/// The proof on real bytes, once it has begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct RealBytes {
    trial: Option<Trial>,
}

/// One command at the end of a segment of the suspected size.
#[derive(Clone, Debug)]
struct Trial {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Large,
    Cut { next: SeqNumber },
    Over(RealBytesOutcome),
}

/// A probe of the size that passes, which the technique that found the pair is asked to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// Before all others, not before an instant.
    First(PacketSize, Timestamp),
    /// Behind all others.
    Another(PacketSize),
}

/// How often the large segment is sent, and how often where small packets are lost too.
const LARGE_TRIES: [u32; 2] = [3, 6];
/// How many further controls may go unanswered.
const MOST_CONTROLS: u32 = 8;
/// How often the cut one is sent before the conversation is called unusable.
const CUT_TRIES: u32 = 6;

impl RealBytes {
    /// Begins with the next command, if the server listens. `lossy`: small packets are lost too.
    pub(crate) fn begin(&mut self, passes: PacketSize, suspect: PacketSize, lossy: bool, turn: &mut Turn<'_>) {
        let family = turn.plan.family();
        let (large, cut) = (suspect.tcp_payload(family).max(1), passes.tcp_payload(family).max(1));
        let Some(end) = turn.session.hold_command(large, cut) else { return };
        self.trial = Some(Trial {
            suspect,
            passes,
            start: end - large as u32,
            end,
            large_payload: large,
            cut_payload: cut,
            large_tries: LARGE_TRIES[usize::from(lossy)],
            phase: Phase::Large,
            tries: 0,
            controls: 0,
            last_sent: turn.now,
            next_at: turn.now,
        });
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.trial.is_some()
    }

    /// Whether it has begun and not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.trial.is_some() && self.outcome().is_none()
    }

    pub(crate) fn outcome(&self) -> Option<RealBytesOutcome> {
        match self.trial.as_ref()?.phase {
            Phase::Over(outcome) => Some(outcome),
            Phase::Large | Phase::Cut { .. } => None,
        }
    }

    /// The sizes that it is about: passes, suspect.
    pub(crate) fn pair(&self) -> Option<(PacketSize, PacketSize)> {
        self.trial.as_ref().map(|trial| (trial.passes, trial.suspect))
    }

    /// How the two sizes fared, once that is known.
    pub(crate) fn testimony(&self) -> Option<Testimony> {
        let trial = self.trial.as_ref().filter(|trial| trial.phase == Phase::Over(RealBytesOutcome::Stalls))?;
        Some(Testimony {
            passes: trial.passes,
            suspect: trial.suspect,
            control: Trials { total: 1, answered: 1 },
            suspected: Trials { total: trial.large_tries, answered: 0 },
        })
    }

    /// Takes note of what the peer has acknowledged. Returns whether that ended it.
    pub(crate) fn observe(&mut self, session: &Session) -> bool {
        let Some(trial) = &mut self.trial else { return false };
        let arrived = session.acknowledged().distance(trial.end) >= 0;
        let outcome = match trial.phase {
            Phase::Large if arrived => RealBytesOutcome::Passes,
            Phase::Cut { .. } if arrived => RealBytesOutcome::Stalls,
            _ => return false,
        };
        trial.phase = Phase::Over(outcome);
        true
    }

    /// The next segment, if one is due, and the control that goes with it. `search`: that of the technique that found the pair.
    pub(crate) fn due(&mut self, turn: &mut Turn<'_>, search: &Search) -> (Option<Outgoing>, Option<Control>) {
        let Some(trial) = &mut self.trial else { return (None, None) };
        let (segment, control) = match trial.phase {
            Phase::Large => trial.poll_large(turn, search),
            Phase::Cut { next } => (trial.poll_cut(next, turn), None),
            Phase::Over(_) => (None, None),
        };
        let outgoing = segment.map(|segment| {
            let size = PacketSize::new(turn.plan.family().tcp_headers() + segment.payload.len() as u32);
            let purpose = if size >= trial.suspect { Purpose::RealBytes } else { Purpose::CutBytes };
            turn.outbox.tcp(segment, Meaning::Probe(Probe { technique: Name::SmtpData, size, purpose }))
        });
        (outgoing, control)
    }

    /// When to ask again.
    pub(crate) fn next_timeout(&self, search: &Search, rtt: &RttEstimator) -> Option<Timestamp> {
        let trial = self.trial.as_ref()?;
        match trial.phase {
            Phase::Large if trial.tries < trial.large_tries => Some(trial.next_at),
            Phase::Large => search.log().answer_to_probe_after(trial.last_sent).map(|at| at + rtt.margin()),
            Phase::Cut { next } if trial.end.distance(next) > 0 => Some(Timestamp::ZERO),
            Phase::Cut { .. } => Some(trial.next_at),
            Phase::Over(_) => None,
        }
    }
}

impl Trial {
    fn poll_large(&mut self, turn: &mut Turn<'_>, search: &Search) -> (Option<Segment>, Option<Control>) {
        let now = turn.now;
        if self.tries < self.large_tries {
            if now < self.next_at {
                return (None, None);
            }
            self.tries += 1;
            self.last_sent = now;
            self.next_at = now + (turn.rtt.or_guess() / 16).clamp(SHORT, SHORT * 5);
            let segment = turn.session.in_order_segment(self.start, self.large_payload);
            // One control behind the last of them will do where packets are saved.
            let is_owed = turn.plan.first_flight == FirstFlight::Ladder || self.tries == self.large_tries;
            return (Some(segment), is_owed.then_some(Control::First(self.passes, now + SHORT)));
        }
        match search.log().answer_to_probe_after(self.last_sent) {
            Some(at) if now >= at + turn.rtt.margin() => {
                self.phase = Phase::Cut { next: self.start };
                self.tries = 0;
                (self.poll_cut(self.start, turn), None)
            }
            Some(_) => (None, None),
            None if self.is_to_wait_for(search) => (None, None),
            None if self.controls < MOST_CONTROLS => {
                self.controls += 1;
                let is_first = !search.is_idle();
                (None, Some(if is_first { Control::First(self.passes, now) } else { Control::Another(self.passes) }))
            }
            None => {
                self.phase = Phase::Over(RealBytesOutcome::Unusable);
                (None, None)
            }
        }
    }

    /// Whether a probe is on its way, or about to leave, whose answer would tell. Where one goes at a time, none that is larger than what
    /// passes leaves before this is over.
    fn is_to_wait_for(&self, search: &Search) -> bool {
        let yields = |next: QueuedProbe| search.is_one_at_a_time() && next.size > self.passes;
        search.log().is_waiting() || search.next_queued().is_some_and(|next| !yields(next))
    }

    fn poll_cut(&mut self, next: SeqNumber, turn: &mut Turn<'_>) -> Option<Segment> {
        let left = self.end.bytes_since(next).unwrap_or(0) as usize;
        if left > 0 {
            let len = self.cut_payload.min(left);
            self.phase = Phase::Cut { next: next + len as u32 };
            if left <= self.cut_payload {
                self.tries += 1;
                self.next_at = turn.now + turn.rtt.retransmission() * self.tries;
            }
            return Some(turn.session.in_order_segment(next, len));
        }
        if turn.now < self.next_at {
            return None;
        }
        if self.tries >= CUT_TRIES {
            self.phase = Phase::Over(RealBytesOutcome::Unusable);
            return None;
        }
        self.poll_cut(self.start, turn)
    }
}

impl Control {
    /// Queues it.
    pub(crate) fn queue_in(self, search: &mut Search, now: Timestamp) {
        match self {
            Self::First(size, not_before) => search.queue_first(size, ProbeKind::Confirming, not_before),
            Self::Another(size) => search.queue(size, ProbeKind::Sized, now),
        }
    }
}

const SHORT: Duration = Duration::from_millis(1);
