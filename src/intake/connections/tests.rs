//! The judgement of connections as `ss -tinmoOH` of Linux 6.18 showed them, on real paths with a hole above 1400 bytes, with a slow reader,
//! and with every tenth packet lost.

use std::net::SocketAddr;
use std::time::Duration;

use super::judge;
use crate::model::{
    BackwardSign, Connections, Direction, Grade, History, Opener, Stall, TcpInfo, TcpSocket, TcpState, TcpTimer,
};

/// An upload behind a few small commands, 1.3 s and 6.3 s after its beginning.
const YOUNG_HOLE: &str = "ESTAB 0 83984 10.91.1.1:45628 10.91.2.12:9000 timer:(on,404ms,2) skmem:(r0) ts sack rto:816 backoff:2 \
    mss:1448 pmtu:1500 rcvmss:536 bytes_sent:24640 bytes_retrans:2896 bytes_acked:25 bytes_received:11 data_segs_out:21 \
    data_segs_in:1 lastsnd:412 lastrcv:1284 lastack:1128 delivered:5 unacked:15 retrans:1/2 lost:15 notsent:62264 snd_wnd:65536";
const HOLE: &str = "ESTAB 0 83984 10.91.1.1:45628 10.91.2.12:9000 timer:(on,332ms,4) skmem:(r0) ts sack rto:3264 backoff:4 \
    mss:1448 pmtu:1500 rcvmss:536 bytes_sent:27536 bytes_retrans:5792 bytes_acked:25 bytes_received:11 data_segs_out:23 \
    data_segs_in:1 lastsnd:2932 lastrcv:6304 lastack:6148 delivered:5 unacked:15 retrans:1/4 lost:15 notsent:62264 snd_wnd:65536";
/// The same without any command before.
const HOLE_AT_ONCE: &str = "ESTAB 0 78192 10.91.1.1:45620 10.91.2.12:9000 timer:(on,104ms,4) skmem:(r0) ts sack rto:3264 backoff:4 \
    mss:1448 pmtu:1500 rcvmss:536 bytes_sent:21720 bytes_retrans:5792 bytes_acked:1 bytes_received:11 data_segs_out:15 \
    data_segs_in:1 lastsnd:3160 lastrcv:6304 lastack:6304 delivered:1 unacked:11 retrans:1/4 lost:11 notsent:62264 snd_wnd:65536";
/// One full segment, and a small one behind it that arrives.
const HOLE_WITH_A_TAIL: &str = "ESTAB 0 1600 10.91.1.1:45630 10.91.2.12:9000 timer:(on,268ms,4) skmem:(r0) ts sack rto:3264 \
    backoff:4 mss:1448 pmtu:1500 rcvmss:536 bytes_sent:8858 bytes_retrans:7240 bytes_acked:19 bytes_received:11 data_segs_out:10 \
    data_segs_in:1 lastsnd:2996 lastrcv:6304 lastack:6148 delivered:5 unacked:2 retrans:1/5 lost:1 sacked:1 snd_wnd:65536";
/// Its process has closed it.
const CLOSED_IN_A_HOLE: &str = "FIN-WAIT-1 0 83985 10.91.1.1:45628 10.91.2.12:9000 timer:(on,5.388,6) skmem:(r0) ts sack rto:13056 \
    backoff:6 mss:1448 pmtu:1500 rcvmss:536 bytes_sent:30432 bytes_retrans:8688 bytes_acked:25 bytes_received:11 data_segs_out:25 \
    data_segs_in:1 lastsnd:7668 lastrcv:21020 lastack:20864 delivered:5 unacked:15 retrans:1/6 lost:15 notsent:62265 snd_wnd:65536";
/// The other end of a hole: a server whose answer does not reach its client. IPv4 by a socket of IPv6.
const SERVER_IN_A_HOLE: &str = "ESTAB 0 79640 10.91.2.13:9003 10.91.1.1:33666 timer:(on,088ms,4) skmem:(r0) ts sack rto:3264 \
    backoff:4 mss:1448 pmtu:1500 rcvmss:536 bytes_sent:23179 bytes_retrans:5792 bytes_acked:11 bytes_received:6 data_segs_out:17 \
    data_segs_in:1 lastsnd:3176 lastrcv:6316 lastack:6316 delivered:2 unacked:12 retrans:1/4 lost:12 notsent:62264 snd_wnd:64512";
