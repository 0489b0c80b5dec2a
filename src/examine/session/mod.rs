//! The conversation with the server: one TCP connection, the little SMTP that is spoken on it, and the old ranges of its
//! sequence space that probes repeat.

mod inbox;
mod ranges;
mod sent;
mod smtp;
mod tcp;

use std::time::Duration;

use crate::model::{Family, FirstFlight, PacketSize, Plan, Reception, Segment, SeqNumber, Technique, Timestamp, Ttl};

use super::rtt::RttEstimator;

pub(super) use ranges::RangeUser;
pub(super) use sent::SentSegments;
pub(super) use smtp::{Dialogue, SmtpState, most_material};
pub(super) use tcp::{Connection, Effect, MOST_TRIES, Peer, TcpState};

/// One conversation.
#[derive(Clone, Debug)]
pub(super) struct Session {
    connection: Connection,
    dialogue: Dialogue,
    sent: SentSegments,
    opened: Option<Timestamp>,
    /// When the server last completed a reply.
    last_word: Timestamp,
    /// TTL of the last packet from the server.
    arrived_with: Ttl,
}

/// What an arriving segment did to the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// It is a pure acknowledgment that moved nothing and names no range.
    pub(super) is_bare: bool,
}

/// Where packets are saved, an acknowledgment waits for a command or the end to go with. RFC 9293, 3.8.6.3 allows 500 ms; Linux sends
/// again what is not acknowledged within 200 ms and a round trip.
const ACK_PATIENCE: Duration = Duration::from_millis(100);

impl Session {
    pub(super) fn new(plan: &Plan, iss: SeqNumber, now: Timestamp) -> Self {
        let local_port = plan.local_ports.first().copied().unwrap_or_default();
        let mut connection = Connection::new(local_port, plan.port, iss, plan.announced_mss());
        if plan.first_flight == FirstFlight::TwoSizes {
            connection.delay_acks(ACK_PATIENCE);
        }
        Self {
            sent: SentSegments::new(plan.family(), &connection.syn()),
            connection,
            dialogue: Dialogue::new(plan.source),
            opened: None,
            last_word: now,
            arrived_with: Ttl::DEFAULT,
        }
    }

    /// Gives up the connection and the dialogue on it, for somebody else to go on with.
    pub(super) fn into_parts(mut self) -> (Connection, Dialogue) {
        self.connection.delay_acks(Duration::ZERO);
        (self.connection, self.dialogue)
    }

    pub(super) fn state(&self) -> TcpState {
        self.connection.state()
    }

    pub(super) fn peer(&self) -> Peer {
        self.connection.peer()
    }

    pub(super) fn local_port(&self) -> u16 {
        self.connection.local_port()
    }

    /// When the handshake was complete.
    pub(super) fn opened(&self) -> Option<Timestamp> {
        self.opened
    }

    pub(super) fn last_word(&self) -> Timestamp {
        self.last_word
    }

    /// Whether words of the server are known to be lost: they come again (RFC 6298).
    pub(super) fn is_missing_words(&self) -> bool {
        self.connection.peer_reached().distance(self.connection.receive_next()) > 0
    }

    pub(super) fn arrived_with(&self) -> Ttl {
        self.arrived_with
    }

    pub(super) fn dialogue(&self) -> &Dialogue {
        &self.dialogue
    }

    /// Whether the oldest byte was sent so often without an acknowledgment that the server takes none.
    pub(super) fn is_given_up(&self) -> bool {
        self.connection.tries() >= MOST_TRIES
    }

    /// Whether a first SYN stayed unanswered, and the port is still silent.
    pub(super) fn repeats_its_syn(&self) -> bool {
        self.state() == TcpState::Connecting && self.connection.tries() >= 2
    }

    /// How the server receives us, as far as it has shown.
    pub(super) fn reception(&self) -> Reception {
        reception(&self.dialogue, self.state())
    }

    /// Largest packet TCP would send to this peer, once the connection was open, if the route of this host did not allow less.
    pub(super) fn tcp_limit(&self, plan: &Plan) -> Option<PacketSize> {
        self.opened?;
        let mss = self.peer().mss.unwrap_or(default_mss(plan.family()));
        Some(PacketSize::from_mss(mss, plan.family()).min(plan.local_mtu.max(plan.max_size)))
    }

    /// Reads what came and takes note of a completed reply.
    pub(super) fn listen(&mut self, now: Timestamp) {
        if self.dialogue.read(&mut self.connection) {
            self.last_word = now;
        }
    }

    /// The next segment of the conversation that is due.
    pub(super) fn poll(&mut self, now: Timestamp, rtt: &RttEstimator) -> Option<Segment> {
        self.connection.poll(now, rtt)
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.connection.wake()
    }

    /// Takes in a segment with the ports of this connection that arrived with this TTL. `None`: it is none of it.
    pub(super) fn receive(
        &mut self,
        segment: &Segment,
        ttl: Ttl,
        now: Timestamp,
        rtt: &mut RttEstimator,
    ) -> Option<Arrival> {
        let before = self.connection.state();
        let effect = self.connection.handle(segment, now, rtt);
        if effect == Effect::NotAcceptable {
            return None;
        }
        self.arrived_with = ttl;
        if before == TcpState::Connecting && self.connection.state() == TcpState::Open {
            self.opened = Some(now);
        }
        Some(Arrival { is_bare: effect == Effect::Bare && segment.sack.is_empty() })
    }

