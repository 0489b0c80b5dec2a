//! One scenario in one family: mail, the program's verdict, and where mail stalls every remedy.

use serde_json::{Value, json};

use super::advice::{Advice, check};
use super::firewall::Layout;
use super::lab::{Lab, Ran};
use super::mx::{Mx, Running};
use super::rows::{Effect, Remedy, Row};
use super::scenario::{Family, Method, Node, Outcome, Scenario, Verdict};
use super::sender::{Mail, Sender, patience};
use super::state::forget;
use super::traffic::{Fate, Traffic, Way};
use super::verify;

/// What runs.
pub(crate) struct Case {
    pub(crate) scenario: Scenario,
    pub(crate) family: Family,
    pub(crate) mx: Mx,
}

impl Case {
    fn verdict(&self) -> Verdict {
        self.scenario.expect.outcome(self.family).verdict
    }

    pub(crate) fn must_stall(&self) -> bool {
        self.verdict() == Verdict::BlackHole
    }

    fn fate(&self) -> Fate {
        if self.must_stall() { Fate::Stalled } else { Fate::Delivered }
    }
}

/// Runs one case to its end, whatever happens in it.
pub(crate) fn run(case: &Case) -> Row {
    let name = format!("{} {} {}", case.scenario.name, case.family, case.mx);
    Row::of(name, case.verdict().word(), |row| fill(case, row))
}

fn fill(case: &Case, row: &mut Row) -> Result<(), String> {
    let lab = Lab::up(&case.scenario.name, case.family, &["--mx", "none"])?;
    if case.must_stall() {
        // A black hole is one for a kernel that remembers nothing; one that does sends mail until it forgets.
        forget(&lab);
    }
    let bench = Bench::start(case, &lab)?;
    let stalled = bench.first_mail(row)?;
    let address = bench.verdict(row)?;
    if case.must_stall() {
        bench.remedies(&address, stalled, row)?;
    } else if address["masked_by"] == "this_host" || address["verdict"] == "recovers" {
        bench.take_back(&address)?;
    }
    drop(bench);
    lab.down()
}

/// A case with its mail servers at work.
struct Bench<'a> {
    case: &'a Case,
    lab: &'a Lab,
    traffic: Traffic<'a>,
}

impl<'a> Bench<'a> {
    fn start(case: &'a Case, lab: &'a Lab) -> Result<Self, String> {
        let receiver = Running::start(case.mx, lab)?;
        let patience = patience(&case.scenario);
        let sender = Sender::start_on_c(lab, Node::S.near_address(case.family), patience)?;
        Ok(Self { case, lab, traffic: Traffic { lab, way: Way::There, receiver, sender } })
    }

    /// Those that stall where they have to.
    fn first_mail(&self, row: &mut Row) -> Result<Vec<Mail>, String> {
        let (mail, took) = self.traffic.first_mail(self.case.fate())?;
        row.mail(self.case.fate(), took);
        Ok(if self.case.must_stall() { mail } else { Vec::new() })
    }

    /// What the program says of the same path, which has to be what the scenario expects.
    fn verdict(&self, row: &mut Row) -> Result<Value, String> {
        let mut expected = self.case.scenario.expect.outcome(self.case.family);
        // The mail before has woken the peer.
        expected.findings.retain(|finding| finding != "slow_to_answer");
        // Both ends forget what they remember before each question.
        let remembers = self.case.scenario.peer.remembers.is_some();
        expected.findings.retain(|finding| !remembers || finding != "mss_clamped");
        let ran = self.ask();
        row.faults.extend(verify::outcome(&ran, &expected, self.case.family));
        let address = verify::document(&ran)?["addresses"][0].clone();
        if address["verdict"] != "inconclusive" {
            return Ok(address);
        }
        // Where one method alone may be in doubt, all of them together may not.
        let expected = Outcome { may_be_inconclusive: false, ..expected };
        let ran = self.ask_by_all_methods();
        row.faults.extend(verify::outcome(&ran, &expected, self.case.family));
        Ok(verify::document(&ran)?["addresses"][0].clone())
    }

