//! The time at the start of a line.

use std::ops::RangeInclusive;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use crate::model::LogTime;

/// A time that is parsed only when it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Nothing known.
    None,
    /// RFC 3164, section 4.1.2: `Jan  2 03:04:05`, without a year.
    Old([u8; 15]),
    /// A date in ISO 8601, with or without an offset.
    Iso([u8; Stamp::LONGEST], u8),
    /// Microseconds since 1970, as journald counts.
    Micros(i64),
}

impl Stamp {
    const LONGEST: usize = 40;

    /// From the first characters of a line.
    pub(super) fn old(text: &[u8]) -> Self {
        text.try_into().map_or(Self::None, Self::Old)
    }

    /// From a date in ISO 8601.
    pub(super) fn iso(text: &[u8]) -> Self {
        let mut kept = [0; Self::LONGEST];
        let Some(room) = kept.get_mut(..text.len()) else { return Self::None };
        room.copy_from_slice(text);
        Self::Iso(kept, text.len() as u8)
    }

    /// Parses the time. `now` gives the year where it is missing.
    pub(super) fn read(&self, now: Timestamp) -> Option<LogTime> {
        match self {
            Self::None => None,
            Self::Old(text) => newest_year(std::str::from_utf8(text).ok()?, now),
            Self::Iso(text, length) => iso(std::str::from_utf8(text.get(..usize::from(*length))?).ok()?),
            Self::Micros(micros) => {
                let instant = Timestamp::from_microsecond(*micros).ok()?;
                Some(LogTime { civil: Offset::UTC.to_datetime(instant), offset: Some(Offset::UTC) })
            }
        }
    }
}

/// The time in the newest year in which it exists and is not in the future. One day ahead is allowed, because the time zone of the
/// log is unknown.
fn newest_year(text: &str, now: Timestamp) -> Option<LogTime> {
    // Two 29 Februaries can be eight years apart, around a century year without one.
    const YEARS: RangeInclusive<i16> = -1..=8;
    let today = Offset::UTC.to_datetime(now);
    let latest = today.checked_add(1.day()).ok()?;
    let civil = YEARS
        .filter_map(|back| today.year().checked_sub(back))
        .filter_map(|year| DateTime::strptime("%Y %b %d %H:%M:%S", format!("{year} {text}")).ok())
        .find(|time| *time <= latest)?;
    Some(LogTime { civil, offset: None })
}

fn iso(text: &str) -> Option<LogTime> {
    // Exim puts a space before the offset.
    let (time, offset) = match text.rsplit_once(' ') {
        Some((time, offset)) if offset.starts_with(['+', '-']) => (time, offset),
        _ => (text, ""),
    };
    let joined = format!("{time}{offset}");
    let pieces = Pieces::parse(&joined).ok()?;
    let civil = pieces.date().to_datetime(pieces.time()?);
    Some(LogTime { civil, offset: pieces.to_numeric_offset() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stamp: Stamp) -> Option<String> {
        stamp.read("2026-03-01T12:00:00Z".parse().expect("a time")).map(|time| time.to_string())
    }

    #[test]
    fn a_missing_year_is_the_newest_that_is_not_in_the_future() {
        let rows = [
            ("Feb 28 23:59:59", Some("2026-02-28 23:59:59")),
            // Clocks of the east are ahead of UTC.
            ("Mar  1 20:00:00", Some("2026-03-01 20:00:00")),
            ("Mar  3 00:00:00", Some("2025-03-03 00:00:00")),
            ("Dec 31 23:59:59", Some("2025-12-31 23:59:59")),
            ("Feb 29 10:00:00", Some("2024-02-29 10:00:00")),
            ("Jan 02 03:04:05", Some("2026-01-02 03:04:05")),
            ("Feb 30 10:00:00", None),
            ("Foo  1 10:00:00", None),
            ("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", None),
        ];
        for (text, expected) in rows {
            assert_eq!(read(Stamp::old(text.as_bytes())).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn iso_dates_are_read_in_every_form() {
        let rows = [
            ("2026-11-24T05:32:43.123456+00:00", Some("2026-11-24 05:32:43 UTC")),
            ("2026-11-24T05:32:43Z", Some("2026-11-24 05:32:43 UTC")),
            ("2026-11-24T05:32:43,5+0100", Some("2026-11-24 05:32:43 +01")),
            ("2026-11-24 05:32:43", Some("2026-11-24 05:32:43")),
            ("2026-11-24 05:32:43.250", Some("2026-11-24 05:32:43")),
            ("2026-11-24 05:32:43 -0330", Some("2026-11-24 05:32:43 -03:30")),
            ("2026-13-24 05:32:43", None),
            ("0000-00-00", None),
        ];
        for (text, expected) in rows {
            assert_eq!(read(Stamp::iso(text.as_bytes())).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn journald_counts_microseconds() {
        assert_eq!(read(Stamp::Micros(1_700_000_000_000_000)).as_deref(), Some("2023-11-14 22:13:20 UTC"));
        assert_eq!(read(Stamp::Micros(i64::MAX)), None);
    }
}
