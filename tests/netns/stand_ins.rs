//! Whoever answers TCP in the server's place, beyond what a scenario file can say: the networks of rootless containers
//! (slirp4netns and pasta), and a SYN proxy.
//!
//! The programs are Debian's; `netns-scripts/test.sh` installs them. They run in c, and the program in a namespace behind them,
//! as in a container.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cases::up;
use super::lab::{Lab, Ran, program, run, with_labs};
use super::scenario::Family;
use super::verify;

/// However such a network behaves, the user is told this soon.
const SOON: Duration = Duration::from_secs(5);
/// A hole, a healthy path, one on which routers say what they carry.
const PATHS: [&str; 3] = ["silent_router", "clear", "ptb_1400"];

#[test]
fn behind_slirp4netns_nothing_is_said_of_the_path() {
    with_labs("stand_ins::behind_slirp4netns_nothing_is_said_of_the_path", || {
        for path in PATHS {
            let lab = up(path, Family::V4, &["--delay", "5", "--mx", "--tls starttls"]);
            let container = Container::behind_slirp(&lab);
            container.expect_no_verdict(path, &["--json", "10.0.4.2"]);
            container.expect_no_verdict(path, &["--json", "--direction", "reverse", "10.0.4.2"]);
            drop(container);
            lab.down().unwrap();
        }
    });
}

#[test]
fn behind_pasta_nothing_is_said_of_the_path() {
    with_labs("stand_ins::behind_pasta_nothing_is_said_of_the_path", || {
        for path in PATHS {
            let lab = up(path, Family::V4, &["--delay", "5", "--mx", "--tls starttls"]);
            let container = Container::behind_pasta(&lab);
            container.expect_no_verdict(path, &["--json", "10.0.4.2"]);
            drop(container);
            lab.down().unwrap();
        }
    });
}

/// What follows the handshake, the server answers itself. So a verdict may stand where its answers name what arrived; SYNs are no
/// witnesses. Without timestamps, which this program does not offer, Linux's proxy has no room for SACK.
#[test]
fn behind_a_syn_proxy_no_verdict_is_wrong() {
    with_labs("stand_ins::behind_a_syn_proxy_no_verdict_is_wrong", || {
        for (path, verdict) in [("silent_router", "black_hole"), ("clear", "clear"), ("ptb_1400", "discoverable")] {
            for (router, mss) in [("r1", 1460), ("r1", 536), ("r2", 1460)] {
                let proxy = format!("{router} syn_proxy {mss}");
                let lab = up(path, Family::V4, &["--delay", "5", "--filter", &proxy]);
                lab.shell(router, "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0");
                let ran = lab.probe(&["--json", "10.0.4.2"]);
                let address = only(&ran);
                let found = address["verdict"].as_str().unwrap_or_default();
                let is_masked = verdict == "black_hole" && mss < 1360 && found == "masked";
                assert!(found == verdict || found == "inconclusive" || is_masked, "{path}, {proxy}: {address}");
                let told = ["tcp_ends_at_hop", "syn_proxy"].map(Value::from);
                let findings = address["findings"].as_array().cloned().unwrap_or_default();
                assert!(findings.iter().any(|finding| told.contains(finding)), "{path}, {proxy}: {address}");
                lab.down().unwrap();
            }
        }
    });
}

fn only(ran: &Ran) -> Value {
    let document = verify::document(ran).unwrap_or_else(|fault| panic!("{fault}"));
    document["addresses"][0].clone()
}

/// A network namespace whose only way out is a program in c.
struct Container {
    /// Holds the namespace.
    holder: Child,
    network: Option<Child>,
}

impl Container {
    fn behind_slirp(lab: &Lab) -> Self {
        let holder = held_by(Command::new("unshare").args(["--net", "sleep", "300"]));
        let pid = holder.id().to_string();
        wait_until("the namespace is there", || is_apart(&pid));
        let mut slirp = lab.command("c", "slirp4netns");
        slirp.args(["--configure", "--mtu=1500", "--disable-dns", &pid, "tap0"]);
        let network = held_by(&mut slirp);
        let container = Self { holder, network: Some(network) };
        wait_until("slirp4netns has made a route", || container.has_route());
        container
    }

    /// Pasta does not want to be root, but of a user namespace, and makes the namespace itself.
    fn behind_pasta(lab: &Lab) -> Self {
        let mut pasta = lab.command("c", "unshare");
        pasta.args(["--user", "--map-root-user", "pasta", "--config-net", "--foreground", "--quiet", "--"]);
        let network = held_by(pasta.args(["sleep", "300"]));
        wait_until("pasta runs its command", || sleeper_below(network.id()).is_some());
        let container = Self { holder: network, network: None };
        wait_until("pasta has made a route", || container.has_route());
        container
    }

    /// The process in whose namespaces the program runs.
    fn inhabitant(&self) -> String {
        match self.network {
            Some(_) => self.holder.id().to_string(),
            None => sleeper_below(self.holder.id()).unwrap_or_default(),
        }
    }

    fn inside(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.inhabitant()]).stdin(Stdio::null());
        command
    }

    fn has_route(&self) -> bool {
        let routes = self.inside().args(["ip", "route", "show", "default"]).output();
        routes.is_ok_and(|routes| !routes.stdout.is_empty())
    }

    fn expect_no_verdict(&self, path: &str, arguments: &[&str]) {
        let begin = Instant::now();
        let mut command = self.inside();
        command.arg(program()).args(arguments);
        let ran = run(&mut command);
        let took = begin.elapsed();
        let address = only(&ran);
        println!("{path} {arguments:?}: {took:?}, {}", address["reason"]);
        let findings = address["findings"].as_array().cloned().unwrap_or_default();
        assert_eq!(address["verdict"], "inconclusive", "{path}: {address}");
        assert_eq!(address["tcp_ends_at_hop"], 1, "{path}: {address}");
        assert!(findings.contains(&"tcp_ends_at_hop".into()), "{path}: {address}");
        assert_eq!(ran.status.code(), Some(3), "{path}: {address}");
        assert!(took < SOON, "{path}: {took:?}");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let children = [Some(&mut self.holder), self.network.as_mut()];
        for child in children.into_iter().flatten() {
            // All of its group: a command that it started, too.
            let group = rustix::process::Pid::from_child(child);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            let _ = child.wait();
        }
    }
}

/// Starts a program at the head of a group of its own.
fn held_by(command: &mut Command) -> Child {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    quiet.spawn().expect("netns-scripts/test.sh installs slirp4netns and passt")
}

fn is_apart(pid: &str) -> bool {
    let namespace = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).ok();
    namespace(pid).is_some_and(|theirs| Some(theirs) != namespace("self"))
}

/// The `sleep` that a process has started.
fn sleeper_below(pid: u32) -> Option<String> {
    let found = Command::new("pgrep").args(["--parent", &pid.to_string(), "--exact", "sleep"]).output();
    let found = String::from_utf8_lossy(&found.ok()?.stdout).trim().to_owned();
    (!found.is_empty()).then_some(found)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
