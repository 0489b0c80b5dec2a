//! One TCP connection of the peer, from the established state on, as Linux answers (`net/ipv4/tcp_input.c`).

use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::model::{Flags, SackBlocks, Segment, SeqNumber, Timestamp};

use super::service::Service;
use super::tcp_sender::{Limits, Piece, Sender};
use super::trickle::Trickle;
use crate::scenario::{Peer, Stack, Window};

/// `tcp_invalid_ratelimit`.
pub const INVALID_INTERVAL: Duration = Duration::from_millis(500);
/// One challenge ACK in this time, whatever the segment: `challenge_ack_reply` of smoltcp.
const CHALLENGE_INTERVAL: Duration = Duration::from_secs(1);
/// `TCP_DELACK_MIN`.
const DELAYED_ACK: Duration = Duration::from_millis(40);
const RECEIVE_WINDOW: u16 = 64_240;

/// What both ends agreed on.
#[derive(Clone, Copy, Debug)]
pub struct Agreed {
    pub local_port: u16,
    pub remote_port: u16,
    /// First sequence number of the peer, that of its SYN-ACK.
    pub iss: SeqNumber,
    /// First sequence number of the client, that of its SYN.
    pub irs: SeqNumber,
    pub sack: bool,
}

/// What the host tells a new connection.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub limits: Limits,
    pub path_mtu: u32,
    /// What the handshake took.
    pub rtt: Option<Duration>,
    pub quick_ack: bool,
}

/// A connection.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "FINs, habits and timers are independent facts")]
pub struct Connection {
    pub agreed: Agreed,
    habits: Peer,
    rcv_nxt: SeqNumber,
    fin_received: bool,
    pub sender: Sender,
    trickle: Trickle,
    close_wanted: bool,
    /// The server closed first, so this end waits in TIME-WAIT.
    closed_first: bool,
    out_of_order: Vec<(SeqNumber, Bytes)>,
    pub ack_at: Option<Timestamp>,
    /// Pure in-order data without a reply is acknowledged at once (quick ACK) or after 40 ms.
    quick_ack: bool,
    last_limited: Option<Timestamp>,
    pub service: Service,
    pub greet_at: Option<Timestamp>,
    /// A RST of the client ended it.
    pub reset_by_client: bool,
}

/// Segments to send.
pub type Out = Vec<Segment>;

impl Connection {
    pub fn new(agreed: Agreed, habits: &Peer, start: Start) -> Self {
        Self {
            agreed,
            habits: habits.clone(),
            rcv_nxt: agreed.irs + 1,
            fin_received: false,
            sender: Sender::new(start.limits, start.path_mtu, agreed.iss + 1, start.rtt),
            trickle: Trickle::new(habits.bytes_per_second),
            close_wanted: false,
            closed_first: false,
            out_of_order: Vec::new(),
            ack_at: None,
            quick_ack: start.quick_ack,
            last_limited: None,
            service: Service::new(habits),
            greet_at: None,
            reset_by_client: false,
        }
    }

    /// Both FINs were sent and acknowledged.
    pub fn is_closed(&self) -> bool {
        self.sender.fin_sent() && self.fin_received && self.sender.all_acknowledged()
    }

    /// The client has said that it is over, though what was sent to it may still be on the way.
    pub fn client_left(&self) -> bool {
        self.fin_received || self.reset_by_client
    }

    /// Closed, and the other end is the one that waits in TIME-WAIT: a segment meets no connection any more.
    pub fn is_forgotten(&self) -> bool {
        self.reset_by_client || (self.is_closed() && !self.closed_first)
    }

    fn window(&self) -> u16 {
        match self.habits.window {
            Window::Normal => RECEIVE_WINDOW,
            Window::Zero => 0,
        }
    }

    /// A segment arrives (`tcp_rcv_established` and what it calls).
    pub fn receive(&mut self, segment: &Segment, now: Timestamp) -> Out {
        let mut out = Out::new();
        if self.habits.stack == Stack::Smoltcp && self.sender.una.is_after(segment.ack) {
            // It takes an acknowledgement of what is acknowledged already for a duplicate of the whole segment.
            return out;
        }
        if !self.is_acceptable(segment) {
            self.answer_unacceptable(segment, now, &mut out);
        } else if segment.flags.rst {
            self.on_reset(segment, now, &mut out);
        } else if segment.flags.syn {
            self.limited_ack(now, &mut out);
        } else if segment.flags.ack && self.take_ack(segment, now, &mut out) {
            self.take_data(segment, now, &mut out);
            self.transmit(now, &mut out);
            if self.habits.answers_idle_acks && segment.sequence_len() == 0 && out.is_empty() {
                self.ack(None, &mut out);
            }
        }
        out
    }

