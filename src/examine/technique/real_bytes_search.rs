//! A search by real bytes, for peers and boxes that drop whatever brings nothing new.
//!
//! A probe begins with bytes that the peer has, or that lie below the initial sequence number, and ends with one new byte of a
//! command. A receiver trims what is old (RFC 9293, 3.10.7.4), so its acknowledgment of the new byte names the probe.
//!
//! A probe that stays unanswered is followed by the next byte alone. If that arrives, it lies beyond a gap, and the receiver
//! repeats its last acknowledgment at once (RFC 5681, 4.2): the probe is lost and the conversation is not. Then the bytes that
//! are missing go in a small segment, as a mailer would have to send them, and the conversation goes on. Until they are
//! acknowledged no other probe leaves, so a conversation that is dead proves nothing.

use std::time::Duration;

use crate::model::{
    Meaning, MethodChoice, MethodReason, Outgoing, PacketSize, Plan, Probe, Segment, SeqNumber, Technique as Name,
    Timestamp,
};

use super::super::rtt::RttEstimator;
use super::super::search::{Outcome, ProbeKey, ProbeKind, QueuedProbe, Search};
use super::super::session::{Arrival, Session, TcpState};
use super::interface::{Heard, Technique, Turn};
use super::standing::Standing;
use super::uses::Uses;

/// The technique.
#[derive(Clone, Debug)]
pub(crate) struct RealBytesSearch {
    standing: Standing,
    /// The round trip of its own probes: a SYN-ACK that had to be repeated would make the others' far too long.
    rtt: RttEstimator,
    /// What was sent and is not acknowledged.
    flight: Option<Flight>,
    /// Since when the server has owed a greeting or a reply.
    waiting_since: Option<Timestamp>,
    /// When it counts as one that takes no more commands.
    waiting_until: Timestamp,
    /// When that was so.
    given_up: Option<Timestamp>,
}

/// New bytes on the way: that of the probe, and behind it those that were sent alone.
#[derive(Clone, Copy, Debug)]
struct Flight {
    probe: ProbeKey,
    /// The new byte of the probe.
    byte: SeqNumber,
    /// The end of all new bytes.
    end: SeqNumber,
    /// The same before the missing ones were sent again.
    end_before_cut: SeqNumber,
    /// When the byte behind the probe was sent.
    followed: Option<Timestamp>,
    /// How often the missing bytes were sent in a small segment.
    cuts: u32,
    /// When the next small segment is due.
    next_at: Timestamp,
}

/// How often the missing bytes are sent before the conversation is called dead.
const MOST_CUTS: u32 = 6;
/// How long a greeting is awaited: postscreen and Exim delay it by 6 s and less.
const GREETING: Duration = Duration::from_secs(12);
/// How long a reply is.
const REPLY: Duration = Duration::from_secs(2);

impl RealBytesSearch {
    pub(crate) fn new(plan: &Plan) -> Self {
        let unusable = (plan.method == MethodChoice::Icmp).then_some(MethodReason::NotAskedFor);
        let search = Search::one_at_a_time(plan);
        Self {
            standing: Standing::new(Name::RealBytes, Uses::Conversation, search, unusable),
            rtt: RttEstimator::default(),
            flight: None,
            waiting_since: None,
            waiting_until: Timestamp::ZERO,
            given_up: None,
        }
    }

    /// The next probe, if the server listens.
    fn next_probe(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        self.search().next_queued().filter(|queued| queued.not_before <= turn.now)?;
        let Some(byte) = turn.session.next_byte() else {
            self.wait(turn);
            return None;
        };
        self.waiting_since = None;
        let queued = self.search_mut().take_due(turn.now)?;
        let len = queued.size.tcp_payload(turn.plan.family()).max(1);
        let end = byte + 1;
        let start = end - len as u32;
        let probe = ProbeKey::Range { start, end };
        let next_at = turn.now + self.rtt.or_guess() + self.rtt.margin();
        self.flight = Some(Flight { probe, byte, end, end_before_cut: end, followed: None, cuts: 0, next_at });
        self.search_mut().launched(queued, probe, turn.now);
        let segment = turn.session.in_order_segment(start, len);
        Some(queued.dress(turn.outbox.tcp(segment, Meaning::Probe(queued.probe(Name::RealBytes)))))
    }

