//! Lines that came through other programs: containers, collectors, spreadsheets, quoted mails. The tag of the mail server is looked for
//! wherever it stands, and the line is read on from there.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::memmem;

use super::entry::{LogEntry, MailServer};
use super::written::{self, behind_tag_of_rfc5424, exim_date};
use crate::intake::dates;
use crate::intake::postfix::Daemon;
use crate::intake::stamp::Stamp;

/// The tag stands near the start of a line.
const NEAR: usize = 1024;
/// What separates words, columns and fields.
const SEPARATORS: &[u8] = b" \t\"',;|=(){}<>\x1e";
/// No tag is without one of these.
const SIGNS: [&[u8]; 11] = [
    b"postfix",
    b"/smtp",
    b"qmgr",
    b"exim",
    b"sendmail",
    b"sm-",
    b"smtpd[",
    b"\"smtpd\"",
    b"/lmtp",
    b"qmail",
    b"splogger",
];

/// The entry in a line.
pub(super) fn entry(line: &[u8]) -> Option<LogEntry<'_>> {
    tagged(line, None).or_else(|| untagged(line, None)).or_else(|| bare(line))
}

/// The entry in what another program passed on: nothing but a date and a host may stand before the tag.
pub(super) fn entry_passed_on(message: &[u8]) -> Option<LogEntry<'_>> {
    tagged(message, Some(0)).or_else(|| untagged(message, Some(0)))
}

/// A quick check before anything slower, because most lines of a journal are not about mail.
pub(super) fn may_name_a_server(text: &[u8]) -> bool {
    SIGNS.iter().any(|sign| memmem::find(text, sign).is_some())
}

/// `foreign_end`: up to where another program wrote the line.
fn tagged(line: &[u8], mut foreign_end: Option<usize>) -> Option<LogEntry<'_>> {
    let near = &line[..line.len().min(NEAR)];
    if !may_name_a_server(near) {
        return None;
    }
    for (start, word) in words(near) {
        match tag(word, &line[start + word.len()..]) {
            Tag::MailServer(program, name) => {
                return if is_own_header(line, foreign_end, start) {
                    from_tag(line, start, program, name)
                } else {
                    None
                };
            }
            Tag::Foreign { header } => foreign_end = Some(start + word.len() + header),
            Tag::None => {}
        }
    }
    None
}

/// Behind the tag of another program, and in a text in quotes, stands what strangers may have written, unless the header of the mail server
/// follows at once.
fn is_own_header(line: &[u8], foreign_end: Option<usize>, start: usize) -> bool {
    let before = &line[..start];
    let is_quoted = memchr::memchr_iter(b'"', before).count() % 2 == 1;
    let quote = memchr::memrchr(b'"', before).filter(|_| is_quoted).map(|at| at + 1);
    foreign_end.max(quote).is_none_or(|end| line.get(end..start).is_some_and(is_header))
}

/// The words with their places.
fn words(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].iter().position(|byte| !SEPARATORS.contains(byte))?;
        let length = text[at..].iter().position(|byte| SEPARATORS.contains(byte)).unwrap_or(text.len() - at);
        let word = (at, &text[at..at + length]);
        at += length;
        Some(word)
    })
}

enum Tag<'a> {
    MailServer(MailServer, &'a [u8]),
    /// `sshd[12]:`, `kernel:`, or in RFC 5424 `sshd` with so many bytes of a header behind it.
    Foreign {
        header: usize,
    },
    None,
}