/// Its client, once with the small end of the answer (5000 bytes), and once without.
const CLIENT_WITH_A_GAP: &str = "ESTAB 0 0 10.91.1.1:49150 10.91.2.13:9002 skmem:(r1488) ts sack rto:204 mss:1448 pmtu:1500 \
    rcvmss:656 bytes_sent:6 bytes_acked:7 bytes_received:11 data_segs_out:1 data_segs_in:2 lastsnd:6304 lastrcv:6304 lastack:6304 \
    delivered:2 rcv_ooopack:1 snd_wnd:65536";
const CLIENT_WITHOUT_A_WORD: &str = "ESTAB 0 0 10.91.1.1:33666 10.91.2.13:9003 skmem:(r0) ts sack rto:204 mss:1448 pmtu:1500 \
    rcvmss:536 bytes_sent:6 bytes_acked:7 bytes_received:11 data_segs_out:1 data_segs_in:1 lastsnd:26300 lastrcv:26304 \
    lastack:26300 delivered:2 snd_wnd:65536";
/// The peer reads nothing: its window is shut.
const SLOW_READER: &str = "ESTAB 0 683288 10.91.1.1:43814 10.91.2.11:9001 timer:(persist,272ms,0) skmem:(r0) ts sack rto:216 \
    backoff:4 mss:1448 pmtu:1500 rcvmss:536 bytes_sent:120532 bytes_retrans:1616 bytes_acked:118917 bytes_received:11 \
    data_segs_out:87 data_segs_in:1 lastsnd:6536 lastrcv:6760 lastack:3184 delivered:88 retrans:0/2 notsent:683288 snd_wnd:0";
const IDLE: &str = "ESTAB 0 0 10.91.1.1:55608 10.91.2.11:9000 skmem:(r0) ts sack rto:204 mss:1448 pmtu:1500 rcvmss:536 \
    bytes_sent:12 bytes_acked:13 bytes_received:11 data_segs_out:2 data_segs_in:1 lastsnd:6712 lastrcv:6760 lastack:6712 \
    delivered:3 snd_wnd:65536";
/// This host itself reads nothing.
const UNREAD: &str = "ESTAB 122712 0 10.91.1.1:40810 10.91.2.11:9003 skmem:(r127704) ts sack rto:204 mss:1448 pmtu:1500 rcvmss:1448 \
    bytes_sent:6 bytes_acked:7 bytes_received:122723 data_segs_out:1 data_segs_in:90 lastsnd:6756 lastrcv:6624 lastack:6592 \
    delivered:2 snd_wnd:65536";
const LOSSY: &str = "ESTAB 0 1828824 10.91.1.1:46940 10.91.2.15:9000 timer:(on,6.320,1) skmem:(r0) ts sack rto:8744 backoff:1 \
    mss:1448 pmtu:1500 rcvmss:536 bytes_sent:35440984 bytes_retrans:4190512 bytes_acked:30920329 bytes_received:11 \
    data_segs_out:24483 data_segs_in:1 lastsnd:2424 lastrcv:20372 lastack:2740 delivered:21628 unacked:228 retrans:1/2895 lost:30 \
    sacked:198 notsent:1498680 snd_wnd:21036032";

