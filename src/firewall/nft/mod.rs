//! `nft -j list ruleset`: which base chains drop the message?

mod clamp;
mod compare;
mod fact;
mod listing;
mod names;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::accused::AccusedRule;
use super::iptables::Saved;
use super::message::ArrivingPtb;
use super::remedy::{self, Position};
use super::syn_ack::SynAck;
use super::truth::Truth;
use super::walk::{Chains, Culprit, suspect};
use crate::model::{Blocker, ClampRule};
use clamp::{as_mss, concerns, leads_away, set_of_sources, sets_mss};
use compare::Set;
use fact::text;
use listing::Listing;

/// A parsed ruleset.
pub(super) struct Ruleset {
    tables: BTreeMap<(String, String), NftTable>,
    bases: Vec<Base>,
    /// Base chains that what arrives for this host does not pass.
    outgoing: BTreeSet<(String, String, String)>,
    listing: Listing,
}

#[derive(Default)]
struct NftTable {
    rules: Vec<NftRule>,
    chains: Vec<String>,
    sets: BTreeMap<String, NamedSet>,
}

struct NftRule {
    chain: String,
    handle: u64,
    expression: Vec<Value>,
}

struct NamedSet {
    elements: Vec<Value>,
    changes: bool,
}

/// A chain that the kernel itself calls.
struct Base {
    family: String,
    table: String,
    chain: String,
    hook: Hook,
    priority: i64,
    policy_drops: bool,
    device: Option<Value>,
}

/// In the order in which a message for this host meets them. Address translation is not among them: it sees the first
/// packet of a connection only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hook {
    Ingress,
    Prerouting,
    Input,
}

impl Ruleset {
    /// `None`: not what nft prints.
    pub(super) fn read(json: &str, text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(json).ok()?;
        let mut ruleset = Self {
            tables: BTreeMap::new(),
            bases: Vec::new(),
            outgoing: BTreeSet::new(),
            listing: Listing::read(text),
        };
        for item in document.get("nftables")?.as_array()? {
            let Some((kind, inside)) = item.as_object().and_then(|object| object.iter().next()) else { continue };
            ruleset.add(kind, inside);
        }
        ruleset.bases.sort_by_key(|base| (base.hook, base.priority));
        Some(ruleset)
    }

    fn add(&mut self, kind: &str, inside: &Value) {
        let owner = if kind == "table" { "name" } else { "table" };
        let place = (text(inside, "family").to_owned(), text(inside, owner).to_owned());
        let table = self.tables.entry(place.clone()).or_default();
        match kind {
            "chain" => {
                table.chains.push(text(inside, "name").to_owned());
                match base(inside) {
                    Some(base) => self.bases.push(base),
                    None if inside.get("hook").is_some() => {
                        self.outgoing.insert((place.0, place.1, text(inside, "name").to_owned()));
                    }
                    None => {}
                }
            }
            "rule" => table.rules.push(NftRule {
                chain: text(inside, "chain").to_owned(),
                handle: inside.get("handle").and_then(Value::as_u64).unwrap_or_default(),
                expression: list(inside.get("expr")),
            }),
            "set" | "map" => {
                let flags = inside.get("flags").map(Value::to_string).unwrap_or_default();
                let changes = flags.contains("dynamic") || flags.contains("timeout");
                let set = NamedSet { elements: list(inside.get("elem")), changes };
                table.sets.insert(text(inside, "name").to_owned(), set);
            }
            _ => {}
        }
    }

