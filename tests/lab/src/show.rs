//! Tells about labs that are up.

use std::fmt::Write as _;
use std::fs;
use std::io;

use crate::namespace::{output_of, within};
use crate::output::print;
use crate::plan::Plan;
use crate::scenario_file::Node;
use crate::state::{Lab, LabId, Place};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The lab.
    id: Option<LabId>,
}

#[derive(clap::Args)]
pub(crate) struct PlanArguments {
    /// The lab.
    id: LabId,
    /// What of its plan.
    value: Value,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Value {
    /// One sentence: what the path does.
    About,
    /// The address of the mail server.
    Peer,
    /// What the program's exit code should be on this path.
    ExitCode,
    /// The path with its MTUs.
    Path,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let text = match &arguments.id {
        Some(id) => description(&Lab::find(id.clone())?)?,
        None => Lab::all().iter().fold(String::new(), |text, lab| format!("{text}{}\n", lab.id())),
    };
    print(&text)
}

pub(crate) fn run_plan(arguments: &PlanArguments) -> io::Result<()> {
    let plan = Lab::find(arguments.id.clone())?.plan()?;
    let value = match arguments.value {
        Value::About => plan.about,
        Value::Peer => plan.peer.to_string(),
        Value::ExitCode => plan.exit_code.to_string(),
        Value::Path => path(&plan, "mx.example.com"),
    };
    print(&format!("{value}\n"))
}

fn path(plan: &Plan, server: &str) -> String {
    let [one, two, three, four] = plan.links.each_ref().map(|link| link.mtu);
    format!("c --{one}-- r1 --{two}-- r2 --{three}-- r3 --{four}-- {server}")
}

fn description(lab: &Lab) -> io::Result<String> {
    let plan = lab.plan()?;
    let nodes = Node::ALL.into_iter().map(|node| node_text(lab, node)).collect::<io::Result<String>>()?;
    let peer = plan.peer.to_string();
    let belief = within(lab, Place::Node(Node::C), || output_of("ip", &["route", "get", &peer]))?;
    let server = plan.mail_server.as_deref().unwrap_or("none");
    let log = fs::read_to_string(lab.file("mx.log")).unwrap_or_default();
    Ok(format!(
        "{}: {}, {}. {}\n\n{}{nodes}\n== what c's kernel believes\n{belief}\n== the mail server (pmtu-lab mx {server})\n{log}",
        lab.id(),
        plan.scenario,
        plan.family,
        plan.about,
        links_text(&plan)
    ))
}

fn links_text(plan: &Plan) -> String {
    let mut text = format!("{}    (MTUs)\n", path(plan, "s"));
    for (number, link) in (1..).zip(&plan.links) {
        if let Some(mtu) = link.back_mtu {
            let _ = writeln!(text, "link {number} towards c: {mtu}");
        }
        if link.is_wire() {
            let _ = writeln!(text, "link {number} is a wire: {}", link.wire.join(" "));
        }
    }
    text
}

fn node_text(lab: &Lab, node: Node) -> io::Result<String> {
    let (addresses, rules) = within(lab, Place::Node(node), || {
        let addresses = output_of("ip", &["-brief", "addr"])?;
        // A node without a fault has no table.
        Ok((addresses, output_of("nft", &["list", "table", "inet", "lab"]).unwrap_or_default()))
    })?;
    let addresses = addresses.lines().filter(|line| !line.starts_with("lo"));
    let rules = rules.lines().filter(|line| line.contains("counter") || line.contains("limit"));
    let lines = addresses.chain(rules).map(|line| format!("{line}\n"));
    Ok(format!("\n== {node}\n{}", lines.collect::<String>()))
}
