//! What monitoring systems get: the forms that their documents prescribe, and nothing in it that they would take for more than text.

use pmtu_probe::model::{
    AddressReport, AlertRange, Assessment, FailureKind, Report, Standard, TargetFailure, Thresholds, Verdict,
};
use pmtu_probe::report::monitoring::{checkmk, checkmk_failure, nagios, nagios_failure};

use super::fixtures::{
    self, V4, V6, back_hole, back_only, bad_ptb, clear, combinations, discoverable, hostile, inconclusive,
    link_mismatch, local_firewall, masked, no_ptb, recovers_here, report, unreachable,
};
use super::judged::{expecting, knowing, words};

fn of(address: AddressReport) -> Report {
    report(vec![address])
}

fn floor(bytes: u32) -> AlertRange {
    AlertRange { start: Some(bytes), end: None, inside: false }
}

/// As `-w 1500: -c 1280:`.
fn limited(mut report: AddressReport) -> AddressReport {
    let limits = Thresholds { warning: Some(floor(1500)), critical: Some(floor(1280)) };
    report.assessment = Assessment::of(&report.examined, None, limits);
    report
}

fn at(mut report: AddressReport, host: &str, port: u16) -> AddressReport {
    report.host = host.into();
    report.port = port;
    report
}

fn failed(texts: &[&str], ending: u8) -> Report {
    let failure =
        |text: &&str| TargetFailure { target: "a.test".into(), kind: FailureKind::Unresolved, text: (*text).into() };
    Report {
        target: "a.test b.test".into(),
        errors: texts.iter().map(failure).collect(),
        ending: Some(ending),
        ..of(clear(V4))
    }
}

fn nothing(texts: &[&str], ending: u8) -> Report {
    Report { addresses: Vec::new(), ..failed(texts, ending) }
}

#[test]
fn a_plugin_answers_in_one_line() {
    let v4 = "pmtu=1400B;;;68;65535 black_holes";
    let rows = [
        (
            of(clear(V4)),
            "PMTU OK - mx.example.com 192.0.2.25: clear, 1500 bytes pass | pmtu=1500B;;;68;65535 black_holes=0;;;0 time=0.171s;;;0",
        ),
        (
            of(clear(V6)),
            "PMTU OK - mx.example.com 2001:db8::25: clear, 1500 bytes pass | pmtu=1500B;;;1280;65575 black_holes=0;;;0 time=0.171s;;;0",
        ),
        (
            of(no_ptb(V4)),
            &format!(
                "PMTU CRITICAL - mx.example.com 192.0.2.25: black hole above 1400 (no ICMP from hop 2) | {v4}=1;;;0 time=0.171s;;;0"
            ),
        ),
        (
            of(local_firewall(V4)),
            &format!(
                "PMTU CRITICAL - mx.example.com 192.0.2.25: black hole above 1400 (own firewall drops ICMP) | {v4}=1;;;0 time=0.171s;;;0"
            ),
        ),
        (
            of(masked(V4)),
            &format!("PMTU WARNING - mx.example.com 192.0.2.25: masked, hole above 1400 | {v4}=0;;;0 time=0.171s;;;0"),
        ),
        (
            of(discoverable(V4)),
            &format!("PMTU OK - mx.example.com 192.0.2.25: discoverable, 1400 bytes pass | {v4}=0;;;0 time=0.171s;;;0"),
        ),
        (
            of(unreachable(V4)),
            "PMTU UNKNOWN - mx.example.com 192.0.2.25: unreachable | black_holes=0;;;0 time=0.171s;;;0",
        ),
        (
            of(inconclusive(V4)),
            "PMTU UNKNOWN - mx.example.com 192.0.2.25: inconclusive | black_holes=0;;;0 time=0.171s;;;0",
        ),
        (
            of(back_hole(V4)),
            "PMTU CRITICAL - mx.example.com 192.0.2.25: way back: black hole above 1400 | pmtu=1500B;;;68;65535 black_holes=1;;;0 time=0.171s;;;0",
        ),
        (
            of(back_only(back_hole(V4))),
            "PMTU CRITICAL - mx.example.com 192.0.2.25: way back: black hole above 1400 | black_holes=1;;;0 time=0.171s;;;0",
        ),
        (
            of(limited(discoverable(V4))),
            "PMTU WARNING - 192.0.2.25: discoverable, 1400 bytes pass; path MTU 1400 breaks --warning 1500: | pmtu=1400B;1500:;1280:;68;65535 black_holes=0;;;0 time=0.171s;;;0",
        ),
        (
            of(limited(clear(V4))),
            "PMTU OK - mx.example.com 192.0.2.25: clear, 1500 bytes pass | pmtu=1500B;1500:;1280:;68;65535 black_holes=0;;;0 time=0.171s;;;0",
        ),
        (
            of(limited(no_ptb(V4))),
            "PMTU CRITICAL - mx.example.com 192.0.2.25: black hole above 1400 (no ICMP from hop 2) | pmtu=1400B;1500:;1280:;68;65535 black_holes=1;;;0 time=0.171s;;;0",
        ),
        (
            of(expecting(masked(V4), &words(&[Verdict::Masked]))),
            &format!(
                "PMTU OK - mx.example.com 192.0.2.25: masked, hole above 1400; as expected | {v4}=0;;;0 time=0.171s;;;0"
            ),
        ),
        (
            of(knowing(clear(V4), &masked(V4))),
            "PMTU WARNING - 192.0.2.25: clear, 1500 bytes pass; not as expected | pmtu=1500B;;;68;65535 black_holes=0;;;0 time=0.171s;;;0",
        ),
        (
            of(at(clear(V4), V4, 587)),
            "PMTU OK - 192.0.2.25 port 587: clear, 1500 bytes pass | pmtu=1500B;;;68;65535 black_holes=0;;;0 time=0.171s;;;0",
        ),
        (nothing(&["no such domain: a.test (NXDOMAIN)"], 3), "PMTU UNKNOWN - no such domain: a.test (NXDOMAIN)"),
        (nothing(&[], 0), "PMTU OK - no suspects"),
        (nothing(&[], 3), "PMTU UNKNOWN - nothing could be examined"),
    ];
    for (report, expected) in rows {
        assert_eq!(nagios(&report), format!("{expected}\n"));
    }
    assert_eq!(nagios_failure("no target given; \"x\"\nis | it"), "PMTU UNKNOWN - no target given; 'x'?is / it\n");
}

