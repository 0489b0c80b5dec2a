//! Many targets in one process. The large runs are those of `netns-scripts/many.sh`; here are its quick variants, and what
//! becomes of odd lists.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cases::{spawn, up};
use super::lab::{Lab, Ran, finish, lab_program, program, with_labs};
use super::scenario::Family;

/// Runs `many.sh` and returns what it prints.
fn script(arguments: &[&str]) -> String {
    run(Command::new(script_path()), arguments)
}

/// The same, behind the tests beside it: for runs that would take the whole machine.
fn patient_script(arguments: &[&str]) -> String {
    let mut command = Command::new("nice");
    command.args(["-n", "10"]).arg(script_path());
    run(command, arguments)
}

fn script_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("netns-scripts/many.sh")
}

fn run(mut command: Command, arguments: &[&str]) -> String {
    // What `many.sh million` takes for a million.
    command.env("PMTU_MANY", env::var("PMTU_MANY").unwrap_or_else(|_| "3000".into()));
    command.args(arguments).env("PMTU_PROBE", program()).env("PMTU_LAB", lab_program()).stdin(Stdio::null());
    let output = command.output().expect("many.sh starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "many.sh {}:\n{out}{err}", arguments.join(" "));
    out.into_owned()
}

#[test]
fn of_hundreds_of_addresses_each_gets_its_verdict_in_little_memory() {
    with_labs("many::of_hundreds_of_addresses_each_gets_its_verdict_in_little_memory", || {
        let printed = script(&["speed", "--sizes", "300"]);
        let row: Vec<&str> = printed.lines().last().unwrap_or_default().split_whitespace().collect();
        let kib = row.iter().position(|word| *word == "KiB").and_then(|at| row[at - 1].parse::<u64>().ok());
        assert!(kib.is_some_and(|kib| (1000..150 * 1024).contains(&kib)), "{printed}");
    });
}

/// The counters of the interface know what the program sends, and what this host's own TCP sends for it.
#[test]
fn a_clear_address_costs_eight_packets_and_a_hole_seventy() {
    with_labs("many::a_clear_address_costs_eight_packets_and_a_hole_seventy", || {
        // Three of the holes are examined twice, to know that their router is silent and not only sparing its words.
        let printed = script(&["cost", "--targets", "150"]);
        let row = |kind: &str| -> Vec<f64> {
            let row = printed.lines().find(|line| line.trim_start().starts_with(kind)).expect("a row");
            row.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        // Targets, packets and bytes sent, packets and bytes received. What a busy machine makes late is asked again here and there,
        // and c asks for its neighbour.
        let (clear, hole) = (row("clear"), row("hole"));
        assert!(clear[1].round() <= 8.0 && clear[2] <= 4000.0, "{printed}");
        assert!(hole[1].round() <= 70.0, "{printed}");
    });
}

#[test]
fn no_second_on_the_wire_sees_more_than_the_rate() {
    with_labs("many::no_second_on_the_wire_sees_more_than_the_rate", || {
        script(&["rate", "--targets", "40", "--rate", "1000"]);
    });
}

#[test]
fn a_run_that_is_killed_goes_on_where_it_was() {
    with_labs("many::a_run_that_is_killed_goes_on_where_it_was", || {
        script(&["kill", "--targets", "240", "--kills", "3"]);
    });
}

/// The script fails where a line is missing or wrong and where a summary counts otherwise; with 100,000 and more also where memory or
/// the work for a target grows with the list.
#[test]
fn a_long_list_outlives_kills_and_its_summaries_are_right() {
    with_labs("many::a_long_list_outlives_kills_and_its_summaries_are_right", || {
        let printed = patient_script(&["million", "--kills", "3"]);
        assert!(printed.contains("each target once, all verdicts right"), "{printed}");
    });
}

/// The last 4096 addresses are remembered, so the shorter list has more than these. Few run at a time, which leaves less to chance.
#[test]
fn twice_the_targets_take_no_more_memory() {
    with_labs("many::twice_the_targets_take_no_more_memory", || {
        let kib = |targets: u64| {
            let targets = targets.to_string();
            let list = ["cost", "--kinds", "clear", "--targets", &targets, "--rate", "0", "--rtt", "2"];
            let printed = patient_script(&[&list[..], &["--", "--concurrency", "32"]].concat());
            let words: Vec<&str> = printed.split_whitespace().collect();
            let [.., kib, "KiB"] = &words[..] else { panic!("{printed}") };
            kib.parse::<u64>().expect("a number")
        };
        let (few, many) = (kib(4500), kib(9000));
        // 200 bytes for each target that came on top; 11 are known of.
        assert!(many <= few + 4500 * 200 / 1024, "{few} KiB, {many} KiB");
    });
}

/// A list in the folder of a lab.
fn list(lab: &Lab, content: &[u8]) -> PathBuf {
    let path = lab.folder().join("list");
    fs::write(&path, content).expect("a list");
    path
}

fn probe(lab: &Lab, list: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec!["--direction", "forward", "--no-mx", "--targets", list.to_str().unwrap()];
    arguments.extend(more);
    lab.probe(&arguments)
}

/// The documents by target; each line is one, and each is what the schema describes.
fn documents(lines: &str) -> BTreeMap<String, Value> {
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut documents = BTreeMap::new();
    for line in lines.lines() {
        let document: Value = serde_json::from_str(line).expect("a line is a document");
        validator.validate(&document).expect("a document of the schema");
        let target = document["target"].as_str().expect("a target").to_owned();
        assert!(documents.insert(target, document).is_none(), "a target has two lines: {line}");
    }
    documents
}

#[test]
fn bad_lines_are_told_and_the_rest_goes_on_and_one_address_is_examined_once() {
    with_labs("many::bad_lines_are_told_and_the_rest_goes_on_and_one_address_is_examined_once", || {
        let lab = up("silent_router", Family::V4, &["--delay", "2"]);
        let mut content =
            b"# relays\n\nmx.example.com   # ours\n10.0.4.2\n\xff\xfe\nhttp://mx/\nMX.EXAMPLE.COM.\n".to_vec();
        content.extend(vec![b'x'; 100_000]);
        content.extend(b"\r\n10.0.1.2\r\n[10.0.4.2]");
        let list = list(&lab, &content);
        let results = lab.folder().join("results");
        let ran = probe(&lab, &list, &["--jsonl", results.to_str().unwrap(), "--method", "auto"]);
        for (line, what) in [(5, "is no text"), (6, "is no target"), (8, "is longer than any target")] {
            let told =
                ran.stderr.lines().filter(|said| said.contains(&format!("line {line} of the list {what}"))).count();
            assert_eq!(told, 1, "{}", ran.stderr);
        }
        assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "a black hole comes before a bad line");
        let documents = documents(&fs::read_to_string(&results).unwrap());
        assert_eq!(documents.keys().collect::<Vec<_>>(), ["10.0.1.2", "10.0.4.2", "[10.0.4.2]", "mx.example.com"]);
        for target in ["10.0.4.2", "[10.0.4.2]", "mx.example.com"] {
            let address = &documents[target]["addresses"][0];
            assert_eq!((&address["verdict"], &address["path_mtu"]), (&"black_hole".into(), &1400.into()), "{target}");
        }
        let mail_log = fs::read_to_string(lab.folder().join("mx.log")).unwrap();
        // This host's own TCP, which is asked once a hole is found, says QUIT alone.
        let visits = mail_log.lines().filter(|line| line.starts_with("command") && line.contains("EHLO")).count();
        assert_eq!(visits, 1, "three targets share an address: {mail_log}");
        assert!(ran.stdout.contains("4 targets: 3 black hole"), "{}", ran.stdout);
        lab.down().unwrap();
    });
}

#[test]
fn results_go_to_a_pipe_and_lists_come_from_one() {
    with_labs("many::results_go_to_a_pipe_and_lists_come_from_one", || {
        let lab = up("clear", Family::V4, &[]);
        let mut command = lab.command("c", program());
        command.args(["--direction", "forward", "--targets", "-", "--jsonl", "-"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(b"10.0.4.2\nno such thing\n").expect("it reads");
        let ran = finish(child);
        let documents = documents(&ran.stdout);
        assert_eq!(documents["10.0.4.2"]["addresses"][0]["verdict"], "clear");
        assert_eq!((documents.len(), ran.status.code()), (1, Some(3)), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("line 2 of the list") && ran.stderr.contains("1 target: 1 clear"),
            "{}",
            ran.stderr
        );
        let ran = probe(&lab, &list(&lab, b"# nothing\n\n"), &[]);
        assert_eq!(ran.status.code(), Some(3));
        assert_eq!(ran.stderr, "pmtu-probe: the list holds no target; write one per line\n");
        lab.down().unwrap();
    });
}

#[test]
fn an_interrupted_run_prints_what_it_knows_and_can_go_on() {
    with_labs("many::an_interrupted_run_prints_what_it_knows_and_can_go_on", || {
        // A round trip takes 600 ms: nothing but the router beside us is done soon.
        let lab = up("clear", Family::V4, &["--delay", "300"]);
        let list = list(&lab, b"10.0.4.2\n10.0.1.2\n");
        let results = lab.folder().join("results");
        let arguments =
            ["--direction", "forward", "--targets", list.to_str().unwrap(), "--jsonl", results.to_str().unwrap()];
        let child = spawn(&lab, &arguments);
        let pid = Pid::from_child(&child);
        let begun = std::time::Instant::now();
        while !fs::read_to_string(lab.folder().join("mx.log")).is_ok_and(|log| log.contains("connect")) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no connection");
            std::thread::sleep(Duration::from_millis(5));
        }
        kill_process(pid, Signal::INT).expect("it runs");
        let ran = finish(child);
        assert_eq!(ran.status.code(), Some(130), "{}", ran.stderr);
        assert!(ran.stdout.contains("10.0.4.2"), "what is known is printed: {}", ran.stdout);
        let before = documents(&fs::read_to_string(&results).unwrap());
        assert!(!before.contains_key("10.0.4.2"), "cut short, it is done again");
        let ran = probe(&lab, &list, &["--jsonl", results.to_str().unwrap(), "--resume", results.to_str().unwrap()]);
        let after = documents(&fs::read_to_string(&results).unwrap());
        assert_eq!(after["10.0.4.2"]["addresses"][0]["verdict"], "clear", "{}", ran.stderr);
        assert_eq!(after.len(), 2);
        lab.down().unwrap();
    });
}

#[test]
fn parts_of_a_list_make_the_list() {
    with_labs("many::parts_of_a_list_make_the_list", || {
        let lab = up("clear", Family::V4, &[]);
        let list = list(&lab, b"10.0.1.1\n10.0.1.2\n10.0.2.1\n10.0.2.2\n10.0.3.1\n10.0.3.2\n10.0.4.1\n10.0.4.2\n");
        let mut found = Vec::new();
        for part in ["1/3", "2/3", "3/3"] {
            let ran = probe(&lab, &list, &["--method", "icmp", "--jsonl", "-", "--shard", part]);
            found.extend(documents(&ran.stdout).into_keys());
        }
        found.sort();
        let all: Vec<String> = fs::read_to_string(&list).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(found, all);
        lab.down().unwrap();
    });
}
