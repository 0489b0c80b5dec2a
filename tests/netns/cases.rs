//! What no scenario file can say: odd targets, odd hosts, interrupted and forbidden runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::lab::{Lab, Ran, finish, lab_program, program, run, with_labs};
use super::scenario::{self, Family, Node, Outcome};
use super::verify::{self, Faults, Manners, Traces};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

#[test]
fn this_host_and_loopback_are_clear() {
    with_labs("cases::this_host_and_loopback_are_clear", || {
        let lab = up("clear", Family::V4, &[]);
        let mut server = mail_server(&lab, "c");
        for target in ["10.0.1.1", "127.0.0.1", "fd00:0:0:1::1", "::1"] {
            let address = only_address(&lab.probe(&["--json", target]));
            assert_eq!(address["verdict"], "clear", "{target}: {address}");
            // The loopback interface has an MTU of 65536; an IPv4 packet cannot be larger than 65535.
            let size = address["path_mtu"].as_u64().unwrap_or_default();
            assert!((65535..=65536).contains(&size), "{target}: path_mtu {size}");
        }
        server.stop();
        lab.down().unwrap();
    });
}

#[test]
fn a_link_local_address_needs_its_zone() {
    with_labs("cases::a_link_local_address_needs_its_zone", || {
        let lab = up("clear", Family::V6, &[]);
        let mut server = mail_server(&lab, "r1");
        // Made from the MAC address of r1's e0, 02:00:00:00:01:02 (RFC 4291, appendix A).
        let address = only_address(&lab.probe(&["--json", "fe80::ff:fe00:102%e1"]));
        assert_eq!(address["verdict"], "clear", "{address}");
        assert_eq!(address["path_mtu"], 1500, "{address}");
        let without = lab.probe(&["fe80::ff:fe00:102"]);
        assert_one_line_error(&without);
        server.stop();
        lab.down().unwrap();
    });
}

#[test]
fn a_tun_interface_is_an_interface() {
    with_labs("cases::a_tun_interface_is_an_interface", || {
        for family in FAMILIES {
            let lab = up("silent_router", family, &[]);
            let mut wire = tunnel(&lab);
            let target = Node::S.near_address(family).to_string();
            let address = only_address(&lab.probe(&["--json", &target]));
            assert_eq!(faults_of(&address, "silent_router", family), Faults::new());
            wire.stop();
            lab.down().unwrap();
        }
    });
}

#[test]
fn two_runs_at_the_same_time_do_not_mix() {
    with_labs("cases::two_runs_at_the_same_time_do_not_mix", || {
        for family in FAMILIES {
            let lab = up("silent_router", family, &["--delay", "5"]);
            let expected = expected("silent_router", family);
            let target = Node::S.near_address(family).to_string();
            let started: Vec<_> = (0..4).map(|_| spawn(&lab, &["--json", &target])).collect();
            for child in started {
                assert_eq!(verify::outcome(&finish(child), &expected, family), Faults::new());
            }
            lab.down().unwrap();
        }
    });
}

#[test]
fn a_name_may_have_a_healthy_and_a_broken_address() {
    with_labs("cases::a_name_may_have_a_healthy_and_a_broken_address", || {
        let lab = up("clear", Family::V4, &[]);
        lab.shell("s", "ip addr add 10.0.4.3/24 dev e0");
        lab.shell(
            "r2",
            "nft 'add table inet extra; add chain inet extra forward { type filter hook forward priority 0; };
                  add rule inet extra forward ip daddr 10.0.4.3 meta length > 1400 drop'",
        );
        let hosts = lab.folder().join("hosts");
        let names = fs::read_to_string(&hosts).unwrap() + "10.0.4.3 mx.example.com\n";
        fs::write(&hosts, names).unwrap();

        let ran = lab.probe(&["--json", "mx.example.com"]);
        let document = verify::document(&ran).unwrap_or_else(|fault| panic!("{fault}"));
        let verdict_of = |address: &str| {
            let addresses = document["addresses"].as_array().cloned().unwrap_or_default();
            addresses.iter().find(|entry| entry["address"] == address).map(|entry| entry["verdict"].clone())
        };
        assert_eq!(verdict_of("10.0.4.2"), Some("clear".into()), "{document}");
        assert_eq!(verdict_of("10.0.4.3"), Some("black_hole".into()), "{document}");
        assert_eq!(ran.status.code(), Some(2), "the worst address decides");
        lab.down().unwrap();
    });
}

