//! Brings a scenario up.

use std::io;
use std::process::Stdio;
use std::thread;

use crate::breakage::Breakage;
use crate::down::take_down;
use crate::links;
use crate::namespace::{feed, within};
use crate::node;
use crate::plan::Plan;
use crate::scenario_file::{self, Family, Node, Stack};
use crate::service::{apart, start_mail_server, start_relays, start_wires};
use crate::stale_route;
use crate::state::{Lab, LabId, Place};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A name of tests/scenarios or a .toml file.
    scenario: String,
    /// The family of the mail server's address: v4 or v6.
    #[arg(default_value = "v4", value_parser = family)]
    family: Family,
    /// Another name, to have a scenario up twice; by default the scenario's.
    #[arg(long)]
    id: Option<LabId>,
    /// One more breakage (`pmtu-lab filters --help`); may be repeated.
    #[arg(long = "filter", value_name = "NODE FILTER ARGUMENTS", value_parser = fault)]
    faults: Vec<(Node, Breakage)>,
    /// Milliseconds one way, on link 2 (r1 - r2).
    #[arg(long, value_name = "MS")]
    delay: Option<f64>,
    /// What `pmtu-lab wire` does on a link, for example "2 --loss 0.1"; may be repeated.
    #[arg(long = "wire", value_name = "LINK OPTIONS", value_parser = wire)]
    wires: Vec<WireOptions>,
    /// Segments may be merged and cut late (GRO, TSO, GSO), as network cards do; not at the ends of a wire.
    #[arg(long)]
    offloads: bool,
    /// Seed of the wires.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Options of the mail server (`pmtu-lab mx --help`), or "none".
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    mx: Option<String>,
    /// Another TCP/IP for the mail server.
    #[arg(long, value_name = "linux|smoltcp|lwip|gvisor", value_parser = stack)]
    stack: Option<Stack>,
    /// Take the lab down when this process ends.
    #[arg(long, value_name = "PID")]
    owner: Option<i32>,
}

#[derive(Clone)]
struct WireOptions {
    /// From 0.
    link: usize,
    options: Vec<String>,
}

fn family(text: &str) -> Result<Family, String> {
    match text {
        "v4" | "4" => Ok(Family::V4),
        "v6" | "6" => Ok(Family::V6),
        _ => Err("expected v4 or v6".into()),
    }
}

fn stack(text: &str) -> Result<Stack, String> {
    let all = [Stack::Linux, Stack::Smoltcp, Stack::Lwip, Stack::Gvisor];
    all.into_iter().find(|stack| stack.word() == text).ok_or_else(|| "expected linux, smoltcp, lwip or gvisor".into())
}

fn fault(text: &str) -> Result<(Node, Breakage), String> {
    let (node, words) = text.split_once(' ').ok_or("expected a node and a filter")?;
    match node.parse()? {
        Place::Node(node) => Ok((node, Breakage::from_words(words)?)),
        Place::Wires => Err("a wire has no rules".into()),
    }
}

fn wire(text: &str) -> Result<WireOptions, String> {
    let (link, options) = text.split_once(' ').ok_or("expected a link and options")?;
    let number = link.parse().ok().filter(|number| (1..=4_usize).contains(number));
    let link = number.ok_or("expected a link from 1 to 4")? - 1;
    Ok(WireOptions { link, options: options.split_whitespace().map(str::to_owned).collect() })
}

/// Prints the id of the lab.
pub(crate) fn run(arguments: Arguments) -> io::Result<()> {
    let (seed, owner, id) = (arguments.seed, arguments.owner, arguments.id.clone());
    let plan = planned(arguments).map_err(io::Error::other)?;
    let id = id.map_or_else(|| plan.scenario.parse(), Ok).map_err(io::Error::other)?;
    let lab = Lab::create(id)?;
    if let Err(error) = start_guard(&lab, owner).and_then(|()| build(&lab, &plan, seed)) {
        let _ = take_down(&lab);
        return Err(error);
    }
    println!("{}", lab.id());
    Ok(())
}

