//! The sending half of one TCP connection of the peer, as Linux sends (`net/ipv4/tcp_output.c`, `tcp_timer.c`).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::model::{Segment, SeqNumber, Timestamp};

use super::tcp_clock::Clock;

/// `TCP_INIT_CWND`, in segments.
const INITIAL_WINDOW: usize = 10;
/// `TCP_MSS_DEFAULT`: up to here, the whole of a window may be one segment.
const TINY_WINDOW: u32 = 536;
/// `TCP_MIN_SND_MSS`.
const SMALLEST_MSS: u32 = 48;
/// `net.ipv4.tcp_base_mss`.
const PROBING_MSS: u32 = 1024;
/// `tcp_retries1 = 3` as a time: (2^4 - 1) times the least time-out.
const PROBING_AFTER: Duration = Duration::from_secs(3);
/// Duplicate acknowledgments, or segments selectively acknowledged, that make a loss certain.
const DUP_THRESHOLD: usize = 3;

/// What limits the size of segments from the start.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The other end's MSS option, and the own interface.
    pub mss: u32,
    /// Bytes of IP and TCP headers.
    pub headers: u32,
    pub sack: bool,
    /// `net.ipv4.tcp_mtu_probing=1`.
    pub mtu_probing: bool,
}

/// The sending half.
#[derive(Debug)]
pub struct Sender {
    limits: Limits,
    /// What the host knows about the path.
    pub path_mtu: u32,
    /// The MSS that black hole detection has come down to.
    probing: Option<u32>,
    /// Sequence number of the first byte.
    first: SeqNumber,
    /// Everything the server ever wrote.
    written: Vec<u8>,
    close_wanted: bool,
    pub una: SeqNumber,
    pub nxt: SeqNumber,
    in_flight: VecDeque<Chunk>,
    window: u32,
    largest_window: u32,
    congestion_window: usize,
    threshold: usize,
    clock: Clock,
    timer: Option<(Timer, Timestamp)>,
    /// When what SACK left out counts as lost.
    losses_at: Option<Timestamp>,
    duplicate_acks: usize,
    /// Until this is acknowledged, an episode of loss goes on.
    recovery: Option<SeqNumber>,
    /// The last segment was sent once more to learn about its fate.
    tail_probed: bool,
    /// Time-outs without progress.
    timeouts: u32,
    /// `retrans_stamp`: the first resending of this episode.
    first_resent_at: Option<Timestamp>,
}

/// Something sent and not acknowledged.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    seq: SeqNumber,
    len: u32,
    sent_at: Timestamp,
    sacked: bool,
    lost: bool,
    resent: bool,
}

/// A segment to send, but for what the receiving half adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub seq: SeqNumber,
    pub payload: Bytes,
    pub fin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// Tail loss probe.
    Tail,
    Resend,
    /// The window does not take what waits.
    Persist,
}

impl Chunk {
    fn end(&self) -> SeqNumber {
        self.seq + self.len
    }

    fn travels(&self) -> bool {
        !self.sacked && !self.lost
    }
}

