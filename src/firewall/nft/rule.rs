//! One rule: do its statements match, and what does it do then?

use serde_json::Value;

use super::compare::{Sets, compare, holds};
use super::fact::{Fact, fact};
use crate::firewall::message::ArrivingPtb;
use crate::firewall::truth::Truth;
use crate::firewall::walk::{RuleAction, RuleStep};

/// The elements of a named verdict map.
pub(super) type Maps<'f, 'a> = &'f dyn Fn(&str) -> Option<&'a [Value]>;

/// The steps of a rule; more than one if it chooses its verdict from a map by something unknown.
pub(super) fn steps(
    expression: &[Value],
    arrival: &ArrivingPtb<'_>,
    sets: Sets<'_, '_>,
    maps: Maps<'_, '_>,
    rule: usize,
) -> Vec<RuleStep> {
    let mut truth = Truth::Yes;
    for statement in expression {
        let Some((kind, inside)) = statement.as_object().and_then(|object| object.iter().next()) else {
            truth = truth.and(Truth::Unknown);
            continue;
        };
        if let Some(action) = verdict(kind, inside) {
            return vec![RuleStep { truth, action, rule }];
        }
        if kind == "vmap" {
            return by_map(inside, arrival, maps, truth, rule);
        }
        truth = truth.and(matches(kind, inside, arrival, sets));
        if truth == Truth::No {
            break;
        }
    }
    Vec::new()
}

fn matches(kind: &str, inside: &Value, arrival: &ArrivingPtb<'_>, sets: Sets<'_, '_>) -> Truth {
    match kind {
        "match" => {
            let (Some(left), Some(right)) = (inside.get("left"), inside.get("right")) else { return Truth::Unknown };
            let operator = inside.get("op").and_then(Value::as_str).unwrap_or("==");
            compare(&fact(left, arrival), operator, right, sets)
        }
        // Adding to a set may be tied to a limit.
        "set" | "map" if inside.get("stmt").is_some() => Truth::Unknown,
        // An extension of iptables, of which nft tells the name only.
        "xt" if inside.get("type").and_then(Value::as_str) == Some("target") || name(inside) == "comment" => Truth::Yes,
        "xt" | "limit" | "quota" | "ct count" | "connlimit" | "synproxy" => Truth::Unknown,
        // Counters, logs, marks: they let everything pass.
        _ => Truth::Yes,
    }
}

fn verdict(kind: &str, inside: &Value) -> Option<RuleAction> {
    let target = || inside.get("target").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind {
        "drop" | "reject" => Some(RuleAction::Drop),
        // The program that reads the queue decides, not a rule.
        "accept" | "queue" => Some(RuleAction::Accept),
        "return" => Some(RuleAction::Return),
        "jump" => Some(RuleAction::Jump(target())),
        "goto" => Some(RuleAction::Goto(target())),
        "xt" if matches!(name(inside), "DROP" | "REJECT") => Some(RuleAction::Drop),
        _ => None,
    }
}

fn name(inside: &Value) -> &str {
    inside.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn by_map(inside: &Value, arrival: &ArrivingPtb<'_>, maps: Maps<'_, '_>, truth: Truth, rule: usize) -> Vec<RuleStep> {
    let key = inside.get("key").map_or(Fact::Unknown, |key| fact(key, arrival));
    let data = inside.get("data");
    let elements = match data {
        Some(Value::String(name)) => name.strip_prefix('@').and_then(maps),
        data => data.and_then(|data| data.get("set")).and_then(Value::as_array).map(Vec::as_slice),
    };
    let mut steps = Vec::new();
    // "*" is for whatever no other element names.
    let (mut rest, mut otherwise) = (Truth::Yes, None);
    for element in elements.unwrap_or_default() {
        let Some([value, outcome]) = element.as_array().map(Vec::as_slice) else { continue };
        let outcome = outcome.as_object().and_then(|object| object.iter().next());
        let action = outcome.and_then(|(kind, inside)| verdict(kind, inside));
        if *value == "*" {
            otherwise = action;
            continue;
        }
        let is_it = holds(&key, value, None);
        rest = rest.and(is_it.not());
        steps.extend(action.map(|action| RuleStep { truth: truth.and(is_it), action, rule }));
    }
    let is_other = if key == Fact::Absent { Truth::No } else { rest };
    steps.extend(otherwise.map(|action| RuleStep { truth: truth.and(is_other), action, rule }));
    steps
}
