//! One connection on which the server sends its certificates, in large packets, and which of them arrive.

use std::time::Duration;

use crate::model::{
    Family, IpHeader, Meaning, PacketSize, Reception, Segment, SeqNumber, Step, Timestamp, Unwillingness,
};

use super::super::rtt::RttEstimator;
use super::super::session::{Connection, Effect, MOST_TRIES, TcpState};
use super::ack_probes::AckProbes;
use super::arrivals::{ArrivalLog, StreamBefore};
use super::chance::{RoundTrips, Vain};
use super::conversation::{Conversation, ReplyStatus};
use super::exchange::Exchange;
use super::leave::Leave;
use super::sent_range::SentRange;
use super::setup::Setup;
use super::stall::StallWatch;
use super::timers::{ReverseTimer, ReverseTimers};
use super::trial::SizeTrial;

/// One connection.
#[derive(Debug)]
pub(super) struct Fetch {
    family: Family,
    connection: Connection,
    conversation: Conversation,
    arrivals: ArrivalLog,
    rtt: RttEstimator,
    /// MSS that we announced.
    mss: u16,
    /// Payload of the size that comes first on a trial of two, until it has come.
    first_payload: Option<u16>,
    exchange: Exchange,
    stall: StallWatch,
    ack_probes: AckProbes,
    sent: SentRange,
    /// How long after it was asked the first missing byte came in a smaller packet.
    lowered_after: Option<Duration>,
    /// Nothing more is fetched.
    leave: Option<Leave>,
}

impl Fetch {
    /// Goes on with a connection that is open.
    pub(super) fn adopt(
        setup: &Setup,
        mss: u16,
        connection: Connection,
        conversation: Conversation,
        now: Timestamp,
    ) -> Self {
        let mut fetch = Self {
            family: setup.family(),
            connection,
            conversation,
            arrivals: ArrivalLog::new(setup.family()),
            rtt: setup.rtt().clone(),
            mss,
            first_payload: None,
            exchange: Exchange::new(now),
            stall: StallWatch::default(),
            ack_probes: AckProbes::new(now),
            sent: SentRange::default(),
            lowered_after: None,
            leave: None,
        };
        fetch.learn_full_size();
        fetch
    }

    /// Opens a connection whose full segments make packets of the trial's size.
    ///
    /// Where a smaller size comes first, the window does it: a sender never sends beyond it, nor more than half of the
    /// largest one it was ever told (RFC 1122, 4.2.3.4; `tcp_bound_to_half_wnd` of Linux). The window is twice the size
    /// until the first byte of the client hello, then the size itself, and wide open as soon as that has arrived.
    pub(super) fn open(
        setup: &Setup,
        trial: SizeTrial,
        local_port: u16,
        iss: SeqNumber,
        conversation: Conversation,
        now: Timestamp,
    ) -> Self {
        let family = setup.family();
        let mss = trial.size().to_mss(family);
        let mut connection = Connection::new(local_port, setup.plan().port, iss, mss);
        let first_payload = trial.passes().map(|size| size.to_mss(family));
        if let Some(payload) = first_payload {
            connection.announce_window(payload.saturating_mul(2));
        }
        Self { first_payload, ..Self::adopt(setup, mss, connection, conversation, now) }
    }

    pub(super) fn local_port(&self) -> u16 {
        self.connection.local_port()
    }

    pub(super) fn arrivals(&self) -> &ArrivalLog {
        &self.arrivals
    }

    pub(super) fn awaits_greeting(&self) -> bool {
        self.conversation.awaits_greeting()
    }

    /// How the server received us.
    pub(super) fn reception(&self) -> Reception {
        match self.conversation.reception() {
            Reception::NotHeard if self.connection.state() == TcpState::Reset => Reception::Reset,
            heard => heard,
        }
    }

    pub(super) fn awaits_certificates(&self) -> bool {
        self.conversation.awaits_certificates()
    }

    /// Whether what the server has to send is here, as far as the connection allows it.
    pub(super) fn status(&self) -> ReplyStatus {
        let why = match (self.conversation.status(), self.connection.state()) {
            (status @ (ReplyStatus::Complete | ReplyStatus::Unavailable(_)), _) => return status,
            (_, TcpState::Refused) => Unwillingness::ConnectionRefused,
            (_, TcpState::Reset) => Unwillingness::ConnectionReset,
            (_, TcpState::Closed) => Unwillingness::ConversationEnded,
            (_, TcpState::Connecting | TcpState::Open | TcpState::Closing) if self.connection.tries() > MOST_TRIES => {
                Unwillingness::FellSilent
            }
            (_, TcpState::Connecting | TcpState::Open | TcpState::Closing) => return ReplyStatus::Awaited,
        };
        ReplyStatus::Unavailable(why)
    }