    /// `tcp_sequence`.
    fn is_acceptable(&self, segment: &Segment) -> bool {
        let end = segment.seq + segment.sequence_len();
        !self.rcv_nxt.is_after(end) && !segment.seq.is_after(self.rcv_nxt + u32::from(self.window()))
    }

    /// `tcp_send_dupack`; segments with data and no SYN are exempt from the rate limit.
    fn answer_unacceptable(&mut self, segment: &Segment, now: Timestamp, out: &mut Out) {
        if segment.flags.rst {
            return;
        }
        if segment.payload.is_empty() || segment.flags.syn {
            self.limited_ack(now, out);
        } else if !self.ignores(segment) {
            self.ack_duplicate(segment, now, out);
        }
    }

    fn ignores(&self, segment: &Segment) -> bool {
        self.habits.old_data_ignored && !(segment.seq + segment.sequence_len()).is_after(self.rcv_nxt)
    }

    fn on_reset(&mut self, segment: &Segment, now: Timestamp, out: &mut Out) {
        if segment.seq == self.rcv_nxt {
            self.reset_by_client = true;
        } else {
            // RFC 5961, 3.2
            self.limited_ack(now, out);
        }
    }

    fn limited_ack(&mut self, now: Timestamp, out: &mut Out) {
        if self.passes_limit(now) {
            self.ack(None, out);
        }
    }

    fn passes_limit(&mut self, now: Timestamp) -> bool {
        let interval = match self.habits.stack {
            Stack::Linux | Stack::Gvisor => INVALID_INTERVAL,
            Stack::Smoltcp => CHALLENGE_INTERVAL,
            Stack::Lwip => Duration::ZERO,
        };
        let passes = self.last_limited.is_none_or(|last| now.since(last) >= interval);
        if passes {
            self.last_limited = Some(now);
        }
        passes
    }

    /// Whether the rest of the segment counts.
    fn take_ack(&mut self, segment: &Segment, now: Timestamp, out: &mut Out) -> bool {
        if segment.ack.is_after(self.sender.nxt) {
            self.limited_ack(now, out);
            return false;
        }
        self.sender.on_ack(segment, now);
        true
    }

    /// `tcp_data_queue`.
    fn take_data(&mut self, segment: &Segment, now: Timestamp, out: &mut Out) {
        let end = segment.seq + segment.sequence_len();
        if segment.sequence_len() == 0 {
            return;
        }
        if !end.is_after(self.rcv_nxt) {
            if !self.ignores(segment) {
                self.ack_duplicate(segment, now, out);
            }
            return;
        }
        if segment.seq.is_after(self.rcv_nxt) {
            self.out_of_order.insert(0, (segment.seq, segment.payload.clone()));
            return self.ack(None, out);
        }
        if self.window() == 0 && !segment.payload.is_empty() {
            return self.ack(self.duplicate_part(segment), out);
        }
        let duplicate = self.duplicate_part(segment);
        let skip = self.rcv_nxt.distance(segment.seq).unsigned_abs() as usize;
        let fresh = segment.payload.slice(skip.min(segment.payload.len())..);
        self.deliver(&fresh, now);
        if segment.flags.fin && self.rcv_nxt == end - 1 {
            self.rcv_nxt = end;
            self.fin_received = true;
            self.close();
        }
        self.drain_out_of_order(now);
        self.acknowledge_new(duplicate, segment.flags.fin, now, out);
    }

    fn duplicate_part(&self, segment: &Segment) -> Option<(SeqNumber, SeqNumber)> {
        self.rcv_nxt.is_after(segment.seq).then_some((segment.seq, self.rcv_nxt))
    }

    fn deliver(&mut self, bytes: &Bytes, now: Timestamp) {
        if bytes.is_empty() {
            return;
        }
        self.rcv_nxt = self.rcv_nxt + bytes.len() as u32;
        let pending = !self.sender.all_acknowledged() || !self.trickle.is_empty();
        let reply = self.service.receive(bytes, pending);
        self.write(&reply, now);
        if self.service.is_over() {
            self.close();
        }
    }

    fn drain_out_of_order(&mut self, now: Timestamp) {
        while let Some(index) = self.out_of_order.iter().position(|(seq, _)| !seq.is_after(self.rcv_nxt)) {
            let (seq, bytes) = self.out_of_order.remove(index);
            let skip = self.rcv_nxt.distance(seq).unsigned_abs() as usize;
            if skip < bytes.len() {
                self.deliver(&bytes.slice(skip..), now);
            }
        }
    }

