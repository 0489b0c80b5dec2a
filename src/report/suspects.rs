//! The list of suspects of a log or a queue, for a terminal.

mod meaning;
mod words;

pub use meaning::{Answer, cannot_be_seen, meanings};
pub(super) use meaning::{Line as Meaning, TITLE as MEANINGS};

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

/// What the log says of a peer, without a layout.
pub(super) struct PeerRows {
    pub(super) headline: String,
    /// Labels and values; a label stands once above its values.
    pub(super) rows: Vec<(&'static str, String)>,
}

impl PeerRows {
    /// One peer: what is the same for all of its addresses once, and the evidence by address. `None`: there is none.
    pub(super) fn of(suspects: &[&Suspect]) -> Option<Self> {
        let strongest = suspects.iter().max_by_key(|suspect| suspect.grade)?;
        let title = match suspects {
            [only] => words::peer(&only.peer),
            several => format!("{}, {} addresses", strongest.names().next().map_or("", String::as_str), several.len()),
        };
        let mut rows = Vec::new();
        let other_names = other_names(suspects);
        if !other_names.is_empty() {
            rows.push(("also named", other_names.join(", ")));
        }
        let is_one_way = suspects.iter().all(|suspect| words::way(suspect) == words::way(strongest));
        if is_one_way {
            rows.push(("mail", words::way(strongest).into()));
        }
        if suspects.iter().any(|suspect| suspect.hides_the_sender()) {
            rows.push(("sender", words::HIDDEN_SENDER.into()));
        }
        rows.extend(strongest.logged_by.clone().map(|host| ("logged by", host)));
        for suspect in suspects {
            if suspects.len() > 1 {
                rows.push(("address", words::row(suspect)));
            }
            if !is_one_way {
                rows.push(("mail", words::way(suspect).into()));
            }
            rows.extend(evidence(suspect));
        }
        Some(Self { headline: format!("{title}: {}", words::headline(strongest)), rows })
    }
}

fn block(out: &mut String, suspects: &[&Suspect], width: Width) {
    let Some(PeerRows { headline, rows }) = PeerRows::of(suspects) else { return };
    for line in wrap(width, &printable(&headline), "", "  ") {
        push_line(out, &line);
    }
    let mut last = "";
    for (label, text) in rows {
        let shown = if label == BECAUSE && last == BECAUSE { "" } else { label };
        row(out, width, shown, &text);
        last = label;
    }
}

const BECAUSE: &str = "because";

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
fn evidence(suspect: &Suspect) -> Vec<(&'static str, String)> {
    let mut rows: Vec<(&'static str, String)> =
        suspect.reasons.iter().map(|reason| (BECAUSE, words::reason(reason))).collect();
    if !suspect.domains.is_empty() {
        rows.push(("for", suspect.domains.join(", ")));
    }
    rows.extend(words::times(suspect).map(|times| ("when", times)));
    rows.extend(suspect.delays.as_ref().map(|delays| ("delays", words::delays(delays))));
    if !suspect.phrases.is_empty() {
        let phrases: Vec<String> = suspect.phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
        rows.push(("log says", phrases.join(", ")));
    }
    rows.push(("log line", suspect.sample.clone()));
    rows
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
