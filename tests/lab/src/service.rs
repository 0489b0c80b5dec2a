//! The programs that run in a lab while it is up: wires and the mail server.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::breakage::Breakage;
use crate::names::{Side, WireEnd, hardware_address, interface_name, wire_interface};
use crate::namespace::within;
use crate::plan::{Plan, PlannedLink};
use crate::scenario_file::{Family, Node, Stack};
use crate::state::{Lab, Place};

const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// A program of this lab that is starting.
struct Starting {
    child: Child,
    what: String,
    log: String,
    /// What its log says when it is ready.
    ready: &'static str,
}

/// Starts the wires and waits until all carry packets.
pub(crate) fn start_wires(lab: &Lab, plan: &Plan, seed: u64) -> io::Result<()> {
    let start = |(link, planned): (usize, &PlannedLink)| {
        let [a, b] = [WireEnd::A, WireEnd::B].map(|end| wire_interface(link, end));
        let seed = seed.wrapping_mul(10).wrapping_add(link as u64).to_string();
        let mut arguments = ["wire", "--a", &a, "--b", &b, "--seed", &seed].map(str::to_owned).to_vec();
        arguments.extend(planned.wire.iter().cloned());
        start(lab, Place::Wires, &format!("wire {link}"), &format!("wire{link}.log"), "ready", &arguments)
    };
    let started = plan.wires().map(start).collect::<io::Result<Vec<_>>>()?;
    started.into_iter().try_for_each(|starting| starting.wait(lab))
}

/// Starts the mail server, if there is one, and waits until it listens.
pub(crate) fn start_mail_server(lab: &Lab, plan: &Plan) -> io::Result<()> {
    let Some(options) = &plan.mail_server else { return Ok(()) };
    if plan.stack != Stack::Linux {
        return start_foreign(lab, plan);
    }
    let arguments: Vec<String> = std::iter::once("mx").chain(options.split_whitespace()).map(str::to_owned).collect();
    start(lab, Place::Node(Node::S), "the mail server", "mx.log", "listening", &arguments)?.wait(lab)
}

/// Starts the mail server on a stack of its own.
fn start_foreign(lab: &Lab, plan: &Plan) -> io::Result<()> {
    let command = |program: &Path| {
        let mut command = Command::new("setsid");
        command.arg(program);
        command
    };
    let mut command = match plan.stack {
        Stack::Linux | Stack::Smoltcp => {
            let mut own = apart()?;
            own.arg("smoltcp");
            own
        }
        Stack::Lwip | Stack::Gvisor => command(&foreign_program(plan.stack)?),
    };
    command.args(foreign_arguments(plan)).stdin(Stdio::null());
    start_command(lab, Place::Node(Node::S), "the mail server", "mx.log", "listening", command)?.wait(lab)
}

/// What `netns-scripts/lib.sh` has built.
fn foreign_program(stack: Stack) -> io::Result<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("stacks"));
    let folder = std::env::var_os("PMTU_STACKS").map(PathBuf::from).or_else(beside).unwrap_or_default();
    let program = folder.join(stack.word());
    if program.is_file() {
        return Ok(program);
    }
    Err(io::Error::other(format!("{} is missing. Build it with: sudo netns-scripts/stacks.sh", program.display())))
}

/// Interface, MTU, the hardware addresses of both ends of the last link, and the addresses and gateways of both families.
fn foreign_arguments(plan: &Plan) -> Vec<String> {
    let link = Node::S.distance();
    let addresses = [Family::V4, Family::V6].map(|family| (Node::S.near_address(family), Node::R3.far_address(family)));
    let mut arguments = vec![interface_name(Side::TowardsC, 0), plan.links[link - 1].far_mtu.to_string()];
    arguments.extend([Side::TowardsC, Side::TowardsS].map(|side| hardware_address(link, side.end())));
    arguments.extend(addresses.iter().flat_map(|(own, gateway)| [own.to_string(), gateway.to_string()]));
    arguments
}

/// Starts the relays of routers that take TCP, and waits until they listen.
pub(crate) fn start_relays(lab: &Lab, plan: &Plan) -> io::Result<()> {
    for (node, breakage) in &plan.faults {
        let Breakage::TakeTcp { relay } = breakage else { continue };
        let to = SocketAddr::new(plan.peer, plan.port).to_string();
        let arguments = ["relay", "--port", &relay.to_string(), "--to", &to].map(str::to_owned);
        start(lab, Place::Node(*node), "a relay", &format!("relay-{node}.log"), "listening", &arguments)?.wait(lab)?;
    }
    Ok(())
}

/// This program again, in a session of its own: what the terminal is told does not reach it.
pub(crate) fn apart() -> io::Result<Command> {
    let mut command = Command::new("setsid");
    command.arg(std::env::current_exe()?).stdin(Stdio::null());
    Ok(command)
}

fn start(
    lab: &Lab,
    place: Place,
    what: &str,
    log: &str,
    ready: &'static str,
    arguments: &[String],
) -> io::Result<Starting> {
    let mut command = apart()?;
    command.args(arguments);
    start_command(lab, place, what, log, ready, command)
}

fn start_command(
    lab: &Lab,
    place: Place,
    what: &str,
    log: &str,
    ready: &'static str,
    mut command: Command,
) -> io::Result<Starting> {
    let out = File::create(lab.file(log))?;
    let err = out.try_clone()?;
    let child = within(lab, place, || command.stdout(out).stderr(err).spawn())?;
    Ok(Starting { child, what: what.to_owned(), log: log.to_owned(), ready })
}

impl Starting {
    fn wait(mut self, lab: &Lab) -> io::Result<()> {
        let begin = Instant::now();
        loop {
            let said = fs::read_to_string(lab.file(&self.log)).unwrap_or_default();
            if said.contains(self.ready) {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() {
                return Err(io::Error::other(format!("{} does not start: {}", self.what, said.trim())));
            }
            if begin.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("waited too long for {}", self.what)));
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }
}