#[test]
fn of_several_addresses_the_worst_comes_first_and_all_below() {
    let addresses = vec![
        at(clear(V4), "mx1.example.com", 25),
        at(no_ptb(V6), "mx2.example.com", 25),
        at(masked("192.0.2.26"), "mx3.example.com", 25),
    ];
    let expected = "\
PMTU CRITICAL - 2 of 3 addresses; mx2.example.com 2001:db8::25: black hole above 1400 | '2001:db8::25'=1400B;;;1280;65575 '192.0.2.26'=1400B;;;68;65535 '192.0.2.25'=1500B;;;68;65535 black_holes=1;;;0 time=0.171s;;;0
CRITICAL: mx2.example.com 2001:db8::25: black hole above 1400 (no ICMP from hop 2)
WARNING: mx3.example.com 192.0.2.26: masked, hole above 1400
OK: mx1.example.com 192.0.2.25: clear, 1500 bytes pass
";
    assert_eq!(nagios(&report(addresses)), expected);
}

/// What the run as a whole ends with is the state, and what was left out stands below.
#[test]
fn what_was_left_out_is_said() {
    let text = nagios(&failed(&["b.test: no such name", "c.test: gone"], 3));
    assert!(
        text.starts_with("PMTU UNKNOWN - not all could be examined; 192.0.2.25: clear, 1500 bytes pass | "),
        "{text}"
    );
    assert!(text.ends_with("\nb.test: no such name\nc.test: gone\n"), "{text}");
    let text = nagios(&failed(&[], 130));
    assert!(text.starts_with("PMTU UNKNOWN - interrupted; "), "{text}");
}

/// A graph keeps its name whoever is worst today, and no two of a report are one.
#[test]
fn metrics_keep_their_names() {
    let long = |last: u16| format!("2001:db8:1111:2222:3333:4444:5555:{last:x}");
    let all = [
        at(no_ptb(&long(0x6661)), "a", 25),
        at(clear(&long(0x6662)), "b", 25),
        at(clear(V4), "c", 25),
        at(clear(V4), "c", 587),
    ];
    let labels = |report: &Report| {
        let text = nagios(report);
        let metrics = text.lines().next().unwrap().split_once(" | ").unwrap().1.to_owned();
        let labels: std::collections::BTreeSet<String> =
            metrics.split(' ').map(|metric| metric.split_once('=').unwrap().0.to_owned()).collect();
        labels
    };
    let whole = report(all.to_vec());
    let names = labels(&whole);
    let expected =
        ["'192.0.2.25'", "'192.0.2.25_587'", "'3:4444:5555:6661'", "'3:4444:5555:6662'", "black_holes", "time"];
    assert_eq!(names.len(), expected.len(), "{names:?}");
    for name in &names {
        assert!(name.trim_matches('\'').len() <= 19, "{name}");
    }
    let healed = report(vec![at(clear(&long(0x6661)), "a", 25), all[1].clone(), all[2].clone(), all[3].clone()]);
    assert_eq!(labels(&healed), names);
}

