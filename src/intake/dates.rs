//! Dates as people's logs have them: in any usual order, with or without a year, and with the names of months in many languages.

use std::ops::RangeInclusive;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use crate::model::LogTime;

/// A date in a text, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) time: LogTime,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The last date in a text. `now` gives the year where there is none.
pub(super) fn last(text: &str, now: Timestamp) -> Option<Found> {
    let mut last = None;
    let mut next = 0;
    let mut before = ' ';
    for (start, character) in text.char_indices() {
        let begins = !before.is_alphanumeric();
        before = character;
        if start < next || !begins || !(character.is_alphanumeric() || character == char::REPLACEMENT_CHARACTER) {
            continue;
        }
        if let Some((time, length)) = date_at(&text[start..], now) {
            next = start + length;
            last = Some(Found { time, start, end: next });
        }
    }
    last
}

/// A date at the very start, and its length.
fn date_at(text: &str, now: Timestamp) -> Option<(LogTime, usize)> {
    let mut reader = Reader(text);
    let time = reader
        .attempt(Reader::year_first)
        .or_else(|| reader.attempt(Reader::day_first))
        .or_else(|| reader.attempt(Reader::epoch))
        .or_else(|| reader.attempt(|reader| reader.month_first(now)))
        .or_else(|| reader.attempt(|reader| reader.month_in_the_middle(now)))?;
    Some((time, text.len() - reader.0.len()))
}

/// What is left to be read.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a str);

