//! Exchange: the protocol logs of its connectors. They hold the whole SMTP dialogue but the mail itself, a line of columns for each step.
//!
//! `date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context`: a `+` begins a session, `>` is
//! what Exchange says, `<` what the other side says, and `-` ends it. Who commands is the client, so the lines tell the direction themselves.

use std::fmt::Write;
use std::net::SocketAddr;

use jiff::Timestamp;

use crate::intake::bytes::{domain, leading_number, number_after, until};
use crate::intake::event::{LineContext, MailEvent, PeerRef, Stall};
use crate::intake::mails::hash;
use crate::intake::pending::PendingTable;
use crate::intake::postfix::LONG_WAIT;
use crate::intake::said::tells_time_out;
use crate::intake::stamp::Stamp;
use crate::model::{MailFlow, StallStage};

/// The length of `2026-11-20T10:00:00.123Z`.
const DATE: usize = 24;

/// The sessions that are under way.
pub(super) struct Exchange {
    sessions: PendingTable<Session>,
    mails: u64,
    /// The name and the domain of the mail that an event is about.
    name: String,
    domain: Vec<u8>,
}

#[derive(Default)]
struct Session {
    flow: Option<MailFlow>,
    peer: Option<SocketAddr>,
    step: Step,
    /// Since when.
    since: Option<Stamp>,
    mail: u64,
    size: Option<u64>,
    recipients: u64,
    domain: Vec<u8>,
}

/// What the last line of a session leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Other,
    /// The server is asked for TLS, or has agreed to it.
    AskedForTls,
    Handshake,
    /// The server is asked for leave to send the mail.
    AskedForData,
    /// The mail, or a chunk of it, is under way.
    Body {
        is_last: bool,
    },
}

/// A line, taken apart.
struct Row<'a> {
    session: &'a [u8],
    remote: &'a [u8],
    event: u8,
    data: &'a [u8],
    context: &'a [u8],
}

/// Whether a line is one of such a log: its date, and what follows.
pub(super) fn line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_date = line.get(DATE - 1..=DATE) == Some(b"Z,") && line[10] == b'T' && line[4] == b'-' && line[19] == b'.';
    if !is_date || row(&line[DATE + 1..]).is_none() {
        return None;
    }
    Some((&line[..DATE], &line[DATE + 1..]))
}

fn row(columns: &[u8]) -> Option<Row<'_>> {
    let (_connector, rest) = column(columns)?;
    let (session, rest) = column(rest)?;
    let (number, rest) = column(rest)?;
    let (_local, rest) = column(rest)?;
    let (remote, rest) = column(rest)?;
    let (event, rest) = column(rest)?;
    let (data, rest) = column(rest).unwrap_or((rest, b""));
    let is_session = session.len() == 16 && session.iter().all(u8::is_ascii_hexdigit);
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let [event @ (b'+' | b'-' | b'>' | b'<' | b'*')] = event else { return None };
    (is_session && is_number).then_some(Row { session, remote, event: *event, data, context: rest })
}

/// The first column without its quotes, and what follows the comma.
fn column(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(inside) = text.strip_prefix(b"\"") else {
        let column = until(text, b',');
        return Some((column, text.get(column.len() + 1..)?));
    };
    let mut at = 0;
    loop {
        let quote = at + memchr::memchr(b'"', &inside[at..])?;
        if inside.get(quote + 1) != Some(&b'"') {
            return Some((&inside[..quote], inside.get(quote + 1..)?.strip_prefix(b",")?));
        }
        at = quote + 2;
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self { sessions: PendingTable::new(), mails: 0, name: String::new(), domain: Vec::new() }
    }
}

