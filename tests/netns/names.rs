//! A mail domain on a real path: the program asks the name server that the lab's resolv.conf names, `tests/dns`, in c.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::dns::message::{Data, Kind, NO_ERROR, NXDOMAIN, Query, Record};
use super::dns::server::Reply;
use super::lab::{Lab, Ran, with_labs};
use super::name_server;
use super::scenario::{Family, Node};

const SERVER: &str = "10.0.4.2";

/// The domain has the lab's mail server, one that no longer exists, and one with two IPv6 addresses.
fn zone(query: &Query) -> Reply {
    let record = |data| Record { owner: query.name.clone(), ttl: 60, data };
    let mx = |preference, host: &str| record(Data::Mx(preference, host.into()));
    let records = match (query.name.as_str(), query.kind) {
        ("lab.test" | "xn--lb-via.test", Kind::Mx) => {
            vec![mx(20, "six.lab.test"), mx(5, "gone.lab.test"), mx(10, "mail.lab.test")]
        }
        ("mail.lab.test", Kind::A) => vec![record(Data::A(SERVER.parse().expect("an address")))],
        ("six.lab.test", Kind::Aaaa) => {
            let six = |last: &str| record(Data::Aaaa(format!("2001:db8:ffff::{last}").parse().expect("an address")));
            vec![six("1"), six("2")]
        }
        ("null.test", Kind::Mx) => vec![mx(0, ".")],
        ("2.2.0.10.in-addr.arpa", Kind::Ptr) => vec![record(Data::Ptr("r2.lab.test".into()))],
        ("r2.lab.test", Kind::A) => vec![record(Data::A("10.0.2.2".parse().expect("an address")))],
        ("2.3.0.10.in-addr.arpa", Kind::Ptr) => vec![record(Data::Ptr("\u{1b}[2J\n.bank.test".into()))],
        ("mail.lab.test" | "six.lab.test" | "null.test", _) => Vec::new(),
        _ => return Reply::Answer(NXDOMAIN, Vec::new()),
    };
    Reply::Answer(NO_ERROR, records)
}

#[test]
fn a_domain_leads_to_its_mail_servers() {
    with_labs("names::a_domain_leads_to_its_mail_servers", || {
        assert_eq!(Node::S.near_address(Family::V4).to_string(), SERVER);
        let lab = Lab::up("silent_router", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
        lab.shell("c", "ip -6 route del default");
        let _server = name_server::start_on_c(&lab, zone);
        for domain in ["lab.test", "läb.test", "xn--lb-via.test:25"] {
            let ran = lab.probe(&["--json", domain]);
            let document: Value =
                serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
            assert_eq!(document["target"], domain);
            assert_eq!(document["addresses"].as_array().map(Vec::len), Some(1), "{document}");
            let address = &document["addresses"][0];
            let facts = ["host", "preference", "address", "port", "verdict"].map(|key| address[key].clone());
            assert_eq!(facts, [json!("mail.lab.test"), json!(10), json!(SERVER), json!(25), json!("black_hole")]);
            let shown = if domain == "lab.test" { "lab.test" } else { "xn--lb-via.test" };
            let expected = [
                "pmtu-probe: skipped, as this host has no IPv6 route to them (`ip -6 route` lists what it has): \
                 2001:db8:ffff::1 of six.lab.test, 2001:db8:ffff::2 of six.lab.test"
                    .to_owned(),
                format!("pmtu-probe: gone.lab.test, MX 5 of {shown}, has no address: no such name"),
            ];
            assert_eq!(ran.stderr.lines().collect::<Vec<_>>(), expected);
            assert_eq!(ran.status.code(), Some(2));
        }
        says(&lab.probe(&["null.test"]), "null.test accepts no mail: it has a null MX (RFC 7505)");
        says(&lab.probe(&["nonexistent.test"]), "no such domain: nonexistent.test (NXDOMAIN)");
        says(&lab.probe(&["--no-mx", "lab.test"]), "no such name: lab.test has no address");
        says(&lab.probe(&["[lab.test]"]), "no such name: lab.test has no address");
        says(&lab.probe(&["lab.test:587"]), "no such name: lab.test has no address");
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

/// The hole is behind r2. Its name leads back; r3 calls itself what it likes.
#[test]
fn hops_are_named_and_hostile_names_are_text() {
    with_labs("names::hops_are_named_and_hostile_names_are_text", || {
        let lab = Lab::up("silent_router", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
        let _server = name_server::start_on_c(&lab, zone);
        let ran = lab.probe(&["--names", "--direction", "forward", "--no-mx", SERVER]);
        let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("between hop 2 (10.0.2.2, r2.lab.test) and hop 3 (10.0.3.2, "), "{}", ran.stdout);
        assert!(text.contains(".bank.test unconfirmed)"), "{}", ran.stdout);
        assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(2), ""));
        let ran = lab.probe(&["--names", "--json", "--direction", "forward", "--no-mx", SERVER]);
        let document: Value = serde_json::from_str(&ran.stdout).expect("a document");
        let of_r2 =
            document["addresses"][0]["hops"].as_array().expect("hops").iter().find(|hop| hop["address"] == "10.0.2.2");
        let facts = of_r2.map(|hop| ["name", "name_confirmed", "asn"].map(|key| hop[key].clone()));
        assert_eq!(facts, Some([json!("r2.lab.test"), json!(true), json!(null)]), "{document:#}");
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

/// A name server that never answers costs two seconds, and the report comes without names.
#[test]
fn names_that_do_not_come_are_not_waited_for() {
    with_labs("names::names_that_do_not_come_are_not_waited_for", || {
        let lab = Lab::up("silent_router", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
        let _server = name_server::start_on_c(&lab, |_| Reply::Silence);
        let started = Instant::now();
        let plain = lab.probe(&["--direction", "forward", "--no-mx", SERVER]);
        let without = started.elapsed();
        let started = Instant::now();
        let ran = lab.probe(&["--names", "--direction", "forward", "--no-mx", SERVER]);
        let more = started.elapsed().saturating_sub(without);
        assert!(more < Duration::from_secs(3), "{more:?}");
        assert!(ran.stdout.contains("between hop 2 (10.0.2.2) and hop 3"), "{}", ran.stdout);
        assert_eq!((ran.status.code(), plain.status.code()), (Some(2), Some(2)));
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

/// Nobody listens where resolv.conf points.
#[test]
fn a_dead_name_server_costs_its_time_limit_and_a_known_host_none() {
    with_labs("names::a_dead_name_server_costs_its_time_limit_and_a_known_host_none", || {
        let lab = Lab::up("clear", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
        let start = Instant::now();
        says(
            &lab.probe(&["--timeout", "2", "lab.test"]),
            "no answer about lab.test from the name server 127.0.0.1 within 2 s",
        );
        assert!((2.0..4.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
        let start = Instant::now();
        let ran = lab.probe(&["-q", "mx.example.com"]);
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

fn says(ran: &Ran, what: &str) {
    assert!(ran.stderr.starts_with(&format!("pmtu-probe: {what}")), "{}", ran.stderr);
    assert_eq!(
        (ran.status.code(), ran.stderr.lines().count(), ran.stdout.as_str()),
        (Some(3), 1, ""),
        "{}",
        ran.stderr
    );
}
