//! Records of journald over several lines: `journalctl -o export`, `verbose` and `json-pretty`.

use super::json::Record;
use super::lines::LONGEST;

/// A record that is being read.
#[derive(Default)]
pub(super) struct Records {
    record: Record,
    binary: Option<Binary>,
}

/// A field whose value is preceded by its length, in eight bytes.
struct Binary {
    name: String,
    bytes: Vec<u8>,
}

/// What a line is to a record.
pub(super) enum Taken {
    /// Part of it.
    Part,
    /// Its end.
    End(Record),
    /// The beginning of another one.
    Begin(Record),
    /// A text of a JSON object over several lines, in a field that is none of journald's: a collector may keep a line there.
    Value(Vec<u8>),
    /// Nothing.
    Not,
}

impl Records {
    pub(super) fn take(&mut self, line: &[u8]) -> Taken {
        if let Some(binary) = self.binary.as_mut() {
            binary.bytes.extend_from_slice(line);
            binary.bytes.push(b'\n');
            self.end_of_binary();
            return Taken::Part;
        }
        if let Some(heading) = heading(line) {
            let ended = std::mem::take(&mut self.record);
            heading.clone_into(&mut self.record.heading);
            return Taken::Begin(ended);
        }
        if let Some((name, value)) = assignment(line)
            && (self.record.set(name, value) || self.has_begun(name))
        {
            return Taken::Part;
        }
        if let Some((name, value)) = member(line) {
            return if self.record.set(&name, &value) { Taken::Part } else { Taken::Value(value) };
        }
        match line {
            b"MESSAGE" => {
                self.binary = Some(Binary { name: "MESSAGE".to_owned(), bytes: Vec::new() });
                Taken::Part
            }
            b"" | b"}" | b"}," | b"}, {" if !self.record.is_empty() => Taken::End(std::mem::take(&mut self.record)),
            _ => Taken::Not,
        }
    }

    /// Whether a field is one of a record: all of journald's own begin so.
    fn has_begun(&self, name: &str) -> bool {
        name.starts_with('_') || !self.record.is_empty() || !self.record.heading.is_empty()
    }

    /// What is left at the end of a file.
    pub(super) fn rest(&mut self) -> Record {
        self.binary = None;
        std::mem::take(&mut self.record)
    }

    fn end_of_binary(&mut self) {
        let Some(Binary { name, bytes }) = self.binary.as_ref() else { return };
        let Some((length, value)) = bytes.split_first_chunk::<8>() else { return };
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        // A length that no line has is no length.
        if length > LONGEST {
            self.binary = None;
        } else if let Some(value) = value.get(..length) {
            self.record.set(name, value);
            self.binary = None;
        }
    }
}

/// `Fri 2026-11-20 10:00:00.123456 CET [s=1f…;i=2;…]`, above a record of `verbose`.
fn heading(line: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(line, b" [s=")?;
    (line.first()?.is_ascii_alphabetic() && line.ends_with(b"]")).then_some(&line[..at])
}

/// `MESSAGE=…`, indented in `verbose`.
fn assignment(line: &[u8]) -> Option<(&str, &[u8])> {
    let line = line.trim_ascii_start();
    let length = line.iter().position(|byte| !(byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_'))?;
    let value = line[length..].strip_prefix(b"=").filter(|_| length > 2)?;
    Some((std::str::from_utf8(&line[..length]).ok()?, value))
}

/// `"MESSAGE" : "…",`, indented, of `json-pretty`.
fn member(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = std::str::from_utf8(line).ok()?;
    let inside = text.trim().strip_prefix('"').filter(|_| text.starts_with([' ', '\t']))?;
    let (name, value) = inside.split_once('"')?;
    let value = value.trim_start().strip_prefix(':')?.trim();
    let value = value.strip_suffix(',').unwrap_or(value);
    Some((name.to_owned(), super::json::bytes(&serde_json::from_str(value).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8]) -> Vec<(String, String, Option<i64>)> {
        let (mut reader, mut found) = (Records::default(), Vec::new());
        for line in text.split(|byte| *byte == b'\n') {
            if let Taken::End(record) | Taken::Begin(record) = reader.take(line) {
                found.push(record);
            }
        }
        found.push(reader.rest());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let full = found.into_iter().filter(|record| !record.is_empty());
        full.map(|record| (text(&record.identifier), text(&record.message), record.micros)).collect()
    }

    fn expected(micros: Option<i64>) -> Vec<(String, String, Option<i64>)> {
        ["one", "two"].map(|message| ("postfix/smtp".to_owned(), message.to_owned(), micros)).to_vec()
    }

    #[test]
    fn records_of_every_form_are_read() {
        let export = b"__REALTIME_TIMESTAMP=5\nSYSLOG_IDENTIFIER=postfix/smtp\nMESSAGE=one\n\n\
                       __REALTIME_TIMESTAMP=5\nSYSLOG_IDENTIFIER=postfix/smtp\nMESSAGE\n\x03\0\0\0\0\0\0\0two\n";
        assert_eq!(records(export), expected(Some(5)));
        let verbose = b"Fri 2026-11-20 10:00:00.123456 CET [s=1f;i=2]\n    SYSLOG_IDENTIFIER=postfix/smtp\n    MESSAGE=one\n\
                        Fri 2026-11-20 10:00:01.123456 CET [s=1f;i=3]\n    SYSLOG_IDENTIFIER=postfix/smtp\n    MESSAGE=two\n";
        assert_eq!(records(verbose), expected(None));
        let pretty = b"{\n\t\"__REALTIME_TIMESTAMP\" : \"5\",\n\t\"SYSLOG_IDENTIFIER\" : \"postfix/smtp\",\n\t\"MESSAGE\" : \"one\"\n}\n\
                       {\n\t\"__REALTIME_TIMESTAMP\" : \"5\",\n\t\"MESSAGE\" : [ 116, 119, 111 ],\n\t\"SYSLOG_IDENTIFIER\" : \"postfix/smtp\"\n}\n";
        assert_eq!(records(pretty), expected(Some(5)));
    }

    /// A length of ten bytes holds a line end.
    #[test]
    fn a_length_may_look_like_a_line_end() {
        let export = b"SYSLOG_IDENTIFIER=postfix/smtp\nMESSAGE\n\x0a\0\0\0\0\0\0\x000123456789\n\n";
        assert_eq!(records(export), [("postfix/smtp".to_owned(), "0123456789".to_owned(), None)]);
        let nonsense = b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffx\nSYSLOG_IDENTIFIER=postfix/smtp\nMESSAGE=one\n";
        assert_eq!(records(nonsense).len(), 1);
    }
}
