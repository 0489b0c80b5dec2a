//! Files of results, line by line: what `--jsonl` writes, and `--resume`, `--track` and `--merge` read.
//!
//! A line is written in one piece and ends in a line feed. So what stands behind the last line feed was cut short by the end of its
//! run, if it is the beginning of such a line.

use std::io::{self, BufRead, Read};

use serde::de::IgnoredAny;

use crate::report::json::SCHEMA;

/// The longest line that is read. A target has at most 64 addresses, each with some kilobytes of advice.
pub(super) const LONGEST_LINE: usize = 8 << 20;

/// The lines of a file. No more than one is in memory.
pub(super) struct ResultLines<R> {
    from: R,
    line: Vec<u8>,
    number: u64,
}

/// A piece of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A line, without its line feed.
    Whole(&'a [u8]),
    /// What stands behind the last line feed.
    Rest(&'a [u8]),
    /// A line that no result would have.
    TooLong,
    /// Nothing any more.
    End,
}

impl<R: BufRead> ResultLines<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, line: Vec::new(), number: 0 }
    }

    /// The number of the last piece, from 1 on.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn next(&mut self) -> io::Result<Piece<'_>> {
        self.line.clear();
        self.number += 1;
        let limit = LONGEST_LINE as u64 + 1;
        if self.from.by_ref().take(limit).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(Piece::End);
        }
        Ok(match self.line.strip_suffix(b"\n") {
            Some(line) => Piece::Whole(line),
            None if self.line.len() > LONGEST_LINE => Piece::TooLong,
            None => Piece::Rest(&self.line),
        })
    }
}

/// Whether these bytes begin a result of ours, however little of it. All of one without its line feed is a beginning too.
pub(super) fn is_beginning(bytes: &[u8]) -> bool {
    let opening = format!("{{\"schema\":\"{SCHEMA}\",");
    let length = bytes.len().min(opening.len());
    let is_cut_json = || match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(_) => true,
        Err(error) => error.is_eof(),
    };
    bytes[..length] == opening.as_bytes()[..length] && (bytes.is_empty() || is_cut_json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_the_rest_is_told_apart() {
        let mut lines = ResultLines::new(&b"a\n\nb"[..]);
        assert_eq!(lines.next().expect("memory"), Piece::Whole(b"a"));
        assert_eq!(lines.next().expect("memory"), Piece::Whole(b""));
        assert_eq!(lines.next().expect("memory"), Piece::Rest(b"b"));
        assert_eq!((lines.number(), lines.next().expect("memory")), (3, Piece::End));
    }

    #[test]
    fn no_line_is_read_beyond_the_longest() {
        let mut lines = ResultLines::new(io::BufReader::new(io::repeat(b'x').take(1 << 40)));
        assert_eq!(lines.next().expect("memory"), Piece::TooLong);
        assert_eq!(lines.line.len(), LONGEST_LINE + 1);
        let longest = [vec![b'x'; LONGEST_LINE], b"\n".to_vec()].concat();
        assert!(matches!(ResultLines::new(&longest[..]).next().expect("memory"), Piece::Whole(_)));
    }
}
