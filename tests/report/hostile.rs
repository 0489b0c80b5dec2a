//! Text of strangers in every place that has any, through every output: nothing may steer a terminal, and a command that is pasted
//! has the words that it shows.

use std::process::Command;

use pmtu_probe::model::{
    AddressReport, Blocker, Blockers, ClampRule, FailureKind, Grade, HopName, HopNames, InnerKind, InnerLink,
    IptablesBackend, MailFlow, NetworkManager, Peer, PointerName, Reading, Report, ReverseReason, ReverseVerdict,
    Suspect, Suspects, TargetFailure, TlsTrouble, Unwillingness,
};
use pmtu_probe::report::checks::checks;
use pmtu_probe::report::github::annotation;
use pmtu_probe::report::junit::TestSuite;
use pmtu_probe::report::markdown::Page;
use pmtu_probe::report::merge::{Collection, render_json, render_text};
use pmtu_probe::report::monitoring::{checkmk, checkmk_failure, nagios, nagios_failure};
use pmtu_probe::report::prometheus::Metrics;
use pmtu_probe::report::tap::{Tap, VERSION};
use pmtu_probe::report::text::{Detail, Style};
use pmtu_probe::report::{Width, check, complete, html, json, letter, suspects, text};

use super::fixtures::{V4, V6, all, back_hole, clamped_here, ip, link_mismatch, local_firewall, no_ptb, report, size};
use super::formats::TIMES;

/// Erases the screen, sets its title, rings, goes back, begins lines of its own, reorders, hides.
const HOSTILE: &str =
    "a\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{8}\r\n\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{2028}\u{85}\u{7f}\u{feff}b";
/// The same for names of interfaces.
const HOSTILE_NAME: &str = "e\u{1b}c\u{202e}\u{7f}\u{9b}1";

/// A report with hostile text wherever text comes from somewhere else.
fn poisoned(mut report: AddressReport, text: &str, name: &str) -> AddressReport {
    report.target = text.into();
    report.host = text.into();
    report.zone = Some(name.into());
    report.here.interface = Some(name.into());
    report.here.inner_links =
        vec![InnerLink { name: name.into(), kind: InnerKind::Bridge, mtu: size(1500), forwards: [true; 2] }];
    let lines = || vec![format!("nft {text}"), format!("# undo: {text}")];
    let blocker = Blocker { place: text.into(), rule: text.into(), is_certain: true, remedy: lines() };
    report.here.blockers = Blockers::Found(vec![blocker]);
    report.here.clamps =
        vec![ClampRule { place: text.into(), rule: text.into(), mss: Some(1360), is_certain: true, undo: lines() }];
    report.here.systems.rules_file = Some(format!("/etc/{name}"));
    report.here.systems.network = Some(NetworkManager::NetworkManager { connection: Some(text.into()) });
    report.examined.reverse.verdict = ReverseVerdict::Inconclusive;
    report.examined.reverse.reason =
        Some(ReverseReason::Unwilling(Unwillingness::Tls(TlsTrouble::Broken(text.into()))));
    let named = |address: &str| {
        let pointer = PointerName { text: text.into(), is_confirmed: false };
        (ip(address), HopName { name: Some(pointer), asn: Some(64500) })
    };
    report.names =
        ["10.0.0.1", "203.0.113.1", "203.0.113.2", "203.0.113.9", V4, V6].map(named).into_iter().collect::<HopNames>();
    report
}

