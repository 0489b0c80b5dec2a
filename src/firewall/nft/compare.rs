//! Facts against the right side of a match: values, ranges, sets.

use std::net::IpAddr;

use serde_json::Value;

use super::fact::Fact;
use crate::firewall::message::is_in;
use crate::firewall::truth::Truth;

/// What a named set holds. `changes`: rules add to it, or its elements time out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set<'a> {
    pub(super) elements: &'a [Value],
    pub(super) changes: bool,
}

/// Finds a named set of the rule's table.
pub(super) type Sets<'f, 'a> = &'f dyn Fn(&str) -> Option<Set<'a>>;

/// Whether the match holds.
pub(super) fn compare(fact: &Fact<'_>, operator: &str, right: &Value, sets: Sets<'_, '_>) -> Truth {
    match (fact, operator) {
        (Fact::Absent, _) => Truth::No,
        (_, "==" | "in") => holds(fact, right, Some(sets)),
        (Fact::Tuple(parts), "!=") if parts.contains(&Fact::Absent) => Truth::No,
        (_, "!=" | "!") => holds(fact, right, Some(sets)).not(),
        (Fact::Number(value, names), _) => number(right, names).map_or(Truth::Unknown, |right| match operator {
            "<" => (*value < right).into(),
            ">" => (*value > right).into(),
            "<=" => (*value <= right).into(),
            ">=" => (*value >= right).into(),
            _ => Truth::Unknown,
        }),
        _ => Truth::Unknown,
    }
}

/// Whether the fact is the value, or one of the values. Elements of a named set name no other, so only a match looks
/// for sets.
pub(super) fn holds(fact: &Fact<'_>, value: &Value, sets: Option<Sets<'_, '_>>) -> Truth {
    match (fact, value) {
        (Fact::Absent, _) => Truth::No,
        (_, Value::String(name)) if name.starts_with('@') => named_set(fact, &name[1..], sets),
        (_, Value::Array(values)) => Truth::any(values.iter().map(|value| holds(fact, value, sets))),
        (_, Value::Object(object)) => match object.iter().next() {
            Some((kind, inside)) => structure(fact, kind, inside, sets),
            None => Truth::Unknown,
        },
        (Fact::Name(name), Value::String(pattern)) => is_name(name, pattern).into(),
        (Fact::Word(words), Value::String(word)) => words.contains(&word.as_str()).into(),
        (Fact::Number(own, names), Value::String(_) | Value::Number(_)) => match number(value, names) {
            Some(number) => (*own == number).into(),
            // The words for the message's own numbers are all known.
            None => Truth::No,
        },
        (Fact::Address(own), Value::String(_)) => address(value).map_or(Truth::Unknown, |other| (*own == other).into()),
        _ => Truth::Unknown,
    }
}

fn named_set(fact: &Fact<'_>, name: &str, sets: Option<Sets<'_, '_>>) -> Truth {
    let Some(set) = sets.and_then(|find| find(name)) else { return Truth::Unknown };
    match Truth::any(set.elements.iter().map(|element| holds(fact, element, None))) {
        Truth::No if set.changes => Truth::Unknown,
        truth => truth,
    }
}

fn structure(fact: &Fact<'_>, kind: &str, inside: &Value, sets: Option<Sets<'_, '_>>) -> Truth {
    match (kind, inside) {
        ("set" | "|", values) => holds(fact, values, sets),
        ("elem", element) => element.get("val").map_or(Truth::Unknown, |value| holds(fact, value, sets)),
        ("range", Value::Array(ends)) => range(fact, ends),
        ("prefix", prefix) => network(fact, prefix),
        ("concat", Value::Array(values)) => match fact {
            Fact::Tuple(parts) if parts.len() == values.len() => {
                Truth::all(parts.iter().zip(values).map(|(part, value)| holds(part, value, sets)))
            }
            _ => Truth::Unknown,
        },
        _ => Truth::Unknown,
    }
}

fn range(fact: &Fact<'_>, ends: &[Value]) -> Truth {
    let [first, last] = ends else { return Truth::Unknown };
    match fact {
        Fact::Number(own, names) => match (number(first, names), number(last, names)) {
            (Some(first), Some(last)) => (first..=last).contains(own).into(),
            _ => Truth::Unknown,
        },
        Fact::Address(own) => match (address(first), address(last)) {
            (Some(first), Some(last)) => (first..=last).contains(own).into(),
            _ => Truth::Unknown,
        },
        _ => Truth::Unknown,
    }
}

