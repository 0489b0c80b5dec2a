//! One scenario in one family: mail, the program's verdict, and where mail stalls every remedy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::advice::Advice;
use super::firewall::Layout;
use super::lab::Lab;
use super::message::Message;
use super::mx::{Mx, Running};
use super::rows::{Effect, Remedy, Row};
use super::scenario::{Family, Node, Outcome, Scenario, Verdict};
use super::sender::{Attempt, Mail, Sender};
use super::state::{State, forget};
use super::verify;

/// One for each usual advice. They stall side by side, so that the waiting is done once.
const STALLED_AT_ONCE: usize = 3;

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
}

/// Runs one case to its end, whatever happens in it.
pub(crate) fn run(case: &Case) -> Row {
    let start = Instant::now();
    let mut row = Row {
        name: format!("{} {} {}", case.scenario.name, case.family, case.mx),
        verdict: case.verdict(),
        mail: "-".into(),
        remedies: Vec::new(),
        faults: Vec::new(),
        took: Duration::ZERO,
    };
    let end = catch_unwind(AssertUnwindSafe(|| fill(case, &mut row)));
    match end {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => row.faults.push(fault),
        Err(panic) => row.faults.push(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panics".into())),
    }
    row.took = start.elapsed();
    row
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
    }
    drop(bench);
    lab.down()
}

/// A lab with its mail servers.
struct Bench<'a> {
    case: &'a Case,
    lab: &'a Lab,
    mx: Running,
    sender: Sender<'a>,
}

impl<'a> Bench<'a> {
    fn start(case: &'a Case, lab: &'a Lab) -> Result<Self, String> {
        let mx = Running::start(case.mx, lab)?;
        let is_lossy = case.scenario.links().iter().any(|link| link.loss > 0.0);
        let sender = Sender::start(lab, Node::S.near_address(case.family), is_lossy)?;
        Ok(Self { case, lab, mx, sender })
    }

    /// The first messages of 200 kB, and beside them a small one that has to pass: what stalls, stalls by size. Returns those that
    /// stall where they have to.
    fn first_mail(&self, row: &mut Row) -> Result<Vec<Mail>, String> {
        let count = if self.case.must_stall() { STALLED_AT_ONCE } else { 1 };
        let large = (0..count).map(|_| self.sender.submit(Message::large()));
        let large = large.collect::<Result<Vec<Mail>, String>>()?;
        let small = self.sender.submit(Message::small())?;
        self.must_arrive(&small, "the small message")?;
        for mail in &large {
            let (attempt, took) = self.sender.attempt(mail)?;
            let seconds = took.as_secs_f64();
            match (attempt, self.case.must_stall()) {
                (Attempt::Sent, false) => self.must_be_in_the_mailbox(mail, "the large message")?,
                (Attempt::Stalled, true) => {}
                (attempt, _) => return Err(format!("mail: {attempt:?} after {seconds:.1} s")),
            }
            row.mail = format!("{} {seconds:.1} s", if self.case.must_stall() { "stalled" } else { "delivered" });
        }
        Ok(if self.case.must_stall() { large } else { Vec::new() })
    }

    /// What the program says of the same path, which has to be what the scenario expects.
    fn verdict(&self, row: &mut Row) -> Result<Value, String> {
        let mut expected = self.case.scenario.expect.outcome(self.case.family);
        // The mail before has woken the peer.
        expected.findings.retain(|finding| finding != "slow_to_answer");
        let arguments = verify::probe_arguments(&self.case.scenario, self.case.family);
        let ran = self.lab.probe(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        row.faults.extend(verify::outcome(&ran, &expected, self.case.family));
        let address = verify::document(&ran)?["addresses"][0].clone();
        if address["verdict"] != "inconclusive" {
            return Ok(address);
        }
        // Where one method alone may be in doubt, all of them together may not.
        let expected = Outcome { may_be_inconclusive: false, ..expected };
        let ran = self.lab.probe(&["--json", &Node::S.near_address(self.case.family).to_string()]);
        row.faults.extend(verify::outcome(&ran, &expected, self.case.family));
        Ok(verify::document(&ran)?["addresses"][0].clone())
    }

    /// Each advice on its own, from the clean state, for each firewall that this host can have. At the end mail stalls again, now with
    /// packets only one byte larger than what passes: it was the advice that helped, and the size is exact.
    fn remedies(&self, address: &Value, mut stalled: Vec<Mail>, row: &mut Row) -> Result<(), String> {
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
                let mail = stalled.pop().map_or_else(|| self.stall_another(), Ok)?;
                match self.remedy(advice, mail) {
                    Ok(effect) => row.remedies.push(Remedy { name: advice.name(), effect }),
                    Err(fault) => row.faults.push(format!("{layout:?}: {}: {fault}", advice.name())),
                }
            }
        }
        if !row.remedies.iter().any(|remedy| matches!(remedy.effect, Effect::Delivered(_))) {
            row.faults.push("no advice lets mail through".into());
        }
        forget(self.lab);
        self.send_one_byte_more();
        self.stall_another().map(drop)
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

    fn stall_another(&self) -> Result<Mail, String> {
        let large = self.sender.submit(Message::large())?;
        let small = self.sender.submit(Message::small())?;
        self.must_arrive(&small, "the small message")?;
        match self.sender.attempt(&large)? {
            (Attempt::Stalled, _) => Ok(large),
            (Attempt::Sent, took) => Err(format!("mail passes after {took:?} although no remedy is in force")),
        }
    }

    fn remedy(&self, advice: &Advice, mut mail: Mail) -> Result<Effect, String> {
        let before = State::of(self.lab);
        advice.apply(self.lab)?;
        if State::of(self.lab) == before {
            return Ok(Effect::Diagnostic);
        }
        let effect = if advice.is_for_the_way_back() {
            Ok(Effect::WayBack)
        } else {
            self.flush(&mut mail).map(Effect::Delivered)
        };
        advice.undo(self.lab)?;
        forget(self.lab);
        let differences = before.differences(&State::of(self.lab));
        if !differences.is_empty() {
            return Err(format!("its undo leaves: {}", differences.join("; ")));
        }
        effect
    }

    /// The stalled mail has to pass now.
    fn flush(&self, mail: &mut Mail) -> Result<Duration, String> {
        self.sender.flush(mail)?;
        self.must_arrive(mail, "the stalled message")
    }

    fn must_arrive(&self, mail: &Mail, what: &str) -> Result<Duration, String> {
        match self.sender.attempt(mail)? {
            (Attempt::Sent, took) => self.must_be_in_the_mailbox(mail, what).map(|()| took),
            (Attempt::Stalled, took) => Err(format!("{what} still stalls, for {took:?}")),
        }
    }

    /// The MX accepts a message before it delivers it.
    fn must_be_in_the_mailbox(&self, mail: &Mail, what: &str) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !mail.message.is_in(self.mx.mailbox()) {
            if Instant::now() > deadline {
                return Err(format!("{what} was sent, but is not whole in {}", self.mx.mailbox().display()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
