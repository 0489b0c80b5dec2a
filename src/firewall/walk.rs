//! The way of one message through the rules of a chain, when some matches are unknown.
//!
//! Every unknown match splits the world in two; the walk follows all worlds at once and keeps what may happen in any.

use std::collections::BTreeMap;

use super::truth::Truth;

/// What a rule does with a message that it matches, if that ends the walk through its chain or leads elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RuleAction {
    Accept,
    Drop,
    Return,
    Jump(String),
    Goto(String),
}

/// A rule, with the answer whether it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleStep {
    pub(super) truth: Truth,
    pub(super) action: RuleAction,
    /// Which rule, for whoever made the steps.
    pub(super) rule: usize,
}

/// The chains of one table.
pub(super) type Chains = BTreeMap<String, Vec<RuleStep>>;

/// What drops the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Culprit {
    Rule(usize),
    /// The policy of the base chain. `at_end`: whoever comes to it comes past the last rule.
    Policy {
        at_end: bool,
    },
}

/// How strong the suspicion is, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Suspicion {
    /// It drops the message.
    Sure,
    /// It does if the message comes that far.
    IfReached,
    /// It does if what is not known here is so.
    IfMatching,
}

/// The most likely culprit of a base chain, if the message may be dropped in it at all.
pub(super) fn suspect(chains: &Chains, base: &str, policy_drops: bool) -> Option<(Culprit, Suspicion)> {
    let mut walk = ChainWalk { chains, budget: BUDGET, suspects: Vec::new() };
    let way = walk.chain(base, 0, true);
    if policy_drops && way.falls {
        let suspicion = if way.is_lost { Suspicion::IfReached } else { Suspicion::Sure };
        walk.suspects.push((Culprit::Policy { at_end: !way.is_gone }, suspicion));
    }
    // The first of the strongest.
    walk.suspects.into_iter().min_by_key(|(_, suspicion)| *suspicion)
}

/// The kernel refuses deeper jumps (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: u32 = 16;
/// Rules looked at; jumps to jumps can make a few rules into millions.
const BUDGET: u32 = 200_000;

struct ChainWalk<'a> {
    chains: &'a Chains,
    budget: u32,
    suspects: Vec<(Culprit, Suspicion)>,
}

/// How the worlds that entered a chain leave it.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// Some come back to where it was called.
    falls: bool,
    /// Some end in it, accepted or dropped.
    is_lost: bool,
    /// Some come back from before its end.
    is_gone: bool,
}