impl Exchange {
    /// The event that a line completes.
    pub(super) fn event<'a>(
        &'a mut self,
        columns: &'a [u8],
        context: &LineContext<'_>,
        now: Timestamp,
    ) -> Option<MailEvent<'a>> {
        let row = row(columns)?;
        let key = hash(&[context.host, row.session]);
        if row.event == b'+' {
            self.sessions.insert(key, Session::default());
        }
        if self.sessions.get_mut(key).is_none() {
            // The log began in the middle of it.
            self.sessions.insert(key, Session::default());
        }
        let session = self.sessions.get_mut(key)?;
        if session.peer.is_none() {
            session.peer = std::str::from_utf8(row.remote).ok().and_then(|place| place.parse().ok());
        }
        let outcome = session.take(&row, context.stamp, now, &mut self.mails);
        self.name.clear();
        let _ = write!(self.name, "session {key:x} mail {}", session.mail);
        self.domain.clone_from(&session.domain);
        let (flow, peer, size, recipients) = (session.flow, session.peer, session.size, session.recipients);
        if row.event == b'-' {
            self.sessions.remove(key);
        }
        let (outcome, flow, peer) = (outcome?, flow?, peer?);
        let peer = PeerRef { name: b"", address: Some(peer.ip().to_canonical()), port: Some(peer.port()) };
        let mail = self.name.as_bytes();
        Some(match outcome {
            Outcome::Began => MailEvent::Received { mail, size: size?, recipients, client: None },
            Outcome::Passed if flow == MailFlow::Outgoing => MailEvent::Sent { mail, relay: peer },
            Outcome::Passed => MailEvent::Received { mail, size: size?, recipients, client: Some(peer) },
            Outcome::Stalled(stage, waited) => MailEvent::Stalled(Stall {
                mail: Some(mail).filter(|_| stage != StallStage::TlsHandshake),
                domain: Some(self.domain.as_slice()).filter(|domain| flow == MailFlow::Outgoing && !domain.is_empty()),
                waited: Some(waited),
                ..Stall::new(flow, peer, stage)
            }),
        })
    }
}

/// What a line says of a mail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// We send it; its size is known.
    Began,
    Passed,
    Stalled(StallStage, f64),
}

impl Session {
    fn take(&mut self, row: &Row<'_>, stamp: Stamp, now: Timestamp, mails: &mut u64) -> Option<Outcome> {
        let waited = || {
            let (since, stamp) = (self.since?.read(now)?, stamp.read(now)?);
            Some(stamp.order().duration_since(since.order()).as_secs_f64()).filter(|waited| *waited >= LONG_WAIT)
        };
        let is_reply = row.data.get(..3).is_some_and(|code| code.iter().all(u8::is_ascii_digit));
        let has = |text: &[u8], needle: &[u8]| memchr::memmem::find(text, needle).is_some();
        match row.event {
            b'*' if self.step == Step::Handshake
                && [row.data, row.context]
                    .iter()
                    .any(|text| has(text, b"negotiation succeeded") || has(text, b"Received certificate")) =>
            {
                self.step = Step::Other;
                None
            }
            b'<' | b'>' if is_reply => {
                let by_us = row.event == b'>';
                self.flow = Some(if by_us { MailFlow::Incoming } else { MailFlow::Outgoing });
                let waited =
                    if matches!(self.step, Step::Body { .. }) && row.data[0] == b'4' { waited() } else { None };
                self.reply(row.data, waited, stamp)
            }
            b'<' | b'>' if row.data.first().is_some_and(u8::is_ascii_alphabetic) => {
                self.flow = Some(if row.event == b'<' { MailFlow::Incoming } else { MailFlow::Outgoing });
                self.command(row.data, stamp, mails)
            }
            b'-' => self.end(row.context, waited()?),
            _ => None,
        }
    }

    fn command(&mut self, data: &[u8], stamp: Stamp, mails: &mut u64) -> Option<Outcome> {
        let starts = |with: &[u8]| data.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        self.since = Some(stamp);
        let before = std::mem::take(&mut self.step);
        if starts(b"MAIL FROM:") {
            *mails += 1;
            (self.mail, self.recipients) = (*mails, 0);
            self.size = number_after(data, b" SIZE=");
            self.domain.clear();
        } else if starts(b"RCPT TO:") {
            self.recipients += 1;
            domain(until(&data[8..], b' ')).unwrap_or_default().clone_into(&mut self.domain);
        } else if starts(b"BDAT ") {
            let (length, rest) = leading_number(&data[5..])?;
            let is_first = !matches!(before, Step::Body { .. });
            let is_last = rest.trim_ascii().eq_ignore_ascii_case(b"LAST");
            self.step = Step::Body { is_last };
            self.size = self.size.or(Some(length).filter(|_| is_first && is_last));
            return self.began();
        } else if starts(b"DATA") {
            self.step = Step::AskedForData;
        } else if starts(b"STARTTLS") || starts(b"X-ANONYMOUSTLS") {
            self.step = Step::AskedForTls;
        }
        None
    }

    fn began(&self) -> Option<Outcome> {
        (self.flow == Some(MailFlow::Outgoing) && self.size.is_some()).then_some(Outcome::Began)
    }