fn reports(text: &str, name: &str) -> Vec<Report> {
    let mut single = all();
    single.extend([no_ptb(V6), local_firewall(V4), clamped_here(V4), link_mismatch(), back_hole(V4), back_hole(V6)]);
    let mut reports = Vec::new();
    for one in single {
        let mut unreadable = poisoned(one.clone(), text, name);
        unreadable.here.blockers = Blockers::Unreadable(text.into());
        unreadable.here.systems.network = Some(NetworkManager::Networkd { file: Some(format!("/etc/{text}.network")) });
        let mut legacy = poisoned(one.clone(), text, name);
        legacy.here.systems.has_nft = false;
        legacy.here.systems.iptables = Some(IptablesBackend::Legacy);
        legacy.here.systems.network = Some(NetworkManager::Ifupdown);
        let mut netplan = poisoned(one.clone(), text, name);
        netplan.here.systems.network = Some(NetworkManager::Netplan);
        for mut one in [poisoned(one, text, name), unreadable, legacy, netplan] {
            complete(&mut one);
            let mut whole = report(vec![one]);
            whole.target = text.into();
            whole.vantage = Some(text.into());
            whole.errors =
                vec![TargetFailure { target: text.into(), kind: FailureKind::Unresolved, text: text.into() }];
            reports.push(whole);
        }
    }
    reports
}

fn suspects_of(text: &str) -> Suspects {
    let suspect = |flow| Suspect {
        flow,
        peer: Peer { name: Some(text.into()), address: Some(ip(V4)), port: Some(25) },
        also_named: vec![text.into()],
        logged_by: Some(text.into()),
        domains: vec![text.into()],
        grade: Grade::Classic,
        reasons: Vec::new(),
        first: None,
        last: None,
        delays: None,
        phrases: Vec::new(),
        sample: text.into(),
    };
    let reading = Reading { lines: 9, mail_lines: 9, unread: 2, unread_line: Some(text.into()), ..Reading::default() };
    Suspects { list: vec![suspect(MailFlow::Outgoing), suspect(MailFlow::Incoming)], reading }
}

/// Every output of a report, with its name.
fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let style = |color, detail| Style { color, detail, width: Width::default() };
    let mut outputs = Vec::new();
    for detail in [Detail::VerdictOnly, Detail::Normal, Detail::AllAdvice, Detail::Full] {
        outputs.push(("text", text::render(report, &style(false, detail))));
        outputs.push(("colours", without_colours(&text::render(report, &style(true, detail)))));
        outputs.push(("way there", text::way_there(&report.addresses[0], &style(false, detail))));
        outputs.push(("in a line", text::way_there_in_a_line(&report.addresses[0], &style(false, detail))));
    }
    let checks = checks(report);
    let (mut suite, mut tap, mut page, mut metrics) =
        (TestSuite::default(), Tap::default(), Page::new(usize::MAX), Metrics::default());
    let mut tap_lines = VERSION.to_owned();
    for check in &checks {
        suite.add(check);
        tap_lines += &tap.lines(check);
        page.add(check);
        outputs.push(("github", annotation(check)));
    }
    metrics.add(report);
    metrics.add_failures(&report.errors);
    let line = json::render_line(report);
    let mut collection = Collection::default();
    collection.add(line.trim_end().as_bytes(), &report.target).expect("a line of ours");
    let summary = collection.summary(Vec::new());
    outputs.extend([
        ("letter", letter::render(report, letter::Language::English)),
        ("Brief", letter::render(report, letter::Language::German)),
        ("json", json::render(report)),
        ("jsonl", line),
        ("html", html::render(report, None)),
        ("junit", suite.document(report.started, report.elapsed)),
        ("tap", tap_lines + &tap.plan()),
        ("markdown", page.finish()),
        ("prometheus", metrics.render(TIMES)),
        ("nagios", nagios(report)),
        ("nagios failure", nagios_failure(&report.target)),
        ("checkmk", checkmk(report)),
        ("checkmk failure", checkmk_failure(&report.target)),
        ("merge", render_text(&summary, Detail::Full)),
        ("merge json", render_json(&summary)),
    ]);
    outputs
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(part.len());
        assert!(part[end..].starts_with('m'), "no colour: {part:?}");
        text + &part[end + 1..]
    })
}

