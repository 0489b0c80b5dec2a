//! iptables-save and ip6tables-save: which base chains drop the message?

mod spec;

use std::collections::{BTreeMap, BTreeSet};

use super::accused::AccusedRule;
use super::message::ArrivingPtb;
use super::remedy;
use super::syn_ack::SynAck;
use super::truth::Truth;
use super::walk::{Chains, Culprit, RuleAction, RuleStep, suspect};
use crate::model::{Blocker, ClampRule, SavedTables};

/// The base chains in the order in which a message for this host meets them. Table `nat` is not among them: it sees the
/// first packet of a connection only.
const BASES: [(&str, &str); 5] =
    [("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"), ("security", "INPUT")];

/// The parsed output of one program.
pub(super) struct Saved<'a> {
    program: &'a str,
    /// As nft names it.
    pub(super) family: &'static str,
    pub(super) in_nftables: bool,
    tables: BTreeMap<&'a str, SavedTable<'a>>,
}

#[derive(Default)]
struct SavedTable<'a> {
    policies: BTreeMap<&'a str, &'a str>,
    lines: Vec<SavedRule<'a>>,
    lengths: BTreeMap<String, usize>,
}

struct SavedRule<'a> {
    chain: String,
    /// Its number in the chain, from 1.
    number: usize,
    text: &'a str,
    words: Vec<String>,
}

impl<'a> Saved<'a> {
    pub(super) fn read(saved: &'a SavedTables) -> Self {
        let mut tables: BTreeMap<&str, SavedTable<'_>> = BTreeMap::new();
        let (mut current, mut foreign) = ("", BTreeSet::new());
        for line in saved.text.lines() {
            if let Some(name) = left_to_nft(line) {
                foreign.insert(name);
            } else if let Some(name) = line.strip_prefix('*') {
                current = name.trim();
                tables.entry(current).or_default();
            } else if let Some(table) = tables.get_mut(current) {
                table.read(line);
            }
        }
        // It invents empty tables in their place.
        tables.retain(|name, _| !foreign.contains(name));
        let family = if saved.program.starts_with("ip6") { "ip6" } else { "ip" };
        Self { program: &saved.program, family, in_nftables: saved.in_nftables, tables }
    }

    /// Whether it tells of this table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// What drops the message, at most one culprit for each base chain.
    pub(super) fn accused(&self, arrival: &ArrivingPtb<'_>) -> Vec<AccusedRule> {
        if (self.family == "ip") != arrival.is_v4() {
            return Vec::new();
        }
        BASES.iter().filter_map(|(table, chain)| self.accused_in(table, chain, arrival)).collect()
    }

    /// The rules that set the MSS of what comes in.
    pub(in crate::firewall) fn clamps(&self, packet: &SynAck<'_>) -> Vec<ClampRule> {
        /// Chains of table `mangle` that only other packets pass.
        const OTHERS: [&str; 3] = ["FORWARD", "OUTPUT", "POSTROUTING"];
        let Some(table) = self.tables.get("mangle").filter(|_| packet.is_of(self.family)) else { return Vec::new() };
        let clamp = |(index, line): (usize, &SavedRule<'_>)| {
            let spec = spec::read_for_syn_ack(&line.words, packet);
            let is_clamp = spec.target.is_some_and(|target| target.name == "TCPMSS");
            if !is_clamp || spec.truth == Truth::No || OTHERS.contains(&line.chain.as_str()) {
                return None;
            }
            let is_met = ["PREROUTING", "INPUT"].contains(&line.chain.as_str()) && !table.is_led_away(index, packet);
            Some(ClampRule {
                mss: line.sets_mss(),
                is_certain: spec.truth == Truth::Yes && is_met,
                place: format!("{} table mangle, chain {}", self.program, line.chain),
                rule: line.text.to_owned(),
                undo: remedy::without_iptables(self.program, line.text),
            })
        };
        table.lines.iter().enumerate().filter_map(clamp).collect()
    }

    fn accused_in(&self, name: &str, base: &str, arrival: &ArrivingPtb<'_>) -> Option<AccusedRule> {
        let table = self.tables.get(name)?;
        let policy_drops = *table.policies.get(base)? == "DROP";
        let (culprit, suspicion) = suspect(&table.chains(arrival), base, policy_drops)?;
        let (chain, rule, number) = match culprit {
            Culprit::Policy { at_end } => (base, "policy drop", (!at_end).then_some(1)),
            Culprit::Rule(index) => {
                let line = table.lines.get(index)?;
                (line.chain.as_str(), line.text, Some(line.number))
            }
        };
        let of_table = if name == "filter" { String::new() } else { format!(" table {name},") };
        let place = format!("{}{of_table} chain {chain}", self.program);
        let remedy = remedy::with_iptables(self.program, name, chain, number, arrival.family());
        Some(AccusedRule { blocker: Blocker { place, rule: rule.to_owned(), is_certain: true, remedy }, suspicion })
    }
}

/// ``# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.``
fn left_to_nft(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("# Table `")?.split_once('\'')?;
    rest.contains("incompatible").then_some(name)
}

impl SavedRule<'_> {
    fn sets_mss(&self) -> Option<u16> {
        let at = self.words.iter().position(|word| word == "--set-mss")?;
        self.words.get(at + 1)?.parse().ok()
    }
}

impl<'a> SavedTable<'a> {
    /// Whether a line of the same chain that stands before may keep the packet from this one.
    fn is_led_away(&self, index: usize, packet: &SynAck<'_>) -> bool {
        let Some(line) = self.lines.get(index) else { return false };
        let before = self.lines.iter().take(index).filter(|other| other.chain == line.chain);
        before.into_iter().any(|other| {
            let spec = spec::read_for_syn_ack(&other.words, packet);
            spec.truth != Truth::No && spec.target.is_some_and(|target| self.action(target).is_some())
        })
    }

    /// `:CHAIN POLICY [packets:bytes]`, or `-A CHAIN …`.
    fn read(&mut self, line: &'a str) {
        if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_whitespace();
            if let (Some(name), Some(policy)) = (words.next(), words.next()) {
                self.policies.insert(name, policy);
            }
            return;
        }
        let mut words = spec::words(line);
        if words.len() < 2 || words[0] != "-A" {
            return;
        }
        let chain = words[1].clone();
        words.drain(..2);
        let number = self.lengths.entry(chain.clone()).or_default();
        *number += 1;
        self.lines.push(SavedRule { chain, number: *number, text: line, words });
    }

    fn chains(&self, arrival: &ArrivingPtb<'_>) -> Chains {
        let mut chains: Chains = self.policies.keys().map(|name| ((*name).to_owned(), Vec::new())).collect();
        for (rule, line) in self.lines.iter().enumerate() {
            let spec::Spec { truth, target } = spec::read(&line.words, arrival);
            let action = target.and_then(|target| self.action(target));
            let steps = chains.entry(line.chain.clone()).or_default();
            steps.extend(action.map(|action| RuleStep { truth, action, rule }));
        }
        chains
    }

    /// `None`: everything passes the target, as with LOG and MARK.
    fn action(&self, target: spec::RuleTarget) -> Option<RuleAction> {
        match target.name.as_str() {
            // The program that reads the queue decides, not a rule.
            "ACCEPT" | "QUEUE" | "NFQUEUE" => Some(RuleAction::Accept),
            "DROP" | "REJECT" => Some(RuleAction::Drop),
            "RETURN" => Some(RuleAction::Return),
            name if !self.policies.contains_key(name) => None,
            _ if target.is_goto => Some(RuleAction::Goto(target.name)),
            _ => Some(RuleAction::Jump(target.name)),
        }
    }
}
