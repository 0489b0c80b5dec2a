//! What is to be typed on routers and firewalls on the way, where the message about a packet too big gets lost: typed there as printed, mail
//! passes; undone, it stalls again.

use std::time::Duration;

use serde_json::Value;

use super::lab::{Lab, run};
use super::mx::{Mx, Running};
use super::needs;
use super::rows::Row;
use super::scenario::{Family, Node};
use super::sender::{Attempt, Sender};
use super::state::{State, forget};
use super::{must_be_without_faults, run_all, verify};

/// A live path without loss never pauses for as long.
const PATIENCE: Duration = Duration::from_secs(5);
/// The router that is silent, and a firewall on the way back to this host.
const SCENARIOS: [&str; 2] = ["silent_router", "ptb_filtered_upstream"];
/// "On that router, and on each firewall up to here": all of them.
const ROUTERS: [&str; 3] = ["r1", "r2", "r3"];
const UNDO: &str = "# undo: ";

#[test]
fn what_routers_are_told_lets_mail_pass() {
    needs::check_postfix();
    let cases = SCENARIOS.into_iter().flat_map(|scenario| [(scenario, Family::V4), (scenario, Family::V6)]).collect();
    let rows = run_all(cases, |(scenario, family): &(&str, Family)| {
        Row::of(format!("{scenario}, {family}, on the routers"), "black_hole", |_| check(scenario, *family))
    });
    must_be_without_faults(&rows);
}

fn check(scenario: &str, family: Family) -> Result<(), String> {
    let lab = Lab::up(scenario, family, &["--mx", "none"])?;
    let to = Node::S.near_address(family);
    let _mx = Running::start(Mx::Postfix, &lab)?;
    let sender = Sender::start_on_c(&lab, to, PATIENCE)?;
    let mail_must = |wanted, when| sender.large_mail_must(&lab, wanted, when);
    mail_must(&Attempt::Stalled, "at first")?;
    forget(&lab);
    let document = verify::document(&lab.probe(&["--json", "--direction", "forward", &to.to_string()]))?;
    let advice = for_routers(&document["addresses"][0])?;
    let before = ROUTERS.map(|router| State::of_node(&lab, router));
    type_on_all(&lab, &advice.to_type)?;
    mail_must(&Attempt::Sent, "typed on the routers")?;
    type_on_all(&lab, &advice.undo)?;
    for (router, before) in ROUTERS.iter().zip(&before) {
        let differences = before.differences(&State::of_node(&lab, router));
        if !differences.is_empty() {
            return Err(format!("the undo leaves on {router}: {}", differences.join("; ")));
        }
    }
    mail_must(&Attempt::Stalled, "undone")?;
    lab.down()
}

struct Advice {
    to_type: Vec<String>,
    undo: Vec<String>,
}

/// The first form for Linux of what neither this host nor its network can do.
fn for_routers(address: &Value) -> Result<Advice, String> {
    let all = address["advice"].as_array().into_iter().flatten();
    let commands = |advice: &Value| -> Vec<String> {
        let commands = advice["commands"].as_array().into_iter().flatten().filter_map(Value::as_str);
        commands.map(str::to_owned).collect()
    };
    let of_others = all.filter(|advice| advice["who"] != "you").map(commands).find(|commands| !commands.is_empty());
    let commands = of_others.ok_or_else(|| format!("nothing is to be typed on routers: {address}"))?;
    let mut form = commands.iter().skip_while(|line| line.starts_with('#'));
    let to_type: Vec<String> = form.by_ref().take_while(|line| !line.starts_with('#')).cloned().collect();
    // The undo is the first comment behind, which `take_while` has taken.
    let undo = commands.iter().find_map(|line| line.strip_prefix(UNDO)).map(str::to_owned);
    match (to_type.is_empty(), undo) {
        (false, Some(undo)) => Ok(Advice { to_type, undo: vec![undo] }),
        _ => Err(format!("no command with its undo: {commands:?}")),
    }
}

fn type_on_all(lab: &Lab, lines: &[String]) -> Result<(), String> {
    for router in ROUTERS {
        for line in lines {
            let ran = run(lab.command(router, "sh").args(["-c", line]));
            if !ran.status.success() {
                return Err(format!("{router}: {line}: {}", ran.stderr.trim()));
            }
        }
    }
    Ok(())
}
