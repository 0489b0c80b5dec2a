//! `nft -j list ruleset`: which base chains drop the message?

mod clamp;
mod compare;
mod fact;
mod intervals;
mod json;
mod listing;
mod names;
mod rule;
mod term;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::accused::AccusedRule;
use super::iptables::Saved;
use super::message::ArrivingPtb;
use super::remedy::{self, Position};
use super::steps::Steps;
use super::syn_ack::SynAck;
use super::truth::Truth;
use super::walk::{ChainId, Chains, Culprit, suspect};
use crate::model::{Blocker, ClampRule, RulesetText};
use clamp::{as_mss, concerns, leads_away, set_of_sources, sets_mss};
use compare::{Set, Sets};
use listing::Listing;
use term::Term;

pub(super) use json::Unread;

/// Family and name of a table.
type Place = (Arc<str>, Arc<str>);

/// A parsed ruleset.
pub(super) struct Ruleset {
    tables: BTreeMap<Place, NftTable>,
    bases: Vec<Base>,
    listing: Listing,
    /// The contents of named sets are not known.
    lacks_sets: bool,
}

#[derive(Default)]
struct NftTable {
    rules: Vec<NftRule>,
    chains: ChainNames,
    /// Base chains that what arrives for this host does not pass.
    outgoing: BTreeSet<u32>,
    sets: BTreeMap<Arc<str>, NamedSet>,
}

/// The chains of a table, numbered.
#[derive(Default)]
struct ChainNames {
    names: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, ChainId>,
}

struct NftRule {
    chain: ChainId,
    handle: u64,
    expression: Box<[Term]>,
}

struct NamedSet {
    elements: Term,
    changes: bool,
}

/// A chain that the kernel itself calls.
struct Base {
    place: Place,
    chain: ChainId,
    hook: Hook,
    priority: i64,
    policy_drops: bool,
    device: Option<Term>,
}

/// In the order in which a message for this host meets them. Address translation is not among them: it sees the first
/// packet of a connection only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hook {
    Ingress,
    Prerouting,
    Input,
}

impl ChainNames {
    fn number(&mut self, name: &str) -> ChainId {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (name, number) = (Arc::<str>::from(name), ChainId(self.names.len() as u32));
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    fn find(&self, name: &str) -> ChainId {
        self.numbers.get(name).copied().unwrap_or(ChainId::NONE)
    }

    fn name(&self, number: ChainId) -> &str {
        self.names.get(number.0 as usize).map_or("", |name| name)
    }
}

impl Ruleset {
    /// Reads what nft prints. `memory`: the bytes that it may take, roughly.
    pub(super) fn read(rules: &RulesetText, memory: u64) -> Result<Self, Unread> {
        let listing = Listing::read(&rules.nft_text);
        let lacks_sets = rules.lacks_sets;
        let mut ruleset = Self { tables: BTreeMap::new(), bases: Vec::new(), listing, lacks_sets };
        json::read(&rules.nft_json, memory, &mut |kind, inside| ruleset.add(kind, inside))?;
        ruleset.bases.sort_by_key(|base| (base.hook, base.priority));
        Ok(ruleset)
    }

    fn add(&mut self, kind: &str, inside: Term) {
        let owner = if kind == "table" { "name" } else { "table" };
        let place: Place = (inside.text("family").into(), inside.text(owner).into());
        let table = self.tables.entry(place.clone()).or_default();
        match kind {
            "chain" => {
                let chain = table.chains.number(inside.text("name"));
                match base(&inside, place, chain) {
                    Some(base) => self.bases.push(base),
                    None if inside.get("hook").is_some() => {
                        table.outgoing.insert(chain.0);
                    }
                    None => {}
                }
            }
            "rule" => {
                let chain = table.chains.number(inside.text("chain"));
                let handle = inside.get("handle").and_then(Term::as_u64).unwrap_or_default();
                let expression = match inside.take("expr") {
                    Term::List(statements) => statements,
                    Term::Nothing => Box::default(),
                    single => Box::new([single]),
                };
                table.rules.push(NftRule { chain, handle, expression });
            }
            "set" | "map" => {
                let flags = inside.get("flags").map(Term::words).unwrap_or_default();
                let changes = self.lacks_sets || flags.iter().any(|flag| matches!(*flag, "dynamic" | "timeout"));
                let name = inside.text("name").into();
                // nft prints an element that stands alone without brackets.
                let elements = match inside.take("elem") {
                    Term::Nothing => Term::List(Box::default()),
                    list @ (Term::List(_) | Term::Values(_)) => list,
                    single => Term::List(Box::new([single])),
                };
                table.sets.insert(name, NamedSet { elements, changes });
            }
            _ => {}
        }
    }

