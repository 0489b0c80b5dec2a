//! What the last run has left.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::error::TrackError;
use super::standing::Standing;
use crate::app::result_lines::{Piece, ResultLines};
use crate::app::target_key::TargetKey;

/// The file, and where in it each target has its line: of a list of any length no more is kept in memory.
pub(super) struct Former {
    file: File,
    lines: HashMap<TargetKey, (u64, usize)>,
}

impl Former {
    /// Reads all of it once. A file of something else is refused.
    pub(super) fn read(file: File, path: &Path) -> Result<Self, TrackError> {
        let failed = |source| TrackError::Io { path: path.to_owned(), source };
        let (mut places, mut offset) = (HashMap::new(), 0);
        let mut lines = ResultLines::new(BufReader::new(&file));
        loop {
            let line = lines.number() + 1;
            let standing = match lines.next().map_err(failed)? {
                Piece::Whole(bytes) => Standing::of_line(bytes).map(|standing| (standing, bytes.len() + 1)),
                Piece::Rest(_) | Piece::TooLong => None,
                Piece::End => break,
            };
            let (standing, length) = standing.ok_or_else(|| TrackError::Foreign { path: path.to_owned(), line })?;
            places.insert(TargetKey::of(&standing.target), (offset, length));
            offset += length as u64;
        }
        Ok(Self { file, lines: places })
    }

    /// The line of a target.
    pub(super) fn line(&self, target: &str) -> io::Result<Option<String>> {
        let Some(&(offset, length)) = self.lines.get(&TargetKey::of(target)) else { return Ok(None) };
        let mut line = vec![0; length];
        self.file.read_exact_at(&mut line, offset)?;
        String::from_utf8(line).map(Some).map_err(io::Error::other)
    }
}

impl Drop for Former {
    /// Closing is not enough: a child has the file too until it starts its program, and the lock would live on in it.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}
