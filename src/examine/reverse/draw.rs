//! One connection that draws large packets out of the server, and watches which of them arrive.

use std::time::Duration;

use crate::model::{Family, IpHeader, Meaning, PacketSize, Segment, SeqNumber, Step, Timestamp, Unwillingness};

use super::super::connection::{Connection, MOST_TRIES, State};
use super::super::emit::step;
use super::super::rtt::RttEstimator;
use super::arrivals::{Arrivals, Before};
use super::sizes::Trial;
use super::talk::{Standing, Talk};

/// One connection.
#[derive(Debug)]
pub(super) struct Draw {
    family: Family,
    connection: Connection,
    talk: Talk,
    arrivals: Arrivals,
    rtt: RttEstimator,
    /// MSS that we announced.
    mss: u16,
    /// Payload of the size that comes first on a trial of two, until it has come.
    first_payload: Option<u16>,
    began: Timestamp,
    /// When something was said last.
    asked: Timestamp,
    /// Since when the server is known to have sent what does not arrive.
    stuck: Option<Timestamp>,
    /// The same, also when it is stuck no more.
    last_stuck: Option<Timestamp>,
    pokes: u32,
    next_poke: Timestamp,
    /// What the server answered while it was stuck.
    answers_while_stuck: u32,
    /// Acknowledgments without data, ever.
    acks: u32,
    /// How long after it was asked the first missing byte came in a smaller packet.
    resent_after: Option<Duration>,
    /// When it began to end, and until when.
    leaving: Option<(Timestamp, Timestamp)>,
}

/// Where a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Something is on the way, or the server is slow.
    Open,
    /// All that the server has to send has arrived.
    Drawn,
    /// There is nothing to be had, for this reason.
    Unwilling(Unwillingness),
}