    /// The server owes a greeting or a reply, or takes no more commands.
    fn wait(&mut self, turn: &Turn<'_>) {
        let dialogue = turn.session.dialogue();
        let since = *self.waiting_since.get_or_insert(turn.now);
        self.waiting_until = since + if dialogue.greeted() { REPLY.max(self.rtt.or_guess() * 4) } else { GREETING };
        let is_spent = dialogue.is_ready() && !dialogue.may_go_on();
        if !dialogue.is_viable() || is_spent || turn.now >= self.waiting_until {
            self.give_up(turn.now);
        }
    }

    fn give_up(&mut self, now: Timestamp) {
        self.given_up = Some(now);
        self.rule_out(MethodReason::NoMoreCommands);
    }

    /// What follows a probe: the next byte alone while its outcome is open, then the missing bytes.
    fn follow_up(&mut self, mut flight: Flight, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let is_open = self.is_open(flight);
        let is_lost = !is_open && flight.cuts == 0 && !turn.session.acknowledged().is_after(flight.byte);
        let is_due = turn.now >= flight.next_at && !(is_open && flight.followed.is_some());
        if !is_due && !is_lost {
            return None;
        }
        let start = if is_open {
            flight.next_at = turn.now + self.rtt.retransmission();
            flight.followed = Some(turn.now);
            let next = turn.session.next_byte();
            flight.end = next.map_or(flight.end, |byte| byte + 1);
            flight.end_before_cut = flight.end;
            next
        } else if flight.cuts < MOST_CUTS {
            flight.next_at = turn.now + self.rtt.retransmission() * 2u32.pow(flight.cuts);
            flight.cuts += 1;
            // If only the acknowledgments were lost, nobody answers without a byte that is new.
            flight.end = turn.session.next_byte().map_or(flight.end, |byte| byte + 1);
            Some(turn.session.acknowledged())
        } else {
            self.give_up(turn.now);
            None
        };
        self.flight = Some(flight);
        start.map(|start| self.small_segment(start, flight.end, turn))
    }

    fn small_segment(&mut self, start: SeqNumber, end: SeqNumber, turn: &mut Turn<'_>) -> Outgoing {
        let segment = turn.session.in_order_segment(start, end.bytes_since(start).unwrap_or(1) as usize);
        let size = PacketSize::new(turn.plan.family().tcp_headers() + segment.payload.len() as u32);
        let probe = QueuedProbe { size, kind: ProbeKind::Beside, not_before: turn.now };
        self.search_mut().launched(probe, ProbeKey::Range { start, end }, turn.now);
        turn.outbox.tcp(segment, Meaning::Probe(probe.probe(Name::RealBytes)))
    }

    /// Whether the outcome of the probe is open.
    fn is_open(&self, flight: Flight) -> bool {
        let mut newest = self.search().log().probes().iter().rev();
        newest.find(|probe| probe.key == flight.probe).is_some_and(|probe| probe.outcome == Outcome::Waiting)
    }

    /// Takes an answer to the newest probe or small segment that `is_it`. `is_prompt`: it may not be an answer to anything else, so
    /// the time that it took counts (Karn's rule).
    fn answered(
        &mut self,
        now: Timestamp,
        is_prompt: bool,
        is_it: impl Fn(ProbeKey, ProbeKind) -> bool,
    ) -> Option<Probe> {
        let mut rtt = self.rtt.clone();
        let log = self.standing.search_mut().log_mut();
        let probe = log.answered(now, &mut rtt, |probe| is_it(probe.key, probe.kind))?;
        if is_prompt {
            self.rtt = rtt;
        }
        Some(probe.probe(Name::RealBytes))
    }