/// Whether a word is a tag. `name[123]:`, `name:`, and in columns `name[123]` and `postfix/smtp`.
fn tag<'a>(word: &'a [u8], rest: &[u8]) -> Tag<'a> {
    let name = &word[..word.iter().position(|byte| matches!(byte, b'[' | b':')).unwrap_or(word.len())];
    let behind = &word[name.len()..];
    let (has_pid, behind) = match behind.strip_prefix(b"[") {
        Some(inside) => {
            let digits = inside.iter().take_while(|byte| byte.is_ascii_digit()).count();
            match inside[digits..].strip_prefix(b"]") {
                Some(behind) => (true, behind),
                None => return Tag::None,
            }
        }
        None => (false, behind),
    };
    let is_column = behind.is_empty() && rest.first().is_some_and(|byte| b"\"',;|\t".contains(byte));
    let message = if behind.is_empty() { rfc5424_rest(rest) } else { None };
    let ends = behind == b":" || is_column || message.is_some();
    let program = MailServer::of_tag(name).filter(|_| name.first().is_some_and(u8::is_ascii_alphabetic));
    match (program, message) {
        _ if name.is_empty() || !ends => Tag::None,
        (Some(program), _) => Tag::MailServer(program, name),
        (None, Some(message)) => Tag::Foreign { header: rest.len() - message.len() },
        // A column, or the name of a file before what was found in it.
        (None, None) if (is_column || name.starts_with(b"/")) && !has_pid => Tag::None,
        (None, None) => Tag::Foreign { header: 0 },
    }
}

/// ` procid msgid structured-data message`: only with a number for the process, as words may stand behind a container's name as well.
fn rfc5424_rest(rest: &[u8]) -> Option<&[u8]> {
    let behind = rest.strip_prefix(b" ")?;
    let is_process = behind.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
    if is_process { behind_tag_of_rfc5424(behind) } else { None }
}

/// Whether a text is nothing, or a date with the name of a host.
fn is_header(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some(found) = dates::last(&text, Timestamp::UNIX_EPOCH) else { return text.trim().is_empty() };
    let is_name = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte));
    let names = |text: &str, most| text.split_whitespace().count() <= most && text.split_whitespace().all(is_name);
    // Marks of quotes and lists, a day of the week; the zone, the host and the facility.
    names(text[..found.start].trim_start_matches([' ', '\t', '>', '*', '|']), 1) && names(&text[found.end..], 3)
}

fn from_tag<'a>(line: &'a [u8], start: usize, program: MailServer, name: &[u8]) -> Option<LogEntry<'a>> {
    let before = &line[..start];
    let mut rest = &line[start + name.len()..];
    if let Some(inside) = rest.strip_prefix(b"[") {
        rest = &inside[memchr::memchr(b']', inside)? + 1..];
    }
    // What comes before the tag in the same column tells whether the column is quoted.
    let is_quoted = memchr::memchr_iter(b'"', before).count() % 2 == 1;
    let message = match rest.strip_prefix(b":") {
        Some(message) => message.strip_prefix(b" ").unwrap_or(message),
        None => match rfc5424_rest(rest) {
            Some(message) => message,
            None => {
                return Some(LogEntry {
                    stamp: Stamp::text(before),
                    host: host(before),
                    program,
                    message: column(rest)?,
                });
            }
        },
    };
    let message =
        message.strip_prefix(b"[ID ").and_then(|rest| crate::intake::bytes::after(rest, b"] ")).unwrap_or(message);
    let dated = (program == MailServer::Exim).then(|| exim_date(message)).flatten();
    let (stamp, message) = match dated {
        Some((date, message)) => (Stamp::text(date), message),
        None => (Stamp::text(before), message),
    };
    Some(LogEntry { stamp, host: host(before), program, message: unquoted(message, is_quoted) })
}

/// The first column that holds more than one word: the message.
fn column(rest: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut rest = rest;
    loop {
        let begin = rest.iter().position(|byte| !b"\"',;|\t ".contains(byte))?;
        let is_quoted = begin > 0 && rest[begin - 1] == b'"';
        rest = &rest[begin..];
        let end = if is_quoted {
            quoted(rest).len()
        } else {
            rest.iter().position(|byte| b";|\t".contains(byte)).unwrap_or(rest.len())
        };
        let column = &rest[..end];
        if column.contains(&b' ') {
            return Some(unquoted(column, is_quoted));
        }
        let next = column.iter().position(|byte| b"\",;|\t".contains(byte)).unwrap_or(end);
        rest = &rest[next.max(1).min(rest.len())..];
    }
}

