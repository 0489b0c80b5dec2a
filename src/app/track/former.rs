//! What the last run has left.

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
    /// By key, and of one target in the order of the file: 32 bytes each.
    lines: Vec<LinePlace>,
}

struct LinePlace {
    key: TargetKey,
    offset: u64,
    length: u32,
}

impl Former {
    /// Reads all of it once. A file of something else is refused.
    pub(super) fn read(file: File, path: &Path) -> Result<Self, TrackError> {
        let failed = |source| TrackError::Io { path: path.to_owned(), source };
        let (mut places, mut offset) = (Vec::new(), 0);
        let mut lines = ResultLines::new(BufReader::new(&file));
        loop {
            let line = lines.number() + 1;
            let standing = match lines.next().map_err(failed)? {
                Piece::Whole(bytes) => Standing::of_line(bytes).map(|standing| (standing, bytes.len() + 1)),
                Piece::Rest(_) | Piece::TooLong => None,
                Piece::End => break,
            };
            let (standing, length) = standing.ok_or_else(|| TrackError::Foreign { path: path.to_owned(), line })?;
            // No line is longer than LONGEST_LINE.
            places.push(LinePlace { key: TargetKey::of(&standing.target), offset, length: length as u32 });
            offset += length as u64;
        }
        places.sort_by_key(|place| place.key);
        places.shrink_to_fit();
        Ok(Self { file, lines: places })
    }

    /// The line of a target.
    pub(super) fn line(&self, target: &str) -> io::Result<Option<String>> {
        let key = TargetKey::of(target);
        let behind = self.lines.partition_point(|place| place.key <= key);
        let place = behind.checked_sub(1).and_then(|last| self.lines.get(last)).filter(|place| place.key == key);
        let Some(&LinePlace { offset, length, .. }) = place else { return Ok(None) };
        let mut line = vec![0; length as usize];
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn each_target_has_its_last_line() {
        let path = std::env::temp_dir().join(format!("pmtu-probe-former-{}", std::process::id()));
        let mut file = File::options().create(true).truncate(true).read(true).write(true).open(&path).expect("a file");
        let line = |target: &str, code: u8| {
            format!("{{\"schema\":\"pmtu-probe/1\",\"target\":\"{target}\",\"exit_code\":{code},\"addresses\":[]}}\n")
        };
        let targets: Vec<String> = (0..300).map(|n| format!("mx{n}.example")).collect();
        for target in &targets {
            file.write_all(line(target, 0).as_bytes()).expect("room");
        }
        file.write_all(line("mx7.example", 2).as_bytes()).expect("room");
        let former = Former::read(File::open(&path).expect("the file"), &path).expect("results");
        std::fs::remove_file(&path).expect("the file");
        for target in &targets {
            let code = if target == "mx7.example" { 2 } else { 0 };
            assert_eq!(former.line(target).expect("the file"), Some(line(target, code)));
        }
        assert_eq!(former.line("mx300.example").expect("the file"), None);
    }
}
