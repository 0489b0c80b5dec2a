//! How an address stands, in few words.

use crate::model::{PacketSize, PortState, ReverseVerdict, RoundMark, Sighting, Ttl, Verdict};
use crate::report::words::verdict_name;

/// `black hole above 1400`, `discoverable (1400 bytes)`, `clear`.
pub(super) fn there(sighting: &Sighting) -> Option<String> {
    let verdict = sighting.there?;
    let name = verdict_name(verdict);
    Some(match (verdict, sighting.size) {
        (Verdict::BlackHole | Verdict::Recovers | Verdict::Masked, Some(size)) => format!("{name} above {size}"),
        (Verdict::Discoverable, Some(size)) => format!("{name} ({size} bytes)"),
        _ => name.to_owned(),
    })
}

/// The same of the way back; `None`: nothing is known of it.
pub(super) fn back(sighting: &Sighting) -> Option<String> {
    let above =
        |name: &str, size: Option<PacketSize>| size.map_or(name.to_owned(), |size| format!("{name} above {size}"));
    match sighting.back {
        ReverseVerdict::BlackHole => Some(above(verdict_name(Verdict::BlackHole), sighting.back_size)),
        ReverseVerdict::Recovers => Some(above(verdict_name(Verdict::Recovers), sighting.back_size)),
        ReverseVerdict::Discoverable => Some(verdict_name(Verdict::Discoverable).into()),
        ReverseVerdict::Clear => Some(verdict_name(Verdict::Clear).into()),
        ReverseVerdict::Untested | ReverseVerdict::Inconclusive => None,
    }
}

/// `, hop 3`: the last one that large packets reach, where they do not reach all.
pub(super) fn hop(sighting: &Sighting) -> String {
    match sighting.hop.filter(|_| matches!(sighting.mark(), RoundMark::Holed | RoundMark::Impaired)) {
        Some(Ttl(0)) => ", on this host".into(),
        Some(Ttl(hop)) => format!(", hop {hop}"),
        None => String::new(),
    }
}

/// `open`, `refused`, `filtered`.
pub(super) fn port(state: PortState) -> &'static str {
    match state {
        PortState::Open => "open",
        PortState::Refused => "refused",
        PortState::Filtered(_) => "filtered",
        PortState::ForbiddenHere => "forbidden by this host",
    }
}
