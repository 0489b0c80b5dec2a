//! Asks every firewall what drops a message, and ranks the answers.

use super::accused::AccusedRule;
use super::message::{ArrivingPtb, Message, Tracking};
use super::rules::Rules;
use super::steps::Steps;
use super::walk::Suspicion;
use crate::model::{Blocker, Blockers, RulesetText};

/// Finds what drops these messages, in rules that are read for this one question.
pub fn find(rules: &RulesetText, messages: &[Message<'_>]) -> Blockers {
    match Rules::read(rules.clone()) {
        Ok(rules) => rules.blockers(messages),
        Err(error) => Blockers::Unreadable(error.to_string()),
    }
}

impl Rules {
    /// Finds what drops these messages. It is known that something does.
    pub fn blockers(&self, messages: &[Message<'_>]) -> Blockers {
        let found = self.within_steps(|steps| {
            let mut found: Vec<Blocker> = Vec::new();
            for message in messages {
                for blocker in self.blockers_of(*message, steps) {
                    if !found.contains(&blocker) {
                        found.push(blocker);
                    }
                }
            }
            found
        });
        match found {
            Err(error) => Blockers::Unreadable(error.to_string()),
            Ok(found) if found.is_empty() => Blockers::NoneFound,
            Ok(found) => Blockers::Found(found),
        }
    }

    fn blockers_of(&self, message: Message<'_>, steps: &Steps) -> Vec<Blocker> {
        let mut ranked: Vec<(Rank, Blocker)> = Vec::new();
        for (order, tracking) in self.orders().into_iter().enumerate() {
            for accused in self.accused(&ArrivingPtb { message, tracking }, steps) {
                ranked.push((Rank::of(order, accused.suspicion), accused.blocker));
            }
        }
        let Some(best) = ranked.iter().map(|(rank, _)| *rank).min() else { return Vec::new() };
        let best_ones = ranked.into_iter().filter(|(rank, _)| *rank == best).map(|(_, blocker)| blocker);
        best_ones.map(|blocker| Blocker { is_certain: best.is_certain(), ..blocker }).collect()
    }

    /// The states that connection tracking may give a message, the likeliest first. Our probes are tracked unless a rule says no.
    fn orders(&self) -> [Tracking; 3] {
        if self.exempts_from_tracking {
            [Tracking::Related, Tracking::Untracked, Tracking::Invalid]
        } else {
            [Tracking::Related, Tracking::Invalid, Tracking::Untracked]
        }
    }

    fn accused(&self, arrival: &ArrivingPtb<'_>, steps: &Steps) -> Vec<AccusedRule> {
        let nft = self.nft.iter().flat_map(|nft| nft.accused(arrival, &self.iptables, steps));
        let iptables = self.iptables.iter().flat_map(|saved| saved.accused(arrival, steps));
        nft.chain(iptables).collect()
    }
}

/// The order of accusations: first what needs no assumption, then what only has to be reached, then what needs another
/// state of connection tracking, last what has to match something unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(bool, usize, Suspicion);

impl Rank {
    fn of(order: usize, suspicion: Suspicion) -> Self {
        Self(suspicion == Suspicion::IfMatching, order, suspicion)
    }

    fn is_certain(self) -> bool {
        self == Self(false, 0, Suspicion::Sure)
    }
}

#[cfg(test)]
mod tests;
