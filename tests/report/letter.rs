//! Letters: who gets one, what it says, and that both languages say the same.

use std::collections::BTreeSet;

use pmtu_probe::model::{
    AddressReport, Blocker, Blockers, Finding, Flow, FlowOutcome, Flows, Location, LocationPoint, PtbFault,
    ReverseVerdict, Ttl,
};
use pmtu_probe::report::letter::{Language, render};

use super::expected::must_be_as_expected;
use super::fixtures::{
    V4, V6, all, back_hole, back_only, back_recovers, bad_ptb, clamped_here, clear, combinations, discoverable,
    hostile, inconclusive, ip, link_mismatch, local_firewall, masked, no_ptb, ptb, recovers_here, report, size,
    unreachable,
};

fn english(address: AddressReport) -> String {
    render(&report(vec![address]), Language::English)
}

fn german(address: AddressReport) -> String {
    render(&report(vec![address]), Language::German)
}

/// Text without its line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(letter: &str, words: &[&str]) {
    let letter = unwrapped(letter);
    for words in words {
        assert!(letter.contains(words), "{words}\n{letter}");
    }
}

#[test]
fn the_letters_read_as_they_should() {
    must_be_as_expected(&english(no_ptb(V4)), "letter_en");
    must_be_as_expected(&german(no_ptb(V6)), "letter_de_v6");
    must_be_as_expected(&english(back_hole(V4)), "letter_back_en");
    must_be_as_expected(&german(back_hole(V6)), "letter_back_de_v6");
    must_be_as_expected(&english(back_recovers(V6)), "letter_back_stalls_en_v6");
    must_be_as_expected(&english(clamped_here(V4)), "letter_clamped_here_en");
    must_be_as_expected(&german(clamped_here(V6)), "letter_clamped_here_de_v6");
    must_be_as_expected(&german(recovers_here(V4)), "letter_recovers_here_de");
    must_be_as_expected(&english(bad_ptb(V6)), "letter_bad_ptb_en_v6");
    must_be_as_expected(&german(link_mismatch()), "letter_mismatch_de");
}

/// One network gets one letter about all addresses behind its fault, whatever else is true of them.
#[test]
fn one_network_gets_one_letter() {
    let servers = (1..=3).map(|number: u8| {
        let mut server = no_ptb(V4);
        server.host = format!("mx{number}.example.com");
        server.address = ip(&format!("192.0.2.{number}"));
        // What the way back and the server's habits are is not this network's matter.
        if number == 2 {
            server.examined.reverse = unreachable(V4).examined.reverse;
            server.examined.findings = vec![Finding::NoSack];
            server.examined.sizes[2].answered = 7;
        }
        server
    });
    let servers: Vec<AddressReport> = servers.collect();
    let letters = render(&report(servers.clone()), Language::English);
    assert_eq!(letters.matches("Kind regards").count(), 1, "{letters}");
    must_be_as_expected(&letters, "letter_of_three_en");
    must_be_as_expected(&render(&report(servers.clone()), Language::German), "letter_of_three_de");
    // Another place, another size or another fault is another letter.
    let [mut elsewhere, mut smaller, mut faulty] = [servers[1].clone(), servers[1].clone(), servers[1].clone()];
    elsewhere.examined.location.as_mut().unwrap().last_hop.as_mut().unwrap().address = ip("203.0.113.99");
    smaller.examined.path_mtu = Some(size(1300));
    faulty.examined.ptb = bad_ptb(V4).examined.ptb;
    for other in [elsewhere, smaller, faulty] {
        let letters = render(&report(vec![servers[0].clone(), other]), Language::English);
        assert_eq!(letters.matches("Kind regards").count(), 2, "{letters}");
    }
}

/// 20 bytes of IPv4 header or 40 of IPv6, and 8 of ICMP.
#[test]
fn the_ping_that_is_offered_makes_the_size_that_passes() {
    says(
        &english(with_ping(no_ptb(V4))),
        &["ping -c 3 -M do -s 1372 192.0.2.25 ping -c 3 -M do -s 1373 192.0.2.25", "mtu = 1400"],
    );
    says(&english(with_ping(no_ptb(V6))), &["-s 1352 2001:db8::25 ping -c 3 -M do -s 1353 2001:db8::25", "mtu=1400"]);
    // Where the server answers no pings, a router behind the place may.
    says(&english(no_ptb(V4)), &["ping -c 3 -M do -s 1372 203.0.113.6", "first router behind it"]);
    let mut unknown = no_ptb(V4);
    unknown.examined.location.as_mut().unwrap().next_hop = None;
    assert!(!english(unknown).contains("ping -c"), "nobody is known to answer");
    // The server's own packets are the ones that vanish: it pings us.
    says(&english(back_hole(V4)), &["from your server to ours", "ping -c 3 -M do -s 1373 198.51.100.2"]);
    let mut behind_nat = back_hole(V4);
    behind_nat.here.source = Some(ip("10.0.0.7"));
    says(&english(behind_nat), &["-s 1372 [our public address]"]);
    assert!(!english(local_firewall(V4)).contains("ping -c"), "this host's firewall would drop the answer");
}

