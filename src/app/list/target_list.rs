//! The list of targets: one per line, read as it is needed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::mpsc;

use crate::app::set_user_id;

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be opened.
    #[error("cannot read the list of targets {}: {source}; name a file with one target per line, or - for stdin", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A set-user-ID program would read files that its user may not.
    #[error("--targets FILE is refused where the program is set-user-ID: use \"--targets - <FILE\", or sudo")]
    SetUserId,
}

/// A list of targets.
pub(super) struct TargetList {
    source: Box<dyn Read + Send>,
    /// Lines of the whole list, where that can be known beforehand.
    lines_in_all: Option<u64>,
}

/// A line that is no comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListLine {
    /// From 1 on.
    pub(super) number: u64,
    pub(super) content: LineContent,
}

/// What stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LineContent {
    /// Perhaps a target.
    Text(String),
    /// Bytes that are no text.
    Binary,
    /// More bytes than any target has.
    TooLong,
    /// The list ends here, for this reason.
    Unreadable(String),
}

/// No target is longer: a name has 253 characters, in brackets and with a port a few more.
const LONGEST: usize = 1000;
/// Lines read ahead.
const AHEAD: usize = 256;

impl TargetList {
    /// Opens it; `-` is stdin. To be called before privileges are given up.
    pub(super) fn open(path: &Path) -> Result<Self, ListError> {
        if path.as_os_str() == "-" {
            return Ok(Self { source: Box::new(io::stdin()), lines_in_all: None });
        }
        if set_user_id::is_in_force() {
            return Err(ListError::SetUserId);
        }
        let failed = |source| ListError::Open { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let lines_in_all = metadata.is_file().then(|| count_lines(&mut file)).transpose().map_err(failed)?;
        Ok(Self { source: Box::new(file), lines_in_all })
    }

    pub(super) fn lines_in_all(&self) -> Option<u64> {
        self.lines_in_all
    }

    /// Reads in a thread of its own, a little ahead: a terminal or a pipe may keep it waiting for ever.
    pub(super) fn read(self) -> mpsc::Receiver<ListLine> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let failure = sender.clone();
        let reader = move || {
            let mut source = BufReader::new(self.source);
            let mut number = 0;
            while let Some(content) = next_line(&mut source) {
                number += 1;
                let is_last = matches!(content, LineContent::Unreadable(_));
                if !is_comment(&content) && sender.blocking_send(ListLine { number, content }).is_err() || is_last {
                    return;
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("list".into()).spawn(reader) {
            // There is room for it.
            let _ = failure.try_send(ListLine { number: 1, content: LineContent::Unreadable(error.to_string()) });
        }
        receiver
    }
}

/// What stands on the lines of a list, and where; `None`: nothing that can be read.
pub(in crate::app) fn texts(mut list: &[u8]) -> Vec<(u64, Option<String>)> {
    let lines = (1..).zip(std::iter::from_fn(|| next_line(&mut list)));
    let lines = lines.filter(|(_, content)| !is_comment(content));
    let text = |content| if let LineContent::Text(text) = content { Some(text) } else { None };
    lines.map(|(number, content)| (number, text(content))).collect()
}

fn count_lines(file: &mut File) -> io::Result<u64> {
    let (mut lines, mut last, mut chunk) = (0, b'\n', vec![0; 1 << 16]);
    loop {
        let chunk = match file.read(&mut chunk)? {
            0 => break,
            length => &chunk[..length],
        };
        lines += chunk.split(|&byte| byte == b'\n').skip(1).count() as u64;
        last = chunk.last().copied().unwrap_or(last);
    }
    file.rewind()?;
    Ok(lines + u64::from(last != b'\n'))
}

/// `None` at the end.
fn next_line(source: &mut impl BufRead) -> Option<LineContent> {
    let mut bytes = Vec::new();
    match source.by_ref().take(LONGEST as u64 + 2).read_until(b'\n', &mut bytes) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(LineContent::Unreadable(error.to_string())),
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        // A carriage return may come on top.
        if bytes.strip_suffix(b"\r").unwrap_or(&bytes).len() > LONGEST && !is_remark(&bytes) {
            return Some(LineContent::TooLong);
        }
    } else if bytes.len() > LONGEST {
        return match source.skip_until(b'\n') {
            Ok(_) if is_remark(&bytes) => Some(LineContent::Text(String::new())),
            Ok(_) => Some(LineContent::TooLong),
            Err(error) => Some(LineContent::Unreadable(error.to_string())),
        };
    }
    Some(classify(bytes))
}

fn is_remark(line: &[u8]) -> bool {
    line.trim_ascii_start().first() == Some(&b'#')
}

fn classify(bytes: Vec<u8>) -> LineContent {
    if is_remark(&bytes) {
        return LineContent::Text(String::new());
    }
    match String::from_utf8(bytes) {
        Ok(text) => LineContent::Text(without_remark(text.trim_start_matches('\u{feff}')).trim().to_owned()),
        Err(_) => LineContent::Binary,
    }
}

/// `mx.example.com   # the new one`
fn without_remark(text: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| *at == 0 || text[..*at].ends_with([' ', '\t']);
    text.match_indices('#').find(begins).map_or(text, |(at, _)| &text[..at])
}

fn is_comment(content: &LineContent) -> bool {
    matches!(content, LineContent::Text(text) if text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<ListLine> {
        let mut source = bytes;
        let all = std::iter::from_fn(|| next_line(&mut source));
        let numbered = all.enumerate().map(|(index, content)| ListLine { number: index as u64 + 1, content });
        numbered.filter(|line| !is_comment(&line.content)).collect()
    }

    fn text(number: u64, text: &str) -> ListLine {
        ListLine { number, content: LineContent::Text(text.into()) }
    }

    #[test]
    fn comments_and_blanks_are_no_targets() {
        let list =
            b"\xef\xbb\xbf# list\n\nmx.example.com\r\n  192.0.2.1\t# old\n#x\nfe80::1%eth0#\n\t\n[2001:db8::1]:25";
        let expected =
            [text(3, "mx.example.com"), text(4, "192.0.2.1"), text(6, "fe80::1%eth0#"), text(8, "[2001:db8::1]:25")];
        assert_eq!(lines(list), expected);
    }

    #[test]
    fn any_bytes_and_any_length_are_one_line() {
        let mut list = b"a\n\xff\xfe\0\n".to_vec();
        list.extend(vec![b'x'; 3_000_000]);
        list.extend(b"\nb\n#");
        list.extend(vec![0xff; 5000]);
        list.extend(b"\nc\n");
        list.extend(vec![b'y'; LONGEST + 1]);
        let odd = |number, content| ListLine { number, content };
        let expected = [
            text(1, "a"),
            odd(2, LineContent::Binary),
            odd(3, LineContent::TooLong),
            text(4, "b"),
            text(6, "c"),
            odd(7, LineContent::TooLong),
        ];
        assert_eq!(lines(&list), expected);
    }

    #[test]
    fn the_longest_line_that_fits_is_whole() {
        let longest = "x".repeat(LONGEST);
        for end in ["", "\n", "\r\n"] {
            let list = format!("{longest}{end}");
            assert_eq!(lines(list.as_bytes()), [text(1, &longest)], "{end:?}");
            let longer = ListLine { number: 1, content: LineContent::TooLong };
            assert_eq!(lines(format!("x{list}").as_bytes()), [longer], "one byte more, {end:?}");
        }
    }
}
