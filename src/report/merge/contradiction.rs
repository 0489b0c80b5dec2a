//! Vantages that disagree about an address: clear here, a black hole there. Then the fault lies where their paths differ.

use std::collections::HashMap;
use std::net::IpAddr;

use super::collection::{Collection, Outcome};
use crate::report::rows::{Fate, Named};

/// Addresses about which the same vantages say the same different things.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contradiction {
    /// A vantage and the row of what it says, both by number.
    pub(super) said: Vec<(u32, u32)>,
    pub(super) addresses: u64,
    pub(super) examples: Vec<Named>,
}

/// Examples that are named.
const EXAMPLES: usize = 3;

/// Results are in the order of endpoints.
pub(super) fn contradictions(collection: &Collection) -> Vec<Contradiction> {
    let mut groups: Vec<Contradiction> = Vec::new();
    let mut numbers: HashMap<Vec<(u32, u32)>, usize> = HashMap::new();
    let of_one = |one: &Outcome, next: &Outcome| one.endpoint() == next.endpoint();
    for of_endpoint in collection.results.chunk_by(of_one).filter(|results| results.len() > 1) {
        for is_back in [false, true] {
            let said = latest(of_endpoint.iter().filter(|result| result.is_back() == is_back));
            let Some(endpoint) = of_endpoint.first().map(Outcome::endpoint) else { continue };
            if !is_contradiction(&said, collection) || is_of_a_link(endpoint.ip()) {
                continue;
            }
            let next = groups.len();
            let number = *numbers.entry(said.clone()).or_insert(next);
            if number == next {
                groups.push(Contradiction { said, addresses: 0, examples: Vec::new() });
            }
            let group = &mut groups[number];
            group.addresses += 1;
            if group.examples.len() < EXAMPLES {
                let name = collection.names.get(&endpoint).cloned();
                let host = name.unwrap_or_else(|| endpoint.ip().to_string().into_boxed_str());
                group.examples.push(Named { host, address: Some(endpoint.ip()), port: endpoint.port });
            }
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.addresses));
    groups
}

/// Of each vantage, the row of its latest result.
fn latest<'a>(results: impl Iterator<Item = &'a Outcome>) -> Vec<(u32, u32)> {
    let mut said: Vec<(u32, u32, u32)> = Vec::new();
    for result in results {
        match said.iter_mut().find(|(vantage, ..)| *vantage == result.vantage()) {
            Some(known) if known.2 <= result.started => *known = (result.vantage(), result.row, result.started),
            Some(_) => {}
            None => said.push((result.vantage(), result.row, result.started)),
        }
    }
    said.sort_unstable();
    said.into_iter().map(|(vantage, row, _)| (vantage, row)).collect()
}

fn is_contradiction(said: &[(u32, u32)], collection: &Collection) -> bool {
    let fates = said.iter().map(|(_, row)| collection.rows[*row as usize].key.what.fate());
    let mut known = fates.filter(|fate| *fate != Fate::Unknown);
    let first = known.next();
    known.any(|fate| Some(fate) != first)
}

/// Such an address is another host on every link.
fn is_of_a_link(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

impl Contradiction {
    /// With rows numbered as they are shown: the place of each is at its number.
    pub(super) fn renumbered(mut self, places: &[u32]) -> Self {
        for (_, row) in &mut self.said {
            *row = places.get(*row as usize).copied().unwrap_or_default();
        }
        self
    }
}