impl ChainWalk<'_> {
    fn chain(&mut self, name: &str, depth: u32, is_sure: bool) -> Way {
        let chains = self.chains;
        let (Some(steps), true) = (chains.get(name), depth < DEEPEST) else {
            // A chain that is not there, or a loop: anything may happen.
            return Way { falls: true, is_lost: true, is_gone: false };
        };
        let mut way = Way::default();
        for step in steps {
            if self.budget == 0 {
                return Way { falls: true, is_lost: true, is_gone: true };
            }
            self.budget -= 1;
            if step.truth != Truth::No && self.step(step, depth, is_sure, &mut way) {
                way.falls = way.is_gone;
                return way;
            }
        }
        way.falls = true;
        way
    }

    /// Whether no world goes on to the next rule.
    fn step(&mut self, step: &RuleStep, depth: u32, is_sure: bool, way: &mut Way) -> bool {
        let matches = step.truth == Truth::Yes;
        let is_sure = is_sure && matches && !way.is_lost && !way.is_gone;
        match &step.action {
            RuleAction::Accept => {
                way.is_lost = true;
                matches
            }
            RuleAction::Drop => {
                let suspicion = match (is_sure, matches) {
                    (true, _) => Suspicion::Sure,
                    (_, true) => Suspicion::IfReached,
                    _ => Suspicion::IfMatching,
                };
                self.suspects.push((Culprit::Rule(step.rule), suspicion));
                way.is_lost = true;
                matches
            }
            RuleAction::Return => {
                way.is_gone = true;
                matches
            }
            RuleAction::Jump(target) => {
                let inner = self.chain(target, depth + 1, is_sure);
                way.is_lost |= inner.is_lost;
                matches && !inner.falls
            }
            RuleAction::Goto(target) => {
                let inner = self.chain(target, depth + 1, is_sure);
                way.is_lost |= inner.is_lost;
                way.is_gone |= inner.falls;
                matches
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{No, Unknown, Yes};
    use super::*;

    fn steps(steps: &[(Truth, RuleAction)]) -> Vec<RuleStep> {
        let number = |(rule, (truth, action)): (usize, &(Truth, RuleAction))| RuleStep {
            truth: *truth,
            action: action.clone(),
            rule: rule + 1,
        };
        steps.iter().enumerate().map(number).collect()
    }

    fn of(
        input: &[(Truth, RuleAction)],
        inner: &[(Truth, RuleAction)],
        policy_drops: bool,
    ) -> Option<(Culprit, Suspicion)> {
        let inner = inner.iter().cloned().map(|(truth, action)| RuleStep { truth, action, rule: 100 }).collect();
        let chains = Chains::from([("input".into(), steps(input)), ("inner".into(), inner)]);
        suspect(&chains, "input", policy_drops)
    }

    fn jump() -> RuleAction {
        RuleAction::Jump("inner".into())
    }

    fn goto() -> RuleAction {
        RuleAction::Goto("inner".into())
    }

    const AT_END: Culprit = Culprit::Policy { at_end: true };
    const BEFORE_END: Culprit = Culprit::Policy { at_end: false };
    const INNER: Culprit = Culprit::Rule(100);

    #[test]
    fn a_chain_is_read_from_the_top() {
        use RuleAction::{Accept, Drop, Return};
        use Suspicion::{IfMatching, IfReached, Sure};
        for (input, policy_drops, expected) in [
            (vec![], false, None),
            (vec![], true, Some((AT_END, Sure))),
            (vec![(No, Drop), (Yes, Accept), (Yes, Drop)], true, None),
            (vec![(No, Accept), (Yes, Drop)], false, Some((Culprit::Rule(2), Sure))),
            (vec![(Unknown, Accept)], true, Some((AT_END, IfReached))),
            (vec![(Unknown, Accept), (Yes, Drop)], true, Some((Culprit::Rule(2), IfReached))),
            (vec![(Unknown, Drop)], false, Some((Culprit::Rule(1), IfMatching))),
            (vec![(Unknown, Drop)], true, Some((AT_END, IfReached))),
            (vec![(Unknown, Drop), (Yes, Accept)], true, Some((Culprit::Rule(1), IfMatching))),
            (vec![(Yes, Return), (Yes, Accept)], true, Some((BEFORE_END, Sure))),
            (vec![(Unknown, Return), (Yes, Accept)], true, Some((BEFORE_END, IfReached))),
        ] {
            assert_eq!(of(&input, &[], policy_drops), expected, "{input:?}");
        }
    }

    #[test]
    fn jumps_come_back_and_gotos_do_not() {
        use RuleAction::{Accept, Drop, Return};
        use Suspicion::{IfReached, Sure};
        for (input, inner, policy_drops, expected) in [
            (vec![(Yes, jump())], vec![(Yes, Drop)], false, Some((INNER, Sure))),
            (vec![(Unknown, jump())], vec![(Yes, Drop)], false, Some((INNER, IfReached))),
            (vec![(No, jump())], vec![(Yes, Drop)], false, None),
            (
                vec![(Yes, jump()), (Yes, Drop)],
                vec![(Yes, Return), (Yes, Accept)],
                false,
                Some((Culprit::Rule(2), Sure)),
            ),
            (vec![(Yes, jump()), (Yes, Drop)], vec![(Unknown, Return)], false, Some((Culprit::Rule(2), Sure))),
            (vec![(Yes, jump()), (Yes, Drop)], vec![(Yes, Accept)], true, None),
            (vec![(Unknown, jump()), (Yes, Drop)], vec![(Yes, Return)], false, Some((Culprit::Rule(2), Sure))),
            (vec![(Yes, goto()), (Yes, Accept)], vec![], true, Some((BEFORE_END, Sure))),
            (vec![(Yes, goto()), (Yes, Drop)], vec![(Yes, Accept)], true, None),
            (vec![(Unknown, goto()), (Yes, Accept)], vec![], true, Some((BEFORE_END, IfReached))),
        ] {
            assert_eq!(of(&input, &inner, policy_drops), expected, "{input:?} {inner:?}");
        }
    }

    #[test]
    fn loops_and_missing_chains_end() {
        let own = RuleAction::Jump("input".into());
        assert_eq!(of(&[(Yes, own.clone()), (Yes, own)], &[], false), None);
        let nowhere = (Yes, RuleAction::Jump("nowhere".into()));
        assert_eq!(of(&[nowhere], &[], true), Some((AT_END, Suspicion::IfReached)));
    }

    #[test]
    fn a_tree_of_jumps_costs_little() {
        let mut chains = Chains::new();
        for level in 0..15 {
            let next = RuleAction::Jump(format!("c{}", level + 1));
            chains.insert(format!("c{level}"), steps(&vec![(Unknown, next); 20]));
        }
        chains.insert("c15".into(), steps(&[(Yes, RuleAction::Drop)]));
        assert!(suspect(&chains, "c0", false).is_some());
    }
}
