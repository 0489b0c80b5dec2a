//! From the lines of a file to the entries in them: one line may hold an entry, and an entry may take several lines.

use super::entry::LogEntry;
use super::json::{self, Held, Record};
use super::line;
use super::lines::LONGEST;
use super::mailq::Mailq;
use super::records::{Records, Taken};
use super::wrapped::may_name_a_server;
use crate::intake::event::MailEvent;
use crate::intake::stamp::Stamp;

/// Takes note of what is found.
pub(super) trait Reader {
    /// An entry of a mail server. `shown` is the line as the log has it.
    fn entry(&mut self, entry: &LogEntry<'_>, shown: &[u8]);
    /// What a pasted list of a queue says. `shown` is why the mail waits.
    fn queued(&mut self, event: &MailEvent<'_>, stamp: Stamp, shown: &[u8]);
    /// A line without one.
    fn other(&mut self, line: &[u8]);
}

/// Puts lines together that belong together.
#[derive(Default)]
pub(super) struct Entries {
    records: Records,
    mailq: Mailq,
    /// An entry that seems cut off: the next line may be its rest.
    cut: Vec<u8>,
}

impl Entries {
    /// `next`: the first byte of the next line, if it is known.
    pub(super) fn line(&mut self, line: &[u8], next: Option<u8>, reader: &mut dyn Reader) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if memchr::memchr(ESCAPE, line).is_some() {
            return self.plain_line(&without_colours(line), next, reader);
        }
        self.plain_line(line, next, reader);
    }

    fn plain_line(&mut self, line: &[u8], next: Option<u8>, reader: &mut dyn Reader) {
        match self.records.take(line) {
            Taken::Part => return,
            Taken::Value(value) => {
                return match line::entry_passed_on(&value) {
                    Some(entry) => reader.entry(&entry, &entry.message),
                    None => reader.other(&value),
                };
            }
            Taken::End(record) | Taken::Begin(record) => return pass_record(&record, reader),
            Taken::Not => {}
        }
        if !self.cut.is_empty() && self.is_rest(line) {
            return;
        }
        self.pass_cut(reader);
        if let Some(object) = object(line).filter(|object| may_name_a_server(object)) {
            match json::with_entry(object, &mut |entry| reader.entry(entry, &entry.message)) {
                Held::Entry => return,
                Held::Nothing => return reader.other(line),
                Held::NoObject => {}
            }
        }
        if self.mailq.take(line, &mut |event, stamp, shown| reader.queued(event, stamp, shown)) {
            return;
        }
        match line::entry(line) {
            Some(entry) if may_go_on(&entry.message, next) => line.clone_into(&mut self.cut),
            Some(entry) => reader.entry(&entry, line),
            None => reader.other(line),
        }
    }

    /// Passes on what is left at the end of a file.
    pub(super) fn end(&mut self, reader: &mut dyn Reader) {
        self.pass_cut(reader);
        pass_record(&self.records.rest(), reader);
    }

    /// Whether the line is the rest of the one before. Then it is added to it.
    fn is_rest(&mut self, line: &[u8]) -> bool {
        let rest = line.iter().position(|byte| !b" \t>|".contains(byte)).map_or(&b""[..], |at| &line[at..]);
        let is_own = rest.is_empty() || begins_anew(rest) || line::entry(line).is_some();
        if is_own || self.cut.len() + rest.len() > LONGEST {
            return false;
        }
        self.cut.push(b' ');
        self.cut.extend_from_slice(rest);
        true
    }

    fn pass_cut(&mut self, reader: &mut dyn Reader) {
        if self.cut.is_empty() {
            return;
        }
        if let Some(entry) = line::entry(&self.cut) {
            reader.entry(&entry, &self.cut);
        }
        self.cut.clear();
    }
}

fn pass_record(record: &Record, reader: &mut dyn Reader) {
    match record.entry() {
        Some(entry) => reader.entry(&entry, &entry.message),
        None => reader.other(&record.message),
    }
}

/// The object in a line, perhaps behind the separator of RFC 7464, `data: ` of an event stream, or as part of an array.
fn object(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(b"data:").unwrap_or(line);
    let start = line.iter().position(|byte| !b" \t\x1e[,".contains(byte))?;
    let object = line[start..].trim_ascii_end();
    let object = object.strip_suffix(b"]").or_else(|| object.strip_suffix(b",")).unwrap_or(object);
    object.starts_with(b"{").then_some(object)
}

const ESCAPE: u8 = 0x1b;

/// The line without the sequences that colour it on a terminal. Others stay, and are shown escaped.
fn without_colours(line: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        plain.extend_from_slice(&rest[..at]);
        let colour = colour(&rest[at..]);
        if colour == 0 {
            plain.push(ESCAPE);
        }
        rest = &rest[at + colour.max(1)..];
    }
    plain.extend_from_slice(rest);
    plain
}

/// The length of a sequence that changes colours (ECMA-48, 8.3.117), if there is one at the start.
fn colour(text: &[u8]) -> usize {
    let Some(inside) = text.strip_prefix(b"\x1b[") else { return 0 };
    let numbers = inside.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    if inside.get(numbers) == Some(&b'm') { numbers + 3 } else { 0 }
}

/// Whether the next line may be the rest of a message: it is indented or quoted, or the message seems cut off. A record of Postfix ends with
/// what the other side said, in parentheses.
fn may_go_on(message: &[u8], next: Option<u8>) -> bool {
    if next.is_some_and(|next| b" \t>|".contains(&next)) {
        return true;
    }
    let count = |wanted: u8| memchr::memchr_iter(wanted, message).count();
    let is_record = memchr::memmem::find(message, b": to=<").is_some_and(|at| at <= 32);
    count(b'(') > count(b')') || is_record && memchr::memmem::find(message, b"stat").is_none()
}

/// Whether a line begins with a date, as lines of other programs do.
fn begins_anew(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_old = line.get(12) == Some(&b':') && line.get(15) == Some(&b' ');
    is_old || digits == 4 && line.get(4) == Some(&b'-') || digits == 10 && line.get(10) == Some(&b'.')
}
