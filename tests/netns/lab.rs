//! One scenario on real kernels, made and removed by `pmtu-lab`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::scenario::{Family, Scenario};

/// The program under test: the one that cargo built, unless `PMTU_PROBE` names another.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("PMTU_PROBE").map_or_else(|| env!("CARGO_BIN_EXE_pmtu-probe").into(), PathBuf::from)
}

/// No run takes longer, the slowest peers included: one that stalls on the way back is watched for a while.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// Runs a test, given by its full name, where labs can be made. A user who is not root runs it again in a user namespace.
/// Where that is not allowed, the test fails and says what to do: a skipped test must not look like a passed one.
pub(crate) fn with_labs(test: &str, body: impl FnOnce()) {
    if rustix::process::geteuid().is_root() {
        return body();
    }
    let this = std::env::current_exe().expect("a test knows its own program");
    let again = Command::new(script("inside.sh")).arg(this).args([test, "--exact", "--nocapture"]).status();
    let again = again.expect("netns-scripts/inside.sh starts");
    assert!(again.success(), "{test} failed in a user namespace, or there is none: see above");
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("netns-scripts").join(name)
}

/// `pmtu-lab`, which cargo builds with the tests of the whole workspace.
pub(crate) fn lab_program() -> PathBuf {
    if let Some(path) = std::env::var_os("PMTU_LAB") {
        return path.into();
    }
    let path = Path::new(env!("CARGO_BIN_EXE_pmtu-probe")).with_file_name("pmtu-lab");
    assert!(path.exists(), "{} is missing: run cargo build --package pmtu-lab", path.display());
    path
}

/// A scenario that is up. Dropping it takes it down.
pub(crate) struct Lab {
    id: String,
    is_up: bool,
}

