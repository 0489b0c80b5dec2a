//! Real runs on real kernels, several formats at once.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::node_exporter::{Samples, samples};
use crate::lab::{Lab, Ran, finish, program, with_labs};
use crate::readers::{Scratch, debian, feed};
use crate::scenario::Family;

/// The path behind r2 takes 1400 bytes, and r2 is silent; r1 refuses connections.
fn hole() -> Lab {
    Lab::up("silent_router", Family::V4, &["--delay", "2"]).unwrap_or_else(|error| panic!("{error}"))
}

/// All files that a run may write, read by their readers.
struct Files {
    scratch: Scratch,
}

impl Files {
    fn new(name: &str) -> Self {
        Self { scratch: Scratch::new(name) }
    }

    fn run(&self, lab: &Lab, arguments: &[&str]) -> Ran {
        let mut command = lab.command("c", program());
        command.current_dir(&self.scratch.0).args(["--prometheus", "run.prom", "--junit", "run.xml"]).args(arguments);
        command.env("GITHUB_STEP_SUMMARY", self.scratch.0.join("summary.md"));
        crate::lab::run(&mut command)
    }

    fn metrics(&self) -> Samples {
        let file = std::fs::read_to_string(self.scratch.0.join("run.prom")).unwrap();
        let read = feed(debian("promtool").args(["check", "metrics"]), &file);
        assert!(read.is_good && read.said.is_empty(), "{}", read.said);
        samples(&file)
    }

    fn cases(&self) -> Value {
        let read = super::junit::read(&std::fs::read_to_string(self.scratch.0.join("run.xml")).unwrap());
        assert!(read.is_good, "{}", read.said);
        serde_json::from_str(&read.said).unwrap()
    }
}

fn of_address<'s>(samples: &'s Samples, name: &str, address: &str) -> Option<&'s f64> {
    let address = format!("{{address=\"{address}\",");
    samples
        .iter()
        .find(|(series, _)| series.starts_with(name) && series[name.len()..].starts_with(&address))
        .map(|(_, v)| v)
}

#[test]
fn one_run_over_a_hole_in_every_format() {
    with_labs("with_readers::runs::one_run_over_a_hole_in_every_format", || {
        let lab = hole();
        let files = Files::new("hole");
        let tap = files.run(&lab, &["--format", "tap", "mx.example.com"]);
        assert_eq!(tap.status.code(), Some(2), "{}", tap.stderr);
        let read = super::tap::read(&tap.stdout);
        assert!(read.is_good && read.said.contains("\"verdict\":\"black_hole\""), "{}", read.said);
        let samples = files.metrics();
        assert_eq!(samples.get("pmtu_probe_last_run_success"), Some(&1.0));
        assert_eq!(of_address(&samples, "pmtu_probe_path_mtu_bytes", "10.0.4.2"), Some(&1400.0), "{samples:?}");
        assert_eq!(of_address(&samples, "pmtu_probe_blackhole", "10.0.4.2"), Some(&1.0));
        let cases = files.cases();
        assert_eq!((&cases["failures"], &cases["cases"][0]["type"]), (&"1".into(), &"black_hole".into()), "{cases}");

        std::fs::write(files.scratch.0.join("summary.md"), "# Of a step before\n").unwrap();
        let github = files.run(&lab, &["--format", "github", "mx.example.com"]);
        assert_eq!((github.stdout.lines().count(), github.status.code()), (1, Some(2)), "{}", github.stdout);
        assert!(github.stdout.starts_with("::error title=PMTU mx.example.com 10.0.4.2::"), "{}", github.stdout);
        let markdown = files.run(&lab, &["--format", "markdown", "mx.example.com"]).stdout;
        assert!(super::markdown::read(&markdown).is_good, "{markdown}");
        let summary = std::fs::read_to_string(files.scratch.0.join("summary.md")).unwrap();
        let added = summary.strip_prefix("# Of a step before\n").expect("what was there stays");
        assert!(super::markdown::read(added).is_good, "{added}");
        lab.down().unwrap();
    });
}

