//! Mail logs: plain or gzip, from syslog, journald or Exim itself.

mod exim;
mod journal;
mod line;
mod lines;
mod opensmtpd;
mod sendmail;
mod source;

use std::io::Read;

use jiff::Timestamp;

use super::IntakeError;
use super::ledger::{Context, Ledger};
use super::postfix;
use crate::model::{Reading, Suspects};

use line::{Entry, Program};
pub use source::Source;

/// Whom the logs accuse. Files may come in any order: they are read in that of their first lines. `now` tells the year of the old
/// form of syslog, which has none.
pub fn read(sources: &[Source], now: Timestamp) -> Result<Suspects, IntakeError> {
    let mut log = Log::new(now);
    for source in source::in_order_of_time(sources, now) {
        log.read(source.open()?, &source.name())?;
    }
    let suspects = log.suspects();
    if suspects.reading.lines > 0 && suspects.reading.mail_lines == 0 {
        return Err(no_mail_log(sources, suspects.reading.lines));
    }
    Ok(suspects)
}

fn no_mail_log(sources: &[Source], lines: u64) -> IntakeError {
    let name = match sources {
        [only] => only.name(),
        several => format!("{} logs", several.len()),
    };
    IntakeError::NoMailLog { name, lines }
}

/// A log that is being read, piece by piece.
pub struct Log {
    ledger: Ledger,
    reading: Reading,
    now: Timestamp,
}

impl Log {
    /// Nothing read yet.
    pub fn new(now: Timestamp) -> Self {
        Self { ledger: Ledger::default(), reading: Reading::default(), now }
    }

    /// Reads all lines of plain text or gzip. `name` is for errors.
    pub fn read(&mut self, from: impl Read, name: &str) -> Result<(), IntakeError> {
        let text = source::unpacked(from, name)?;
        let overlong = lines::for_each(text, |line| self.line(line)).map_err(|error| source::failed(&error, name))?;
        self.reading.overlong += overlong;
        Ok(())
    }

    /// Reads one line.
    pub fn line(&mut self, line: &[u8]) {
        self.reading.lines += 1;
        if line.first() == Some(&b'{') {
            self.reading.mail_lines +=
                u64::from(journal::with_entry(line, |entry| note(&mut self.ledger, entry, None)));
        } else if let Some(entry) = line::entry(line) {
            self.reading.mail_lines += 1;
            note(&mut self.ledger, &entry, Some(line));
        }
    }

    /// Whom all of it accuses.
    pub fn suspects(self) -> Suspects {
        self.ledger.suspects(self.reading, self.now)
    }
}

/// Of journald's JSON only the message is shown.
fn note(ledger: &mut Ledger, entry: &Entry<'_>, line: Option<&[u8]>) {
    let event = match entry.program {
        Program::Postfix(daemon) => postfix::event(daemon, entry.message),
        Program::Exim => exim::event(entry.message),
        Program::Sendmail => sendmail::event(entry.message),
        Program::OpenSmtpd => opensmtpd::event(entry.message),
    };
    if let Some(event) = event {
        let line = line.unwrap_or(entry.message);
        ledger.note(&event, &Context { host: entry.host, stamp: entry.stamp, line });
    }
}