#[test]
fn a_local_check_is_a_line_for_each_address() {
    let rows = [
        (of(clear(V4)), "0 \"PMTU mx.example.com 192.0.2.25\" pmtu=1500;;;68;65535|time=0.062 clear, 1500 bytes pass\n".to_owned()),
        (of(limited(discoverable(V4))), "1 \"PMTU mx.example.com 192.0.2.25\" pmtu=1400;1500:;1280:;68;65535|time=0.170 discoverable, 1400 bytes pass; path MTU 1400 breaks --warning 1500:\n".into()),
        (of(unreachable(V6)), "3 \"PMTU mx.example.com 2001:db8::25\" time=0.062 unreachable\n".into()),
        (
            report(vec![no_ptb(V4), at(clear("192.0.2.26"), "192.0.2.26", 587)]),
            "2 \"PMTU mx.example.com 192.0.2.25\" pmtu=1400;;;68;65535|time=0.170 black hole above 1400 (no ICMP from hop 2)\n\
             0 \"PMTU 192.0.2.26 port 587\" pmtu=1500;;;68;65535|time=0.062 clear, 1500 bytes pass\n".into(),
        ),
        (nothing(&["no such domain: a.test"], 3), "3 \"PMTU a.test\" - no such domain: a.test\n".into()),
        (nothing(&[], 0), "0 \"PMTU a.test b.test\" - no suspects\n".into()),
    ];
    for (report, expected) in rows {
        assert_eq!(checkmk(&report), expected);
    }
    assert_eq!(checkmk_failure("no 'target'"), "3 \"PMTU\" - no 'target'\n");
}

/// Levels of Checkmk are `lower:upper`, or an upper one alone; it has none for what may not lie inside.
#[test]
fn levels_are_those_of_checkmk() {
    let range = |start, end, inside| Some(AlertRange { start, end, inside });
    for (limit, expected) in [
        (range(Some(1500), None, false), "1500:"),
        (range(Some(1280), Some(1500), false), "1280:1500"),
        (range(None, Some(1500), false), "1500"),
        (range(Some(0), Some(1500), false), "0:1500"),
        (range(Some(0), Some(1279), true), ""),
        (None, ""),
    ] {
        let mut report = clear(V4);
        report.assessment = Assessment::of(&report.examined, None, Thresholds { warning: limit, critical: None });
        let text = checkmk(&of(report));
        assert!(text.contains(&format!(" pmtu=1500;{expected};;68;65535|")), "{text}");
    }
}

/// Whatever a report holds: the form stays that of the guidelines, the first line short, all of it plain.
#[test]
fn whatever_was_found_the_form_is_kept() {
    let mut all = combinations();
    all.extend(fixtures::all());
    all.extend([hostile(), bad_ptb(V6), link_mismatch(), recovers_here(V6)]);
    for address in all {
        for address in [address.clone(), limited(address.clone()), expecting(address, &words(&[Verdict::Masked]))] {
            let is_short = address.host.len() < 40;
            let report = of(address);
            let code = report.exit_code();
            let text = nagios(&report);
            let (first, metrics) = text.split_once(" | ").unwrap_or_else(|| panic!("{text}"));
            let state = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::from(code)];
            assert!(first.starts_with(&format!("PMTU {state} - ")), "{text}");
            assert!(!is_short || first.len() <= 150, "{} {first}", first.len());
            assert!(plain(first) && !metrics.contains('|'), "{text:?}");
            assert_eq!(text.lines().count(), 1, "{text}");
            let check = checkmk(&report);
            assert_eq!(check.lines().count(), 1, "{check}");
            assert!(
                check.starts_with(&format!("{code} \"PMTU ")) && plain(&check.trim_end().replace(['|', '"'], "")),
                "{check:?}"
            );
            assert_eq!(check.matches('"').count(), 2, "{check}");
        }
    }
}

fn plain(text: &str) -> bool {
    text.chars().all(|c| (c.is_ascii_graphic() || c == ' ') && !"|\"`$\\<>&".contains(c))
}

#[test]
fn an_expectation_by_standard_is_kept_with_limits() {
    let mut report = masked(V4);
    let expectation = words(&[Verdict::Masked]);
    let limits = Thresholds { warning: Some(floor(1500)), critical: None };
    report.assessment = Assessment::of(&report.examined, Some(Standard::Asked(&expectation)), limits);
    let text = nagios(&of(report));
    assert!(
        text.starts_with("PMTU WARNING - 192.0.2.25: masked, hole above 1400; as expected; path MTU 1400 "),
        "{text}"
    );
}
