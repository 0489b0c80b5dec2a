//! Advice that lasts, on a host that the real systems configure: typed as printed, mail passes, after a restart of the system as well;
//! taken back, mail stalls, after a restart as well.

use std::time::Duration;

use serde_json::Value;

use super::configured::{
    FIREWALLD, FIREWALLD_DROPS, IFUPDOWN, IPTABLES_ALONE, IPTABLES_ALONE_DROPS, NETFILTER_PERSISTENT,
    NETFILTER_PERSISTENT_DROPS, NETWORK_MANAGER, NETWORKD, NFTABLES, SYSCTL, System, UFW, UFW_DROPS,
};
use super::lab::Lab;
use super::message::Message;
use super::mx::{Mx, Running};
use super::needs;
use super::rows::Row;
use super::scenario::{Family, Node};
use super::sender::{Attempt, Sender};
use super::state::forget;
use super::world::World;
use super::{must_be_without_faults, run_all};

const UNDO: &str = "# undo: ";

/// A live path without loss never pauses for as long.
const PATIENCE: Duration = Duration::from_secs(5);
/// TCP that searches a size finds one before.
const PATIENCE_WITH_SEARCH: Duration = Duration::from_secs(10);

struct Case {
    system: &'static System,
    family: Family,
    /// What a command of the advice contains.
    word: &'static str,
    /// Where the hole is.
    scenario: &'static str,
}

const FAR: &str = "silent_router";
/// At this host's own gateway.
const NEAR: &str = "drop_by_size_at_r1";
/// Its own firewall drops the message.
const OWN: &str = "ptb_dropped_by_this_host";

const CASES: [Case; 24] = [
    Case { system: &NFTABLES, family: Family::V4, word: "maxseg", scenario: FAR },
    Case { system: &NFTABLES, family: Family::V6, word: "maxseg", scenario: FAR },
    Case { system: &NETFILTER_PERSISTENT, family: Family::V4, word: "TCPMSS", scenario: FAR },
    Case { system: &NETFILTER_PERSISTENT, family: Family::V6, word: "TCPMSS", scenario: FAR },
    Case { system: &UFW, family: Family::V4, word: "maxseg", scenario: FAR },
    Case { system: &FIREWALLD, family: Family::V4, word: "maxseg", scenario: FAR },
    Case { system: &FIREWALLD, family: Family::V6, word: "maxseg", scenario: FAR },
    Case { system: &NETWORKD, family: Family::V4, word: " route replace ", scenario: FAR },
    Case { system: &NETWORKD, family: Family::V6, word: " route replace ", scenario: FAR },
    Case { system: &NETWORKD, family: Family::V4, word: "ip link set", scenario: NEAR },
    Case { system: &NETWORK_MANAGER, family: Family::V4, word: " route replace ", scenario: FAR },
    Case { system: &NETWORK_MANAGER, family: Family::V6, word: " route replace ", scenario: FAR },
    Case { system: &NETWORK_MANAGER, family: Family::V4, word: "ip link set", scenario: NEAR },
    Case { system: &IFUPDOWN, family: Family::V4, word: " route replace ", scenario: FAR },
    Case { system: &IFUPDOWN, family: Family::V6, word: " route replace ", scenario: FAR },
    Case { system: &IFUPDOWN, family: Family::V4, word: "ip link set", scenario: NEAR },
    Case { system: &SYSCTL, family: Family::V4, word: "tcp_mtu_probing", scenario: FAR },
    Case { system: &IPTABLES_ALONE, family: Family::V4, word: "TCPMSS", scenario: FAR },
    Case { system: &UFW_DROPS, family: Family::V4, word: "-j ACCEPT", scenario: OWN },
    Case { system: &FIREWALLD_DROPS, family: Family::V4, word: "-j ACCEPT", scenario: OWN },
    Case { system: &NETFILTER_PERSISTENT_DROPS, family: Family::V4, word: "-j ACCEPT", scenario: OWN },
    Case { system: &NETFILTER_PERSISTENT_DROPS, family: Family::V6, word: "-j ACCEPT", scenario: OWN },
    Case { system: &IPTABLES_ALONE_DROPS, family: Family::V4, word: "-j ACCEPT", scenario: OWN },
    Case { system: &IPTABLES_ALONE_DROPS, family: Family::V6, word: "-j ACCEPT", scenario: OWN },
];

