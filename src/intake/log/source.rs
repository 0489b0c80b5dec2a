//! Where a log comes from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;

use super::IntakeError;
use super::entries::{Entries, Reader};
use super::entry::LogEntry;
use super::utf16;
use crate::intake::event::MailEvent;
use crate::intake::stamp::Stamp;

const BUFFER: usize = 128 << 10;
/// How many bytes are searched for the first line of a mail server.
const GLANCE: u64 = 256 << 10;

/// A file, or standard input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file, plain or gzip.
    File(PathBuf),
}

impl Source {
    /// What the user typed: `-` is standard input.
    pub fn new(argument: impl Into<PathBuf>) -> Self {
        let path = argument.into();
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }

    /// For messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            // A line break in a name would split one message into two lines.
            Self::File(path) => path.display().to_string().replace(|c: char| c.is_control(), "?"),
        }
    }

    pub(super) fn open(&self) -> Result<Box<dyn Read>, IntakeError> {
        let path = match self {
            Self::Stdin => return Ok(Box::new(io::stdin().lock())),
            Self::File(path) => path,
        };
        let failed = |error: &io::Error| IntakeError::Open {
            name: self.name(),
            reason: plain(error),
            hint: match error.kind() {
                io::ErrorKind::PermissionDenied => "; root may, and often the group adm",
                io::ErrorKind::NotFound => {
                    "; a journal alone is read with: journalctl -o json | pmtu-probe --from-log -"
                }
                _ => "",
            },
        };
        let file = File::open(path).map_err(|error| failed(&error))?;
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if metadata.is_dir() {
            return Err(IntakeError::Folder(self.name()));
        }
        Ok(Box::new(file))
    }

    /// The time of the first line that has one. Pipes are left alone, because they can be read only once.
    fn first_time(&self, now: Timestamp) -> Option<DateTime> {
        let Self::File(path) = self else { return None };
        if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            return None;
        }
        let text = unpacked(self.open().ok()?, "").ok()?;
        let (mut entries, mut first) = (Entries::default(), FirstTime { time: None, now });
        // An error is ignored here: reading the whole file later reports it.
        let _ = super::lines::for_each(text.take(GLANCE), |line, _| {
            if first.time.is_none() {
                entries.line(line, None, &mut first);
            }
        });
        entries.end(&mut first);
        first.time
    }
}

/// Notes the first time in a log.
struct FirstTime {
    time: Option<DateTime>,
    now: Timestamp,
}

impl Reader for FirstTime {
    fn entry(&mut self, entry: &LogEntry<'_>, _: &[u8]) {
        self.time = self.time.or_else(|| entry.stamp.read(self.now).map(|time| time.order()));
    }

    fn queued(&mut self, _: &MailEvent<'_>, stamp: Stamp, _: &[u8]) {
        self.time = self.time.or_else(|| stamp.read(self.now).map(|time| time.order()));
    }

    fn other(&mut self, _: &[u8]) {}
}

/// Sorts logs by time. A shell pattern lists rotated logs with the newest first, but mails are followed in the order of time.
pub(super) fn in_order_of_time(sources: &[Source], now: Timestamp) -> Vec<&Source> {
    let mut sorted: Vec<&Source> = sources.iter().collect();
    if sorted.len() > 1 {
        sorted.sort_by_cached_key(|source| source.first_time(now));
    }
    sorted
}

/// The text, whether it comes as such or as gzip.
pub(super) fn unpacked<'a>(from: impl Read + 'a, name: &str) -> Result<Box<dyn Read + 'a>, IntakeError> {
    let mut from = BufReader::with_capacity(BUFFER, from);
    let start = from.fill_buf().map_err(|error| failed(&error, name))?;
    let compressed = |program| Err(IntakeError::Compressed { name: name.to_owned(), program });
    match start {
        [0x1f, 0x8b, ..] => Ok(Box::new(MultiGzDecoder::new(from))),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => compressed("xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, ..] => compressed("bzip2"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => compressed("zstd"),
        [0xff, 0xfe, ..] => Ok(Box::new(utf16::Decoded::new(from, utf16::Order::LittleEndian))),
        [0xfe, 0xff, ..] => Ok(Box::new(utf16::Decoded::new(from, utf16::Order::BigEndian))),
        [0xef, 0xbb, 0xbf, ..] => {
            from.consume(3);
            Ok(Box::new(from))
        }
        _ => Ok(Box::new(from)),
    }
}

/// Only the gzip decoder reports these kinds; reading a file does not.
pub(super) fn failed(error: &io::Error, name: &str) -> IntakeError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            IntakeError::Gzip { name: name.to_owned() }
        }
        _ => IntakeError::Read { name: name.to_owned(), reason: plain(error) },
    }
}

/// The text of an error without the number that Rust adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