    /// Since when bytes that the server certainly sent are missing.
    pub(super) fn stalled_since(&self) -> Option<Timestamp> {
        self.stall.since().filter(|_| self.status() == ReplyStatus::Awaited)
    }

    /// Since when nothing has come of such bytes.
    pub(super) fn silent_since(&self) -> Option<Timestamp> {
        self.stall.silent_since().filter(|_| self.status() == ReplyStatus::Awaited)
    }

    /// Whether nothing has come of such bytes for as long as this.
    pub(super) fn is_silent_for(&self, patience: Duration, now: Timestamp) -> bool {
        self.silent_since().is_some_and(|since| now.since(since) >= patience)
    }

    /// Whether bytes are missing for as long as this.
    pub(super) fn is_stalled_for(&self, patience: Duration, now: Timestamp) -> bool {
        self.stalled_since().is_some_and(|since| now.since(since) >= patience)
    }

    pub(super) fn stall(&self) -> &StallWatch {
        &self.stall
    }

    /// What the server sent in vain in packets larger than those that pass, if it did. Smaller ones were lost by chance, however long
    /// they stay away.
    pub(super) fn vain(&self, passes: Option<PacketSize>, now: Timestamp) -> Option<Vain> {
        let was_larger = self.lowered_after.is_some() || self.missing_size() > passes;
        self.stall.vain(now).filter(|_| was_larger && !self.arrivals.has_full())
    }

    pub(super) fn round_trips(&self, now: Timestamp) -> RoundTrips {
        self.ack_probes.round_trips(now)
    }

    /// The first byte that is missing, where some are.
    pub(super) fn missing(&self) -> Option<SeqNumber> {
        self.missing_up_to().map(|_| self.connection.receive_next())
    }

    /// The size of the packet that is missing first.
    pub(super) fn missing_size(&self) -> Option<PacketSize> {
        let missing =
            self.missing_up_to()?.bytes_since(self.connection.receive_next()).filter(|&missing| missing > 0)?;
        let full = self.first_payload.map_or(self.arrivals.full(), u32::from);
        Some(PacketSize::new(self.family.tcp_headers() + missing.min(full)))
    }

    fn missing_up_to(&self) -> Option<SeqNumber> {
        let (next, reached) = (self.connection.receive_next(), self.connection.peer_reached());
        self.connection.gap_end().or_else(|| reached.is_after(next).then_some(reached))
    }

    /// When things were said, and the server was heard of.
    pub(super) fn exchange(&self) -> Exchange {
        self.exchange
    }

    /// Whether the path loses packets of any size.
    pub(super) fn has_seen_loss(&self) -> bool {
        self.ack_probes.are_lost() || self.sent.is_repeated()
    }

    /// How long after it was asked the first missing byte came in a smaller packet.
    pub(super) fn lowered_after(&self) -> Option<Duration> {
        self.lowered_after
    }

    /// Withholds acknowledgments, or lets them go.
    pub(super) fn hold_acks(&mut self, held: bool) {
        self.connection.hold_acks(held);
    }