fn network(fact: &Fact<'_>, prefix: &Value) -> Truth {
    let Fact::Address(own) = fact else { return Truth::Unknown };
    let parts = (prefix.get("addr").and_then(address), prefix.get("len").and_then(Value::as_u64));
    match parts {
        (Some(network), Some(length)) => is_in(*own, network, u32::try_from(length).unwrap_or(u32::MAX)).into(),
        _ => Truth::Unknown,
    }
}

fn is_name(name: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start))
}

fn number(value: &Value, names: &[(&str, u64)]) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(word) => names.iter().find(|(name, _)| name == word).map(|(_, number)| *number),
        _ => None,
    }
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::names::{ICMP_TYPES, PROTOCOLS};
    use super::*;
    use Truth::{No, Unknown, Yes};

    fn check(fact: &Fact<'_>, operator: &str, right: &Value) -> Truth {
        let elements = [json!({"prefix": {"addr": "10.0.0.0", "len": 8}}), json!("@trusted")];
        compare(fact, operator, right, &|name| match name {
            "trusted" => Some(Set { elements: &[], changes: false }.with(&elements)),
            "banned" => Some(Set { elements: &[], changes: true }),
            _ => None,
        })
    }

    impl Set<'_> {
        fn with<'a>(&self, elements: &'a [Value]) -> Set<'a> {
            Set { elements, changes: self.changes }
        }
    }

    #[test]
    fn numbers_and_their_words() {
        let own = Fact::Number(3, ICMP_TYPES);
        for (operator, right, expected) in [
            ("==", json!("destination-unreachable"), Yes),
            ("==", json!(3), Yes),
            ("==", json!("echo-request"), No),
            ("!=", json!("echo-request"), Yes),
            ("==", json!({"set": ["echo-request", 3]}), Yes),
            ("==", json!({"set": [{"range": ["source-quench", 12]}]}), No),
            ("==", json!({"set": [{"range": ["destination-unreachable", 12]}]}), Yes),
            ("==", json!({"set": [{"elem": {"val": 3, "timeout": 60}}]}), Yes),
            ("<", json!(4), Yes),
            (">=", json!("source-quench"), No),
            ("==", json!("@nowhere"), Unknown),
            ("==", json!({"set": "@nowhere"}), Unknown),
            ("==", json!("@banned"), Unknown),
            ("==", json!(null), Unknown),
            ("?", json!(3), Unknown),
        ] {
            assert_eq!(check(&own, operator, &right), expected, "{operator} {right}");
        }
        assert_eq!(check(&Fact::Number(58, PROTOCOLS), "==", &json!("icmpv6")), Yes);
    }

    #[test]
    fn addresses_names_words_and_tuples() {
        let own = Fact::Address("10.1.2.3".parse().expect("an address"));
        for (right, expected) in [
            (json!("10.1.2.3"), Yes),
            (json!("10.1.2.4"), No),
            (json!("@trusted"), Yes),
            (json!({"range": ["10.1.2.0", "10.1.2.9"]}), Yes),
            (json!({"range": ["10.1.3.0", "10.1.3.9"]}), No),
            (json!({"prefix": {"addr": "10.1.2.0", "len": 24}}), Yes),
            (json!({"prefix": {"addr": "10.1.2.0", "len": u64::MAX}}), No),
            (json!({"set": []}), No),
            (json!({}), Unknown),
        ] {
            assert_eq!(check(&own, "==", &right), expected, "{right}");
        }
        let name = Fact::Name("eth0");
        assert_eq!(check(&name, "==", &json!({"set": ["lo", "eth*"]})), Yes);
        assert_eq!(check(&name, "!=", &json!("lo")), Yes);
        let word = Fact::Word(&["related"]);
        assert_eq!(check(&word, "in", &json!(["established", "related"])), Yes);
        assert_eq!(check(&word, "in", &json!({"|": ["established", "related"]})), Yes);
        assert_eq!(check(&word, "!", &json!("established")), Yes);
        let pair = Fact::Tuple(vec![name, own]);
        assert_eq!(check(&pair, "==", &json!({"set": [{"concat": ["eth0", "10.1.2.3"]}]})), Yes);
        assert_eq!(check(&pair, "==", &json!({"set": [{"concat": ["eth0"]}]})), Unknown);
    }

    #[test]
    fn what_is_not_there_matches_nothing_and_what_is_unknown_may() {
        for operator in ["==", "!=", "<", "in"] {
            assert_eq!(check(&Fact::Absent, operator, &json!(25)), No, "{operator}");
            assert_eq!(check(&Fact::Unknown, operator, &json!(25)), Unknown, "{operator}");
        }
    }
}
