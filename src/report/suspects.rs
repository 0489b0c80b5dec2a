//! The list of suspects of a log or a queue, for a terminal.

mod meaning;
mod words;

pub use meaning::{Answer, cannot_be_seen, meanings};

use super::layout::{Width, push_line, wrap};
use super::printable::printable;
use crate::model::{Grade, Peer, Reading, Suspect, Suspects};

/// The list as lines of text of the usual width, the strongest suspicion first.
pub fn render(suspects: &Suspects) -> String {
    render_at(suspects, Width::USUAL)
}

/// The same at another width.
pub fn render_at(suspects: &Suspects, width: Width) -> String {
    let mut out = String::new();
    for line in wrap(width, &summary(suspects), "", "  ") {
        push_line(&mut out, &line);
    }
    for note in notes(&suspects.reading) {
        for line in wrap(width, &printable(&note), "  ", "  ") {
            push_line(&mut out, &line);
        }
    }
    for rows in suspects.peers() {
        out.push('\n');
        block(&mut out, &rows, width);
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
    match suspects.peers().len() {
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
    notes.extend(reading.silent.map(|form| format!("Some lines name no reason: {}.", form.words())));
    notes.extend(reading.own.as_ref().map(words::own));
    notes
}

/// One peer: what is the same for all of its addresses once, and the evidence by address.
fn block(out: &mut String, rows: &[&Suspect], width: Width) {
    let Some(strongest) = rows.iter().max_by_key(|row| row.grade) else { return };
    let title = match rows {
        [only] => words::peer(&only.peer),
        several => format!("{}, {} addresses", strongest.names().next().map_or("", String::as_str), several.len()),
    };
    for line in wrap(width, &printable(&format!("{title}: {}", words::headline(strongest))), "", "  ") {
        push_line(out, &line);
    }
    let other_names = other_names(rows);
    if !other_names.is_empty() {
        row(out, width, "also named", &other_names.join(", "));
    }
    let is_one_way = rows.iter().all(|suspect| words::way(suspect) == words::way(strongest));
    if is_one_way {
        row(out, width, "mail", words::way(strongest));
    }
    if rows.iter().any(|suspect| suspect.hides_the_sender()) {
        row(out, width, "sender", words::HIDDEN_SENDER);
    }
    if let Some(host) = &strongest.logged_by {
        row(out, width, "logged by", host);
    }
    for suspect in rows {
        if rows.len() > 1 {
            row(out, width, "address", &words::row(suspect));
        }
        if !is_one_way {
            row(out, width, "mail", words::way(suspect));
        }
        evidence(out, suspect, width);
    }
}

/// The names beside that of the title.
fn other_names<'a>(rows: &[&'a Suspect]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(|suspect| suspect.names()) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    names.split_off(names.len().min(1))
}

/// What speaks for and against one address.
fn evidence(out: &mut String, suspect: &Suspect, width: Width) {
    for (index, reason) in suspect.reasons.iter().enumerate() {
        row(out, width, if index == 0 { "because" } else { "" }, &words::reason(reason));
    }
    if !suspect.domains.is_empty() {
        row(out, width, "for", &suspect.domains.join(", "));
    }
    if let Some(times) = words::times(suspect) {
        row(out, width, "when", &times);
    }
    if let Some(delays) = &suspect.delays {
        row(out, width, "delays", &words::delays(delays));
    }
    if !suspect.phrases.is_empty() {
        row(
            out,
            width,
            "log says",
            &suspect.phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect::<Vec<_>>().join(", "),
        );
    }
    row(out, width, "log line", &suspect.sample);
}

fn row(out: &mut String, width: Width, label: &str, text: &str) {
    for line in wrap(width, &printable(text), &format!("  {label:<12}"), &" ".repeat(14)) {
        push_line(out, &line);
    }
}

/// What to call a peer: name, address and an unusual port.
pub fn peer(peer: &Peer) -> String {
    words::peer(peer)
}

/// Its grade in one word, for lists that have room for no more.
pub fn grade_word(grade: Grade) -> &'static str {
    words::grade(grade)
}
