//! Debian's node_exporter serves the file, as a user who is not its owner.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::metrics::file_of;
use crate::fixtures::report;
use crate::lab::{program, run, with_labs};
use crate::readers::{Scratch, debian, everything};

/// Samples by name and labels, the labels in order.
pub(super) type Samples = BTreeMap<String, f64>;

struct Exporter {
    child: Child,
    port: u16,
}

impl Exporter {
    fn start(folder: &Path) -> Self {
        // Free a moment ago; nothing else here takes ports of its own choice.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let mut command = debian("prometheus-node-exporter");
        command.args(["--collector.disable-defaults", "--collector.textfile"]);
        command.arg(format!("--collector.textfile.directory={}", folder.display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        if rustix::process::geteuid().is_root() {
            const NOBODY: u32 = 65_534;
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("node_exporter starts");
        let exporter = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "node_exporter does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        exporter
    }

    /// What it serves.
    fn scrape(&self) -> Samples {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("it takes requests");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers in UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        samples(body)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The samples of a text; label values are kept as they are written.
pub(super) fn samples(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            (in_order(series), value.parse().unwrap_or_else(|_| panic!("{line}")))
        })
        .collect()
}

fn in_order(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else { return series.to_owned() };
    let mut labels = labels_of(labels.strip_suffix('}').expect("closed"));
    labels.sort();
    format!("{name}{{{}}}", labels.join(","))
}

fn labels_of(text: &str) -> Vec<String> {
    let (mut labels, mut label, mut is_quoted, mut is_escaped) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                labels.push(std::mem::take(&mut label));
                continue;
            }
            _ => {}
        }
        label.push(c);
    }
    labels.push(label);
    labels
}

#[test]
fn it_serves_every_sample_of_every_kind_of_report() {
    let scratch = Scratch::new("served");
    let mut all = everything();
    // Files may not share series.
    all.addresses.retain(|address| !address.host.is_empty());
    let file = file_of(&all);
    scratch.write("pmtu.prom", &file);
    let served = Exporter::start(&scratch.0).scrape();
    assert_eq!(served.get("node_textfile_scrape_error"), Some(&0.0), "{served:?}");
    let ours = samples(&file);
    assert!(ours.len() > 100);
    let mut faults = String::new();
    for (series, value) in &ours {
        if served.get(series) != Some(value) {
            let _ = writeln!(faults, "{series} {value}: {:?}", served.get(series));
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// So that the test above means something: a file with a time is refused, which the exporter says.
#[test]
fn it_refuses_samples_with_a_time() {
    let scratch = Scratch::new("refused");
    scratch.write("pmtu.prom", "# HELP pmtu_probe_x X.\n# TYPE pmtu_probe_x gauge\npmtu_probe_x 1 1767225600000\n");
    let served = Exporter::start(&scratch.0).scrape();
    assert_eq!(served.get("node_textfile_scrape_error"), Some(&1.0), "{served:?}");
}

/// A run that cannot examine anything, the file of an earlier run in its place, and a umask that would hide it.
#[test]
fn it_serves_the_file_of_a_failed_run() {
    with_labs("with_readers::node_exporter::it_serves_the_file_of_a_failed_run", || {
        let scratch = Scratch::new("failed");
        let path = scratch.write("pmtu.prom", &file_of(&report(vec![crate::fixtures::no_ptb("192.0.2.25")])));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "umask 077; exec \"$0\" --prometheus \"$1\" nosuch.invalid"]).arg(program()).arg(&path);
        let ran = run(&mut shell);
        assert_eq!(ran.status.code(), Some(3), "{}", ran.stderr);
        let served = Exporter::start(&scratch.0).scrape();
        assert_eq!(served.get("node_textfile_scrape_error"), Some(&0.0));
        assert_eq!(served.get("pmtu_probe_last_run_success"), Some(&0.0), "{served:?}");
        let failures: f64 =
            served.iter().filter(|(name, _)| name.starts_with("pmtu_probe_last_run_failures{")).map(|(_, n)| n).sum();
        assert!((failures - 1.0).abs() < f64::EPSILON, "{served:?}");
        assert!(
            !served.keys().any(|name| name.starts_with("pmtu_probe_blackhole")),
            "nothing of the earlier run is left"
        );
    });
}
