//! Facts against the right side of a match: values, ranges, sets.

use std::cell::RefCell;

use super::fact::Fact;
use super::term::{Term, Values};
use crate::firewall::message::is_in;
use crate::firewall::steps::Steps;
use crate::firewall::truth::Truth;

/// What a named set holds. `changes`: it may hold more, since rules add to it, its elements time out, or they were not listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set<'a> {
    pub(super) elements: &'a Term,
    pub(super) changes: bool,
}

/// The named sets of a rule's table, for the questions of one packet.
pub(super) struct Sets<'f, 'a> {
    find: &'f dyn Fn(&str) -> Option<Set<'a>>,
    pub(super) steps: &'f Steps,
    /// Many rules ask the same of one set.
    answers: RefCell<Vec<Answer<'a>>>,
}

struct Answer<'a> {
    set: &'a Term,
    fact: Fact<'a>,
    truth: Truth,
}

/// Answers kept: as many as there may be sets that rules of one table look at, and more than there are.
const ANSWERS: usize = 64;

impl<'f, 'a> Sets<'f, 'a> {
    pub(super) fn new(find: &'f dyn Fn(&str) -> Option<Set<'a>>, steps: &'f Steps) -> Self {
        Self { find, steps, answers: RefCell::default() }
    }

    pub(super) fn find(&self, name: &str) -> Option<Set<'a>> {
        (self.find)(name)
    }

    fn named(&self, fact: &Fact<'a>, name: &str) -> Truth {
        let Some(set) = self.find(name) else { return Truth::Unknown };
        match self.answer(fact, set.elements) {
            Truth::No if set.changes => Truth::Unknown,
            truth => truth,
        }
    }

    /// Elements of a named set name no other.
    fn answer(&self, fact: &Fact<'a>, set: &'a Term) -> Truth {
        let mut answers = self.answers.borrow_mut();
        let before = answers.iter().find(|answer| std::ptr::eq(answer.set, set) && answer.fact == *fact);
        if let Some(answer) = before {
            return answer.truth;
        }
        let truth = holds(fact, set, None, self.steps);
        if answers.len() < ANSWERS {
            answers.push(Answer { set, fact: fact.clone(), truth });
        }
        truth
    }
}

/// Whether the match holds.
pub(super) fn compare<'a>(fact: &Fact<'a>, operator: &str, right: &Term, sets: &Sets<'_, 'a>) -> Truth {
    let holds = || holds(fact, right, Some(sets), sets.steps);
    match (fact, operator) {
        (Fact::Absent, _) => Truth::No,
        (_, "==" | "in") => holds(),
        (Fact::Tuple(parts), "!=") if parts.contains(&Fact::Absent) => Truth::No,
        (_, "!=" | "!") => holds().not(),
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

/// Whether the fact is the value, or one of the values. Only a match looks for named sets. Where the steps end, nothing is known.
pub(super) fn holds<'a>(fact: &Fact<'a>, value: &Term, sets: Option<&Sets<'_, 'a>>, steps: &Steps) -> Truth {
    if !steps.take() {
        return Truth::Unknown;
    }
    match (fact, value) {
        (Fact::Absent, _) | (Fact::Word(_) | Fact::Number(..), Term::Address(_)) => Truth::No,
        (_, Term::Word(name)) if name.starts_with('@') => {
            sets.map_or(Truth::Unknown, |sets| sets.named(fact, &name[1..]))
        }
        (_, Term::List(values)) => any(fact, values, sets, steps),
        (_, Term::Values(values)) => among(fact, values, sets, steps),
        (_, Term::Object(_)) => match value.entry() {
            Some((kind, inside)) => structure(fact, kind, inside, sets, steps),
            None => Truth::Unknown,
        },
        (Fact::Name(name), Term::Word(pattern)) => is_name(name, pattern).into(),
        (Fact::Name(name), Term::Address(address)) => (name.parse() == Ok(*address)).into(),
        (Fact::Word(words), Term::Word(word)) => words.contains(&&**word).into(),
        (Fact::Number(own, names), Term::Word(_) | Term::Number(_)) => match number(value, names) {
            Some(number) => (*own == number).into(),
            // The words for the message's own numbers are all known.
            None => Truth::No,
        },
        (Fact::Address(own), Term::Address(other)) => (own == other).into(),
        _ => Truth::Unknown,
    }
}

/// Whether one of them is it: no further than to the first.
fn any<'a>(fact: &Fact<'a>, values: &[Term], sets: Option<&Sets<'_, 'a>>, steps: &Steps) -> Truth {
    let mut any = Truth::No;
    for value in values {
        any = any.or(holds(fact, value, sets, steps));
        if any == Truth::Yes || steps.are_used_up() {
            break;
        }
    }
    any
}

