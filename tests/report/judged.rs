//! What is expected and what is news: exit codes, and what text and JSON say of it.

use pmtu_probe::model::{
    AddressReport, AlertRange, Assessment, Cause, Expectation, KnownState, PacketSize, PortState, PtbFault,
    ReverseVerdict, SizeRange, Standard, Thresholds, Verdict,
};
use pmtu_probe::report::json;
use pmtu_probe::report::text::{Detail, Style, render};

use super::fixtures::{
    V4, V6, back_hole, back_only, back_recovers, clear, discoverable, inconclusive, link_mismatch, local_firewall,
    masked, no_ptb, ptb, report, size, unreachable,
};

/// The report as it is where this is expected.
pub(crate) fn expecting(mut report: AddressReport, expectation: &Expectation) -> AddressReport {
    report.assessment = Assessment::of(&report.examined, Some(Standard::Asked(expectation)), Thresholds::default());
    report
}

/// The report as it is where an earlier run found that.
pub(crate) fn knowing(mut report: AddressReport, earlier: &AddressReport) -> AddressReport {
    let known = state(earlier);
    report.assessment = Assessment::of(&report.examined, Some(Standard::Known(&known)), Thresholds::default());
    report
}

pub(crate) fn state(of: &AddressReport) -> KnownState {
    let examined = &of.examined;
    KnownState {
        verdict: examined.verdict,
        cause: examined.cause,
        path_mtu: examined.path_mtu,
        has_router_fault: examined.ptb.iter().any(|ptb| ptb.fault.is_some_and(PtbFault::is_survivable)),
        takes_no_connections: examined.takes_no_connections(),
        reverse: examined.reverse.verdict,
        reverse_mtu: examined.reverse.path_mtu,
    }
}

pub(crate) fn words(verdicts: &[Verdict]) -> Expectation {
    Expectation { verdicts: verdicts.to_vec(), ..Expectation::default() }
}

fn back(reverse: &[ReverseVerdict]) -> Expectation {
    Expectation { reverse: reverse.to_vec(), ..Expectation::default() }
}

fn mtu(least: Option<u32>, most: Option<u32>) -> Expectation {
    let range = SizeRange { least: least.map(PacketSize::new), most: most.map(PacketSize::new) };
    Expectation { path_mtu: Some(range), ..Expectation::default() }
}

fn both(mut one: Expectation, other: Expectation) -> Expectation {
    one.verdicts.extend(other.verdicts);
    one.reverse.extend(other.reverse);
    one.path_mtu = one.path_mtu.or(other.path_mtu);
    one
}

/// The server refuses connections; the path is known by echo.
fn refused(mut report: AddressReport) -> AddressReport {
    report.examined.port_state = Some(PortState::Refused);
    report
}

/// Discoverable, although a router states a size that is too low.
fn faulty() -> AddressReport {
    let mut report = discoverable(V4);
    report.examined.ptb = vec![ptb(&report, 1280, true, Some(PtbFault::TooLow))];
    report
}

/// The server said too little to judge the way back.
fn untested() -> AddressReport {
    let mut report = clear(V4);
    report.examined.reverse.verdict = ReverseVerdict::Untested;
    report
}

/// A hole on the way there, and a stall on the way back.
fn both_ways() -> AddressReport {
    let mut report = no_ptb(V4);
    report.examined.reverse = back_recovers(V4).examined.reverse;
    report
}

