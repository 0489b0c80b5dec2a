//! This host's own firewall drops the message, and the program may not read its rules: what it advises then works whatever the chains are
//! called. Typed as printed, mail passes; undone, it stalls.

use std::time::Duration;

use serde_json::Value;

use super::advice::Advice;
use super::firewall::Layout;
use super::lab::{Lab, program, run};
use super::mx::{Mx, Running};
use super::needs;
use super::rows::Row;
use super::scenario::{Family, Node};
use super::sender::{Attempt, Sender};
use super::state::{State, forget};
use super::{must_be_without_faults, run_all, verify};

/// A live path without loss never pauses for as long.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn rules_that_could_not_be_read_are_passed_by_all_the_same() {
    needs::check_postfix();
    let layouts = [Layout::Lab, Layout::Nft, Layout::Own, Layout::Iptables];
    let cases = layouts.into_iter().flat_map(|layout| [(layout, Family::V4), (layout, Family::V6)]).collect();
    let rows = run_all(cases, |(layout, family): &(Layout, Family)| {
        Row::of(format!("{layout:?}, unread, {family}"), "black_hole", |_| check(*layout, *family))
    });
    must_be_without_faults(&rows);
}

fn check(layout: Layout, family: Family) -> Result<(), String> {
    let lab = Lab::up("ptb_dropped_by_this_host", family, &["--mx", "none"])?;
    layout.set(&lab, family);
    let to = Node::S.near_address(family);
    let _mx = Running::start(Mx::Postfix, &lab)?;
    let sender = Sender::start_on_c(&lab, to, PATIENCE)?;
    let mail_must = |wanted, when| sender.large_mail_must(&lab, wanted, when);
    mail_must(&Attempt::Stalled, "at first")?;
    forget(&lab);
    let address = ask_with_one_capability(&lab, &to.to_string())?;
    let reason = address["advice"][0]["text"].as_str().unwrap_or_default();
    if !reason.contains("its rules could not be read") {
        return Err(format!("the rules were read: {reason}"));
    }
    let admits = |advice: &&Advice| matches!(advice.name(), "nft" | "iptables") && layout.is_meant_by(advice);
    let all = Advice::of(&address);
    let admission = all.iter().find(admits).ok_or_else(|| format!("nothing admits the message: {all:?}"))?;
    let before = State::of(&lab);
    admission.apply(&lab)?;
    mail_must(&Attempt::Sent, "typed")?;
    admission.undo(&lab)?;
    let differences = before.differences(&State::of(&lab));
    if !differences.is_empty() {
        return Err(format!("the undo leaves {}", differences.join("; ")));
    }
    mail_must(&Attempt::Stalled, "undone")?;
    lab.down()
}

/// What `setcap cap_net_raw+ep` grants: enough to examine, and not to read rules.
fn ask_with_one_capability(lab: &Lab, address: &str) -> Result<Value, String> {
    let one = ["--bounding-set", "-all,+net_raw", "--inh-caps", "-all,+net_raw", "--no-new-privs"];
    let mut command = lab.command("c", "setpriv");
    command.args(one).arg(program()).args(["--json", "--direction", "forward", address]);
    let address = verify::document(&run(&mut command))?["addresses"][0].clone();
    if address["cause"] == "local_firewall" { Ok(address) } else { Err(format!("the program says {address}")) }
}
