//! Names to addresses, against a name server of the tests' own that answers, errs, dawdles and lies.
//!
//! What is expected follows from the zone in `tests/dns/zone.rs` and from RFC 5321, section 5.1, and RFC 7505.

#[path = "dns/message.rs"]
mod message;
#[path = "dns/server.rs"]
mod server;
#[path = "dns/zone.rs"]
mod zone;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pmtu_probe::model::Family;
use pmtu_probe::resolve::{Hosts, NameServers, Question, Remark, ResolveError, Resolved, Resolver, Target};

use server::{Server, Transports};

const LIMIT: Duration = Duration::from_secs(5);
/// The limit is kept as far as a busy machine can.
const GRACE: Duration = Duration::from_millis(700);

fn question() -> Question {
    Question { family: None, mail_domain: true, port: 25, limit: LIMIT }
}

fn resolver(servers: &[&Server]) -> Resolver {
    let servers = servers.iter().map(|server| server.address()).collect();
    Resolver::new(Hosts::parse("198.51.100.1 hosted.test\n198.51.100.2 mx.in-hosts.test"), NameServers::Given(servers))
}

async fn ask(resolver: &Resolver, target: &str, question: Question) -> Result<Resolved, ResolveError> {
    let target: Target = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
    let start = Instant::now();
    let answer = resolver.resolve(&target, question).await;
    assert!(start.elapsed() < question.limit + GRACE, "{target} took {:?}", start.elapsed());
    answer
}

/// `10 mx1.plain.test 192.0.2.1`; `-` for no preference.
fn lines(outcome: &Resolved) -> Vec<String> {
    let preference = |each: Option<u16>| each.map_or_else(|| "-".into(), |preference| preference.to_string());
    outcome
        .addresses
        .iter()
        .map(|each| format!("{} {} {}", preference(each.preference), each.host, each.address))
        .collect()
}

async fn found(resolver: &Resolver, target: &str) -> Resolved {
    let answer = ask(resolver, target, question()).await;
    answer.unwrap_or_else(|error| panic!("{target}: {error}"))
}

async fn error(resolver: &Resolver, target: &str, limit: Duration) -> ResolveError {
    let answer = ask(resolver, target, Question { limit, ..question() }).await;
    let error = answer.expect_err(target);
    let text = error.to_string();
    assert!(text.lines().count() == 1 && !text.chars().any(char::is_control), "{target}: {text:?}");
    error
}

#[tokio::test]
async fn right_targets() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    let rows: &[(&str, &[&str])] = &[
        // By preference, equals by name; A before AAAA, sorted.
        (
            "plain.test",
            &[
                "10 mx1.plain.test 192.0.2.1",
                "10 mx1.plain.test 192.0.2.2",
                "10 mx1.plain.test 2001:db8::1",
                "20 a.plain.test 192.0.2.3",
                "20 b.plain.test 192.0.2.4",
                "65535 last.plain.test 192.0.2.5",
            ],
        ),
        ("PLAIN.test.:25", &["10 mx1.plain.test 192.0.2.1"]),
        ("twice.test", &["10 mx.twice.test 192.0.2.1"]),
        // Two names of one address.
        ("shared.test", &["10 one.shared.test 192.0.2.1"]),
        ("v4.test", &["10 mx.v4.test 192.0.2.1"]),
        ("v6.test", &["10 mx.v6.test 2001:db8::1"]),
        ("implicit.test", &["- implicit.test 192.0.2.8", "- implicit.test 2001:db8::8"]),
        ("alias.test", &["10 mx1.plain.test 192.0.2.1"]),
        ("chain.test", &["10 mx1.plain.test 192.0.2.1"]),
        // Each answer holds one alias only.
        ("step1.lazy.test", &["10 mx1.plain.test 192.0.2.1"]),
        ("implicit-alias.test", &["- implicit-alias.test 192.0.2.8", "- implicit-alias.test 2001:db8::8"]),
        ("bücher.test", &["10 mx.xn--bcher-kva.test 192.0.2.1"]),
        ("xn--bcher-kva.test", &["10 mx.xn--bcher-kva.test 192.0.2.1"]),
        ("_under.score.test", &["10 _mx.score.test 192.0.2.1"]),
        ("ttl.test", &["10 mx.ttl.test 192.0.2.1"]),
        // Records of other names are no answer.
        ("mixed.test", &["10 mx.v4.test 192.0.2.1"]),
        // A forged answer comes before the true one.
        ("race.test", &["10 mx.v4.test 192.0.2.1"]),
        ("in-hosts.test", &["10 mx.in-hosts.test 198.51.100.2"]),
        ("hosted.test", &["- hosted.test 198.51.100.1"]),
        ("slow.test", &["10 mx.v4.test 192.0.2.1"]),
    ];
    for (target, expected) in rows {
        let outcome = found(&resolver, target).await;
        let shown = lines(&outcome);
        assert_eq!(shown[..expected.len().min(shown.len())], **expected, "{target}");
        assert!(shown.len() == expected.len() || expected[0] == "10 mx1.plain.test 192.0.2.1", "{target}: {shown:?}");
        assert_eq!(outcome.remarks, [], "{target}");
    }
}

