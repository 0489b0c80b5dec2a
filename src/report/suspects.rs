//! The list of suspects of a log or a queue, for a terminal.

mod meaning;
mod words;

pub use meaning::{Answer, cannot_be_seen, meanings};

use super::layout::{push_line, wrap};
use super::printable::printable;
use crate::model::{Grade, Peer, Reading, Suspect, Suspects};

/// How many other addresses of one name are listed.
const MOST_ADDRESSES: usize = 8;

/// The list as lines of text, the strongest suspicion first.
pub fn render(suspects: &Suspects) -> String {
    let mut out = String::new();
    for line in wrap(&summary(suspects), "", "  ") {
        push_line(&mut out, &line);
    }
    for note in notes(&suspects.reading) {
        for line in wrap(&printable(&note), "  ", "  ") {
            push_line(&mut out, &line);
        }
    }
    for suspect in &suspects.list {
        out.push('\n');
        block(&mut out, suspect, &of_the_same_name(suspect, &suspects.list));
    }
    out
}

/// A line for each, never wrapped.
pub fn render_short(suspects: &Suspects) -> String {
    let mut out = String::new();
    for suspect in &suspects.list {
        let line = format!("{}: {}", words::peer(&suspect.peer), words::headline(suspect));
        push_line(&mut out, &printable(&line));
    }
    out
}

fn summary(suspects: &Suspects) -> String {
    let read = words::read(&suspects.reading);
    match suspects.list.len() {
        0 if suspects.reading.lines == 0 => "No suspects: the queue is empty.".into(),
        0 if suspects.reading.unread > 0 => format!("No suspects among what can be read of {read}."),
        0 => format!("No suspects: nothing in {read} looks like a path that swallows large packets."),
        1 => format!("1 suspect in {read}:"),
        several => format!("{several} suspects in {read}, the strongest first:"),
    }
}

fn notes(reading: &Reading) -> Vec<String> {
    let mut notes = Vec::new();
    if reading.unread > 0 {
        let lines = words::count(reading.unread, "line tells", "lines tell");
        let first = reading.unread_line.as_deref().unwrap_or_default();
        notes.push(format!(
            "{lines} of mail that stalls, in a form that cannot be read. Give the log as the mail server or journalctl writes it. \
             The first is: {first}"
        ));
    }
    if reading.overlong > 0 {
        let lines = words::count(reading.overlong, "line was", "lines were");
        notes.push(format!("{lines} too long to be a mail server's and passed over."));
    }
    if reading.forgotten > 0 {
        notes.push(format!("{} more stalls are left out: at more peers than fit.", reading.forgotten));
    }
    notes.extend(reading.own.as_ref().map(words::own));
    notes
}

/// Other addresses of a peer. Each has a path of its own, so each is a suspect of its own.
fn of_the_same_name(suspect: &Suspect, all: &[Suspect]) -> Vec<String> {
    let is_same = |other: &&Suspect| {
        let (ours, theirs) = (&suspect.peer, &other.peer);
        ours.name.is_some()
            && ours.name == theirs.name
            && ours.address != theirs.address
            && (suspect.flow, &suspect.logged_by) == (other.flow, &other.logged_by)
    };
    let words = |other: &Suspect| Some(format!("{} ({})", other.peer.address?, grade_word(other.grade)));
    all.iter().filter(is_same).filter_map(words).take(MOST_ADDRESSES).collect()
}

fn block(out: &mut String, suspect: &Suspect, same_name: &[String]) {
    let title = format!("{}: {}", words::peer(&suspect.peer), words::headline(suspect));
    for line in wrap(&printable(&title), "", "  ") {
        push_line(out, &line);
    }
    let mut row = |label: &str, text: String| {
        for line in wrap(&printable(&text), &format!("  {label:<12}"), &" ".repeat(14)) {
            push_line(out, &line);
        }
    };
    row("mail", words::way(suspect).to_owned());
    if suspect.hides_the_sender() {
        row("sender", words::HIDDEN_SENDER.to_owned());
    }
    if !same_name.is_empty() {
        row("same name", same_name.join(", "));
    }
    for (index, reason) in suspect.reasons.iter().enumerate() {
        row(if index == 0 { "because" } else { "" }, words::reason(reason));
    }
    if !suspect.domains.is_empty() {
        row("for", suspect.domains.join(", "));
    }
    if let Some(times) = words::times(suspect) {
        row("when", times);
    }
    if let Some(host) = &suspect.logged_by {
        row("logged by", host.clone());
    }
    if let Some(delays) = &suspect.delays {
        row("delays", words::delays(delays));
    }
    row("log line", suspect.sample.clone());
}

/// What to call a peer: name, address and an unusual port.
pub fn peer(peer: &Peer) -> String {
    words::peer(peer)
}

/// Its grade in one word, for lists that have room for no more.
pub fn grade_word(grade: Grade) -> &'static str {
    match grade {
        Grade::Classic => "classic",
        Grade::Likely => "likely",
        Grade::Possible => "possible",
    }
}
