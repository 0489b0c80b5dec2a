//! The labelled logs: precision and recall of each, and the grades.

use std::collections::BTreeMap;

use pmtu_probe::intake::queue;
use pmtu_probe::model::{LogTime, MailFlow, Suspects};
use pmtu_probe::report::suspects::grade_word;

use super::{file, folder, now, suspects};

/// Both directions of one peer are two subjects.
type Subject = (String, String);

#[test]
fn precision_and_recall_are_complete_in_every_format() {
    let names = names();
    assert!(names.len() >= 15, "{names:?}");
    let mut faults = Vec::new();
    for name in &names {
        let (labels, found) = (labels(name), found(name));
        let accused = |label: &str| label != "innocent";
        let hits = found.keys().filter(|subject| labels.get(*subject).is_some_and(|label| accused(label))).count();
        let wanted = labels.values().filter(|label| accused(label)).count();
        let innocent = labels.len() - wanted;
        // What a server wrote in a lab is as it is.
        let enough = if name.contains("-real.") { 1 } else { 3 };
        assert!(wanted >= enough && innocent >= 3, "{name}: {wanted} suspects and {innocent} innocents are no test");
        let number = |count: usize| f64::from(u32::try_from(count).expect("a small number"));
        let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { number(part) / number(whole) * 100.0 };
        let (precision, recall) = (share(hits, found.len()), share(hits, wanted));
        println!(
            "{name:<28} {wanted:>2} suspects, {innocent:>2} innocent: precision {precision:.0} %, recall {recall:.0} %"
        );
        faults.extend(differences(name, &labels, &found));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What the program says against what the labels say, grades included.
fn differences(name: &str, labels: &BTreeMap<Subject, String>, found: &BTreeMap<Subject, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (subject, label) in labels {
        let said = found.get(subject).map_or("innocent", String::as_str);
        if said != label {
            faults.push(format!("{name}: {subject:?} is {label}, not {said}"));
        }
    }
    for subject in found.keys().filter(|subject| !labels.contains_key(*subject)) {
        faults.push(format!("{name}: {subject:?} has no label"));
    }
    faults
}

/// A label of a peer that does not occur would test nothing.
#[test]
fn every_label_is_of_a_peer_in_the_log() {
    for name in names() {
        let text = text_with_bytes_as_text(&name);
        for (_, peer) in labels(&name).into_keys() {
            assert!(text.contains(&peer), "{name}: {peer}");
        }
    }
}

#[test]
fn line_ends_of_windows_change_nothing() {
    for name in names().into_iter().filter(|name| name != "postqueue.json") {
        let text = String::from_utf8_lossy(&file(&name)).replace('\n', "\r\n");
        assert_eq!(in_words(&suspects(text.as_bytes())), found(&name), "{name}");
    }
}

/// The expectation comes from the log: its first and last line about a stall at this peer.
#[test]
fn times_are_those_of_the_first_and_last_stall() {
    for (name, words) in [("postfix-3.7-rfc3164.log", "timed out while"), ("exim-4.96-mainlog.log", "SMTP timeout")] {
        let text = String::from_utf8_lossy(&file(name)).into_owned();
        let stalls: Vec<&str> =
            text.lines().filter(|line| line.contains("[192.0.2.11]") && line.contains(words)).collect();
        let time = |line: Option<&&str>| {
            let word = line.and_then(|line| line.split(' ').find(|word| word.matches(':').count() == 2));
            format!("2026-11-03 {}", word.unwrap_or_default())
        };
        let suspects = suspects(text.as_bytes());
        let suspect = &suspects.list[0];
        assert_eq!(suspect.peer.address, "192.0.2.11".parse().ok());
        let shown = |time: Option<LogTime>| time.map(|time| time.to_string()).unwrap_or_default();
        assert_eq!(shown(suspect.first), time(stalls.first()), "{name}");
        assert_eq!(shown(suspect.last), time(stalls.last()), "{name}");
    }
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the folder of the corpus").map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut names: Vec<String> = files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let logs = names.iter().filter(|name| !name.ends_with(".labels")).cloned().collect::<Vec<_>>();
    names.clear();
    names.extend(logs);
    names.sort();
    names
}

fn labels(name: &str) -> BTreeMap<Subject, String> {
    let text = String::from_utf8(file(&format!("{name}.labels"))).expect("labels are text");
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let mut labels = BTreeMap::new();
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        let [label, flow, peer, ..] = words[..] else { panic!("{name}: {row}") };
        assert!(["classic", "likely", "possible", "innocent"].contains(&label), "{name}: {row}");
        let old = labels.insert((flow.to_owned(), peer.to_owned()), label.to_owned());
        assert_eq!(old, None, "{name}: {row}");
    }
    labels
}

fn found(name: &str) -> BTreeMap<Subject, String> {
    let text = file(name);
    if name == "postqueue.json" {
        return in_words(&queue::parse(&text, now()).expect("a queue"));
    }
    in_words(&suspects(&text))
}

fn in_words(suspects: &Suspects) -> BTreeMap<Subject, String> {
    let words = suspects.list.iter().map(|suspect| {
        let flow = if suspect.flow == MailFlow::Outgoing { "out" } else { "in" };
        let peer = suspect.peer.address.map(|address| address.to_string()).or_else(|| suspect.peer.name.clone());
        ((flow.to_owned(), peer.unwrap_or_default()), grade_word(suspect.grade).to_owned())
    });
    words.collect()
}

/// journald's arrays of bytes, as the text that they are.
fn text_with_bytes_as_text(name: &str) -> String {
    let text = String::from_utf8_lossy(&file(name)).into_owned();
    let mut out = text.clone();
    for array in text.split("\"MESSAGE\":[").skip(1) {
        let numbers = array.split(']').next().unwrap_or_default().split(',');
        out.push_str(&String::from_utf8_lossy(&numbers.filter_map(|number| number.parse().ok()).collect::<Vec<u8>>()));
    }
    out
}
