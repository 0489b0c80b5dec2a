//! The way of one message through the rules of a chain, when some matches are unknown.
//!
//! Every unknown match splits the world in two; the walk follows all worlds at once and keeps what may happen in any.

use super::steps::Steps;
use super::truth::Truth;

/// A chain of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChainId(pub(super) u32);

impl ChainId {
    /// A chain that is not there.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// What a rule does with a message that it matches, if that ends the walk through its chain or leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleAction {
    Accept,
    Drop,
    Return,
    Jump(ChainId),
    Goto(ChainId),
}

/// A rule, with the answer whether it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleStep {
    pub(super) truth: Truth,
    pub(super) action: RuleAction,
    /// Which rule, for whoever made the steps.
    pub(super) rule: usize,
}

/// The chains of one table, by their number.
#[derive(Debug, Default)]
pub(super) struct Chains(Vec<Vec<RuleStep>>);

impl Chains {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![Vec::new(); count])
    }

    /// Adds a step to the end of a chain. One that never matches is no step.
    pub(super) fn add(&mut self, chain: ChainId, step: RuleStep) {
        if let Some(steps) = self.0.get_mut(chain.0 as usize)
            && step.truth != Truth::No
        {
            steps.push(step);
        }
    }

    fn get(&self, chain: ChainId) -> Option<&[RuleStep]> {
        self.0.get(chain.0 as usize).map(Vec::as_slice)
    }
}

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

/// The most likely culprit of a base chain, if the message may be dropped in it at all. It means nothing if the steps are used up.
pub(super) fn suspect(
    chains: &Chains,
    base: ChainId,
    policy_drops: bool,
    steps: &Steps,
) -> Option<(Culprit, Suspicion)> {
    let mut walk = ChainWalk { chains, steps, visits: vec![Visit::None; chains.0.len()], suspect: None };
    let way = walk.chain(base, 0, true);
    if policy_drops && way.falls {
        let suspicion = if way.is_lost { Suspicion::IfReached } else { Suspicion::Sure };
        walk.accuse(Culprit::Policy { at_end: !way.is_gone }, suspicion);
    }
    walk.suspect
}

/// The kernel refuses jumps deeper than 16 (`NFT_JUMP_STACK_SIZE`), and knows no limit for the tables of iptables' older kind.
const DEEPEST: u32 = 1000;

struct ChainWalk<'a> {
    chains: &'a Chains,
    steps: &'a Steps,
    visits: Vec<Visit>,
    /// The first of the strongest.
    suspect: Option<(Culprit, Suspicion)>,
}

/// What is known of a chain: jumps to jumps can lead a million times to one that always ends in the same way.
#[derive(Clone, Copy, Debug)]
enum Visit {
    None,
    /// The walk is inside.
    Open,
    /// `was_sure`: it accuses no rule more strongly the next time.
    Done {
        way: Way,
        was_sure: bool,
    },
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

impl Way {
    /// Anything may happen.
    const UNKNOWN: Self = Self { falls: true, is_lost: true, is_gone: false };
}

impl ChainWalk<'_> {
    fn accuse(&mut self, culprit: Culprit, suspicion: Suspicion) {
        if self.suspect.is_none_or(|(_, strongest)| suspicion < strongest) {
            self.suspect = Some((culprit, suspicion));
        }
    }

    fn chain(&mut self, id: ChainId, depth: u32, is_sure: bool) -> Way {
        let chains = self.chains;
        let Some(steps) = chains.get(id) else { return Way::UNKNOWN };
        match self.visits[id.0 as usize] {
            Visit::Done { way, was_sure } if was_sure || !is_sure => return way,
            // A loop.
            Visit::Open => return Way::UNKNOWN,
            _ if depth >= DEEPEST => return self.steps.use_up(Way::UNKNOWN),
            _ => self.visits[id.0 as usize] = Visit::Open,
        }
        let way = self.through(steps, depth, is_sure);
        self.visits[id.0 as usize] = Visit::Done { way, was_sure: is_sure };
        way
    }

