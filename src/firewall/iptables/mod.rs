//! iptables-save and ip6tables-save: which base chains drop the message?

mod spec;

use std::collections::{BTreeMap, BTreeSet};

use super::accused::AccusedRule;
use super::message::ArrivingPtb;
use super::remedy;
use super::steps::Steps;
use super::syn_ack::SynAck;
use super::truth::Truth;
use super::walk::{ChainId, Chains, Culprit, RuleAction, RuleStep, suspect};
use crate::model::{Blocker, ClampRule, SavedTables};
use spec::{RuleTarget, Spec};

/// The base chains in the order in which a message for this host meets them. Table `nat` is not among them: it sees the
/// first packet of a connection only.
const BASES: [(&str, &str); 5] =
    [("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"), ("security", "INPUT")];

/// The parsed output of one program.
pub(super) struct Saved {
    program: String,
    /// As nft names it.
    pub(super) family: &'static str,
    pub(super) in_nftables: bool,
    /// All of it, of which rules are parts.
    text: String,
    tables: BTreeMap<String, SavedTable>,
}

#[derive(Default)]
struct SavedTable {
    chains: BTreeMap<String, ChainId>,
    /// By the number of the chain: its name, and how many lines it has so far.
    lengths: Vec<(String, usize)>,
    /// Those that were declared, with their policies.
    policies: BTreeMap<u32, IsDrop>,
    lines: Vec<SavedRule>,
}

/// Whether a policy is DROP.
type IsDrop = bool;

struct SavedRule {
    chain: ChainId,
    /// Its number in the chain, from 1.
    number: u32,
    /// Where it stands in the text.
    text: std::ops::Range<u32>,
    spec: Spec,
}

impl Saved {
    /// `memory`: the bytes that it may take, roughly; `None` if it would take more.
    pub(super) fn read(saved: SavedTables, memory: u64) -> Option<Self> {
        let SavedTables { program, in_nftables, text } = saved;
        let mut tables: BTreeMap<String, SavedTable> = BTreeMap::new();
        let mut foreign = BTreeSet::new();
        let mut left = memory;
        let mut current = &mut SavedTable::default();
        let mut is_inside = false;
        for line in text.lines() {
            if let Some(name) = left_to_nft(line) {
                foreign.insert(name.to_owned());
            } else if let Some(name) = line.strip_prefix('*') {
                current = tables.entry(name.trim().to_owned()).or_default();
                is_inside = true;
            } else if is_inside {
                let start = line.as_ptr() as usize - text.as_ptr() as usize;
                left = left.checked_sub(current.read(line, start))?;
            }
        }
        // It invents empty tables in their place.
        tables.retain(|name, _| !foreign.contains(name));
        let family = if program.starts_with("ip6") { "ip6" } else { "ip" };
        Some(Self { program, family, in_nftables, text, tables })
    }

    /// Whether it tells of this table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// What drops the message, at most one culprit for each base chain.
    pub(super) fn accused(&self, arrival: &ArrivingPtb<'_>, steps: &Steps) -> Vec<AccusedRule> {
        if (self.family == "ip") != arrival.is_v4() {
            return Vec::new();
        }
        // The base chains of one table share the answers of its rules.
        let mut walks: BTreeMap<&str, Chains> = BTreeMap::new();
        let accused = BASES.iter().filter_map(|(name, chain)| {
            let table = self.tables.get(*name)?;
            let chains = walks.entry(name).or_insert_with(|| table.steps(arrival, steps));
            self.accused_in(name, table, chain, chains, arrival, steps)
        });
        accused.collect()
    }

    /// The rules that set the MSS of what comes in.
    pub(in crate::firewall) fn clamps(&self, packet: &SynAck<'_>, steps: &Steps) -> Vec<ClampRule> {
        /// Chains of table `mangle` that only other packets pass.
        const OTHERS: [&str; 3] = ["FORWARD", "OUTPUT", "POSTROUTING"];
        let Some(table) = self.tables.get("mangle").filter(|_| packet.is_of(self.family)) else { return Vec::new() };
        // Chains in which a line may keep the packet from those that follow.
        let mut led_away = BTreeSet::new();
        let mut clamps = Vec::new();
        for line in table.lines.iter().take_while(|_| steps.take()) {
            let Some(target) = line.spec.target else { continue };
            let truth = line.spec.of_syn_ack(packet, steps);
            let chain = table.name(line.chain);
            if target == RuleTarget::SetsMss && truth != Truth::No && !OTHERS.contains(&chain) {
                let is_met = ["PREROUTING", "INPUT"].contains(&chain) && !led_away.contains(&line.chain.0);
                let text = self.text(line);
                clamps.push(ClampRule {
                    mss: spec::sets_mss(text),
                    is_certain: truth == Truth::Yes && is_met,
                    place: format!("{} table mangle, chain {chain}", self.program),
                    rule: text.to_owned(),
                    undo: remedy::without_iptables(&self.program, text),
                });
            }
            if truth != Truth::No && table.action(target).is_some() {
                led_away.insert(line.chain.0);
            }
        }
        clamps
    }

