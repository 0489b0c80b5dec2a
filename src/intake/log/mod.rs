//! Mail logs: plain or gzip, from syslog, journald or Exim itself.

mod accusing;
mod ended;
mod entries;
mod entry;
mod exchange;
mod exim;
mod json;
mod line;
mod lines;
mod mailq;
mod msglog;
mod opensmtpd;
mod qmail;
mod records;
mod sendmail;
mod silent;
mod source;
mod tlsproxy;
mod utf16;
mod wrapped;
mod written;

use std::io::Read;

use jiff::Timestamp;

use super::correlator::Correlator;
use super::event::{LineContext, MailEvent};
use super::postfix::{self, Daemon};
use super::stamp::Stamp;
use super::{IntakeError, Period};
use crate::model::{Reading, Suspects};

use entries::Entries;
use entry::{LogEntry, MailServer};
use exchange::Exchange;
use msglog::MessageLogs;
use qmail::Qmail;
pub use source::Source;
use tlsproxy::TlsProxies;

/// So much of a line is shown.
const LONGEST_SAMPLE: usize = 400;

/// Reads logs and returns the suspects. Files may be given in any order: they are read in the order of their first lines. `now`
/// gives the year for the old form of syslog, which has none. Lines outside of `period` are passed over; those without a time are not.
pub fn read(sources: &[Source], period: Period, now: Timestamp) -> Result<Suspects, IntakeError> {
    let mut log = Log::within(period, now);
    for source in source::in_order_of_time(sources, now) {
        log.read(source.open()?, &source.name())?;
    }
    let suspects = log.suspects();
    match &suspects.reading {
        Reading { lines: 0, overlong: 0, .. } => Err(IntakeError::Empty { name: name_of_all(sources) }),
        Reading { mail_lines: 0, unread: 0, silent: Some(form), .. } => {
            Err(IntakeError::Silent { name: name_of_all(sources), form: *form })
        }
        // What accuses and cannot be read is shown instead.
        Reading { lines, mail_lines: 0, unread: 0, .. } => {
            Err(IntakeError::NoMailLog { name: name_of_all(sources), lines: *lines })
        }
        _ => Ok(suspects),
    }
}

fn name_of_all(sources: &[Source]) -> String {
    match sources {
        [only] => only.name(),
        several => format!("all of {} logs", several.len()),
    }
}

/// A log that is read piece by piece.
pub struct Log {
    entries: Entries,
    notes: Notes,
}

/// What was learnt from the entries so far.
struct Notes {
    correlator: Correlator,
    memory: Memory,
    reading: Reading,
    now: Timestamp,
    period: Period,
    /// The first and the last time of the file being read. Parsing the time of each line costs too much.
    times: Option<(Stamp, Stamp)>,
}

/// What earlier lines said, for mail servers that spread an event over several.
#[derive(Default)]
struct Memory {
    tls: TlsProxies,
    message_logs: MessageLogs,
    qmail: Qmail,
    exchange: Exchange,
}

impl Log {
    /// Nothing read yet.
    pub fn new(now: Timestamp) -> Self {
        Self::within(Period::default(), now)
    }

    /// The same, for a part of the log.
    pub fn within(period: Period, now: Timestamp) -> Self {
        let (correlator, memory) = (Correlator::default(), Memory::default());
        let notes = Notes { correlator, memory, reading: Reading::default(), now, period, times: None };
        Self { entries: Entries::default(), notes }
    }

    /// Reads all lines of plain text or gzip. `name` is for errors.
    pub fn read(&mut self, from: impl Read, name: &str) -> Result<(), IntakeError> {
        let text = source::unpacked(from, name)?;
        let overlong = lines::for_each(text, |line, next| self.line_before(line, next))
            .map_err(|error| source::failed(&error, name))?;
        self.notes.reading.overlong += overlong;
        self.end();
        Ok(())
    }

    /// Reads one line.
    pub fn line(&mut self, line: &[u8]) {
        self.line_before(line, None);
    }

    /// `next`: the first byte of the next line, if it is known.
    fn line_before(&mut self, line: &[u8], next: Option<u8>) {
        self.notes.reading.lines += 1;
        self.entries.line(line, next, &mut self.notes);
    }

    /// An entry ends with its file.
    fn end(&mut self) {
        self.entries.end(&mut self.notes);
        self.notes.end();
    }

    /// The suspects in all that was read.
    pub fn suspects(mut self) -> Suspects {
        self.end();
        let Notes { correlator, reading, now, .. } = self.notes;
        correlator.suspects(reading, now)
    }
}

impl entries::Reader for Notes {
    fn entry(&mut self, entry: &LogEntry<'_>, shown: &[u8]) {
        self.reading.mail_lines += 1;
        if !self.is_wanted(entry.stamp) {
            return;
        }
        extend(&mut self.times, entry.stamp);
        // Most lines need none.
        let context = || LineContext { host: entry.host, stamp: entry.stamp, line: shown };
        let (message, memory) = (&*entry.message, &mut self.memory);
        let event = match entry.program {
            MailServer::Postfix(Daemon::TlsProxy) => memory.tls.event(message, &context()),
            MailServer::Postfix(daemon) => postfix::event(daemon, message),
            MailServer::Exim => exim::event(message),
            MailServer::EximOfOneMail => memory.message_logs.event(message),
            MailServer::Sendmail => sendmail::event(message),
            MailServer::OpenSmtpd => opensmtpd::event(message),
            MailServer::Qmail => memory.qmail.event(message, &context(), self.now),
            MailServer::Exchange => memory.exchange.event(message, &context(), self.now),
        };
        if let Some(event) = event {
            self.correlator.note(&event, &context());
        }
    }

    fn queued(&mut self, event: &MailEvent<'_>, stamp: Stamp, shown: &[u8]) {
        self.reading.mail_lines += 1;
        if !self.is_wanted(stamp) {
            return;
        }
        extend(&mut self.times, stamp);
        self.correlator.note(event, &LineContext { host: b"", stamp, line: shown });
    }

    fn other(&mut self, line: &[u8]) {
        if self.reading.silent.is_none() {
            self.reading.silent = silent::form_of(line);
        }
        if accusing::is_accusing(line) {
            self.reading.unread += 1;
            let sample = || String::from_utf8_lossy(&line[..line.len().min(LONGEST_SAMPLE)]).into_owned();
            self.reading.unread_line.get_or_insert_with(sample);
        }
    }
}

impl Notes {
    fn is_wanted(&self, stamp: Stamp) -> bool {
        self.period.is_open() || stamp.read(self.now).is_none_or(|time| self.period.holds(&time))
    }

    fn end(&mut self) {
        let Some((first, last)) = self.times.take() else { return };
        for time in [first, last].iter().filter_map(|stamp| stamp.read(self.now)) {
            self.reading.saw(time);
        }
    }
}

/// Extends the range of times. Lines come in the order of time.
fn extend(times: &mut Option<(Stamp, Stamp)>, stamp: Stamp) {
    match times {
        _ if stamp == Stamp::None => {}
        Some((_, last)) => *last = stamp,
        None => *times = Some((stamp, stamp)),
    }
}
