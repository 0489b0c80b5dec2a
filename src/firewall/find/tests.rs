use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::SavedTables;

const EMPTY: &str = r#"{"nftables": []}"#;

fn message(v6: bool) -> Message<'static> {
    let (from, to) = if v6 { ("fd00::9", "fd00::1") } else { ("192.0.2.9", "10.0.0.1") };
    let parse = |text: &str| text.parse().expect("an address");
    Message { from: parse(from), to: parse(to), interface: Some("eth0"), mtu: 1400 }
}

/// One table `inet f` with a chain `input`; its rules have the handles 1, 2, 3 …
fn nft(policy: &str, rules: &[Value]) -> RulesetText {
    let chain = json!({"chain": {"family": "inet", "table": "f", "name": "input", "handle": 99, "type": "filter",
        "hook": "input", "prio": 0, "policy": policy}});
    let rule = |(index, expression): (usize, &Value)| json!({"rule": {"family": "inet", "table": "f", "chain": "input", "handle": index + 1, "expr": expression}});
    let items: Vec<Value> = std::iter::once(chain).chain(rules.iter().enumerate().map(rule)).collect();
    RulesetText { nft_json: json!({ "nftables": items }).to_string(), ..RulesetText::default() }
}

fn iptables(program: &str, in_nftables: bool, text: &str) -> RulesetText {
    let saved = SavedTables { program: program.into(), in_nftables, text: text.into() };
    RulesetText { nft_json: EMPTY.into(), iptables: vec![saved], ..RulesetText::default() }
}

fn places(rules: &RulesetText) -> Vec<(String, String)> {
    match find(rules, &[message(false)]) {
        Blockers::Found(found) => found.into_iter().map(told).collect(),
        Blockers::NoneFound => Vec::new(),
        other => panic!("{other:?}"),
    }
}

/// Place and rule, marked where it is not certain.
fn told(blocker: Blocker) -> (String, String) {
    let mark = if blocker.is_certain { "" } else { " (probably)" };
    (format!("{}{mark}", blocker.place), blocker.rule)
}

fn place(place: &str, rule: &str) -> Vec<(String, String)> {
    vec![(place.to_owned(), rule.to_owned())]
}

fn state(word: &str) -> Value {
    json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": word}})
}

fn unknown() -> Value {
    json!({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}})
}

#[test]
fn what_is_sure_needs_no_probably() {
    let (drop, accept) = (json!({"drop": null}), json!({"accept": null}));
    let sure = "table inet f, chain input";
    let probably = "table inet f, chain input (probably)";
    for (policy, rules, expected) in [
        ("accept", vec![json!([drop])], place(sure, "the rule with handle 1")),
        ("drop", vec![], place(sure, "policy drop")),
        ("accept", vec![json!([state("related"), accept]), json!([unknown(), accept])], vec![]),
        ("drop", vec![json!([unknown(), accept])], place(probably, "policy drop")),
        ("accept", vec![json!([unknown(), drop])], place(probably, "the rule with handle 1")),
        // Something dropped it: if not as related, then as invalid.
        ("drop", vec![json!([state("related"), accept])], place(probably, "policy drop")),
        (
            "drop",
            vec![json!([state("related"), accept]), json!([state("invalid"), drop])],
            place(probably, "the rule with handle 2"),
        ),
        // Better a sure culprit than one that must match a mark.
        ("drop", vec![json!([unknown(), drop])], place(probably, "policy drop")),
        ("accept", vec![json!([{"queue": null}, drop])], vec![]),
    ] {
        assert_eq!(places(&nft(policy, &rules)), expected, "{policy} {rules:?}");
    }
}

/// Where listing sets takes too long, they hold what is not known: no rule is accused for certain that looks at one, or stands behind it.
#[test]
fn sets_that_are_not_listed_may_hold_anything() {
    let source = json!({"payload": {"protocol": "ip", "field": "saddr"}});
    let by_set = json!([{"match": {"op": "==", "left": source, "right": "@s"}}, {"drop": null}]);
    let by_map = json!([{"vmap": {"key": source, "data": "@m"}}]);
    let probably = "table inet f, chain input (probably)";
    for (policy, rule, listed, terse) in [
        ("accept", &by_set, vec![], place(probably, "the rule with handle 1")),
        ("accept", &by_map, vec![], place(probably, "the rule with handle 1")),
        ("drop", &by_map, place("table inet f, chain input", "policy drop"), place(probably, "policy drop")),
    ] {
        let mut rules = nft(policy, std::slice::from_ref(rule));
        let set = json!({"set": {"family": "inet", "table": "f", "name": "s"}});
        let map = json!({"map": {"family": "inet", "table": "f", "name": "m"}});
        rules.nft_json = rules.nft_json.replace("[{\"chain\"", &format!("[{set},{map},{{\"chain\""));
        assert_eq!(places(&rules), listed, "{rule}");
        rules.lacks_sets = true;
        assert_eq!(places(&rules), terse, "{rule}");
    }
}