/// Good, bad, refused and unknown targets, and a line that is none.
#[test]
fn a_list_in_every_format() {
    with_labs("with_readers::runs::a_list_in_every_format", || {
        let lab = hole();
        let files = Files::new("list");
        let targets = "mx.example.com\n10.0.1.2\n10.0.1.1\n[10.0.4.2]\nnosuch.invalid\n::1x\n";
        files.scratch.write("targets", targets);
        let tap = files.run(&lab, &["--targets", "targets", "--format", "tap"]);
        assert_eq!(tap.status.code(), Some(2), "{}", tap.stderr);
        let read = super::tap::read(&tap.stdout);
        assert!(read.is_good, "{}", read.said);
        let found: Value = serde_json::from_str(&read.said).unwrap();
        assert_eq!(found["errors"], Value::Array(Vec::new()), "{}", tap.stdout);
        let tests = found["tests"].as_array().unwrap();
        assert_eq!(tests.len(), 5, "{}", tap.stdout);
        let samples = files.metrics();
        assert_eq!(samples.get("pmtu_probe_last_run_success"), Some(&1.0));
        assert_eq!(samples.get("pmtu_probe_last_run_addresses"), Some(&4.0));
        assert_eq!(samples.get("pmtu_probe_last_run_failures{kind=\"unresolved\"}"), Some(&1.0), "{samples:?}");
        assert_eq!(of_address(&samples, "pmtu_probe_blackhole", "10.0.4.2"), Some(&1.0));
        assert_eq!(of_address(&samples, "pmtu_probe_port_open", "10.0.1.2"), Some(&0.0));
        let domains = samples
            .keys()
            .filter(|series| series.starts_with("pmtu_probe_last_probes{") && series.contains("address=\"10.0.4.2\""));
        assert_eq!(domains.count(), 2, "one address, asked for by two names: {samples:?}");
        assert_eq!(files.cases()["tests"], "5");
        // Nothing at all in the list.
        files.scratch.write("targets", "# none\n");
        let none = files.run(&lab, &["--targets", "targets"]);
        assert_eq!(none.status.code(), Some(3), "{}", none.stderr);
        assert_eq!(files.metrics().get("pmtu_probe_last_run_success"), Some(&0.0));
        assert_eq!(files.cases()["errors"], "1");
        lab.down().unwrap();
    });
}

/// Nobody reads stdout any more: the files are whole. It cannot be written at all: the run ends, and the metrics say so.
#[test]
fn where_stdout_fails_the_files_still_tell() {
    with_labs("with_readers::runs::where_stdout_fails_the_files_still_tell", || {
        let lab = hole();
        for (after, is_success) in [("| true", true), (">/dev/full", false)] {
            let files = Files::new("stdout");
            files.scratch.write("targets", "mx.example.com\n10.0.1.2\n10.0.1.1\n");
            let line = format!(
                "cd {} && {} --targets targets --format tap --prometheus run.prom {after}",
                files.scratch.0.display(),
                program().display()
            );
            let ran = crate::lab::run(lab.command("c", "bash").args(["-o", "pipefail", "-c", &line]));
            assert_eq!(ran.status.code(), Some(if is_success { 2 } else { 3 }), "{after}: {}", ran.stderr);
            let samples = files.metrics();
            assert_eq!(samples.get("pmtu_probe_last_run_success"), Some(&f64::from(u8::from(is_success))), "{after}");
            if is_success {
                assert_eq!(samples.get("pmtu_probe_last_run_addresses"), Some(&3.0), "{samples:?}");
            }
        }
        lab.down().unwrap();
    });
}

/// The variable may be anybody's, and the program root's.
#[test]
fn a_summary_that_is_no_ordinary_file_is_refused() {
    let files = Files::new("summary");
    let secret = files.scratch.write("secret", "");
    std::os::unix::fs::symlink(&secret, files.scratch.0.join("summary.md")).unwrap();
    with_labs("with_readers::runs::a_summary_that_is_no_ordinary_file_is_refused", || {
        let mut command = std::process::Command::new(program());
        command.env("GITHUB_STEP_SUMMARY", files.scratch.0.join("summary.md")).args([
            "--format",
            "github",
            "127.0.0.1",
        ]);
        let ran = crate::lab::run(&mut command);
        assert_eq!(ran.status.code(), Some(3), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("GITHUB_STEP_SUMMARY") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "");
    });
}

/// Whoever watches hears of a run that was stopped: the file of the run before it would look fine for ever.
#[test]
fn an_interrupted_run_is_no_success() {
    with_labs("with_readers::runs::an_interrupted_run_is_no_success", || {
        let lab = hole();
        for arguments in [&["10.0.9.9"][..], &["--targets", "targets"]] {
            let files = Files::new("interrupted");
            files.scratch.write("targets", "10.0.9.9\n");
            files.scratch.write("run.prom", "pmtu_probe_last_run_success 1\n");
            let mut command = lab.command("c", program());
            command.current_dir(&files.scratch.0).args([
                "--prometheus",
                "run.prom",
                "--junit",
                "run.xml",
                "--method",
                "icmp",
            ]);
            let child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            // Its connections and files stand once it listens for the signal.
            let deadline = Instant::now() + Duration::from_secs(5);
            let status = format!("/proc/{}/status", child.id());
            let catches = |status: String| {
                let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t").map(str::to_owned));
                mask.and_then(|mask| u64::from_str_radix(&mask, 16).ok()).is_some_and(|mask| mask & 2 != 0)
            };
            while !std::fs::read_to_string(&status).is_ok_and(catches) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            let ran = finish(child);
            assert_eq!(ran.status.code(), Some(130), "{arguments:?}: {}", ran.stderr);
            assert_eq!(files.metrics().get("pmtu_probe_last_run_success"), Some(&0.0), "{arguments:?}");
            let cases = files.cases();
            assert!(cases["cases"].as_array().unwrap().iter().any(|case| case["element"] == "error"), "{cases}");
        }
        lab.down().unwrap();
    });
}