/// A text that may stand in quotes, as it was before it was put into them.
fn unquoted(text: &[u8], is_quoted: bool) -> Cow<'_, [u8]> {
    if !is_quoted {
        return text.into();
    }
    let text = quoted(text);
    if memchr::memchr(b'"', text).is_none() {
        return text.into();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escapes = bytes.peek() == Some(&b'"') && matches!(byte, b'\\' | b'"');
        plain.push(if escapes { bytes.next().unwrap_or(byte) } else { byte });
    }
    plain.into()
}

/// Up to the quote that ends a column, or a text of JSON.
fn quoted(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &text[at..]).map(|found| at + found) {
        let is_escaped = quote > 0 && text[quote - 1] == b'\\';
        let is_doubled = text.get(quote + 1) == Some(&b'"');
        if !is_escaped && !is_doubled {
            return &text[..quote];
        }
        at = quote + 1 + usize::from(is_doubled);
    }
    text
}

/// The name of the host before a tag: the last word, unless it is a facility of busybox, or part of a date.
fn host(before: &[u8]) -> &[u8] {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let mut rest = before;
    loop {
        let end = rest.iter().rposition(is_name).map_or(0, |at| at + 1);
        let start = rest[..end].iter().rposition(|byte| !is_name(byte)).map_or(0, |at| at + 1);
        let word = &rest[start..end];
        let is_part_of_more = start > 0 && !SEPARATORS.contains(&rest[start - 1]) && rest[start - 1] != b'[';
        if is_facility(word) {
            rest = &rest[..start];
            continue;
        }
        let is_host = word.iter().any(u8::is_ascii_alphanumeric) && !is_part_of_more && rest.len() - end <= 3;
        return if is_host { word } else { b"" };
    }
}

/// `mail.info`, as busybox writes it.
fn is_facility(word: &[u8]) -> bool {
    const LEVELS: [&[u8]; 10] =
        [b".debug", b".info", b".notice", b".warn", b".warning", b".err", b".error", b".crit", b".alert", b".emerg"];
    LEVELS.iter().any(|level| word.ends_with(level))
}

/// A line of a log without tags behind something else: of Exim's own, of multilog or of Exchange.
fn untagged(line: &[u8], foreign_end: Option<usize>) -> Option<LogEntry<'_>> {
    let near = &line[..line.len().min(NEAR)];
    let begins = memchr::memchr_iter(b'-', near).filter_map(|dash| dash.checked_sub(4));
    let others = memchr::memmem::find_iter(near, b"@4000");
    let (at, entry) = begins.chain(others).find_map(|at| Some((at, written::without_header(&line[at..])?)))?;
    let foreign = words(&line[..at]).filter_map(|(start, word)| match tag(word, &line[start + word.len()..at]) {
        Tag::Foreign { header } => Some(start + word.len() + header),
        _ => None,
    });
    let foreign_end = foreign.last().max(foreign_end);
    let is_quoted = memchr::memchr_iter(b'"', &line[..at]).count() % 2 == 1;
    let Cow::Borrowed(message) = entry.message else { return None };
    is_own_header(line, foreign_end, at).then(|| LogEntry { message: unquoted(message, is_quoted), ..entry })
}

/// A message alone, as `journalctl -o cat` shows it.
fn bare(line: &[u8]) -> Option<LogEntry<'_>> {
    let program = MailServer::of_message(line)?;
    Some(LogEntry { stamp: Stamp::None, host: b"", program, message: line.into() })
}