    /// New bytes were acknowledged. Once the missing ones were sent again, with one byte more, an acknowledgment that goes as far
    /// as that one no longer speaks of the probe.
    fn on_advance(&mut self, flight: Flight, ack: SeqNumber, now: Timestamp) -> Option<Probe> {
        let is_alone = ack == flight.byte + 1;
        let is_probes_own =
            flight.cuts == 0 || (flight.end != flight.end_before_cut && !ack.is_after(flight.end_before_cut));
        let of_the_probe = is_probes_own.then(|| self.answered(now, is_alone, |key, _| key == flight.probe)).flatten();
        let is_covered = |key| matches!(key, ProbeKey::Range { end, .. } if !end.is_after(ack));
        let is_rest = |key, kind| kind == ProbeKind::Beside && is_covered(key);
        // The receiver may hold the acknowledgment of a small segment back.
        let of_the_rest = self.answered(now, false, is_rest);
        of_the_probe.or(of_the_rest)
    }

    /// The last acknowledgment came again: the byte behind the probe lies beyond a gap.
    fn on_gap(&mut self, segment: &Segment, arrival: Arrival, flight: Flight, now: Timestamp) -> Option<Probe> {
        let followed = flight.followed.filter(|_| flight.cuts == 0)?;
        let behind = flight.byte + 1;
        let names_it = segment.sack.iter().any(|(start, end)| !start.is_after(behind) && end.is_after(behind));
        // Without a name it must have had the time to be an answer.
        let is_in_time = self.rtt.smoothed().is_none_or(|rtt| now.since(followed) >= rtt / 2);
        if !names_it && (!arrival.is_bare || !is_in_time) {
            return None;
        }
        self.answered(now, true, |key, kind| {
            kind == ProbeKind::Beside && matches!(key, ProbeKey::Range { start, .. } if start == behind)
        })
    }
}

impl Technique for RealBytesSearch {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn standing_mut(&mut self) -> &mut Standing {
        &mut self.standing
    }

    fn due(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        if turn.session.state() != TcpState::Open || self.unusable().is_some() {
            return None;
        }
        match self.flight {
            Some(flight) if flight.end.is_after(turn.session.acknowledged()) => self.follow_up(flight, turn),
            _ => {
                self.flight = None;
                self.next_probe(turn)
            }
        }
    }

    fn settle(&mut self, now: Timestamp, _rtt: &RttEstimator) {
        self.standing.search_mut().log_mut().settle(now, &self.rtt);
    }

    fn next_timeout(&self, _rtt: &RttEstimator, _in_order: Option<PacketSize>, now: Timestamp) -> Option<Timestamp> {
        let log = self.search().log().next_timeout(&self.rtt);
        let next = match (self.flight, self.search().next_queued()) {
            // Others take their turn at once.
            _ if self.unusable().is_some() => self.given_up.filter(|&at| at == now),
            (Some(flight), _) if flight.followed.is_some() && self.is_open(flight) => None,
            (Some(flight), _) => Some(flight.next_at),
            (None, Some(_)) if self.waiting_since.is_some() => Some(self.waiting_until),
            (None, queued) => queued.map(|queued| queued.not_before),
        };
        log.into_iter().chain(next).min()
    }

    fn on_connection(&mut self, _plan: &Plan, session: &mut Session) {
        let why = match session.state() {
            TcpState::Refused => MethodReason::PortClosed,
            TcpState::Reset => MethodReason::ConnectionReset,
            _ => return,
        };
        self.rule_out(self.unusable().unwrap_or(why));
    }

    fn on_segment(
        &mut self,
        segment: &Segment,
        arrival: Option<Arrival>,
        _ip_id: u16,
        heard: &mut Heard<'_>,
    ) -> Option<Probe> {
        let (flight, arrival) = (self.flight?, arrival?);
        match segment.ack {
            _ if !segment.flags.ack => None,
            ack if ack.is_after(flight.byte) && !ack.is_after(flight.end) => self.on_advance(flight, ack, heard.now),
            ack if ack == flight.byte => self.on_gap(segment, arrival, flight, heard.now),
            _ => None,
        }
    }

    fn on_nothing(&mut self, _turn: &mut Turn<'_>, _may_wait_for_greeting: bool) {
        self.rule_out(MethodReason::NewBytesUnanswered);
    }
}