#[test]
fn a_table_that_both_programs_show_is_named_by_iptables() {
    let mut rules = iptables("iptables", true, "*filter\n:INPUT DROP [0:0]\nCOMMIT\n");
    let chain = json!({"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter",
        "hook": "input", "prio": 0, "policy": "drop"}});
    rules.nft_json = json!({"nftables": [chain]}).to_string();
    assert_eq!(places(&rules), place("iptables chain INPUT", "policy drop"));

    // A table that iptables does not understand is nft's.
    let text = "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n\
                *filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n";
    rules.iptables[0].text = text.into();
    assert_eq!(places(&rules), place("table ip filter, chain INPUT", "policy drop"));
}

#[test]
fn the_older_iptables_has_tables_of_its_own() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:deep - [0:0]\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -j deep\n\
                -A deep -j LOG\n-A deep -p icmp -j DROP\nCOMMIT\n";
    let rules = iptables("iptables-legacy", false, text);
    let Blockers::Found(found) = find(&rules, &[message(false)]) else { panic!("nothing found") };
    assert_eq!(found[0].place, "iptables-legacy chain deep");
    let admit = "iptables-legacy -I deep 2 -p icmp --icmp-type destination-unreachable -j ACCEPT";
    assert!(found[0].remedy.iter().any(|line| line == admit), "{found:?}");
    assert_eq!(find(&rules, &[message(true)]), Blockers::NoneFound, "ip6tables is another program");
}

#[test]
fn several_messages_that_one_rule_drops_name_it_once() {
    let other = Message { from: "192.0.2.8".parse().expect("an address"), ..message(false) };
    let found = find(&nft("drop", &[]), &[message(false), other]);
    assert!(matches!(&found, Blockers::Found(found) if found.len() == 1), "{found:?}");
}

#[test]
fn a_name_that_a_shell_could_take_for_more_gets_no_command() {
    let rules = nft("drop", &[]);
    let odd = RulesetText { nft_json: rules.nft_json.replace("\"f\"", "\"f; reboot\""), ..rules };
    let Blockers::Found(found) = find(&odd, &[message(false)]) else { panic!("nothing found") };
    assert_eq!((found.len(), found[0].remedy.len()), (1, 0), "{found:?}");
}

#[test]
fn json_of_another_kind_is_unreadable() {
    for text in ["[]", "{", "{\"nftables\": 1}", "nonsense"] {
        let rules = RulesetText { nft_json: text.into(), ..RulesetText::default() };
        assert!(matches!(find(&rules, &[message(false)]), Blockers::Unreadable(_)), "{text}");
    }
}

/// Trees of the words that nft uses, put together without sense.
fn any_value() -> impl Strategy<Value = Value> {
    let words = [
        "match",
        "op",
        "==",
        "!=",
        "in",
        "<",
        "left",
        "right",
        "meta",
        "key",
        "l4proto",
        "iifname",
        "ct",
        "state",
        "payload",
        "protocol",
        "icmp",
        "type",
        "field",
        "set",
        "@s",
        "*",
        "vmap",
        "data",
        "drop",
        "accept",
        "jump",
        "target",
        "input",
        "goto",
        "concat",
        "range",
        "prefix",
        "addr",
        "len",
        "10.0.0.1",
        "elem",
        "val",
        "&",
        "fib",
        "xt",
        "limit",
        "queue",
        "return",
        "related",
        "destination-unreachable",
    ];
    let word = prop::sample::select(words.to_vec());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, move |inner| {
        let pairs = prop::collection::vec((word.clone(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            pairs.prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(rules in prop::collection::vec(any_value(), 0..6), elements in any_value(), v6: bool) {
        let mut text = nft("drop", &rules);
        let set = json!({"set": {"family": "inet", "table": "f", "name": "s", "elem": elements}}).to_string();
        text.nft_json = text.nft_json.replace("[{\"chain\"", &format!("[{set},{{\"chain\""));
        prop_assert!(text.nft_json.contains("\"elem\""));
        let _ = find(&text, &[message(v6)]);
    }

    #[test]
    fn no_text_panics(json in ".{0,200}", listing in "(table|chain|\t|\\{|\\}|# handle 1|\n|x| ){0,60}",
        saved in "(\\*filter|:INPUT DROP|-A INPUT|-j|-p icmp|!|--comment|\"|\\\\|--icmp-type|3/4|DROP|\n| ){0,80}") {
        let mut text = iptables("iptables", false, &saved);
        text.nft_json = if json.len() % 2 == 0 { json } else { EMPTY.into() };
        text.nft_text = listing;
        let _ = find(&text, &[message(false), message(true)]);
    }
}
