//! The time at the start of a line.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::model::LogTime;

use super::dates;

/// A time that is parsed only when it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Nothing known.
    None,
    /// A text in which a date stands, or the end of it. The last date counts.
    Text([u8; Stamp::LONGEST], u8),
    /// Microseconds since 1970, as journald counts.
    Micros(i64),
}

impl Stamp {
    /// Room for a date and the names of a host and of a container behind it.
    const LONGEST: usize = 80;

    /// From what stands before the message of a line, or from the date alone.
    pub(super) fn text(text: &[u8]) -> Self {
        let mut kept = [0; Self::LONGEST];
        let end = &text[text.len().saturating_sub(Self::LONGEST)..];
        kept[..end.len()].copy_from_slice(end);
        Self::Text(kept, end.len() as u8)
    }

    /// Whether there is a time to be read.
    pub(super) fn is_dated(&self) -> bool {
        self.read(Timestamp::UNIX_EPOCH).is_some()
    }

    /// Parses the time. `now` gives the year where it is missing.
    pub(super) fn read(&self, now: Timestamp) -> Option<LogTime> {
        match self {
            Self::None => None,
            Self::Text(text, length) => {
                let text = String::from_utf8_lossy(text.get(..usize::from(*length))?);
                dates::last(&text, now).map(|found| found.time)
            }
            Self::Micros(micros) => {
                let instant = Timestamp::from_microsecond(*micros).ok()?;
                Some(LogTime { civil: Offset::UTC.to_datetime(instant), offset: Some(Offset::UTC) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stamp: Stamp) -> Option<String> {
        stamp.read("2026-03-01T12:00:00Z".parse().expect("a time")).map(|time| time.to_string())
    }

    /// A cut through a letter of two bytes does no harm.
    #[test]
    fn the_end_of_a_long_text_is_kept() {
        let long = format!("{} Nov 20 10:00:00 {}", "ä".repeat(60), "h".repeat(61));
        assert_eq!(read(Stamp::text(long.as_bytes())).as_deref(), Some("2025-11-20 10:00:00"));
        assert_eq!(read(Stamp::text(b"\xe4\xff no date")), None);
    }

    #[test]
    fn journald_counts_microseconds() {
        assert_eq!(read(Stamp::Micros(1_700_000_000_000_000)).as_deref(), Some("2023-11-14 22:13:20 UTC"));
        assert_eq!(read(Stamp::Micros(i64::MAX)), None);
    }
}
