//! The programs that run in a lab while it is up: wires and the mail server.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::breakage::Breakage;
use crate::names::{WireEnd, wire_interface};
use crate::namespace::within;
use crate::plan::{Plan, PlannedLink};
use crate::scenario_file::Node;
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
    let arguments: Vec<String> = std::iter::once("mx").chain(options.split_whitespace()).map(str::to_owned).collect();
    start(lab, Place::Node(Node::S), "the mail server", "mx.log", "listening", &arguments)?.wait(lab)
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
    let out = File::create(lab.file(log))?;
    let err = out.try_clone()?;
    let child = within(lab, place, || apart()?.args(arguments).stdout(out).stderr(err).spawn())?;
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
