//! A TCP client in miniature (RFC 9293): one connection, small writes, in-order reads, an orderly end.
//!
//! It serves this examination alone: it offers neither window scaling nor timestamps, and keeps every byte that it sent,
//! because later probes repeat those bytes.

use std::time::Duration;

use bytes::Bytes;

use crate::model::{Flags, Segment, SeqNumber, Timestamp};

use super::super::filler::{FILLER, filler};
use super::super::rtt::RttEstimator;
use super::inbox::Inbox;

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TcpState {
    /// Nothing sent yet, or the SYN is unanswered.
    Connecting,
    /// Open in both directions.
    Open,
    /// Our FIN is out.
    Closing,
    /// Both directions ended in order.
    Closed,
    /// The SYN was answered by a RST: the port is closed.
    Refused,
    /// The peer reset the open connection.
    Reset,
}

/// One TCP connection.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // the two directions end independently of each other
pub(crate) struct Connection {
    local_port: u16,
    peer_port: u16,
    local_mss: u16,
    state: TcpState,
    iss: SeqNumber,
    /// Every byte written, from `iss + 1` on.
    stream: Vec<u8>,
    /// How much of `stream` this connection may send by itself; bytes beyond are [held](Self::hold).
    released: u32,
    /// Next byte to send, as an offset into `stream`.
    sent: u32,
    acked: u32,
    fin_wanted: bool,
    fin_sent: bool,
    fin_acked: bool,
    inbox: Inbox,
    ack_due: bool,
    /// Data is not acknowledged for now.
    acks_held: bool,
    /// What the acknowledgment of data may wait for something to go with (RFC 9293, 3.8.6.3).
    ack_patience: Duration,
    /// The one that is due waits until then.
    ack_at: Timestamp,
    /// The window that is announced.
    window: u16,
    /// The one that is announced from this offset into `stream` on.
    window_after: Option<(u32, u16)>,
    peer: Peer,
    retransmit_at: Option<Timestamp>,
    /// When a challenge ACK was sent last.
    challenged: Option<Timestamp>,
    tries: u32,
    syn_sent_at: Option<Timestamp>,
}

/// What a segment did to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// None: its numbers are not acceptable. Anybody may have sent it.
    NotAcceptable,
    /// It acknowledges what was acknowledged before and brings nothing.
    Bare,
    /// It opened or ended the connection, acknowledged more, or has a place in the peer's stream.
    Taken,
}

/// What the SYN-ACK and later segments told of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) mss: Option<u16>,
    pub(crate) sack: bool,
    pub(crate) window: u16,
    /// The window in its SYN-ACK.
    pub(crate) first_window: u16,
    pub(crate) window_was_zero: bool,
}

/// A segment that the peer cannot have sent is answered so often at most.
const CHALLENGE_INTERVAL: Duration = Duration::from_millis(500);
/// A SYN is repeated after half a second, twice, and then every second: more patient than a mailer need be, and cheap.
const SYN_INTERVALS: [Duration; 3] = [Duration::from_millis(500), Duration::from_millis(500), Duration::from_secs(1)];
/// Retransmissions of data before the connection counts as dead.
pub(crate) const MOST_TRIES: u32 = 8;

impl Connection {
    pub(crate) fn new(local_port: u16, peer_port: u16, iss: SeqNumber, local_mss: u16) -> Self {
        Self {
            local_port,
            peer_port,
            local_mss,
            state: TcpState::Connecting,
            iss,
            stream: Vec::new(),
            released: 0,
            sent: 0,
            acked: 0,
            fin_wanted: false,
            fin_sent: false,
            fin_acked: false,
            inbox: Inbox::default(),
            ack_due: false,
            acks_held: false,
            ack_patience: Duration::ZERO,
            ack_at: Timestamp::ZERO,
            window: u16::MAX,
            window_after: None,
            peer: Peer::default(),
            retransmit_at: None,
            challenged: None,
            tries: 0,
            syn_sent_at: None,
        }
    }