impl Reader<'_> {
    /// Moves on only where something is read.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut ahead = *self;
        let found = read(&mut ahead)?;
        *self = ahead;
        Some(found)
    }

    /// `2026-11-20T10:00:00`, `2026/11/20 10:00:00`, `2026-11-20 10:00:00,123 +0100`.
    fn year_first(&mut self) -> Option<LogTime> {
        let year = self.number(4..=4)?;
        let separator = self.one_of("-/.")?;
        let month = self.number(1..=2)?;
        self.exactly(separator)?;
        let day = self.number(1..=2)?;
        if self.one_of("T_").is_none() {
            self.spaces()?;
        }
        let time = self.time()?;
        let offset = self.offset();
        let date = Date::new(year as i16, month as i8, day as i8).ok()?;
        Some(LogTime { civil: date.to_datetime(time), offset })
    }

    /// `20.11.2026 10:00:00`, `20/11/2026, 10:00:00`, and `11/20/2026 10:00:00 AM` of America.
    fn day_first(&mut self) -> Option<LogTime> {
        let first = self.number(1..=2)?;
        let separator = self.one_of("./-")?;
        let second = self.number(1..=2)?;
        self.exactly(separator)?;
        let year = self.number(4..=4)?;
        let _ = self.one_of(",");
        self.spaces()?;
        let time = self.time()?;
        let half = self.attempt(|reader| {
            reader.spaces();
            reader.half_of_day()
        });
        let is_american = second > 12 || half.is_some() && separator == '/' && first <= 12;
        let (day, month) = if is_american { (second, first) } else { (first, second) };
        let date = Date::new(year as i16, month as i8, day as i8).ok()?;
        Some(LogTime { civil: date.to_datetime(half.map_or(Some(time), |half| half.of(time))?), offset: self.offset() })
    }

    /// `1795168800.123456`.
    fn epoch(&mut self) -> Option<LogTime> {
        let seconds = self.number(10..=10)?;
        self.exactly('.')?;
        self.number(1..=9)?;
        let instant = Timestamp::from_second(i64::from(seconds)).ok()?;
        Some(LogTime { civil: Offset::UTC.to_datetime(instant), offset: Some(Offset::UTC) })
    }

    /// `Nov 20 10:00:00`, `Nov 20 2026 10:00:00`, `Nov 20 10:00:00 2026`.
    fn month_first(&mut self, now: Timestamp) -> Option<LogTime> {
        let year = self.attempt(|reader| {
            let year = reader.number(4..=4)?;
            reader.spaces().map(|()| year)
        });
        let month = self.month()?;
        self.spaces();
        let day = self.number(1..=2)?;
        let _ = self.one_of(",");
        self.spaces()?;
        self.rest_of(day, month, year, now)
    }

    /// `20 Nov 2026 10:00:00`, `20/Nov/2026:10:00:00 +0100`, `20. November 2026 10:00:00`.
    fn month_in_the_middle(&mut self, now: Timestamp) -> Option<LogTime> {
        let day = self.number(1..=2)?;
        let _ = self.one_of(".");
        if self.one_of("/-").is_none() {
            self.spaces()?;
        }
        let month = self.month()?;
        if self.one_of("/-").is_none() {
            self.spaces()?;
        }
        self.rest_of(day, month, None, now)
    }

    /// The time, and the year before or after it.
    fn rest_of(&mut self, day: u32, month: i8, year: Option<u32>, now: Timestamp) -> Option<LogTime> {
        let year = year.or_else(|| {
            self.attempt(|reader| {
                let year = reader.number(4..=4)?;
                if reader.one_of(":,").is_none() {
                    reader.spaces()?;
                }
                reader.spaces();
                Some(year)
            })
        });
        let time = self.time()?;
        let offset = self.offset();
        let year = year.or_else(|| {
            self.attempt(|reader| {
                reader.spaces()?;
                reader.number(4..=4).filter(|year| (1990..=2100).contains(year))
            })
        });
        let civil = match year {
            Some(year) => Date::new(year as i16, month, day as i8).ok()?.to_datetime(time),
            None => newest_year(month, day as i8, time, now)?,
        };
        Some(LogTime { civil, offset })
    }

    /// `10:00:00`, with a fraction behind a point or a comma.
    fn time(&mut self) -> Option<Time> {
        let hour = self.number(1..=2)?;
        self.exactly(':')?;
        let minute = self.number(2..=2)?;
        self.exactly(':')?;
        let second = self.number(2..=2)?.min(59);
        self.attempt(|reader| {
            reader.one_of(".,")?;
            reader.number(1..=9)
        });
        Time::new(hour as i8, minute as i8, second as i8, 0).ok()
    }

    /// `Z`, `UTC`, `+01:00`, `+0100`, perhaps behind a space.
    fn offset(&mut self) -> Option<Offset> {
        self.attempt(|reader| {
            reader.spaces();
            for zulu in ["Z", "UTC", "GMT"] {
                if let Some(rest) = reader.0.strip_prefix(zulu).filter(|rest| !rest.starts_with(char::is_alphanumeric))
                {
                    reader.0 = rest;
                    return Some(Offset::UTC);
                }
            }
            let sign = if reader.one_of("+-")? == '-' { -1 } else { 1_i32 };
            let (hours, minutes) = match reader.number(2..=4)? {
                joined if joined >= 100 => (joined / 100, joined % 100),
                hours => {
                    let minutes = reader.attempt(|reader| {
                        reader.exactly(':')?;
                        reader.number(2..=2)
                    });
                    (hours, minutes.unwrap_or(0))
                }
            };
            Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
        })
    }

    fn half_of_day(&mut self) -> Option<HalfOfDay> {
        for (word, half) in [("AM", HalfOfDay::Am), ("PM", HalfOfDay::Pm), ("am", HalfOfDay::Am), ("pm", HalfOfDay::Pm)]
        {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Some(half);
            }
        }
        None
    }

    fn month(&mut self) -> Option<i8> {
        // Japan and China number their months.
        let numbered = self.attempt(|reader| {
            let month = reader.number(1..=2)?;
            reader.exactly('月')?;
            Some(month as i8)
        });
        if numbered.is_some() {
            return numbered;
        }
        let is_letter = |character: char| character.is_alphabetic() || character == char::REPLACEMENT_CHARACTER;
        let length = self.0.find(|character| !is_letter(character)).unwrap_or(self.0.len());
        let name = self.0[..length].to_lowercase();
        let month = MONTHS.iter().position(|names| names.split(' ').any(|known| known == name))?;
        self.0 = &self.0[length..];
        let _ = self.one_of(".");
        i8::try_from(month + 1).ok()
    }

    fn number(&mut self, digits: RangeInclusive<usize>) -> Option<u32> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if !digits.contains(&count) {
            return None;
        }
        let number = self.0[..count].parse().ok()?;
        self.0 = &self.0[count..];
        Some(number)
    }

    fn exactly(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    fn one_of(&mut self, wanted: &str) -> Option<char> {
        let first = self.0.chars().next().filter(|first| wanted.contains(*first))?;
        self.0 = &self.0[first.len_utf8()..];
        Some(first)
    }

    fn spaces(&mut self) -> Option<()> {
        let rest = self.0.trim_start_matches([' ', '\t', '\u{a0}']);
        let is_any = rest.len() < self.0.len();
        self.0 = rest;
        is_any.then_some(())
    }
}

#[derive(Clone, Copy)]
enum HalfOfDay {
    Am,
    Pm,
}

impl HalfOfDay {
    fn of(self, time: Time) -> Option<Time> {
        let hour = time.hour() % 12 + if matches!(self, Self::Pm) { 12 } else { 0 };
        Time::new(hour, time.minute(), time.second(), 0).ok()
    }
}

