//! One rule: do its statements match, and what does it do then?

use super::compare::{Sets, compare, holds};
use super::fact::{Fact, fact};
use super::term::Term;
use crate::firewall::message::ArrivingPtb;
use crate::firewall::truth::Truth;
use crate::firewall::walk::{ChainId, RuleAction, RuleStep};

/// What the rules of a table name: sets, which verdict maps are as well, and chains.
pub(super) struct Names<'f, 'a> {
    pub(super) sets: Sets<'f, 'a>,
    pub(super) chains: &'f dyn Fn(&str) -> ChainId,
}

/// The steps of a rule; more than one if it chooses its verdict from a map by something unknown.
pub(super) fn steps<'a>(
    expression: &[Term],
    arrival: &ArrivingPtb<'a>,
    names: &Names<'_, 'a>,
    rule: usize,
) -> Vec<RuleStep> {
    let mut truth = Truth::Yes;
    for statement in expression {
        let Some((kind, inside)) = statement.entry() else {
            truth = truth.and(Truth::Unknown);
            continue;
        };
        if let Some(action) = verdict(kind, inside, names) {
            return vec![RuleStep { truth, action, rule }];
        }
        if kind == "vmap" {
            return by_map(inside, arrival, names, truth, rule);
        }
        truth = truth.and(matches(kind, inside, arrival, names));
        if truth == Truth::No {
            break;
        }
    }
    Vec::new()
}

fn matches<'a>(kind: &str, inside: &Term, arrival: &ArrivingPtb<'a>, names: &Names<'_, 'a>) -> Truth {
    match kind {
        "match" => {
            let (Some(left), Some(right)) = (inside.get("left"), inside.get("right")) else { return Truth::Unknown };
            let operator = inside.get("op").and_then(Term::as_str).unwrap_or("==");
            compare(&fact(left, arrival), operator, right, &names.sets)
        }
        // Adding to a set may be tied to a limit.
        "set" | "map" if inside.get("stmt").is_some() => Truth::Unknown,
        // An extension of iptables, of which nft tells the name only.
        "xt" if inside.text("type") == "target" || inside.text("name") == "comment" => Truth::Yes,
        "xt" | "limit" | "quota" | "ct count" | "connlimit" | "synproxy" => Truth::Unknown,
        // Counters, logs, marks: they let everything pass.
        _ => Truth::Yes,
    }
}

fn verdict(kind: &str, inside: &Term, names: &Names<'_, '_>) -> Option<RuleAction> {
    let target = || (names.chains)(inside.text("target"));
    match kind {
        "drop" | "reject" => Some(RuleAction::Drop),
        // The program that reads the queue decides, not a rule.
        "accept" | "queue" => Some(RuleAction::Accept),
        "return" => Some(RuleAction::Return),
        "jump" => Some(RuleAction::Jump(target())),
        "goto" => Some(RuleAction::Goto(target())),
        "xt" if matches!(inside.text("name"), "DROP" | "REJECT") => Some(RuleAction::Drop),
        _ => None,
    }
}

fn by_map<'a>(
    inside: &Term,
    arrival: &ArrivingPtb<'a>,
    names: &Names<'_, 'a>,
    truth: Truth,
    rule: usize,
) -> Vec<RuleStep> {
    let key = inside.get("key").map_or(Fact::Unknown, |key| fact(key, arrival));
    let (elements, may_hold_more) = match inside.get("data") {
        Some(Term::Word(name)) => match name.strip_prefix('@').and_then(|name| names.sets.find(name)) {
            Some(map) => (Some(map.elements), map.changes),
            None => (None, true),
        },
        data => (data.and_then(|data| data.get("set")), false),
    };
    let mut steps = Vec::new();
    // What may happen by one element need not be told of another.
    let mut add = |truth, action| {
        let step = RuleStep { truth, action, rule };
        if truth != Truth::No && !steps.contains(&step) {
            steps.push(step);
        }
    };
    // "*" is for whatever no other element names.
    let (mut rest, mut otherwise) = (Truth::Yes, None);
    for element in elements.and_then(Term::as_list).unwrap_or_default() {
        let Some([value, outcome]) = element.as_list() else { continue };
        let action = outcome.entry().and_then(|(kind, inside)| verdict(kind, inside, names));
        if value.as_str() == Some("*") {
            otherwise = action;
            continue;
        }
        let is_it = holds(&key, value, None, names.sets.steps);
        rest = rest.and(is_it.not());
        if let Some(action) = action {
            add(truth.and(is_it), action);
        }
        if names.sets.steps.are_used_up() {
            break;
        }
    }
    let is_other = if key == Fact::Absent { Truth::No } else { rest };
    if may_hold_more {
        let may_be = truth.and(is_other).and(Truth::Unknown);
        add(may_be, RuleAction::Drop);
        add(may_be, RuleAction::Accept);
    }
    if let Some(action) = otherwise {
        add(truth.and(is_other), action);
    }
    steps
}