impl Sender {
    /// `first`: the sequence number of the first byte. `rtt`: what the handshake took, if it tells.
    pub fn new(limits: Limits, path_mtu: u32, first: SeqNumber, rtt: Option<Duration>) -> Self {
        Self {
            limits,
            path_mtu,
            probing: None,
            first,
            written: Vec::new(),
            close_wanted: false,
            una: first,
            nxt: first,
            in_flight: VecDeque::new(),
            window: 0,
            largest_window: 0,
            congestion_window: INITIAL_WINDOW,
            threshold: usize::MAX,
            clock: Clock::new(rtt),
            timer: None,
            losses_at: None,
            duplicate_acks: 0,
            recovery: None,
            tail_probed: false,
            timeouts: 0,
            first_resent_at: None,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        if !self.close_wanted {
            self.written.extend_from_slice(bytes);
        }
    }

    pub fn close(&mut self) {
        self.close_wanted = true;
    }

    pub fn all_acknowledged(&self) -> bool {
        self.una == self.nxt
    }

    /// The FIN is out.
    pub fn fin_sent(&self) -> bool {
        self.position(self.nxt) > self.written.len()
    }

    pub fn has_unsent(&self) -> bool {
        self.position(self.nxt) < self.written.len() || (self.close_wanted && !self.fin_sent())
    }

    pub fn next_wake(&self) -> Option<Timestamp> {
        [self.timer.map(|(_, at)| at), self.losses_at].into_iter().flatten().min()
    }

    /// Whether this is a sequence number that was sent and not acknowledged.
    pub fn covers(&self, seq: SeqNumber) -> bool {
        !self.una.is_after(seq) && !seq.is_after(self.nxt)
    }

    /// `tcp_current_mss`.
    pub fn mss(&self) -> u32 {
        let path = self.path_mtu.saturating_sub(self.limits.headers);
        // `tcp_bound_to_half_wnd`
        let window = if self.largest_window > TINY_WINDOW { self.largest_window / 2 } else { self.largest_window };
        let window = if window == 0 { u32::MAX } else { window };
        let bounds = [self.limits.mss, path, window, self.probing.unwrap_or(u32::MAX)];
        bounds.into_iter().min().unwrap_or(0).max(SMALLEST_MSS)
    }

    /// What an acceptable segment says about what was sent. It acknowledges nothing that was not.
    pub fn on_ack(&mut self, segment: &Segment, now: Timestamp) {
        let window = u32::from(segment.window);
        let repeats = segment.ack == self.una && segment.sequence_len() == 0 && window == self.window;
        if !self.una.is_after(segment.ack) {
            self.window = window;
            self.largest_window = self.largest_window.max(window);
        }
        let newly_sacked = self.take_sack(segment, now);
        if segment.ack.is_after(self.una) {
            self.advance(segment.ack, now);
        } else if repeats && !self.all_acknowledged() {
            self.duplicate_acks += 1;
        }
        self.detect_losses(newly_sacked, now);
    }

    fn advance(&mut self, ack: SeqNumber, now: Timestamp) {
        while let Some(chunk) = self.in_flight.front_mut().filter(|chunk| ack.is_after(chunk.seq)) {
            if chunk.end().is_after(ack) {
                chunk.len = chunk.end().distance(ack).unsigned_abs();
                chunk.seq = ack;
                break;
            }
            if !chunk.resent && !chunk.sacked {
                self.clock.sample(now.since(chunk.sent_at));
            }
            if self.congestion_window < self.threshold {
                self.congestion_window += 1;
            }
            self.in_flight.pop_front();
        }
        self.una = ack;
        self.duplicate_acks = 0;
        self.timeouts = 0;
        self.tail_probed = false;
        self.clock.backoff = 0;
        if self.recovery.is_some_and(|end| !end.is_after(ack)) {
            self.recovery = None;
            self.first_resent_at = None;
        }
        self.arm(now);
    }

    fn take_sack(&mut self, segment: &Segment, now: Timestamp) -> bool {
        let mut any = false;
        for (left, right) in segment.sack.iter() {
            for chunk in &mut self.in_flight {
                let covered = !left.is_after(chunk.seq) && !chunk.end().is_after(right);
                if covered && !chunk.sacked {
                    chunk.sacked = true;
                    any = true;
                    if !chunk.resent {
                        self.clock.sample(now.since(chunk.sent_at));
                    }
                }
            }
        }
        any
    }

    /// RACK where there is SACK: what was sent before something that arrived is lost, after a time for reordering. Else three
    /// duplicate acknowledgments.
    fn detect_losses(&mut self, newly_sacked: bool, now: Timestamp) {
        if newly_sacked && self.suspects().next().is_some() {
            let sacked = self.in_flight.iter().filter(|chunk| chunk.sacked).count();
            let certain = sacked >= DUP_THRESHOLD || self.recovery.is_some();
            let patience = if certain { Duration::ZERO } else { self.clock.rtt() / 4 };
            self.losses_at = Some(self.losses_at.map_or(now + patience, |at| at.min(now + patience)));
        } else if !self.limits.sack && self.duplicate_acks == DUP_THRESHOLD && self.recovery.is_none() {
            if let Some(head) = self.in_flight.front_mut() {
                head.lost = true;
            }
            self.enter_recovery();
        } else if !self.limits.sack && self.recovery.is_some() {
            // NewReno: a partial acknowledgment names the next hole (RFC 6582).
            let head = self.in_flight.front_mut().filter(|head| !head.resent);
            if let Some(head) = head {
                head.lost = true;
            }
        }
    }

    /// What was sent no later than something that has arrived.
    fn suspects(&mut self) -> impl Iterator<Item = &mut Chunk> {
        let newest = self.in_flight.iter().filter(|chunk| chunk.sacked).map(|chunk| (chunk.sent_at, chunk.seq.0)).max();
        let newest = newest.map(|(sent_at, seq)| (sent_at, SeqNumber(seq)));
        self.in_flight.iter_mut().filter(move |chunk| {
            let before = |(sent_at, seq): (Timestamp, SeqNumber)| {
                chunk.sent_at < sent_at || (chunk.sent_at == sent_at && seq.is_after(chunk.seq))
            };
            chunk.travels() && newest.is_some_and(before)
        })
    }

    fn enter_recovery(&mut self) {
        if self.recovery.is_none() {
            self.recovery = Some(self.nxt);
            self.threshold = (self.congestion_window * 7 / 10).max(2);
            self.congestion_window = self.threshold;
        }
    }

    /// A PTB quoted a segment with this sequence number, and the host has lowered its path MTU: `tcp_simple_retransmit`.
    pub fn too_big(&mut self, seq: SeqNumber, now: Timestamp) -> Vec<Piece> {
        if !self.covers(seq) {
            return Vec::new();
        }
        let mss = self.mss();
        let mut any = false;
        for chunk in self.in_flight.iter_mut().filter(|chunk| chunk.len > mss && chunk.travels()) {
            chunk.lost = true;
            any = true;
        }
        if any {
            self.recovery = Some(self.nxt);
        }
        self.transmit(now)
    }

    /// Sends what the windows allow: first what is lost, then what is new.
    pub fn transmit(&mut self, now: Timestamp) -> Vec<Piece> {
        let mut out = Vec::new();
        while self.travelling() < self.congestion_window {
            let Some(index) = self.in_flight.iter().position(|chunk| chunk.lost && !chunk.sacked) else { break };
            let Some(piece) = self.resend(index, now) else { break };
            self.first_resent_at.get_or_insert(now);
            out.push(piece);
        }
        if !out.is_empty() {
            self.timer = Some((Timer::Resend, now + self.clock.timeout()));
        }
        let resent = out.len();
        while self.travelling() < self.congestion_window {
            let Some(len) = self.next_len() else { break };
            out.push(self.send_new(len, now));
        }
        if out.len() > resent && resent == 0 {
            self.arm(now);
        }
        if self.in_flight.is_empty() && self.has_unsent() && self.timer.is_none() {
            self.timer = Some((Timer::Persist, now + self.clock.timeout()));
        }
        out
    }

    fn travelling(&self) -> usize {
        self.in_flight.iter().filter(|chunk| chunk.travels()).count()
    }

    /// `tcp_snd_wnd_test`: the window takes a segment whole, or not at all.
    fn next_len(&self) -> Option<u32> {
        if !self.has_unsent() {
            return None;
        }
        let waiting = (self.written.len() - self.position(self.nxt).min(self.written.len())) as u32;
        let len = if waiting == 0 { 1 } else { waiting.min(self.mss()) };
        (!(self.nxt + len).is_after(self.una + self.window)).then_some(len)
    }

    fn send_new(&mut self, len: u32, now: Timestamp) -> Piece {
        let chunk = Chunk { seq: self.nxt, len, sent_at: now, sacked: false, lost: false, resent: false };
        self.in_flight.push_back(chunk);
        self.nxt = self.nxt + len;
        self.piece(chunk)
    }

    /// `__tcp_retransmit_skb`: cut to what is allowed now.
    fn resend(&mut self, index: usize, now: Timestamp) -> Option<Piece> {
        let chunk = self.in_flight[index];
        let mss = self.mss();
        let room = match (self.una + self.window).distance(chunk.seq) {
            room if room > 0 => room.unsigned_abs(),
            _ if chunk.seq == self.una => mss,
            _ => return None,
        };
        self.split(index, mss.min(room));
        let chunk = &mut self.in_flight[index];
        chunk.lost = false;
        chunk.resent = true;
        chunk.sent_at = now;
        let chunk = *chunk;
        Some(self.piece(chunk))
    }

    fn split(&mut self, index: usize, len: u32) {
        let chunk = &mut self.in_flight[index];
        if chunk.len > len {
            let rest = Chunk { seq: chunk.seq + len, len: chunk.len - len, ..*chunk };
            chunk.len = len;
            self.in_flight.insert(index + 1, rest);
        }
    }

    fn position(&self, seq: SeqNumber) -> usize {
        seq.distance(self.first).unsigned_abs() as usize
    }

    fn piece(&self, chunk: Chunk) -> Piece {
        let from = self.position(chunk.seq);
        let Some(payload) = self.written.get(from..from + chunk.len as usize) else {
            return Piece { seq: chunk.seq, payload: Bytes::new(), fin: true };
        };
        Piece { seq: chunk.seq, payload: Bytes::copy_from_slice(payload), fin: false }
    }

    /// `tcp_rearm_rto` and `tcp_schedule_loss_probe`.
    fn arm(&mut self, now: Timestamp) {
        if self.in_flight.is_empty() {
            self.timer = None;
            return;
        }
        let quiet = self.recovery.is_none() && self.in_flight.iter().all(|chunk| !chunk.sacked);
        let alone = self.in_flight.len() == 1;
        self.timer = Some(match self.clock.tail_probe(alone) {
            Some(patience) if quiet && self.limits.sack && !self.tail_probed => (Timer::Tail, now + patience),
            _ => (Timer::Resend, now + self.clock.timeout()),
        });
    }

    /// Timers that are due.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Piece> {
        if self.losses_at.is_some_and(|at| at <= now) {
            self.losses_at = None;
            self.suspects().for_each(|chunk| chunk.lost = true);
            self.enter_recovery();
            return self.transmit(now);
        }
        match self.timer {
            Some((timer, at)) if at <= now => match timer {
                Timer::Tail => self.probe_tail(now),
                Timer::Resend => self.time_out(now),
                Timer::Persist => self.persist(now),
            },
            _ => Vec::new(),
        }
    }

