//! What this host sends does not arrive: large segments are sent again and again, and nothing new is acknowledged.

use std::time::Duration;

use super::judgement::{Judgement, packet};
use crate::model::{Family, ForwardStall, Grade, History, PacketSize, Stall, TcpInfo, TcpSocket, TcpTimer};

/// net/ipv4/tcp.h, `TCP_RTO_MIN` and `TCP_RTO_MAX`.
const SHORTEST_TIMER: Duration = Duration::from_millis(200);
const LONGEST_TIMER: Duration = Duration::from_secs(120);

/// The peer has said something after the stall began: not in the round trip in which it did.
const AFTER: Duration = Duration::from_millis(500);

pub(super) fn judge(socket: &TcpSocket, before: &TcpInfo, now: &TcpInfo) -> Judgement {
    let is_blocked = now.snd_wnd == Some(0) || socket.timer == TcpTimer::ZeroWindow;
    if is_blocked && socket.unacknowledged > 0 {
        return Judgement::WaitsForRoom;
    }
    // The kernel counts anew with every acknowledgment of something new.
    let (TcpTimer::Retransmit(next_in), 1..) = (socket.timer, now.retransmits) else { return Judgement::Fine };
    let has_gone_on = now.bytes_acked != before.bytes_acked || now.unacked == 0;
    if has_gone_on {
        return Judgement::Fine;
    }
    let flight = Flight::of(socket, now);
    if packet(socket, now, flight.segment) <= smallest_path(socket.family()) {
        return Judgement::Small;
    }
    if flight.shows_that_large_ones_arrive(now) {
        return Judgement::Fine;
    }
    let history = history(now);
    if now.retransmits < patience(history) {
        return Judgement::Young;
    }
    let since = since(now, next_in);
    let stall = ForwardStall {
        since,
        waiting: socket.unacknowledged,
        in_flight: flight.bytes,
        segments: now.unacked,
        segment: flight.segment,
        packet: packet(socket, now, flight.segment),
        sacked: now.sacked,
        retransmissions: now.retransmits,
        next_in,
        silent_for: now.last_ack_recv,
        history,
    };
    Judgement::Stalled(grade(&stall, socket.family()), Stall::Forward(stall))
}

/// Every link carries packets of this size (RFC 8200, section 5), or nearly every one (RFC 1191, section 3).
fn smallest_path(family: Family) -> PacketSize {
    match family {
        Family::V4 => PacketSize::new(576),
        Family::V6 => Family::V6.minimum_mtu(),
    }
}

/// What was sent and is not acknowledged.
struct Flight {
    bytes: u32,
    /// What the larger of those that are missing have, at most a full segment.
    segment: u32,
}

impl Flight {
    fn of(socket: &TcpSocket, info: &TcpInfo) -> Self {
        let bytes = socket.unacknowledged.saturating_sub(info.notsent_bytes);
        // One or two that arrived are the end of what was written. More of them are like the others, and the mean is what is known.
        let missing = if info.sacked <= 2 { info.unacked.saturating_sub(info.sacked) } else { info.unacked };
        // The kernel may have lowered its MSS since.
        Self { bytes, segment: bytes.div_ceil(missing.max(1)).min(info.snd_mss) }
    }

    /// What lies behind a lost segment may be here: a few small ones in a hole, large ones where the path just loses packets.
    fn shows_that_large_ones_arrive(&self, info: &TcpInfo) -> bool {
        let missing = u64::from(info.unacked.saturating_sub(info.sacked)) * u64::from(info.snd_mss);
        let sacked = u64::from(self.bytes).saturating_sub(missing);
        let mean = sacked.checked_div(info.sacked.into()).unwrap_or(0);
        match info.sacked {
            0 => false,
            // The end of what was written may fill a segment but for a byte.
            1 | 2 => mean >= info.snd_mss.into(),
            _ => mean > u64::from(info.snd_mss / 2),
        }
    }
}

/// By what was acknowledged before. The handshake counts as a segment, and in part as a byte.
fn history(info: &TcpInfo) -> History {
    let sent_once = info.data_segs_out.saturating_sub(info.total_retrans).saturating_sub(info.unacked);
    let delivered =
        info.delivered.map_or(sent_once, |delivered| delivered.saturating_sub(info.sacked.saturating_add(1)));
    match (info.bytes_acked, u64::from(delivered)) {
        (0 | 1, _) => History::Nothing,
        (bytes, _) if bytes < info.snd_mss.into() => History::OnlySmall { bytes },
        (bytes, segments) if bytes.saturating_mul(2) < segments.saturating_mul(info.snd_mss.into()) => History::Unclear,
        _ => History::Large,
    }
}

/// So often the timer has to run out. With one packet of ten lost, and one answer of ten, five losses in a row (the segment, its probe, and
/// three times the timer) are the fate of one in four thousand: too many where thousands of segments were sent.
fn patience(history: History) -> u8 {
    match history {
        History::Nothing | History::OnlySmall { .. } => 3,
        History::Unclear => 4,
        History::Large => 6,
    }
}

fn grade(stall: &ForwardStall, family: Family) -> Grade {
    let answers = stall.silent_for + AFTER < stall.since;
    match stall.history {
        // Few links carry less than IPv6 wants.
        _ if family == Family::V4 && stall.packet < Family::V6.minimum_mtu() => Grade::Possible,
        History::Large => Grade::Possible,
        History::OnlySmall { .. } => Grade::Classic,
        _ if stall.sacked > 0 || answers => Grade::Classic,
        History::Nothing | History::Unclear => Grade::Likely,
    }
}

/// The sum of the timers that ran out, each twice the one before, and what has passed of the present one.
fn since(info: &TcpInfo, next_in: Duration) -> Duration {
    let undoubled = info.rto / 2_u32.saturating_pow(u32::from(info.backoff).min(30));
    let mut timer = undoubled.max(SHORTEST_TIMER);
    let mut sum = Duration::ZERO;
    for _ in 0..info.retransmits {
        sum += timer;
        timer = (timer * 2).min(LONGEST_TIMER);
    }
    sum + info.rto.saturating_sub(next_in)
}
