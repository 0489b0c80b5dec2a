//! Mail that passes beside mail that stalls. A hole swallows full packets, so it makes no difference between 5 kB and 26 MB.

use pmtu_probe::model::{PassedWhen, Reason};

use super::{Meaning, Postfix, postfix, suspects};

const CLASSIC: &[&str] = &["classic there to 192.0.2.1"];
const LIKELY: &[&str] = &["likely there to 192.0.2.1"];
const POSSIBLE: &[&str] = &["possible there to 192.0.2.1"];
const NOBODY: &[&str] = &[];

pub(super) fn meanings() -> Vec<Meaning> {
    [contrasts(), contradictions(), places()].concat()
}

fn contrasts() -> Vec<Meaning> {
    vec![
        ("small mail passes before, large mail stalls", postfix().sent(900).body(250_000).text, CLASSIC),
        ("small mail passes between and after", postfix().body(5000).sent(900).end(9000).sent(1200).text, CLASSIC),
        ("mail of a packet and a half stalls, smaller mail passes", postfix().sent(1200).end(3246).text, CLASSIC),
        ("3 kB pass, which may be two packets and a header", postfix().sent(3000).body(50_000).text, CLASSIC),
        (
            "mail of several packets passed long ago, a path changed",
            postfix().sent(60_000).sent(900).body(40_000).body(30_000).text,
            CLASSIC,
        ),
        (
            "mail of several packets passed long ago, many stall now",
            postfix().sent(60_000).sent(900).body(90_000).body(80_000).body(70_000).text,
            CLASSIC,
        ),
        ("nothing small is seen", postfix().body(50_000).body(60_000).text, LIKELY),
        (
            "mail of several packets passed long ago, and nothing small",
            postfix().sent(60_000).body(90_000).body(80_000).body(70_000).text,
            LIKELY,
        ),
    ]
}

fn contradictions() -> Vec<Meaning> {
    let failed = format!("SSL_connect error to {}:25: Connection timed out", Postfix::RELAY);
    vec![
        ("a scanner that takes ten minutes for 26 MB and a second for 5 MB", scanner().text, POSSIBLE),
        (
            "a line too slow for 1.4 MB, 60 kB pass",
            postfix().sent(900).sent(60_000).body(1_400_000).sent(60_000).sent(900).text,
            POSSIBLE,
        ),
        (
            "only the largest mail stalls, 5 MB passed before",
            postfix().sent(900).sent(5_000_000).sent(5_000_000).end(26_000_000).text,
            POSSIBLE,
        ),
        (
            "a repaired path",
            postfix().sent(900).body(30_000).body(40_000).body(50_000).sent(30_000).sent(40_000).text,
            POSSIBLE,
        ),
        (
            "one of several parallel paths",
            postfix().sent(900).body(30_000).sent(30_000).body(40_000).body(50_000).text,
            POSSIBLE,
        ),
        (
            "a small mail stalls as well",
            postfix().sent(900).body(30_000).body(40_000).body(50_000).end(600).text,
            POSSIBLE,
        ),
        (
            "one accident among mails as large",
            postfix().sent(40_000).sent(50_000).body(40_000).sent(60_000).text,
            NOBODY,
        ),
        (
            "a server that hangs up after minutes on what others of its size pass",
            postfix()
                .sent(40_000)
                .deferred(40_000, 300, "lost connection with mx.example.com[192.0.2.1] while sending message body")
                .sent(60_000)
                .text,
            NOBODY,
        ),
        (
            "handshakes time out, and each mail then passes without TLS",
            (0..3).fold(postfix(), |log, _| log.line("smtp", &failed).sent(50_000)).text,
            &["possible both to 192.0.2.1"],
        ),
        (
            "handshakes time out, but mail passes more often",
            postfix()
                .line("smtp", "SSL_connect error to mx.example.com[192.0.2.1]:25: Connection timed out")
                .sent(50_000)
                .sent(60_000)
                .text,
            NOBODY,
        ),
    ]
}

fn scanner() -> Postfix {
    let passed = |log: Postfix| (0..10).fold(log, |log, _| log.sent(5_000_000));
    passed(passed(passed(postfix()).end(26_000_000)).end(27_000_000))
}