fn planned(arguments: Arguments) -> Result<Plan, String> {
    let mut scenario = scenario_file::load(&arguments.scenario)?;
    if let Some(stack) = arguments.stack {
        scenario.peer.adopt(stack);
    }
    let mut plan = Plan::new(&scenario, arguments.family)?;
    plan.faults.extend(arguments.faults);
    plan.offloads = arguments.offloads;
    if let Some(ms) = arguments.delay {
        let both_ways = ["--delay-ms", "--back-delay-ms"];
        plan.links[1].wire.extend(both_ways.into_iter().flat_map(|option| [option.to_owned(), ms.to_string()]));
    }
    for WireOptions { link, options } in arguments.wires {
        plan.links[link].wire.extend(options);
    }
    match arguments.mx.as_deref() {
        None => {}
        Some("none") => plan.mail_server = None,
        Some(options) => plan.mail_server = Some(options.to_owned()),
    }
    Ok(plan)
}

/// Before anything else: whoever builds the lab may be killed at any moment.
fn start_guard(lab: &Lab, owner: Option<i32>) -> io::Result<()> {
    let mut command = apart()?;
    command.args(["guard", "--builder", &std::process::id().to_string()]);
    if let Some(owner) = owner {
        command.args(["--owner", &owner.to_string()]);
    }
    let child = command.arg(lab.id().to_string()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    lab.note_guard(child.id())
}

fn build(lab: &Lab, plan: &Plan, seed: u64) -> io::Result<()> {
    lab.note(plan)?;
    let namespaces: Vec<String> =
        links::places(plan).into_iter().map(|place| format!("netns add {}", lab.namespace(place))).collect();
    feed("ip", &["-batch", "-"], &namespaces)?;
    feed("ip", &["-batch", "-"], &links::commands(lab, plan))?;
    configure_nodes(lab, plan)?;
    if plan.wires().next().is_some() {
        within(lab, Place::Wires, || node::configure_wires(plan))?;
        start_wires(lab, plan, seed)?;
    }
    stale_route::teach(lab, plan)?;
    start_mail_server(lab, plan)?;
    start_relays(lab, plan)?;
    lab.note_complete()
}

/// All nodes at the same time.
fn configure_nodes(lab: &Lab, plan: &Plan) -> io::Result<()> {
    thread::scope(|scope| {
        let configured =
            Node::ALL.map(|node| scope.spawn(move || within(lab, Place::Node(node), || node::configure(plan, node))));
        let ended = configured.map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread failed"))));
        ended.into_iter().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn plan(line: &[&str]) -> Result<Plan, String> {
        let words = std::iter::once("up").chain(line.iter().copied());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        planned(line.arguments)
    }

    #[test]
    fn the_command_line_adds_to_the_scenario() {
        let plan = plan(&[
            "silent_router",
            "v6",
            "--filter",
            "r2 drop_larger 1400",
            "--delay",
            "10",
            "--wire",
            "3 --loss 0.1",
            "--mx",
            "--tls starttls --flight 5000",
        ])
        .unwrap();
        assert_eq!(plan.family, Family::V6);
        assert_eq!(plan.faults.last(), Some(&(Node::R2, Breakage::DropLarger { larger_than: 1400 })));
        assert_eq!(plan.links[1].wire.join(" "), "--delay-ms 10 --back-delay-ms 10");
        assert_eq!(plan.links[2].wire.join(" "), "--loss 0.1");
        assert_eq!(plan.mail_server.as_deref(), Some("--tls starttls --flight 5000"));
    }

    #[test]
    fn a_family_is_not_needed_and_no_server_can_be_asked_for() {
        let plan = plan(&["clear", "--mx", "none"]).unwrap();
        assert_eq!((plan.family, plan.mail_server), (Family::V4, None));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            &["no_such_scenario"][..],
            &["clear", "v5"],
            &["clear", "--filter", "r9 ptb_silent"],
            &["clear", "--filter", "r1 no_such_filter"],
            &["clear", "--wire", "5 --loss 0.1"],
            &["clear", "--id", "a/b"],
        ] {
            assert!(plan(line).is_err(), "{line:?}");
        }
    }
}
