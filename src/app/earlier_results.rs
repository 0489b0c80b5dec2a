//! What an earlier run over a list has left in its file of results.
//!
//! A last line that was cut short counts for nothing, and its target is examined again.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::result_lines::{LONGEST_LINE, Piece, ResultLines, is_beginning};
use super::set_user_id;
use super::target_key::TargetKey;
use super::target_set::TargetSet;
use crate::report::rows::Document;
use crate::report::verdict_counts::VerdictCounts;

/// A file of results that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResultsFileError {
    /// It cannot be opened, read or written.
    #[error("cannot use the results {}: {source}; name another file for {option}", path.display())]
    Io {
        /// The option that names it.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Results of an earlier run would be lost.
    #[error("{} holds results already; add --resume {} to go on with them, or name another file", .0.display(), .0.display())]
    NotEmpty(PathBuf),
    /// Another run writes to it.
    #[error("another run writes to {} at the moment; wait for its end, or name another file for --jsonl", .0.display())]
    Busy(PathBuf),
    /// Something else than results.
    #[error("line {line} of {} is no result of this program; is that the right file for --resume?", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// From 1 on.
        line: u64,
    },
    /// It has a line that no result of ours would have.
    #[error("line {line} of {} is longer than {} MiB, and no result is; is that the right file for --resume?", path.display(), LONGEST_LINE >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
        /// From 1 on.
        line: u64,
    },
    /// What was cut short cannot be kept.
    #[error("cannot save the cut last line of {} in {}: {source}; make room there, or name another file for --jsonl", path.display(), beside.display())]
    Beside {
        /// The file of results.
        path: PathBuf,
        /// The file beside it.
        beside: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A set-user-ID program would touch files that its user may not.
    #[error("--jsonl FILE and --resume are refused where the program is set-user-ID: use sudo, or \"--jsonl - >FILE\"")]
    SetUserId,
}

/// How far a file of results goes.
pub(super) struct Extent {
    /// Its whole lines, in bytes.
    pub(super) whole: u64,
    /// What follows them: the beginning of a line of ours.
    pub(super) half: Vec<u8>,
}

/// The targets that have their result, and how they fared.
#[derive(Debug, Default)]
pub(super) struct EarlierResults {
    targets: TargetSet,
    counts: VerdictCounts,
}

impl EarlierResults {
    /// Reads a file that is only read. One that is not there yet holds nothing: the first run of a loop looks like the
    /// others.
    pub(super) fn read(path: &Path) -> Result<Self, ResultsFileError> {
        refuse_set_user_id(&[path])?;
        let mut earlier = Self::default();
        match File::open(path) {
            Ok(file) => earlier.take_in(&file, path).map(drop)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(ResultsFileError::Io { option: "--resume", path: path.to_owned(), source }),
        }
        Ok(earlier)
    }

    /// The targets that have their line.
    pub(super) fn into_targets(self) -> TargetSet {
        self.targets
    }

    #[cfg(test)]
    pub(super) fn hold(&self, target: TargetKey) -> bool {
        self.targets.contains(target)
    }

    /// What the lines say.
    pub(super) fn take_counts(&mut self) -> VerdictCounts {
        std::mem::take(&mut self.counts)
    }

    /// Takes in whole lines. Returns how far they go, and what follows.
    pub(super) fn take_in(&mut self, file: impl Read, path: &Path) -> Result<Extent, ResultsFileError> {
        let failed = |source| ResultsFileError::Io { option: "--resume", path: path.to_owned(), source };
        let (mut lines, mut whole) = (ResultLines::new(BufReader::new(file)), 0);
        loop {
            let line = lines.number() + 1;
            let foreign = || ResultsFileError::Foreign { path: path.to_owned(), line };
            match lines.next().map_err(failed)? {
                Piece::Whole(bytes) => {
                    whole += bytes.len() as u64 + 1;
                    self.take_in_line(bytes).ok_or_else(foreign)?;
                }
                Piece::Rest(half) if is_beginning(half) => return Ok(Extent { whole, half: half.to_owned() }),
                Piece::Rest(_) => return Err(foreign()),
                Piece::TooLong => return Err(ResultsFileError::TooLong { path: path.to_owned(), line }),
                Piece::End => return Ok(Extent { whole, half: Vec::new() }),
            }
        }
    }

    /// `None`: it is no result of ours.
    fn take_in_line(&mut self, line: &[u8]) -> Option<()> {
        let document = Document::read(line)?;
        if self.targets.insert(TargetKey::of(&document.target)) {
            self.counts.add_line(&document);
        }
        Some(())
    }
}

/// `-` names no file that the user could be kept from.
pub(super) fn refuse_set_user_id(paths: &[&Path]) -> Result<(), ResultsFileError> {
    let named = paths.iter().any(|path| path.as_os_str() != "-");
    if named && set_user_id::is_in_force() { Err(ResultsFileError::SetUserId) } else { Ok(()) }
}