    /// What drops the message, at most one culprit for each base chain. Tables that iptables tells of are left to it.
    pub(super) fn accused(&self, arrival: &ArrivingPtb<'_>, iptables: &[Saved<'_>]) -> Vec<AccusedRule> {
        let family = if arrival.is_v4() { "ip" } else { "ip6" };
        let is_told = |base: &Base| {
            iptables.iter().any(|saved| saved.in_nftables && saved.family == base.family && saved.has(&base.table))
        };
        let concerns = |base: &&Base| {
            ["inet", "netdev", family].contains(&base.family.as_str())
                && !self.listing.is_dormant(&base.family, &base.table)
                && !is_told(base)
                && self.is_on_the_way(base, arrival)
        };
        self.bases.iter().filter(concerns).filter_map(|base| self.accused_in(base, arrival)).collect()
    }

    /// The rules that set the MSS of what comes in.
    pub(in crate::firewall) fn clamps(&self, packet: &SynAck<'_>) -> Vec<ClampRule> {
        let mut tables: Vec<(&str, &str)> = self.bases.iter().map(|base| (&*base.family, &*base.table)).collect();
        tables.sort_unstable();
        tables.dedup();
        let seen = tables
            .into_iter()
            .filter(|(family, table)| packet.is_of(family) && !self.listing.is_dormant(family, table));
        seen.flat_map(|(family, table)| self.clamps_in(family, table, packet)).collect()
    }

    fn clamps_in(&self, family: &str, name: &str, packet: &SynAck<'_>) -> Vec<ClampRule> {
        let Some(table) = self.tables.get(&(family.to_owned(), name.to_owned())) else { return Vec::new() };
        let base = |chain: &str| {
            self.bases.iter().find(|base| base.family == family && base.table == name && base.chain == chain)
        };
        let is_arrival = |chain: &str| {
            base(chain).is_some() || !self.outgoing.contains(&(family.to_owned(), name.to_owned(), chain.to_owned()))
        };
        let clamp = |(index, rule): (usize, &NftRule)| {
            let mss = sets_mss(&rule.expression)?;
            let concerns = table.concerns(rule, packet);
            if concerns == Truth::No || !is_arrival(&rule.chain) {
                return None;
            }
            let words = self.listing.rule(family, name, rule.handle);
            let is_met = base(&rule.chain).is_some_and(|base| base.hook != Hook::Ingress)
                && !table.is_led_away(index, &rule.chain, packet);
            Some(ClampRule {
                mss: as_mss(mss),
                is_certain: concerns == Truth::Yes && is_met,
                place: format!("table {family} {name}, chain {}", rule.chain),
                rule: words.map_or_else(|| format!("the rule with handle {}", rule.handle), str::to_owned),
                undo: table.undo(rule, [family, name], packet.from),
            })
        };
        table.rules.iter().enumerate().filter_map(clamp).collect()
    }

    /// A chain at `ingress` belongs to one interface or a few. Versions of nft that leave it out of the JSON list it.
    fn is_on_the_way(&self, base: &Base, arrival: &ArrivingPtb<'_>) -> bool {
        if base.hook != Hook::Ingress {
            return true;
        }
        let Some(interface) = arrival.message.interface else { return false };
        let quoted = format!("\"{interface}\"");
        match &base.device {
            Some(devices) => devices.to_string().contains(&quoted),
            None => self
                .listing
                .hook(&base.family, &base.table, &base.chain)
                .is_some_and(|hook| hook.contains(&quoted) || hook.split([' ', ',']).any(|word| word == interface)),
        }
    }

    fn accused_in(&self, base: &Base, arrival: &ArrivingPtb<'_>) -> Option<AccusedRule> {
        let table = self.tables.get(&(base.family.clone(), base.table.clone()))?;
        let chains = table.chains(arrival);
        let (culprit, suspicion) = suspect(&chains, &base.chain, base.policy_drops)?;
        let (chain, rule, position) = match culprit {
            Culprit::Policy { at_end } => {
                let position = if at_end { Position::End } else { Position::Start };
                (base.chain.as_str(), "policy drop".to_owned(), position)
            }
            Culprit::Rule(index) => {
                let rule = table.rules.get(index)?;
                let words = self.listing.rule(&base.family, &base.table, rule.handle);
                let words = words.map_or_else(|| format!("the rule with handle {}", rule.handle), str::to_owned);
                (rule.chain.as_str(), words, Position::Before(rule.handle))
            }
        };
        let place = format!("table {} {}, chain {chain}", base.family, base.table);
        let remedy = remedy::with_nft([&base.family, &base.table, chain], position, arrival.family());
        Some(AccusedRule { blocker: Blocker { place, rule, is_certain: true, remedy }, suspicion })
    }
}

impl NftTable {
    /// Whether a rule that sets an MSS looks at the packet.
    fn concerns(&self, rule: &NftRule, packet: &SynAck<'_>) -> Truth {
        concerns(&rule.expression, packet, &|name| self.set(name))
    }

    /// Takes a rule out again, or this address alone where the rule looks at a set of them.
    fn undo(&self, rule: &NftRule, [family, name]: [&str; 2], from: IpAddr) -> Vec<String> {
        let is_it = |element: &Value| element.as_str().is_some_and(|text| text.parse() == Ok(from));
        let set = set_of_sources(&rule.expression);
        let holds_it = |set: &&str| self.sets.get(*set).is_some_and(|set| set.elements.iter().any(is_it));
        if let Some(set) = set.filter(holds_it) {
            let elements: usize = self.sets.values().map(|set| set.elements.len()).sum();
            let reads_sets = |rule: &NftRule| set_of_sources(&rule.expression).is_some();
            return remedy::out_of_set([family, name, set], from, elements == 1 && self.rules.iter().all(reads_sets));
        }
        remedy::without_nft([family, name, &rule.chain], rule.handle, self.rules.len() == 1)
    }

    /// Whether a rule of the chain that stands before may keep the packet from this one.
    fn is_led_away(&self, index: usize, chain: &str, packet: &SynAck<'_>) -> bool {
        let before = self.rules.iter().take(index).filter(|rule| rule.chain == chain);
        before.into_iter().any(|rule| leads_away(&rule.expression) && self.concerns(rule, packet) != Truth::No)
    }

    fn set(&self, name: &str) -> Option<Set<'_>> {
        self.sets.get(name).map(|set| Set { elements: &set.elements, changes: set.changes })
    }

    fn chains(&self, arrival: &ArrivingPtb<'_>) -> Chains {
        let mut chains: Chains = self.chains.iter().map(|name| (name.clone(), Vec::new())).collect();
        let set = |name: &str| self.set(name);
        let map = |name: &str| self.sets.get(name).map(|set| set.elements.as_slice());
        for (index, rule) in self.rules.iter().enumerate() {
            let steps = rule::steps(&rule.expression, arrival, &set, &map, index);
            chains.entry(rule.chain.clone()).or_default().extend(steps);
        }
        chains
    }
}

fn base(inside: &Value) -> Option<Base> {
    let hook = match text(inside, "hook") {
        "ingress" => Hook::Ingress,
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        _ => return None,
    };
    if text(inside, "type") == "nat" {
        return None;
    }
    Some(Base {
        family: text(inside, "family").to_owned(),
        table: text(inside, "table").to_owned(),
        chain: text(inside, "name").to_owned(),
        hook,
        priority: inside.get("prio").and_then(Value::as_i64).unwrap_or_default(),
        policy_drops: text(inside, "policy") == "drop",
        device: inside.get("dev").cloned(),
    })
}

/// nft prints an element that stands alone without brackets.
fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(values)) => values.clone(),
        Some(value) => vec![value.clone()],
        None => Vec::new(),
    }
}
