//! The results of this run, beside those of the last one, which they replace when the run is over.
//!
//! `FILE` always holds the results of a whole run. A run writes to `FILE.new`; at its end the two change places in one step, and the
//! old one becomes `FILE.previous`. A run that is interrupted, killed, or cannot write leaves `FILE` as it was, so the next run
//! compares with the last that ended.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use super::changes::changes;
use super::error::TrackError;
use super::former::Former;
use super::standing::Standing;
use crate::app::set_user_id;
use crate::model::Report;
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
    is_kept: bool,
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
        let former = match File::open(path) {
            Ok(file) => {
                lock(&file, path)?;
                Some(Former::read(file, path)?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(path)(error)),
        };
        let new = OpenOptions::new().write(true).create(true).truncate(false).open(&beside).map_err(failed(&beside))?;
        lock(&new, path)?;
        // What a run that was killed has left.
        new.set_len(0).map_err(failed(&beside))?;
        Ok(Self { path: path.to_owned(), former, new, is_incomplete: false, is_kept: false })
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
        let new = beside(&self.path, "new");
        let kept = self.new.sync_all().and_then(|()| put_in_place(&new, &self.path));
        self.is_kept = kept.is_ok();
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
        if !self.is_kept {
            // The next run would empty it.
            let _ = fs::remove_file(beside(&self.path, "new"));
        }
        // As for the former one: closing is not enough.
        let _ = flock(&self.new, FlockOperation::Unlock);
    }
}

/// `FILE.new` becomes `FILE`, which is there at any moment, and what was `FILE` becomes `FILE.previous`.
fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => fs::rename(new, beside(path, "previous"))?,
        // The first run, or a file system that cannot exchange two files: then the previous results are given up.
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::rename(new, path)?,
        Err(error) => return Err(error.into()),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // So that a power cut does not bring the names back. Where the folder cannot be opened, the files are whole all the same.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
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
