//! The text report.

use std::collections::HashSet;

use pmtu_probe::model::{
    AddressReport, Filter, Finding, FirewallManager, Method, NetworkManager, PortState, PtbFault, PtbReport, Reception,
    Report, ReverseReason, ReverseVerdict,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::check;
use pmtu_probe::report::text::{Detail, Style, blocks, more, render};

use super::expected::must_be_as_expected;
use super::fixtures::{
    FINDINGS, V4, V6, all, back_hole, back_only, back_recovers, bad_ptb, clamped_here, clear, combinations,
    discoverable, hostile, inconclusive, ip, link_mismatch, local_firewall, masked, no_ptb, ptb, recovers_here, report,
    size, unreachable,
};

const PLAIN: Style = Style { color: false, detail: Detail::Normal, width: Width::USUAL };
const QUIET: Style = Style { color: false, detail: Detail::VerdictOnly, width: Width::USUAL };
const FULL: Style = Style { color: false, detail: Detail::Full, width: Width::USUAL };

macro_rules! matches_file {
    ($report:expr, $name:literal) => {
        must_be_as_expected(&render(&report(vec![$report]), &PLAIN), $name);
    };
}

#[test]
fn each_verdict_reads_as_it_should() {
    matches_file!(clear(V4), "clear");
    matches_file!(discoverable(V4), "discoverable");
    matches_file!(masked(V4), "masked");
    matches_file!(clamped_here(V4), "clamped_here");
    matches_file!(on_debian(clamped_here(V4)), "clamped_here_to_last");
    matches_file!(recovers_here(V6), "recovers_here_v6");
    matches_file!(no_ptb(V4), "no_ptb");
    matches_file!(no_ptb(V6), "no_ptb_v6");
    matches_file!(local_firewall(V4), "local_firewall");
    matches_file!(local_firewall(V6), "local_firewall_v6");
    matches_file!(bad_ptb(V4), "bad_ptb");
    matches_file!(link_mismatch(), "link_mismatch");
    matches_file!(unreachable(V4), "unreachable");
    matches_file!(inconclusive(V4), "inconclusive");
    matches_file!(back_hole(V4), "back_hole");
    matches_file!(back_recovers(V6), "back_recovers_v6");
    matches_file!(back_only(back_hole(V4)), "back_only");
}

/// With rules that nftables.service loads, and a network that systemd-networkd configures.
fn on_debian(mut report: AddressReport) -> AddressReport {
    report.here.systems.firewall = Some(FirewallManager::Nftables);
    report.here.systems.rules_file = Some("/etc/nftables.conf".into());
    let file = Some("/etc/systemd/network/10-lan.network".into());
    report.here.systems.network = Some(NetworkManager::Networkd { file });
    report
}

/// The first line speaks of mail where a mail server listens, and of nothing that a database or a web server does not take. A server that
/// turns visitors away by an SMTP code is a mail server wherever it listens.
#[test]
fn the_first_line_speaks_of_what_the_port_is_for() {
    let every = || all().into_iter().chain(combinations()).chain(all().into_iter().map(back_only));
    let quiet = |address: &AddressReport| render(&report(vec![address.clone()]), &QUIET).replace(&address.host, "");
    for mut address in every() {
        if matches!(address.examined.reception, Reception::TurnedAway { .. } | Reception::HungUp | Reception::Reset) {
            continue;
        }
        let is_about_mail = quiet(&address).contains("mail");
        for (port, is_mail) in [(465, true), (587, true), (443, false), (5432, false), (22, false)] {
            address.port = port;
            let line = quiet(&address);
            assert_eq!(line.contains("mail"), is_about_mail && is_mail, "{port}: {line}");
        }
    }
}

/// Will mail get through? What the path carries is the smaller news where the port takes no connections.
#[test]
fn a_port_that_takes_no_connections_comes_first() {
    let line = |mut address: AddressReport, state| {
        address.examined.port_state = Some(state);
        address.examined.reverse.verdict = ReverseVerdict::Untested;
        (render(&report(vec![address.clone()]), &QUIET), address.examined.exit_code())
    };
    let icmp = Filter::Icmp { from: ip("203.0.113.6"), code: 13 };
    for (address, state, words, exit_code) in [
        (
            clear(V4),
            PortState::Refused,
            "port 25 takes no connections (refused), so no mail gets through; the path itself is clear: packets of 1500 bytes \
             pass",
            3,
        ),
        (
            clear(V4),
            PortState::Filtered(Filter::Silent),
            "port 25 takes no connections (filtered: it never answers, though ping is answered), so no mail gets through; the \
             path itself is clear: packets of 1500 bytes pass",
            3,
        ),
        (
            discoverable(V4),
            PortState::Filtered(icmp),
            "port 25 takes no connections (filtered: 203.0.113.6 answers: administratively prohibited), so no mail gets \
             through; the path itself: packets of 1400 bytes pass, and routers say so",
            3,
        ),
        (
            no_ptb(V4),
            PortState::ForbiddenHere,
            "port 25 takes no connections (this host's own firewall refuses to send them), so no mail gets through unless its \
             rules except the mailer's user; the path itself: black hole above 1400 bytes, where large mail would hang",
            2,
        ),
        (
            inconclusive(V4),
            PortState::Refused,
            "port 25 takes no connections (refused), so no mail gets through; the path itself: inconclusive: packets of 1200 \
             bytes were answered and of 1400 bytes were not, but so many small ones are lost that it may be chance",
            3,
        ),
    ] {
        assert_eq!(line(address, state), (format!("mx.example.com 192.0.2.25: {words}\n"), exit_code));
    }
    let (open, code) = line(clear(V4), PortState::Open);
    assert_eq!((open.contains("mail of any size gets through"), code), (true, 0));
}

/// Nor does mail get through where the server refuses service. The port is open, so the exit code is that of the path.
#[test]
fn a_server_that_turns_mail_away_is_told_in_the_first_line() {
    let line = |mut address: AddressReport, reception| {
        address.examined.reception = reception;
        address.examined.reverse.verdict = ReverseVerdict::Untested;
        let line = render(&report(vec![address]), &QUIET);
        line.split_once("25: ").map(|(_, line)| line.trim_end().to_owned()).unwrap_or_default()
    };
    for (address, reception, words) in [
        (
            clear(V4),
            Reception::TurnedAway { code: 554 },
            "clear: packets of 1500 bytes pass, but the server turns this host away (554), so no mail gets through",
        ),
        (
            discoverable(V4),
            Reception::TurnedAway { code: 421 },
            "1400 bytes pass and routers say so, but the server turns this host away for now (421), so no \
             mail gets through at the moment",
        ),
        (
            masked(V4),
            Reception::HungUp,
            "masked: packets above 1400 bytes vanish, and the server closes the connection without a greeting, so no \
             mail gets through now",
        ),
        (
            clear(V4),
            Reception::Reset,
            "clear: packets of 1500 bytes pass, but the connection was reset before any greeting, so whether the server takes \
             mail is not known",
        ),
        (no_ptb(V4), Reception::TurnedAway { code: 554 }, "black hole above 1400 bytes: large mail will hang"),
    ] {
        assert_eq!(line(address, reception), words);
    }
}

#[test]
fn quiet_is_one_line_per_address_worst_first() {
    let whole = report(vec![
        clear(V4),
        inconclusive(V4),
        discoverable(V6),
        masked(V4),
        unreachable(V6),
        local_firewall(V4),
        no_ptb(V6),
    ]);
    assert_eq!(
        render(&whole, &QUIET),
        "\
mx.example.com 192.0.2.25: black hole above 1400 bytes, made by this host's own firewall: large mail will hang
mx.example.com 2001:db8::25: black hole above 1400 bytes: large mail will hang
mx.example.com 192.0.2.25: masked: packets above 1400 bytes vanish, but the server keeps TCP to smaller ones: mail passes
mx.example.com 192.0.2.25: inconclusive: packets of 1200 bytes were answered and of 1400 bytes were not, but so many small ones are lost that it may be chance
mx.example.com 2001:db8::25: unreachable: even small packets go unanswered, the path cannot be judged
mx.example.com 192.0.2.25: clear: packets of 1500 bytes pass, mail of any size gets through
mx.example.com 2001:db8::25: 1400 bytes pass and routers say so: mail gets through
"
    );
}

#[test]
fn several_addresses_get_a_summary_then_a_line_then_a_block_each_worst_first() {
    let text = render(&report(vec![clear(V4), no_ptb(V6)]), &PLAIN);
    let [bad, good] = [no_ptb(V6), clear(V4)].map(|address| blocks(&report(vec![address]), &PLAIN));
    let lines = "  \
MX 10 mx.example.com 2001:db8::25: black hole above 1400 bytes
  MX 10 mx.example.com 192.0.2.25: clear
";
    assert_eq!(
        text,
        format!("mx.example.com: 2 addresses: 1 black hole, 1 clear\n{lines}\n{bad}\n{good}{}", more(&PLAIN))
    );
}

#[test]
fn no_address_is_said_so() {
    assert_eq!(render(&report(Vec::new()), &PLAIN), "mx.example.com: no address was examined\n");
}

#[test]
fn a_fault_of_the_other_direction_stands_in_the_first_line() {
    let line = |verdict, path_mtu, recovered_after, reason| {
        let mut address = clear(V4);
        address.examined.reverse.verdict = verdict;
        address.examined.reverse.path_mtu = path_mtu;
        address.examined.reverse.recovered_after = recovered_after;
        address.examined.reverse.reason = reason;
        let text = render(&report(vec![address]), &QUIET);
        text.trim_end().split_once("192.0.2.25: ").unwrap().1.to_owned()
    };
    let clear = "clear: packets of 1500 bytes pass, mail of any size gets through";
    let clear_there = "clear this way: packets of 1500 bytes pass";
    assert_eq!(line(ReverseVerdict::Clear, Some(size(1500)), None, None), clear);
    assert_eq!(line(ReverseVerdict::Discoverable, Some(size(1400)), None, None), clear);
    assert_eq!(line(ReverseVerdict::Untested, None, None, Some(ReverseReason::OnlyForwardAsked)), clear);
    assert_eq!(
        line(ReverseVerdict::BlackHole, Some(size(1400)), None, None),
        format!(
            "{clear_there}; other direction: black hole somewhere above 1400 bytes: large mail from there will hang"
        )
    );
    assert_eq!(
        line(ReverseVerdict::Recovers, None, Some(std::time::Duration::from_millis(3140)), None),
        format!("{clear_there}; other direction: large mail from there stalls, then passes after 3.14 s")
    );
    assert_eq!(
        line(ReverseVerdict::Inconclusive, None, None, Some(ReverseReason::RunEndedEarly)),
        format!("{clear}; other direction: inconclusive: the run ended before the server had sent much")
    );
}

#[test]
fn a_size_of_the_other_direction_is_as_exact_as_it_was_measured() {
    let hole = |path_mtu, lost, port| {
        let mut address = back_hole(V4);
        address.port = port;
        address.examined.reverse.path_mtu = path_mtu;
        address.examined.reverse.first_lost_size = lost;
        let text = render(&report(vec![address]), &QUIET);
        text.trim_end().split_once("other direction: ").unwrap().1.to_owned()
    };
    let (fits, next, full) = (Some(size(1400)), Some(size(1401)), Some(size(1500)));
    assert_eq!(hole(fits, next, 25), "black hole above 1400 bytes: large mail from there will hang");
    assert_eq!(
        hole(fits, full, 25),
        "black hole somewhere between 1400 and 1500 bytes: large mail from there will hang"
    );
    assert_eq!(hole(fits, None, 465), "black hole somewhere above 1400 bytes: large mail from there will hang");
    assert_eq!(hole(None, full, 25), "black hole at 1500 bytes or less: large mail from there will hang");
    assert_eq!(hole(None, None, 443), "black hole: a large answer from there will hang");
    let mut bound = back_hole(V4);
    bound.examined.reverse.first_lost_size = full;
    let text = unwrapped(&render(&report(vec![bound]), &PLAIN));
    assert!(text.contains("1400 bytes arrive, of 1500 never do; between them nothing was tried"), "{text}");
}

#[test]
fn both_directions_can_be_holes_and_each_is_told() {
    let mut both = no_ptb(V4);
    both.examined.reverse = back_hole(V4).examined.reverse;
    assert_eq!(
        render(&report(vec![both]), &QUIET),
        "mx.example.com 192.0.2.25: black hole above 1400 bytes: large mail will hang; other direction: black hole above \
         1400 bytes: large mail from there will hang\n"
    );
}

#[test]
fn what_was_not_asked_for_raises_no_alarm() {
    let line = |address| render(&report(vec![address]), &QUIET);
    assert_eq!(
        line(back_only(clear(V4))),
        "mx.example.com 192.0.2.25: other direction: clear: 1500 bytes from there arrive; this way: not examined\n"
    );
    let text = render(&report(vec![back_only(clear(V4))]), &PLAIN);
    assert!(!text.contains("inconclusive") && !text.contains("What to do"), "{text}");
    let whole = report(vec![back_only(clear(V4)), back_only(back_hole(V6)), back_only(back_recovers(V4))]);
    let text = render(&whole, &PLAIN);
    let (summary, _) = text.split_once("\n  MX 10 ").unwrap();
    assert_eq!(
        unwrapped(summary),
        "mx.example.com: 3 addresses: 1 with a black hole in the other direction, 1 with a stall in the other direction, \
         1 clear in the other direction"
    );
    assert_eq!(whole.exit_code(), 2);
    assert_eq!(report(vec![back_only(clear(V4))]).exit_code(), 0);
}

#[test]
fn the_first_line_names_zone_and_port_and_does_not_repeat_an_address() {
    let mut address = clear("fe80::25");
    address.host = "fe80::25%eth0".into();
    address.zone = Some("eth0".into());
    address.port = 587;
    let text = render(&report(vec![address]), &QUIET);
    assert!(text.starts_with("fe80::25%eth0 port 587: clear"), "{text}");
}

#[test]
fn a_limit_of_the_user_is_not_sold_as_a_clear_path() {
    let mut address = clear(V4);
    address.examined.path_mtu = Some(size(1300));
    let text = render(&report(vec![address.clone()]), &QUIET);
    assert!(text.contains("clear up to 1300 bytes: larger packets were not tested"), "{text}");
    // A peer that takes no more than that is another matter.
    address.examined.tcp_packet_limit = Some(size(1300));
    let text = render(&report(vec![address]), &QUIET);
    assert!(text.contains("mail of any size gets through"), "{text}");
}

#[test]
fn a_discoverable_path_with_a_survivable_fault_says_so() {
    for fault in [PtbFault::MtuZero, PtbFault::TooLow, PtbFault::BelowMinimum] {
        let mut address = discoverable(V4);
        address.examined.ptb = vec![ptb(&address, 600, true, Some(fault))];
        let text = render(&report(vec![address]), &PLAIN);
        assert!(unwrapped(&text).contains("mail gets through, but a router states a wrong size"), "{text}");
        assert!(text.contains("What to do"), "{text}");
    }
}

#[test]
fn each_ptb_tells_whether_the_kernel_saw_it() {
    let both =
        |address: AddressReport| [FULL, PLAIN].map(|style| unwrapped(&render(&report(vec![address.clone()]), &style)));
    let [full, plain] = both(discoverable(V4));
    assert!(full.contains("reached this kernel") && !full.contains("firewall"), "{full}");
    assert!(
        plain.contains("came from 203.0.113.2: at most 1400 bytes where") && !plain.contains("firewall"),
        "{plain}"
    );
    let [full, plain] = both(local_firewall(V4));
    assert!(full.contains("did not reach this kernel: dropped by this host's own firewall"), "{full}");
    assert!(plain.contains("at most 1400 bytes; dropped by this host's own firewall where"), "{plain}");
    let mut damaged = no_ptb(V4);
    damaged.examined.ptb = vec![ptb(&damaged, 1400, false, Some(PtbFault::BadChecksum))];
    let [full, plain] = both(damaged);
    assert!(full.contains("dropped by this kernel for its checksum"), "{full}");
    assert!(plain.contains("its checksum is wrong; this host drops it"), "{plain}");
    assert!(!full.contains("own firewall") && !plain.contains("own firewall"), "{full}{plain}");
}

#[test]
fn many_kinds_of_ptb_are_counted_not_listed() {
    let mut address = no_ptb(V4);
    address.examined.ptb = (0..500).map(|mtu| ptb(&address, mtu, true, None)).collect();
    let whole = report(vec![address]);
    for (style, words) in [(FULL, "and 496 other kinds of"), (PLAIN, "and 498 other kinds of")] {
        let text = render(&whole, &style);
        assert!(text.contains(&format!("{words} \"fragmentation needed\"")), "{text}");
    }
}

/// Where TCP carries the verdict, a message about ping has to be known for one.
#[test]
fn a_message_about_ping_says_so() {
    for (about, words, plain) in [
        (Method::Icmp, "203.0.113.2, about ping, 3", "203.0.113.2, about ping: at most"),
        (Method::Tcp, "203.0.113.2, 3", "203.0.113.2: at most"),
    ] {
        let mut address = no_ptb(V4);
        address.examined.ptb = vec![PtbReport { about, ..ptb(&address, 1400, true, None) }];
        for (style, words) in [(FULL, words), (PLAIN, plain)] {
            let text = render(&report(vec![address.clone()]), &style);
            assert!(unwrapped(&text).contains(words), "{text}");
        }
    }
}

#[test]
fn every_finding_is_a_sentence_of_its_own() {
    let sentences: HashSet<String> = FINDINGS.iter().map(|finding| sentence(*finding)).collect();
    assert_eq!(sentences.len(), FINDINGS.len());
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.')), "{sentences:?}");
}

#[test]
fn a_server_that_obeys_keeps_to_the_size_that_it_was_told() {
    for told in [1280, 1400] {
        let sentence = sentence(Finding::PeerObeysPtb { told: size(told) });
        assert!(sentence.contains(&format!("sends this host none above {told} bytes")), "{sentence}");
    }
}

fn sentence(finding: Finding) -> String {
    let mut address = no_ptb(V4);
    address.examined.findings = vec![finding];
    let text = render(&report(vec![address]), &FULL);
    let (_, rest) = text.split_once("Also noticed\n").unwrap();
    let (finding, _) = rest.split_once("\n\n").unwrap();
    unwrapped(finding)
}

#[test]
fn more_detail_shows_every_size_and_hop() {
    let text = render(&report(vec![no_ptb(V4)]), &FULL);
    for line in [
        "  size         1500 bytes: 0 of 2 answered",
        "               1400 bytes: 8 of 8 answered",
        "  hop           1 198.51.100.1, up to 1500 bytes, 6.8 ms",
        "                3 203.0.113.6, up to 1400 bytes, 20.4 ms",
    ] {
        let normal = render(&report(vec![no_ptb(V4)]), &PLAIN);
        assert!(text.lines().any(|l| l.split_whitespace().eq(line.split_whitespace())), "{line}\n{text}");
        assert!(!normal.lines().any(|l| l.split_whitespace().eq(line.split_whitespace())), "{line}\n{normal}");
    }
}

#[test]
fn prose_fits_80_columns_and_commands_are_whole() {
    for whole in everything() {
        let advice = whole.addresses.iter().flat_map(|address| &address.examined.advice);
        let check = check(&whole.addresses.iter().collect::<Vec<_>>()).map_or_else(Vec::new, |check| check.commands);
        let lasting = advice.clone().flat_map(|advice| &advice.lasting);
        let besides: Vec<&str> = lasting.chain(&check).map(|command| command.trim()).collect();
        let all = advice.clone().flat_map(|advice| &advice.commands).map(|command| command.trim());
        let all: HashSet<_> = all.chain(besides.iter().copied()).collect();
        let is_likely = |command: &&String| !command.starts_with("# or with ");
        let likely =
            advice.flat_map(|advice| advice.commands.iter().take_while(is_likely)).map(|command| command.trim());
        let likely: HashSet<_> = likely.chain(besides.iter().copied()).collect();
        let is_one = whole.addresses.len() == 1;
        for (style, commands) in [(PLAIN, &likely), (FULL, &all)] {
            let text = render(&whole, &style);
            let lines: HashSet<_> = text.lines().map(str::trim).collect();
            // Of several addresses, likely commands are for all that are alike at once.
            assert!(!is_one || commands.is_subset(&lines), "{text}");
            for line in text.lines() {
                let is_command = if is_one { commands.contains(line.trim()) } else { starts_with_a_program(line) };
                assert!(is_command || line.chars().count() <= 80, "{line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}

/// Of several addresses, commands are for all that are alike.
fn starts_with_a_program(line: &str) -> bool {
    let linux = ["# ", "nft ", "ip ", "iptables ", "ip6tables ", "for ", "sysctl ", "pmtu-probe "];
    let others = ["firewall-cmd ", "/ip ", "/ipv6 ", "access-list ", "aws ", "az ", "gcloud "];
    linux.iter().chain(&others).any(|program| line.trim_start().starts_with(program))
}

#[test]
fn quiet_lines_are_one_per_address_whatever_a_host_calls_itself() {
    for whole in everything().into_iter().chain([report(vec![hostile(), clear(V4)])]) {
        assert_eq!(render(&whole, &QUIET).lines().count(), whole.addresses.len());
    }
}

#[test]
fn nothing_printed_steers_a_terminal() {
    for whole in everything().into_iter().chain([report(vec![hostile()])]) {
        for style in [PLAIN, QUIET, FULL] {
            let text = render(&whole, &style);
            let bad: Vec<_> = text.chars().filter(|c| !(c.is_ascii_graphic() || matches!(c, ' ' | '\n'))).collect();
            assert!(bad.is_empty(), "{bad:?}");
        }
    }
}

#[test]
fn hostile_prose_fits_as_well() {
    let text = render(&report(vec![hostile()]), &PLAIN);
    let prose = text.lines().filter(|line| !line.starts_with("       "));
    assert!(prose.clone().count() > 10);
    for line in prose {
        assert!(line.len() <= 80, "{line}");
    }
}

#[test]
fn colour_adds_escapes_and_changes_no_letter() {
    for whole in everything().into_iter().step_by(7) {
        for detail in [Detail::VerdictOnly, Detail::Normal, Detail::Full] {
            let colored = render(&whole, &Style { color: true, detail, width: Width::USUAL });
            assert!(colored.contains("\u{1b}["));
            assert_eq!(
                anstream::adapter::strip_str(&colored).to_string(),
                render(&whole, &Style { color: false, detail, width: Width::USUAL })
            );
        }
    }
}

#[test]
fn the_colour_is_that_of_the_exit_code() {
    let first = |address| {
        render(&report(vec![address]), &Style { color: true, detail: Detail::VerdictOnly, width: Width::USUAL })
    };
    let (red, yellow, green, magenta) = ("\u{1b}[31m", "\u{1b}[33m", "\u{1b}[32m", "\u{1b}[35m");
    assert!(first(no_ptb(V4)).contains(red));
    assert!(first(masked(V4)).contains(yellow));
    assert!(first(clear(V4)).contains(green));
    assert!(first(discoverable(V4)).contains(green));
    assert!(first(inconclusive(V4)).contains(magenta));
    assert!(first(unreachable(V4)).contains(magenta));
}

/// Each combination alone, and all in one.
fn everything() -> Vec<Report> {
    let mut reports: Vec<_> = combinations().into_iter().map(|address| report(vec![address])).collect();
    reports.push(report(combinations()));
    reports
}

/// Text without its line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_is_promised_for_mail_where_echo_alone_was_asked_for() {
    let mut clear = clear(V4);
    let mut hole = no_ptb(V4);
    for report in [&mut clear, &mut hole] {
        report.examined.local_mss = None;
    }
    for (report, expected) in [
        (clear, "mx.example.com 192.0.2.25: the path itself is clear: packets of 1500 bytes pass"),
        (hole, "mx.example.com 192.0.2.25: the path itself: black hole above 1400 bytes, where large mail would hang"),
    ] {
        let text = render(&super::fixtures::report(vec![report]), &QUIET);
        assert_eq!(text.trim_end(), expected);
    }
}