fn with_ping(mut report: AddressReport) -> AddressReport {
    report.examined.methods[1] = clear(V4).examined.methods[1].clone();
    report
}

#[test]
fn a_letter_tells_what_was_measured_from_where_to_where_and_when() {
    says(
        &english(no_ptb(V4)),
        &[
            "from 198.51.100.2",
            "to 192.0.2.25 (mx.example.com), port 25",
            "2026-01-01 00:00:00 UTC",
            "1400 bytes (8 of 8 answered)",
            "1401 bytes (0 of 8 answered)",
            "between hop 2 (203.0.113.2) and hop 3 (203.0.113.6)",
            "ICMP type 3 code 4",
            "sudo pmtu-probe 192.0.2.25",
        ],
    );
    says(&english(no_ptb(V6)), &["ICMPv6 type 2", "IPv6 routers do not fragment", "2001:db8:2::2", "ip6tables"]);
}

#[test]
fn each_complaint_asks_for_its_own_remedy() {
    says(&english(no_ptb(V4)), &["icmp type '{ destination-unreachable", "vanish, and no message tells"]);
    says(&english(bad_ptb(V4)), &["203.0.113.2 state 1400 in place of 1480", "packets of that size vanish as well"]);
    says(&english(link_mismatch()), &["both ends of that link", "even those that routers may fragment"]);
    says(&english(local_firewall(V4)), &["To: the administrators of our own mail server", "hook (prerouting|input)"]);
    says(&english(masked(V4)), &["only because an MSS of 1360 keeps TCP packets small"]);
    assert!(!english(link_mismatch()).contains("nft "), "no firewall is at fault");
    assert!(!english(bad_ptb(V4)).contains("nft "), "the messages do arrive");
}

#[test]
fn the_way_back_has_letters_of_its_own() {
    says(
        &english(back_hole(V4)),
        &[
            "To: the administrators of 192.0.2.25 (mx.example.com) Subject: Packets above 1400 bytes from 192.0.2.25 to us",
            "from 192.0.2.25 (mx.example.com), port 25 to 198.51.100.2",
            "our MSS 1460",
            "arrives 1400 bytes vanishes 1401 bytes DF set by your server",
            "We waited 15 seconds for it",
            "we cannot tell where on the way packets are lost",
            "timeout after DATA",
            "type filter hook (input|forward)",
            "sudo pmtu-probe --direction reverse 192.0.2.25",
        ],
    );
    let mut bound = back_hole(V4);
    bound.examined.reverse.first_lost_size = Some(size(1500));
    says(&english(bound), &["Subject: Large packets from", "1500 bytes (sizes in between were not tried)"]);
    let mut web = back_hole(V4);
    web.port = 443;
    assert!(!english(web).contains("DATA"));
    let stalls = english(back_recovers(V4));
    says(&stalls, &["stalls for about 4 s", "to us stall"]);
    assert!(!stalls.contains("tcp_mtu_probing"), "{stalls}");
    let mut cut = back_hole(V4);
    cut.examined.findings = vec![Finding::PeerWithoutDf];
    let cut = english(cut);
    says(&cut, &["DF not set", "drops fragments"]);
    assert!(!cut.contains("nft "), "{cut}");
}

#[test]
fn a_server_that_heeds_no_message_is_written_to_once() {
    let mut report = clear(V4);
    report.examined.findings = vec![Finding::PeerIgnoresPtb { told: size(1400) }];
    says(
        &english(report.clone()),
        &["does not heed \"fragmentation needed\"", "MTU 1400", "no effect", "--ptb-test 192.0.2.25", "peer_obeys_ptb"],
    );
    report.examined.reverse = back_hole(V4).examined.reverse;
    assert_eq!(english(report).matches("Kind regards").count(), 1);
}