    /// `tcp_send_loss_probe`: something new, or the end of what was sent last.
    fn probe_tail(&mut self, now: Timestamp) -> Vec<Piece> {
        self.tail_probed = true;
        let piece = match self.next_len() {
            Some(len) => Some(self.send_new(len, now)),
            None => {
                let last = self.in_flight.len().saturating_sub(1);
                let chunk = self.in_flight.get(last).copied();
                let mss = self.mss();
                let whole = chunk.map_or(0, |chunk| (chunk.len.max(1) - 1) / mss * mss);
                if whole > 0 {
                    self.split(last, whole);
                }
                self.resend(self.in_flight.len().saturating_sub(1), now)
            }
        };
        self.timer = Some((Timer::Resend, now + self.clock.timeout()));
        piece.into_iter().collect()
    }

    /// `tcp_retransmit_timer`.
    fn time_out(&mut self, now: Timestamp) -> Vec<Piece> {
        let lasting = self.first_resent_at.is_some_and(|first| now.since(first) >= PROBING_AFTER);
        if self.limits.mtu_probing && self.timeouts > 0 && lasting {
            // `tcp_mtu_probing`
            self.probing = Some(self.probing.map_or(PROBING_MSS, |mss| (mss / 2).max(SMALLEST_MSS)));
        }
        self.timeouts += 1;
        self.clock.backoff += 1;
        self.losses_at = None;
        if self.recovery.is_none() {
            self.threshold = (self.congestion_window * 7 / 10).max(2);
        }
        self.recovery = Some(self.nxt);
        self.congestion_window = 1;
        for chunk in self.in_flight.iter_mut().filter(|chunk| !chunk.sacked) {
            chunk.lost = true;
        }
        let out = self.transmit(now);
        self.timer = Some((Timer::Resend, now + self.clock.timeout()));
        out
    }

    /// `tcp_write_wakeup`: as much as the window takes, or nothing below what was acknowledged.
    fn persist(&mut self, now: Timestamp) -> Vec<Piece> {
        self.clock.backoff += 1;
        self.timer = Some((Timer::Persist, now + self.clock.timeout()));
        if !self.has_unsent() {
            self.timer = None;
            return Vec::new();
        }
        let waiting = self.written.len().saturating_sub(self.position(self.nxt)) as u32;
        let room = (self.una + self.window).bytes_since(self.nxt).unwrap_or(0);
        match room.min(waiting).min(self.mss()) {
            0 => vec![Piece { seq: self.una - 1, payload: Bytes::new(), fin: false }],
            len => vec![self.send_new(len, now)],
        }
    }
}