/// Control characters but line ends, marks that reorder or hide text, and ends of lines that are none.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn no_text_from_anywhere_steers_a_terminal_in_any_output() {
    let mut seen = 0;
    for whole in reports(HOSTILE, HOSTILE_NAME) {
        for (name, output) in outputs(&whole) {
            let bad: Vec<char> = output.chars().filter(|c| steers(*c)).collect();
            assert!(bad.is_empty(), "{name}: {bad:?}\n{output:?}");
            seen += usize::from(output.contains("u{202e}") || output.contains("u202e"));
        }
    }
    assert!(seen > 1000, "the text is shown where it may be: {seen}");
    let suspects = suspects_of(HOSTILE);
    for output in [suspects::render(&suspects), suspects::render_short(&suspects)] {
        assert!(!output.contains(steers), "{output:?}");
        assert!(output.contains("u{202e}"), "{output}");
    }
}

/// A name that an interface may have, of which a shell would make much.
const NAME: &str = "e;QQ$(id)'\"&|`";
/// A connection of NetworkManager may be named like this.
const WORDS: &str = "it's QQ; reboot $(id) `id` \"$HOME\" & | > /x * ~ #";

/// What a real shell makes of a command: its words, for each of the commands in it. It can start nothing and write nothing.
fn words_of(command: &str) -> Vec<String> {
    // Arrows to files become words: a restricted shell refuses them.
    let (mut line, mut quote, mut is_escaped) = (String::new(), None, false);
    for c in command.chars() {
        match (quote, c) {
            _ if std::mem::take(&mut is_escaped) => {}
            (None, '\\') => is_escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '>') => {
                line.push_str("'>'");
                continue;
            }
            _ => {}
        }
        line.push(c);
    }
    let script = format!(
        "command_not_found_handle() {{ builtin printf '%s\\0' \"$@\"; }}\nprintf() {{ command_not_found_handle printf \"$@\"; }}\n{line}\n"
    );
    let mut shell = Command::new("/bin/bash");
    shell.args(["-r", "-f", "-c", &script]).env_clear().env("PATH", "/nonexistent").env("HOME", "/home/QQ");
    let ran = shell.output().expect("bash runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!said.contains("syntax error") && !said.contains("unexpected"), "{command}: {said}");
    let words = String::from_utf8_lossy(&ran.stdout);
    words.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Each word that has to do with the name holds all of it: no part became a word, a command or a variable of its own.
#[test]
fn a_shell_takes_commands_apart_into_the_words_that_they_show() {
    let mut commands = std::collections::BTreeSet::new();
    for whole in reports(WORDS, NAME) {
        let address = &whole.addresses[0];
        let advice = address.examined.advice.iter().flat_map(|advice| advice.commands.iter().chain(&advice.lasting));
        let check = check(&[address]);
        let hints = check.iter().flat_map(|check| check.commands.iter());
        // Those of the firewall are made up here, and tested against the real thing elsewhere.
        let made_up = |command: &&String| command.contains("nft it's") || command.contains("undo: it's");
        let own = advice.chain(hints).filter(|command| !made_up(command));
        let lines = own.flat_map(|command| command.lines());
        commands.extend(lines.map(|line| line.trim_start_matches("# undo: ").to_owned()));
    }
    commands.retain(|command| command.contains("QQ"));
    assert!(commands.len() > 20, "{}", commands.len());
    for command in commands {
        let words = words_of(&command);
        for word in words.iter().filter(|word| word.contains("QQ")) {
            let is_whole = [NAME, WORDS].iter().any(|whole| word.contains(whole));
            assert!(is_whole || is_quoted_again(word), "{command}\n{words:?}");
        }
        assert!(words.iter().any(|word| word.contains("QQ")), "{command}\n{words:?}");
    }
}

/// A script that is written to a file quotes the name once more.
fn is_quoted_again(word: &str) -> bool {
    words_of(word).iter().filter(|word| word.contains("QQ")).all(|word| word.contains(NAME) || word.contains(WORDS))
}
