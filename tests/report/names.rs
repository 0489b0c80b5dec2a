//! `--names`: what the DNS says of hops stands beside their addresses, and nowhere else.

use pmtu_probe::model::{AddressReport, HopName, HopNames, PointerName};
use pmtu_probe::report::letter::{self, Language};
use pmtu_probe::report::text::{Detail, Style, render};
use pmtu_probe::report::{Width, json};
use serde_json::{Value, json};

use super::fixtures::{V4, ip, no_ptb, report};

fn named() -> AddressReport {
    let mut address = no_ptb(V4);
    let name = |text: &str, is_confirmed| Some(PointerName { text: text.into(), is_confirmed });
    let rows = [
        ("203.0.113.2", HopName { name: name("r2.example.net", true), asn: Some(64_500) }),
        ("203.0.113.6", HopName { name: name(&"\u{1b}[2J), AS1 ".repeat(20), false), asn: None }),
    ];
    address.names = rows.into_iter().map(|(address, name)| (ip(address), name)).collect::<HopNames>();
    address
}

fn text(detail: Detail) -> String {
    let style = Style { color: false, detail, width: Width::USUAL };
    // Lines are broken where they are full.
    render(&report(vec![named()]), &style).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_place_names_both_hops_and_says_which_name_is_confirmed() {
    let text = text(Detail::Normal);
    assert!(
        text.contains("between hop 2 (203.0.113.2, r2.example.net, AS64500) and hop 3 (203.0.113.6, ??2J???AS1"),
        "{text}"
    );
    assert!(text.contains(" unconfirmed)"), "{text}");
    assert!(text.contains("2 203.0.113.2 AS64500"), "the drawing has the network: {text}");
    assert!(!text.contains(", AS1"), "a name is no network: {text}");
}

#[test]
fn the_table_of_hops_has_the_names() {
    let text = text(Detail::Full);
    assert!(text.contains("2 203.0.113.2, r2.example.net, AS64500, up to 1500 bytes"), "{text}");
}

#[test]
fn the_document_has_them_by_hop() {
    let line = json::render_line(&report(vec![named()]));
    assert!(line.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()), "{line:?}");
    let document: Value = serde_json::from_str(&line).unwrap();
    let hops = &document["addresses"][0]["hops"];
    assert_eq!(hops[0]["name"], Value::Null);
    assert_eq!(
        (&hops[1]["name"], &hops[1]["name_confirmed"], &hops[1]["asn"]),
        (&json!("r2.example.net"), &json!(true), &json!(64_500))
    );
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&document), "{document:#}");
}

/// What others are to do or to read does not rest on names.
#[test]
fn advice_and_letters_have_addresses_only() {
    let whole = report(vec![named()]);
    for language in [Language::English, Language::German] {
        let letter = letter::render(&whole, language);
        assert!(!letter.contains("r2.example.net") && !letter.contains("AS64500"), "{letter}");
    }
    for advice in &whole.addresses[0].examined.advice {
        assert!(!advice.text.contains("r2.example.net"), "{}", advice.text);
    }
}
