//! One TCP connection of the peer, from the established state on, as Linux answers (`net/ipv4/tcp_input.c`).

use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::model::{Flags, SackBlocks, Segment, SeqNumber, Timestamp};

use super::smtp::Smtp;
use crate::scenario::{Peer, Window};

/// `TCP_RTO_MIN` of Linux.
pub const FIRST_RTO: Duration = Duration::from_millis(200);
const LONGEST_RTO: Duration = Duration::from_secs(120);
/// `tcp_invalid_ratelimit`.
pub const INVALID_INTERVAL: Duration = Duration::from_millis(500);
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
    /// Largest payload the peer sends.
    pub mss: u16,
    pub sack: bool,
}

/// A connection.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "FINs, habits and timers are independent facts")]
pub struct Connection {
    pub agreed: Agreed,
    habits: Peer,
    rcv_nxt: SeqNumber,
    fin_received: bool,
    snd_una: SeqNumber,
    snd_nxt: SeqNumber,
    /// Everything the server ever wrote; its first byte has the sequence number `iss + 1`.
    written: Vec<u8>,
    close_wanted: bool,
    fin_sent: bool,
    /// The server closed first, so this end waits in TIME-WAIT.
    closed_first: bool,
    out_of_order: Vec<(SeqNumber, Bytes)>,
    rto: Duration,
    pub retransmit_at: Option<Timestamp>,
    pub ack_at: Option<Timestamp>,
    /// Pure in-order data without a reply is acknowledged at once (quick ACK) or after 40 ms.
    quick_ack: bool,
    last_limited: Option<Timestamp>,
    pub smtp: Smtp,
    pub greet_at: Option<Timestamp>,
    /// A RST of the client ended it.
    pub reset_by_client: bool,
}

/// Segments to send.
pub type Out = Vec<Segment>;

impl Connection {
    pub fn new(agreed: Agreed, habits: &Peer, quick_ack: bool) -> Self {
        Self {
            agreed,
            habits: habits.clone(),
            rcv_nxt: agreed.irs + 1,
            fin_received: false,
            snd_una: agreed.iss + 1,
            snd_nxt: agreed.iss + 1,
            written: Vec::new(),
            close_wanted: false,
            fin_sent: false,
            closed_first: false,
            out_of_order: Vec::new(),
            rto: FIRST_RTO,
            retransmit_at: None,
            ack_at: None,
            quick_ack,
            last_limited: None,
            smtp: Smtp::default(),
            greet_at: None,
            reset_by_client: false,
        }
    }