    /// What drops the message, at most one culprit for each base chain. Tables that iptables tells of are left to it.
    pub(super) fn accused(&self, arrival: &ArrivingPtb<'_>, iptables: &[Saved], steps: &Steps) -> Vec<AccusedRule> {
        let family = if arrival.is_v4() { "ip" } else { "ip6" };
        let is_told = |base: &Base| {
            iptables.iter().any(|saved| saved.in_nftables && *saved.family == *base.place.0 && saved.has(&base.place.1))
        };
        let concerns = |base: &&Base| {
            ["inet", "netdev", family].contains(&&*base.place.0)
                && !self.listing.is_dormant(&base.place.0, &base.place.1)
                && !is_told(base)
                && self.is_on_the_way(base, arrival)
        };
        // The base chains of one table share the answers of its rules.
        let mut walks: BTreeMap<&Place, Chains> = BTreeMap::new();
        let accused = self.bases.iter().filter(concerns).filter_map(|base| {
            let table = self.tables.get(&base.place)?;
            let chains = walks.entry(&base.place).or_insert_with(|| table.steps(arrival, steps));
            self.accused_in(base, table, chains, arrival, steps)
        });
        accused.collect()
    }

    /// The rules that set the MSS of what comes in.
    pub(in crate::firewall) fn clamps(&self, packet: &SynAck<'_>, steps: &Steps) -> Vec<ClampRule> {
        let places: BTreeSet<&Place> = self.bases.iter().map(|base| &base.place).collect();
        let seen = places
            .into_iter()
            .filter(|(family, table)| packet.is_of(family) && !self.listing.is_dormant(family, table));
        seen.flat_map(|place| self.clamps_in(place, packet, steps)).collect()
    }

    fn clamps_in(&self, place: &Place, packet: &SynAck<'_>, steps: &Steps) -> Vec<ClampRule> {
        let Some(table) = self.tables.get(place) else { return Vec::new() };
        let (family, name) = (&*place.0, &*place.1);
        let base = |chain: ChainId| self.bases.iter().find(|base| base.place == *place && base.chain == chain);
        let find = |name: &str| table.set(name);
        let sets = Sets::new(&find, steps);
        // Chains in which a rule may keep the packet from those that follow.
        let mut led_away = BTreeSet::new();
        let mut clamps = Vec::new();
        for rule in table.rules.iter().take_while(|_| steps.take()) {
            let mss = sets_mss(&rule.expression);
            let ends = leads_away(&rule.expression);
            if mss.is_none() && !ends {
                continue;
            }
            let truth = concerns(&rule.expression, packet, &sets);
            if let Some(mss) = mss.filter(|_| truth != Truth::No) {
                let base = base(rule.chain);
                if base.is_some() || !table.outgoing.contains(&rule.chain.0) {
                    let is_met =
                        base.is_some_and(|base| base.hook != Hook::Ingress) && !led_away.contains(&rule.chain.0);
                    clamps.push(ClampRule {
                        mss: as_mss(mss),
                        is_certain: truth == Truth::Yes && is_met,
                        place: format!("table {family} {name}, chain {}", table.chains.name(rule.chain)),
                        rule: self.words_of(place, rule),
                        undo: table.undo(rule, [family, name], packet.from),
                    });
                }
            }
            if ends && truth != Truth::No {
                led_away.insert(rule.chain.0);
            }
        }
        clamps
    }

    fn words_of(&self, place: &Place, rule: &NftRule) -> String {
        let words = self.listing.rule(&place.0, &place.1, rule.handle);
        words.map_or_else(|| format!("the rule with handle {}", rule.handle), str::to_owned)
    }

