//! What firewall programs print.

use std::fmt::Write;
use std::net::IpAddr;

use pmtu_probe::firewall::{Message, SynAck, certain_clamp, find, find_clamps};
use pmtu_probe::model::{Blockers, RulesetText, SavedTables};
use pmtu_probe::net::ruleset;

use super::input::Input;

const MARK: &str = "mark";

/// JSON up to the first zero byte, and the text behind it.
pub(crate) fn nft(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (json, text) = text.split_once('\0').unwrap_or((&text, ""));
    rules(&RulesetText { nft_json: json.to_owned(), nft_text: text.to_owned(), ..RulesetText::default() });
}

/// The first byte says whose tables these are.
pub(crate) fn iptables(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let program = input.pick(&["iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy"]);
    let text = String::from_utf8_lossy(input.rest()).into_owned();
    let saved = SavedTables { program: program.to_owned(), in_nftables: !program.ends_with("legacy"), text };
    rules(&RulesetText { iptables: vec![saved], ..RulesetText::default() });
}

/// The parts that the child prints, each with a line at its end.
pub(crate) fn ruleset(bytes: &[u8]) {
    let Ok(read) = ruleset::split(bytes, MARK) else { return };
    let length = read.nft_json.len() + read.nft_text.len();
    let length = length + read.iptables.iter().map(|saved| saved.text.len()).sum::<usize>();
    assert!(length <= 3 * bytes.len() + 1, "no part is longer than all of it");
    assert_eq!(ruleset::split(&printed(&read), MARK).ok().as_ref(), Some(&read), "printed again it is read the same");
    rules(&read);
}

fn printed(rules: &RulesetText) -> Vec<u8> {
    let json = if rules.lacks_sets { "nft-terse" } else { "nft-json" };
    let mut text = format!("{}{MARK} {json} 0\n{}{MARK} nft-text 0\n", rules.nft_json, rules.nft_text);
    for SavedTables { program, in_nftables, text: saved } in &rules.iptables {
        let kind = if *in_nftables { "nft" } else { "own" };
        let _ = writeln!(text, "{saved}{MARK} {program}/{kind} 0");
    }
    let _ = writeln!(text, "{MARK} end 0");
    text.into_bytes()
}

fn rules(rules: &RulesetText) {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    for [from, to] in [["203.0.113.1", "192.0.2.1"], ["2001:db8:3::1", "2001:db8:1::1"]] {
        let (from, to) = (address(from), address(to));
        let message = Message { from, to, interface: Some("eth0"), mtu: 1400 };
        if let Blockers::Found(found) = find(rules, &[message]) {
            assert!(!found.is_empty());
            assert!(found.iter().all(|blocker| !blocker.place.is_empty() && !blocker.rule.is_empty()));
        }
        let packet = SynAck { from, port: 25, to, interface: Some("eth0") };
        let certain = certain_clamp(rules, &packet);
        if let Some(mss) = certain {
            let named = find_clamps(rules, &packet, mss);
            assert!(named.iter().any(|clamp| clamp.is_certain && clamp.mss == Some(mss)), "the clamp has a rule");
        }
    }
}