    /// Both FINs were sent and acknowledged.
    pub fn is_closed(&self) -> bool {
        self.fin_sent && self.fin_received && self.snd_una == self.snd_nxt
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
        if !self.is_acceptable(segment) {
            self.answer_unacceptable(segment, now, &mut out);
        } else if segment.flags.rst {
            self.on_reset(segment, now, &mut out);
        } else if segment.flags.syn {
            self.limited_ack(now, &mut out);
        } else if segment.flags.ack && self.take_ack(segment, now, &mut out) {
            self.take_data(segment, now, &mut out);
            self.transmit(now, &mut out);
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
            self.ack_duplicate(segment, out);
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
        if self.last_limited.is_none_or(|last| now.since(last) >= INVALID_INTERVAL) {
            self.last_limited = Some(now);
            self.ack(None, out);
        }
    }

    /// Whether the rest of the segment counts.
    fn take_ack(&mut self, segment: &Segment, now: Timestamp, out: &mut Out) -> bool {
        if segment.ack.is_after(self.snd_nxt) {
            self.limited_ack(now, out);
            return false;
        }
        if segment.ack.is_after(self.snd_una) {
            self.snd_una = segment.ack;
            self.rto = FIRST_RTO;
            self.retransmit_at = (self.snd_una != self.snd_nxt).then(|| now + self.rto);
        }
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
                self.ack_duplicate(segment, out);
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
        self.deliver(&fresh);
        if segment.flags.fin && self.rcv_nxt == end - 1 {
            self.rcv_nxt = end;
            self.fin_received = true;
            self.close();
        }
        self.drain_out_of_order();
        self.acknowledge_new(duplicate, segment.flags.fin, now, out);
    }

    fn duplicate_part(&self, segment: &Segment) -> Option<(SeqNumber, SeqNumber)> {
        self.rcv_nxt.is_after(segment.seq).then_some((segment.seq, self.rcv_nxt))
    }

    fn deliver(&mut self, bytes: &Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.rcv_nxt = self.rcv_nxt + bytes.len() as u32;
        if self.habits.greeting {
            let reply = self.smtp.receive(bytes, self.snd_una != self.snd_nxt);
            self.write(reply.as_bytes());
            if self.smtp.quit {
                self.close();
            }
        } else {
            self.smtp.complaints.push("spoke before the greeting".into());
        }
    }

    fn drain_out_of_order(&mut self) {
        while let Some(index) = self.out_of_order.iter().position(|(seq, _)| !seq.is_after(self.rcv_nxt)) {
            let (seq, bytes) = self.out_of_order.remove(index);
            let skip = self.rcv_nxt.distance(seq).unsigned_abs() as usize;
            if skip < bytes.len() {
                self.deliver(&bytes.slice(skip..));
            }
        }
    }

    fn acknowledge_new(&mut self, duplicate: Option<(SeqNumber, SeqNumber)>, fin: bool, now: Timestamp, out: &mut Out) {
        if duplicate.is_some() || fin || self.quick_ack || !self.out_of_order.is_empty() {
            self.ack(duplicate, out);
        } else if !self.has_unsent() {
            self.ack_at = Some(now + DELAYED_ACK);
        }
    }

    fn ack_duplicate(&mut self, segment: &Segment, out: &mut Out) {
        let end = segment.seq + segment.sequence_len();
        let right = if end.is_after(self.rcv_nxt) { self.rcv_nxt } else { end };
        let duplicate = self.rcv_nxt.is_after(segment.seq).then_some((segment.seq, right));
        self.ack(duplicate, out);
    }

    fn ack(&mut self, duplicate: Option<(SeqNumber, SeqNumber)>, out: &mut Out) {
        let mut segment = self.segment(self.snd_nxt, Flags::ACK);
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

    pub fn write(&mut self, bytes: &[u8]) {
        if !self.close_wanted {
            self.written.extend_from_slice(bytes);
        }
    }

    pub fn close(&mut self) {
        if !self.close_wanted {
            self.close_wanted = true;
            self.closed_first = !self.fin_received;
        }
    }

    fn position(&self, seq: SeqNumber) -> usize {
        seq.distance(self.agreed.iss + 1).unsigned_abs() as usize
    }

    fn has_unsent(&self) -> bool {
        self.position(self.snd_nxt) < self.written.len() || (self.close_wanted && !self.fin_sent)
    }

    /// Sends what was written and not yet sent.
    pub fn transmit(&mut self, now: Timestamp, out: &mut Out) {
        while self.has_unsent() {
            let segment = self.next_segment(self.snd_nxt);
            self.fin_sent |= segment.flags.fin;
            self.snd_nxt = self.snd_nxt + segment.sequence_len();
            self.ack_at = None;
            self.retransmit_at.get_or_insert(now + self.rto);
            out.push(segment);
        }
    }

    fn next_segment(&self, seq: SeqNumber) -> Segment {
        let from = self.position(seq);
        if from >= self.written.len() {
            return self.segment(seq, Flags::FIN_ACK);
        }
        let to = self.written.len().min(from + usize::from(self.agreed.mss));
        let mut segment = self.segment(seq, Flags::PSH_ACK);
        segment.payload = Bytes::copy_from_slice(&self.written[from..to]);
        segment
    }

    /// Timers that are due.
    pub fn wake(&mut self, now: Timestamp) -> Out {
        let mut out = Out::new();
        if self.greet_at.is_some_and(|at| at <= now) {
            self.greet_at = None;
            let greeting = self.smtp.greet();
            self.write(greeting.as_bytes());
            self.transmit(now, &mut out);
        }
        if self.ack_at.is_some_and(|at| at <= now) {
            self.ack(None, &mut out);
        }
        if self.retransmit_at.is_some_and(|at| at <= now) && self.snd_una != self.snd_nxt {
            self.rto = (self.rto * 2).min(LONGEST_RTO);
            self.retransmit_at = Some(now + self.rto);
            out.push(self.next_segment(self.snd_una));
        }
        out
    }

    /// When it has to be woken next.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.is_forgotten() {
            return None;
        }
        [self.retransmit_at, self.ack_at, self.greet_at].into_iter().flatten().min()
    }

    /// An abort: RST in place of everything else.
    pub fn abort(&self) -> Segment {
        self.segment(self.snd_nxt, Flags::RST_ACK)
    }
}
