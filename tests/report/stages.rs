//! A report that comes in stages: together they say what one piece says.

use pmtu_probe::model::{AddressReport, Direction, Reverse, ReverseReason};
use pmtu_probe::report::Width;
use pmtu_probe::report::text::{Detail, Style, correction, render, rest, way_there, way_there_in_a_line};

use super::fixtures::{V4, V6, back_hole, clear, combinations, discoverable, no_ptb, report, with_advice};

const PLAIN: Style = Style { color: false, detail: Detail::Normal, width: Width::USUAL };

/// The same address before its way back was examined.
fn before(whole: &AddressReport) -> AddressReport {
    let mut shown = whole.clone();
    shown.examined.reverse = Reverse::untested(ReverseReason::OnlyForwardAsked);
    shown.examined.advice.clear();
    with_advice(shown)
}

#[test]
fn the_way_there_comes_first_and_the_way_back_adds_to_it() {
    let whole = with_advice(back_hole(V4));
    let first = way_there(&before(&whole), &PLAIN);
    // A hole on the way back holds up mail to there as well, so nothing is promised yet.
    let title = "mx.example.com 192.0.2.25: clear this way: packets of 1500 bytes pass\n\n";
    assert!(first.starts_with(title), "{first}");
    assert!(first.contains("\n  other way   being examined; it follows\n"), "{first}");
    assert!(!first.contains("What to do"), "nothing is wrong with the way there: {first}");
    let second = rest(&before(&whole), &whole, &PLAIN);
    let one_piece = render(&report(vec![back_hole(V4)]), &PLAIN);
    let title = format!("\n{}\n\n", one_piece.split("\n\n").next().unwrap_or_default());
    assert!(second.starts_with(&title), "{second}");
    assert!(second.contains("What to do\n  1. ") && !second.contains("\n  sent "), "{second}");
    let full = Style { detail: Detail::Full, ..PLAIN };
    assert!(!way_there(&before(&whole), &full).contains("\n  sent "));
    assert!(rest(&before(&whole), &whole, &full).contains("\n  sent "));
}

/// Advice that was given is not given twice, and goes on being numbered.
#[test]
fn what_was_said_of_the_way_there_is_not_said_again() {
    let mut whole = no_ptb(V4);
    whole.examined.reverse = back_hole(V4).examined.reverse;
    let whole = with_advice(whole);
    let shown = before(&whole);
    let (given, all) = (shown.examined.advice.len(), whole.examined.advice.len());
    assert!(given > 0 && all > given, "{given} of {all}");
    let second = rest(&shown, &whole, &PLAIN);
    assert!(second.contains(&format!("What to do\n  {}. ", given + 1)), "{second}");
    for advice in &shown.examined.advice {
        let beginning: String = advice.text.chars().take(60).collect();
        let said = second.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!said.contains(&beginning), "{beginning:?} again in {second}");
    }
}

/// A message that came late makes a path discoverable that was called a black hole.
#[test]
fn a_way_there_that_has_changed_is_corrected() {
    let (shown, now) = (before(&with_advice(no_ptb(V4))), before(&with_advice(discoverable(V4))));
    let corrected = correction(&now, &PLAIN);
    let title =
        "\nCorrection, by what came later:\nmx.example.com 192.0.2.25: 1400 bytes pass this way and routers say";
    assert!(corrected.starts_with(title), "{corrected}");
    // The same if it is known only with the way back: then all is said once more.
    let last = rest(&shown, &with_advice(discoverable(V4)), &PLAIN);
    let whole = render(&report(vec![discoverable(V4)]), &PLAIN);
    assert_eq!(last, format!("\nCorrection, by what came later:\n{whole}"));
}

#[test]
fn several_addresses_get_a_line_each() {
    let line = way_there_in_a_line(&before(&with_advice(clear(V6))), &PLAIN);
    let expected = "mx.example.com 2001:db8::25: clear this way: packets of 1500 bytes pass (so far)\n";
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), expected.split_whitespace().collect::<Vec<_>>());
}

/// Whatever a report says, it is said in one of the two pieces.
#[test]
fn two_pieces_say_what_one_piece_says() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for whole in combinations().into_iter().filter(|whole| whole.examined.direction != Direction::Reverse) {
        let whole = with_advice(whole);
        let shown = before(&whole);
        let pieces = words(&format!("{}{}", way_there(&shown, &PLAIN), rest(&shown, &whole, &PLAIN)));
        for advice in &whole.examined.advice {
            assert!(pieces.contains(&words(&advice.text)), "{:?} is missing from {pieces}", advice.text);
        }
    }
}