    fn text(&self, line: &SavedRule) -> &str {
        self.text.get(line.text.start as usize..line.text.end as usize).unwrap_or_default()
    }

    fn accused_in(
        &self,
        name: &str,
        table: &SavedTable,
        base: &str,
        chains: &Chains,
        arrival: &ArrivingPtb<'_>,
        steps: &Steps,
    ) -> Option<AccusedRule> {
        let id = *table.chains.get(base)?;
        let policy_drops = *table.policies.get(&id.0)?;
        let (culprit, suspicion) = suspect(chains, id, policy_drops, steps)?;
        let (chain, rule, number) = match culprit {
            Culprit::Policy { at_end } => (base, "policy drop", (!at_end).then_some(1)),
            Culprit::Rule(index) => {
                let line = table.lines.get(index)?;
                (table.name(line.chain), self.text(line), Some(line.number as usize))
            }
        };
        let of_table = if name == "filter" { String::new() } else { format!(" table {name},") };
        let place = format!("{}{of_table} chain {chain}", self.program);
        let remedy = remedy::with_iptables(&self.program, name, chain, number, arrival.family());
        Some(AccusedRule { blocker: Blocker { place, rule: rule.to_owned(), is_certain: true, remedy }, suspicion })
    }
}

/// ``# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.``
fn left_to_nft(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("# Table `")?.split_once('\'')?;
    rest.contains("incompatible").then_some(name)
}

impl SavedTable {
    /// `:CHAIN POLICY [packets:bytes]`, or `-A CHAIN …`. `start`: where the line begins. Returns the bytes that it takes.
    fn read(&mut self, line: &str, start: usize) -> u64 {
        if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_whitespace();
            if let (Some(name), Some(policy)) = (words.next(), words.next()) {
                let number = self.number(name);
                self.policies.insert(number.0, policy == "DROP");
            }
            return line.len() as u64 + 128;
        }
        let words = spec::words(line);
        let [first, chain, words @ ..] = words.as_slice() else { return 0 };
        if first != "-A" {
            return 0;
        }
        let chain = self.number(chain);
        let spec = spec::read(words, &mut |name| self.number(name));
        let size = spec.size() + size_of::<SavedRule>() as u64;
        let length = &mut self.lengths[chain.0 as usize].1;
        *length += 1;
        let text = start as u32..(start + line.len()) as u32;
        self.lines.push(SavedRule { chain, number: *length as u32, text, spec });
        size
    }

    fn number(&mut self, name: &str) -> ChainId {
        if let Some(number) = self.chains.get(name) {
            return *number;
        }
        let number = ChainId(self.lengths.len() as u32);
        self.chains.insert(name.to_owned(), number);
        self.lengths.push((name.to_owned(), 0));
        number
    }

    fn name(&self, chain: ChainId) -> &str {
        self.lengths.get(chain.0 as usize).map_or("", |(name, _)| name)
    }

    fn steps(&self, arrival: &ArrivingPtb<'_>, steps: &Steps) -> Chains {
        let mut chains = Chains::new(self.lengths.len());
        for (rule, line) in self.lines.iter().enumerate().take_while(|_| steps.take()) {
            if let Some(action) = line.spec.target.and_then(|target| self.action(target)) {
                chains.add(line.chain, RuleStep { truth: line.spec.of_message(arrival, steps), action, rule });
            }
        }
        chains
    }

    /// `None`: everything passes the target, as with LOG and MARK.
    fn action(&self, target: RuleTarget) -> Option<RuleAction> {
        match target {
            RuleTarget::Accept => Some(RuleAction::Accept),
            RuleTarget::Drop => Some(RuleAction::Drop),
            RuleTarget::Return => Some(RuleAction::Return),
            RuleTarget::Chain { chain, .. } if !self.policies.contains_key(&chain.0) => None,
            RuleTarget::Chain { chain, is_goto: true } => Some(RuleAction::Goto(chain)),
            RuleTarget::Chain { chain, is_goto: false } => Some(RuleAction::Jump(chain)),
            RuleTarget::SetsMss => None,
        }
    }
}