#[tokio::test]
async fn one_family() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    let of = |family| Question { family: Some(family), ..question() };
    let v6 = ask(&resolver, "plain.test", of(Family::V6)).await.expect("one of six");
    assert_eq!(lines(&v6), ["10 mx1.plain.test 2001:db8::1"]);
    assert_eq!(v6.remarks, [], "hosts of the other family are not wrong");
    for (target, family, text) in [
        ("v4.test", Family::V6, "v4.test has no IPv6 address: leave out -6 to examine the others"),
        ("v6.test", Family::V4, "v6.test has no IPv4 address: leave out -4 to examine the others"),
    ] {
        let error = ask(&resolver, target, of(family)).await.expect_err(target);
        assert_eq!(error.to_string(), text);
    }
    let error = ask(&resolver, "empty.test", of(Family::V6)).await.expect_err("neither family");
    assert!(matches!(error, ResolveError::NoMailServer { .. }), "{error}");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_stops_nothing() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    let rows: &[(&str, &[&str], &[&str], bool)] = &[
        (
            "partial.test",
            &["30 mx.v4.test 192.0.2.1"],
            &[
                "gone.partial.test, MX 10 of partial.test, has no address: no such name",
                "empty.partial.test, MX 20 of partial.test, has no address",
            ],
            false,
        ),
        (
            "sick.test",
            &["20 mx.v4.test 192.0.2.1"],
            &["mx.sick.test, MX 10 of sick.test, is left out: SERVFAIL from SERVER"],
            true,
        ),
        (
            "mute.test",
            &["20 mx.v4.test 192.0.2.1"],
            &["mx.mute.test, MX 10 of mute.test, is left out: no answer from SERVER in time"],
            true,
        ),
        (
            "half.test",
            &["10 mx.half.test 192.0.2.1"],
            &["the AAAA records of mx.half.test are not known: SERVFAIL from SERVER"],
            true,
        ),
        (
            "mx-alias.test",
            &["10 mail.mx-alias.test 192.0.2.1"],
            &[
                "mail.mx-alias.test, MX 10 of mx-alias.test, is an alias (CNAME), which RFC 2181 forbids: some servers may not deliver to it",
            ],
            false,
        ),
        (
            "literal.test",
            &["10 192.0.2.7 192.0.2.7"],
            &[
                "MX 10 of literal.test is the address 192.0.2.7, where only a name may stand: some servers may not deliver to it",
            ],
            false,
        ),
        (
            "null-and-more.test",
            &["10 mx.v4.test 192.0.2.1"],
            &["null-and-more.test has a null MX beside others, which RFC 7505 forbids: the others are examined"],
            false,
        ),
        (
            "impossible.test",
            &["10 mx.impossible.test 192.0.2.1"],
            &[
                "mx.impossible.test has the address 0.0.0.0, which no mail server can have: left out",
                "mx.impossible.test has the address 224.0.0.1, which no mail server can have: left out",
                "mx.impossible.test has the address fe80::1, which no mail server can have: left out",
            ],
            false,
        ),
        (
            "leads-back.test",
            &["10 mx.leads-back.test 192.0.2.1"],
            &[
                "mx.leads-back.test has the address 127.0.0.1, which leads back to this host: left out",
                "mx.leads-back.test has the address ::1, which leads back to this host: left out",
            ],
            false,
        ),
    ];
    for (target, expected, remarks, incomplete) in rows {
        let outcome = found(&resolver, target).await;
        assert_eq!(lines(&outcome), *expected, "{target}");
        let said: Vec<String> = outcome.remarks.iter().map(ToString::to_string).collect();
        let wanted: Vec<String> = remarks.iter().map(|text| text.replace("SERVER", &in_words(&server))).collect();
        assert_eq!(said, wanted, "{target}");
        assert_eq!(outcome.remarks.iter().any(Remark::is_incomplete), *incomplete, "{target}");
    }
}