#[test]
fn an_interrupted_run_tells_what_it_knows_and_leaves_nothing() {
    with_labs("cases::an_interrupted_run_tells_what_it_knows_and_leaves_nothing", || {
        for (signal, after_ms) in [(Signal::INT, 250), (Signal::INT, 700), (Signal::TERM, 450)] {
            // A round trip takes 300 ms: at all these times the run is under way.
            let lab = up("silent_router", Family::V4, &["--delay", "150"]);
            let before = Traces::of(&lab, Family::V4);
            let child = spawn(&lab, &["--json", "10.0.4.2"]);
            wait_until_running(&lab);
            std::thread::sleep(Duration::from_millis(after_ms));
            let sent = Instant::now();
            kill_process(Pid::from_child(&child), signal).unwrap();
            let ran = finish(child);
            assert!(sent.elapsed() < Duration::from_secs(2), "it took {:?} to end", sent.elapsed());
            assert_eq!(ran.status.code(), Some(130), "{signal:?} after {after_ms} ms: {}", ran.stderr);
            let address = only_address(&ran);
            // Nothing that a run so short can prove, but an honest document.
            assert_ne!(address["verdict"], "clear", "{address}");
            assert_eq!(Traces::of(&lab, Family::V4).faults_since(&before, false), Faults::new());
            assert_eq!(verify::politeness(&lab.mail_log(), Manners::Harmless), Faults::new());
            lab.down().unwrap();
        }
    });
}

#[test]
fn without_privilege_one_line_says_the_ways_out() {
    with_labs("cases::without_privilege_one_line_says_the_ways_out", || {
        let lab = up("clear", Family::V4, &[]);
        // Another user must be able to read the program, wherever it was built.
        let copy = lab.folder().join("pmtu-probe");
        fs::copy(program(), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        let copy = copy.to_str().unwrap();
        let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let no_capability = ["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", copy, "10.0.4.2"];
        // A user namespace of one user knows no other: there root without capabilities has to do.
        let has_other_users = fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.trim_end().ends_with(" 1"));
        let mut command = lab.command("c", "setpriv");
        command.args(if has_other_users { &nobody[..] } else { &[] }).args(no_capability);
        let ran = run(&mut command);
        assert_one_line_error(&ran);
        for way_out in ["sudo", "setcap"] {
            assert!(ran.stderr.contains(way_out), "no word of {way_out}: {}", ran.stderr);
        }
        lab.down().unwrap();
    });
}

/// What `setcap cap_net_raw+ep` grants.
#[test]
fn one_capability_is_enough() {
    with_labs("cases::one_capability_is_enough", || {
        for family in FAMILIES {
            let lab = up("silent_router", family, &[]);
            let before = Traces::of(&lab, family);
            let one = ["--bounding-set", "-all,+net_raw", "--inh-caps", "-all,+net_raw", "--no-new-privs"];
            let mut command = lab.command("c", "setpriv");
            command.args(one).arg(program()).args(["--json", &Node::S.near_address(family).to_string()]);
            let ran = run(&mut command);
            assert_eq!(verify::outcome(&ran, &expected("silent_router", family), family), Faults::new());
            // A kernel that is not silent would have reset the connection.
            assert_eq!(verify::politeness(&lab.mail_log(), Manners::Goodbye), Faults::new());
            assert_eq!(Traces::of(&lab, family).faults_since(&before, false), Faults::new());
            lab.down().unwrap();
        }
    });
}

#[test]
fn what_cannot_be_probed_is_one_line_and_exit_code_3() {
    with_labs("cases::what_cannot_be_probed_is_one_line_and_exit_code_3", || {
        let lab = up("clear", Family::V4, &[]);
        assert_one_line_error(&lab.probe(&["nobody.example.com"]));
        lab.shell("c", "ip route del default; ip -6 route del default");
        assert_one_line_error(&lab.probe(&["203.0.113.1"]));
        assert_one_line_error(&lab.probe(&["2001:db8::1"]));
        assert_one_line_error(&lab.probe(&["-I", "nowhere0", "10.0.4.2"]));
        assert_one_line_error(&lab.probe(&["--source", "192.0.2.1", "10.0.4.2"]));
        assert_eq!(lab.processes("c"), "");
        lab.down().unwrap();
    });
}

