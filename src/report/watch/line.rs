//! `2026-11-30 10:42 mx1.example.com 192.0.2.25: was clear, now black hole above 1400 since between 10:40 and 10:42, hop 3`

use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::stand;
use crate::model::{Sighting, WatchNews, WatchedChange};
use crate::report::printable;

/// In which zone times are told.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// That of this host.
    pub fn of_system() -> Self {
        Self(TimeZone::system())
    }

    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// `10:42`.
    pub(super) fn minute(&self, time: SystemTime) -> String {
        self.told(time).map_or_else(String::new, |told| told.strftime("%H:%M").to_string())
    }

    /// `2026-11-30 10:42`.
    pub fn date_and_minute(&self, time: SystemTime) -> String {
        self.told(time).map_or_else(String::new, |told| told.strftime("%Y-%m-%d %H:%M").to_string())
    }

    /// `10:42:07`.
    pub(super) fn second(&self, time: SystemTime) -> String {
        self.told(time).map_or_else(String::new, |told| told.strftime("%H:%M:%S").to_string())
    }

    /// With the date only where it is not that of another time.
    pub(super) fn beside(&self, time: SystemTime, other: SystemTime) -> String {
        let date = |time| self.told(time).map(|told| told.date());
        if date(time) == date(other) { self.minute(time) } else { self.date_and_minute(time) }
    }

    /// `None` for a clock set outside the years that can be written.
    fn told(&self, time: SystemTime) -> Option<ZonedDateTime> {
        Some(Timestamp::try_from(time).ok()?.to_zoned_datetime(self.0.clone()))
    }
}

/// One line without its end, for people and for programs that look at logs.
pub fn line(news: &WatchNews, now: SystemTime, zone: &Zone) -> String {
    let what = match news {
        WatchNews::Changed(change) => format!("{}: {}", change.label, changed(change, zone)),
        WatchNews::Gone { label, was } => format!("{label}: no target leads there any more; it was {}", whole(was)),
        WatchNews::Lost { target, why } => format!("{target}: leads nowhere: {why}"),
        WatchNews::FoundAgain { target } => format!("{target}: leads to an address again"),
    };
    format!("{} {}", zone.date_and_minute(now), printable(&what))
}

fn changed(change: &WatchedChange, zone: &Zone) -> String {
    let (was, now) = (change.was.as_ref(), &change.now);
    let mut parts = Vec::new();
    if change.parts.there {
        parts.extend(stand::there(now).map(|now| was_and_now("", was.and_then(stand::there), &now)));
    }
    if change.parts.back {
        parts.extend(stand::back(now).map(|now| was_and_now("way back ", was.and_then(stand::back), &now)));
    }
    if change.parts.port {
        let word = |sighting: &Sighting| sighting.port.map(|port| stand::port(port).to_owned());
        parts.extend(word(now).map(|now| was_and_now("port ", was.and_then(word), &now)));
    }
    let mut words = parts.join("; ");
    match change.since {
        Some((from, to)) => {
            let (from, to) = (zone.beside(from, now.ended), zone.beside(to, now.ended));
            words.extend([" since between ", &from, " and ", &to]);
        }
        None => words.push_str(" at the first examination"),
    }
    if change.parts.there {
        words.push_str(&stand::hop(now));
    }
    words
}

fn was_and_now(part: &str, was: Option<String>, now: &str) -> String {
    match was {
        Some(was) => format!("{part}was {was}, now {now}"),
        None => format!("{part}{now}"),
    }
}

fn whole(sighting: &Sighting) -> String {
    let port = sighting.port.filter(|port| !port.takes_connections()).map(|port| format!("port {}", stand::port(port)));
    let back = stand::back(sighting).filter(|back| back != "clear").map(|back| format!("way back {back}"));
    let parts: Vec<String> = stand::there(sighting).into_iter().chain(back).chain(port).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{ChangedParts, PacketSize, PortState, ReverseVerdict, Ttl, Verdict};

    /// A minute of 30 November 2026.
    fn time(hour: u64, minute: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_996_800 + hour * 3600 + minute * 60)
    }

    fn saw(there: Verdict, size: u32, ended: SystemTime) -> Sighting {
        let hop = (there == Verdict::BlackHole).then_some(Ttl(3));
        Sighting { hop, began: ended, ended, ..Sighting::example(there, size) }
    }

    fn change(was: Option<Sighting>, now: Sighting, parts: ChangedParts) -> WatchNews {
        let since = was.map(|was| (was.began, now.ended));
        WatchNews::Changed(WatchedChange { label: "mx1.example.com 192.0.2.25".into(), parts, was, now, since })
    }

    fn told(news: &WatchNews) -> String {
        line(news, time(10, 42), &Zone::utc())
    }

    const THERE: ChangedParts = ChangedParts { there: true, back: false, port: false };

    #[test]
    fn a_change_is_one_line() {
        let (clear, hole) = (saw(Verdict::Clear, 1500, time(10, 40)), saw(Verdict::BlackHole, 1400, time(10, 42)));
        assert_eq!(
            told(&change(Some(clear), hole, THERE)),
            "2026-11-30 10:42 mx1.example.com 192.0.2.25: was clear, now black hole above 1400 since between 10:40 and 10:42, hop 3"
        );
        let healed = Sighting { hop: None, ..saw(Verdict::Discoverable, 1400, time(10, 42)) };
        let yesterday = Sighting { began: time(10, 42) - Duration::from_secs(86_400), ..hole };
        assert_eq!(
            told(&change(Some(yesterday), healed, THERE)),
            "2026-11-30 10:42 mx1.example.com 192.0.2.25: was black hole above 1400, now discoverable (1400 bytes) since between \
             2026-11-29 10:42 and 10:42"
        );
    }

    #[test]
    fn the_parts_that_changed_are_named_and_no_others() {
        let clear = saw(Verdict::Clear, 1500, time(10, 40));
        let now = Sighting {
            back: ReverseVerdict::BlackHole,
            back_size: Some(PacketSize::new(1400)),
            port: Some(PortState::Refused),
            ..saw(Verdict::Clear, 1500, time(10, 42))
        };
        let parts = ChangedParts { there: false, back: true, port: true };
        assert_eq!(
            told(&change(Some(clear), now, parts)),
            "2026-11-30 10:42 mx1.example.com 192.0.2.25: way back was clear, now black hole above 1400; port was open, now refused \
             since between 10:40 and 10:42"
        );
    }

    #[test]
    fn what_was_never_seen_before_has_no_past() {
        let hole = saw(Verdict::BlackHole, 1400, time(10, 42));
        assert_eq!(
            told(&change(None, hole, THERE)),
            "2026-11-30 10:42 mx1.example.com 192.0.2.25: black hole above 1400 at the first examination, hop 3"
        );
        let gone = WatchNews::Gone { label: "mx1 192.0.2.25".into(), was: hole };
        assert_eq!(
            told(&gone),
            "2026-11-30 10:42 mx1 192.0.2.25: no target leads there any more; it was black hole above 1400"
        );
    }

    #[test]
    fn words_of_strangers_steer_no_terminal() {
        let lost = WatchNews::Lost { target: "mx\u{1b}[2J".into(), why: "no\nsuch name".into() };
        assert_eq!(told(&lost), "2026-11-30 10:42 mx\\u{1b}[2J: leads nowhere: no\\nsuch name");
    }
}
