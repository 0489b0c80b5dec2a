//! Two network namespaces of two threads, joined by one Ethernet link. Both vanish with their threads.
//!
//! This host: interface `here`, 10.9.1.1 and fd09::1. The peer: interface `there`, 10.9.1.2 and fd09::2. MTU 1500.

use std::net::IpAddr;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

/// Set in a copy of the test binary that already runs in a user namespace.
const NESTED: &str = "PMTU_PROBE_KERNEL_NESTED";

pub(crate) const HERE4: &str = "10.9.1.1";
pub(crate) const HERE6: &str = "fd09::1";
pub(crate) const THERE4: &str = "10.9.1.2";
pub(crate) const THERE6: &str = "fd09::2";

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The namespaces of one test.
pub(crate) struct Lab {
    peer: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Lab {
    /// Runs something in the peer's namespace and waits for it.
    pub(crate) fn peer<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        let run = Box::new(move || drop(done.send(job())));
        self.peer.send(run).expect("the peer's thread runs");
        result.recv().expect("the job in the peer's namespace does not panic")
    }
}

/// Runs a test in namespaces of its own. `name` is the test's, for the case that it has to start itself again.
///
/// Fails if the privilege for that is missing, so that a run that tested nothing does not look like a success.
pub(crate) fn in_namespaces<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Lab) -> F + Send + 'static) {
    if !rustix::process::geteuid().is_root() && std::env::var_os(NESTED).is_none() {
        return in_user_namespace(name);
    }
    let outcome = thread::spawn(move || run(test)).join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn in_user_namespace(name: &str) {
    let binary = std::env::current_exe().expect("the path of this test");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--"])
        .arg(binary)
        .args(["--exact", name, "--nocapture"])
        .env(NESTED, "1")
        .output();
    // Not the exit code: that of a name which no test has is success, too.
    let passed =
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("test result: ok. 1 passed"));
    assert!(passed, "{name} failed, or needs root or user namespaces: use `sudo -E cargo test`");
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Lab) -> F) {
    enter_new_namespace();
    let lab = Lab { peer: start_peer() };
    configure("here", HERE4, HERE6);
    lab.peer(|| configure("there", THERE4, THERE6));
    // The neighbours know each other: no test waits for that, and no queue for it hides an error.
    for there in [THERE4, THERE6] {
        sh(&format!("for try in $(seq 200); do ping -c1 -W1 {there} && exit; done; exit 1"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test(lab));
}

fn start_peer() -> mpsc::Sender<Job> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let (ready, thread_id) = mpsc::channel();
    thread::spawn(move || {
        enter_new_namespace();
        ready.send(rustix::thread::gettid()).expect("the test waits");
        for job in queue {
            job();
        }
    });
    let thread_id = thread_id.recv().expect("the peer's namespace");
    sh(&format!("ip link add here type veth peer name there netns {}", thread_id.as_raw_nonzero()));
    jobs
}

#[expect(deprecated, reason = "unsafe only with UnshareFlags::FILES")]
fn enter_new_namespace() {
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET)
        .expect("a new network namespace: use `sudo -E cargo test`");
}

fn configure(interface: &str, v4: &str, v6: &str) {
    sh("ip link set lo up");
    sh(&format!("ip address add {v4}/24 dev {interface}"));
    sh(&format!("ip address add {v6}/64 dev {interface} nodad"));
    for family in ["ipv4", "ipv6"] {
        // A link that is still coming up loses the first question for the neighbour: ask again soon.
        sh(&format!("echo 20 > /proc/sys/net/{family}/neigh/{interface}/retrans_time_ms"));
    }
    sh(&format!("ip link set {interface} up"));
}

/// Runs a command in the namespace of the calling thread and gives what it prints.
pub(crate) fn sh(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().expect("sh runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
