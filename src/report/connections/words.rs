//! A connection that stands still, in words.

use std::time::Duration;

use crate::model::{
    BackwardSign, BackwardStall, Connections, ForwardStall, Grade, History, Holder, Opener, Stall, StalledConnection,
    Survey,
};
use crate::report::words::address_with_zone;

/// The other end: address and port.
pub fn peer(connection: &StalledConnection) -> String {
    let address = address_with_zone(connection.peer.ip(), connection.zone.as_deref());
    let port = connection.peer.port();
    if connection.peer.is_ipv4() { format!("{address}:{port}") } else { format!("[{address}]:{port}") }
}

/// Whose connection it is, and with whom: `smtp (pid 744), port 40512 to 10.0.4.5:25`.
pub(in crate::report) fn called(connection: &StalledConnection) -> String {
    let way = match connection.opener {
        Opener::ThisHost => "to",
        Opener::Peer => "from",
    };
    let whose = match &connection.holder {
        Holder::Process { pid, name, .. } => format!("{name} (pid {pid}), "),
        Holder::Unreadable | Holder::Nobody => String::new(),
    };
    format!("{whose}port {} {way} {}", connection.local.port(), peer(connection))
}

pub(super) fn summary(connections: &Connections) -> String {
    let survey = &connections.survey;
    let looked_at = count(survey.looked_at, "connection", "connections");
    let at = match &survey.ports[..] {
        [] => String::new(),
        [port] => format!(" at port {port}"),
        ports => format!(" at ports {}", ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
    };
    match connections.list.len() {
        0 if survey.looked_at == 0 => format!("No suspects: this host has no connection{at} with another."),
        0 => format!("No suspects: of {looked_at}{at}, none stands still as if the path swallowed large packets."),
        1 => format!("1 of {looked_at}{at} stands still:"),
        several => format!("{several} of {looked_at}{at} stand still, the strongest suspicion first:"),
    }
}

pub(super) fn notes(survey: &Survey) -> Vec<String> {
    let note = |number: usize, one: &str, several: &str| {
        (number > 0).then(|| if number == 1 { format!("1 {one}") } else { format!("{number} {several}") })
    };
    [
        note(
            survey.waiting_for_room,
            "waits for a peer that reads slowly, which no path explains.",
            "wait for peers that read slowly, which no path explains.",
        ),
        note(
            survey.young,
            "has begun to send something again, or misses something, and not for long enough to tell. Look again in some seconds.",
            "have begun to send something again, or miss something, and not for long enough to tell. Look again in some seconds.",
        ),
        note(
            survey.small,
            "sends small segments in vain: its peer is gone, or the path is down, for packets of all sizes.",
            "send small segments in vain: their peers are gone, or the path is down, for packets of all sizes.",
        ),
        note(
            survey.untold,
            "is left out: this kernel tells too little of it (it takes Linux 4.6).",
            "are left out: this kernel tells too little of them (it takes Linux 4.6).",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is said of it in a line.
pub(super) fn headline(connection: &StalledConnection) -> String {
    format!("{}: {}", peer(connection), suspicion(connection))
}

/// What it looks like, and how sure that is.
pub(in crate::report) fn suspicion(connection: &StalledConnection) -> &'static str {
    match (&connection.stall, connection.grade) {
        (Stall::Forward(_), Grade::Classic) => "classic: large segments are sent in vain, small ones pass",
        (Stall::Forward(_), Grade::Likely) => "likely: large segments are sent in vain",
        (Stall::Forward(ForwardStall { history: History::Large, .. }), Grade::Possible) => {
            "possible: segments are sent in vain, and as large ones passed before"
        }
        (Stall::Forward(_), Grade::Possible) => {
            "possible: segments are sent in vain, and few paths are too narrow for them"
        }
        (Stall::Backward(BackwardStall { sign: BackwardSign::Gap { .. }, .. }), Grade::Classic | Grade::Likely) => {
            "classic: segments from there are missing, and only small ones came"
        }
        (Stall::Backward(BackwardStall { sign: BackwardSign::Gap { .. }, .. }), Grade::Possible) => {
            "possible: segments from there are missing, and as large ones came before"
        }
        (Stall::Backward(BackwardStall { sign: BackwardSign::NoAnswer, .. }), _) => {
            "possible: no answer comes, and only small segments came before"
        }
        (Stall::Backward(BackwardStall { sign: BackwardSign::NoRequest, .. }), _) => {
            "possible: the client sends nothing more, and only small segments came before"
        }
    }
}

/// Labels and values.
pub(in crate::report) fn rows(connection: &StalledConnection) -> Vec<(&'static str, String)> {
    let mut rows = vec![("process", holder(&connection.holder)), ("connection", ends(connection))];
    match &connection.stall {
        Stall::Forward(stall) => rows.extend(forward(stall)),
        Stall::Backward(stall) => rows.extend(backward(stall)),
    }
    rows.push((
        "kernel",
        format!(
            "MSS {}, packets of {} bytes, path MTU {}",
            connection.mss, connection.full_packet, connection.path_mtu
        ),
    ));
    rows
}

fn holder(holder: &Holder) -> String {
    match holder {
        Holder::Process { pid, name, others: 0 } => format!("{name}, pid {pid}"),
        Holder::Process { pid, name, others } => {
            format!("{name}, pid {pid}, and {}", count(*others, "other process", "other processes"))
        }
        Holder::Unreadable => "not readable without root, or in another container".into(),
        Holder::Nobody => "none any more: it was closed, and the kernel goes on with what is left".into(),
    }
}

fn ends(connection: &StalledConnection) -> String {
    let (local, port) = (connection.local, connection.service_port());
    match (connection.opener, &connection.stall) {
        (Opener::ThisHost, Stall::Forward(_)) => format!("opened here at {local}; the way there is to be examined"),
        (Opener::ThisHost, Stall::Backward(_)) => {
            format!("opened here at {local}; the way from there is to be examined")
        }
        (Opener::Peer, Stall::Forward(_)) => {
            format!("opened by the peer, to {local}; the way there is to be examined, at its own port {port}")
        }
        (Opener::Peer, Stall::Backward(_)) => {
            format!("opened by the peer, to {local}; the way from there is to be examined, at its own port {port}")
        }
    }
}

fn forward(stall: &ForwardStall) -> Vec<(&'static str, String)> {
    let ForwardStall { waiting, in_flight, segments, segment, packet, sacked, .. } = *stall;
    let in_segments = match segments {
        1 => format!("in 1 segment of {segment}"),
        several => format!("in {several} segments of up to {segment}"),
    };
    let mut because = match stall.history {
        History::Nothing => "nothing but the handshake was acknowledged before".to_owned(),
        History::OnlySmall { bytes } => {
            format!("small segments were acknowledged before, {bytes} bytes in all, and none of that size")
        }
        History::Unclear => "segments of middling size were acknowledged before".to_owned(),
        History::Large => {
            "segments of that size were acknowledged before: the path has changed, or the peer is gone".to_owned()
        }
    };
    if sacked > 0 {
        let behind = count(sacked as usize, "small segment", "small segments");
        because.extend(["; ", &behind, " behind the lost ones arrived"]);
    }
    vec![
        ("stalled", format!("for {}; the peer was last heard {} ago", time(stall.since), time(stall.silent_for))),
        (
            "waiting",
            format!("{waiting} bytes, of which {in_flight} were sent {in_segments}: packets of up to {packet} bytes"),
        ),
        ("sent again", format!("{}, and again in {}", times(stall.retransmissions), time(stall.next_in))),
        ("because", because),
    ]
}

fn backward(stall: &BackwardStall) -> Vec<(&'static str, String)> {
    let because = match stall.sign {
        BackwardSign::Gap { held } => {
            format!("a later segment is here ({held} bytes of memory), and an earlier one is missing")
        }
        BackwardSign::NoAnswer => "this host spoke last, and an answer is due".to_owned(),
        BackwardSign::NoRequest => "this host answered last, and it is the client's turn".to_owned(),
    };
    let came = count(stall.segments as usize, "segment", "segments");
    vec![
        ("stalled", format!("for {}", time(stall.since))),
        ("came", format!("{} bytes in order; {came} with data in all", stall.received)),
        ("because", because),
    ]
}

fn times(number: u8) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

/// `0.4 s`, `12 s`, `3 min 20 s`.
pub(in crate::report) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 9.95 => format!("{seconds:.1} s"),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        _ => match (time.as_secs() / 60, time.as_secs() % 60) {
            (minutes, 0) => format!("{minutes} min"),
            (minutes, rest) => format!("{minutes} min {rest} s"),
        },
    }
}

fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}
