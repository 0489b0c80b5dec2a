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

    /// Whether a server that gave up now waited since then for as long as servers do: five minutes (RFC 5321, section 4.5.3.2.7), with a
    /// little more until a mail is on its way. How long it was, in seconds. Offsets to UTC, which the line may not tell, are whole quarters
    /// of an hour.
    pub(super) fn minutes_of_a_server(&self, begun: i64) -> Option<f64> {
        const QUARTER: i64 = 900;
        let civil = self.read(Timestamp::UNIX_EPOCH)?.civil;
        let now = Offset::UTC.to_timestamp(civil).ok()?.as_second();
        let waited = i32::try_from((now - begun).rem_euclid(QUARTER)).ok()?;
        (300..=310).contains(&waited).then_some(f64::from(waited))
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
    fn a_server_waits_five_minutes_in_any_time_zone() {
        let begun = "2026-11-29T14:46:10Z".parse::<Timestamp>().expect("a time").as_second();
        for (text, expected) in [
            ("2026-11-29 14:51:10", Some(300.0)),
            ("2026-11-29 20:21:12", Some(302.0)),
            ("2026-11-29 20:21:12.345 +0530", Some(302.0)),
            ("Nov 29 09:51:20 mail", Some(310.0)),
            ("2026-11-29 14:51:09", None),
            ("2026-11-29 14:51:21", None),
            ("2026-11-29 14:46:10", None),
            ("no date", None),
        ] {
            assert_eq!(Stamp::text(text.as_bytes()).minutes_of_a_server(begun), expected, "{text}");
        }
    }

    #[test]
    fn journald_counts_microseconds() {
        assert_eq!(read(Stamp::Micros(1_700_000_000_000_000)).as_deref(), Some("2023-11-14 22:13:20 UTC"));
        assert_eq!(read(Stamp::Micros(i64::MAX)), None);
    }
}