    /// Takes note of a packet of the server on another flow or of another protocol.
    pub(super) fn heard_beside(&mut self, ttl: Ttl) {
        self.arrived_with = ttl;
    }

    /// Sends the last acknowledgment of the handshake again.
    pub(super) fn acknowledge(&mut self) {
        self.connection.acknowledge();
    }

    /// A segment of `len` bytes that are old to the peer, and its range, which is that of no other probe. `bytes`: filler below
    /// the initial sequence number, or SMTP bytes that the server has acknowledged.
    pub(super) fn old_segment(
        &mut self,
        len: usize,
        bytes: Technique,
        user: RangeUser,
    ) -> Option<(SeqNumber, SeqNumber, Segment)> {
        let highest = match bytes {
            Technique::SmtpData => self.connection.acknowledged(),
            _ => self.connection.stream_start(),
        };
        let len = len.max(1);
        let (start, end) = self.sent.allocate(highest, len as u32, user)?;
        Some((start, end, self.connection.segment_over(start, len)))
    }

    /// Lets go of the ranges of a search that begins anew.
    pub(super) fn forget_ranges(&mut self, user: RangeUser) {
        self.sent.forget(user);
    }

    /// Whether a segment of in-order bytes begins here.
    pub(super) fn is_in_order(&self, start: SeqNumber) -> bool {
        self.sent.is_reserved(start)
    }

    /// What was sent on this connection.
    pub(super) fn sent(&self) -> &SentSegments {
        &self.sent
    }

    /// Whether a segment of this connection that begins here is its SYN.
    pub(super) fn is_own_syn(&self, seq: SeqNumber) -> bool {
        seq + 1 == self.connection.stream_start()
    }

    /// Whether a sequence number lies in the stream of this connection.
    pub(super) fn is_of_stream(&self, seq: SeqNumber) -> bool {
        !self.connection.stream_start().is_after(seq) && !seq.is_after(self.connection.held_end() + 1)
    }

    /// Writes the next command, if one may be said, for the caller to send by [`in_order_segment`](Self::in_order_segment) as the
    /// end of a segment of `len` bytes, or in pieces of `piece`. Returns the end of the command.
    pub(super) fn hold_command(&mut self, len: usize, piece: usize) -> Option<SeqNumber> {
        if !self.dialogue.hold_next(&mut self.connection, len) {
            return None;
        }
        let end = self.connection.held_end();
        self.sent.reserve(end - len as u32, len as u32, piece.max(1) as u32);
        Some(end)
    }

    /// Writes the next byte of a command, if one may be said, for the caller to send by
    /// [`in_order_segment`](Self::in_order_segment). Returns its sequence number.
    pub(super) fn next_byte(&mut self) -> Option<SeqNumber> {
        let is_written = self.dialogue.hold_byte(&mut self.connection);
        is_written.then(|| self.connection.held_end() - 1)
    }

    /// A segment over `[start, start + len)`, bytes held back included.
    pub(super) fn in_order_segment(&self, start: SeqNumber, len: usize) -> Segment {
        self.connection.segment_over(start, len)
    }

    /// The lowest sequence number that the peer has not acknowledged.
    pub(super) fn acknowledged(&self) -> SeqNumber {
        self.connection.acknowledged()
    }

    /// Stream bytes acknowledged by the peer.
    pub(super) fn acknowledged_len(&self) -> u32 {
        self.connection.acknowledged_len()
    }

    /// Sends commands until `wanted` bytes are acknowledged. Returns whether they are.
    pub(super) fn gather(&mut self, wanted: usize) -> bool {
        self.dialogue.gather(&mut self.connection, wanted)
    }

    /// Lets bytes that were held back go by the ordinary way, and with them the rest of a command that was begun.
    pub(super) fn release(&mut self) {
        self.dialogue.hold_rest(&mut self.connection);
        self.connection.release();
    }

    /// Says QUIT, if the server listens, and closes once nothing more is to be said. `is_greeting_awaited`: a greeting that is
    /// still to come is waited for.
    pub(super) fn leave(&mut self, is_greeting_awaited: bool) {
        let said = self.dialogue.quit(&mut self.connection);
        let waits = match self.dialogue.state() {
            SmtpState::AwaitGreeting => is_greeting_awaited,
            SmtpState::AwaitReply | SmtpState::Quitting => true,
            SmtpState::Ready | SmtpState::Over => false,
        };
        if !said && !waits {
            self.connection.close();
        }
    }

    /// A reset for a connection that does not end in order.
    pub(super) fn abort(&mut self) -> Segment {
        self.connection.abort()
    }

    /// Whether a last acknowledgment is still to be sent.
    pub(super) fn owes_ack(&self) -> bool {
        self.connection.owes_ack()
    }
}

/// How a server receives a visitor, by what it said and how the connection stands.
pub(super) fn reception(dialogue: &Dialogue, state: TcpState) -> Reception {
    match dialogue.reception() {
        Reception::NotHeard if state == TcpState::Reset => Reception::Reset,
        heard => heard,
    }
}

/// RFC 9293, 3.7.1: without the option the MSS is 536 (IPv4) or 1220 (IPv6).
pub(super) fn default_mss(family: Family) -> u16 {
    if family == Family::V4 { 536 } else { 1220 }
}