    pub(crate) fn state(&self) -> TcpState {
        self.state
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    pub(crate) fn local_port(&self) -> u16 {
        self.local_port
    }

    /// How often the SYN, or the oldest unacknowledged byte, was sent.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// The peer ended its direction.
    pub(crate) fn peer_finished(&self) -> bool {
        self.inbox.is_finished()
    }

    /// The sequence number of the first stream byte: everything below is old to the peer from the handshake on.
    pub(crate) fn stream_start(&self) -> SeqNumber {
        self.iss + 1
    }

    /// The lowest sequence number that the peer has not acknowledged.
    pub(crate) fn acknowledged(&self) -> SeqNumber {
        self.stream_start() + self.acked
    }

    /// Stream bytes acknowledged by the peer.
    pub(crate) fn acknowledged_len(&self) -> u32 {
        self.acked
    }

    /// Whether all that was written is acknowledged.
    pub(crate) fn is_drained(&self) -> bool {
        self.acked as usize == self.stream.len()
    }

    /// Writes bytes to be sent at once and retransmitted until acknowledged.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
        self.released = self.stream.len() as u32;
    }

    /// Appends bytes that the caller sends itself by [`segment_over`](Self::segment_over).
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
    }

    /// The end of the stream, held bytes included.
    pub(crate) fn held_end(&self) -> SeqNumber {
        self.stream_start() + self.stream.len() as u32
    }

    /// A reset for a connection that does not end in order.
    pub(crate) fn abort(&mut self) -> Segment {
        self.state = TcpState::Reset;
        let seq = self.stream_start() + self.sent.max(self.acked) + u32::from(self.fin_sent);
        self.segment(seq, Flags::RST_ACK)
    }

    /// Whether a last acknowledgment is still to be sent.
    pub(crate) fn owes_ack(&self) -> bool {
        self.state == TcpState::Closed && self.ack_due
    }

    /// Lets held bytes go by the ordinary way.
    pub(crate) fn release(&mut self) {
        self.released = self.stream.len() as u32;
        self.sent = self.sent.max(self.acked);
    }

    /// Sends the last acknowledgment again.
    pub(crate) fn acknowledge(&mut self) {
        self.owe_ack(Timestamp::ZERO);
    }

    /// Lets acknowledgments of data wait so long for something to go with.
    pub(crate) fn delay_acks(&mut self, patience: Duration) {
        self.ack_patience = patience;
        if patience.is_zero() {
            self.ack_at = Timestamp::ZERO;
        }
    }

    /// An acknowledgment is due, at that instant or when something else leaves.
    fn owe_ack(&mut self, at: Timestamp) {
        self.ack_at = if self.ack_due { self.ack_at.min(at) } else { at };
        self.ack_due = true;
    }

    /// Asks for an orderly end once everything written is acknowledged.
    pub(crate) fn close(&mut self) {
        self.fin_wanted = true;
    }

    /// A segment over the sequence range `[start, start + len)`. Bytes below the stream's start are filler.
    pub(crate) fn segment_over(&self, start: SeqNumber, len: usize) -> Segment {
        let old = self.stream_start().bytes_since(start).unwrap_or(0) as usize;
        if old >= len {
            let mut segment = self.segment(start, Flags::PSH_ACK);
            segment.payload = filler(len);
            return segment;
        }
        let mut payload = vec![FILLER; old];
        let from = start.bytes_since(self.stream_start()).unwrap_or(0) as usize;
        let to = (from + len - payload.len()).min(self.stream.len());
        payload.extend_from_slice(self.stream.get(from..to).unwrap_or_default());
        payload.resize(len, FILLER);
        let mut segment = self.segment(start, Flags::PSH_ACK);
        segment.payload = Bytes::from(payload);
        segment
    }

    /// Bytes received in order and not yet taken.
    pub(crate) fn received(&self) -> &[u8] {
        self.inbox.in_order()
    }

    /// Takes `len` received bytes off.
    pub(crate) fn consume(&mut self, len: usize) {
        self.inbox.consume(len);
    }

    /// The next byte expected of the peer.
    pub(crate) fn receive_next(&self) -> SeqNumber {
        self.inbox.next()
    }

    /// The end of what the peer is known to have sent, whether it arrived or not.
    pub(crate) fn peer_reached(&self) -> SeqNumber {
        self.inbox.reached()
    }

    /// Where the first gap ends, if bytes beyond one have arrived.
    pub(crate) fn gap_end(&self) -> Option<SeqNumber> {
        self.inbox.gap_end()
    }

    /// Announces this window from now on.
    pub(crate) fn announce_window(&mut self, window: u16) {
        self.window = window;
        self.window_after = None;
    }

    /// Sends the next unsent byte by itself, and announces this window with those after it: a peer takes a smaller window
    /// only from a segment that begins later than the one it had the last from (RFC 9293, 3.10.7.4, SND.WL1).
    pub(crate) fn announce_after_first_byte(&mut self, window: u16) {
        self.window_after = Some((self.sent + 1, window));
    }

    /// Whether acknowledgments are held back.
    pub(crate) fn are_acks_held(&self) -> bool {
        self.acks_held
    }

    /// Holds acknowledgments back, or lets them go again.
    pub(crate) fn hold_acks(&mut self, held: bool) {
        if self.acks_held && !held {
            self.owe_ack(Timestamp::ZERO);
        }
        self.acks_held = held;
    }

    /// A byte that the peer has: it answers with an acknowledgment, which tells how far both directions have come.
    pub(crate) fn ack_probe(&self) -> Segment {
        self.segment_over(self.acknowledged() - 1, 1)
    }

    /// The next segment that is due, if any.
    pub(crate) fn poll(&mut self, now: Timestamp, rtt: &RttEstimator) -> Option<Segment> {
        if self.retransmit_at.is_some_and(|at| at <= now) {
            self.rewind();
        }
        match self.state {
            TcpState::Connecting => self.poll_syn(now),
            TcpState::Open | TcpState::Closing => self.poll_data(now, rtt),
            TcpState::Closed => self.poll_ack(now),
            TcpState::Refused | TcpState::Reset => None,
        }
    }

    /// When to poll again without an event.
    pub(crate) fn wake(&self) -> Option<Timestamp> {
        match self.state {
            TcpState::Connecting => Some(self.retransmit_at.unwrap_or(Timestamp::ZERO)),
            TcpState::Open | TcpState::Closing if self.has_unsent() => Some(self.unsent_at()),
            TcpState::Open | TcpState::Closing => self.retransmit_at,
            TcpState::Closed if self.ack_due => Some(Timestamp::ZERO),
            TcpState::Closed | TcpState::Refused | TcpState::Reset => None,
        }
    }

    fn has_unsent(&self) -> bool {
        (self.ack_due && !self.acks_held)
            || (self.sent < self.released && self.peer.window > 0)
            || (self.fin_due() && !self.fin_sent)
    }

    /// When what is unsent may leave: a lone acknowledgment waits, and so does our FIN behind it, for the peer is about to end its
    /// direction as well.
    fn unsent_at(&self) -> Timestamp {
        let waits = self.ack_due && !self.acks_held && (self.sent >= self.released || self.peer.window == 0);
        if waits && !self.peer_finished() { self.ack_at } else { Timestamp::ZERO }
    }

    fn fin_due(&self) -> bool {
        self.fin_wanted && self.is_drained()
    }

    fn poll_syn(&mut self, now: Timestamp) -> Option<Segment> {
        if self.retransmit_at.is_some() {
            return None;
        }
        self.syn_sent_at = Some(now);
        let interval = SYN_INTERVALS.get(self.tries as usize).or(SYN_INTERVALS.last()).copied();
        self.retransmit_at = interval.map(|interval| now + interval);
        self.tries += 1;
        Some(self.syn())
    }

    /// The segment that opens the connection.
    pub(crate) fn syn(&self) -> Segment {
        let mut syn = Segment::new(self.local_port, self.peer_port, self.iss, SeqNumber(0), Flags::SYN);
        syn.window = self.window;
        syn.mss = Some(self.local_mss);
        syn.sack_permitted = true;
        syn
    }

    fn poll_data(&mut self, now: Timestamp, rtt: &RttEstimator) -> Option<Segment> {
        if self.sent < self.released && self.peer.window > 0 {
            let end = match self.window_after {
                Some((at, _)) if self.sent < at => at.min(self.released),
                Some((_, window)) => {
                    self.announce_window(window);
                    self.released
                }
                None => self.released,
            };
            let start = self.stream_start() + self.sent;
            let len = end - self.sent;
            self.sent = end;
            self.arm(now, rtt);
            self.ack_due = false;
            return Some(self.segment_over(start, len as usize));
        }
        if self.fin_due() && !self.fin_sent && self.unsent_at() <= now {
            self.fin_sent = true;
            self.state = TcpState::Closing;
            self.arm(now, rtt);
            self.ack_due = false;
            return Some(self.segment(self.acknowledged(), Flags::FIN_ACK));
        }
        self.poll_ack(now)
    }

    fn poll_ack(&mut self, now: Timestamp) -> Option<Segment> {
        if !self.ack_due || self.acks_held || self.ack_at > now {
            return None;
        }
        self.ack_due = false;
        let fin = u32::from(self.fin_sent);
        Some(self.segment(self.stream_start() + self.sent.max(self.acked) + fin, Flags::ACK))
    }

    fn segment(&self, seq: SeqNumber, flags: Flags) -> Segment {
        let mut segment = Segment::new(self.local_port, self.peer_port, seq, self.inbox.next(), flags);
        segment.window = self.window;
        // Beside data there is no need, and a probe's size leaves no room.
        if self.peer.sack && flags == Flags::ACK {
            segment.sack = self.inbox.sack_blocks();
        }
        segment
    }

    fn arm(&mut self, now: Timestamp, rtt: &RttEstimator) {
        self.tries += 1;
        self.retransmit_at = Some(now + rtt.retransmission() * 2u32.saturating_pow((self.tries - 1).min(5)));
    }

    /// Goes back to the first unacknowledged byte (RFC 6298, 5.4).
    fn rewind(&mut self) {
        self.retransmit_at = None;
        self.sent = self.acked;
        self.fin_sent = false;
    }

    /// Takes in a segment with the ports of this connection.
    pub(crate) fn handle(&mut self, segment: &Segment, now: Timestamp, rtt: &mut RttEstimator) -> Effect {
        match self.state {
            TcpState::Connecting => self.handle_syn_ack(segment, now, rtt),
            TcpState::Open | TcpState::Closing | TcpState::Closed => self.handle_open(segment, now),
            TcpState::Refused | TcpState::Reset => Effect::NotAcceptable,
        }
    }

    /// RFC 9293, 3.10.7.3: the acknowledgment number has to be ours.
    fn handle_syn_ack(&mut self, segment: &Segment, now: Timestamp, rtt: &mut RttEstimator) -> Effect {
        let is_answer = segment.flags.rst || segment.flags.syn;
        if !is_answer || !segment.flags.ack || segment.ack != self.iss + 1 {
            return Effect::NotAcceptable;
        }
        if segment.flags.rst {
            self.state = TcpState::Refused;
        } else {
            self.state = TcpState::Open;
            self.inbox = Inbox::starting_at(segment.seq + 1);
            self.owe_ack(now);
            self.peer = Peer {
                mss: segment.mss,
                sack: segment.sack_permitted,
                window: segment.window,
                first_window: segment.window,
                window_was_zero: segment.window == 0,
            };
            self.retransmit_at = None;
        }
        // Karn's rule: an answer to a repeated SYN gives no sample. A refusal gives one too.
        if let (1, Some(sent)) = (self.tries, self.syn_sent_at) {
            rtt.sample(now.since(sent));
        }
        if self.state == TcpState::Open {
            self.tries = 0;
        }
        Effect::Taken
    }

    /// RFC 9293, 3.10.7.4, in its order: sequence number, RST, SYN, ACK, data. The numbers are what a sender off the path has to
    /// guess.
    fn handle_open(&mut self, segment: &Segment, now: Timestamp) -> Effect {
        if segment.flags.rst {
            return self.handle_reset(segment, now);
        }
        if segment.flags.syn {
            let is_syn_ack =
                segment.flags.ack && segment.ack == self.stream_start() && self.inbox.begins_after(segment);
            if is_syn_ack {
                // Our ACK was lost.
                self.owe_ack(now);
                return Effect::Taken;
            }
            self.challenge(now);
            return Effect::NotAcceptable;
        }
        let Some(acked) = self.acknowledged_by(segment).filter(|_| self.inbox.accepts(segment)) else {
            return Effect::NotAcceptable;
        };
        let is_old = acked < self.acked || self.inbox.next().is_after(segment.seq);
        let moved = self.take_ack(segment, acked);
        let took = self.take_data(segment, now);
        if self.fin_acked && self.inbox.is_finished() {
            self.state = TcpState::Closed;
            self.retransmit_at = None;
        }
        let is_bare = !moved && !took && !is_old && segment.payload.is_empty() && !segment.flags.fin;
        if is_bare { Effect::Bare } else { Effect::Taken }
    }

    /// RFC 5961, 3.2: a RST counts at exactly the next byte expected. One elsewhere in the window is answered, and a peer that
    /// did reset the connection repeats it at the right place.
    fn handle_reset(&mut self, segment: &Segment, now: Timestamp) -> Effect {
        if self.state == TcpState::Closed || !self.inbox.accepts(segment) {
            return Effect::NotAcceptable;
        }
        if segment.seq != self.inbox.next() {
            if segment.seq.is_after(self.inbox.next()) {
                self.challenge(now);
            }
            return Effect::NotAcceptable;
        }
        self.state = TcpState::Reset;
        Effect::Taken
    }

    /// A challenge ACK (RFC 5961, 4.2), rationed (section 7): whoever forges segments gets no flood in return.
    fn challenge(&mut self, now: Timestamp) {
        if self.challenged.is_none_or(|last| now.since(last) >= CHALLENGE_INTERVAL) {
            self.challenged = Some(now);
            self.owe_ack(now);
        }
    }

    /// How far into our stream a segment acknowledges, if we have sent so much (RFC 5961, 5.2).
    fn acknowledged_by(&self, segment: &Segment) -> Option<u32> {
        let acked = segment.ack.bytes_since(self.stream_start()).filter(|_| segment.flags.ack);
        acked.filter(|&acked| acked <= self.highest())
    }

    /// The offset behind all that the peer may acknowledge, our FIN included.
    fn highest(&self) -> u32 {
        self.stream.len() as u32 + u32::from(self.fin_sent)
    }

    fn take_ack(&mut self, segment: &Segment, acked: u32) -> bool {
        self.peer.window = segment.window;
        self.peer.window_was_zero |= segment.window == 0;
        if self.fin_sent && acked == self.highest() {
            self.fin_acked = true;
            self.retransmit_at = None;
        }
        let acked = acked.min(self.stream.len() as u32);
        if acked <= self.acked {
            return false;
        }
        self.acked = acked;
        self.sent = self.sent.max(acked);
        self.tries = 0;
        if self.acked >= self.released {
            self.retransmit_at = None;
        }
        true
    }

    /// Takes bytes; whatever is not next draws an ACK that says what is expected.
    fn take_data(&mut self, segment: &Segment, now: Timestamp) -> bool {
        if segment.sequence_len() > 0 {
            // The second one of a row is acknowledged at once, and so is what comes again, out of order, or last.
            let is_next = segment.seq == self.inbox.next() && !segment.flags.fin;
            let may_wait = is_next && !self.ack_due && self.gap_end().is_none();
            self.owe_ack(if may_wait { now + self.ack_patience } else { now });
        }
        self.inbox.take(segment)
    }
}

#[cfg(test)]
mod tests;
