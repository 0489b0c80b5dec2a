//! The first screen: short, as wide as the terminal, and in words that need no glossary.

use std::collections::BTreeSet;

use pmtu_probe::model::{
    AddressReport, HoleHere, Hop, Location, LocationPoint, OwnLimit, PacketSize, RouteMtu, Ttl, Verdict,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::text::{Detail, Style, blocks, more, render, rest, way_there};

use super::every;
use super::fixtures::{
    FINDINGS, V4, V6, all, back_hole, combinations, hole_here, hostile, ip, no_ptb, report, with_advice,
};

const GLOSSARY: &str = include_str!("../../docs/glossary.md");

/// Words of the glossary that a mail admin knows, or that mean here what they mean everywhere.
const PLAIN_WORDS: [&str; 19] = [
    // The headline says after these what becomes of mail.
    "black hole",
    "masked",
    "recovers",
    // `ip link` shows it.
    "MTU",
    // What a path leads through; the drawing numbers them.
    "hop",
    // Everyday words.
    "packet size",
    "control",
    "quote",
    "pair",
    "suspect",
    "confirmation",
    "record",
    "location",
    "method",
    "forward",
    "finding",
    "hint",
    "place",
    "complaint",
];

/// Terms that the glossary has under another name, or explains others with.
const TERMS: [&str; 12] = [
    "SYN",
    "SYNs",
    "in-order",
    "don't-fragment",
    "don't fragment",
    "fragment",
    "fragmented",
    "echo",
    "segment",
    "sequence number",
    "flows",
    "probes",
];

fn style(detail: Detail, columns: usize) -> Style {
    Style { color: false, detail, width: Width::of_terminal(columns) }
}

/// The lines before the advice.
fn first_screen(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| *line != "What to do" && !line.starts_with("-v shows")).collect()
}

/// As long as names and addresses get in real life: a protection service's name, and addresses without a zero to leave out.
fn wide(mut of: AddressReport) -> AddressReport {
    of.host = "universitaetsklinikum-musterstadt-de.mail.protection.outlook.com".into();
    if of.address.is_ipv4() {
        return of;
    }
    let hop = |ttl: u8| ip(&format!("2a01:4f8:1c1c:ab{ttl:02x}:6c34:71ff:fe9a:1d{ttl:02x}"));
    of.address = ip("2a01:111:f403:2e09:6c34:71ff:fe9a:1d25");
    of.here.source = Some(ip("2a01:4f8:1c1c:abcd:6c34:71ff:fe9a:1d2e"));
    of.here.gateway = Some(hop(1));
    of.examined.hops =
        (1..=14).map(|ttl| Hop { ttl: Ttl(ttl), address: Some(hop(ttl)), largest_answered: None, rtt: None }).collect();
    let point = |ttl| Some(LocationPoint { ttl: Some(Ttl(ttl)), address: hop(ttl) });
    of.examined.location = of.examined.location.map(|_| Location { last_hop: point(11), next_hop: point(12) });
    for ptb in &mut of.examined.ptb {
        ptb.from = hop(11);
    }
    of
}

/// What the fixtures have, as it is and with everything wide; what this host may do; and both ways broken.
fn everything() -> Vec<AddressReport> {
    let by_route = OwnLimit::Route(RouteMtu { mtu: PacketSize::new(1400), locked: true });
    let here = [V4, V6].map(|address| {
        hole_here(address, Verdict::Masked, HoleHere::SendsLess { most: PacketSize::new(1400), by: by_route })
    });
    let both = [V4, V6].map(|address| {
        let mut both = no_ptb(address);
        both.examined.reverse = back_hole(address).examined.reverse;
        both
    });
    let some: Vec<AddressReport> =
        all().into_iter().chain(here).chain(both).chain(combinations().into_iter().step_by(4)).collect();
    some.iter().cloned().chain(some.iter().cloned().map(wide)).chain([hostile()]).collect()
}

/// All that the program can say, one thing in each report, whatever else would go with it.
fn every_word() -> Vec<AddressReport> {
    let base = || [no_ptb(V4), no_ptb(V6)];
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut AddressReport)| {
        for mut report in base() {
            change(&mut report);
            all.push(report);
        }
    };
    for verdict in every::verdicts() {
        add(&|report| report.examined.verdict = verdict);
        for cause in every::causes() {
            add(&|report| (report.examined.verdict, report.examined.cause) = (verdict, Some(cause)));
        }
        for by in every::maskers() {
            add(&|report| (report.examined.verdict, report.examined.masked_by) = (verdict, Some(by)));
        }
        for state in every::port_states() {
            add(&|report| (report.examined.verdict, report.examined.port_state) = (verdict, Some(state)));
        }
        for reception in every::receptions() {
            add(&|report| (report.examined.verdict, report.examined.reception) = (verdict, reception));
        }
        for here in every::holes_here() {
            add(&|report| (report.examined.verdict, report.examined.reason.here) = (verdict, Some(here)));
        }
    }
    for ground in every::grounds() {
        for verdict in [Verdict::Inconclusive, Verdict::BlackHole] {
            add(&|report| (report.examined.verdict, report.examined.reason) = (verdict, ground.clone().into()));
        }
    }
    for reason in every::reverse_reasons() {
        for verdict in every::reverse_verdicts() {
            add(&|report| {
                report.examined.reverse.verdict = verdict;
                report.examined.reverse.reason = Some(reason.clone());
            });
        }
    }
    for finding in every::findings() {
        add(&|report| report.examined.findings = vec![finding]);
    }
    all
}

