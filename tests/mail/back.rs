//! Mail backwards: a real Postfix in the MX's place sends to a real Postfix on this host, over one scenario in one family, while the
//! program is asked about the way back.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::advice::Advice;
use super::answer;
use super::chain::{Chain, Kind};
use super::lab::Lab;
use super::mx::Running;
use super::rows::{Effect, Remedy, Row};
use super::scenario::{Family, Node, Reverse, Scenario, Tls};
use super::sender::{Mail, Sender, patience};
use super::state::forget;
use super::traffic::{Fate, Traffic, Way};
use super::verify;
use super::way_back::{self, Expected};

/// A flight that fits into one packet comes from a small certificate.
const ONE_PACKET: u32 = 1300;
/// How much longer than the sender the receiver waits.
const LONGER: Duration = Duration::from_secs(3);

/// What runs.
pub(crate) struct Case {
    pub(crate) scenario: Scenario,
    pub(crate) family: Family,
    pub(crate) expected: Expected,
}

impl Case {
    /// Those of a scenario whose way back is examined.
    pub(crate) fn of(scenario: &Scenario) -> Vec<Self> {
        let case = |family: &Family| {
            let expected = way_back::of_mail(scenario, *family).ok()?;
            Some(Self { scenario: scenario.clone(), family: *family, expected })
        };
        scenario.families.iter().filter_map(case).collect()
    }

    pub(crate) fn must_stall(&self) -> bool {
        self.expected == Expected::Stalled
    }

    fn fate(&self) -> Fate {
        if self.must_stall() { Fate::Stalled } else { Fate::Delivered }
    }

    fn wanted(&self) -> Result<Reverse, String> {
        self.scenario
            .expect
            .outcome(self.family)
            .reverse
            .ok_or_else(|| "nothing is expected of the way back".to_owned())
    }
}

/// Runs one case to its end, whatever happens in it.
pub(crate) fn run(case: &Case) -> Row {
    let verdict = case.wanted().map_or("", |wanted| wanted.verdict.word());
    let name = format!("back: {} {}", case.scenario.name, case.family);
    Row::of(name, verdict, |row| fill(case, row))
}

fn fill(case: &Case, row: &mut Row) -> Result<(), String> {
    let lab = Lab::up(&case.scenario.name, case.family, &["--mx", "none"])?;
    forget(&lab);
    let bench = Bench::start(case, &lab)?;
    let (stalled, took) = bench.traffic.first_mail(case.fate())?;
    row.mail(case.fate(), took);
    // The program has to find the path as mail found it.
    forget(&lab);
    let address = bench.verdict(row)?;
    match case.expected {
        Expected::Delivered => {}
        Expected::DeliveredLate => must_be_as_late(took, &address)?,
        Expected::Stalled => {
            bench.remedies(&address, stalled, row)?;
            bench.receiver_must_have_timed_out()?;
        }
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
        let patience = patience(&case.scenario);
        let receiver = Running::start_on_c(lab, patience + LONGER)?;
        let peer = &case.scenario.peer;
        let kind = if peer.flight <= ONE_PACKET { Kind::Small } else { Kind::Ordinary };
        let chain = if peer.tls == Tls::None { None } else { Some(Chain::make(kind, lab)?) };
        let to = Node::C.far_address(case.family);
        let sender = Sender::start_on_s(lab, to, patience, chain.as_ref())?;
        Ok(Self { case, lab, traffic: Traffic { lab, way: Way::Back, receiver, sender } })
    }

    /// What the program says of the same path, which has to be what the scenario expects.
    fn verdict(&self, row: &mut Row) -> Result<Value, String> {
        let mut expected = self.case.scenario.expect.outcome(self.case.family);
        // The mail before has woken the peer.
        expected.findings.retain(|finding| finding != "slow_to_answer");
        let ran = answer::ask(self.lab, &self.case.scenario, self.case.family);
        row.faults.extend(answer::faults(&ran, &expected, self.case.family));
        Ok(verify::document(&ran)?["addresses"][0].clone())
    }

    /// Each advice for the way back on its own, from the clean state. At the end mail stalls again, now with packets only one byte
    /// larger than what arrives: it was the advice that helped, and the size is exact.
    fn remedies(&self, address: &Value, mut stalled: Vec<Mail>, row: &mut Row) -> Result<(), String> {
        // Without a verdict there is nothing to advise.
        if address["reverse"]["verdict"] != "black_hole" {
            return Ok(());
        }
        for advice in Advice::of(address).iter().filter(|advice| advice.way() == Way::Back) {
            forget(self.lab);
            let mail = stalled.pop().map_or_else(|| self.traffic.stall_another(), Ok)?;
            match self.traffic.remedy(advice, mail, || self.in_force()) {
                Ok(effect) => row.remedies.push(Remedy { name: advice.name(), effect }),
                Err(fault) => row.faults.push(format!("{}: {fault}", advice.name())),
            }
        }
        if !row.remedies.iter().any(|remedy| matches!(remedy.effect, Effect::Delivered(_))) {
            row.faults.push("no advice lets mail through".into());
        }
        forget(self.lab);
        self.ask_for_one_byte_more()?;
        self.traffic.stall_another().map(drop)
    }

    /// What the program says while a remedy is in force: large mail from there arrives.
    fn in_force(&self) -> Result<Value, String> {
        let ran = answer::ask(self.lab, &self.case.scenario, self.case.family);
        let address = verify::document(&ran)?["addresses"][0].clone();
        if address["reverse"]["verdict"] == "clear" {
            return Ok(address);
        }
        Err(format!("with it in force the program says {}", address["reverse"]))
    }

    /// c announces an MSS that makes packets one byte larger than what arrives.
    fn ask_for_one_byte_more(&self) -> Result<(), String> {
        let Reverse { path_mtu: Some(size), at_most: false, .. } = self.case.wanted()? else { return Ok(()) };
        let (ip, headers) = match self.case.family {
            Family::V4 => ("ip", 40),
            Family::V6 => ("ip6", 60),
        };
        let (mx, mss) = (Node::S.near_address(self.case.family), size + 1 - headers);
        let rules = format!(
            "nft add table inet boundary
             nft add chain inet boundary output '{{ type filter hook output priority -150; }}'
             nft add rule inet boundary output {ip} daddr {mx} tcp flags syn tcp option maxseg size set {mss}"
        );
        self.lab.shell("c", &rules);
        Ok(())
    }

    /// What its admin sees.
    fn receiver_must_have_timed_out(&self) -> Result<(), String> {
        let receiver = &self.traffic.receiver;
        let deadline = Instant::now() + patience(&self.case.scenario) + 2 * LONGER;
        while !receiver
            .log()
            .lines()
            .any(|line| line.contains("postfix/smtpd[") && line.contains("]: timeout after DATA"))
        {
            if Instant::now() > deadline {
                return Err(format!("no \"timeout after DATA\" in the receiver's log:\n{}", receiver.log()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// Mail passes about as late as the program says. Both see the time-outs of the same kernel on the same path; a timer that
/// doubles may end on either side of a step, and a large message takes a while more in small segments.
fn must_be_as_late(took: Duration, address: &Value) -> Result<(), String> {
    let Some(said) = address["reverse"]["recovered_after_ms"].as_f64() else {
        return Err(format!("no recovered_after_ms in {}", address["reverse"]));
    };
    let (took, said) = (took.as_secs_f64(), said / 1000.0);
    if took >= said * 0.5 && took <= said * 2.0 + 2.0 {
        Ok(())
    } else {
        Err(format!("mail took {took:.1} s, but the program says that the server recovers after {said:.1} s"))
    }
}