/// The time in the newest year in which it exists and is not in the future. One day ahead is allowed, because the time zone of the
/// log is unknown.
fn newest_year(month: i8, day: i8, time: Time, now: Timestamp) -> Option<DateTime> {
    // Two 29 Februaries can be eight years apart, around a century year without one.
    const YEARS: RangeInclusive<i16> = -1..=8;
    let today = Offset::UTC.to_datetime(now);
    let latest = today.checked_add(1.day()).ok()?;
    YEARS
        .filter_map(|back| Date::new(today.year().checked_sub(back)?, month, day).ok())
        .map(|date| date.to_datetime(time))
        .find(|time| *time <= latest)
}

/// Names of the months in English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian, Polish, Czech and
/// Russian, as `strftime` abbreviates them, and in full. A letter outside ASCII may have been lost on the way.
const MONTHS: [&str; 12] = [
    "jan january januar janv janvier ene enero gen gennaio janeiro januari sty stycznia led ledna янв января jän jänner",
    "feb february februar févr février fév fevr fev f\u{fffd}vr f\u{fffd}v febrero febbraio fevereiro februari lut lutego úno února фев февр февраля",
    "mar march mär märz mrz m\u{fffd}r m\u{fffd}rz mars marzo março mrt maart marts mars marca bře března мар мар марта",
    "apr april avr avril abr abril aprile kwi kwietnia dub dubna апр апреля",
    "may mai mayo mag maggio maio mei maj maja kvě května май мая",
    "jun june juni juin junio giu giugno junho cze czerwca čvn čen června июн июня",
    "jul july juli juil juillet julio lug luglio julho lip lipca čvc čec července июл июля",
    "aug august août aou ao\u{fffd}t ago agosto augustus augusti sie sierpnia srp srpna авг августа",
    "sep sept september septembre septiembre set settembre setembro wrz września zář září сен сент сентября",
    "oct october okt oktober octobre octubre ott ottobre out outubro paź października pa\u{fffd} říj října окт октября",
    "nov november novembre noviembre novembro lis listopada листопада ноя нояб ноября",
    "dec december dez dezember déc d\u{fffd}c décembre dic diciembre dicembre dezembro des desember gru grudnia pro prosince дек декабря",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        last(text, "2026-03-01T12:00:00Z".parse().expect("a time")).map(|found| found.time.to_string())
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
        ];
        for (text, expected) in rows {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_every_form() {
        let rows = [
            ("2026-11-24T05:32:43.123456+00:00", "2026-11-24 05:32:43 UTC"),
            ("2026-11-24T05:32:43,5+0100", "2026-11-24 05:32:43 +01"),
            ("2026-11-24 05:32:43 -0330", "2026-11-24 05:32:43 -03:30"),
            ("2026/11/24 05:32:43 mail", "2026-11-24 05:32:43"),
            ("Fri 2026-11-20 10:00:00 CET mail", "2026-11-20 10:00:00"),
            ("Nov 20 10:00:00.123456 mail", "2025-11-20 10:00:00"),
            ("Nov 20 2026 10:00:00 mail", "2026-11-20 10:00:00"),
            ("2026 Nov 20 10:00:00 mail", "2026-11-20 10:00:00"),
            ("Fri Nov 20 10:00:00 2026", "2026-11-20 10:00:00"),
            ("[20/Nov/2026:10:00:00 +0100] mail", "2026-11-20 10:00:00 +01"),
            ("20 Nov 2026 10:00:00", "2026-11-20 10:00:00"),
            ("20.11.2026 10:00:00", "2026-11-20 10:00:00"),
            ("20.11.2026, 10:00:00", "2026-11-20 10:00:00"),
            ("11/20/2026 10:00:00 PM", "2026-11-20 22:00:00"),
            ("11/20/2026, 12:00:00 AM", "2026-11-20 00:00:00"),
            ("1795168800.123456 mail", "2026-11-20 10:00:00 UTC"),
            ("Mär 20 10:00:00", "2025-03-20 10:00:00"),
            ("M\u{fffd}r 20 10:00:00", "2025-03-20 10:00:00"),
            ("20. März 2026 10:00:00", "2026-03-20 10:00:00"),
            ("mar. 20 nov. 2026 10:00:00", "2026-11-20 10:00:00"),
            ("déc. 20 10:00:00", "2025-12-20 10:00:00"),
            ("ene 20 10:00:00", "2026-01-20 10:00:00"),
            ("дек 20 10:00:00", "2025-12-20 10:00:00"),
            ("11月 20 10:00:00", "2025-11-20 10:00:00"),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_last_date_counts() {
        let nested = "2026-11-20T10:00:01+01:00 localhost postfix[868]: Nov 20 10:00:00 4387585e3a11 ";
        assert_eq!(read(nested).as_deref(), Some("2025-11-20 10:00:00"));
        for text in ["", "2026-13-24 05:32:43", "0000-00-00", "10:00:00", "Nov 20", "mail postfix", "192.0.2.25 10:00"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