    /// A chain at `ingress` belongs to one interface or a few. Versions of nft that leave it out of the JSON list it.
    fn is_on_the_way(&self, base: &Base, arrival: &ArrivingPtb<'_>) -> bool {
        if base.hook != Hook::Ingress {
            return true;
        }
        let Some(interface) = arrival.message.interface else { return false };
        if let Some(devices) = &base.device {
            return devices.words().contains(&interface);
        }
        let chain = self.tables.get(&base.place).map_or("", |table| table.chains.name(base.chain));
        let hook = self.listing.hook(&base.place.0, &base.place.1, chain);
        let quoted = format!("\"{interface}\"");
        hook.is_some_and(|hook| hook.contains(&quoted) || hook.split([' ', ',']).any(|word| word == interface))
    }

    fn accused_in(
        &self,
        base: &Base,
        table: &NftTable,
        chains: &Chains,
        arrival: &ArrivingPtb<'_>,
        steps: &Steps,
    ) -> Option<AccusedRule> {
        let (culprit, suspicion) = suspect(chains, base.chain, base.policy_drops, steps)?;
        let (chain, rule, position) = match culprit {
            Culprit::Policy { at_end } => {
                let position = if at_end { Position::End } else { Position::Start };
                (table.chains.name(base.chain), "policy drop".to_owned(), position)
            }
            Culprit::Rule(index) => {
                let rule = table.rules.get(index)?;
                (table.chains.name(rule.chain), self.words_of(&base.place, rule), Position::Before(rule.handle))
            }
        };
        let (family, name) = (&*base.place.0, &*base.place.1);
        let place = format!("table {family} {name}, chain {chain}");
        let remedy = remedy::with_nft([family, name, chain], position, arrival.family());
        Some(AccusedRule { blocker: Blocker { place, rule, is_certain: true, remedy }, suspicion })
    }
}

impl NftTable {
    /// Takes a rule out again, or this address alone where the rule looks at a set of them.
    fn undo(&self, rule: &NftRule, [family, name]: [&str; 2], from: IpAddr) -> Vec<String> {
        let set = set_of_sources(&rule.expression);
        let holds_it = |set: &&str| self.sets.get(*set).is_some_and(|set| set.names(from));
        if let Some(set) = set.filter(holds_it) {
            let elements: usize = self.sets.values().map(NamedSet::len).sum();
            let reads_sets = |rule: &NftRule| set_of_sources(&rule.expression).is_some();
            return remedy::out_of_set([family, name, set], from, elements == 1 && self.rules.iter().all(reads_sets));
        }
        remedy::without_nft([family, name, self.chains.name(rule.chain)], rule.handle, self.rules.len() == 1)
    }

    fn set(&self, name: &str) -> Option<Set<'_>> {
        self.sets.get(name).map(|set| Set { elements: &set.elements, changes: set.changes })
    }

    /// What each rule does with the message.
    fn steps(&self, arrival: &ArrivingPtb<'_>, steps: &Steps) -> Chains {
        let mut chains = Chains::new(self.chains.names.len());
        let set = |name: &str| self.set(name);
        let names = rule::Names { sets: Sets::new(&set, steps), chains: &|name| self.chains.find(name) };
        for (index, rule) in self.rules.iter().enumerate().take_while(|_| steps.take()) {
            for step in rule::steps(&rule.expression, arrival, &names, index) {
                chains.add(rule.chain, step);
            }
        }
        chains
    }
}

impl NamedSet {
    fn len(&self) -> usize {
        match &self.elements {
            Term::Values(values) => values.len(),
            list => list.as_list().map_or(0, <[Term]>::len),
        }
    }

    /// Whether the address is an element, and no part of a larger one.
    fn names(&self, address: IpAddr) -> bool {
        match &self.elements {
            Term::Values(values) => values.names_address(address),
            list => list.as_list().is_some_and(|list| list.contains(&Term::Address(address))),
        }
    }
}

fn base(inside: &Term, place: Place, chain: ChainId) -> Option<Base> {
    let hook = match inside.text("hook") {
        "ingress" => Hook::Ingress,
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        _ => return None,
    };
    if inside.text("type") == "nat" {
        return None;
    }
    Some(Base {
        place,
        chain,
        hook,
        priority: inside.get("prio").map(Term::as_i64).unwrap_or_default(),
        policy_drops: inside.text("policy") == "drop",
        device: inside.get("dev").cloned(),
    })
}
