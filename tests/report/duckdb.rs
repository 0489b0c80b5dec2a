//! The questions of `docs/duckdb.md`, asked of the real DuckDB, about results whose content is known.
//!
//! Needs what `netns-scripts/fleet.sh` fetches; fails without.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use pmtu_probe::model::{AddressReport, HopName, HopNames, Report, Reverse, ReverseReason};
use pmtu_probe::report::json::render_line;
use serde_json::{Value, json};

use super::fixtures::{back_hole, clear, discoverable, ip, masked, no_ptb, report, size, unreachable};

/// The blocks of SQL in the page, in order.
fn questions() -> Vec<&'static str> {
    let page = include_str!("../../docs/duckdb.md");
    page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn line(vantage: Option<&str>, hour: u64, target: &str, address: AddressReport) -> String {
    let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + hour * 3600);
    let vantage = vantage.map(Into::into);
    render_line(&Report { target: target.into(), vantage, started, ..report(vec![address]) })
}

/// The way there only.
fn at(mut address: AddressReport, text: &str) -> AddressReport {
    address.address = ip(text);
    address.examined.reverse = Reverse::untested(ReverseReason::NoConnection);
    address
}

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("pmtu-probe-duckdb-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Three files, one of them gzip, one of a version that named no host.
fn fill(folder: &Path) {
    let mut holed = at(no_ptb("192.0.2.25"), "192.0.2.1");
    let asn = HopName { name: None, asn: Some(64_500) };
    holed.names = [(ip("203.0.113.2"), asn)].into_iter().collect::<HopNames>();
    let mut masked = at(masked("192.0.2.25"), "192.0.2.4");
    masked.examined.path_mtu = Some(size(1420));
    let first = [
        line(Some("fra1"), 0, "one.example", holed),
        line(Some("fra1"), 0, "two.example", at(no_ptb("192.0.2.25"), "192.0.2.2")),
        line(Some("fra1"), 0, "three.example", at(clear("192.0.2.25"), "192.0.2.3")),
        line(Some("fra1"), 0, "four.example", masked),
    ];
    let second = [
        line(Some("nyc2"), 1, "one.example", at(clear("192.0.2.25"), "192.0.2.1")),
        line(Some("nyc2"), 1, "five.example", at(discoverable("192.0.2.25"), "192.0.2.5")),
        line(Some("nyc2"), 1, "six.example", at(unreachable("192.0.2.25"), "192.0.2.6")),
        line(Some("fra1"), 9, "three.example", at(no_ptb("192.0.2.25"), "192.0.2.3")),
    ];
    let third = [line(None, 2, "seven.example", back_hole("192.0.2.77"))];
    std::fs::write(folder.join("fra1.jsonl"), first.concat()).expect("a file");
    std::fs::write(folder.join("old.jsonl"), third.concat()).expect("a file");
    let file = std::fs::File::create(folder.join("nyc2.jsonl.gz")).expect("a file");
    let mut gzip = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(file).spawn().expect("gzip starts");
    gzip.stdin.take().expect("a pipe").write_all(second.concat().as_bytes()).expect("gzip reads");
    assert!(gzip.wait().expect("gzip ends").success());
}

/// Each question in turn, in one session; the rows of each as arrays.
const ASK: &str = "
import duckdb, json, sys
session = duckdb.connect()
answers = [session.execute(question).fetchall() for question in json.load(sys.stdin)]
print(json.dumps([duckdb.__version__, answers]))
";

fn answers(folder: &Path) -> Vec<Value> {
    let fleet = std::env::var_os("PMTU_FLEET")
        .map_or_else(|| Path::new(env!("CARGO_BIN_EXE_pmtu-probe")).with_file_name("../fleet"), PathBuf::from);
    let python = fleet.join("python/bin/python");
    assert!(python.exists(), "{} is missing: run netns-scripts/fleet.sh", python.display());
    let mut command = Command::new(python);
    command.args(["-c", ASK]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python starts");
    let asked = json!(questions()).to_string();
    child.stdin.take().expect("a pipe").write_all(asked.as_bytes()).expect("python reads");
    let output = child.wait_with_output().expect("python ends");
    assert!(output.status.success(), "DuckDB does not take a question of the page: see above");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    println!("DuckDB {}", said[0]);
    said[1].as_array().expect("answers").clone()
}

#[test]
fn on_the_real_program() {
    let folder = Folder::new();
    fill(&folder.0);
    let answers = answers(&folder.0);
    let expected = [
        // Exit codes: three are fine, one is masked, four holes (one of them on the way back), one unreachable.
        json!([[0, 3], [1, 1], [2, 4], [3, 1]]),
        // The view has no rows of its own.
        json!([]),
        json!([["black_hole", 3, 3], ["clear", 3, 3], ["discoverable", 1, 1], ["masked", 1, 1], ["unreachable", 1, 1]]),
        json!([["203.0.113.2", "no_ptb", 1400, 4]]),
        json!([[1400, 4], [1420, 1]]),
        json!([["192.0.2.1", ["fra1: black_hole", "nyc2: clear"]]]),
        json!([["three.example", "clear", "black_hole"]]),
        json!([["mx.example.com", 1400]]),
        json!([[64_500, 1]]),
    ];
    assert_eq!(answers.len(), expected.len(), "the page has another number of questions");
    for (number, (question, (answer, expected))) in questions().iter().zip(answers.iter().zip(expected)).enumerate() {
        assert_eq!(*answer, expected, "question {}:\n{question}", number + 1);
    }
}