/// The same of many values. nft gives a set one type, so a fact is not compared with values of another.
fn among<'a>(fact: &Fact<'a>, values: &Values, sets: Option<&Sets<'_, 'a>>, steps: &Steps) -> Truth {
    let (is_there, is_comparable) = match fact {
        Fact::Address(own) => (values.holds_address(*own), !values.has_numbers() && !values.has_words()),
        Fact::Number(own, names) => {
            let is_named = names.iter().any(|(name, number)| number == own && values.holds_word(name));
            (values.holds_number(*own) || is_named, !values.has_addresses())
        }
        Fact::Name(own) => {
            let is_address = own.parse().is_ok_and(|address| values.names_address(address));
            (values.holds_word(own) || is_address, !values.has_numbers())
        }
        Fact::Word(own) => (own.iter().any(|word| values.holds_word(word)), !values.has_numbers()),
        Fact::Absent => return Truth::No,
        Fact::Unknown | Fact::Tuple(_) => (false, false),
    };
    match (is_there, is_comparable) {
        (true, _) => Truth::Yes,
        (false, false) => any(fact, values.rest(), sets, steps).or(Truth::Unknown),
        (false, true) => any(fact, values.rest(), sets, steps),
    }
}

fn structure<'a>(fact: &Fact<'a>, kind: &str, inside: &Term, sets: Option<&Sets<'_, 'a>>, steps: &Steps) -> Truth {
    match (kind, inside) {
        ("set" | "|", values) => holds(fact, values, sets, steps),
        ("range", Term::List(ends)) => range(fact, ends),
        ("prefix", prefix) => network(fact, prefix),
        ("concat", Term::List(values)) => match fact {
            Fact::Tuple(parts) if parts.len() == values.len() => all(parts, values, sets, steps),
            _ => Truth::Unknown,
        },
        _ => Truth::Unknown,
    }
}

/// Whether each part is what the element has in its place: no further than to the first that is not.
fn all<'a>(parts: &[Fact<'a>], values: &[Term], sets: Option<&Sets<'_, 'a>>, steps: &Steps) -> Truth {
    let mut all = Truth::Yes;
    for (part, value) in parts.iter().zip(values) {
        all = all.and(holds(part, value, sets, steps));
        if all == Truth::No {
            break;
        }
    }
    all
}

fn range(fact: &Fact<'_>, ends: &[Term]) -> Truth {
    let [first, last] = ends else { return Truth::Unknown };
    match fact {
        Fact::Number(own, names) => match (number(first, names), number(last, names)) {
            (Some(first), Some(last)) => (first..=last).contains(own).into(),
            _ => Truth::Unknown,
        },
        Fact::Address(own) => match (first, last) {
            (Term::Address(first), Term::Address(last)) => (first..=last).contains(&own).into(),
            _ => Truth::Unknown,
        },
        _ => Truth::Unknown,
    }
}

fn network(fact: &Fact<'_>, prefix: &Term) -> Truth {
    let Fact::Address(own) = fact else { return Truth::Unknown };
    match (prefix.get("addr"), prefix.get("len")) {
        (Some(Term::Address(network)), Some(Term::Number(length))) => {
            is_in(*own, *network, u32::try_from(*length).unwrap_or(u32::MAX)).into()
        }
        _ => Truth::Unknown,
    }
}

fn is_name(name: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start))
}

fn number(value: &Term, names: &[(&str, u64)]) -> Option<u64> {
    match value {
        Term::Number(number) => Some(*number),
        Term::Word(word) => names.iter().find(|(name, _)| **name == **word).map(|(_, number)| *number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::json as nft_json;
    use super::super::names::{ICMP_TYPES, PROTOCOLS};
    use super::*;
    use Truth::{No, Unknown, Yes};

    fn term(value: &Value) -> Term {
        let mut found = Term::Nothing;
        let json = json!({"nftables": [{"rule": value}]}).to_string();
        nft_json::read(&json, u64::MAX, &mut |_, inside| found = inside).expect("what nft prints");
        found
    }

    /// In a short list and in a long one, which is kept otherwise.
    fn check(fact: &Fact<'_>, operator: &str, right: &Value) -> Truth {
        let truth = check_one(fact, operator, right);
        if let Some(values) = right.get("set").and_then(Value::as_array).filter(|values| !values.is_empty()) {
            let many: Vec<Value> = values.iter().cycle().take(40 * values.len()).cloned().collect();
            assert_eq!(check_one(fact, operator, &json!({"set": many})), truth, "{operator} {right} forty times");
        }
        truth
    }

    fn check_one(fact: &Fact<'_>, operator: &str, right: &Value) -> Truth {
        let elements = term(&json!([{"prefix": {"addr": "10.0.0.0", "len": 8}}, "@trusted"]));
        let none = term(&json!([]));
        let find = |name: &str| match name {
            "trusted" => Some(Set { elements: &elements, changes: false }),
            "banned" => Some(Set { elements: &none, changes: true }),
            _ => None,
        };
        let steps = Steps::new(1000);
        compare(fact, operator, &term(right), &Sets::new(&find, &steps))
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
