//! What the history of `--jsonl` says of each address, from before this watch began: a change over a restart is a change, and what was told
//! is not told again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::app::result_lines::{Piece, ResultLines};
use crate::model::{Filter, PacketSize, PortState, ReverseVerdict, RoundMark, Sighting, Ttl, Verdict, WatchedAddress};
use crate::report::json::SCHEMA;
use crate::report::words::named;

/// As much of a line as matters here.
#[derive(Deserialize)]
struct Line {
    schema: String,
    started: Option<String>,
    elapsed_ms: f64,
    exit_code: u8,
    addresses: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    address: String,
    port: u16,
    verdict: String,
    path_mtu: Option<u32>,
    port_state: Option<String>,
    location: Option<Location>,
    reverse: Reverse,
}

#[derive(Deserialize)]
struct Location {
    last_hop: Option<Point>,
}

#[derive(Deserialize)]
struct Point {
    ttl: Option<u8>,
}

#[derive(Deserialize)]
struct Reverse {
    verdict: String,
    path_mtu: Option<u32>,
}

/// Reads a history. A file that is not there yet knows nothing; lines that say nothing about an address are passed over, and of several the
/// last counts. Link-local addresses are left out: the number of their interface may be another by now.
pub(super) fn read(path: &Path) -> io::Result<HashMap<WatchedAddress, Sighting>> {
    match File::open(path) {
        Ok(file) => read_from(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashMap::new()),
        Err(error) => Err(error),
    }
}

fn read_from(file: impl Read) -> io::Result<HashMap<WatchedAddress, Sighting>> {
    let (mut lines, mut known) = (ResultLines::new(BufReader::new(file)), HashMap::new());
    while let Piece::Whole(bytes) = lines.next()? {
        let line = serde_json::from_slice(bytes).ok().filter(|line: &Line| line.schema == SCHEMA);
        known.extend(line.iter().flat_map(Line::sightings));
    }
    Ok(known)
}

impl Line {
    fn sightings(&self) -> impl Iterator<Item = (WatchedAddress, Sighting)> {
        let began = self.started.as_deref().and_then(time);
        self.addresses.iter().filter_map(move |entry| {
            let address: IpAddr = entry.address.parse().ok()?;
            let at = WatchedAddress { address, scope_id: 0, port: entry.port };
            Some((at, self.sighting(entry, began?)?))
        })
    }

    fn sighting(&self, entry: &Entry, began: SystemTime) -> Option<Sighting> {
        let there = named(&Verdict::WORST_FIRST, &entry.verdict).ok()?;
        let took = Duration::try_from_secs_f64(self.elapsed_ms / 1000.0).unwrap_or_default();
        let mut sighting = Sighting {
            // Nobody can tell, or it was not asked for.
            there: Some(there).filter(|there| *there != Verdict::Inconclusive),
            size: entry.path_mtu.map(PacketSize::new),
            on_some_flows: false,
            hop: entry.location.as_ref().and_then(|location| location.last_hop.as_ref()?.ttl).map(Ttl),
            back: named(&ReverseVerdict::WORST_FIRST, &entry.reverse.verdict).ok()?,
            back_size: entry.reverse.path_mtu.map(PacketSize::new),
            port: entry.port_state.as_deref().and_then(port_state),
            rtt: None,
            code: self.exit_code,
            began,
            ended: began.checked_add(took)?,
        };
        if self.addresses.len() != 1 {
            sighting.code = code(&sighting);
        }
        Some(sighting)
    }
}

/// RFC 3339, in whole seconds.
fn time(text: &str) -> Option<SystemTime> {
    let seconds = text.parse::<jiff::Timestamp>().ok()?.as_second();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Who filters it is not told apart.
fn port_state(word: &str) -> Option<PortState> {
    let all = [PortState::Open, PortState::Refused, PortState::Filtered(Filter::Silent), PortState::ForbiddenHere];
    named(&all, word).ok()
}

/// The exit code is that of all addresses of the target: this one's is known again when it was examined.
fn code(sighting: &Sighting) -> u8 {
    match sighting.mark() {
        RoundMark::Fine => 0,
        RoundMark::Impaired => 1,
        RoundMark::Holed => 2,
        RoundMark::Dead | RoundMark::Doubtful => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(started: &str, entries: &[&str]) -> String {
        format!(
            "{{\"schema\":\"pmtu-probe/1\",\"target\":\"mx\",\"started\":\"{started}\",\"elapsed_ms\":1500.0,\"exit_code\":2,\
             \"addresses\":[{}],\"errors\":[],\"connections\":[{{\"address\":\"x\"}}]}}\n",
            entries.join(",")
        )
    }

    fn entry(address: &str, verdict: &str, size: u32, back: &str) -> String {
        format!(
            "{{\"host\":\"mx\",\"address\":\"{address}\",\"port\":25,\"verdict\":\"{verdict}\",\"path_mtu\":{size},\"port_state\":\"open\",\
             \"location\":{{\"last_hop\":{{\"ttl\":3,\"address\":\"192.0.2.1\"}},\"next_hop\":null}},\
             \"reverse\":{{\"verdict\":\"{back}\",\"path_mtu\":null}}}}"
        )
    }

    fn at(address: &str) -> WatchedAddress {
        WatchedAddress { address: address.parse().expect("an address"), scope_id: 0, port: 25 }
    }

    #[test]
    fn of_each_address_the_last_line_counts() {
        let text = [
            line("2026-11-30T10:40:00Z", &[&entry("192.0.2.25", "clear", 1500, "clear")]),
            line("2026-11-30T10:42:00Z", &[&entry("192.0.2.25", "black_hole", 1400, "untested")]),
            line(
                "2026-11-30T10:41:00Z",
                &[&entry("2001:db8::1", "clear", 1500, "clear"), &entry("fe80::1%eth0", "clear", 1500, "clear")],
            ),
            "{\"schema\":\"another\"}\n".to_owned(),
            line("2026-11-30T10:50:00Z", &[&entry("192.0.2.25", "a_later_word", 1, "clear")]),
            "{\"schema\":\"pmtu-probe/1\",\"half".to_owned(),
        ];
        let known = read_from(text.concat().as_bytes()).expect("a history");
        assert_eq!(known.len(), 2, "{known:?}");
        let hole = known[&at("192.0.2.25")];
        assert_eq!(
            (hole.there, hole.size, hole.hop),
            (Some(Verdict::BlackHole), Some(PacketSize::new(1400)), Some(Ttl(3)))
        );
        assert_eq!((hole.back, hole.port, hole.code), (ReverseVerdict::Untested, Some(PortState::Open), 2));
        // 2026-11-30T10:42:00Z.
        assert_eq!(hole.began, SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_035_320));
        assert_eq!(hole.ended, hole.began + Duration::from_millis(1500));
        assert_eq!(known[&at("2001:db8::1")].code, 0, "the worst of the two is not its own");
    }

    #[test]
    fn a_history_that_is_not_there_yet_knows_nothing() {
        assert!(read(Path::new("/nowhere/history.jsonl")).expect("nothing").is_empty());
    }
}
