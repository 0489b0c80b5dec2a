//! What counts for an address, and what becomes of its findings then.

use std::net::IpAddr;

use crate::model::{Examined, Finding, Ground, Location, LocationPoint, Verdict};

/// What counts for an address.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// What its own examination found, and perhaps a place that others know.
    Stands(Option<SharedPlace>),
    /// The hop rations its messages: whoever asked it alone was told, and so this address would be.
    AsTold {
        /// The hop.
        hop: IpAddr,
        /// How many were told when asked alone, all of them.
        told_alone: u32,
        /// Where it is, as others found it; `None`: only its message was seen.
        place: Option<Location>,
    },
    /// A hop tells some and not others, and this address could not be asked alone.
    Doubtful(Option<SharedPlace>),
}

/// Where large packets end, as others know that end at the same size.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedPlace {
    /// The place.
    pub location: Location,
    /// How many examinations found it.
    pub others: u32,
}

impl Outcome {
    /// Brings the findings of an address up to date.
    pub fn apply(self, examined: &mut Examined) {
        match self {
            Self::Stands(place) => share(place, examined),
            Self::AsTold { hop, told_alone, place } => {
                let Some(passes) = examined.path_mtu else { return };
                let unknown_distance = || LocationPoint { ttl: None, address: hop };
                let last_hop = place.and_then(|place| place.last_hop).unwrap_or_else(unknown_distance);
                let start = examined.local_mtu;
                open(examined, Verdict::Discoverable, Ground::ToldToOthers { passes, start, told: told_alone });
                // As a router that tells is the place, whatever lies behind it.
                examined.location = Some(Location { last_hop: Some(last_hop), next_hop: None });
                examined.findings.push(Finding::ToldAsOthers { hop, told: told_alone });
            }
            Self::Doubtful(place) => {
                let (Some(passes), Some(lost)) = (examined.path_mtu, examined.first_lost_size) else { return };
                open(examined, Verdict::Inconclusive, Ground::Rationed { passes, lost });
                share(place, examined);
            }
        }
    }
}

/// Takes back what rested on silence.
fn open(examined: &mut Examined, verdict: Verdict, ground: Ground) {
    examined.verdict = verdict;
    (examined.cause, examined.masked_by, examined.confidence) = (None, None, None);
    examined.reason = ground.into();
    examined.findings.retain(|finding| {
        !matches!(finding, Finding::OnlyPtbMissing | Finding::TcpPtbMissing | Finding::HoleOnSomeFlows)
    });
}

fn share(place: Option<SharedPlace>, examined: &mut Examined) {
    let Some(SharedPlace { location, others }) = place else { return };
    // What was seen of its own way decides.
    let differs = location.last_hop.as_ref().is_some_and(|last| {
        examined.hops.iter().any(|hop| Some(hop.ttl) == last.ttl && hop.address.is_some_and(|own| own != last.address))
    });
    if !differs {
        examined.location = Some(location);
        examined.findings.push(Finding::PlaceShared { others });
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