#[test]
fn each_direction_gets_its_letter() {
    let mut both = no_ptb(V4);
    both.examined.reverse = back_hole(V4).examined.reverse;
    let letters = english(both.clone());
    assert_eq!(letters.matches("Kind regards").count(), 2, "{letters}");
    assert_eq!(english(back_only(both)).matches("Kind regards").count(), 1);
}

#[test]
fn a_limit_in_our_own_network_is_not_blamed_on_them() {
    let mut report = discoverable(V4);
    report.examined.reverse = back_hole(V4).examined.reverse;
    let point = |ttl, address| Some(LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) });
    report.examined.location = Some(Location { last_hop: point(1, "203.0.113.2"), next_hop: point(2, "203.0.113.6") });
    let letter = english(report);
    says(
        &letter,
        &["To: the administrators of our own network", "way there ends at 1400 bytes as well", "hook (output|forward)"],
    );
}

#[test]
fn no_letter_says_what_is_known_of_the_way_back() {
    for (verdict, words) in [
        (ReverseVerdict::Clear, "its large packets arrive"),
        (ReverseVerdict::Untested, "its way to this host was not tested"),
        (ReverseVerdict::Inconclusive, "the evidence is too thin"),
    ] {
        let mut report = clear(V4);
        report.examined.reverse.verdict = verdict;
        assert_eq!(english(back_only(report)), format!("192.0.2.25: no letter, as {words}.\n"));
    }
}

#[test]
fn a_damaged_message_is_traced_to_whoever_damages_it() {
    let mut report = bad_ptb(V4);
    report.examined.ptb = vec![ptb(&report, 1400, false, Some(PtbFault::BadChecksum))];
    says(&english(report.clone()), &["NAT or a firewall that changes ICMP messages from 203.0.113.2"]);
    says(&german(report), &["NAT oder einer Firewall, die ICMP-Meldungen von 203.0.113.2 verändert"]);
}

#[test]
fn the_rule_that_drops_is_named() {
    let mut report = local_firewall(V4);
    report.here.blockers = Blockers::Found(vec![Blocker {
        place: "table inet guard, chain in".into(),
        rule: "icmp type destination-unreachable drop".into(),
        is_certain: true,
        remedy: vec!["nft insert rule inet guard in position 4 icmp type destination-unreachable accept".into()],
    }]);
    for letter in [english(report.clone()), german(report)] {
        says(
            &letter,
            &[
                "icmp type destination-unreachable drop",
                "table inet guard, chain in",
                "nft insert rule inet guard in position 4 icmp type destination-unreachable accept",
            ],
        );
        assert!(!letter.contains("inet filter"), "{letter}");
    }
}

#[test]
fn who_gets_it_is_who_is_responsible() {
    let to = |report: &AddressReport| unwrapped(english(report.clone()).split("Subject").next().unwrap());
    let mut report = no_ptb(V4);
    let mut between = |last: (u8, &str), next: (u8, &str)| {
        let point = |(ttl, address): (u8, &str)| Some(LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) });
        report.examined.location = Some(Location { last_hop: point(last), next_hop: point(next) });
        to(&report)
    };
    assert!(between((1, "203.0.113.2"), (2, "203.0.113.6")).contains("our own network or our provider (between hop 1"));
    assert_eq!(between((7, "203.0.113.2"), (8, V4)), "To: the administrators of 192.0.2.25 (mx.example.com)");
    assert!(between((4, "203.0.113.2"), (5, "203.0.113.6")).contains("the network between hop 4 (203.0.113.2)"));
    report.examined.location = None;
    assert!(to(&report).contains("or of a network on the way there"));
}

#[test]
fn a_place_that_is_not_known_is_not_made_up() {
    let mut report = no_ptb(V4);
    report.examined.hops.truncate(2);
    report.examined.location.as_mut().unwrap().next_hop = None;
    says(&english(report.clone()), &["where between hop 2 (203.0.113.2) and the target"]);
    says(&german(report.clone()), &["wo zwischen Hop 2 (203.0.113.2) und dem Ziel"]);
    report.examined.location = None;
    assert!(!english(report).contains("hop"));
}

#[test]
fn a_private_source_is_explained() {
    let mut report = no_ptb(V4);
    report.here.source = Some(ip("10.0.0.7"));
    says(&english(report.clone()), &["10.0.0.7, behind NAT"]);
    says(&german(report.clone()), &["10.0.0.7, hinter NAT"]);
    report.address = ip("10.9.0.25");
    assert!(!english(report).contains("NAT"), "both ends are private");
}

