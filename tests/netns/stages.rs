//! What is said when: on a terminal the way there before the way back, elsewhere one piece; runs that are too short for a
//! verdict, servers that dawdle, and ends that nobody wished for.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cases::{only_address, up, wait_until_running};
use super::lab::{Lab, Ran, finish, program, run, with_labs};
use super::scenario::{Family, Node};
use super::verify;

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// What a terminal is sent, with the time of each part.
struct Screen(Vec<(Duration, String)>);

impl Screen {
    /// Runs the program with a terminal as its stdout and stderr (script(1)) until it ends.
    fn of(lab: &Lab, arguments: &str) -> Self {
        let line = format!("TERM=xterm exec {} {arguments}", program().display());
        let mut command = lab.command("c", "script");
        command.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("script starts");
        let (begun, mut out, mut parts) = (Instant::now(), child.stdout.take().expect("it is piped"), Vec::new());
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = out.read(&mut buffer) {
            parts.push((begun.elapsed(), String::from_utf8_lossy(&buffer[..length]).into_owned()));
        }
        child.wait().expect("script ends");
        Self(parts)
    }

    /// What is seen in the end: lines, without what was drawn over and without colours.
    fn lines(&self) -> Vec<String> {
        let all: String = self.0.iter().map(|(_, part)| part.as_str()).collect();
        let shown = |line: &str| {
            let last = line.trim_end_matches('\r').rsplit("\r\u{1b}[K").next().unwrap_or_default();
            anstream::adapter::strip_str(last).to_string()
        };
        all.split('\n').map(shown).collect()
    }

    /// When a text was there for the first time.
    fn first(&self, text: &str) -> Option<Duration> {
        let mut all = String::new();
        self.0.iter().find_map(|(at, part)| {
            all.push_str(part);
            let plain: String =
                anstream::adapter::strip_str(&all).to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            plain.contains(text).then_some(*at)
        })
    }
}

#[test]
fn a_terminal_is_told_the_way_there_while_the_way_back_is_examined() {
    with_labs("stages::a_terminal_is_told_the_way_there_while_the_way_back_is_examined", || {
        std::thread::scope(|scope| {
            for family in FAMILIES {
                scope.spawn(move || told_in_two_pieces(family));
            }
        });
    });
}

fn told_in_two_pieces(family: Family) {
    let lab = up("reverse_hole", family, &["--delay", "10"]);
    let target = Node::S.near_address(family).to_string();
    let screen = Screen::of(&lab, &target);
    let lines = screen.lines();
    let (there, back) = ("clear this way: packets of 1500 bytes pass", "other direction: black hole above 1400 bytes");
    let (first, second) = (screen.first(there), screen.first(back));
    assert!(first.is_some_and(|at| at < Duration::from_millis(1500)), "{family}: {first:?}\n{lines:#?}");
    assert!(second.is_some_and(|at| at > Duration::from_secs(10)), "{family}: {second:?}\n{lines:#?}");
    // What the way back brings comes once, and nothing of the way there comes twice.
    for text in ["What to do", "Check yourself", "  because ", "  passes ", "-v shows "] {
        let count = lines.iter().filter(|line| line.starts_with(text)).count();
        assert!(count == 1, "{family}: {text:?} stands {count} times\n{lines:#?}");
    }
    // The progress line is gone, and was there meanwhile.
    assert!(!lines.iter().any(|line| line.contains(" probes, ") && line.contains("the other direction")), "{lines:#?}");
    assert!(screen.first(": the other direction, ").is_some(), "{family}: no progress line\n{lines:#?}");
    // The same words as in one piece, apart from what one piece says once.
    let whole = lab.probe(&[&target]).stdout;
    for row in ["  because ", "  passes ", "  other way "] {
        let has = |lines: &[String]| lines.iter().any(|line| line.starts_with(row));
        assert!(
            has(&lines) && has(&whole.lines().map(str::to_owned).collect::<Vec<_>>()),
            "{family}: {row:?}\n{whole}"
        );
    }
    let quiet = Screen::of(&lab, &format!("-q {target}"));
    assert!(quiet.first(there).is_none_or(|at| at > Duration::from_secs(10)), "-q is one piece");
    lab.down().unwrap();
}

#[test]
fn where_both_ways_are_known_soon_a_terminal_gets_one_piece() {
    with_labs("stages::where_both_ways_are_known_soon_a_terminal_gets_one_piece", || {
        let lab = up("reverse_healthy", Family::V4, &[]);
        let screen = Screen::of(&lab, "10.0.4.2");
        let on_screen: Vec<String> = screen.lines().into_iter().filter(|line| !line.is_empty()).collect();
        let piped = lab.probe(&["10.0.4.2"]).stdout;
        let labels = |lines: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            lines.filter(|line| !line.is_empty()).map(|line| line.chars().take(13).collect()).collect()
        };
        assert_eq!(labels(&mut on_screen.iter().map(String::as_str)), labels(&mut piped.lines()));
        lab.down().unwrap();
    });
}

