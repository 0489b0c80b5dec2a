//! Logs of mail servers, in every wrapping, and queues.

use std::io::{self, Read};

use jiff::Timestamp;
use pmtu_probe::app::fuzz::target_of_suspect;
use pmtu_probe::intake::log::Log;
use pmtu_probe::intake::queue;
use pmtu_probe::model::Suspects;
use pmtu_probe::report::suspects::{render, render_short};

use super::input::Input;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().expect("a time")
}

/// Gives what it has in pieces.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(into.len());
        into[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// How a log comes makes no difference.
pub(crate) fn logs(bytes: &[u8]) {
    let read = |piece| {
        let mut log = Log::new(now());
        log.read(Pieces(bytes, piece), "log").ok().map(|()| log.suspects())
    };
    let Some(suspects) = read(usize::MAX) else {
        let packed: [&[u8]; 4] = [&[0x1f, 0x8b], &[0xfd, b'7'], b"BZh", &[0x28, 0xb5]];
        return assert!(packed.iter().any(|start| bytes.starts_with(start)), "text can be read");
    };
    // What is packed is known by its first bytes, which come together.
    if bytes.len() < 3000
        && bytes.first().is_some_and(u8::is_ascii)
        && bytes[0] != 0x1f
        && bytes[0] != b'B'
        && bytes[0] != 0x28
    {
        assert_eq!(read(7).as_ref(), Some(&suspects), "in pieces it says the same");
    }
    sound(&suspects, bytes.len());
}

pub(crate) fn mail_queue(bytes: &[u8]) {
    if let Ok(suspects) = queue::parse(bytes, now()) {
        sound(&suspects, bytes.len());
    }
}

/// What is shown is text, what is kept is bounded, and no strange port is examined.
fn sound(suspects: &Suspects, length: usize) {
    for shown in [render(suspects), render_short(suspects)] {
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    }
    assert!(suspects.list.len() <= 1 + length / 20, "{} suspects in {length} bytes", suspects.list.len());
    for suspect in &suspects.list {
        // Three bytes stand for one that was no text.
        assert!(suspect.sample.len() <= 3 * length && suspect.domains.len() <= 100 && suspect.also_named.len() <= 100);
        if let Some(target) = target_of_suspect(suspect, 25) {
            let port = target.port.unwrap_or(25);
            assert!([25, 465, 587, 2525].contains(&port), "port {port}");
            assert!(
                target.bracketed || matches!(target.host, pmtu_probe::resolve::Host::Address { .. }),
                "no mail domain"
            );
        }
    }
}

/// The relay or the client of every line below.
const PEER: &str = "192.0.2.99";

/// Where a stranger's words stand in a line; `{quoted}`: as a mailbox, by the mail server's own rules.
const LINES: [&str; 15] = [
    "Nov  4 05:32:43 mx1 postfix/smtp[1]: 4BcDfG1z2Xz9: to=<{quoted}@example.org>, relay=mx[192.0.2.99]:25, delay=1, \
     delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
    "Nov  4 05:32:43 mx1 postfix/smtp[1]: 4BcDfG1z2Xz9: to=<u@e.example>, orig_to=<{quoted}@example.org>, \
     relay=mx[192.0.2.99]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
    "Nov  4 05:32:43 mx1 postfix/smtp[1]: 4BcDfG1z2Xz9: to=<{quoted}@example.org>, relay=mx[192.0.2.99]:25, delay=300, \
     delays=0/0/0/300, dsn=4.4.2, status=deferred (conversation with mx[192.0.2.99] timed out while sending message body)",
    "Nov  4 05:32:43 mx1 postfix/lmtp[1]: 4BcDfG1z2Xz9: to=<{quoted}@example.org>, relay=none, delay=1, delays=0/0/0/1, \
     dsn=4.4.1, status=deferred (connect to mx[192.0.2.99]:24: Connection timed out)",
    "Nov  4 05:32:43 mx1 postfix/qmgr[1]: 4BcDfG1z2Xz9: from=<{quoted}@example.org>, size=90000, nrcpt=1 (queue active)",
    "Nov  4 05:32:43 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from mx[192.0.2.99]: 554 5.7.1 <{quoted}@example.org>: Relay \
     access denied; from=<{quoted}@example.org> to=<{quoted}@example.org> proto=ESMTP helo=<mx>",
    "Nov  4 05:32:43 mx1 postfix/bounce[1]: 4BcDfG1z2Xz9: sender non-delivery notification: 4BcDfG1z2Xz8 {quoted}",
    "2026-11-24 05:32:43 1uA001-000001-10 => {quoted}@example.org R=dnslookup T=remote_smtp H=mx [192.0.2.99] C=\"250 ok\"",
    "2026-11-24 05:32:43 1uA001-000001-10 <= {quoted}@example.org H=mx [192.0.2.99] P=esmtp S=90000 T={quoted}",
    "2026-11-24 05:32:43 1uA001-000001-10 == {quoted}@example.org R=dnslookup T=remote_smtp defer (110): Connection timed out \
     H=mx [192.0.2.99]",
    "2026-11-24 05:32:43 H=mx [192.0.2.99] F=<{quoted}@example.org> rejected RCPT <{quoted}@example.org>: relay not permitted",
    "Nov  4 05:32:43 mx1 sm-mta[1]: 3A1B2C3D000123: to=<{quoted}@example.org>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, \
     pri=1, relay=mx. [192.0.2.99], dsn=2.0.0, stat=Sent (ok)",
    "Nov  4 05:32:43 mx1 sm-mta[1]: 3A1B2C3D000123: from=<{quoted}@example.org>, size=90000, class=0, nrcpts=1, proto=ESMTP, \
     daemon=MTA, relay=mx [192.0.2.99]",
    "Nov  4 05:32:43 mx1 smtpd[1]: 0123456789abcdef mta delivery evpid=0123456789abcdef from=<{quoted}@example.org> \
     to=<{quoted}@example.org> rcpt=<-> source=\"192.0.2.1\" relay=\"192.0.2.99 (mx)\" delay=1s result=\"Ok\" stat=\"250 ok\"",
    "Nov  4 05:32:43 mx1 postfix/smtp[1]: 4BcDfG1z2Xz9: to=<{quoted}@[192.0.2.66]>, relay=mx[192.0.2.99]:25, delay=1, \
     delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx[192.0.2.99] said: 550 5.1.1 {said} (in reply to RCPT TO command))",
];

/// Whom a stranger names in an address accuses nobody: each of these lines is about one peer.
pub(crate) fn quoted(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let form = input.pick(&LINES);
    let words: String =
        String::from_utf8_lossy(input.rest()).chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let mailbox = format!("\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\""));
    let line = form.replace("{quoted}", &mailbox).replace("{said}", &words);
    let mut log = Log::new(now());
    // Mail that passes and stalls before and after it, so that there is something to be mistaken for.
    for text in [&*line, LINES[2], &*line] {
        log.line(text.replace("{quoted}", "u").as_bytes());
    }
    let suspects = log.suspects();
    for suspect in &suspects.list {
        assert_eq!(
            suspect.peer.address.map(|address| address.to_string()).as_deref(),
            Some(PEER),
            "{:?} by {line}",
            suspect.peer
        );
        assert!(suspect.peer.port.is_none_or(|port| port == 25 || port == 24), "{:?} by {line}", suspect.peer);
    }
    sound(&suspects, 10 * line.len() + 1000);
}
