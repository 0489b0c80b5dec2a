//! What the program and its children may do while a run goes on, read from /proc, for each way to start it; and what another process of
//! the same user can do to it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cases::up;
use super::lab::{Lab, program, with_labs};
use super::scenario::Family;

/// Somebody without rights.
const USER: &str = "1234";
const NOBODY: &str = "65534";

/// Capabilities by their numbers (linux/capability.h).
const DAC_OVERRIDE: u64 = 1 << 1;
const DAC_READ_SEARCH: u64 = 1 << 2;
const FOWNER: u64 = 1 << 3;
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const SYS_PTRACE: u64 = 1 << 19;

/// A way to start the program, and who it is afterwards.
struct Way {
    name: &'static str,
    /// What comes before the program.
    before: Vec<String>,
    /// What `setcap` or `chmod` do to its file.
    file: Option<&'static [&'static str]>,
    user: &'static str,
    starts_as_root: bool,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn ways() -> Vec<Way> {
    let as_user = format!("setpriv --reuid {USER} --regid {USER} --clear-groups");
    vec![
        Way {
            name: "root",
            before: words("env -u SUDO_UID -u SUDO_GID"),
            file: None,
            user: NOBODY,
            starts_as_root: true,
        },
        // What sudo tells of its caller.
        Way {
            name: "sudo",
            before: words(&format!("env SUDO_UID={USER} SUDO_GID={USER}")),
            file: None,
            user: USER,
            starts_as_root: true,
        },
        Way {
            name: "file capability",
            before: words(&as_user),
            file: Some(&["setcap", "cap_net_raw+ep"]),
            user: USER,
            starts_as_root: false,
        },
        Way {
            name: "two file capabilities",
            before: words(&as_user),
            file: Some(&["setcap", "cap_net_raw,cap_net_admin+ep"]),
            user: USER,
            starts_as_root: false,
        },
        Way {
            name: "ambient capability",
            before: words(&format!("{as_user} --inh-caps -all,+net_raw --ambient-caps -all,+net_raw")),
            file: None,
            user: USER,
            starts_as_root: false,
        },
        Way {
            name: "set-user-ID",
            before: words(&as_user),
            file: Some(&["chmod", "4755"]),
            user: USER,
            starts_as_root: true,
        },
    ]
}

/// A program that runs, and is ended with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program in the lab's client towards an address that nobody has, and waits until it has given its rights up.
fn start(lab: &Lab, way: &Way, arguments: &[&str]) -> Running {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["10.0.4.77"]).collect();
    start_with(lab, way, &arguments)
}

/// The same with these arguments alone. What it says on stderr stands in `told`.
fn start_with(lab: &Lab, way: &Way, arguments: &[&str]) -> Running {
    let copy = lab.folder().join("pmtu-probe");
    let _ = fs::remove_file(&copy);
    fs::copy(program(), &copy).expect("a copy");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("permissions");
    if let Some([tool, rights]) = way.file {
        let done = Command::new(tool).arg(rights).arg(&copy).status().expect("the tool starts");
        assert!(done.success(), "{tool} {rights}");
    }
    let (first, others) = way.before.split_first().expect("a command");
    let mut command = lab.command("c", first);
    command.args(others).arg(&copy).args(arguments);
    let told = fs::File::create(lab.folder().join("told")).expect("a file");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(told).spawn().expect("it starts");
    let running = Running(child);
    wait_until_fenced(&running, way.name);
    running
}