#[test]
fn a_run_that_is_too_short_says_what_is_proven() {
    with_labs("stages::a_run_that_is_too_short_says_what_is_proven", || {
        std::thread::scope(|scope| {
            for family in FAMILIES {
                scope.spawn(move || dead_host_in_eight_seconds(family));
                scope.spawn(move || hole_on_the_way_back_in_eight_seconds(family));
                scope.spawn(move || server_that_dawdles(family));
            }
        });
    });
}

fn dead_host_in_eight_seconds(family: Family) {
    let lab = up("host_dead", family, &[]);
    // The last router says nothing either, so silence is all there is.
    lab.shell(
        "r3",
        "nft 'add table inet mute; add chain inet mute out { type filter hook output priority 0; }; \
                     add rule inet mute out icmp type destination-unreachable drop; \
                     add rule inet mute out icmpv6 type destination-unreachable drop'",
    );
    let target = Node::S.near_address(family).to_string();
    let ran = lab.probe(&["--json", "--timeout", "8", &target]);
    let address = only_address(&ran);
    assert_eq!((&address["verdict"], ran.status.code()), (&"unreachable".into(), Some(3)), "{family}: {address}");
    let address = only_address(&lab.probe(&["--json", "--timeout", "2", &target]));
    assert_eq!(address["verdict"], "inconclusive", "2 s of silence are no answer: {address}");
    lab.down().unwrap();
}

fn hole_on_the_way_back_in_eight_seconds(family: Family) {
    let lab = up("reverse_hole", family, &["--delay", "10"]);
    let target = Node::S.near_address(family).to_string();
    let ran = lab.probe(&["--json", "--timeout", "8", &target]);
    let (address, document) = (only_address(&ran), verify::document(&ran).unwrap());
    assert_eq!(address["reverse"]["verdict"], "black_hole", "{family}: {address}");
    assert_eq!((ran.status.code(), &document["exit_code"]), (Some(2), &2.into()));
    let findings = address["findings"].as_array().cloned().unwrap_or_default();
    assert!(findings.contains(&"recovery_watched_briefly".into()), "{family}: {findings:?}");
    let (there, back) = (&address["forward_elapsed_ms"], &address["reverse"]["elapsed_ms"]);
    let (there, back) = (there.as_f64().unwrap(), back.as_f64().unwrap());
    assert!((20.0..1000.0).contains(&there) && (5000.0..8100.0).contains(&back), "{there} ms, {back} ms");
    let text = lab.probe(&["--timeout", "8", &target]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("by itself was watched for 7 s only") || text.contains("was watched for 8 s only"), "{text}");
    let address = only_address(&lab.probe(&["--json", "--timeout", "3", &target]));
    assert_eq!(address["reverse"]["verdict"], "inconclusive", "3 s are too short for any size: {address}");
    lab.down().unwrap();
}

/// The way there does not wait for a greeting, and the way back not for long.
fn server_that_dawdles(family: Family) {
    let lab = up("reverse_healthy", family, &["--mx", "--tls starttls --greeting-delay-ms 20000"]);
    let target = Node::S.near_address(family).to_string();
    let begun = Instant::now();
    let ran = lab.probe(&["--json", &target]);
    let (address, took) = (only_address(&ran), begun.elapsed());
    assert_eq!(
        (&address["verdict"], &address["reverse"]["verdict"]),
        (&"clear".into(), &"untested".into()),
        "{address}"
    );
    let (there, back) =
        (address["forward_elapsed_ms"].as_f64().unwrap(), address["reverse"]["elapsed_ms"].as_f64().unwrap());
    assert!(there < 1000.0 && (7900.0..8500.0).contains(&back), "{family}: {there} ms, {back} ms");
    // The goodbye may take two seconds more.
    assert!(took < Duration::from_secs(12), "{family}: {took:?}");
    lab.down().unwrap();
}