/// What is known of each address, in one line: the name, `?` where it does not lead back, the network.
async fn described(resolver: &Resolver, addresses: &[&str], limit: Duration) -> Vec<String> {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    let start = Instant::now();
    let names = resolver.describe(&addresses, limit).await;
    assert!(start.elapsed() < limit + GRACE, "took {:?}", start.elapsed());
    let words = |address: &IpAddr| {
        let known = names.of(*address)?;
        let name = known.name.as_ref().map(|name| format!("{}{}", name.text, if name.is_confirmed { "" } else { "?" }));
        Some([name, known.asn.map(|asn| format!("AS{asn}"))].into_iter().flatten().collect::<Vec<_>>().join(" "))
    };
    addresses.iter().map(|address| words(address).unwrap_or_default()).collect()
}

#[tokio::test]
async fn hops_have_names_and_networks() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    let rows = [
        ("203.0.113.1", "r1.names.test AS64500"),
        // Whoever has the address says that it is the bank's.
        ("203.0.113.2", "bank.names.test?"),
        // Delegated as RFC 2317 has it; announced by two systems.
        ("203.0.113.3", "r3.names.test AS64501"),
        // The name that leads back, of several.
        ("203.0.113.4", "z.names.test"),
        ("203.0.113.5", ""),
        // Nobody outside is told of it.
        ("10.0.2.1", "inside.names.test"),
        ("2001:db8::1", "r6.names.test AS64506"),
        ("203.0.113.200", ""),
    ];
    let addresses = rows.map(|(address, _)| address);
    assert_eq!(described(&resolver, &addresses, LIMIT).await, rows.map(|(_, expected)| expected));
    assert!(!server.asked().iter().any(|question| question.starts_with("1.2.0.10.origin")), "{:?}", server.asked());
    assert_eq!(described(&resolver, &[], Duration::ZERO).await, [""; 0]);
}

#[tokio::test]
async fn hostile_names_of_hops_come_out_tame() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    let said = described(&resolver, &["203.0.113.66", "203.0.113.67", "203.0.113.68"], Duration::from_secs(2)).await;
    for text in &said {
        assert!(text.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{text:?}");
    }
    assert!(said[0].ends_with(".names.test?"), "{said:?}");
    // 253 characters: 255 bytes without the root and the first length.
    assert!(said[1].len() == 254 && said[1].ends_with("x?"), "{said:?}");
    assert_eq!(said[2], "");
}

/// All are asked side by side, so the time is that of one; what came by then is kept.
#[tokio::test]
async fn names_that_do_not_come_cost_the_limit_once() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let addresses = ["203.0.113.69", "203.0.113.70", "203.0.113.1"];
    let said = described(&resolver(&[&server]), &addresses, Duration::from_secs(1)).await;
    assert_eq!(said, ["", "dead.test?", "r1.names.test AS64500"]);
    let nobody = Server::start(zone::silence, Transports::UdpAndTcp);
    let many: Vec<String> = (1..=150).map(|n| format!("203.0.113.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let said = described(&resolver(&[&nobody]), &many, Duration::from_secs(1)).await;
    assert!(said.iter().all(String::is_empty), "{said:?}");
}

fn in_words(server: &Server) -> String {
    format!("the name server {} port {}", server.address().ip(), server.address().port())
}

/// The DNS carries any byte in a name (RFC 2181, section 11), and what a stranger writes there ends on a terminal.
#[tokio::test]
async fn hostile_names_come_out_tame() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let outcome = found(&resolver(&[&server]), "hostile.test").await;
    let [good] = &outcome.addresses[..] else { panic!("{outcome:?}") };
    assert_eq!(good.address.to_string(), "192.0.2.1");
    let said = outcome.remarks.iter().map(ToString::to_string).chain([good.host.clone()]);
    for text in said.collect::<Vec<_>>() {
        assert!(text.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{text:?}");
    }
    assert_eq!(outcome.remarks.len(), 1, "the other host has no address");
}

#[tokio::test]
async fn clear_errors() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    let short = Duration::from_secs(1);
    let rows: &[(&str, Duration, &str)] = &[
        (
            "nonexistent.test",
            LIMIT,
            "no such domain: nonexistent.test (NXDOMAIN); check the spelling, or write [nonexistent.test] if it is a host that only this system knows",
        ),
        (
            "bücher.nonexistent.test",
            LIMIT,
            "no such domain: bücher.nonexistent.test (xn--bcher-kva.nonexistent.test) (NXDOMAIN); check the spelling, or write [bücher.nonexistent.test] if it is a host that only this system knows",
        ),
        ("to-nowhere.test", LIMIT, "no such domain: to-nowhere.test (NXDOMAIN)"),
        (
            "null.test",
            LIMIT,
            "null.test accepts no mail: it has a null MX (RFC 7505); write [null.test] to examine the host of that name",
        ),
        ("null-twice.test", LIMIT, "null-twice.test accepts no mail: it has a null MX (RFC 7505)"),
        ("empty.test", LIMIT, "empty.test has no mail server: it has neither an MX record nor an address"),
        ("loop.test", LIMIT, "loop.test has no mail server: it has neither an MX record nor an address"),
        (
            "loop1.lazy.test",
            LIMIT,
            "loop1.lazy.test has no mail server: it has neither an MX record nor an address; its aliases (CNAME) end at loop",
        ),
        ("other-name.test", LIMIT, "other-name.test has no mail server: it has neither an MX record nor an address"),
        (
            "all-gone.test",
            LIMIT,
            "no mail server of all-gone.test can be examined: gone.partial.test, MX 10 of all-gone.test, has no address: no such name; empty.partial.test, MX 20 of all-gone.test, has no address",
        ),
        (
            "servfail.test",
            LIMIT,
            "no answer about servfail.test, but SERVFAIL, from SERVER: try again later; if it lasts, the domain's own name servers or this one are broken",
        ),
        (
            "refused.test",
            LIMIT,
            "no answer about refused.test, but REFUSED, from SERVER: it does not serve this host; name one in /etc/resolv.conf that does",
        ),
        // An error about MX records is no word that there are none: the address must not be taken (RFC 5321, section 5.1).
        ("mx-servfail.test", LIMIT, "no answer about mx-servfail.test, but SERVFAIL, from SERVER"),
        (
            "dead.test",
            short,
            "no answer about dead.test from SERVER within 1 s: check the servers in /etc/resolv.conf, or give an address",
        ),
        ("slow.test", short, "no answer about slow.test from SERVER within 1 s"),
        ("wrong-id.test", short, "no answer about wrong-id.test from SERVER within 1 s"),
        ("wrong-question.test", short, "no answer about wrong-question.test from SERVER within 1 s"),
        ("garbage.test", short, "cannot look up garbage.test: SERVER sent nonsense"),
    ];
    for (target, limit, expected) in rows {
        let text = error(&resolver, target, *limit).await.to_string();
        let expected = expected.replace("SERVER", &in_words(&server));
        assert!(text.starts_with(&expected), "{target}:\n{text}\n{expected}");
    }
}