/// A socket out of a line of `ss`.
fn ss(line: &str) -> TcpSocket {
    let words: Vec<&str> = line.split_whitespace().collect();
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix(':'));
    let number = |name: &str| value(name).map(|text| text.parse::<u64>().expect("a number"));
    let count = |name: &str| number(name).unwrap_or(0) as u32;
    let millis = |name: &str| Duration::from_millis(number(name).unwrap_or(0));
    let timer: Vec<&str> = value("timer").map_or(Vec::new(), |text| text.trim_matches(['(', ')']).split(',').collect());
    let left = |text: &str| match text.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().expect("milliseconds")),
        None => Duration::from_secs_f64(text.parse().expect("seconds")),
    };
    let (total_retrans, local): (u32, SocketAddr) = (
        value("retrans").map_or(0, |text| text.split('/').nth(1).expect("a sum").parse().expect("a number")),
        words[3].parse().expect("an address"),
    );
    TcpSocket {
        cookie: u64::from(local.port()),
        inode: 7,
        local,
        peer: words[4].parse().expect("an address"),
        state: match words[0] {
            "ESTAB" => TcpState::Established,
            "FIN-WAIT-1" => TcpState::Closing,
            "LISTEN" => TcpState::Listening,
            other => panic!("{other}"),
        },
        timer: match timer[..] {
            ["on", time, _] => TcpTimer::Retransmit(left(time)),
            ["persist", ..] => TcpTimer::ZeroWindow,
            _ => TcpTimer::Other,
        },
        unread: words[1].parse().expect("a queue"),
        unacknowledged: words[2].parse().expect("a queue"),
        receive_memory: value("skmem").map(|text| text.trim_matches(['(', ')', 'r']).parse().expect("a size")),
        info: Some(TcpInfo {
            retransmits: timer.get(2).map_or(0, |text| text.parse().expect("a number")),
            backoff: count("backoff") as u8,
            rto: millis("rto"),
            snd_mss: count("mss"),
            rcv_mss: count("rcvmss"),
            unacked: count("unacked"),
            sacked: count("sacked"),
            last_data_sent: millis("lastsnd"),
            last_data_recv: millis("lastrcv"),
            last_ack_recv: millis("lastack"),
            path_mtu: count("pmtu"),
            total_retrans,
            has_timestamps: words.contains(&"ts"),
            bytes_acked: number("bytes_acked").unwrap_or(0),
            bytes_received: number("bytes_received").unwrap_or(0),
            notsent_bytes: count("notsent"),
            data_segs_in: count("data_segs_in"),
            data_segs_out: count("data_segs_out"),
            delivered: number("delivered").map(|count| count as u32),
            rcv_ooopack: Some(count("rcv_ooopack")),
            snd_wnd: number("snd_wnd").map(|bytes| bytes as u32),
        }),
    }
}

/// Two looks between which nothing was acknowledged and nothing came.
fn still(line: &str) -> Connections {
    let socket = ss(line);
    judge(std::slice::from_ref(&socket), std::slice::from_ref(&socket), &[])
}

fn only(found: &Connections) -> (Grade, Stall) {
    let [one] = &found.list[..] else { panic!("{found:?}") };
    (one.grade, one.stall)
}