    /// Each advice on its own, from the clean state, for each firewall that this host can have. At the end mail stalls again, now with
    /// packets only one byte larger than what passes: it was the advice that helped, and the size is exact.
    fn remedies(&self, address: &Value, mut stalled: Vec<Mail>, row: &mut Row) -> Result<(), String> {
        if self.case.must_stall() && !check(self.lab, address)?.contains(" hang") {
            row.faults
                .push("the command to check the advice does not say that mail hangs, before any is followed".into());
        }
        for layout in Layout::of(&self.case.scenario) {
            let mut advice = Advice::of(address);
            if *layout != Layout::Lab {
                layout.set(self.lab, self.case.family);
                forget(self.lab);
                advice = Advice::of(&self.verdict(row)?);
                stalled.clear();
            }
            for advice in advice.iter().filter(|advice| layout.is_meant_by(advice)) {
                forget(self.lab);
                let mail = stalled.pop().map_or_else(|| self.traffic.stall_another(), Ok)?;
                match self.traffic.remedy(advice, mail, || self.in_force(advice, address)) {
                    Ok(effect) => row.remedies.push(Remedy { name: advice.name(), effect }),
                    Err(fault) => row.faults.push(format!("{layout:?}: {}: {fault}", advice.name())),
                }
            }
        }
        if !row.remedies.iter().any(|remedy| matches!(remedy.effect, Effect::Delivered(_))) {
            row.faults.push("no advice lets mail through".into());
        }
        forget(self.lab);
        // Without them all is as it was.
        self.verdict(row)?;
        forget(self.lab);
        self.send_one_byte_more();
        self.traffic.stall_another().map(drop)
    }

    /// What the program says while a remedy is in force: mail passes. Who works around the fault is told that it is still there.
    fn in_force(&self, advice: &Advice, before: &Value) -> Result<Value, String> {
        let said = check(self.lab, before)?;
        if said.contains(" hang") {
            return Err(format!("mail passes with it in force, but the command to check it says: {}", said.trim()));
        }
        let ran = if self.case.scenario.host.method == Method::Icmp { self.ask_by_all_methods() } else { self.ask() };
        let document = verify::document(&ran)?;
        let address = document["addresses"][0].clone();
        let wanted = match advice.name() {
            // Beyond what a route allows, nothing above 1500 is examined, and all that it allows passes.
            "route" if self.case.scenario.link(0).mtu > 1500 => json!(["clear", null, 0]),
            "clamp" | "route" => json!(["masked", "this_host", 1]),
            "mtu_probing" => json!(["recovers", null, 1]),
            // A repair.
            _ => json!([if address["verdict"] == "clear" { "clear" } else { "discoverable" }, null, 0]),
        };
        let found = json!([address["verdict"], address["masked_by"], document["exit_code"]]);
        let is_in_doubt = self.may_be_inconclusive() && address["verdict"] == "inconclusive";
        if found == wanted || is_in_doubt {
            Ok(address)
        } else {
            Err(format!("with it in force the program says {found} instead of {wanted}: {}", address["reason"]))
        }
    }

    fn may_be_inconclusive(&self) -> bool {
        self.case.scenario.expect.outcome(self.case.family).may_be_inconclusive
    }

    fn ask_by_all_methods(&self) -> Ran {
        self.lab.probe(&["--json", &Node::S.near_address(self.case.family).to_string()])
    }

    fn ask(&self) -> Ran {
        let arguments = verify::probe_arguments(&self.case.scenario, self.case.family);
        self.lab.probe(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Once the workaround that is in force is taken back as the report says, mail hangs, and the program says so.
    fn take_back(&self, address: &Value) -> Result<(), String> {
        let back =
            Advice::take_back(address).ok_or_else(|| format!("no way to take it back in {}", address["advice"]))?;
        back.undo(self.lab)?;
        forget(self.lab);
        self.traffic.stall_another()?;
        forget(self.lab);
        let address = verify::document(&self.ask())?["addresses"][0].clone();
        if address["verdict"] == "black_hole" {
            return Ok(());
        }
        Err(format!("mail hangs once it is taken back, but the program says {}", address["verdict"]))
    }

    /// Clamps what c sends to the smallest size that is lost.
    fn send_one_byte_more(&self) {
        let Some(size) = self.case.scenario.expect.outcome(self.case.family).first_lost_size else { return };
        // There, packets of that size meet the honest router first, and TCP learns.
        if self.case.scenario.name == "near_silent_far_honest" {
            return;
        }
        let (ip, headers) = match self.case.family {
            Family::V4 => ("ip", 40),
            Family::V6 => ("ip6", 60),
        };
        let (mx, mss) = (Node::S.near_address(self.case.family), size - headers);
        let rules = format!(
            "nft add table inet boundary
             nft add chain inet boundary input '{{ type filter hook input priority -150; }}'
             nft add rule inet boundary input {ip} saddr {mx} tcp flags syn tcp option maxseg size set {mss}"
        );
        self.lab.shell("c", &rules);
    }
}
