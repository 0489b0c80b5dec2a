//! A stalled connection in the JSON document.

use serde::Serialize;

use super::outcome::ConnectionAnswer;
use crate::model::{BackwardSign, BackwardStall, Direction, ForwardStall, Holder, Opener, Stall};
use crate::report::numbers::milliseconds;
use crate::report::suspects::grade_word;
use crate::report::words::address_with_zone;

#[derive(Serialize)]
pub(in crate::report) struct ConnectionJson {
    local: String,
    local_port: u16,
    address: String,
    port: u16,
    opened_by: &'static str,
    process: Option<ProcessJson>,
    direction: &'static str,
    grade: &'static str,
    sign: &'static str,
    stalled_ms: f64,
    waiting_bytes: Option<u32>,
    in_flight_bytes: Option<u32>,
    in_flight_segments: Option<u32>,
    segment_bytes: Option<u32>,
    packet: Option<u32>,
    retransmissions: Option<u8>,
    next_retransmission_ms: Option<f64>,
    received_bytes: Option<u64>,
    mss: u32,
    full_packet: u32,
    kernel_path_mtu: u32,
    outcome: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct ProcessJson {
    pid: u32,
    name: String,
}

impl ConnectionJson {
    pub(in crate::report) fn of(answer: &ConnectionAnswer<'_>) -> Self {
        let connection = answer.connection;
        let (outcome, reason) = answer.judge();
        let (forward, backward) = match connection.stall {
            Stall::Forward(stall) => (Some(stall), None),
            Stall::Backward(stall) => (None, Some(stall)),
        };
        Self {
            local: address_with_zone(connection.local.ip(), connection.zone.as_deref()),
            local_port: connection.local.port(),
            address: address_with_zone(connection.peer.ip(), connection.zone.as_deref()),
            port: connection.peer.port(),
            opened_by: match connection.opener {
                Opener::ThisHost => "this_host",
                Opener::Peer => "peer",
            },
            process: match &connection.holder {
                Holder::Process { pid, name, .. } => Some(ProcessJson { pid: *pid, name: name.clone() }),
                Holder::Unreadable | Holder::Nobody => None,
            },
            direction: if connection.direction() == Direction::Forward { "forward" } else { "reverse" },
            grade: grade_word(connection.grade),
            sign: sign(&connection.stall),
            stalled_ms: milliseconds(connection.since()),
            waiting_bytes: forward.map(|stall| stall.waiting),
            in_flight_bytes: forward.map(|stall| stall.in_flight),
            in_flight_segments: forward.map(|stall| stall.segments),
            segment_bytes: forward.map(|stall| stall.segment),
            packet: forward.map(|stall: ForwardStall| stall.packet.bytes()),
            retransmissions: forward.map(|stall| stall.retransmissions),
            next_retransmission_ms: forward.map(|stall| milliseconds(stall.next_in)),
            received_bytes: backward.map(|stall: BackwardStall| stall.received),
            mss: connection.mss,
            full_packet: connection.full_packet.bytes(),
            kernel_path_mtu: connection.path_mtu.bytes(),
            outcome: outcome.word(),
            reason,
        }
    }
}

fn sign(stall: &Stall) -> &'static str {
    match stall {
        Stall::Forward(_) => "retransmissions",
        Stall::Backward(BackwardStall { sign: BackwardSign::Gap { .. }, .. }) => "gap",
        Stall::Backward(BackwardStall { sign: BackwardSign::NoAnswer, .. }) => "no_answer",
        Stall::Backward(BackwardStall { sign: BackwardSign::NoRequest, .. }) => "no_request",
    }
}