/// So the walk below is one over their words.
#[test]
fn every_reason_is_on_the_first_screen() {
    let screen = |report: AddressReport| {
        let text = render(&super::fixtures::report(vec![report]), &style(Detail::Normal, 100));
        first_screen(&text).join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for ground in every::grounds() {
        let mut report = no_ptb(V4);
        report.examined.verdict = Verdict::Inconclusive;
        report.examined.reason = ground.clone().into();
        assert!(screen(report).contains("inconclusive: "), "{ground:?}");
    }
}

#[test]
fn at_most_24_lines_stand_before_the_advice() {
    for address in everything() {
        let text = render(&report(vec![address.clone()]), &style(Detail::Normal, 80));
        let lines = first_screen(&text);
        assert!(lines.len() <= 24, "{} lines\n{text}", lines.len());
        let shown = with_advice(address.clone());
        let live = way_there(&shown, &style(Detail::Normal, 80));
        assert!(first_screen(&live).len() <= 24, "{live}");
    }
}

/// However long names are: what decides is always there.
#[test]
fn what_decides_is_never_left_out() {
    for of in [no_ptb(V4), no_ptb(V6)] {
        for mut address in [of.clone(), wide(of)] {
            address.examined.findings = FINDINGS.to_vec();
            let text = render(&report(vec![address]), &style(Detail::Normal, 80));
            for row in ["because", "passes", "vanishes", "ICMP", "where", "path", "other way"] {
                assert!(text.contains(&format!("\n  {row:<12}")), "no {row}\n{text}");
            }
        }
    }
}

#[test]
fn no_word_of_the_first_screen_needs_the_glossary() {
    let terms = GLOSSARY.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let terms = terms.flat_map(|cell| cell.split(", ")).map(|term| term.trim_matches('`'));
    let terms: Vec<&str> = terms.filter(|term| !term.starts_with('-') && *term != "word").chain(TERMS).collect();
    assert!(terms.len() > 60 && PLAIN_WORDS.iter().all(|word| terms.contains(word)), "{terms:?}");
    let terms: Vec<&str> = terms.into_iter().filter(|term| !PLAIN_WORDS.contains(term)).collect();
    let mut found = BTreeSet::new();
    for address in everything().into_iter().chain(every_word()) {
        let text = render(&report(vec![address]), &style(Detail::Normal, 80));
        // The name of the message, and that of an option.
        let screen = first_screen(&text).join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        let screen = screen
            .replace("--direction reverse", "")
            .replace("\"fragmentation needed\"", "")
            .replace("\"packet too big\"", "");
        for term in &terms {
            found.extend(around(&screen, term).map(|words| format!("{term:?} in: {words}")));
        }
    }
    assert!(found.is_empty(), "{}", found.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Some of the text before and behind a term that stands there as a word.
fn around(text: &str, term: &str) -> Option<String> {
    let at = text.find(term).filter(|_| has_word(text, term))?;
    let from = text[..at].char_indices().rev().nth(60).map_or(0, |(from, _)| from);
    Some(text[from..].chars().take(120 + term.len()).collect())
}

/// Whether a term stands there as a word. Terms in capitals are no other words.
fn has_word(text: &str, term: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    text.match_indices(term)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_end(text[at + term.len()..].chars().next()))
}

#[test]
fn a_term_is_found_as_a_word_alone() {
    assert!(has_word("the MSS is small", "MSS") && has_word("(MSS)", "MSS") && has_word("a flow.", "flow"));
    assert!(!has_word("tcp_base_mss", "MSS") && !has_word("overflow", "flow") && !has_word("mx.DF-x", "DF"));
}

/// Words may move from one line to another, and none is lost.
#[test]
fn prose_fits_the_width_and_says_the_same_at_every_width() {
    for address in everything().into_iter().step_by(3) {
        let whole = report(vec![address]);
        let advice = whole.addresses.iter().flat_map(|address| &address.examined.advice);
        let advice: Vec<_> = advice.collect();
        let check = pmtu_probe::report::check(&whole.addresses.iter().collect::<Vec<_>>());
        let commands = advice.iter().flat_map(|advice| advice.commands.iter().chain(&advice.lasting));
        let commands: Vec<&String> = commands.chain(check.iter().flat_map(|check| &check.commands)).collect();
        let mut said: Vec<String> = Vec::new();
        for columns in [60, 80, 100] {
            let text = render(&whole, &style(Detail::Full, columns));
            let normal = render(&whole, &style(Detail::Normal, columns));
            for line in text.lines().chain(normal.lines()) {
                // What is pasted along with commands is not broken either.
                let is_pasted = line.trim_start().starts_with("# ");
                let is_command = is_pasted || commands.iter().any(|command| line.trim() == command.trim());
                assert!(is_command || line.chars().count() <= columns, "{columns}: {line}");
            }
            for command in &commands {
                assert!(text.lines().any(|line| line.trim() == command.trim()), "{columns}: {command}\n{text}");
            }
            said.push(text.split_whitespace().collect());
        }
        // A word that no line can hold is cut, so blanks say nothing.
        assert!(said.iter().all(|text| *text == said[0]), "{}", said.join("\n"));
    }
}

#[test]
fn what_is_left_out_is_pointed_to_once() {
    let normal = style(Detail::Normal, 80);
    let whole = report(vec![no_ptb(V4), no_ptb(V6)]);
    let text = render(&whole, &normal);
    assert_eq!(text.matches("-v shows methods, counts and timing").count(), 1);
    assert!(text.ends_with(more(&normal)) && text.starts_with(&blocks(&whole, &normal)));
    let shown = with_advice(no_ptb(V4));
    let live = format!("{}{}", way_there(&shown, &normal), rest(&shown, &shown, &normal));
    assert_eq!(live.matches("-v shows methods").count(), 1, "{live}");
    for detail in [Detail::Full, Detail::VerdictOnly] {
        assert!(!render(&whole, &style(detail, 80)).contains("-v shows methods"));
    }
}
