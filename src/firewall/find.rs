//! Asks every firewall what drops a message, and ranks the answers.

use super::accused::AccusedRule;
use super::iptables::Saved;
use super::message::{ArrivingPtb, Message, Tracking};
use super::nft;
use super::walk::Suspicion;
use crate::model::{Blocker, Blockers, RulesetText};

/// Finds what drops these messages. It is known that something does.
pub fn find(rules: &RulesetText, messages: &[Message<'_>]) -> Blockers {
    let iptables: Vec<Saved<'_>> = rules.iptables.iter().map(Saved::read).collect();
    let nft = nft::Ruleset::read(&rules.nft_json, &rules.nft_text);
    if nft.is_none() && !rules.nft_json.trim().is_empty() && iptables.is_empty() {
        return Blockers::Unreadable("nft prints JSON of a kind that is not known here".into());
    }
    let firewall = Firewall { nft, iptables, orders: orders(rules) };
    let mut found: Vec<Blocker> = Vec::new();
    for message in messages {
        for blocker in firewall.blockers(*message) {
            if !found.contains(&blocker) {
                found.push(blocker);
            }
        }
    }
    if found.is_empty() { Blockers::NoneFound } else { Blockers::Found(found) }
}

/// The states that connection tracking may give a message, the likeliest first. Our probes are tracked unless a rule says no.
fn orders(rules: &RulesetText) -> [Tracking; 3] {
    let is_exempt = |text: &str| text.contains("notrack") || text.contains("NOTRACK");
    if is_exempt(&rules.nft_json) || rules.iptables.iter().any(|saved| is_exempt(&saved.text)) {
        [Tracking::Related, Tracking::Untracked, Tracking::Invalid]
    } else {
        [Tracking::Related, Tracking::Invalid, Tracking::Untracked]
    }
}

struct Firewall<'a> {
    nft: Option<nft::Ruleset>,
    iptables: Vec<Saved<'a>>,
    orders: [Tracking; 3],
}

impl Firewall<'_> {
    fn blockers(&self, message: Message<'_>) -> Vec<Blocker> {
        let mut ranked: Vec<(Rank, Blocker)> = Vec::new();
        for (order, tracking) in self.orders.into_iter().enumerate() {
            for accused in self.accused(&ArrivingPtb { message, tracking }) {
                ranked.push((Rank::of(order, accused.suspicion), accused.blocker));
            }
        }
        let Some(best) = ranked.iter().map(|(rank, _)| *rank).min() else { return Vec::new() };
        let best_ones = ranked.into_iter().filter(|(rank, _)| *rank == best).map(|(_, blocker)| blocker);
        best_ones.map(|blocker| Blocker { is_certain: best.is_certain(), ..blocker }).collect()
    }

    fn accused(&self, arrival: &ArrivingPtb<'_>) -> Vec<AccusedRule> {
        let nft = self.nft.iter().flat_map(|nft| nft.accused(arrival, &self.iptables));
        let iptables = self.iptables.iter().flat_map(|saved| saved.accused(arrival));
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
