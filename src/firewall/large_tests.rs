//! Rulesets of the largest kinds that are in use, and some that only try one's patience.

use std::fmt::Write as _;

use super::{Message, Rules, SynAck};
use crate::model::{Blocker, Blockers, RulesetText, SavedTables};

/// As many that a question which looks at each takes too many steps. `netns-scripts/rules.sh` takes 250 000.
fn elements() -> u32 {
    std::env::var("PMTU_RULES_ELEMENTS").ok().and_then(|number| number.parse().ok()).unwrap_or(60_000)
}

fn message(last: u8) -> Message<'static> {
    let from = std::net::Ipv4Addr::new(192, 0, 2, last).into();
    Message { from, to: "10.0.0.1".parse().expect("an address"), interface: Some("eth0"), mtu: 1400 }
}

fn messages() -> Vec<Message<'static>> {
    (1..=4).map(message).collect()
}

fn nft(items: &[String]) -> RulesetText {
    RulesetText { nft_json: format!(r#"{{"nftables": [{}]}}"#, items.join(", ")), ..RulesetText::default() }
}

fn base(name: &str, hook: &str, policy: &str) -> String {
    format!(
        r#"{{"chain": {{"family": "inet", "table": "f", "name": "{name}", "handle": 1, "type": "filter", "hook": "{hook}", "prio": 0, "policy": "{policy}"}}}}"#
    )
}

fn chain(name: &str) -> String {
    format!(r#"{{"chain": {{"family": "inet", "table": "f", "name": "{name}", "handle": 1}}}}"#)
}

fn rule(chain: &str, handle: usize, expression: &str) -> String {
    format!(
        r#"{{"rule": {{"family": "inet", "table": "f", "chain": "{chain}", "handle": {handle}, "expr": [{expression}]}}}}"#
    )
}

fn set(kind: &str, elements: &str) -> String {
    format!(
        r#"{{"set": {{"family": "inet", "name": "s", "table": "f", "type": {kind}, "handle": 3, "flags": ["interval"], "elem": [{elements}]}}}}"#
    )
}

fn is_in(field: &str, right: &str) -> String {
    format!(
        r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "ip", "field": "{field}"}}}}, "right": {right}}}}}"#
    )
}

fn listed(count: u32, element: impl Fn(u32) -> String) -> String {
    let mut all = String::new();
    for number in 0..count {
        let _ = write!(all, "{}{}", if number == 0 { "" } else { ", " }, element(number));
    }
    all
}

/// Addresses of 10.0.0.0/8 and further, none of which is the sender's.
fn address(number: u32) -> String {
    std::net::Ipv4Addr::from(0x0a00_0000 + 2 * number).to_string()
}

fn plain(number: u32) -> String {
    format!("\"{}\"", address(number))
}