impl MailServer {
    /// Who writes such messages.
    fn of_message(message: &[u8]) -> Option<Self> {
        let starts = |with: &[u8]| message.starts_with(with);
        if starts(b"timeout after ") || starts(b"SSL_accept error from ") || starts(b"lost connection after ") {
            return Some(Self::Postfix(Daemon::Server));
        }
        if starts(b"SSL_connect error to ") {
            return Some(Self::Postfix(Daemon::Client));
        }
        if super::qmail::is_line(message) {
            return Some(Self::Qmail);
        }
        let length = message.iter().take(32).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let (name, rest) = message.split_at(length);
        if let Some(rest) = rest.strip_prefix(b": ").filter(|_| length >= 5) {
            return of_record(rest);
        }
        let is_session = length == 16 && name.iter().all(u8::is_ascii_hexdigit);
        (is_session && (rest.starts_with(b" mta ") || rest.starts_with(b" smtp "))).then_some(Self::OpenSmtpd)
    }
}

/// By what follows the name of a mail.
fn of_record(rest: &[u8]) -> Option<MailServer> {
    let has = |needle: &[u8]| memmem::find(rest, needle).is_some();
    let starts = |with: &[u8]| rest.starts_with(with);
    let own = [&b"SYSERR("[..], b"timeout waiting for input", b"timeout writing message", b"collect: "];
    let is_record = starts(b"from=") && has(b", nrcpts=") || starts(b"to=") && has(b", stat=");
    if is_record || own.iter().any(|own| starts(own)) {
        return Some(MailServer::Sendmail);
    }
    let daemon = if starts(b"from=<") && has(b", size=") && has(b", nrcpt=") {
        Daemon::QueueManager
    } else if starts(b"to=<") && has(b", relay=") || starts(b"conversation with ") || starts(b"lost connection with ") {
        Daemon::Client
    } else if starts(b"client=") || starts(b"timeout after ") {
        Daemon::Server
    } else {
        return None;
    };
    Some(MailServer::Postfix(daemon))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str =
        "4ABC1D2E3F: to=<u@example.com>, relay=mx1.example.com[192.0.2.25]:25, status=sent (250 2.0.0 Ok)";

    fn read(line: &str) -> Option<(String, String, Option<String>)> {
        let entry = entry(line.as_bytes())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let now = "2026-11-24T12:00:00Z".parse().expect("a time");
        Some((text(entry.host), text(&entry.message), entry.stamp.read(now).map(|time| time.to_string())))
    }

    #[test]
    fn a_tag_is_found_wherever_it_stands() {
        let time = "2026-11-20 10:00:00";
        for (wrapping, host, time) in [
            ("mailserver  | Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("2026-11-20T09:00:01.123456789Z Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("2026-11-20T09:00:01.123456789Z stdout F Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("[pod/postfix-0/postfix] Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            (
                "2026-11-20T10:00:01+01:00 localhost postfix[868]: Nov 20 10:00:00 4387585e3a11 postfix/smtp[101]: M",
                "4387585e3a11",
                time,
            ),
            (
                "Nov 20 10:03:20 host mailcow/4387585e3a11[777]: Nov 20 10:00:00 4387585e3a11 postfix/smtp[11]: M",
                "4387585e3a11",
                time,
            ),
            ("/var/log/mail.log:Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("/var/log/mail.log-17-Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("> > Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("<30>1 2026-11-20T10:00:01Z host app 777 app - Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("    Nov 20 10:00:00 mail postfix/smtp[101]: M", "mail", time),
            ("Nov 20 10:00:00 mail mail.info postfix/smtp[101]: M", "mail", time),
            ("Nov 20 10:00:00.123456 mail postfix/smtp[101]: M", "mail", time),
            ("Fri 2026-11-20 10:00:00 CET mail postfix/smtp[101]: M", "mail", time),
            ("1795168800.123456 mail postfix/smtp[101]: M", "mail", "2026-11-20 10:00:00 UTC"),
            ("[12345.678901] mail postfix/smtp[101]: M", "mail", ""),
            ("\"2026-11-20 10:00:00\",\"mail\",\"postfix/smtp[101]\",\"M\"", "mail", time),
            ("\"2026-11-20 10:00:00\",\"mail\",\"postfix/smtp\",\"101\",\"info\",\"M\"", "mail", time),
            ("2026-11-20 10:00:00;mail;postfix/smtp[101];M", "mail", time),
            ("2026-11-20 10:00:00\tmail\tpostfix/smtp[101]\tM", "mail", time),
            ("\"Nov 20 10:00:00 mail postfix/smtp[101]: M\",\"x\"", "mail", time),
            ("level=info msg=\"Nov 20 10:00:00 mail postfix/smtp[101]: M\" source=x", "mail", time),
        ] {
            let line = wrapping.replace('M', MESSAGE);
            let (found_host, message, found) = read(&line).unwrap_or_else(|| panic!("{wrapping}"));
            assert_eq!((&*found_host, &*message), (host, MESSAGE), "{wrapping}");
            assert_eq!(found.unwrap_or_default(), time, "{wrapping}");
        }
    }

    #[test]
    fn a_message_alone_is_read() {
        assert_eq!(read(MESSAGE), Some((String::new(), MESSAGE.to_owned(), None)));
    }

    /// Whoever may choose a name of a user, a subject or a recipient writes no entry.
    #[test]
    fn words_of_strangers_are_no_entries() {
        for line in [
            format!(
                "Nov 20 10:00:00 mail sshd[12]: Invalid user Nov 20 10:00:00 mail postfix/smtp[101]: {MESSAGE} from 192.0.2.1"
            ),
            format!("Nov 20 10:00:00 mail dovecot: imap-login: user=<postfix/smtp[101]: {MESSAGE}>"),
            format!("Nov 20 10:00:00 mail kernel: x 2026-11-20 10:00:00 1tAbCd-0001Ab-2X SMTP timeout {MESSAGE}"),
            format!("/var/log/postfix/smtp:{MESSAGE}"),
            // A tag in the header of another program.
            format!("sshd 12 postfix/smtp[101]: - {MESSAGE}"),
            format!(
                "<22>1 2026-11-20T10:00:00Z mail sshd 12 - - Invalid user Nov 20 10:00:00 a postfix/smtp[1]: {MESSAGE}"
            ),
            format!("Nov 20 10:00:00 mail /usr/sbin/cron[12]: (x) Nov 20 10:00:00 a postfix/smtp[1]: {MESSAGE}"),
            format!(
                "\"2026-11-20 10:00:00\",\"mail\",\"sshd\",\"Invalid user Nov 20 10:00:00 a postfix/smtp[1]: {MESSAGE}\""
            ),
            format!("2026-11-20 10:00:00;mail;sshd[12];Invalid user Nov 20 10:00:00 a postfix/smtp[1]: {MESSAGE}"),
        ] {
            assert_eq!(read(&line), None, "{line}");
        }
        let line = format!(
            "Nov 20 10:00:00 mail postfix/cleanup[1]: 5A: warning: header Subject: Nov 20 10:00:00 a postfix/smtp[1]: {MESSAGE}"
        );
        let entry = entry(line.as_bytes()).expect("a line of Postfix");
        assert_eq!(entry.program, MailServer::Postfix(Daemon::Other));
    }

    #[test]
    fn exims_own_log_is_found_behind_something_else() {
        for line in [
            "exim  | 2026-11-20 10:00:00 1tAbCd-0001Ab-2X Completed",
            "mainlog:2026-11-20 10:00:00 1tAbCd-0001Ab-2X Completed",
            "2026-11-20T09:00:01.123456789Z stdout F 2026-11-20 10:00:00 1tAbCd-0001Ab-2X Completed",
            "\"2026-11-20 10:00:00 1tAbCd-0001Ab-2X Completed\"",
        ] {
            let (_, message, time) = read(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (&*message, time.as_deref()),
                ("1tAbCd-0001Ab-2X Completed", Some("2026-11-20 10:00:00")),
                "{line}"
            );
        }
    }
}