/// How long an orderly end may take.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);
/// The same where large packets do not arrive: the server's last word may be one.
const STUCK_LEAVE_PATIENCE: Duration = Duration::from_millis(300);
/// A server may think so long before it answers, beside the round trip.
const THINKING: Duration = Duration::from_millis(100);
/// The longest pause between two pokes.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Draw {
    /// Goes on with a connection that is open.
    pub(super) fn adopt(
        family: Family,
        mss: u16,
        connection: Connection,
        talk: Talk,
        rtt: &RttEstimator,
        now: Timestamp,
    ) -> Self {
        let mut draw = Self {
            family,
            connection,
            talk,
            arrivals: Arrivals::new(family),
            rtt: rtt.clone(),
            mss,
            first_payload: None,
            began: now,
            asked: now,
            stuck: None,
            last_stuck: None,
            pokes: 0,
            next_poke: now,
            answers_while_stuck: 0,
            acks: 0,
            resent_after: None,
            leaving: None,
        };
        draw.learn_full_size();
        draw
    }

    /// Opens a connection whose full segments make packets of the trial's size.
    ///
    /// Where a smaller size comes first, the window does it: a sender never sends beyond it, nor more than half of the
    /// largest one it was ever told (RFC 1122, 4.2.3.4; `tcp_bound_to_half_wnd` of Linux). The window is twice the size
    /// until the first byte of the client hello, then the size itself, and wide open as soon as that has arrived.
    pub(super) fn open(
        family: Family,
        trial: Trial,
        ends: (u16, u16),
        iss: SeqNumber,
        talk: Talk,
        rtt: &RttEstimator,
        now: Timestamp,
    ) -> Self {
        let mss = trial.size.to_mss(family);
        let mut connection = Connection::new(ends.0, ends.1, iss, mss);
        let first_payload = trial.passes.map(|size| size.to_mss(family));
        if let Some(payload) = first_payload {
            connection.announce_window(payload.saturating_mul(2));
        }
        Self { first_payload, ..Self::adopt(family, mss, connection, talk, rtt, now) }
    }

    pub(super) fn local_port(&self) -> u16 {
        self.connection.local_port()
    }

    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    pub(super) fn awaits_greeting(&self) -> bool {
        self.talk.awaits_greeting()
    }

    pub(super) fn fate(&self) -> Fate {
        match (self.talk.standing(), self.connection.state()) {
            (Standing::Drawn, _) => Fate::Drawn,
            (Standing::Unwilling(why), _) => Fate::Unwilling(why),
            (_, State::Refused) => Fate::Unwilling(Unwillingness::ConnectionRefused),
            (_, State::Reset) => Fate::Unwilling(Unwillingness::ConnectionReset),
            (_, State::Closed) => Fate::Unwilling(Unwillingness::ConversationEnded),
            (_, State::Connecting | State::Open | State::Closing) if self.connection.tries() > MOST_TRIES => {
                Fate::Unwilling(Unwillingness::FellSilent)
            }
            (_, State::Connecting | State::Open | State::Closing) => Fate::Open,
        }
    }

    /// Since when bytes that the server certainly sent are missing.
    pub(super) fn stuck_since(&self) -> Option<Timestamp> {
        self.stuck.filter(|_| self.fate() == Fate::Open)
    }

    /// The first byte that is missing, where some are.
    pub(super) fn missing(&self) -> Option<SeqNumber> {
        self.missing_up_to().map(|_| self.connection.receive_next())
    }

    /// How long bytes have been missing.
    pub(super) fn watched(&self, now: Timestamp) -> Duration {
        self.last_stuck.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Whether bytes are missing for as long as this.
    pub(super) fn is_stuck_for(&self, patience: Duration, now: Timestamp) -> bool {
        self.stuck_since().is_some_and(|since| now.since(since) >= patience)
    }

    /// Since when it has been open.
    pub(super) fn open_for(&self, now: Timestamp) -> Duration {
        now.since(self.began)
    }

    /// The size of the packet that is missing first.
    pub(super) fn missing_size(&self) -> Option<PacketSize> {
        let missing =
            self.missing_up_to()?.bytes_since(self.connection.receive_next()).filter(|&missing| missing > 0)?;
        let full = self.first_payload.map_or(self.arrivals.full(), u32::from);
        Some(PacketSize::new(self.family.tcp_headers() + missing.min(full)))
    }

    /// Whether the path loses packets of any size.
    pub(super) fn has_seen_loss(&self) -> bool {
        self.pokes > self.acks + 1
    }

    /// How often the server answered although it was stuck.
    pub(super) fn answers_while_stuck(&self) -> u32 {
        self.answers_while_stuck
    }

    /// How long after it was asked the first missing byte came in a smaller packet.
    pub(super) fn resent_after(&self) -> Option<Duration> {
        self.resent_after
    }

    fn missing_up_to(&self) -> Option<SeqNumber> {
        let (next, reached) = (self.connection.receive_next(), self.connection.peer_reached());
        self.connection.gap_end().or_else(|| reached.is_after(next).then_some(reached))
    }

    /// Withholds acknowledgments, or lets them go.
    pub(super) fn hold_acks(&mut self, held: bool) {
        self.connection.hold_acks(held);
    }

    pub(super) fn has_said_hello(&self) -> bool {
        self.talk.has_said_hello()
    }

    /// Says what is to be said, and sees whether something is missing.
    pub(super) fn conduct(&mut self, now: Timestamp) {
        if let Some((_, until)) = self.leaving {
            self.talk.leave(&mut self.connection, now >= until);
            return;
        }
        if self.connection.state() != State::Open || self.connection.are_acks_held() {
            return;
        }
        while self.talk.go_on(&mut self.connection) {
            self.arrivals.asked(self.connection.receive_next());
            self.asked = now;
            self.next_poke = now + self.pause();
            if let Some(payload) = self.first_payload.filter(|_| self.talk.has_said_hello()) {
                self.connection.announce_after_first_byte(payload);
            }
        }
        self.notice_what_is_missing(now);
    }

    fn notice_what_is_missing(&mut self, now: Timestamp) {
        if self.talk.standing() != Standing::Waiting || self.missing_up_to().is_none() {
            self.stuck = None;
        } else {
            self.stuck.get_or_insert(now);
            self.last_stuck = self.stuck;
        }
    }

    /// How long a reply may take before it is asked for; longer each time.
    fn pause(&self) -> Duration {
        let first = self.rtt.or_guess() * 2 + self.rtt.margin() + THINKING;
        (first * 2u32.saturating_pow(self.pokes.min(6))).min(LONGEST_PAUSE.max(first))
    }

    /// The next segment that is due, if any.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<(Segment, Meaning)> {
        // Nobody waits for the answer to a SYN any more, so the server need not either.
        if self.leaving.is_some() && self.connection.state() == State::Connecting {
            return Some((self.connection.abort(), Meaning::Connection(Step::Reset)));
        }
        if let Some(segment) = self.connection.poll(now, &self.rtt) {
            let meaning = Meaning::Connection(step(&segment));
            return Some((segment, meaning));
        }
        if let Some((_, until)) = self.leaving {
            let is_late = now >= until + STUCK_LEAVE_PATIENCE && self.is_alive();
            return is_late.then(|| (self.connection.abort(), Meaning::Connection(Step::Reset)));
        }
        // A poke acknowledges, as every segment does.
        let may_poke = self.connection.state() == State::Open && !self.connection.are_acks_held();
        let is_waiting = may_poke && self.talk.standing() == Standing::Waiting;
        if !is_waiting || now < self.next_poke {
            return None;
        }
        self.pokes += 1;
        self.next_poke = now + self.pause();
        Some((self.connection.poke(), Meaning::AckProbe))
    }

    /// When to poll again without an event.
    pub(super) fn wake(&self, now: Timestamp) -> Option<Timestamp> {
        let leaving = self.leaving.filter(|_| self.is_alive()).map(|(_, until)| until);
        let late = leaving.map(|until| until + STUCK_LEAVE_PATIENCE);
        let poke = (self.connection.state() == State::Open && self.leaving.is_none()).then_some(self.next_poke);
        let later = [leaving, late, poke].into_iter().flatten().filter(|&at| at > now).min();
        self.connection.wake().into_iter().chain(later).min()
    }

    /// Takes in a segment of this connection.
    pub(super) fn receive(
        &mut self,
        ip: &IpHeader,
        segment: &Segment,
        fragment: Option<PacketSize>,
        now: Timestamp,
    ) -> Meaning {
        let was = self.connection.state();
        let before = Before { next: self.connection.receive_next(), missing_up_to: self.missing_up_to() };
        self.connection.handle(segment, now, &mut self.rtt);
        if was == State::Connecting {
            self.learn_full_size();
            (self.began, self.asked) = (now, now);
            self.next_poke = now + self.pause();
            return Meaning::Connection(step(segment));
        }
        if segment.payload.is_empty() {
            self.acks += 1;
            self.answers_while_stuck += u32::from(self.stuck.is_some());
            return Meaning::Connection(step(segment));
        }
        if let Some(fragment) = fragment {
            self.arrivals.note_fragment(fragment);
        }
        let after_gap = self.arrivals.note(ip, segment, before, now);
        if self.resent_after.is_none() && self.arrivals.resent().is_some() {
            self.resent_after = Some(now.since(self.asked));
        }
        if self.connection.receive_next() != before.next {
            self.arrivals.progressed(self.connection.receive_next());
            self.open_window();
        }
        let headers = self.family.tcp_headers() + segment.options_len() as u32;
        Meaning::Fetched { size: PacketSize::new(headers + segment.payload.len() as u32), after_gap }
    }

    fn learn_full_size(&mut self) {
        // RFC 9293, 3.7.1: without the option the MSS is 536 (IPv4) or 1220 (IPv6); it bounds what the other side sends to
        // us no more than ours does, but tells how large its packets can be.
        let default = if self.family == Family::V4 { 536 } else { 1220 };
        let theirs = self.connection.peer().mss.unwrap_or(default).max(default);
        self.arrivals.expect(u32::from(self.mss.min(theirs)));
    }

    /// The first size of a trial of two has arrived.
    fn open_window(&mut self) {
        if self.talk.has_said_hello() && self.first_payload.take().is_some() {
            self.connection.announce_window(u16::MAX);
            self.connection.acknowledge();
        }
    }

    /// Ends the connection in order.
    pub(super) fn leave(&mut self, now: Timestamp) {
        if self.leaving.is_none() {
            let patience = if self.stuck.is_some() { Duration::ZERO } else { LEAVE_PATIENCE };
            self.leaving = Some((now, now + patience));
        }
    }

    /// Ends it without waiting for anything.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.leaving = Some((now, now));
    }

    fn is_alive(&self) -> bool {
        matches!(self.connection.state(), State::Connecting | State::Open | State::Closing)
    }

    /// Whether nothing more will be sent.
    pub(super) fn is_over(&self) -> bool {
        !self.is_alive() && !self.connection.owes_ack()
    }
}