/// The line with another value.
fn with(line: &str, name: &str, value: &str) -> String {
    let words = line.split_whitespace().map(|word| match word.split_once(':') {
        Some((known, _)) if known == name => format!("{name}:{value}"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn full_segments_that_vanish_are_found_with_their_size_and_time() {
    let found = still(HOLE);
    let (grade, Stall::Forward(stall)) = only(&found) else { panic!("{found:?}") };
    assert_eq!(grade, Grade::Classic, "small commands passed");
    assert_eq!((stall.waiting, stall.in_flight, stall.segments, stall.segment), (83_984, 21_720, 15, 1448));
    // 1448 bytes, 12 of timestamps, 20 of TCP, 20 of IP.
    assert_eq!((stall.packet.bytes(), stall.retransmissions), (1500, 4));
    // It began 6.1 s before, by the clock of the peer's last acknowledgment.
    assert!((5.5..6.2).contains(&stall.since.as_secs_f64()), "{:?}", stall.since);
    assert_eq!(stall.history, History::OnlySmall { bytes: 25 });
    assert_eq!((found.list[0].opener, found.list[0].direction()), (Opener::ThisHost, Direction::Forward));
    assert_eq!((found.list[0].mss, found.list[0].path_mtu.bytes()), (1448, 1500));
}

#[test]
fn what_passed_before_decides_how_good_the_evidence_is() {
    assert_eq!(only(&still(HOLE_AT_ONCE)).0, Grade::Likely, "nothing but the handshake passed");
    assert_eq!(only(&still(HOLE_WITH_A_TAIL)).0, Grade::Classic, "the small end is there");
    assert_eq!(only(&still(CLOSED_IN_A_HOLE)).0, Grade::Classic);
    assert_eq!(only(&still(SERVER_IN_A_HOLE)).0, Grade::Classic, "its greeting passed");
    // Full segments passed on the same connection: the path has changed, or the peer is gone. That takes longer to tell.
    let changed = with(&with(CLOSED_IN_A_HOLE, "bytes_acked", "1448000"), "delivered", "1001");
    assert_eq!(only(&still(&changed)).0, Grade::Possible);
    let sooner = with(&with(HOLE, "bytes_acked", "1448000"), "delivered", "1001");
    let found = still(&sooner);
    assert_eq!((found.list.len(), found.survey.young), (0, 1));
}

#[test]
fn it_takes_three_timers_to_tell() {
    let found = still(YOUNG_HOLE);
    assert_eq!((found.list.len(), found.survey.young), (0, 1), "{found:?}");
    let third = YOUNG_HOLE.replace("404ms,2", "404ms,3");
    assert_eq!(still(&third).list.len(), 1);
}

#[test]
fn what_goes_on_is_fine() {
    let (before, now) = (ss(HOLE), ss(&with(HOLE, "bytes_acked", "1473")));
    assert_eq!(judge(&[before], std::slice::from_ref(&now), &[]).list, []);
    let found = judge(&[], &[now], &[]);
    assert_eq!((found.list.len(), found.survey.looked_at), (0, 1), "one look tells nothing");
}

#[test]
fn slow_readers_idle_and_lossy_connections_are_no_suspects() {
    for line in [SLOW_READER, IDLE, UNREAD, LOSSY] {
        let found = still(line);
        assert_eq!((&found.list[..], found.survey.looked_at), (&[][..], 1), "{line}");
    }
    assert_eq!(still(SLOW_READER).survey.waiting_for_room, 1);
    // Unlucky: the timer ran out ever again, and nothing moved meanwhile. Large segments behind the lost one are there.
    let unlucky = LOSSY.replace("6.320,1", "6.320,7");
    assert_eq!(still(&unlucky).list, []);
    // A window that shuts while something is under way.
    assert_eq!(still(&with(HOLE, "snd_wnd", "0")).survey.waiting_for_room, 1);
}

#[test]
fn small_segments_that_vanish_have_another_reason() {
    let small = with(&with(&HOLE.replace("83984", "300"), "notsent", "0"), "unacked", "1");
    let found = still(&small);
    assert_eq!((found.list.len(), found.survey.small), (0, 1));
    // Ten small ones, of which the first is lost.
    let first = with(&with(&HOLE_WITH_A_TAIL.replace("1600", "4000"), "unacked", "10"), "sacked", "9");
    assert_eq!(still(&first).survey.small, 1);
    // 700 bytes and headers: few links carry less, so it is no more than possible.
    let middling = with(&with(&HOLE.replace("83984", "700"), "notsent", "0"), "unacked", "1");
    assert_eq!(only(&still(&middling)).0, Grade::Possible);
    // Every link carries that much of IPv6.
    let v6 = middling.replace("10.91.1.1:", "[2001:db8::1]:").replace("10.91.2.12:", "[2001:db8::2]:");
    assert_eq!(still(&v6).survey.small, 1);
}

#[test]
fn a_gap_shows_that_the_way_back_swallows_something() {
    let found = still(CLIENT_WITH_A_GAP);
    let (grade, Stall::Backward(stall)) = only(&found) else { panic!("{found:?}") };
    assert_eq!((grade, stall.sign), (Grade::Classic, BackwardSign::Gap { held: 1488 }));
    assert_eq!((stall.since, stall.received), (Duration::from_millis(6304), 11));
    assert_eq!(found.list[0].direction(), Direction::Reverse);
    // It has just come: the missing part may be on its way.
    assert_eq!(still(&with(CLIENT_WITH_A_GAP, "lastack", "300")).survey.young, 1);
    // Large segments came before: a path that loses packets has filled the gap after a few seconds.
    let lossy = with(CLIENT_WITH_A_GAP, "rcvmss", "1448");
    assert_eq!(still(&lossy).survey.young, 1);
    assert_eq!(only(&still(&lossy.replace("6304", "8304"))).0, Grade::Possible);
    assert_eq!(still(&with(CLIENT_WITH_A_GAP, "rcv_ooopack", "0")).list, [], "nothing ever came out of order");
}

#[test]
fn silence_is_a_sign_only_where_an_answer_is_due() {
    assert_eq!(still(CLIENT_WITHOUT_A_WORD).list, [], "nobody knows what is spoken at port 9003");
    let mail = CLIENT_WITHOUT_A_WORD.replace(":9003", ":25");
    let (grade, Stall::Backward(stall)) = only(&still(&mail)) else { panic!("a way back") };
    assert_eq!((grade, stall.sign), (Grade::Possible, BackwardSign::NoAnswer));
    assert_eq!(still(&with(&mail, "lastsnd", "9000")).list, [], "a slow server");
    assert_eq!(still(&with(&mail, "lastrcv", "26000")).list, [], "the server spoke last: it is idle");
    assert_eq!(still(&with(&mail, "rcvmss", "1448")).list, [], "large segments came");
    // A client hello to a web server: nothing came yet.
    let tls = with(&with(&CLIENT_WITHOUT_A_WORD.replace(":9003", ":443"), "bytes_received", "0"), "data_segs_in", "0");
    assert_eq!(still(&tls).list, [], "too short for a client hello");
    assert_eq!(only(&still(&with(&tls, "bytes_acked", "518"))).0, Grade::Possible);
    // Who waits for news over HTTPS has had an answer before.
    let waits = with(&CLIENT_WITHOUT_A_WORD.replace(":9003", ":443"), "bytes_acked", "900");
    assert_eq!(still(&waits).list, []);
}

#[test]
fn a_mail_client_that_sends_nothing_after_data_is_possible() {
    let listening = ss("LISTEN 0 100 0.0.0.0:25 0.0.0.0:0 skmem:(r0)");
    let client = ss(&with(
        &CLIENT_WITHOUT_A_WORD
            .replace("10.91.1.1:33666", "10.91.1.1:25")
            .replace("10.91.2.13:9003", "10.91.2.13:50000"),
        "data_segs_in",
        "4",
    ));
    let found = judge(std::slice::from_ref(&client), &[listening.clone(), client.clone()], &[25]);
    let (grade, Stall::Backward(stall)) = only(&found) else { panic!("a way back") };
    assert_eq!((grade, stall.sign, found.list[0].opener), (Grade::Possible, BackwardSign::NoRequest, Opener::Peer));
    assert_eq!(found.list[0].service_port(), 25);
    // One that has said its name alone is idle.
    let mut idle = client;
    idle.info.as_mut().expect("it is told").data_segs_in = 1;
    assert_eq!(judge(std::slice::from_ref(&idle), &[listening, idle.clone()], &[25]).list, []);
}

#[test]
fn own_connections_and_other_ports_are_left_out() {
    let (hole, loopback) = (ss(HOLE), ss(&HOLE.replace("10.91.1.1", "127.0.0.1").replace("10.91.2.12", "127.0.0.1")));
    assert_eq!(judge(std::slice::from_ref(&loopback), std::slice::from_ref(&loopback), &[]).survey.own, 1);
    // Both ends are here.
    let other_end =
        ss(&IDLE.replace("10.91.1.1:55608", "10.91.2.12:9000").replace("10.91.2.11:9000", "10.91.1.1:45628"));
    let found = judge(std::slice::from_ref(&hole), &[hole.clone(), other_end], &[]);
    assert_eq!((found.list.len(), found.survey.own), (0, 2));
    for (ports, count) in [(&[9000_u16][..], 1), (&[45_628], 1), (&[25, 587], 0), (&[], 1)] {
        assert_eq!(
            judge(std::slice::from_ref(&hole), std::slice::from_ref(&hole), ports).list.len(),
            count,
            "{ports:?}"
        );
    }
}

#[test]
fn mail_comes_first_of_equals_and_the_longest_first() {
    let mail = ss(&HOLE.replace("45628", "40000").replace(":9000", ":25"));
    let long = ss(&CLOSED_IN_A_HOLE.replace("45628", "40001"));
    let all = [ss(HOLE), ss(HOLE_AT_ONCE), long, mail];
    let ports: Vec<u16> = judge(&all, &all, &[]).list.iter().map(|one| one.local.port()).collect();
    assert_eq!(ports, [40_000, 40_001, 45_628, 45_620]);
}

#[test]
fn a_kernel_that_tells_little_accuses_nobody() {
    let mut untold = ss(HOLE);
    untold.info = None;
    let found = judge(std::slice::from_ref(&untold), std::slice::from_ref(&untold), &[]);
    assert_eq!((found.list.len(), found.survey.untold), (0, 1));
    // FIN-WAIT-2 without a process, as `timer:(timewait,56sec,0)` shows it.
    untold.state = TcpState::HalfClosed;
    assert_eq!(judge(std::slice::from_ref(&untold), std::slice::from_ref(&untold), &[]), Connections::default());
    let mut older = ss(HOLE);
    let info = older.info.as_mut().expect("it is told");
    (info.delivered, info.rcv_ooopack, info.snd_wnd) = (None, None, None);
    assert_eq!(judge(std::slice::from_ref(&older), std::slice::from_ref(&older), &[]).list.len(), 1);
}
