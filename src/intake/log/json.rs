//! Lines of JSON: journald's own (`journalctl -o json`), and what containers and collectors wrap around a line. Bytes that are not text
//! are an array of numbers in journald's.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::entry::{LogEntry, MailServer};
use super::line;
use crate::intake::stamp::Stamp;

/// Where other programs keep the line, the likely names first. Others are tried after them.
const LINES: [&str; 10] =
    ["MESSAGE", "log", "message", "msg", "line", "_raw", "textPayload", "full_message", "short_message", "event"];
/// Objects in objects are followed so far.
const DEEPEST: usize = 4;

/// The fields of a record of journald that matter here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    pub(super) message: Vec<u8>,
    pub(super) identifier: Vec<u8>,
    pub(super) host: Vec<u8>,
    pub(super) micros: Option<i64>,
    /// What stands above the record in place of a time in microseconds.
    pub(super) heading: Vec<u8>,
}

impl Record {
    /// Takes a field. Returns whether it matters.
    pub(super) fn set(&mut self, name: &str, value: &[u8]) -> bool {
        match name {
            "MESSAGE" => value.clone_into(&mut self.message),
            "SYSLOG_IDENTIFIER" => value.clone_into(&mut self.identifier),
            "_HOSTNAME" => value.clone_into(&mut self.host),
            "__REALTIME_TIMESTAMP" => self.micros = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
            _ => return false,
        }
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.message.is_empty() && self.identifier.is_empty()
    }

    /// The entry: the message of a mail server, or a line of one that a container passed on.
    pub(super) fn entry(&self) -> Option<LogEntry<'_>> {
        let stamp = match self.micros {
            Some(micros) => Stamp::Micros(micros),
            None if self.heading.is_empty() => Stamp::None,
            None => Stamp::text(&self.heading),
        };
        if let Some(program) = MailServer::of_tag(&self.identifier) {
            return Some(LogEntry { stamp, host: &self.host, program, message: self.message.as_slice().into() });
        }
        let entry = line::entry_passed_on(&self.message)?;
        Some(LogEntry { stamp: if entry.stamp.is_dated() { entry.stamp } else { stamp }, ..entry })
    }
}

/// The usual record of journald. Read without a copy: a journal may have millions.
#[derive(Deserialize)]
struct UsualRecord<'a> {
    #[serde(borrow, rename = "MESSAGE")]
    message: Cow<'a, str>,
    #[serde(borrow, rename = "SYSLOG_IDENTIFIER")]
    identifier: Cow<'a, str>,
    #[serde(borrow, rename = "_HOSTNAME")]
    host: Cow<'a, str>,
    #[serde(borrow, rename = "__REALTIME_TIMESTAMP")]
    micros: Cow<'a, str>,
}

impl UsualRecord<'_> {
    fn entry(&self) -> Option<LogEntry<'_>> {
        let program = MailServer::of_tag(self.identifier.as_bytes())?;
        let stamp = self.micros.parse().map_or(Stamp::None, Stamp::Micros);
        Some(LogEntry { stamp, host: self.host.as_bytes(), program, message: self.message.as_bytes().into() })
    }
}

/// Whether a line of JSON held an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Entry,
    Nothing,
    /// It is no object at all.
    NoObject,
}