/// Filters, smarthosts and containers.
fn places() -> Vec<Meaning> {
    let at = |relay: &str, size: u64| {
        let name = relay.rsplit_once(':').map_or(relay, |(name, _)| name);
        let words = "timed out while sending end of data -- message may be sent more than once";
        postfix().deferred_at(relay, size, 600, &format!("conversation with {name} {words}")).text
    };
    vec![
        (
            "a content filter in a container",
            at("filter[172.17.0.5]:10024", 5_000_000),
            &["possible there to 172.17.0.5 port 10024"],
        ),
        (
            "a content filter in the same network",
            at("filter[10.0.0.7]:10025", 5_000_000),
            &["possible there to 10.0.0.7 port 10025"],
        ),
        (
            "every client is a container's gateway: that large mail of others passes excuses nobody",
            (0..4)
                .fold(postfix(), |log, _| log.received("unknown[172.18.0.1]", 900_000))
                .smtpd("timeout after DATA (0 bytes) from unknown[172.18.0.1]")
                .received("unknown[172.18.0.1]", 900_000)
                .smtpd("timeout after DATA (0 bytes) from unknown[172.18.0.1]")
                .text,
            &["possible back from 172.18.0.1"],
        ),
        ("a content filter on this host by IPv6", at("localhost[::1]:10024", 5_000_000), NOBODY),
        ("a smarthost behind a tunnel", at("relay[10.8.0.1]:25", 50_000), &["likely there to 10.8.0.1"]),
        (
            "a smarthost behind a tunnel, at the submission port",
            at("relay[fd00::1]:587", 50_000),
            &["likely there to fd00::1 port 587"],
        ),
    ]
}

/// How many contradict, of which sizes, and when.
#[test]
fn what_contradicts_is_said_with_counts_and_sizes() {
    let against = |log: Postfix| {
        let found = suspects(log.text.as_bytes());
        let [suspect] = found.list.as_slice() else { panic!("{found:?}") };
        suspect.reasons.iter().copied().find(|reason| matches!(reason, Reason::LargePassed { .. }))
    };
    let passed = |mails, smallest, largest, when| Some(Reason::LargePassed { mails, smallest, largest, when });
    // The ten before the first stall prove nothing.
    assert_eq!(against(scanner()), passed(20, 5_000_000, 5_000_000, PassedWhen::Between));
    let line = postfix().sent(900).body(1_400_000).sent(60_000).sent(900).sent(70_000);
    assert_eq!(against(line), passed(2, 60_000, 70_000, PassedWhen::After));
    let before = postfix().sent(900).sent(4_000_000).sent(5_000_000).end(26_000_000);
    assert_eq!(against(before), passed(2, 4_000_000, 5_000_000, PassedWhen::Before));
    assert_eq!(against(postfix().sent(900).body(50_000)), None);
}

#[test]
fn a_private_address_and_a_port_of_a_filter_are_named() {
    let reason_at = |relay: &str| {
        let reason = format!(
            "conversation with {} timed out while sending message body",
            relay.rsplit_once(':').expect("a port").0
        );
        let found = suspects(postfix().deferred_at(relay, 50_000, 180, &reason).text.as_bytes());
        found.list[0].reasons.iter().copied().find(|reason| matches!(reason, Reason::PrivateAddress { .. }))
    };
    let private = |container, filter_port| Some(Reason::PrivateAddress { container, filter_port });
    assert_eq!(reason_at("filter[172.17.0.5]:10024"), private(true, Some(10_024)));
    assert_eq!(reason_at("relay[10.0.4.2]:25"), private(false, None));
    assert_eq!(reason_at("mx[192.0.2.1]:10024"), None);
}

/// No path leads to a program of this host. It is no suspect, and not passed over in silence.
#[test]
fn a_filter_on_this_host_is_named() {
    let reason = "conversation with 127.0.0.1[127.0.0.1] timed out while sending end of data -- message may be sent more than once";
    let at = "127.0.0.1[127.0.0.1]:10024";
    let log = postfix().deferred_at(at, 9_000_000, 600, reason).deferred_at(at, 9_000_000, 600, reason);
    let shown = pmtu_probe::report::suspects::render(&suspects(log.text.as_bytes()));
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("No suspects"), "{shown}");
    assert!(
        words.contains("2 stalls are left out: at 127.0.0.1 port 10024, which is a program of this host"),
        "{shown}"
    );
}
