//! The part of a log that is wanted: from one moment to another.

use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, ToSpan, ZonedDateTime};

use super::dates;
use crate::model::LogTime;

/// A moment, by the clock of this host and by that of the world: logs have either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    civil: DateTime,
    instant: Timestamp,
}

/// From a moment to another. Either may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Lines of this moment and later ones.
    pub since: Option<Moment>,
    /// Lines before this moment.
    pub until: Option<Moment>,
}

impl Moment {
    /// Reads what people write: `today`, `yesterday`, `2 hours ago`, `-30min`, `10:00`, `2026-11-20`, `2026-11-20 10:00`, `Nov 20 10:00:00`.
    /// The time zone is that of `now`.
    pub fn parse(text: &str, now: &ZonedDateTime) -> Option<Self> {
        let text = text.trim();
        let midnight = |days: i64| {
            let date = now.date().checked_add(days.days()).ok()?;
            Self::at(date.to_datetime(Time::midnight()), now)
        };
        match text.to_ascii_lowercase().as_str() {
            "now" => return Some(Self { civil: now.datetime(), instant: now.timestamp() }),
            "today" => return midnight(0),
            "yesterday" => return midnight(-1),
            _ => {}
        }
        if let Some(seconds) = ago(text) {
            // More seconds than any span may have would panic.
            let then = now.checked_sub(Span::new().try_seconds(seconds).ok()?).ok()?;
            return Some(Self { civil: then.datetime(), instant: then.timestamp() });
        }
        // A time alone is one of today, and a day alone begins at midnight.
        let written = [text.to_owned(), format!("{text}:00"), format!("{text} 00:00:00")];
        let of_today = written[..2].iter().map(|time| format!("{} {time}", now.date()));
        let found = written.iter().cloned().chain(of_today).find_map(|text| whole(&text, now))?;
        match found.offset.and_then(|offset| offset.to_timestamp(found.civil).ok()) {
            Some(instant) => Some(Self { civil: now.time_zone().to_datetime(instant), instant }),
            None => Self::at(found.civil, now),
        }
    }

    fn at(civil: DateTime, now: &ZonedDateTime) -> Option<Self> {
        let instant = civil.to_zoned_datetime(now.time_zone().clone()).ok()?.timestamp();
        Some(Self { civil, instant })
    }

    /// Whether a line was written before this moment.
    fn is_after(&self, time: &LogTime) -> bool {
        match time.offset.and_then(|offset| offset.to_timestamp(time.civil).ok()) {
            Some(instant) => instant < self.instant,
            None => time.civil < self.civil,
        }
    }
}

impl Period {
    /// Whether every line is wanted.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a line of this time is wanted.
    pub fn holds(&self, time: &LogTime) -> bool {
        let is_early = self.since.is_some_and(|since| since.is_after(time));
        let is_late = self.until.is_some_and(|until| !until.is_after(time));
        !is_early && !is_late
    }
}

/// A date that is the whole text.
fn whole(text: &str, now: &ZonedDateTime) -> Option<LogTime> {
    dates::last(text, now.timestamp())
        .filter(|found| found.start == 0 && found.end == text.len())
        .map(|found| found.time)
}

/// The seconds of `2 hours ago`, `-2h`, `1 day 2 hours ago`.
fn ago(text: &str) -> Option<i64> {
    let text = text.strip_suffix("ago").or_else(|| text.strip_prefix('-'))?;
    let mut rest = text.trim();
    let mut sum = 0_i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        sum = sum.checked_add(number.checked_mul(unit(&after[..letters])?)?)?;
        rest = after[letters..].trim_start();
    }
    (sum > 0).then_some(sum)
}

fn unit(name: &str) -> Option<i64> {
    Some(match name {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};

    use super::*;

    fn now() -> ZonedDateTime {
        let instant: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
        instant.to_zoned_datetime(TimeZone::fixed(Offset::constant(1)))
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, civil) in [
            ("now", "2026-11-24T13:00:00"),
            ("today", "2026-11-24T00:00:00"),
            ("Yesterday", "2026-11-23T00:00:00"),
            ("2 hours ago", "2026-11-24T11:00:00"),
            ("1 day 2 hours ago", "2026-11-23T11:00:00"),
            ("-30min", "2026-11-24T12:30:00"),
            ("-2h", "2026-11-24T11:00:00"),
            ("10:00", "2026-11-24T10:00:00"),
            ("10:00:30", "2026-11-24T10:00:30"),
            ("2026-11-20", "2026-11-20T00:00:00"),
            ("2026-11-20 10:00", "2026-11-20T10:00:00"),
            ("2026-11-20T10:00:00Z", "2026-11-20T11:00:00"),
            ("Nov 20 10:00:00", "2026-11-20T10:00:00"),
            ("20.11.2026", "2026-11-20T00:00:00"),
        ] {
            let read = Moment::parse(text, &now()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.civil.to_string(), civil, "{text}");
        }
        let impossible =
            ["25:00", "2026-13-01", "99999999999999999999 days ago", "631107417601 s ago", "-9223372036854775807s"];
        for text in ["", "soon", "2 hours", "ago", "-", "2 parsecs ago", "3000 years ago", "999999 weeks ago"]
            .into_iter()
            .chain(impossible)
        {
            assert_eq!(Moment::parse(text, &now()), None, "{text}");
        }
    }

    /// Lines with an offset are compared by the world's clock, others by this host's.
    #[test]
    fn a_period_begins_with_its_first_moment_and_ends_before_its_last() {
        let moment = |text| Moment::parse(text, &now());
        let period = Period { since: moment("10:00"), until: moment("11:00") };
        let line = |text: &str| dates::last(text, now().timestamp()).expect("a date").time;
        assert!(period.holds(&line("Nov 24 10:00:00")) && period.holds(&line("Nov 24 10:59:59")));
        assert!(!period.holds(&line("Nov 24 09:59:59")) && !period.holds(&line("Nov 24 11:00:00")));
        assert!(period.holds(&line("2026-11-24T09:00:00Z")) && !period.holds(&line("2026-11-24T10:00:00Z")));
        assert!(Period::default().is_open() && Period::default().holds(&line("Nov 24 10:00:00")));
    }
}
