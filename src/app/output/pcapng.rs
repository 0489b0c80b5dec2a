//! `--pcapng FILE`: the packets of a run, written while it goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::capture_share::CaptureShare;
use super::format::{Destination, Format, FormatOption, OpenError, Runs};
use super::progress_line::LineProgress;
use super::result_sink::ResultSink;
use crate::app::capture_limit::CaptureLimit;
use crate::app::output_file;
use crate::app::set_user_id;
use crate::app::stderr::complain;
use crate::model::{PacketEvent, Timestamp};
use crate::report::pcapng::{self, Counts};
use crate::report::verdict_counts::VerdictCounts;

pub(super) static FORMAT: Format = Format {
    name: "pcapng",
    option: Some(FormatOption {
        help: "Write every packet to this file, with comments, for Wireshark",
        details: "The comment of each packet says what it is for or what it proved. An existing file is overwritten. If \
                  the disk fills up, the capture ends with a warning, and the examination goes on. --pcapng-limit says how \
                  large it may become.",
        words: None,
        excludes: &[],
    }),
    word: None,
    destination: Destination::File,
    streams: true,
    runs: Runs::Any,
    tells_failures: false,
    open: |argument, opening| {
        let path = argument.file().unwrap_or(Path::new("-"));
        let mut file = CaptureFile::create(path, opening.capture_limit).map_err(OpenError::new)?;
        file.tells = !opening.leaves_stderr_alone;
        Ok(Box::new(file))
    },
};

/// A capture file could not be opened.
#[derive(Debug, thiserror::Error)]
enum CaptureFileError {
    #[error("cannot write the capture {}: {source}; name another file for --pcapng", path.display())]
    Open { path: PathBuf, source: io::Error },
    /// A set-user-ID program would overwrite files that its user may not touch.
    #[error("--pcapng is refused where the program is set-user-ID: use sudo, or setcap as --help shows")]
    SetUserId,
}

/// A capture file. Whole blocks only reach it, so it can be read whenever the run ends, however it ends.
struct CaptureFile {
    path: PathBuf,
    file: Option<File>,
    /// Blocks to be written, and how many bytes were before them.
    waiting: Vec<u8>,
    written: u64,
    limit: CaptureLimit,
    share: CaptureShare,
    counts: Counts,
    /// Whether what was left out is told on stderr.
    tells: bool,
    /// The time of day at the origin of the run's clock: steps of the system's clock do not disturb the order.
    origin: Duration,
    /// The time of the last packet.
    last: Timestamp,
}

/// So much is kept back at most, but for one packet.
const ENOUGH: usize = 1 << 16;

impl CaptureFile {
    /// Creates the file, or overwrites it. To be called before privileges are given up: root without its capabilities may not
    /// write into the directory of the user who called sudo.
    fn create(path: &Path, limit: CaptureLimit) -> Result<Self, CaptureFileError> {
        if set_user_id::is_in_force() {
            return Err(CaptureFileError::SetUserId);
        }
        let failed = |source| CaptureFileError::Open { path: path.to_owned(), source };
        let mut file = output_file::open(path, &mut OpenOptions::new()).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        let header = pcapng::header();
        file.write_all(&header).map_err(failed)?;
        let written = header.len() as u64;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            waiting: Vec::new(),
            written,
            limit,
            // The blocks that tell what is left out fit as well.
            share: CaptureShare::new(limit, written + 2 * STATISTICS),
            counts: Counts::default(),
            tells: true,
            origin: Duration::ZERO,
            last: Timestamp::ZERO,
        })
    }

    /// Writes what waits. If that fails, the capture ends; the examination does not depend on it.
    fn flush(&mut self) {
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

/// A block of statistics takes less.
const STATISTICS: u64 = 512;

impl CaptureFile {
    /// The time of day at the last packet.
    fn now(&self) -> Duration {
        self.origin + self.last.since(Timestamp::ZERO)
    }

    /// The first time, the file tells so at this place: the run may be killed before its end.
    fn leave_out(&mut self) {
        self.counts.left_out += 1;
        if self.counts.left_out == 1 {
            let words = format!("from here on packets are left out, because of --pcapng-limit {}", self.limit);
            let now = self.now();
            pcapng::push_statistics(&mut self.waiting, self.counts, now, &words);
        }
    }

    /// Tells at the end what is not in the file.
    fn tell_what_is_left_out(&mut self) {
        let Counts { left_out, .. } = self.counts;
        if left_out == 0 || self.file.is_none() {
            return;
        }
        let packets = if left_out == 1 { "1 packet is".to_owned() } else { format!("{left_out} packets are") };
        let limit = self.limit;
        let words = format!("{packets} left out, because of --pcapng-limit {limit}");
        let now = self.now();
        pcapng::push_statistics(&mut self.waiting, self.counts, now, &words);
        if self.tells {
            complain(&format!(
                "{packets} not in {}, because of --pcapng-limit {limit}; what the run sent and what answered it came first",
                self.path.display()
            ));
        }
    }
}

impl ResultSink for CaptureFile {
    fn begin(&mut self, _: &[String]) {
        self.origin = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    }

    fn packet(&mut self, event: &PacketEvent<'_>) {
        if self.file.is_none() {
            return;
        }
        // What is sent has the time at which it was decided on, which may be a moment before that of what arrived just then.
        self.last = self.last.max(event.at);
        let start = self.waiting.len();
        let now = self.now();
        pcapng::push(&mut self.waiting, event, now);
        let bytes = self.waiting.len() - start;
        if bytes > 0 && self.share.admits(event, bytes as u64) {
            self.counts.written += 1;
        } else if bytes > 0 {
            self.waiting.truncate(start);
            self.leave_out();
        }
        if self.waiting.len() >= ENOUGH {
            self.flush();
        }
    }

    fn progress(&mut self, _: &LineProgress) {
        self.flush();
    }

    fn verdicts_stand(&mut self) {
        self.flush();
    }

    fn finish(&mut self, _: &VerdictCounts) -> io::Result<()> {
        self.flush();
        Ok(())
    }
}

impl Drop for CaptureFile {
    fn drop(&mut self) {
        self.tell_what_is_left_out();
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_made_is_one_line() {
        let error = CaptureFile::create(Path::new("/nowhere/at/all.pcapng"), CaptureLimit::DEFAULT)
            .err()
            .map(|error| error.to_string());
        let expected = "cannot write the capture /nowhere/at/all.pcapng: No such file or directory (os error 2); \
                        name another file for --pcapng";
        assert_eq!(error.as_deref(), Some(expected));
    }

    /// Behind a link could stand any file of root's; a pipe would wait for a reader, and a device is no file.
    #[test]
    fn only_ordinary_files_are_overwritten() {
        let folder = std::env::temp_dir().join(format!("pmtu-probe-capture-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a scratch directory");
        let (kept, link, pipe) = (folder.join("kept"), folder.join("link"), folder.join("pipe"));
        std::fs::write(&kept, "precious").expect("a file");
        std::os::unix::fs::symlink(&kept, &link).expect("a link");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        for path in [&link, &pipe, Path::new("/dev/full"), Path::new("/dev/stdout")] {
            let error = CaptureFile::create(path, CaptureLimit::DEFAULT)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(error.ends_with(": it is no ordinary file; name another file for --pcapng"), "{path:?}: {error}");
        }
        assert_eq!(std::fs::read_to_string(&kept).expect("the file"), "precious");
        std::fs::remove_dir_all(&folder).expect("the scratch directory");
    }
}