#[tokio::test]
async fn huge_answers_come_by_tcp_and_are_cut() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    let outcome = found(&resolver, "huge.test").await;
    let expected: Vec<String> = (0..20).map(|n| format!("{n} mx{n:03}.huge.test 192.0.2.{n}")).collect();
    assert_eq!(lines(&outcome), expected);
    let said: Vec<String> = outcome.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["huge.test has 300 mail servers: the 20 most preferred are examined"]);
    assert!(server.asked_by_tcp() > 0, "300 MX records cannot have come by UDP");

    let outcome = found(&resolver, "wide.test").await;
    assert_eq!(outcome.addresses.len(), 64);
    let said: Vec<String> = outcome.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["the mail servers of wide.test have 100 addresses: the first 64 are examined"]);
}

#[tokio::test]
async fn a_long_answer_without_tcp_is_a_clear_error() {
    let server = Server::start(zone::answer, Transports::UdpOnly);
    let text = error(&resolver(&[&server]), "huge.test", LIMIT).await.to_string();
    let expected = format!(
        "cannot look up huge.test: the answer is too long for UDP, and there is none by TCP from {}",
        in_words(&server)
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_server_that_fails_does_not_hide_one_that_works() {
    let good = Server::start(zone::answer, Transports::UdpAndTcp);
    for bad in [zone::silence, zone::servfail, zone::refused] {
        let bad = Server::start(bad, Transports::UdpAndTcp);
        let resolver = resolver(&[&bad, &good]);
        let start = Instant::now();
        assert_eq!(lines(&found(&resolver, "v4.test").await), ["10 mx.v4.test 192.0.2.1"]);
        assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn only_what_is_needed_is_asked() {
    let server = Server::start(zone::answer, Transports::UdpAndTcp);
    let resolver = resolver(&[&server]);
    for target in ["hosted.test", "localhost", "mail.localhost", "192.0.2.1", "[192.0.2.1]", "2001:db8::1"] {
        found(&resolver, target).await;
    }
    assert_eq!(server.asked(), [""; 0]);
    found(&resolver, "v4.test").await;
    found(&resolver, "v4.test").await;
    assert_eq!(
        server.asked(),
        ["v4.test MX", "mx.v4.test A", "mx.v4.test AAAA"],
        "each question once, complete, no search list"
    );
}

#[tokio::test]
async fn nobody_at_home_costs_the_limit_and_no_more() {
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let nowhere: SocketAddr = closed;
    let resolver = Resolver::new(Hosts::default(), NameServers::Given(vec![nowhere]));
    let error = error(&resolver, "v4.test", Duration::from_secs(1)).await;
    assert!(matches!(error, ResolveError::TimedOut { .. } | ResolveError::Failed { .. }), "{error}");
}