#[test]
fn on_real_systems_what_lasts_cures_mail() {
    needs::check_postfix();
    let only = std::env::var("PMTU_MAIL_ONLY").unwrap_or_default();
    let cases = CASES.iter().filter(|case| case.system.name.contains(&only) || case.scenario.contains(&only)).collect();
    let rows = run_all(cases, |case: &&Case| {
        let name = format!("{}, {}, {}", case.system.name, case.word.trim(), case.family);
        Row::of(name, "black_hole", |_| check(case))
    });
    must_be_without_faults(&rows);
}

fn check(case: &Case) -> Result<(), String> {
    let lab = Lab::up(case.scenario, case.family, &["--mx", "none"])?;
    let mut world = World::start(&lab, "c", case.system.setup)?;
    let to = Node::S.near_address(case.family);
    let _mx = Running::start(Mx::Postfix, &lab)?;
    let patience = if case.word == "tcp_mtu_probing" { PATIENCE_WITH_SEARCH } else { PATIENCE };
    let sender = Sender::start_on_c(&lab, to, patience)?;
    let mut bench = Bench { case, lab: &lab, world: &mut world, sender };
    bench.mail_must(&Attempt::Stalled, "at first")?;
    let address = bench.ask("black_hole")?;
    let advice = Advice::find(&address, case.word)?;
    bench.lasts(&advice, &address)?;
    bench.is_taken_back(&advice)?;
    drop(bench);
    drop(world);
    lab.down()
}

struct Bench<'a> {
    case: &'a Case,
    lab: &'a Lab,
    world: &'a mut World,
    sender: Sender<'a>,
}

