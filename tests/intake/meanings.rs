//! What lines mean: for each of many causes a few lines as a server writes them, and who is suspected of what. The labels come from
//! what the words say happened, and from whether a path that swallows large packets would look so.

mod forms;
mod innocent;
mod passing;
mod stages;

use std::fmt::Write;

use pmtu_probe::model::{Direction, MailFlow, Suspect};
use pmtu_probe::report::suspects::grade_word;

use super::suspects;

/// What happened, the log, and the suspects as `grade direction flow peer[:port]`.
pub(super) type Meaning = (&'static str, String, &'static [&'static str]);

#[test]
fn every_meaning_is_understood() {
    let all = all();
    assert!(all.len() >= 60, "{} meanings are too few", all.len());
    let mut faults = Vec::new();
    for (what, log, expected) in &all {
        let list = suspects(log.as_bytes()).list;
        // An admin who looks for these words finds the lines.
        let is_quoted = |suspect: &Suspect| {
            let mut phrases = suspect.phrases.iter();
            !suspect.phrases.is_empty() && phrases.all(|phrase| log.contains(phrase))
        };
        if !list.iter().all(is_quoted) {
            faults.push(format!("{what}: no words of the log"));
        }
        let found: Vec<String> = list.iter().map(in_words).collect();
        if found != *expected {
            faults.push(format!("{what}: {expected:?}, not {found:?}"));
        }
    }
    println!("{} meanings, {} not understood", all.len(), faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

pub(super) fn all() -> Vec<Meaning> {
    [stages::meanings(), passing::meanings(), innocent::meanings(), forms::meanings()].concat()
}

fn in_words(suspect: &Suspect) -> String {
    let way = match suspect.direction() {
        Direction::Forward => "there",
        Direction::Reverse => "back",
        Direction::Both => "both",
    };
    let flow = if suspect.flow == MailFlow::Outgoing { "to" } else { "from" };
    let peer = suspect.peer.address.map(|address| address.to_string()).or_else(|| suspect.peer.name.clone());
    let port = suspect.peer.port.filter(|port| *port != 25).map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{} {way} {flow} {}{port}", grade_word(suspect.grade), peer.unwrap_or_default())
}

/// Lines of Postfix, a minute apart, each mail with a name of its own.
#[derive(Default)]
struct Postfix {
    text: String,
    minutes: u32,
    mails: u32,
}

impl Postfix {
    const RELAY: &'static str = "mx.example.com[192.0.2.1]";

    fn line(mut self, daemon: &str, message: &str) -> Self {
        self.minutes += 1;
        let (day, hour, minute) = (self.minutes / 1440 + 3, self.minutes / 60 % 24, self.minutes % 60);
        writeln!(self.text, "Nov {day:>2} {hour:02}:{minute:02}:00 mail postfix/{daemon}[9]: {message}")
            .expect("a String");
        self
    }

    fn mail(mut self, size: u64) -> (Self, String) {
        self.mails += 1;
        let id = format!("5ABC{:06X}", self.mails);
        let queued = format!("{id}: from=<a@example.org>, size={size}, nrcpt=1 (queue active)");
        (self.line("qmgr", &queued), id)
    }

    /// A mail of this size passes.
    fn sent(self, size: u64) -> Self {
        let (log, id) = self.mail(size);
        let record = format!(
            "{id}: to=<u@example.com>, relay={}:25, delay=1, delays=0.1/0/0.4/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
            Self::RELAY
        );
        log.line("smtp", &record)
    }

    /// A mail of this size is deferred after so many seconds of sending.
    fn deferred(self, size: u64, sending: u32, reason: &str) -> Self {
        self.deferred_at(&format!("{}:25", Self::RELAY), size, sending, reason)
    }

    fn deferred_at(self, relay: &str, size: u64, sending: u32, reason: &str) -> Self {
        let (log, id) = self.mail(size);
        let record = format!(
            "{id}: to=<u@example.com>, relay={relay}, delay={sending}, delays=0.1/0/0.4/{sending}, dsn=4.4.2, \
             status=deferred ({reason})"
        );
        log.line("smtp", &record)
    }

    /// A mail of this size stalls in its body.
    fn body(self, size: u64) -> Self {
        self.deferred(size, 180, &format!("conversation with {} timed out while sending message body", Self::RELAY))
    }

    /// A mail of this size stalls at its end.
    fn end(self, size: u64) -> Self {
        let words = "timed out while sending end of data -- message may be sent more than once";
        self.deferred(size, 600, &format!("conversation with {} {words}", Self::RELAY))
    }

    /// The server says this of a mail, in reply to a command.
    fn said(self, size: u64, sending: u32, words: &str, command: &str) -> Self {
        self.deferred(size, sending, &format!("host {} said: {words} (in reply to {command} command)", Self::RELAY))
    }

    /// A mail of this size comes in from a client.
    fn received(mut self, client: &str, size: u64) -> Self {
        self.mails += 1;
        let id = format!("5ABC{:06X}", self.mails);
        self.line("smtpd", &format!("{id}: client={client}"))
            .line("qmgr", &format!("{id}: from=<x@example.net>, size={size}, nrcpt=1 (queue active)"))
    }

    fn smtpd(self, message: &str) -> Self {
        self.line("smtpd", message)
    }
}

fn postfix() -> Postfix {
    Postfix::default()
}

/// Lines of Exim's own log, a minute apart.
fn exim(lines: &[&str]) -> String {
    let line = |(minute, line): (usize, &&str)| format!("2026-11-03 10:{minute:02}:00 {line}\n");
    lines.iter().enumerate().map(line).collect()
}

/// Lines of a daemon by syslog, a minute apart.
fn syslog(tag: &str, lines: &[&str]) -> String {
    let line = |(minute, line): (usize, &&str)| format!("Nov  3 10:{minute:02}:00 mail {tag}[9]: {line}\n");
    lines.iter().enumerate().map(line).collect()
}