    /// `waited`: if it is a 4xx after a long wait in the body.
    fn reply(&mut self, data: &[u8], waited: Option<f64>, stamp: Stamp) -> Option<Outcome> {
        match (self.step, data[0]) {
            (Step::AskedForTls, b'2') => {
                (self.step, self.since) = (Step::Handshake, Some(stamp));
                None
            }
            (Step::AskedForData, b'3') => {
                (self.step, self.since) = (Step::Body { is_last: true }, Some(stamp));
                self.began()
            }
            // Of a sender or a recipient, if all were sent in one go (RFC 3463, section 3.2).
            (Step::Body { .. }, b'2') if data.starts_with(b"250 2.1.") => None,
            (Step::Body { is_last }, b'2') => {
                self.step = Step::Other;
                let told = number_before(data, b" bytes in ");
                self.size = self.size.or(told);
                is_last.then_some(Outcome::Passed)
            }
            (Step::Body { .. }, b'4') if tells_time_out(data) => {
                self.step = Step::Other;
                let incoming = self.flow == Some(MailFlow::Incoming);
                let stage = if incoming { StallStage::Data } else { StallStage::EndOfData };
                Some(Outcome::Stalled(stage, waited?))
            }
            _ => {
                self.step = Step::Other;
                None
            }
        }
    }

    /// The session is over, in the middle of something that took long. `context` says who ended it: `Local`, `Remote`, perhaps with a
    /// reason in parentheses.
    fn end(&self, context: &[u8], waited: f64) -> Option<Outcome> {
        let is_by_us = context.starts_with(b"Local") || memchr::memmem::find(context, b"TimedOut").is_some();
        let stage = match (self.step, self.flow?) {
            (Step::Handshake, _) => StallStage::TlsHandshake,
            (Step::Body { .. }, MailFlow::Outgoing) if is_by_us => StallStage::Body,
            (Step::Body { .. }, MailFlow::Outgoing) => StallStage::LostInBody,
            (Step::Body { .. }, MailFlow::Incoming) if is_by_us => StallStage::Data,
            _ => return None,
        };
        Some(Outcome::Stalled(stage, waited))
    }
}

/// The number that stands before the first `needle`.
fn number_before(text: &[u8], needle: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(text, needle)?;
    let start = text[..at].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |before| before + 1);
    leading_number(&text[start..at]).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_be_in_quotes() {
        let rows = [
            ("a,b", Some(("a", "b"))),
            (",b", Some(("", "b"))),
            ("\"a, \"\"x\"\"\",b", Some(("a, \"\"x\"\"", "b"))),
            ("\"a\"b", None),
            ("\"a", None),
            ("a", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(column, rest)| (column.as_bytes(), rest.as_bytes()));
            assert_eq!(column(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_line_is_known_by_its_columns() {
        let date = "2026-11-20T10:00:00.123Z";
        for (columns, is_line) in [
            ("Internet,08D675E58CA1DA31,7,10.0.0.6:41000,192.0.2.1:25,-,,Local", true),
            ("\"A, B\",08D675E58CA1DA31,0,,192.0.2.1:25,*,,attempting to connect", true),
            ("EX1\\Default EX1,08D675E58CA1DA31,2,[::1]:25,[2001:db8::1]:4711,>,\"220 EX1, ready\",", true),
            ("Internet,08D675E58CA1DA31,7,10.0.0.6:41000,192.0.2.1:25,x,,Local", false),
            ("Internet,session,7,10.0.0.6:41000,192.0.2.1:25,-,,Local", false),
            ("10.0.0.1,EX1,192.0.2.1,mx.example.com,x,Internet,SMTP,DEFER,72", false),
            ("Internet", false),
            ("", false),
        ] {
            assert_eq!(line(format!("{date},{columns}").as_bytes()).is_some(), is_line, "{columns}");
        }
        assert_eq!(line(b"2026-11-20T10:00:00.123456Z stdout F x"), None);
    }

    #[test]
    fn a_size_stands_before_its_words() {
        assert_eq!(number_before(b"[Hostname=EX1] 2000 bytes in 0.1", b" bytes in "), Some(2000));
        assert_eq!(number_before(b"x bytes in 0.1", b" bytes in "), None);
        assert_eq!(number_before(b" bytes in 0.1", b" bytes in "), None);
    }
}
