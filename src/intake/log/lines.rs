//! Reads lines of any length with a buffer of fixed size.

use std::io::{self, Read};

use memchr::memchr;

/// No mail server writes longer lines, and the objects of journald are far shorter too.
pub(super) const LONGEST: usize = 64 << 10;
const BUFFER: usize = 256 << 10;

/// Passes every line on, without its line end, and the first byte of the next line if it is known. Skips lines that are too long and returns
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
        // The bytes that were in the buffer before contain no line end.
        let (mut start, mut unseen) = (0, filled);
        while let Some(length) = memchr(b'\n', &text[unseen..]) {
            if !std::mem::take(&mut skipping) {
                let next = text.get(unseen + length + 1).copied();
                hand_over(&text[start..unseen + length], next, &mut each, &mut overlong);
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
        if skipping || rest > LONGEST {
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

    fn lines(text: &[u8], piece: usize) -> (Vec<Vec<u8>>, u64) {
        let mut lines = Vec::new();
        let overlong = for_each(Pieces(text, piece), |line, _| lines.push(line.to_owned())).expect("no error");
        (lines, overlong)
    }

    #[test]
    fn lines_do_not_depend_on_how_they_come() {
        let text = [b"one\n\ntwo\0\xff\n".to_vec(), vec![b'x'; LONGEST], b"\nlast".to_vec()].concat();
        let whole: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        for piece in [1, 2, 7, 4096, usize::MAX] {
            assert_eq!(lines(&text, piece), (whole.clone(), 0), "{piece}");
        }
    }

    #[test]
    fn overlong_lines_are_passed_over_and_counted() {
        for length in [LONGEST + 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
            let text = [b"one\n".to_vec(), vec![b'x'; length], b"\ntwo\n".to_vec(), vec![b'y'; length]].concat();
            for piece in [999, usize::MAX] {
                assert_eq!(lines(&text, piece), (vec![b"one".to_vec(), b"two".to_vec()], 2), "{length} {piece}");
            }
        }
    }
}