#[test]
fn a_name_is_probed_like_its_address() {
    with_labs("cases::a_name_is_probed_like_its_address", || {
        for family in FAMILIES {
            let lab = up("silent_router", family, &[]);
            for target in ["mx.example.com", "mx.example.com:25", "[mx.example.com]:25"] {
                let ran = lab.probe(&["--json", target]);
                assert_eq!(
                    verify::outcome(&ran, &expected("silent_router", family), family),
                    Faults::new(),
                    "{target}"
                );
                assert_eq!(only_address(&ran)["host"], "mx.example.com");
            }
            lab.down().unwrap();
        }
    });
}

pub(crate) fn up(scenario: &str, family: Family, options: &[&str]) -> Lab {
    Lab::up(scenario, family, options).unwrap_or_else(|error| panic!("{error}"))
}

fn expected(scenario: &str, family: Family) -> Outcome {
    scenario::load(scenario).unwrap_or_else(|error| panic!("{error}")).expect.outcome(family)
}

fn faults_of(address: &Value, scenario: &str, family: Family) -> Faults {
    let mut expected = expected(scenario, family);
    expected.located_at = None;
    verify::address_outcome(address, &expected, family)
}

pub(crate) fn only_address(ran: &Ran) -> Value {
    let document = verify::document(ran).unwrap_or_else(|fault| panic!("{fault}"));
    let addresses = document["addresses"].as_array().cloned().unwrap_or_default();
    assert_eq!(addresses.len(), 1, "{document}");
    addresses[0].clone()
}

pub(crate) fn assert_one_line_error(ran: &Ran) {
    assert_eq!(ran.status.code(), Some(3), "stderr: {}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr.lines().count(), 1, "stderr: {}", ran.stderr);
    assert!(ran.stderr.starts_with("pmtu-probe: "), "stderr: {}", ran.stderr);
}

pub(crate) fn spawn(lab: &Lab, arguments: &[&str]) -> std::process::Child {
    let mut command = lab.command("c", program());
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Until the scripts around it have become the program itself.
pub(crate) fn wait_until_running(lab: &Lab) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let runs =
        |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "pmtu-probe");
    while !lab.processes("c").lines().any(runs) {
        assert!(Instant::now() < deadline, "the program does not start");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A part of the lab that a test adds. Its processes end with the test.
struct Extra(std::process::Child);

impl Extra {
    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Extra {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A mail server in a node that has none.
fn mail_server(lab: &Lab, node: &str) -> Extra {
    let mut command = lab.command(node, lab_program());
    command.args(["mx", "--with-parent"]);
    ready(command)
}

/// A TUN between c and r1; c reaches everything through it.
fn tunnel(lab: &Lab) -> Extra {
    let mut command = std::process::Command::new(lab_program());
    let ends = ["c", "r1"].map(|node| format!("tun:{}:tun0", lab.namespace(node)));
    command.args(["wire", "--with-parent", "--a", &ends[0], "--b", &ends[1]]);
    let extra = ready(command);
    for (node, end) in [("c", 1), ("r1", 2)] {
        let line = format!(
            "ip link set tun0 up mtu 1500
             ip addr add 10.0.9.{end}/24 dev tun0; ip addr add fd00:0:0:9::{end}/64 dev tun0 nodad"
        );
        lab.shell(node, &line);
    }
    for net in [2, 3, 4] {
        lab.shell(
            "c",
            &format!("ip route replace 10.0.{net}.0/24 dev tun0; ip -6 route replace fd00:0:0:{net}::/64 dev tun0"),
        );
    }
    lab.shell("r2", "ip route add 10.0.9.0/24 via 10.0.2.1; ip -6 route add fd00:0:0:9::/64 via fd00:0:0:2::1");
    lab.shell("r3", "ip route add 10.0.9.0/24 via 10.0.3.1; ip -6 route add fd00:0:0:9::/64 via fd00:0:0:3::1");
    extra
}

/// Starts a process that says one line when it is ready.
fn ready(mut command: std::process::Command) -> Extra {
    use std::io::BufRead;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    let mut stdout = std::io::BufReader::new(stdout);
    stdout.read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "a part of the lab does not start");
    // Whatever it says later is read, so that it never blocks.
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    Extra(child)
}
