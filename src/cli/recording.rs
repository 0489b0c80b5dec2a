//! `--pcapng FILE`: the packets of a run, written while it goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::session::complain;
use crate::model::{PacketEvent, Timestamp};
use crate::report::pcapng;

/// A capture file could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordingError {
    #[error("cannot write the capture {}: {source}; name another file for --pcapng", path.display())]
    Open { path: PathBuf, source: io::Error },
    /// A set-user-ID program would overwrite files that its user may not touch.
    #[error("--pcapng is refused where the program is set-user-ID: use sudo, or setcap as --help shows")]
    SetUserId,
}

/// A capture file. Whole blocks only reach it, so it can be read whenever the run ends, however it ends.
pub(super) struct Recording {
    path: PathBuf,
    file: Option<File>,
    /// Blocks to be written, and how many bytes were before them.
    waiting: Vec<u8>,
    written: u64,
    /// The time of day at the origin of the run's clock: steps of the system's clock do not disturb the order.
    origin: Duration,
}

/// So much is kept back at most, but for one packet.
const ENOUGH: usize = 1 << 16;

impl Recording {
    /// Creates the file, or overwrites it. To be called before privileges are given up: root without its capabilities may not
    /// write into the directory of the user who called sudo.
    pub(super) fn create(path: &Path) -> Result<Self, RecordingError> {
        if rustix::process::getuid() != rustix::process::geteuid() {
            return Err(RecordingError::SetUserId);
        }
        let failed = |source| RecordingError::Open { path: path.to_owned(), source };
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path).map_err(failed)?;
        let header = pcapng::header();
        file.write_all(&header).map_err(failed)?;
        let written = header.len() as u64;
        Ok(Self { path: path.to_owned(), file: Some(file), waiting: Vec::new(), written, origin: Duration::ZERO })
    }

    /// The clock of the run starts now.
    pub(super) fn start(&mut self) {
        self.origin = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    }

    /// Takes a packet.
    pub(super) fn record(&mut self, event: &PacketEvent<'_>) {
        if self.file.is_none() {
            return;
        }
        pcapng::push(&mut self.waiting, event, self.origin + event.at.since(Timestamp::ZERO));
        if self.waiting.len() >= ENOUGH {
            self.flush();
        }
    }

    /// Writes what waits. If that fails, the capture ends; the examination does not depend on it.
    pub(super) fn flush(&mut self) {
        let Some(file) = &mut self.file else { return };
        match file.write_all(&self.waiting) {
            Ok(()) => self.written += self.waiting.len() as u64,
            Err(error) => {
                // Part of a block may have been written. Pipes cannot be cut, and need not be: their reader is gone.
                let _ = file.set_len(self.written);
                self.file = None;
                complain(&format!(
                    "cannot write the capture {}: {error}; it ends here, the examination goes on",
                    self.path.display()
                ));
            }
        }
        self.waiting.clear();
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_made_is_one_line() {
        let error = Recording::create(Path::new("/nowhere/at/all.pcapng")).err().map(|error| error.to_string());
        let expected = "cannot write the capture /nowhere/at/all.pcapng: No such file or directory (os error 2); \
                        name another file for --pcapng";
        assert_eq!(error.as_deref(), Some(expected));
    }

    #[test]
    fn a_full_disk_at_the_start_is_an_error() {
        let error = Recording::create(Path::new("/dev/full")).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("No space left on device")));
    }
}