    fn through(&mut self, steps: &[RuleStep], depth: u32, is_sure: bool) -> Way {
        let mut way = Way::default();
        for step in steps {
            if !self.steps.take() {
                return Way::UNKNOWN;
            }
            if self.step(step, depth, is_sure, &mut way) {
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
        match step.action {
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
                self.accuse(Culprit::Rule(step.rule), suspicion);
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
            action: *action,
            rule: rule + 1,
        };
        steps.iter().enumerate().map(number).collect()
    }

    const INPUT: ChainId = ChainId(0);

    fn chains(all: Vec<Vec<RuleStep>>) -> Chains {
        let mut chains = Chains::new(all.len());
        for (chain, steps) in (0..).zip(all) {
            for step in steps {
                chains.add(ChainId(chain), step);
            }
        }
        chains
    }

    fn of(
        input: &[(Truth, RuleAction)],
        inner: &[(Truth, RuleAction)],
        policy_drops: bool,
    ) -> Option<(Culprit, Suspicion)> {
        let inner =
            inner.iter().map(|(truth, action)| RuleStep { truth: *truth, action: *action, rule: 100 }).collect();
        let chains = chains(vec![steps(input), inner]);
        suspect(&chains, INPUT, policy_drops, &Steps::new(1000))
    }

    fn jump() -> RuleAction {
        RuleAction::Jump(ChainId(1))
    }

    fn goto() -> RuleAction {
        RuleAction::Goto(ChainId(1))
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
        let own = RuleAction::Jump(INPUT);
        assert_eq!(of(&[(Yes, own), (Yes, own)], &[], false), None);
        let nowhere = (Yes, RuleAction::Jump(ChainId::NONE));
        assert_eq!(of(&[nowhere], &[], true), Some((AT_END, Suspicion::IfReached)));
    }

    /// Sixteen levels of sixty jumps: as many ways as there are grains of sand, but 60 chains a level.
    #[test]
    fn a_tree_of_jumps_is_walked_once() {
        let jumps = |level: u32| (0..60).map(|one| (Unknown, RuleAction::Jump(ChainId(level + 1 + one % 2)))).collect();
        let mut all: Vec<Vec<(Truth, RuleAction)>> = (0..15).map(jumps).collect();
        all.extend([vec![(Yes, RuleAction::Drop)], vec![(Yes, RuleAction::Drop)]]);
        let allowed = Steps::new(2000);
        let chains = chains(all.iter().map(|one| steps(one)).collect());
        assert!(suspect(&chains, INPUT, false, &allowed).is_some() && !allowed.are_used_up());
    }

    /// What is found on a way that only may be taken is accused again on the way that is.
    #[test]
    fn a_chain_that_is_come_to_twice_is_accused_as_strongly_as_it_must_be() {
        let input = [(Unknown, RuleAction::Jump(ChainId(1))), (Yes, RuleAction::Jump(ChainId(1)))];
        assert_eq!(of(&input, &[(Unknown, RuleAction::Drop)], false), Some((INNER, Suspicion::IfMatching)));
        // The first jump may lose some.
        let early = [(Unknown, RuleAction::Jump(ChainId(2))), (Yes, RuleAction::Jump(ChainId(1)))];
        assert_eq!(of(&early, &[(Yes, RuleAction::Drop)], false), Some((INNER, Suspicion::IfReached)));
        let through = vec![steps(&[(Unknown, RuleAction::Jump(ChainId(1))), (Yes, RuleAction::Goto(ChainId(2)))])];
        let inner = vec![steps(&[(No, RuleAction::Drop)]), steps(&[(Yes, RuleAction::Drop)])];
        let chains = chains(through.into_iter().chain(inner).collect());
        let found = suspect(&chains, INPUT, false, &Steps::new(100));
        assert_eq!(found, Some((Culprit::Rule(1), Suspicion::Sure)));
    }

    #[test]
    fn where_the_steps_end_the_walk_ends() {
        let steps_left = Steps::new(3);
        let chains = chains(vec![steps(&[(Unknown, RuleAction::Accept); 10])]);
        suspect(&chains, INPUT, true, &steps_left);
        assert!(steps_left.are_used_up());
    }
}