/// What is found, what is expected, the code, whether it is as expected, and in what it is not.
type Row = (AddressReport, Expectation, u8, Option<bool>, &'static str);

#[test]
fn words_make_what_is_known_no_alarm_and_a_change_one() {
    use Verdict::{BlackHole, Clear, Discoverable, Inconclusive, Masked, Unreachable};
    let rows: Vec<Row> = vec![
        (masked(V4), words(&[Masked]), 0, Some(true), ""),
        (no_ptb(V6), words(&[Masked, BlackHole]), 0, Some(true), ""),
        // A fault that is gone is a change as well.
        (clear(V4), words(&[Masked]), 1, Some(false), "clear, expected masked"),
        (discoverable(V4), words(&[BlackHole]), 1, Some(false), "discoverable, expected black hole"),
        // What is worse keeps its own code.
        (no_ptb(V4), words(&[Masked]), 2, Some(false), "black hole, expected masked"),
        (no_ptb(V4), words(&[Clear, Discoverable]), 2, Some(false), "black hole, expected clear or discoverable"),
        (clear(V4), words(&[Clear]), 0, Some(true), ""),
        // Doubt is no answer unless it is asked for.
        (inconclusive(V4), words(&[Masked]), 3, Some(false), "inconclusive, expected masked"),
        (inconclusive(V4), words(&[Masked, Inconclusive]), 0, Some(true), ""),
        (unreachable(V4), words(&[Unreachable]), 0, Some(true), ""),
        (unreachable(V4), words(&[Clear]), 3, Some(false), "unreachable, expected clear"),
        // A router's fault is a part of the word.
        (faulty(), words(&[Discoverable]), 0, Some(true), ""),
        (faulty(), mtu(Some(1400), None), 1, Some(false), "a router states a wrong size"),
        // A closed port lets no mail pass, and no word says that this is fine, but the one that nothing answers.
        (refused(clear(V4)), words(&[Clear]), 3, Some(false), "the port takes no connections"),
        (refused(no_ptb(V4)), words(&[BlackHole]), 2, Some(false), "the port takes no connections"),
        (refused(unreachable(V4)), words(&[Unreachable]), 0, Some(true), ""),
        // Without a word of it the way back keeps its own code.
        (back_hole(V4), words(&[Clear]), 2, Some(false), "other direction black hole"),
        (back_recovers(V4), words(&[Clear]), 1, Some(false), "other direction recovers after a stall"),
        (back_hole(V4), both(words(&[Clear]), back(&[ReverseVerdict::BlackHole])), 0, Some(true), ""),
        // And the way there without one of its own.
        (back_hole(V4), back(&[ReverseVerdict::BlackHole]), 0, Some(true), ""),
        (no_ptb(V4), back(&[ReverseVerdict::Clear]), 2, Some(false), "black hole"),
        (clear(V4), back(&[ReverseVerdict::BlackHole]), 1, Some(false), "other direction clear, expected black hole"),
        // Where nobody answers there is nothing to see of the way back, and that is said of the way there.
        (unreachable(V4), both(words(&[Unreachable]), back(&[ReverseVerdict::Clear])), 0, Some(true), ""),
        (
            unreachable(V4),
            both(words(&[Masked]), back(&[ReverseVerdict::Clear])),
            3,
            Some(false),
            "unreachable, expected masked",
        ),
        (
            untested(),
            both(words(&[Clear]), back(&[ReverseVerdict::Clear])),
            1,
            Some(false),
            "other direction not tested, expected clear",
        ),
        // Each way counts for itself: what is as expected on one adds nothing to what is not on the other.
        (both_ways(), words(&[Verdict::BlackHole]), 1, Some(false), "other direction recovers after a stall"),
        // Words about a way that was not examined say nothing.
        (back_only(back_hole(V4)), words(&[Clear]), 2, None, ""),
        (back_only(back_hole(V4)), back(&[ReverseVerdict::BlackHole]), 0, Some(true), ""),
        (
            refused(back_only(clear(V4))),
            back(&[ReverseVerdict::Clear]),
            3,
            Some(false),
            "the port takes no connections",
        ),
        // Sizes.
        (clear(V4), mtu(Some(1500), Some(1500)), 0, Some(true), ""),
        (discoverable(V4), mtu(Some(1400), None), 0, Some(true), ""),
        (discoverable(V4), mtu(Some(1401), None), 1, Some(false), "path MTU 1400, expected at least 1401"),
        (discoverable(V4), mtu(None, Some(1399)), 1, Some(false), "path MTU 1400, expected at most 1399"),
        (discoverable(V4), mtu(Some(1280), Some(1400)), 0, Some(true), ""),
        (discoverable(V4), mtu(Some(1280), Some(1390)), 1, Some(false), "path MTU 1400, expected 1280 to 1390"),
        (discoverable(V4), mtu(Some(1500), Some(1500)), 1, Some(false), "path MTU 1400, expected 1500"),
        // A size alone excuses no hole.
        (no_ptb(V4), mtu(Some(1400), Some(1400)), 2, Some(false), "black hole"),
        (masked(V4), both(words(&[Masked]), mtu(Some(1400), None)), 0, Some(true), ""),
        (
            masked(V4),
            both(words(&[Masked]), mtu(Some(1420), None)),
            1,
            Some(false),
            "path MTU 1400, expected at least 1420",
        ),
        (unreachable(V4), both(words(&[Unreachable]), mtu(Some(1400), None)), 0, Some(true), ""),
    ];
    for (found, expectation, code, is_expected, change) in rows {
        let about = format!("{:?} {:?}, {expectation:?}", found.examined.verdict, found.examined.reverse.verdict);
        must_be(&expecting(found, &expectation), code, is_expected, change, &about);
    }
}

#[test]
fn an_earlier_run_makes_what_it_found_no_alarm() {
    let mut moved = masked(V4);
    moved.examined.path_mtu = Some(size(1380));
    let mut back_moved = back_hole(V4);
    back_moved.examined.reverse.path_mtu = Some(size(1280));
    let mut other_server = clear(V4);
    other_server.examined.reverse.path_mtu = Some(size(1320));
    let mut way_there_alone = no_ptb(V4);
    way_there_alone.examined.direction = pmtu_probe::model::Direction::Forward;
    way_there_alone.examined.reverse.verdict = ReverseVerdict::Untested;
    let rows: Vec<(AddressReport, AddressReport, u8, Option<bool>, &str)> = vec![
        (masked(V4), masked(V4), 0, Some(true), ""),
        (no_ptb(V4), no_ptb(V4), 0, Some(true), ""),
        (unreachable(V4), unreachable(V4), 0, Some(true), ""),
        (refused(clear(V4)), refused(clear(V4)), 0, Some(true), ""),
        (clear(V4), clear(V4), 0, Some(true), ""),
        (clear(V4), masked(V4), 1, Some(false), "clear, was masked; path MTU 1500, was 1400"),
        (no_ptb(V4), masked(V4), 2, Some(false), "black hole, was masked"),
        (moved.clone(), masked(V4), 1, Some(false), "path MTU 1380, was 1400"),
        (local_firewall(V4), no_ptb(V4), 2, Some(false), "the cause is local_firewall, was no_ptb"),
        (link_mismatch(), no_ptb(V4), 2, Some(false), "the cause is link_mismatch, was no_ptb"),
        (faulty(), faulty(), 0, Some(true), ""),
        (faulty(), discoverable(V4), 1, Some(false), "a router states a wrong size"),
        (refused(clear(V4)), clear(V4), 3, Some(false), "the port takes no connections"),
        (clear(V4), refused(clear(V4)), 1, Some(false), "the port takes connections, took none"),
        (back_hole(V4), back_hole(V4), 0, Some(true), ""),
        (back_hole(V4), clear(V4), 2, Some(false), "other direction black hole, was clear"),
        (clear(V4), back_hole(V4), 1, Some(false), "other direction clear, was black hole"),
        (back_moved, back_hole(V4), 2, Some(false), "other direction up to 1280, was 1400"),
        // How large a healthy server's packets are depends on what it has to say.
        (other_server, clear(V4), 0, Some(true), ""),
        // Doubt is never as expected, and an earlier one knows nothing.
        (inconclusive(V4), inconclusive(V4), 3, None, ""),
        (inconclusive(V4), masked(V4), 3, Some(false), "inconclusive, was masked; path MTU not known, was 1400"),
        (untested(), clear(V4), 1, Some(false), "other direction not tested, was clear"),
        (clear(V4), inconclusive(V4), 0, None, ""),
        (no_ptb(V4), inconclusive(V4), 2, None, ""),
        // What was not examined then is judged as without the file.
        (back_hole(V4), untested(), 2, Some(false), "other direction black hole"),
        // What is not examined now is no change.
        (way_there_alone, no_ptb(V4), 0, Some(true), ""),
        (back_only(back_hole(V4)), back_hole(V4), 0, Some(true), ""),
    ];
    for (found, earlier, code, is_expected, change) in rows {
        let about = format!("{:?}, known {:?}", found.examined.verdict, state(&earlier));
        must_be(&knowing(found, &earlier), code, is_expected, change, &about);
    }
}

/// In the exit code, in text of any length, and in JSON.
fn must_be(found: &AddressReport, code: u8, is_expected: Option<bool>, change: &str, about: &str) {
    let whole = report(vec![found.clone()]);
    assert_eq!(whole.exit_code(), code, "{about}");
    let sentence = match is_expected {
        None => None,
        Some(true) => Some("; as expected".to_owned()),
        Some(false) => Some(format!("; not as expected: {change}")),
    };
    for detail in [Detail::VerdictOnly, Detail::Normal, Detail::Full] {
        let text = render(&whole, &Style { detail, ..Style::default() });
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match &sentence {
            Some(sentence) => assert!(text.contains(sentence.as_str()), "{about}: {text}"),
            None => assert!(!text.contains("as expected"), "{about}: {text}"),
        }
    }
    let document: serde_json::Value = serde_json::from_str(&json::render(&whole)).unwrap();
    let address = &document["addresses"][0];
    assert_eq!(address["expected"], serde_json::json!(is_expected), "{about}");
    let change = (is_expected == Some(false)).then_some(change);
    assert_eq!(address["change"], serde_json::json!(change), "{about}");
    assert_eq!(document["exit_code"], code, "{about}");
}

/// Of several addresses each counts for itself, and what is alike but for this is no one block.
#[test]
fn each_address_counts_for_itself() {
    let expected = words(&[Verdict::Masked]);
    let known = expecting(masked(V4), &expected);
    let mut other = masked("192.0.2.26");
    other.assessment = Assessment::default();
    let whole = report(vec![known.clone(), other]);
    assert_eq!(whole.exit_code(), 1);
    let text = render(&whole, &Style::default());
    assert_eq!(text.matches("as expected").count(), 2, "in the list and in its block: {text}");
    assert_eq!(report(vec![known, clear(V6)]).exit_code(), 0);
}

/// How a run ends as a whole is not the addresses' to say.
#[test]
fn what_was_not_examined_is_not_as_expected() {
    let mut whole = report(vec![expecting(masked(V4), &words(&[Verdict::Masked]))]);
    whole.ending = Some(3);
    assert_eq!(whole.exit_code(), 3);
}

fn range(start: Option<u32>, end: Option<u32>, inside: bool) -> AlertRange {
    AlertRange { start, end, inside }
}

/// The table of the guidelines, and sizes around its ends.
#[test]
fn ranges_raise_alarms_as_the_guidelines_say() {
    let rows = [
        ("10", range(Some(0), Some(10), false), [(10, false), (11, true)]),
        ("10:", range(Some(10), None, false), [(9, true), (10, false)]),
        ("~:10", range(None, Some(10), false), [(10, false), (11, true)]),
        ("10:20", range(Some(10), Some(20), false), [(20, false), (21, true)]),
        ("@10:20", range(Some(10), Some(20), true), [(9, false), (20, true)]),
    ];
    for (text, range, sizes) in rows {
        assert_eq!(range.to_string(), text);
        for (bytes, alerts) in sizes {
            assert_eq!(range.alerts(size(bytes)), alerts, "{text}: {bytes}");
        }
    }
}

/// A limit counts beside the verdict, and whatever was expected; a size that is not known breaks none.
#[test]
fn a_limit_counts_as_a_warning_or_as_critical() {
    let floor = |bytes| Some(range(Some(bytes), None, false));
    let limits = Thresholds { warning: floor(1500), critical: floor(1380) };
    let narrow = |bytes| {
        let mut report = discoverable(V4);
        report.examined.path_mtu = Some(size(bytes));
        report
    };
    let masked_words = words(&[Verdict::Masked]);
    let rows: Vec<(AddressReport, Option<Standard<'_>>, u8)> = vec![
        (clear(V4), None, 0),
        (narrow(1400), None, 1),
        (narrow(1380), None, 1),
        (narrow(1379), None, 2),
        (no_ptb(V4), None, 2),
        (masked(V4), Some(Standard::Asked(&masked_words)), 1),
        (unreachable(V4), None, 3),
        (back_only(back_hole(V4)), None, 2),
    ];
    for (mut report, standard, code) in rows {
        report.assessment = Assessment::of(&report.examined, standard, limits);
        assert_eq!(report.exit_code(), code, "{:?} {:?}", report.examined.verdict, report.examined.path_mtu);
    }
}

#[test]
fn every_cause_has_its_word_in_a_change() {
    for cause in Cause::ALL {
        let mut earlier = no_ptb(V4);
        earlier.examined.cause = None;
        let mut now = no_ptb(V4);
        now.examined.cause = Some(cause);
        let text = json::render(&report(vec![knowing(now, &earlier)]));
        assert!(text.contains("\"change\": \"the cause is") && text.contains("was not known"), "{text}");
    }
}