/// Every way to have nothing to report, and a document each time.
#[test]
fn json_always_prints_a_document() {
    with_labs("stages::json_always_prints_a_document", || {
        let lab = up("clear", Family::V4, &[]);
        let document = |ran: &Ran| verify::document(ran).unwrap_or_else(|fault| panic!("{fault}"));
        let says = |ran: &Ran, kinds: &[&str], addresses: usize| {
            let document = document(ran);
            let errors = document["errors"].as_array().cloned().unwrap_or_default();
            let found: Vec<&str> = errors.iter().filter_map(|error| error["kind"].as_str()).collect();
            assert_eq!(found, kinds, "{document}");
            assert_eq!(document["exit_code"].as_i64(), ran.status.code().map(i64::from), "{document}");
            assert_eq!(document["addresses"].as_array().map(Vec::len), Some(addresses), "{document}");
            errors
        };
        let errors = says(&lab.probe(&["--json", "nobody.example.com"]), &["unresolved"], 0);
        assert_eq!(errors[0]["target"], "nobody.example.com");
        // One of two is fine, but the run is not complete.
        let ran = lab.probe(&["--json", "--direction", "forward", "10.0.4.2", "nobody.example.com"]);
        assert_eq!(says(&ran, &["unresolved"], 1)[0]["target"], "nobody.example.com");
        assert_eq!(ran.status.code(), Some(3));
        let errors =
            says(&lab.probe(&["--json", "http://mx/", "nobody.example.com"]), &["bad_target", "unresolved"], 0);
        assert_eq!((&errors[0]["target"], &errors[1]["target"]), (&"http://mx/".into(), &"nobody.example.com".into()));
        says(&lab.probe(&["--json", "-I", "nowhere0", "10.0.4.2"]), &["bad_option"], 0);
        says(&lab.probe(&["--json", "--source", "192.0.2.1", "10.0.4.2"]), &["bad_option"], 0);
        lab.shell("c", "ip route del default");
        says(&lab.probe(&["--json", "203.0.113.1"]), &["no_route"], 0);
        let mut command = lab.command("c", "setpriv");
        command.args(["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]);
        command.arg(program()).args(["--json", "10.0.4.2"]);
        let ran = run(&mut command);
        says(&ran, &["no_privilege"], 0);
        assert_eq!((ran.status.code(), ran.stderr.lines().count()), (Some(3), 1), "{}", ran.stderr);
        lab.down().unwrap();
    });
}

/// SIGHUP ends a run as an interrupt does; whoever runs it under nohup wants it to go on.
#[test]
fn a_terminal_that_hangs_up_loses_no_report() {
    with_labs("stages::a_terminal_that_hangs_up_loses_no_report", || {
        // Slow enough that the run goes on while a busy machine gets to its signal.
        let lab = up("silent_router", Family::V4, &["--delay", "500"]);
        // These tests may run under nohup themselves.
        let ran = hang_up_under(&lab, "env", &["--default-signal=HUP"]);
        assert_eq!(ran.status.code(), Some(130), "{}", ran.stderr);
        assert_eq!(verify::document(&ran).unwrap()["exit_code"], 130);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.starts_with("pmtu-probe: the terminal hung up (SIGHUP)"), "{}", ran.stderr);

        let ran = hang_up_under(&lab, "nohup", &[]);
        assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
        assert_eq!(only_address(&ran)["verdict"], "black_hole");
        lab.down().unwrap();
    });
}

/// What a run makes of SIGHUP that another program has started.
fn hang_up_under(lab: &Lab, starter: &str, options: &[&str]) -> Ran {
    let mut command = lab.command("c", starter);
    command.args(options).arg(program()).args(["--json", "10.0.4.2"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_until_running(lab);
    std::thread::sleep(Duration::from_millis(500));
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    finish(child)
}

#[test]
fn a_closed_stdout_is_told_and_the_results_file_is_whole() {
    with_labs("stages::a_closed_stdout_is_told_and_the_results_file_is_whole", || {
        let lab = up("silent_router", Family::V4, &["--delay", "2"]);
        for format in ["", "--json", "-q"] {
            let line = format!("({} {format} 10.0.4.2; echo code $? >&2) | true", program().display());
            let ran = shell(&lab, &line);
            assert!(
                ran.stderr.contains("pmtu-probe: stdout was closed before all was written"),
                "{format}: {}",
                ran.stderr
            );
            assert!(ran.stderr.contains("code 2"), "the exit code tells: {}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 2, "{format}: {}", ran.stderr);
        }
        std::fs::write(lab.folder().join("list"), "10.0.4.2\n10.0.1.2\n10.0.2.2\n10.0.3.2\n").unwrap();
        let line = format!(
            "cd {}; ({} --direction forward --targets list --jsonl results; echo code $? >&2) | true",
            lab.folder().display(),
            program().display()
        );
        let ran = shell(&lab, &line);
        let results = std::fs::read_to_string(lab.folder().join("results")).unwrap();
        assert_eq!(results.lines().count(), 4, "{}\n{results}", ran.stderr);
        assert!(ran.stderr.contains("stdout was closed") && ran.stderr.contains("code 2"), "{}", ran.stderr);
        // Without a file for the results, nobody is left for whom the run could go on.
        let line = line.replace(" --jsonl results", "");
        let ran = shell(&lab, &line);
        assert!(ran.stderr.contains("stdout was closed"), "{}", ran.stderr);
        assert!(ran.stderr.contains("code 2") || ran.stderr.contains("code 3"), "{}", ran.stderr);
        lab.down().unwrap();
    });
}

fn shell(lab: &Lab, line: &str) -> Ran {
    let mut command: Command = lab.command("c", "bash");
    run(command.args(["-c", line]))
}

#[test]
fn a_warning_is_a_plain_line_of_the_program() {
    with_labs("stages::a_warning_is_a_plain_line_of_the_program", || {
        let lab = up("clear", Family::V4, &[]);
        let ran = lab.probe(&["--json", "--direction", "forward", "--max-size", "9000", "10.0.4.2"]);
        assert_eq!(ran.stderr, "pmtu-probe: --max-size 9000 is more than e1 takes; probing up to 1500\n");
        let _: Value = verify::document(&ran).unwrap();
        let screen = Screen::of(&lab, "--direction forward --max-size 9000 10.0.4.2");
        let lines = screen.lines();
        assert!(lines.iter().any(|line| line.starts_with("pmtu-probe: --max-size 9000")), "{lines:#?}");
        lab.down().unwrap();
    });
}