#[test]
fn a_hole_on_some_flows_names_their_ports() {
    let mut report = clear(V4);
    let flow = |port, outcome| Flow { port, outcome };
    report.examined.findings = vec![Finding::HoleOnSomeFlows];
    report.examined.flows = Some(Flows {
        sizes: (size(1400), size(1401)),
        flows: vec![
            flow(40_000, FlowOutcome::Passes),
            flow(40_001, FlowOutcome::Lost),
            flow(40_002, FlowOutcome::Unknown),
            flow(40_003, FlowOutcome::Lost),
        ],
    });
    says(&english(report.clone()), &["2 of 3 are hit", "hit: 40001, 40003; not hit: 40000", "1401 bytes"]);
    says(&german(report.clone()), &["2 von 3 betroffen", "40001, 40003; nicht betroffene: 40000"]);
    // The same where the verdict is about a flow that is hit.
    let mut hit = no_ptb(V4);
    hit.examined.findings = report.examined.findings;
    hit.examined.flows = report.examined.flows;
    hit.examined.flows.as_mut().unwrap().sizes.0 = size(500);
    says(
        &english(hit),
        &["vanish on some flows", "passes 1400 bytes (8 of 8", "next hops of equal cost", "hook (output|forward)"],
    );
}

#[test]
fn only_the_time_exceeded_arrives() {
    let mut report = no_ptb(V4);
    report.examined.findings = vec![Finding::OnlyPtbMissing];
    says(&english(report.clone()), &["no \"fragmentation needed\" arrived, though \"time exceeded\" from there does"]);
    says(&german(report), &["„time exceeded“ von dort dagegen schon"]);
}

#[test]
fn no_fault_no_letter_but_a_reason() {
    for address in [clear(V4), discoverable(V6), unreachable(V4), inconclusive(V6)] {
        let (number, en, de) = (address.address.to_string(), english(address.clone()), german(address));
        assert_eq!((en.lines().count(), de.lines().count()), (1, 1), "{en}{de}");
        assert!(en.starts_with(&format!("{number}: no letter, as ")), "{en}");
        assert!(de.starts_with(&format!("{number}: kein Brief, denn ")), "{de}");
    }
}

#[test]
fn every_address_with_a_fault_of_the_path_gets_one() {
    for address in all() {
        let faulty = matches!(address.examined.exit_code(), 1 | 2);
        assert_eq!(english(address.clone()).contains("Kind regards"), faulty, "{:?}", address.examined.verdict);
    }
    let mut survivable = discoverable(V4);
    survivable.examined.ptb = vec![ptb(&survivable, 0, true, Some(PtbFault::MtuZero))];
    says(&english(survivable), &["Mail still gets through", "state 1400 in place of 0", "too big 1401 bytes"]);
    let many = render(&report(vec![no_ptb(V4), clear(V4), no_ptb(V6)]), Language::English);
    assert_eq!(many.matches("Kind regards").count(), 2);
    assert!(many.trim_end().ends_with("192.0.2.25: no letter, as the path carries full-size packets."), "{many}");
}

/// Numbers, addresses and commands are the facts; a translation changes none of them.
#[test]
fn both_languages_state_the_same_facts() {
    for address in combinations() {
        let (en, de) = (english(address.clone()), german(address));
        assert_eq!(facts(&en), facts(&de), "{en}\n{de}");
        let code = |text: &str| -> Vec<String> {
            text.lines()
                .filter(|line| line.starts_with("    "))
                .filter(|l| l.contains("tables") || l.contains("nft"))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(code(&en), code(&de));
    }
}

/// Every word with a digit in it, less its punctuation.
fn facts(letter: &str) -> BTreeSet<String> {
    let words = letter.split(|c: char| c.is_whitespace() || "()„“\",;-".contains(c));
    let trimmed = words.map(|word| word.trim_end_matches(['.', ':']));
    trimmed.filter(|word| word.contains(|c: char| c.is_ascii_digit())).map(str::to_owned).collect()
}

#[test]
fn prose_fits_72_columns_and_nothing_steers_a_terminal() {
    for address in combinations().into_iter().chain([hostile()]) {
        for letter in [english(address.clone()), german(address)] {
            for line in letter.lines() {
                let is_code = line.starts_with("    ")
                    && ["nft ", "tables -", "pmtu-probe", "ping"].iter().any(|w| line.contains(w));
                assert!(is_code || line.chars().count() <= 72, "{line}");
                assert_eq!(line, line.trim_end());
                assert!(!line.contains(|c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}')), "{line:?}");
            }
        }
    }
}