    fn acknowledge_new(&mut self, duplicate: Option<(SeqNumber, SeqNumber)>, fin: bool, now: Timestamp, out: &mut Out) {
        if duplicate.is_some() || fin || self.quick_ack || !self.out_of_order.is_empty() {
            self.ack(duplicate, out);
        } else if !self.sender.has_unsent() {
            self.ack_at = Some(now + DELAYED_ACK);
        }
    }

    /// Linux, lwIP and gVisor exempt segments with data from their limits; smoltcp does not.
    fn ack_duplicate(&mut self, segment: &Segment, now: Timestamp, out: &mut Out) {
        if self.habits.stack == Stack::Smoltcp && !self.passes_limit(now) {
            return;
        }
        let end = segment.seq + segment.sequence_len();
        let right = if end.is_after(self.rcv_nxt) { self.rcv_nxt } else { end };
        let duplicate = self.rcv_nxt.is_after(segment.seq).then_some((segment.seq, right));
        self.ack(duplicate, out);
    }

    fn ack(&mut self, duplicate: Option<(SeqNumber, SeqNumber)>, out: &mut Out) {
        let mut segment = self.segment(self.sender.nxt, Flags::ACK);
        if self.agreed.sack {
            if let Some((left, right)) = duplicate.filter(|_| self.habits.dsack) {
                segment.sack.push(left, right);
            }
            self.push_sack(&mut segment.sack);
        }
        self.ack_at = None;
        out.push(segment);
    }

    fn push_sack(&self, sack: &mut SackBlocks) {
        for (seq, bytes) in &self.out_of_order {
            sack.push(*seq, *seq + bytes.len() as u32);
        }
    }

    fn segment(&self, seq: SeqNumber, flags: Flags) -> Segment {
        let mut segment = Segment::new(self.agreed.local_port, self.agreed.remote_port, seq, self.rcv_nxt, flags);
        segment.window = self.window();
        segment
    }

    pub fn write(&mut self, bytes: &[u8], now: Timestamp) {
        if self.close_wanted {
            return;
        }
        let at_once = self.trickle.write(bytes, now);
        self.sender.write(at_once);
    }

    /// The end of the stream, after all that was written.
    pub fn close(&mut self) {
        if !self.close_wanted {
            self.close_wanted = true;
            self.closed_first = !self.fin_received;
        }
        if self.trickle.is_empty() {
            self.sender.close();
        }
    }

    /// Sends what was written and not yet sent.
    pub fn transmit(&mut self, now: Timestamp, out: &mut Out) {
        let pieces = self.sender.transmit(now);
        self.send(pieces, out);
    }

    /// The host has learned from a PTB that quotes a segment of this connection.
    pub fn too_big(&mut self, seq: SeqNumber, now: Timestamp) -> Out {
        let mut out = Out::new();
        let pieces = self.sender.too_big(seq, now);
        self.send(pieces, &mut out);
        out
    }

    fn send(&mut self, pieces: Vec<Piece>, out: &mut Out) {
        for piece in pieces {
            let flags = match &piece {
                Piece { fin: true, .. } => Flags::FIN_ACK,
                Piece { payload, .. } if payload.is_empty() => Flags::ACK,
                _ => Flags::PSH_ACK,
            };
            let mut segment = self.segment(piece.seq, flags);
            segment.payload = piece.payload;
            self.ack_at = None;
            out.push(segment);
        }
    }

    /// Timers that are due.
    pub fn wake(&mut self, now: Timestamp) -> Out {
        let mut out = Out::new();
        if self.greet_at.is_some_and(|at| at <= now) {
            self.greet_at = None;
            let greeting = self.service.greet();
            self.write(greeting.as_bytes(), now);
            if self.service.is_over() {
                self.close();
            }
            self.transmit(now, &mut out);
        }
        if self.trickle.next_at().is_some_and(|at| at <= now) {
            let byte = self.trickle.take(now);
            self.sender.write(byte.as_slice());
            if self.close_wanted {
                self.close();
            }
            self.transmit(now, &mut out);
        }
        if self.ack_at.is_some_and(|at| at <= now) {
            self.ack(None, &mut out);
        }
        if self.sender.next_wake().is_some_and(|at| at <= now) {
            let pieces = self.sender.wake(now);
            self.send(pieces, &mut out);
        }
        out
    }

    /// When it has to be woken next.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.is_forgotten() {
            return None;
        }
        [self.sender.next_wake(), self.trickle.next_at(), self.ack_at, self.greet_at].into_iter().flatten().min()
    }

    /// An abort: RST in place of everything else.
    pub fn abort(&self) -> Segment {
        self.segment(self.sender.nxt, Flags::RST_ACK)
    }
}