fn wait_until_fenced(running: &Running, name: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while status(running.0.id())["Seccomp"] != "2" {
        assert!(Instant::now() < deadline, "{name}: no filter for system calls: {:?}", status(running.0.id()));
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn wait_until_told(lab: &Lab, name: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let told = fs::read_to_string(lab.folder().join("told")).expect("what it said");
        if told.contains(wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{name}: {told}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `/proc/PID/status`.
fn status(process: u32) -> BTreeMap<String, String> {
    pairs(&fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs"))
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

fn mask(status: &BTreeMap<String, String>, set: &str) -> u64 {
    u64::from_str_radix(&status[set], 16).expect("a mask")
}

fn children_of(parent: u32) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").expect("proc").flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |process: &u32| {
        let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        text.lines().any(|line| line.split_whitespace().eq(["PPid:", &parent.to_string()]))
    };
    numbers.filter(is_child).collect()
}

#[test]
fn nothing_is_left_of_the_rights_however_it_is_started() {
    with_labs("privileges::nothing_is_left_of_the_rights_however_it_is_started", || {
        require_other_users();
        let lab = up("clear", Family::V4, &[]);
        for way in ways() {
            let running = start(&lab, &way, &[]);
            let found = status(running.0.id());
            let name = way.name;
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                assert_eq!(mask(&found, set), 0, "{name}: {set}: {found:#?}");
            }
            if way.starts_as_root {
                assert_eq!(mask(&found, "CapBnd"), 0, "{name}: {found:#?}");
                assert_eq!(found["Groups"], "", "{name}");
            }
            assert_eq!(found["NoNewPrivs"], "1", "{name}");
            for id in ["Uid", "Gid"] {
                assert_eq!(found[id], [way.user; 4].join(" "), "{name}: {id}");
            }
            // Files in /proc belong to root where a process may not be inspected.
            let owner = fs::metadata(format!("/proc/{}/fd", running.0.id())).expect("its descriptors").uid();
            assert_eq!(owner, 0, "{name}: others may look into it");
        }
        lab.down().unwrap();
    });
}

#[test]
fn a_child_has_the_rights_for_its_one_task() {
    with_labs("privileges::a_child_has_the_rights_for_its_one_task", || {
        require_other_users();
        let lab = up("clear", Family::V4, &[]);
        let output = lab.folder().join("out.json");
        let argument = format!("--json={}", output.display());
        for way in ways() {
            // A program that is set-user-ID writes no files.
            let writes = way.starts_as_root && way.name != "set-user-ID";
            let arguments: Vec<&str> = writes.then_some(argument.as_str()).into_iter().collect();
            let running = start(&lab, &way, &arguments);
            let children = children_of(running.0.id());
            let reads_rules = way.starts_as_root || way.name == "two file capabilities";
            assert_eq!(children.len(), usize::from(reads_rules) + usize::from(writes), "{}", way.name);
            for child in children {
                let (found, name) = (status(child), way.name);
                let is_shell = found["Name"] == "sh";
                let rights = match (is_shell, way.starts_as_root) {
                    (true, true) => NET_ADMIN | NET_RAW | DAC_READ_SEARCH,
                    (true, false) => NET_ADMIN | NET_RAW,
                    (false, _) => DAC_OVERRIDE | FOWNER,
                };
                for set in ["CapPrm", "CapEff"] {
                    assert_eq!(mask(&found, set), rights, "{name}: {set}: {found:#?}");
                }
                if way.starts_as_root {
                    assert_eq!(mask(&found, "CapBnd") & !rights, 0, "{name}: {found:#?}");
                }
                assert_eq!(found["NoNewPrivs"], "1", "{name}: {found:#?}");
                if is_shell {
                    assert_eq!(found["Uid"], [way.user; 4].join(" "), "{name}");
                    let environment = fs::read(format!("/proc/{child}/environ")).expect("its environment");
                    let names = environment.split(|byte| *byte == 0).filter(|word| !word.is_empty());
                    assert!(names.clone().all(|word| word.starts_with(b"PATH=/usr/sbin:") || word == b"LC_ALL=C"));
                } else {
                    assert_eq!(found["Seccomp"], "2", "{name}");
                }
            }
        }
        lab.down().unwrap();
    });
}

/// A list that root alone may read is read again by a child that can do nothing else.
#[test]
fn the_child_that_reads_a_list_has_that_right_alone() {
    with_labs("privileges::the_child_that_reads_a_list_has_that_right_alone", || {
        require_other_users();
        let lab = up("clear", Family::V4, &[]);
        let list = lab.folder().join("list");
        let name = list.display().to_string();
        // A program that is set-user-ID reads no list by its name.
        for way in ways().into_iter().filter(|way| way.name != "set-user-ID") {
            fs::write(&list, "10.0.4.77\n").expect("a file");
            let mode = if way.starts_as_root { 0o600 } else { 0o644 };
            fs::set_permissions(&list, fs::Permissions::from_mode(mode)).expect("permissions");
            let running = start_with(&lab, &way, &["--watch", "--targets", &name]);
            let child = children_of(running.0.id()).into_iter().map(status).find(|found| found["Name"] != "sh");
            let found = child.unwrap_or_else(|| panic!("{}: nobody reads the list", way.name));
            let name = way.name;
            let rights = if way.starts_as_root { DAC_READ_SEARCH } else { 0 };
            for set in ["CapPrm", "CapEff"] {
                assert_eq!(mask(&found, set), rights, "{name}: {set}: {found:#?}");
            }
            assert_eq!((found["NoNewPrivs"].as_str(), found["Seccomp"].as_str()), ("1", "2"), "{name}");
            assert_eq!(found["Uid"], [way.user; 4].join(" "), "{name}");
            fs::write(&list, "10.0.4.77\n10.0.4.78\n").expect("a file");
            wait_until_told(&lab, name, "watching 1 target");
            kill_process(Pid::from_child(&running.0), Signal::HUP).expect("it runs");
            wait_until_told(&lab, name, "the list was read again: 2 targets, 1 new and 0 gone");
        }
        lab.down().unwrap();
    });
}

/// Who holds a connection is told by a child for as long as a watch runs. Whom a file made root is told of his own processes alone.
#[test]
fn the_child_that_names_processes_has_that_right_alone() {
    with_labs("privileges::the_child_that_names_processes_has_that_right_alone", || {
        require_other_users();
        let lab = up("clear", Family::V4, &[]);
        for way in ways() {
            let running = start_with(&lab, &way, &["--watch", "--from-sockets"]);
            wait_until_told(&lab, way.name, "watching connections of this host");
            let children: Vec<_> = children_of(running.0.id()).into_iter().map(status).collect();
            let mut others = children.iter().filter(|found| found["Name"] != "sh");
            let (name, found) = (way.name, others.next().unwrap_or_else(|| panic!("{}: nobody looks", way.name)));
            assert!(others.next().is_none(), "{name}: {children:#?}");
            let sees_all = way.starts_as_root && name != "set-user-ID";
            let rights = if sees_all { DAC_READ_SEARCH | SYS_PTRACE } else { 0 };
            for set in ["CapPrm", "CapEff"] {
                assert_eq!(mask(found, set), rights, "{name}: {set}: {found:#?}");
            }
            assert_eq!((found["NoNewPrivs"].as_str(), found["Seccomp"].as_str()), ("1", "2"), "{name}");
            assert_eq!(found["Uid"], [way.user; 4].join(" "), "{name}");
        }
        // Nothing is sent, and still nothing is kept.
        let root = ways().into_iter().find(|way| way.name == "root").expect("a way");
        let running = start_with(&lab, &root, &["--watch", "--from-sockets", "--list-only"]);
        let found = status(running.0.id());
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"] {
            assert_eq!(mask(&found, set), 0, "{set}: {found:#?}");
        }
        assert_eq!((found["Uid"].as_str(), found["NoNewPrivs"].as_str()), ([NOBODY; 4].join(" ").as_str(), "1"));
        lab.down().unwrap();
    });
}

/// Takes each socket of a process, as `pidfd_getfd(2)` allows to whom may inspect it, and detaches its filter. The numbers of these
/// system calls are the same everywhere. Prints what it could take, and of how many packet sockets it opened the filter.
const THIEF: &str = r#"
my ($victim) = @ARGV;
my $pidfd = syscall(434, $victim + 0, 0);
my ($taken, $packet, $detached) = (0, 0, 0);
for my $number (3 .. 300) {
    my $fd = syscall(438, $pidfd, $number, 0);
    next if $fd < 0;
    $taken++;
    open(my $socket, "+<&=", $fd) or next;
    my $domain = getsockopt($socket, 1, 39) or next;
    next unless unpack("i", $domain) == 17;
    $packet++;
    $detached++ if setsockopt($socket, 1, 27, pack("i", 0));
}
print "$taken $packet $detached\n";
"#;

fn steal(before: &[String], victim: u32) -> [u32; 3] {
    let (first, others) = before.split_first().expect("a command");
    let mut thief = Command::new(first);
    let ran = thief.args(others).args(["perl", "-e", THIEF, &victim.to_string()]).output().expect("perl runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let text = String::from_utf8_lossy(&ran.stdout);
    let numbers: Vec<u32> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    numbers.try_into().expect("three numbers")
}

#[test]
fn a_process_of_the_same_user_gets_no_socket() {
    with_labs("privileges::a_process_of_the_same_user_gets_no_socket", || {
        require_other_users();
        let lab = up("clear", Family::V4, &[]);
        let as_user = words(&format!("setpriv --reuid {USER} --regid {USER} --clear-groups"));
        // The attempt works where nothing forbids it.
        let mut other = Command::new(&as_user[0]);
        let other = other.args(&as_user[1..]).args(["sh", "-c", "exec sleep 60 3</dev/null"]);
        let other = Running(other.stdin(Stdio::null()).spawn().expect("sleep runs"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while steal(&as_user, other.0.id())[0] == 0 {
            assert!(Instant::now() < deadline, "not even from sleep");
        }
        for way in ways().iter().filter(|way| way.user == USER) {
            let running = start(&lab, way, &[]);
            assert_eq!(steal(&as_user, running.0.id()), [0; 3], "{}", way.name);
            // Root may take it, but the filter stays.
            let [taken, packet, detached] = steal(&words("env"), running.0.id());
            assert!(taken > 0 && packet == 1, "{}: {taken} {packet}", way.name);
            assert_eq!(detached, 0, "{}: the filter of the capture is gone", way.name);
        }
        lab.down().unwrap();
    });
}

#[test]
fn the_environment_of_a_user_without_the_rights_decides_nothing() {
    with_labs("privileges::the_environment_of_a_user_without_the_rights_decides_nothing", || {
        require_other_users();
        let lab = up("clear", Family::V4, &[]);
        let folder = lab.folder().join("evil");
        fs::create_dir_all(&folder).expect("a folder");
        let trace = folder.join("trace");
        let evil = folder.join("postqueue");
        fs::write(&evil, format!("#!/bin/sh\ntouch {}\n", trace.display())).expect("a program");
        for (path, mode) in [(&folder, 0o777), (&evil, 0o755)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
        }
        let way = ways().into_iter().find(|way| way.name == "file capability").expect("a way");
        // Makes the copy, with its capability.
        drop(start(&lab, &way, &[]));
        let run = |copy: &Path, arguments: &[&str]| {
            // Postfix may be installed here, and would be found first.
            let mut command = lab.command("c", "unshare");
            command.args(["--mount", "sh", "-c", "mount -t tmpfs tmpfs /usr/sbin && exec \"$@\"", "-"]);
            command.args(&way.before).args([
                "env",
                "RUST_LOG=trace",
                &format!("PATH={}:/usr/bin:/bin", folder.display()),
            ]);
            let output = command.arg(copy).args(arguments).stdin(Stdio::null()).output().expect("it runs");
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let copy = lab.folder().join("pmtu-probe");
        let said = run(&copy, &["10.0.4.2"]);
        assert!(!said.contains("TRACE") && !said.contains("DEBUG"), "{said}");
        let plain = folder.join("plain");
        fs::copy(program(), &plain).expect("a copy");
        run(&copy, &["--from-queue", "--list-only"]);
        assert!(!trace.exists(), "a program of the user ran with the capability of the file");
        // Without that capability there is nothing to gain.
        run(&plain, &["--from-queue", "--list-only"]);
        assert!(trace.exists(), "the attempt works where nothing is at stake");
        lab.down().unwrap();
    });
}

/// The program that lists the queue of mail, in a stand-in that tells what it got.
#[test]
fn postqueue_gets_what_it_needs_and_no_environment() {
    with_labs("privileges::postqueue_gets_what_it_needs_and_no_environment", || {
        let lab = up("clear", Family::V4, &[]);
        let trace = lab.folder().join("trace");
        let stand_in = format!(
            "#!/bin/sh\ncat /proc/self/status >{0}\ntr '\\0' '\\n' </proc/self/environ >>{0}\n",
            trace.display()
        );
        let mut command = lab.command("c", "unshare");
        let hide = "mount -t tmpfs tmpfs /usr/sbin && printf %s \"$1\" >/usr/sbin/postqueue && \
                    chmod 755 /usr/sbin/postqueue && shift && exec \"$@\"";
        command.args(["--mount", "sh", "-c", hide, "-", &stand_in, "env", "EVIL=1", "MAIL_CONFIG=/etc/postfix"]);
        let output = command.arg(program()).args(["--from-queue", "--list-only"]).stdin(Stdio::null()).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = fs::read_to_string(&trace).expect("what it got");
        assert_eq!(mask(&pairs(&told), "CapPrm"), SETUID | SETGID, "{told}");
        assert_eq!(mask(&pairs(&told), "CapBnd"), SETUID | SETGID, "{told}");
        let names: Vec<_> = told.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert!(names.contains(&"PATH") && names.contains(&"MAIL_CONFIG") && !names.contains(&"EVIL"), "{names:?}");
        lab.down().unwrap();
    });
}

/// As set-user-ID, the program would open files that its user may not. It opens none that he names.
#[test]
fn a_set_user_id_program_opens_no_file_for_its_user() {
    with_labs("privileges::a_set_user_id_program_opens_no_file_for_its_user", || {
        require_other_users();
        let lab = up("clear", Family::V4, &[]);
        let way = ways().into_iter().find(|way| way.name == "set-user-ID").expect("a way");
        drop(start(&lab, &way, &[]));
        let folder = lab.folder().join("of-root");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("secret"), "10.0.4.66 is a secret\n").expect("a file");
        fs::set_permissions(folder.join("secret"), fs::Permissions::from_mode(0o600)).expect("permissions");
        let (secret, new) = (folder.join("secret"), folder.join("new"));
        let (secret, new) = (secret.to_str().expect("text"), new.to_str().expect("text"));
        let (json, html) = (format!("--json={new}"), format!("--html={new}"));
        for arguments in [
            &[json.as_str(), "10.0.4.2"][..],
            &[html.as_str(), "10.0.4.2"],
            &["--junit", new, "10.0.4.2"],
            &["--prometheus", new, "10.0.4.2"],
            &["--pcapng", new, "10.0.4.2"],
            &["--known", secret, "10.0.4.2"],
            &["--merge", secret],
            &["--merge", secret, "--json"],
            &["--targets", secret],
            &["--targets", "-", "--jsonl", new],
            &["--targets", "-", "--jsonl", secret],
            &["--targets", "-", "--jsonl", secret, "--resume", secret],
            &["--targets", "-", "--track", new],
            &["--from-log", secret],
            &["--from-log", secret, "--list-only"],
            &["--from-queue", "--list-only"],
        ] {
            let (first, others) = way.before.split_first().expect("a command");
            let mut command = lab.command("c", first);
            command.args(others).arg(lab.folder().join("pmtu-probe")).args(arguments);
            let output = command.stdin(Stdio::null()).output().expect("it runs");
            let said =
                [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
            assert!(said.contains("set-user-ID"), "{arguments:?}: {said}");
            assert!(!said.contains("secret\n") && !said.contains("10.0.4.66"), "{arguments:?}: {said}");
            assert_eq!(fs::read_dir(&folder).expect("readable").count(), 1, "{arguments:?}");
            assert_eq!(fs::read_to_string(secret).expect("readable"), "10.0.4.66 is a secret\n", "{arguments:?}");
        }
        lab.down().unwrap();
    });
}

/// `test.sh` leaves these tests out by name where there are none.
fn require_other_users() {
    let map = fs::read_to_string("/proc/self/uid_map").expect("proc");
    assert!(!map.trim_end().ends_with(" 1"), "needs root: a user namespace of one user knows no other");
}

/// In a user namespace of one user uid 0 stays, and the rest is given up all the same.
#[test]
fn where_there_is_no_other_user_the_rest_is_given_up() {
    let network = "ip link set lo up && ip link add out type veth peer name far && \
                   ip address add 10.0.4.1/24 dev out && ip link set far up && ip link set out up && exec \"$0\" 10.0.4.77";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", network]).arg(program());
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let running = Running(child);
    wait_until_fenced(&running, "a namespace of one user");
    let found = status(running.0.id());
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"] {
        assert_eq!(mask(&found, set), 0, "{set}: {found:#?}");
    }
    assert_eq!(found["NoNewPrivs"], "1");
    // Who it is inside is who started it, outside.
    let own = rustix::process::geteuid().as_raw().to_string();
    assert_eq!(found["Uid"], [own.as_str(); 4].join(" "));
}
