//! The first screen: short, as wide as the terminal, and in words that need no glossary.

use pmtu_probe::model::{
    AddressReport, HoleHere, Hop, Location, LocationPoint, OwnLimit, PacketSize, RouteMtu, Ttl, Verdict,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::text::{Detail, Style, blocks, more, render, rest, way_there};

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
    for address in everything() {
        let text = render(&report(vec![address]), &style(Detail::Normal, 80));
        // The name of the message, and that of an option.
        let screen = first_screen(&text).join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        let screen = screen
            .replace("--direction reverse", "")
            .replace("\"fragmentation needed\"", "")
            .replace("\"packet too big\"", "");
        for term in &terms {
            assert!(!has_word(&screen, term), "{term:?} in\n{text}");
        }
    }
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
