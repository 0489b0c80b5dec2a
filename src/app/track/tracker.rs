//! The results of this run, beside those of the last one, which they replace when the run is over.
//!
//! `FILE` always holds the results of a whole run. A run writes to `FILE.new`; at its end the two change places in one step, and the
//! old one becomes `FILE.previous`. A run that is interrupted, killed, or cannot write leaves `FILE` as it was, so the next run
//! compares with the last that ended.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::changes::changes;
use super::error::TrackError;
use super::former::Former;
use super::standing::Standing;
use crate::app::output_file;
use crate::app::result_lines::{Piece, ResultLines, is_beginning};
use crate::app::set_user_id;
use crate::model::Report;
use crate::net::publish::Exchange;
use crate::report::json;

/// Compares, and keeps what it is given.
pub(in crate::app) struct Tracker {
    path: PathBuf,
    /// `None` before the first run.
    former: Option<Former>,
    /// `FILE.new`, locked.
    new: File,
    /// Whether something is missing that the next run would have to compare with.
    is_incomplete: bool,
    /// The rights to put it in its place, which this process gives up.
    exchange: Exchange,
}

impl Tracker {
    /// Reads the last run's results and opens the file of this one. To be called before privileges are given up.
    pub(in crate::app) fn open(path: &Path) -> Result<Self, TrackError> {
        if set_user_id::is_in_force() {
            return Err(TrackError::SetUserId);
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| TrackError::Io { path, source }
        };
        let beside = beside(path, "new");
        // While a run ends, either file may be found under either name: so it holds a lock on both.
        let former = match output_file::open_former(path) {
            Ok(file) => {
                lock(&file, path)?;
                Some(Former::read(file, path)?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(path)(error)),
        };
        let mut new = output_file::open(&beside, OpenOptions::new().read(true)).map_err(failed(&beside))?;
        lock(&new, path)?;
        if !is_left_by_a_run(&new).map_err(failed(&beside))? {
            return Err(TrackError::Foreign { path: beside, line: 1 });
        }
        new.set_len(0).and_then(|()| new.rewind()).map_err(failed(&beside))?;
        let exchange = Exchange::prepare(path).map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), former, new, is_incomplete: false, exchange })
    }

    /// Takes the result of a target. Returns what has changed, a line each.
    pub(in crate::app) fn result(&mut self, report: &Report) -> io::Result<Vec<String>> {
        let line = json::render_line(report);
        let before = self.line_before(&report.target)?;
        let before = before.and_then(|line| Standing::of_line(line.as_bytes()));
        self.write(&line)?;
        Ok(Standing::of_line(line.as_bytes()).map_or_else(Vec::new, |now| changes(before.as_ref(), &now)))
    }

    /// A target has no result this time, and may have one the next: it stands as it stood.
    pub(in crate::app) fn stands_as_before(&mut self, target: &str) -> io::Result<()> {
        self.line_before(target)?.map_or(Ok(()), |line| self.write(&line))
    }

    /// Targets are missing that the list had before.
    pub(in crate::app) fn note_gap(&mut self) {
        self.is_incomplete = true;
    }

    /// The run is over, with a result for all of its targets: from now on the next run compares with them.
    pub(in crate::app) fn keep(mut self) -> Result<(), TrackError> {
        if self.is_incomplete {
            return Ok(());
        }
        let kept = self.new.sync_all().and_then(|()| self.exchange.carry_out());
        kept.map_err(|source| TrackError::Io { path: self.path.clone(), source })
    }

    fn line_before(&self, target: &str) -> io::Result<Option<String>> {
        self.former.as_ref().map_or(Ok(None), |former| former.line(target))
    }

    /// Each line at once and in one piece, as people may look at it.
    fn write(&mut self, line: &str) -> io::Result<()> {
        self.new.write_all(line.as_bytes())
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        // As for the former one: closing is not enough.
        let _ = flock(&self.new, FlockOperation::Unlock);
    }
}

/// Whether a file is empty, or has the results of a run that was killed: anything else is not ours to empty.
fn is_left_by_a_run(file: &File) -> io::Result<bool> {
    Ok(match ResultLines::new(BufReader::new(file)).next()? {
        Piece::Whole(line) => Standing::of_line(line).is_some(),
        Piece::Rest(half) => is_beginning(half),
        Piece::TooLong => false,
        Piece::End => true,
    })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Held until the file is closed.
fn lock(file: &File, path: &Path) -> Result<(), TrackError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::AGAIN) => Err(TrackError::Busy(path.to_owned())),
        // A file system without locks is no reason to stop.
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