    /// Says what is to be said, and sees whether something is missing.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if let Some(leave) = &mut self.leave {
            let in_a_hurry = leave.go_on(now);
            return self.conversation.leave(&mut self.connection, in_a_hurry);
        }
        if self.connection.state() != TcpState::Open || self.connection.are_acks_held() {
            return;
        }
        loop {
            // What the handshake of TLS still says is no question: the certificates are on their way.
            let has_asked = self.awaits_certificates();
            if !self.conversation.go_on(&mut self.connection) {
                break;
            }
            self.exchange.note_said();
            if !has_asked {
                self.arrivals.asked(self.connection.receive_next());
                self.exchange.note_question(now);
            }
            self.ack_probes.wait_for_reply(now, &self.rtt);
            if let Some(payload) = self.first_payload.filter(|_| self.awaits_certificates()) {
                self.connection.announce_after_first_byte(payload);
            }
        }
        let status = self.conversation.status();
        if status == ReplyStatus::Complete {
            self.arrivals.completed(self.connection.receive_next());
        }
        let is_awaited = status == ReplyStatus::Awaited;
        let missing = self.missing_up_to().filter(|_| is_awaited);
        self.exchange.note(missing.is_some(), self.connection.is_drained(), now);
        let bytes = missing.map(|end| end.bytes_since(self.connection.receive_next()).unwrap_or(0));
        self.stall.note(bytes.map(|bytes| bytes / self.arrivals.full().max(1)), now);
    }

    /// The next segment that is due, if any.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<(Segment, Meaning)> {
        match self.leave {
            // Nobody waits for the answer to a SYN any more, so the server need not either.
            Some(_) if self.connection.state() == TcpState::Connecting => Some(self.reset()),
            Some(leave) => self.poll_connection(now).or_else(|| {
                let is_late = leave.is_late(now) && self.is_alive();
                is_late.then(|| self.reset())
            }),
            None => self.poll_connection(now).or_else(|| {
                let is_due = self.may_ask() && self.ack_probes.take_due(now, &self.rtt);
                is_due.then(|| (self.ack_probe(), Meaning::AckProbe))
            }),
        }
    }

    /// Before the greeting our acknowledgment of the SYN-ACK may be lost, and the old byte does not open the connection in its
    /// place (RFC 9293, 3.10.7.4: it is not acceptable).
    fn ack_probe(&mut self) -> Segment {
        if self.awaits_greeting() {
            self.connection.acknowledge();
        }
        self.connection.ack_probe()
    }

    fn poll_connection(&mut self, now: Timestamp) -> Option<(Segment, Meaning)> {
        let segment = self.connection.poll(now, &self.rtt)?;
        // Of a hello in two parts the first may be acknowledged late, and the goodbye waits behind what is missing.
        if self.first_payload.is_none() && self.leave.is_none() {
            self.sent.note(&segment);
        }
        let meaning = Meaning::Connection(Step::of(&segment));
        Some((segment, meaning))
    }

    fn reset(&mut self) -> (Segment, Meaning) {
        (self.connection.abort(), Meaning::Connection(Step::Reset))
    }

    /// Whether an ack probe may leave. It acknowledges, as every segment does.
    fn may_ask(&self) -> bool {
        let is_open = self.connection.state() == TcpState::Open && !self.connection.are_acks_held();
        is_open && self.conversation.status() == ReplyStatus::Awaited
    }

    pub(super) fn enter_timers(&self, timers: &mut ReverseTimers) {
        if let Some(at) = self.connection.wake() {
            timers.enter_sending(ReverseTimer::Connection, at);
        }
        match self.leave {
            Some(leave) if self.is_alive() => leave.enter_timers(timers),
            None if self.may_ask() => timers.enter(ReverseTimer::AckProbe, self.ack_probes.next()),
            Some(_) | None => {}
        }
    }

    /// Takes in a segment of this connection.
    pub(super) fn receive(
        &mut self,
        ip: &IpHeader,
        segment: &Segment,
        fragment: Option<PacketSize>,
        now: Timestamp,
    ) -> Meaning {
        let (was, acknowledged) = (self.connection.state(), self.connection.acknowledged());
        let before = StreamBefore::new(self.connection.receive_next(), self.missing_up_to())
            .with_gap_end(self.connection.gap_end());
        if self.connection.handle(segment, now, &mut self.rtt) == Effect::NotAcceptable {
            return Meaning::Stray;
        }
        self.exchange.note_heard(now);
        if was == TcpState::Connecting {
            self.learn_full_size();
            self.exchange.note_open(now);
            self.ack_probes.wait_for_reply(now, &self.rtt);
            return Meaning::Connection(Step::of(segment));
        }
        if segment.payload.is_empty() {
            let is_new = self.connection.acknowledged() != acknowledged;
            self.ack_probes.note_answer(!is_new && names_no_more_than_a_byte(segment));
            self.stall.note_answer();
            return Meaning::Connection(Step::of(segment));
        }
        let end = segment.seq + segment.payload.len() as u32;
        if !end.is_after(before.next()) {
            self.exchange.note_repeated();
        }
        let after_gap = self.arrivals.note(ip, segment, fragment, before);
        if self.lowered_after.is_none() && self.arrivals.resent().is_some() {
            self.lowered_after = Some(self.exchange.asked_ago(now));
            self.stall.note_lowered(now);
        }
        if self.connection.receive_next() != before.next() {
            self.arrivals.reached(self.connection.receive_next());
            self.stall.note_progress(now);
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
        if self.awaits_certificates() && self.first_payload.take().is_some() {
            self.connection.announce_window(u16::MAX);
            self.connection.acknowledge();
        }
    }

    /// Ends the connection in order.
    pub(super) fn leave(&mut self, now: Timestamp) {
        if self.leave.is_none() {
            self.begin(Leave::in_order(self.stall.since().is_some(), now));
        }
    }

    /// Ends it without waiting for anything.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.begin(Leave::in_a_hurry(now));
    }

    fn begin(&mut self, leave: Leave) {
        // An acknowledgment that is withheld for ever would keep the connection from its end.
        self.connection.hold_acks(false);
        self.leave = Some(leave);
    }

    fn is_alive(&self) -> bool {
        matches!(self.connection.state(), TcpState::Connecting | TcpState::Open | TcpState::Closing)
    }

    /// Whether nothing more will be sent.
    pub(super) fn is_over(&self) -> bool {
        !self.is_alive() && !self.connection.owes_ack()
    }
}

/// A peer with SACK names the bytes that it has got twice (RFC 2883): the one byte of an ack probe, or those of a segment sent again.
fn names_no_more_than_a_byte(segment: &Segment) -> bool {
    segment.sack.iter().next().is_none_or(|(start, end)| end == start + 1)
}
