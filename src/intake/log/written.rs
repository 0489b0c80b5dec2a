//! Lines as syslog, Postfix and Exim write them.

use memchr::memchr;

use super::entry::{LogEntry, MailServer};
use super::{exchange, exim, msglog, qmail};
use crate::intake::bytes::{after, leading_number, split};
use crate::intake::stamp::Stamp;

/// Takes a line apart if a mail server wrote it.
pub(super) fn entry(line: &[u8]) -> Option<LogEntry<'_>> {
    as_written(without_priority(line))
}

fn as_written(line: &[u8]) -> Option<LogEntry<'_>> {
    match line.first()? {
        b'A'..=b'Z' => old_syslog(line),
        b'0'..=b'9' if line.get(10) == Some(&b' ') => dated(line),
        b'0'..=b'9' => iso(line).or_else(|| exchange(line)),
        b'@' => multilog(line),
        _ => None,
    }
}

/// `<22>`, and `<22>1 ` in RFC 5424, section 6.2.
fn without_priority(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"<").and_then(leading_number).and_then(|(_, rest)| rest.strip_prefix(b">"))
    else {
        return line;
    };
    rest.strip_prefix(b"1 ").unwrap_or(rest)
}

/// `Jan  2 03:04:05 host tag[123]: message`.
fn old_syslog(line: &[u8]) -> Option<LogEntry<'_>> {
    if line.get(3) != Some(&b' ') || line.get(12) != Some(&b':') || line.get(15) != Some(&b' ') {
        return None;
    }
    let (host, rest) = word(&line[16..])?;
    let (program, message) = tagged(rest)?;
    Some(LogEntry { stamp: Stamp::text(&line[..15]), host, program, message: message.into() })
}

/// `2026-01-02T03:04:05+00:00 host tag[123]: message`, or RFC 5424 from there on.
fn iso(line: &[u8]) -> Option<LogEntry<'_>> {
    if line.get(4) != Some(&b'-') || line.get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, rest) = word(line)?;
    let (host, rest) = word(rest)?;
    let (program, message) = tagged(rest).or_else(|| rfc5424(rest))?;
    Some(LogEntry { stamp: Stamp::text(stamp), host, program, message: message.into() })
}

/// `2026-01-02 03:04:05 message`, perhaps with milliseconds and offset, from a log without tags.
fn dated(line: &[u8]) -> Option<LogEntry<'_>> {
    let (stamp, message) = exim_date(line)?;
    let program = without_tag(message)?;
    Some(LogEntry { stamp: Stamp::text(stamp), host: b"", program, message: message.into() })
}

/// Who writes such a message behind a date alone: Exim in its own logs, or qmail, whose times tai64nlocal has made readable.
fn without_tag(message: &[u8]) -> Option<MailServer> {
    if exim::is_exim(message) {
        Some(MailServer::Exim)
    } else if qmail::is_line(message) {
        Some(MailServer::Qmail)
    } else {
        msglog::is_line(message).then_some(MailServer::EximOfOneMail)
    }
}

/// A line of a log without tags and hosts.
pub(super) fn without_header(line: &[u8]) -> Option<LogEntry<'_>> {
    match line.get(10)? {
        _ if line[0] == b'@' => multilog(line),
        b' ' => dated(line),
        b'T' => exchange(line),
        _ => None,
    }
}

/// `@40000000… message`, from qmail by multilog.
fn multilog(line: &[u8]) -> Option<LogEntry<'_>> {
    let (stamp, message) = qmail::stamped(line)?;
    let program = MailServer::Qmail;
    qmail::is_line(message).then_some(LogEntry { stamp, host: b"", program, message: message.into() })
}

/// `2026-01-02T03:04:05.678Z,connector,…`
fn exchange(line: &[u8]) -> Option<LogEntry<'_>> {
    let (date, columns) = exchange::line(line)?;
    Some(LogEntry { stamp: Stamp::text(date), host: b"", program: MailServer::Exchange, message: columns.into() })
}

/// Exim's date, and what follows it.
pub(super) fn exim_date(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.get(4) != Some(&b'-') || line.get(10) != Some(&b' ') || line.get(13) != Some(&b':') {
        return None;
    }
    let (time, rest) = word(&line[11..])?;
    let zone = match rest.first() {
        Some(b'+' | b'-') => word(rest).map(|(zone, _)| zone).filter(|zone| zone[1..].iter().all(u8::is_ascii_digit)),
        _ => None,
    };
    let length = 11 + time.len() + zone.map_or(0, |zone| zone.len() + 1);
    Some((&line[..length], line.get(length + 1..)?))
}

/// `tag[123]: message`; Solaris adds `[ID 197553 mail.info] `.
fn tagged(rest: &[u8]) -> Option<(MailServer, &[u8])> {
    let (tag, message) = word(rest)?;
    let tag = tag.strip_suffix(b":")?;
    let tag = memchr(b'[', tag).map_or(tag, |at| &tag[..at]);
    let program = MailServer::of_tag(tag)?;
    let solaris = message.strip_prefix(b"[ID ").and_then(|rest| after(rest, b"] "));
    let message = solaris.unwrap_or(message);
    // Exim may repeat the date of its own log.
    let dated = (program == MailServer::Exim).then(|| exim_date(message)).flatten();
    Some((program, dated.map_or(message, |(_, message)| message)))
}

/// `tag procid msgid structured-data message`.
fn rfc5424(rest: &[u8]) -> Option<(MailServer, &[u8])> {
    let (tag, rest) = word(rest)?;
    Some((MailServer::of_tag(tag)?, behind_tag_of_rfc5424(rest)?))
}

/// The message behind `procid msgid structured-data`.
pub(super) fn behind_tag_of_rfc5424(rest: &[u8]) -> Option<&[u8]> {
    let (_, rest) = word(rest)?;
    let (_, rest) = word(rest)?;
    let message = match rest.strip_prefix(b"- ") {
        Some(message) => message,
        None => split(rest.strip_prefix(b"[")?, b"] ")?.1,
    };
    Some(message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message))
}

/// What stands before and after the first space.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr(b' ', text)?;
    Some((&text[..at], &text[at + 1..]))
}
