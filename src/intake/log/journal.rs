//! The JSON of journald (`journalctl -o json`): one object a line. All values are text; bytes that are not text are an array of numbers.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::line::{LogEntry, MailServer};
use crate::intake::stamp::Stamp;

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, rename = "MESSAGE")]
    message: Field<'a>,
    #[serde(borrow, rename = "SYSLOG_IDENTIFIER")]
    identifier: Field<'a>,
    #[serde(borrow, default, rename = "_HOSTNAME")]
    host: Field<'a>,
    #[serde(borrow, default, rename = "__REALTIME_TIMESTAMP")]
    time: Field<'a>,
}

/// Bytes, from text or from an array. Everything else is empty.
#[derive(Default)]
struct Field<'a>(Cow<'a, [u8]>);

/// Passes the entry of a line on. Returns false if no mail server wrote it.
pub(super) fn with_entry(line: &[u8], note: impl FnOnce(&LogEntry<'_>)) -> bool {
    if !is_worth_parsing(line) {
        return false;
    }
    let Ok(record) = serde_json::from_slice::<Record<'_>>(line) else { return false };
    let Some(program) = MailServer::of_tag(&record.identifier.0) else { return false };
    let micros = std::str::from_utf8(&record.time.0).ok().and_then(|text| text.parse().ok());
    let stamp = micros.map_or(Stamp::None, Stamp::Micros);
    note(&LogEntry { stamp, host: &record.host.0, program, message: &record.message.0 });
    true
}

/// A quick check before the parser, because most of a journal is not about mail. journald does not escape slashes.
fn is_worth_parsing(line: &[u8]) -> bool {
    let Some(at) = memmem::find(line, b"\"SYSLOG_IDENTIFIER\"") else { return false };
    let near = &line[at..line.len().min(at + 128)];
    [&b"smtp"[..], b"/", b"exim", b"sm-", b"sendmail"].iter().any(|needle| memmem::find(near, needle).is_some())
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, an array of bytes, or null")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Field(Cow::Borrowed(text.as_bytes())))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Field(Cow::Owned(text.as_bytes().to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Field(Cow::Owned(number.to_string().into_bytes())))
            }

            // journald writes null in place of what is too long.
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Field::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
                let mut bytes = Vec::new();
                while let Some(item) = sequence.next_element::<Item>()? {
                    if let Item::Byte(byte) = item {
                        bytes.push(byte);
                    }
                }
                Ok(Field(Cow::Owned(bytes)))
            }
        }
        deserializer.deserialize_any(Bytes)
    }
}

/// A field that was given several times is an array of texts: no bytes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Byte(u8),
    Other(IgnoredAny),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(line: &str) -> Option<Vec<u8>> {
        let mut message = None;
        with_entry(line.as_bytes(), |entry| message = Some(entry.message.to_owned()));
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
            (r"{", None),
            (r#"{"MESSAGE":"cut"#, None),
        ];
        for (start, expected) in rows {
            assert_eq!(message(&format!("{start}{rest}")).as_deref(), expected, "{start}");
        }
    }

    #[test]
    fn other_programs_are_passed_over() {
        assert_eq!(message(r#"{"MESSAGE":"x","SYSLOG_IDENTIFIER":"kernel"}"#), None);
        assert_eq!(message(r#"{"MESSAGE":"x"}"#), None);
    }
}