impl Bench<'_> {
    /// What is printed cures, now and after a restart; its undo ends that, and leaves the files as they were.
    fn lasts(&mut self, advice: &Advice, address: &Value) -> Result<(), String> {
        let before = self.files()?;
        self.paste(&advice.commands, "it acts now")?;
        self.mail_must(&Attempt::Sent, "typed")?;
        if !self.case.system.keeps.is_empty() {
            let first = advice.lasting.first().map(String::as_str);
            if first != Some(self.case.system.keeps) {
                return Err(format!("{first:?} is not what lasts with {}: {address}", self.case.system.name));
            }
            self.paste(&advice.lasting, "it lasts")?;
            self.restart()?;
            self.mail_must(&Attempt::Sent, "after a restart")?;
        }
        // Of what acts now, a restart may have left nothing to take back.
        let gently = |line: String| format!("{line} || true");
        let undo_now: Vec<String> = undo(&advice.commands).into_iter().map(gently).collect();
        self.paste(&undo_now, "the undo")?;
        self.paste(&undo(&advice.lasting), "the undo of what lasts")?;
        self.mail_must(&Attempt::Stalled, "undone")?;
        self.must_be_as(&before, "the undo")
    }

    /// The same, taken back as the report says that is made while it is in force.
    fn is_taken_back(&mut self, advice: &Advice) -> Result<(), String> {
        // With a smaller MTU of the interface the path is as it seems, and rules that admit the message are no workaround.
        if matches!(self.case.word, "ip link set" | "-j ACCEPT") {
            return Ok(());
        }
        let before = self.files()?;
        self.paste(&advice.commands, "typed again")?;
        self.paste(&advice.lasting, "it lasts again")?;
        self.restart()?;
        let back = self.how_it_is_taken_back()?;
        self.paste(&undo(&back.commands), "taken back")?;
        self.paste(&undo(&back.lasting), "what lasts is taken back")?;
        self.mail_must(&Attempt::Stalled, "taken back")?;
        self.must_be_as(&before, "taking it back")?;
        self.restart()?;
        self.ask("black_hole").map(drop)
    }

    /// On a machine at work, the rules of the firewall may not be read in time: then the report only says how to look for them.
    fn how_it_is_taken_back(&mut self) -> Result<Advice, String> {
        let verdict = if self.case.word == "tcp_mtu_probing" { "recovers" } else { "masked" };
        let mut back = Advice::taken_back(&self.ask(verdict)?);
        for _ in 0..4 {
            if back.is_err() {
                back = Advice::taken_back(&self.ask(verdict)?);
            }
        }
        back
    }

    fn paste(&mut self, lines: &[String], what: &str) -> Result<(), String> {
        self.world.paste(lines).map_err(|fault| format!("{what}: {fault}"))
    }

    fn restart(&mut self) -> Result<(), String> {
        self.world.run(self.case.system.restart).map(drop)
    }

    fn files(&mut self) -> Result<String, String> {
        // Saved rules have a date and counters.
        let list = self.case.system.files;
        if list.is_empty() {
            Ok(String::new())
        } else {
            self.world.run(&format!("cat {list} | sed '/^#/d; /^timestamp=/d; s/\\[.*\\]//'"))
        }
    }

    fn must_be_as(&mut self, before: &str, what: &str) -> Result<(), String> {
        let after = self.files()?;
        if after == before { Ok(()) } else { Err(format!("{what} leaves other files:\n{before}\nnow:\n{after}")) }
    }

    fn mail_must(&self, wanted: &Attempt, when: &str) -> Result<(), String> {
        forget(self.lab);
        let mail = self.sender.submit(Message::large())?;
        let (found, took) = self.sender.attempt(&mail)?;
        if found == *wanted { Ok(()) } else { Err(format!("{when}: {found:?} after {took:?}, not {wanted:?}")) }
    }

    fn ask(&mut self, verdict: &str) -> Result<Value, String> {
        forget(self.lab);
        let address = self.world.ask(&Node::S.near_address(self.case.family).to_string())?;
        let is_runnable = |line: &&str| !line.starts_with('#') && (line.contains("nft ") || line.contains("| nft"));
        let all = address["advice"].as_array().into_iter().flatten().filter(|advice| advice["who"] == "you");
        let lines: Vec<String> = all.flat_map(|advice| strings(&advice["commands"])).collect();
        if self.case.system.name == IPTABLES_ALONE.name && lines.iter().any(|line| is_runnable(&line.as_str())) {
            return Err(format!("a host without nft is told to use it: {lines:?}"));
        }
        if address["verdict"] == verdict { Ok(address) } else { Err(format!("not {verdict}: {address}")) }
    }
}

/// One piece of advice for this host.
struct Advice {
    commands: Vec<String>,
    lasting: Vec<String>,
}

impl Advice {
    fn find(address: &Value, word: &str) -> Result<Self, String> {
        let has = |advice: &Self| advice.commands.iter().any(|line| line.contains(word));
        Self::all(address).into_iter().find(has).ok_or_else(|| format!("no advice with {word}: {address}"))
    }

    /// Comments alone: nothing is to be run before the path is repaired.
    fn taken_back(address: &Value) -> Result<Self, String> {
        let is_back =
            |advice: &Self| !advice.commands.is_empty() && advice.commands.iter().all(|line| line.starts_with(UNDO));
        Self::all(address).into_iter().find(is_back).ok_or_else(|| format!("no way to take it back: {address}"))
    }

    fn all(address: &Value) -> Vec<Self> {
        let all = address["advice"].as_array().into_iter().flatten().filter(|advice| advice["who"] == "you");
        all.map(|advice| Self { commands: strings(&advice["commands"]), lasting: strings(&advice["lasting"]) })
            .collect()
    }
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|line| line.as_str().map(str::to_owned)).collect()
}

/// What the comments say.
fn undo(lines: &[String]) -> Vec<String> {
    lines.iter().filter_map(|line| line.strip_prefix(UNDO)).map(str::to_owned).collect()
}