/// Base chains with ten rules each that look the sender up in one set, and a last one that drops.
fn over_a_set(bases: usize, kind: &str, elements: &str, left: &str) -> RulesetText {
    let mut items = vec![set(kind, elements)];
    for number in 0..bases {
        let name = format!("in{number}");
        items.push(base(&name, if number % 2 == 0 { "input" } else { "prerouting" }, "accept"));
        for handle in 0..10 {
            let matches = format!(r#"{{"match": {{"op": "==", "left": {left}, "right": "@s"}}}}"#);
            items.push(rule(&name, 10 * number + handle + 10, &format!(r#"{matches}, {{"drop": null}}"#)));
        }
    }
    items.push(base("last", "input", "drop"));
    nft(&items)
}

const SOURCE: &str = r#"{"payload": {"protocol": "ip", "field": "saddr"}}"#;
const PAIR: &str = r#"{"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "ip", "field": "daddr"}}]}"#;

fn iptables(text: String) -> RulesetText {
    let saved = SavedTables { program: "iptables".into(), in_nftables: false, text };
    RulesetText { iptables: vec![saved], ..RulesetText::default() }
}

/// A ruleset that is large.
struct Large {
    name: &'static str,
    make: fn() -> RulesetText,
    /// What stands at its end and drops the messages.
    place: &'static str,
}

const LAST: &str = "table inet f, chain last";
const INPUT: &str = "iptables chain INPUT";

const LARGE: &[Large] = &[
    Large { name: "a set, 2 base chains", make: || over_addresses(2, plain), place: LAST },
    Large { name: "a set, 100 base chains", make: || over_addresses(100, plain), place: LAST },
    Large { name: "a set of networks", make: || over_addresses(2, network), place: LAST },
    Large {
        name: "a set with time-outs",
        make: || over_a_set(2, ADDRESS, &listed(elements() / 2, timed), SOURCE),
        place: LAST,
    },
    Large { name: "a set of pairs", make: over_pairs, place: LAST },
    Large {
        name: "a set of 1 000 000",
        make: || over_a_set(2, ADDRESS, &listed(4 * elements(), plain), SOURCE),
        place: LAST,
    },
    Large { name: "a set in a rule", make: a_set_in_a_rule, place: LAST },
    Large { name: "a verdict map", make: a_verdict_map, place: LAST },
    Large { name: "a tree of jumps", make: a_tree_of_jumps, place: LAST },
    Large { name: "50 000 rules of nft", make: rules_of_nft, place: LAST },
    Large { name: "50 000 rules of iptables", make: || rules_of_iptables(elements() / 5), place: INPUT },
    Large { name: "100 000 rules of iptables", make: || rules_of_iptables(elements() / 5 * 2), place: INPUT },
    Large { name: "1000 chains of iptables", make: chains_of_iptables, place: INPUT },
];

const ADDRESS: &str = "\"ipv4_addr\"";
fn network(number: u32) -> String {
    format!(r#"{{"prefix": {{"addr": "{}", "len": 32}}}}"#, address(number))
}

fn timed(number: u32) -> String {
    format!(
        r#"{{"elem": {{"val": "{}", "timeout": 3600, "expires": 3599, "comment": "no {number}"}}}}"#,
        address(number)
    )
}

fn over_addresses(bases: usize, element: fn(u32) -> String) -> RulesetText {
    over_a_set(bases, ADDRESS, &listed(elements(), element), SOURCE)
}

fn over_pairs() -> RulesetText {
    let pair = |number| format!(r#"{{"concat": ["{}", "10.0.0.1"]}}"#, address(number));
    over_a_set(2, r#"["ipv4_addr", "ipv4_addr"]"#, &listed(elements(), pair), PAIR)
}

fn a_set_in_a_rule() -> RulesetText {
    let set = format!(r#"{{"set": [{}]}}"#, listed(elements(), plain));
    let drop = format!(r#"{}, {{"drop": null}}"#, is_in("saddr", &set));
    nft(&[base("last", "input", "drop"), rule("last", 5, &drop)])
}

fn a_verdict_map() -> RulesetText {
    let verdict = |number| format!(r#"["{}", {{"accept": null}}]"#, address(number));
    let data = format!(r#"{{"set": [{}]}}"#, listed(elements(), verdict));
    let map = format!(r#"{{"vmap": {{"key": {SOURCE}, "data": {data}}}}}"#);
    nft(&[base("last", "input", "drop"), rule("last", 5, &map)])
}

/// Sixteen levels, as deep as the kernel allows, that grow by the factor of 60.
fn a_tree_of_jumps() -> RulesetText {
    let mut items = vec![base("last", "input", "drop"), rule("last", 1, r#"{"jump": {"target": "c0"}}"#)];
    items.extend((0..1000).map(|number| chain(&format!("c{number}"))));
    for (number, branch) in (0..900_usize).flat_map(|number| (0..60).map(move |branch| (number, branch))) {
        let next = (number / 60 + 1) * 60 + branch;
        let to = format!(r#"{{"jump": {{"target": "c{next}"}}}}"#);
        items.push(rule(&format!("c{number}"), 1000 + 60 * number + branch, &to));
    }
    nft(&items)
}

fn rules_of_nft() -> RulesetText {
    let mut items = vec![base("last", "input", "drop")];
    let from = |number| is_in("saddr", &plain(number));
    items.extend(
        (0..elements() / 5)
            .map(|number| rule("last", 9 + number as usize, &format!(r#"{}, {{"drop": null}}"#, from(number)))),
    );
    nft(&items)
}

fn rules_of_iptables(count: u32) -> RulesetText {
    let mut text = String::from("*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n");
    for number in 0..count {
        let from = address(number);
        let _ = writeln!(
            text,
            "-A INPUT -s {from}/32 -i eth+ -p icmp -m icmp --icmp-type 3/4 -m comment --comment \"no {number}\" -j DROP"
        );
    }
    text.push_str("COMMIT\n");
    iptables(text)
}

/// Each jumps to the next twice.
fn chains_of_iptables() -> RulesetText {
    let mut text = String::from("*filter\n:INPUT DROP [0:0]\n");
    for number in 0..900 {
        let _ = writeln!(text, ":c{number} - [0:0]");
    }
    text.push_str("-A INPUT -j c0\n");
    for number in 0..899 {
        let next = number + 1;
        let _ = writeln!(text, "-A c{number} -j c{next}\n-A c{number} -p icmp -j c{next}");
    }
    text.push_str("COMMIT\n");
    iptables(text)
}

fn check(large: &Large, found: &Blockers) {
    let Blockers::Found(found) = found else { panic!("{}: {found:?}", large.name) };
    let places: Vec<&str> = found.iter().map(|Blocker { place, .. }| place.as_str()).collect();
    assert_eq!(places, [large.place], "{}", large.name);
}

/// Four messages are led through within the steps of one question, and a clamp is sought within those of another.
#[test]
fn large_rulesets_are_looked_up_within_the_steps_of_a_question() {
    for large in LARGE {
        let rules = Rules::read((large.make)()).unwrap_or_else(|error| panic!("{}: {error}", large.name));
        check(large, &rules.blockers(&messages()));
        let packet = SynAck {
            from: "192.0.2.1".parse().expect("an address"),
            port: 25,
            to: "10.0.0.1".parse().expect("one"),
            interface: None,
        };
        assert_eq!(rules.clamps(&packet, 1360), [], "{}", large.name);
    }
}

/// A run that asks ever again gets no answer in the end, and goes on.
#[test]
fn the_steps_of_a_run_have_an_end() {
    let rules = Rules::read(rules_of_iptables(100)).expect("rules").with_steps(100_000);
    let mut answers = (0..10_000).map(|_| rules.blockers(&messages()));
    assert!(matches!(answers.next(), Some(Blockers::Found(_))));
    let last = answers.find(|answer| matches!(answer, Blockers::Unreadable(_))).expect("the steps end");
    assert_eq!(last, Blockers::Unreadable("they are too many to be read through".into()));
}

/// Where memory would grow without bounds, the rules are not read.
#[test]
fn what_takes_too_much_memory_is_refused() {
    let word = |number| format!(r#"["{number}",{{"goto":{{"target":"c{number}"}}}}]"#);
    let map = format!(r#"{{"vmap": {{"key": {SOURCE}, "data": {{"set": [{}]}}}}}}"#, listed(300_000, word));
    let text = nft(&[base("last", "input", "drop"), rule("last", 5, &map)]);
    assert!(text.nft_json.len() < 16 << 20, "the reader lets it pass");
    let error = Rules::read(text).err().expect("too large").to_string();
    assert!(error.contains("memory"), "{error}");
}

/// How long each takes, and how large the process becomes: `netns-scripts/rules.sh` runs it once for each.
#[test]
#[ignore = "measures"]
fn what_large_rulesets_cost() {
    let only = std::env::var("PMTU_RULES_ONLY").unwrap_or_default();
    for large in LARGE.iter().filter(|large| large.name.contains(&only)) {
        let text = (large.make)();
        let size = text.nft_json.len() + text.iptables.iter().map(|saved| saved.text.len()).sum::<usize>();
        let before = peak();
        let start = processor();
        let rules = Rules::read(text).expect("rules");
        let parsed = processor();
        let found = rules.blockers(&messages());
        let (asked, peak) = (processor() - parsed, peak());
        let parsed = parsed - start;
        check(large, &found);
        println!(
            "{}: {} kB, parsed in {parsed} ms, asked in {asked} ms, peak {peak} MB ({before} MB before)",
            large.name,
            size / 1000
        );
    }
}

/// Milliseconds of the processor that this thread took.
fn processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or_default() / 1_000_000
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or_default() / 1000
}
