//! Logs that real servers wrote over a hole, with the time limits that they come with (`netns-scripts/real-logs.sh`). Their labels come
//! from how the path was built.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use pmtu_probe::model::{Grade, MailFlow, Suspects};
use pmtu_probe::report::suspects::grade_word;

use super::{folder, suspects};

const SIZES: [u32; 7] = [1000, 3000, 10_000, 20_000, 60_000, 200_000, 1_000_000];

/// Direction and address.
type Subject = (&'static str, String);

struct RealLog {
    name: String,
    text: String,
    /// Whether each peer is behind the hole.
    labels: BTreeMap<Subject, bool>,
}

fn logs() -> Vec<RealLog> {
    let folder = folder().join("real");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.ends_with(".labels"));
    names.sort();
    assert_eq!(names.len(), 12, "three servers, sending and receiving, plain and with STARTTLS: {names:?}");
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    names
        .into_iter()
        .map(|name| RealLog { text: read(&name), labels: labels(&read(&format!("{name}.labels"))), name })
        .collect()
}

fn labels(text: &str) -> BTreeMap<Subject, bool> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| match row.split_whitespace().collect::<Vec<_>>()[..] {
        [label @ ("hole" | "innocent"), flow @ ("out" | "in"), peer, ..] => {
            ((if flow == "out" { "out" } else { "in" }, peer.to_owned()), label == "hole")
        }
        _ => panic!("{row}"),
    })
    .collect()
}

fn graded(suspects: &Suspects) -> BTreeMap<Subject, Grade> {
    let graded = suspects.list.iter().map(|suspect| {
        let flow = if suspect.flow == MailFlow::Outgoing { "out" } else { "in" };
        ((flow, suspect.peer.address.map(|address| address.to_string()).unwrap_or_default()), suspect.grade)
    });
    graded.collect()
}

/// The least that a log has to say of a peer behind the hole.
fn least(log: &RealLog) -> Grade {
    // OpenSMTPD does not say at which stage a client fell silent, and a client may keep a session open without sending anything.
    if log.name.starts_with("opensmtpd-receives") { Grade::Possible } else { Grade::Likely }
}

#[test]
fn whoever_is_behind_the_hole_is_found_and_nobody_else() {
    let mut faults = Vec::new();
    for log in logs() {
        let read = suspects(log.text.as_bytes());
        assert_eq!(read.reading.unread, 0, "{}: {:?}", log.name, read.reading.unread_line);
        let is_quoted =
            |phrases: &[&str]| !phrases.is_empty() && phrases.iter().all(|phrase| log.text.contains(phrase));
        assert!(read.list.iter().all(|suspect| is_quoted(&suspect.phrases)), "{}: no words to look for", log.name);
        let found = graded(&read);
        println!("{:<32} {}", log.name, in_words(&found));
        for (subject, is_behind) in &log.labels {
            match found.get(subject) {
                Some(grade) if *is_behind && *grade >= least(&log) => {}
                None if !is_behind => {}
                other => faults.push(format!("{}: {subject:?}: {other:?}", log.name)),
            }
        }
        faults.extend(
            found
                .keys()
                .filter(|subject| !log.labels.contains_key(*subject))
                .map(|subject| format!("{}: {subject:?}", log.name)),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What fits into a socket's buffer stalls otherwise than what does not: the other side gives up first. So each size is looked at alone,
/// with the small mails that pass.
#[test]
fn mails_of_each_size_alone_lead_to_the_hole() {
    let (mut faults, mut tried) = (Vec::new(), 0);
    for log in logs().into_iter().filter(|log| !log.name.contains("-receives-")) {
        for size in SIZES {
            let text = with_mails_of(&log.text, size);
            let found = graded(&suspects(text.as_bytes()));
            println!("{:<24} {size:>7} {}", log.name, in_words(&found));
            for (subject, is_behind) in &log.labels {
                // Not every size is tried at every relay: a server that knows of a failure keeps other mail back.
                let is_failing = text.lines().any(|line| is_failure(line, size, &subject.1));
                assert!(*is_behind || !is_failing, "{}: {subject:?} is not healthy", log.name);
                match found.get(subject) {
                    None if is_failing => faults.push(format!("{}, {size} bytes: {subject:?} is not found", log.name)),
                    Some(_) if !is_behind => faults.push(format!("{}, {size} bytes: {subject:?} is accused", log.name)),
                    _ => {}
                }
                tried += usize::from(is_failing);
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(tried > 100, "six logs, three relays, six or seven sizes: {tried}");
}

fn in_words(found: &BTreeMap<Subject, Grade>) -> String {
    let words: Vec<String> = found.iter().map(|((_, peer), grade)| format!("{peer} {}", grade_word(*grade))).collect();
    words.join(", ")
}

/// The server's own record that it tried a mail of this size at this relay in vain.
fn is_failure(line: &str, size: u32, peer: &str) -> bool {
    let is_of = line.contains(&format!("bytes{size}@"));
    let is_there = line.contains(&format!("[{peer}]")) || line.contains(&format!("relay=\"{peer} ("));
    let is_record = [" status=deferred ", " == ", " result=\"TempFail\" "].iter().any(|words| line.contains(words));
    is_of && is_there && is_record && !line.contains("delivery temporarily suspended")
}

/// The log without the mails of other sizes, but for small ones. Recipients are named after the size of their mail.
fn with_mails_of(text: &str, size: u32) -> String {
    let others: Vec<String> =
        SIZES.iter().filter(|other| **other != size).map(|other| format!("bytes{other}@")).collect();
    let is_other = |line: &str| others.iter().any(|other| line.contains(other));
    let gone: BTreeSet<&str> = text.lines().filter(|line| is_other(line)).filter_map(name_of_mail).collect();
    let kept =
        text.lines().filter(|line| !is_other(line) && name_of_mail(line).is_none_or(|name| !gone.contains(name)));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Postfix's and Exim's name of the mail that a line is about, or OpenSMTPD's name of a message, which its envelopes' names begin with.
fn name_of_mail(line: &str) -> Option<&str> {
    for field in ["evpid=", "msgid="] {
        if let Some((_, rest)) = line.split_once(field) {
            return rest.get(..8);
        }
    }
    // Exim's own log has a date alone before the message, syslog a host and a tag as well.
    let message = if line.get(10..11) == Some(" ") { line.get(20..)? } else { line.split_once("]: ")?.1 };
    let name = message.split([' ', ':']).next()?;
    (name.len() >= 10 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then_some(name)
}

/// As a user sees it.
#[test]
fn the_program_lists_them() {
    for log in logs() {
        let path = folder().join("real").join(&log.name);
        let ran =
            Command::new(env!("CARGO_BIN_EXE_pmtu-probe")).args(["--list-only", "-q", "--from-log"]).arg(path).output();
        let ran = ran.expect("the program runs");
        let shown = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success(), "{}: {:?} {shown}", log.name, ran.status);
        for ((_, peer), is_behind) in &log.labels {
            let is_named = shown.lines().any(|line| line.split([' ', ':']).any(|word| word == peer));
            assert_eq!(is_named, *is_behind, "{}: {peer} in:\n{shown}", log.name);
        }
    }
}
