//! Mail logs: plain or gzip, from syslog, journald or Exim itself.

mod exim;
mod journal;
mod line;
mod lines;
mod opensmtpd;
mod sendmail;
mod source;
mod wrapped;

use std::io::Read;

use jiff::Timestamp;

use super::IntakeError;
use super::correlator::Correlator;
use super::event::LineContext;
use super::postfix;
use super::stamp::Stamp;
use crate::model::{Reading, Suspects};

use line::{LogEntry, MailServer};
pub use source::Source;

/// Reads logs and returns the suspects. Files may be given in any order: they are read in the order of their first lines. `now`
/// gives the year for the old form of syslog, which has none.
pub fn read(sources: &[Source], now: Timestamp) -> Result<Suspects, IntakeError> {
    let mut log = Log::new(now);
    for source in source::in_order_of_time(sources, now) {
        log.read(source.open()?, &source.name())?;
    }
    let suspects = log.suspects();
    match suspects.reading {
        Reading { lines: 0, overlong: 0, .. } => Err(IntakeError::Empty { name: name_of_all(sources) }),
        Reading { lines, mail_lines: 0, .. } => Err(IntakeError::NoMailLog { name: name_of_all(sources), lines }),
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
    correlator: Correlator,
    reading: Reading,
    now: Timestamp,
    /// The first and the last time of the file being read. Parsing the time of each line costs too much.
    times: Option<(Stamp, Stamp)>,
}

impl Log {
    /// Nothing read yet.
    pub fn new(now: Timestamp) -> Self {
        Self { correlator: Correlator::default(), reading: Reading::default(), now, times: None }
    }

    /// Reads all lines of plain text or gzip. `name` is for errors.
    pub fn read(&mut self, from: impl Read, name: &str) -> Result<(), IntakeError> {
        let text = source::unpacked(from, name)?;
        let overlong = lines::for_each(text, |line| self.line(line)).map_err(|error| source::failed(&error, name))?;
        self.reading.overlong += overlong;
        self.note_times();
        Ok(())
    }

    /// Reads one line.
    pub fn line(&mut self, line: &[u8]) {
        self.reading.lines += 1;
        if line.first() == Some(&b'{') {
            let (correlator, times) = (&mut self.correlator, &mut self.times);
            let noted = journal::with_entry(line, |entry| {
                extend(times, entry.stamp);
                note(correlator, entry, None);
            });
            self.reading.mail_lines += u64::from(noted);
        } else if let Some(entry) = line::entry(line) {
            self.reading.mail_lines += 1;
            extend(&mut self.times, entry.stamp);
            note(&mut self.correlator, &entry, Some(line));
        }
    }

    fn note_times(&mut self) {
        let Some((first, last)) = self.times.take() else { return };
        for time in [first, last].iter().filter_map(|stamp| stamp.read(self.now)) {
            self.reading.saw(time);
        }
    }

    /// The suspects in all that was read.
    pub fn suspects(mut self) -> Suspects {
        self.note_times();
        self.correlator.suspects(self.reading, self.now)
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

/// Takes note of an entry. `line` is what is shown; for the JSON of journald that is the message alone.
fn note(correlator: &mut Correlator, entry: &LogEntry<'_>, line: Option<&[u8]>) {
    let event = match entry.program {
        MailServer::Postfix(daemon) => postfix::event(daemon, entry.message),
        MailServer::Exim => exim::event(entry.message),
        MailServer::Sendmail => sendmail::event(entry.message),
        MailServer::OpenSmtpd => opensmtpd::event(entry.message),
    };
    if let Some(event) = event {
        let line = line.unwrap_or(entry.message);
        correlator.note(&event, &LineContext { host: entry.host, stamp: entry.stamp, line });
    }
}
