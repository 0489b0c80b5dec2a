//! What everybody knows is no alarm, and a change is: through the program, on real paths, in every kind of run.

use std::fs;

use serde_json::Value;

use super::lab::{Lab, Ran, with_labs};
use super::{SERVER, up};

fn code(ran: &Ran) -> Option<i32> {
    ran.status.code()
}

fn address(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    document["addresses"][0].clone()
}

fn in_folder(lab: &Lab, name: &str) -> String {
    lab.folder().join(name).display().to_string()
}

#[test]
fn a_hole_that_everybody_knows_is_no_alarm_and_its_end_is_one() {
    with_labs("expected::a_hole_that_everybody_knows_is_no_alarm_and_its_end_is_one", || {
        let forward = ["--direction", "forward", SERVER];
        let lab = up("silent_router");
        let known = in_folder(&lab, "known.json");
        let first = lab.probe(&[&[format!("--json={known}").as_str(), "-q"], &forward[..]].concat());
        assert_eq!(code(&first), Some(2), "{}", first.stdout);
        let document = fs::read_to_string(&known).unwrap();

        let again = lab.probe(&[&["--json", "--known", &known], &forward[..]].concat());
        assert_eq!((code(&again), &address(&again)["expected"]), (Some(0), &Value::Bool(true)), "{}", again.stdout);
        let by_words =
            lab.probe(&[&["-q", "--expect", "masked,black_hole", "--expect-mtu", "1400"], &forward[..]].concat());
        assert_eq!(code(&by_words), Some(0), "{}", by_words.stdout);
        assert!(by_words.stdout.ends_with("; as expected\n"), "{}", by_words.stdout);
        let by_size = lab.probe(&[&["-q", "--expect", "black_hole", "--expect-mtu", "1401:"], &forward[..]].concat());
        assert_eq!(code(&by_size), Some(2), "{}", by_size.stdout);
        assert!(
            by_size.stdout.ends_with("; not as expected: path MTU 1400, expected at least 1401\n"),
            "{}",
            by_size.stdout
        );
        list(&lab, &known);
        suspects(&lab);
        lab.down().unwrap();

        // The same address, and the path is repaired.
        let lab = up("clear");
        let known = in_folder(&lab, "known.json");
        fs::write(&known, document).unwrap();
        let healed = lab.probe(&[&["--json", "--known", &known], &forward[..]].concat());
        assert_eq!((code(&healed), &address(&healed)["expected"]), (Some(1), &Value::Bool(false)), "{}", healed.stdout);
        assert_eq!(address(&healed)["change"], "clear, was black hole; path MTU 1500, was 1400");
        let unknown = lab.probe(&["-q", "--known", &known, "--direction", "forward", "-p", "587", SERVER]);
        assert!(!unknown.stdout.contains("expected"), "the file has another port: {}", unknown.stdout);
        lab.down().unwrap();
    });
}

/// A line for each, counts, and the code over all; a list that goes on counts what it had.
fn list(lab: &Lab, known: &str) {
    let (targets, results) = (in_folder(lab, "targets"), in_folder(lab, "results.jsonl"));
    fs::write(&targets, format!("{SERVER}\n")).unwrap();
    let forward = ["--direction", "forward", "--targets", &targets];
    let ran = lab.probe(&[&["--known", known, "--jsonl", &results], &forward[..]].concat());
    assert_eq!(code(&ran), Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("; as expected\n"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("\n1 target: 1 black hole, 1 as expected\n"), "{}", ran.stdout);
    let line: Value = serde_json::from_str(&fs::read_to_string(&results).unwrap()).unwrap();
    assert_eq!((&line["exit_code"], &line["addresses"][0]["expected"]), (&0.into(), &Value::Bool(true)));
    let resumed = lab.probe(&[&["--known", known, "--jsonl", &results, "--resume", &results], &forward[..]].concat());
    assert_eq!(code(&resumed), Some(0), "{}", resumed.stdout);
    assert!(resumed.stdout.ends_with("1 target: 1 black hole, 1 as expected\n"), "{}", resumed.stdout);
    // Lines of an earlier list are known as well as a document.
    let again = lab.probe(&[&["--known", &results, "--expect", "clear"], &forward[..]].concat());
    assert_eq!(code(&again), Some(0), "{}", again.stdout);
    let changed = lab.probe(&[&["--expect", "clear"], &forward[..]].concat());
    assert_eq!(code(&changed), Some(2), "{}", changed.stdout);
    assert!(
        changed.stdout.contains("1 target: 1 black hole, 1 not as expected\n\nnot as expected:\n"),
        "{}",
        changed.stdout
    );
}

/// Suspects of a log are addresses like others; the words of the way there are for those whose way there is examined.
fn suspects(lab: &Lab) {
    let stall = format!(
        "Nov 24 15:10:53 client postfix/smtp[9676]: AC6D417C163: to=<a@example.com>, relay=mx.example.com[{SERVER}]:25, delay=305, \
         delays=0.01/0/0/305, dsn=4.4.2, status=deferred (conversation with mx.example.com[{SERVER}] timed out while sending \
         message body)\n"
    );
    let log = in_folder(lab, "maillog");
    fs::write(&log, stall.repeat(3)).unwrap();
    let ran = lab.probe(&["--expect", "black_hole", "--from-log", &log]);
    assert_eq!(code(&ran), Some(0), "{}", ran.stdout);
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("; as expected"), "{text}");
    let ran = lab.probe(&["--format", "nagios", "--from-log", &log]);
    assert_eq!((code(&ran), ran.stderr.as_str()), (Some(2), ""), "{}", ran.stdout);
    assert!(ran.stdout.starts_with("PMTU CRITICAL - mx.example.com 10.0.4.2: black hole above 1400"), "{}", ran.stdout);
    fs::write(&log, "Nov 24 15:10:53 client postfix/qmgr[1]: AC6D417C163: removed\n").unwrap();
    let ran = lab.probe(&["--format", "nagios", "--from-log", &log]);
    assert_eq!((code(&ran), ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "PMTU OK - no suspects\n", ""));
}