/// What a command in a lab did.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// Brings a scenario up. `options` are those of `pmtu-lab up`.
    pub(crate) fn up(scenario: &str, family: Family, options: &[&str]) -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let process = std::process::id().to_string();
        let id = format!("t{process}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let lab = Self { id, is_up: true };
        let made = lab_command()
            .args(["up", scenario, &family.to_string(), "--id", &lab.id, "--owner", &process])
            .args(options)
            .stdin(Stdio::null())
            .output();
        let made = made.map_err(|error| format!("pmtu-lab: {error}"))?;
        if made.status.success() { Ok(lab) } else { Err(format!("cannot bring {scenario} up: {}", text(&made.stderr))) }
    }

    /// The folder with the logs.
    pub(crate) fn folder(&self) -> PathBuf {
        let state = std::env::var_os("PMTU_LAB_STATE").unwrap_or_else(|| "/run/pmtu-lab".into());
        Path::new(&state).join(&self.id)
    }

    /// The file that stands for the network namespace of a node.
    pub(crate) fn namespace(&self, node: &str) -> String {
        format!("/run/netns/pl-{}-{node}", self.id)
    }

    /// Does something in the network namespace of a node: a socket belongs to the namespace that its thread was in when it was made.
    pub(crate) fn inside<T: Send>(&self, node: &str, work: impl FnOnce() -> T + Send) -> T {
        let namespace = fs::File::open(self.namespace(node)).expect("the namespace of a node");
        std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("root may enter a namespace");
                work()
            });
            there.join().expect("it is done")
        })
    }

    /// A command inside a node.
    pub(crate) fn command(&self, node: &str, program: impl AsRef<OsStr>) -> Command {
        let mut command = lab_command();
        command.args(["exec", &self.id, node]).arg(program).stdin(Stdio::null());
        command
    }

    /// Runs a shell command in a node and returns what it prints; panics if it fails.
    pub(crate) fn shell(&self, node: &str, line: &str) -> String {
        let output = self.command(node, "bash").args(["-euc", line]).output().expect("bash starts");
        assert!(output.status.success(), "{line} in {node}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs the program in c with these arguments.
    pub(crate) fn probe(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command("c", program());
        command.args(arguments);
        run(&mut command)
    }

    /// Notes every packet of an interface until the note is taken.
    pub(crate) fn witness(&self, node: &str, interface: &str) -> Witness {
        let mut command = self.command(node, lab_program());
        let mut child =
            command.args(["sniff", interface]).stdout(Stdio::piped()).spawn().expect("the lab's program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines().map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some("ready"), "the witness in {node} does not start");
        Witness { child, packets: std::thread::spawn(move || lines.filter_map(|line| seen(&line)).collect()) }
    }

    /// The processes that run in a node.
    pub(crate) fn processes(&self, node: &str) -> String {
        let listed = Command::new("ip").args(["netns", "pids", &format!("pl-{}-{node}", self.id)]).output();
        text(&listed.expect("ip starts").stdout)
    }

    /// The mail server's log, once every connection has ended or a second has passed.
    pub(crate) fn mail_log(&self) -> String {
        const ENDS: [&str; 5] = ["quit ", "lost ", "reset ", "close ", "alert "];
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            let log = fs::read_to_string(self.folder().join("mx.log")).unwrap_or_default();
            let count = |word| log.lines().filter(|line| line.starts_with(word)).count();
            if count("connect ") <= ENDS.into_iter().map(count).sum() || Instant::now() > deadline {
                return log;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Of the client ports seen at the router in front of parallel links: the links that each took.
    pub(crate) fn flows(&self, scenario: &Scenario) -> BTreeMap<u16, BTreeSet<usize>> {
        let mut flows = BTreeMap::<u16, BTreeSet<usize>>::new();
        let Some(index) = scenario.parallel_link() else { return flows };
        let router = scenario.routers()[index - 1].0.to_string();
        for member in 0..scenario.link(index).members().len() {
            let listed = self.shell(&router, &format!("nft -j list set inet lab member_{member}"));
            for port in set_of_ports(&listed) {
                flows.entry(port).or_default().insert(member);
            }
        }
        let first = self.first_port(&flows);
        let of_own_tcp = self.ports_that_only_quit();
        flows.retain(|port, _| Some(*port) == first || !of_own_tcp.contains(port));
        flows
    }

    /// The connections on which the visitor said nothing but QUIT. But for the first of a run, they are those of the client's own
    /// TCP, which is asked what it would send.
    fn ports_that_only_quit(&self) -> BTreeSet<u16> {
        let log = self.mail_log();
        let said = |number: &str| {
            let start = format!("command {number} ");
            log.lines().filter_map(move |line| line.strip_prefix(&start)).map(str::trim).collect::<Vec<_>>()
        };
        let connects = log.lines().filter_map(|line| line.strip_prefix("connect ")?.split_once(' '));
        let quiet = connects.filter(|(number, _)| said(number) == ["QUIT"]);
        quiet.filter_map(|(_, peer)| peer.trim().parse::<std::net::SocketAddr>().ok()).map(|peer| peer.port()).collect()
    }

    /// Lets the router in front of parallel links forget which flows it saw.
    pub(crate) fn forget_flows(&self, scenario: &Scenario) {
        let Some(index) = scenario.parallel_link() else { return };
        let router = scenario.routers()[index - 1].0.to_string();
        for member in 0..scenario.link(index).members().len() {
            self.shell(&router, &format!("nft flush set inet lab member_{member}"));
        }
    }

    /// The client port of the first connection that the mail server saw, of those with one of these ports.
    pub(crate) fn first_port(&self, ports: &BTreeMap<u16, BTreeSet<usize>>) -> Option<u16> {
        let log = self.mail_log();
        let peers = log.lines().filter_map(|line| line.strip_prefix("connect ")?.split_whitespace().nth(1));
        let port = |peer: &str| peer.parse().ok().map(|peer: std::net::SocketAddr| peer.port());
        peers.filter_map(port).find(|port| ports.contains_key(port))
    }

    /// Takes the lab down and says what is left of it.
    pub(crate) fn down(mut self) -> Result<(), String> {
        self.is_up = false;
        take_down(&self.id)?;
        let namespaces = fs::read_dir("/run/netns").map_or_else(|_| vec![], |entries| entries.flatten().collect());
        let prefix = format!("pl-{}-", self.id);
        let left: Vec<_> = namespaces.iter().map(fs::DirEntry::file_name).collect();
        match left.iter().find(|name| name.to_string_lossy().starts_with(&prefix)) {
            Some(name) => Err(format!("namespace {} is left", name.display())),
            None => Ok(()),
        }
    }
}

/// Sees the packets of an interface.
pub(crate) struct Witness {
    child: std::process::Child,
    packets: std::thread::JoinHandle<Vec<Seen>>,
}

/// A packet, and when it passed, in seconds.
pub(crate) struct Seen {
    pub(crate) at: f64,
    pub(crate) bytes: Vec<u8>,
}

impl Witness {
    /// All it saw so far; it looks no longer.
    pub(crate) fn packets(mut self) -> Vec<Seen> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.packets.join().expect("lines are read")
    }
}

fn seen(line: &str) -> Option<Seen> {
    let (at, hex) = line.split_once(' ')?;
    let bytes = (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16)).collect::<Result<_, _>>();
    Some(Seen { at: at.parse().ok()?, bytes: bytes.ok()? })
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.is_up {
            let _ = take_down(&self.id);
        }
    }
}

/// The elements of a set as `nft -j list set` prints it.
fn set_of_ports(listed: &str) -> Vec<u16> {
    let listed: serde_json::Value = serde_json::from_str(listed).expect("nft -j prints JSON");
    let entries = listed["nftables"].as_array().expect("nft lists objects");
    let elements = entries.iter().filter_map(|entry| entry["set"]["elem"].as_array()).flatten();
    elements
        .map(|port| u16::try_from(port.as_u64().expect("a port is a number")).expect("a port has 16 bits"))
        .collect()
}

fn take_down(id: &str) -> Result<(), String> {
    let output = lab_command().args(["down", id]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("pmtu-lab: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("cannot take {id} down: {}", text(&output.stderr))) }
}

fn lab_command() -> Command {
    Command::new(lab_program())
}

/// Runs a command to its end and kills it when it does not come to one.
pub(crate) fn run(command: &mut Command) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    finish(child)
}

/// Waits for the end of a child with piped output.
pub(crate) fn finish(child: std::process::Child) -> Ran {
    let pid = rustix::process::Pid::from_child(&child);
    let (done, watch) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if watch.recv_timeout(LONGEST_RUN) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    let Output { status, stdout, stderr } = child.wait_with_output().expect("a child can be waited for");
    drop(done);
    let _ = watchdog.join();
    Ran { status, stdout: text(&stdout), stderr: text(&stderr) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
