//! Reads lines of any length with a buffer of fixed size.

use std::io::{self, Read};

use memchr::memchr;

/// No mail server writes longer lines, and the objects of journald are far shorter too.
pub(super) const LONGEST: usize = 64 << 10;
const BUFFER: usize = 256 << 10;

/// Passes every line on, without its line end, and the first byte of the next line if there is one. Skips lines that are too long and returns
/// their number.
pub(super) fn for_each(mut from: impl Read, mut each: impl FnMut(&[u8], Option<u8>)) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let (mut filled, mut overlong, mut skipping) = (0, 0, false);
    loop {
        let read = match from.read(&mut buffer[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        let is_end = read == 0;
        let text = &buffer[..filled + read];
        // Of the bytes that were in the buffer before, only the last one may be a line end.
        let (mut start, mut unseen) = (0, filled.saturating_sub(1));
        let mut waits = false;
        while let Some(length) = memchr(b'\n', &text[unseen..]) {
            let (line, next) = (&text[start..unseen + length], text.get(unseen + length + 1).copied());
            // How a line is read depends on what follows it, and not on how the bytes come.
            waits = next.is_none() && !is_end && !skipping && line.len() <= LONGEST;
            if waits {
                break;
            }
            if !std::mem::take(&mut skipping) {
                hand_over(line, next, &mut each, &mut overlong);
            }
            unseen += length + 1;
            start = unseen;
        }
        let rest = text.len() - start;
        if is_end {
            if rest > 0 && !skipping {
                hand_over(&text[start..], None, &mut each, &mut overlong);
            }
            return Ok(overlong);
        }
        if !waits && (skipping || rest > LONGEST) {
            overlong += u64::from(!skipping);
            (skipping, filled) = (true, 0);
        } else {
            buffer.copy_within(start..start + rest, 0);
            filled = rest;
        }
    }
}

fn hand_over(line: &[u8], next: Option<u8>, each: &mut impl FnMut(&[u8], Option<u8>), overlong: &mut u64) {
    if line.len() <= LONGEST { each(line, next) } else { *overlong += 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives what it has in pieces of one size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    /// A line, and the first byte of the next one.
    type Line = (Vec<u8>, Option<u8>);

    fn lines(text: &[u8], piece: usize) -> (Vec<Line>, u64) {
        let mut lines = Vec::new();
        let overlong = for_each(Pieces(text, piece), |line, next| lines.push((line.to_owned(), next)));
        (lines, overlong.expect("no error"))
    }

    #[test]
    fn lines_do_not_depend_on_how_they_come() {
        let text = [b"one\n\ntwo\0\xff\n".to_vec(), vec![b'x'; LONGEST], b"\nlast".to_vec()].concat();
        let whole = [
            (b"one".to_vec(), Some(b'\n')),
            (b"".to_vec(), Some(b't')),
            (b"two\0\xff".to_vec(), Some(b'x')),
            (vec![b'x'; LONGEST], Some(b'l')),
            (b"last".to_vec(), None),
        ];
        for piece in [1, 2, 7, 4096, usize::MAX] {
            assert_eq!(lines(&text, piece), (whole.to_vec(), 0), "{piece}");
        }
    }

    #[test]
    fn overlong_lines_are_passed_over_and_counted() {
        for length in [LONGEST + 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
            let text = [b"one\n".to_vec(), vec![b'x'; length], b"\ntwo\n".to_vec(), vec![b'y'; length]].concat();
            let expected = vec![(b"one".to_vec(), Some(b'x')), (b"two".to_vec(), Some(b'y'))];
            for piece in [999, usize::MAX] {
                assert_eq!(lines(&text, piece), (expected.clone(), 2), "{length} {piece}");
            }
        }
    }

    #[test]
    fn a_line_at_the_end_of_a_read_waits_for_what_follows() {
        let text = [vec![b'x'; BUFFER - 1], b"\n y\n".to_vec(), vec![b'z'; LONGEST], b"\n".to_vec()].concat();
        for piece in [1, LONGEST, LONGEST + 1, BUFFER, usize::MAX] {
            let expected = vec![(b" y".to_vec(), Some(b'z')), (vec![b'z'; LONGEST], None)];
            assert_eq!(lines(&text, piece), (expected, 1), "{piece}");
        }
    }
}
