//! What the peer sends does not arrive: a gap in the data, or nothing where an answer is due.

use std::time::Duration;

use super::judgement::Judgement;
use crate::model::{BackwardSign, BackwardStall, Grade, Opener, Stall, TcpInfo, TcpSocket, TcpState};

/// A peer whose path loses packets has filled a gap by then.
const GAP: Duration = Duration::from_secs(2);
/// Where large segments came before, a gap has to last longer.
const GAP_AFTER_LARGE: Duration = Duration::from_secs(7);
/// A server is slow when it has not answered by then.
const ANSWER: Duration = Duration::from_secs(10);
/// A client may well think for longer.
const REQUEST: Duration = Duration::from_secs(20);

/// RFC 9293, section 3.7.1: what segments have at most where nothing is known. The kernel begins with it.
const USUAL_SMALL: u32 = 536;
/// With its headers, a segment of this size fits into 1280 bytes, which every link carries (RFC 8200, section 5).
const FITS_EVERYWHERE: u32 = 1220;
/// A TLS client hello has more bytes.
const LEAST_HELLO: u64 = 100;

pub(super) fn judge(socket: &TcpSocket, before: &TcpInfo, now: &TcpInfo, opener: Opener) -> Judgement {
    let may_come = matches!(socket.state, TcpState::Established | TcpState::Closing | TcpState::HalfClosed);
    if !may_come || now.bytes_received != before.bytes_received || now.data_segs_in < before.data_segs_in {
        return Judgement::Fine;
    }
    let of = |grade, since, sign| {
        let (received, segments) = (now.bytes_received, now.data_segs_in);
        Judgement::Stalled(grade, Stall::Backward(BackwardStall { since, sign, received, segments }))
    };
    if let Some(held) = gap(socket, now) {
        // A gap may be younger than the data before it, and no younger than what came last.
        return match now.last_data_recv.min(now.last_ack_recv) {
            since if since < GAP => Judgement::Young,
            since if now.rcv_mss <= FITS_EVERYWHERE => of(Grade::Classic, since, BackwardSign::Gap { held }),
            since if since >= GAP_AFTER_LARGE => of(Grade::Possible, since, BackwardSign::Gap { held }),
            _ => Judgement::Young,
        };
    }
    match expected(socket, now, opener) {
        Some((sign, patience)) if now.last_data_sent >= patience => of(Grade::Possible, now.last_data_sent, sign),
        _ => Judgement::Fine,
    }
}

/// What is held although its process has read all that came in order: it lies behind something that is missing.
fn gap(socket: &TcpSocket, info: &TcpInfo) -> Option<u32> {
    let came_out_of_order = info.rcv_ooopack != Some(0);
    socket.receive_memory.filter(|held| *held > 0 && socket.unread == 0 && came_out_of_order)
}

/// Something large is due that would answer at once, and only small things came so far. No other silence is a sign.
fn expected(socket: &TcpSocket, info: &TcpInfo, opener: Opener) -> Option<(BackwardSign, Duration)> {
    let all_arrived = socket.state == TcpState::Established && socket.unacknowledged == 0 && socket.unread == 0;
    let we_spoke_last = info.last_data_sent < info.last_data_recv;
    let only_small =
        info.rcv_mss <= FITS_EVERYWHERE && info.bytes_received <= u64::from(USUAL_SMALL) * u64::from(info.data_segs_in);
    let nothing_large_sent = info.bytes_acked < 2 * u64::from(info.snd_mss);
    if !all_arrived || !only_small {
        return None;
    }
    match opener {
        // A mail server has not answered a command, or a client hello.
        Opener::ThisHost if is_mail(socket.peer.port()) && info.bytes_received > 0 => {
            (we_spoke_last && nothing_large_sent).then_some((BackwardSign::NoAnswer, ANSWER))
        }
        // Nothing came yet, and TLS begins with the client.
        Opener::ThisHost if begins_with_tls(socket.peer.port()) => {
            let has_greeted = info.bytes_received == 0 && (LEAST_HELLO..).contains(&info.bytes_acked);
            (has_greeted && nothing_large_sent).then_some((BackwardSign::NoAnswer, ANSWER))
        }
        // A mail client has said more than its name, and sends nothing after an answer.
        Opener::Peer if is_mail(socket.local.port()) => {
            (we_spoke_last && info.data_segs_in >= 2).then_some((BackwardSign::NoRequest, REQUEST))
        }
        _ => None,
    }
}

pub(super) fn is_mail(port: u16) -> bool {
    matches!(port, 25 | 465 | 587 | 2525)
}

fn begins_with_tls(port: u16) -> bool {
    matches!(port, 443 | 465 | 636 | 853 | 993 | 995 | 8443)
}