/// Passes the entry of an object on.
pub(super) fn with_entry(text: &[u8], note: &mut dyn FnMut(&LogEntry<'_>)) -> Held {
    if let Ok(record) = serde_json::from_slice::<UsualRecord<'_>>(text)
        && let Some(entry) = record.entry()
    {
        note(&entry);
        return Held::Entry;
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(text) else { return Held::NoObject };
    if with_entry_of(&object, DEEPEST, note) { Held::Entry } else { Held::Nothing }
}

fn with_entry_of(object: &Map<String, Value>, depth: usize, note: &mut dyn FnMut(&LogEntry<'_>)) -> bool {
    let mut record = Record::default();
    for name in ["MESSAGE", "SYSLOG_IDENTIFIER", "_HOSTNAME", "__REALTIME_TIMESTAMP"] {
        if let Some(value) = object.get(name) {
            record.set(name, &bytes(value));
        }
    }
    if record.identifier.is_empty() {
        of_collector(object, &mut record);
    }
    if let Some(entry) = record.entry() {
        note(&entry);
        return true;
    }
    let known = LINES.iter().filter_map(|name| object.get(*name));
    let others = object.iter().filter(|(name, _)| !LINES.contains(&name.as_str())).map(|(_, value)| value);
    known.chain(others).any(|value| with_entry_in(value, depth, note))
}

fn with_entry_in(value: &Value, depth: usize, note: &mut dyn FnMut(&LogEntry<'_>)) -> bool {
    match value {
        Value::Object(object) if depth > 0 => with_entry_of(object, depth - 1, note),
        Value::String(text) if text.starts_with('{') && depth > 0 => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => with_entry_of(&object, depth - 1, note),
            _ => false,
        },
        Value::String(text) => line::entry_passed_on(text.trim_end().as_bytes()).inspect(|entry| note(entry)).is_some(),
        _ => false,
    }
}

/// Collectors take a line apart: the tag, the message and the time have fields of their own.
fn of_collector(object: &Map<String, Value>, record: &mut Record) {
    let text =
        |names: &[&str]| names.iter().find_map(|name| object.get(*name)).and_then(Value::as_str).unwrap_or_default();
    let tag = text(&[
        "program",
        "ident",
        "syslogtag",
        "appname",
        "app_name",
        "app-name",
        "application_name",
        "tag",
        "process",
    ]);
    let tag = tag.split(['[', ':']).next().unwrap_or_default();
    if MailServer::of_tag(tag.as_bytes()).is_none() {
        return;
    }
    let fields = [
        (&mut record.identifier, tag),
        (&mut record.message, text(&["message", "msg", "MESSAGE", "log", "short_message"]).trim_start()),
        (&mut record.host, text(&["host", "hostname", "source", "logsource"])),
        (&mut record.heading, text(&["@timestamp", "timestamp", "time", "date", "timereported"])),
    ];
    for (field, text) in fields {
        text.as_bytes().clone_into(field);
    }
}

/// Text, or an array of bytes. Everything else is empty: journald writes null in place of what is too long, and an array of texts where a
/// field was given several times.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.as_bytes().to_owned(),
        Value::Number(number) => number.to_string().into_bytes(),
        Value::Array(items) => {
            items.iter().filter_map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(line: &str) -> Option<Vec<u8>> {
        let mut message = None;
        with_entry(line.as_bytes(), &mut |entry| message = Some(entry.message.to_vec()));
        message
    }

    #[test]
    fn text_and_bytes_are_read() {
        let rest = r#""SYSLOG_IDENTIFIER":"postfix/smtp","_HOSTNAME":"mx1","__REALTIME_TIMESTAMP":"1700000000000000"}"#;
        let rows = [
            (r#"{"MESSAGE":"hello","#, Some(&b"hello"[..])),
            (r#"{"MESSAGE":"a\tb","#, Some(b"a\tb")),
            (r#"{"MESSAGE":[104,105,255],"#, Some(b"hi\xff")),
            (r#"{"MESSAGE":null,"#, Some(b"")),
            (r#"{"MESSAGE":["one","two"],"#, Some(b"")),
            (r#"{"MESSAGE":"cut"#, None),
        ];
        for (start, expected) in rows {
            assert_eq!(message(&format!("{start}{rest}")).as_deref(), expected, "{start}");
        }
    }

    #[test]
    fn lines_of_containers_and_collectors_are_read() {
        let line = "Nov 20 10:00:00 mail postfix/smtp[101]: hello";
        for text in [
            format!(r#"{{"log":"{line}\n","stream":"stdout","time":"2026-11-20T09:00:01.123456789Z"}}"#),
            format!(r#"{{"MESSAGE":"{line}","SYSLOG_IDENTIFIER":"0123456789ab","CONTAINER_NAME":"mail"}}"#),
            format!(r#"{{"_source":{{"message":"{line}","@timestamp":"2026-11-20T09:00:01Z"}}}}"#),
            format!(r#"{{"labels":{{"app":"mail"}},"line":"{line}"}}"#),
            r#"{"program":"postfix/smtp","pid":"101","message":"hello","timestamp":"2026-11-20T09:00:01Z"}"#.to_owned(),
        ] {
            assert_eq!(message(&text).as_deref(), Some(&b"hello"[..]), "{text}");
        }
    }

    /// The words of another program hold what strangers chose.
    #[test]
    fn words_of_strangers_are_no_entries() {
        let words = "Invalid user Nov 20 10:00:00 mail postfix/smtp[101]: hello";
        for text in [
            format!(r#"{{"MESSAGE":"{words}","SYSLOG_IDENTIFIER":"sshd","_HOSTNAME":"mx1"}}"#),
            format!(r#"{{"program":"sshd","message":"{words}"}}"#),
            format!(r#"{{"log":"{words}\n","stream":"stdout"}}"#),
        ] {
            assert_eq!(message(&text), None, "{text}");
        }
    }

    #[test]
    fn other_programs_are_passed_over() {
        assert_eq!(message(r#"{"MESSAGE":"x","SYSLOG_IDENTIFIER":"kernel"}"#), None);
        assert_eq!(message(r#"{"MESSAGE":"x"}"#), None);
    }
}
