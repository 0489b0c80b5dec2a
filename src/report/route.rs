//! The path as a chain of stations and links, with the link where large packets end marked: what drawings are made of.

use std::net::IpAddr;
use std::ops::Range;

use super::place::{Place, Point, place_of};
use super::words::with_network;
use crate::model::{AddressReport, Ttl};

/// The way from this host to the target.
pub(crate) struct Route {
    /// What follows this host, the target at the end.
    steps: Vec<Step>,
    /// The links that may be the one.
    suspects: Range<usize>,
}

/// A link, and what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) link: Link,
    pub(crate) station: Station,
}

/// What becomes of large packets on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It carries them.
    Carries,
    /// They end here; `is_in_doubt`: or on another link of which the same is said.
    Ends { is_in_doubt: bool },
    /// They do not get this far.
    Beyond,
}

/// What the path leads through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Station {
    Known(Point),
    /// Hops that do not answer, the first and the last of them.
    Hidden(u8, u8),
    /// Hops of which nothing is known, not even how many.
    Unknown,
    /// Hops that are not shown one by one, the first and the last of them.
    Several(u8, u8),
}

/// A path that is cut short has at least these: the hops before the place, what follows it, the target.
pub(crate) const FEWEST_STEPS: usize = 3;
/// More than this many steps are too many to read; `-v` lists all hops.
pub(crate) const MOST_STEPS: usize = 8;

impl Route {
    /// `None` where it is not known where large packets end.
    pub(crate) fn of(report: &AddressReport) -> Option<Self> {
        let place = place_of(report)?;
        let stations = stations(report, place);
        let suspects = suspects(&stations, place);
        let link = |link: usize| match link {
            link if suspects.contains(&link) => Link::Ends { is_in_doubt: suspects.len() > 1 },
            link if link < suspects.start => Link::Carries,
            _ => Link::Beyond,
        };
        let steps = stations.into_iter().skip(1).enumerate();
        Some(Self { steps: steps.map(|(at, station)| Step { link: link(at), station }).collect(), suspects })
    }

    /// On a longer path, the first hop and what is near the place stay; hops between them become one step. Where next to no steps are
    /// wanted, the place alone stays.
    pub(crate) fn shortened(self, most: usize) -> Vec<Step> {
        let Self { steps, suspects } = self;
        if steps.len() <= most {
            return steps;
        }
        let last = steps.len() - 1;
        let is_short = most <= FEWEST_STEPS;
        let near = if is_short {
            suspects.start.saturating_sub(1)..suspects.end
        } else {
            suspects.start.saturating_sub(2)..suspects.end + 1
        };
        let first = usize::from(!is_short);
        let mut kept: Vec<Step> = Vec::new();
        let mut open = false;
        for (index, Step { link, station }) in steps.into_iter().enumerate() {
            let span = station.span().filter(|_| index >= first && index < last && !near.contains(&index));
            match (kept.last_mut(), span) {
                (Some(Step { station: Station::Several(_, end), .. }), Some((_, to))) if open => *end = to,
                (_, Some((from, to))) => kept.push(Step { link, station: Station::Several(from, to) }),
                (_, None) => kept.push(Step { link, station }),
            }
            open = span.is_some();
        }
        kept
    }
}

impl Station {
    /// Its number and its address.
    pub(crate) fn words(self, report: &AddressReport) -> String {
        [self.number(), self.name(report)].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// How far away it is: `3`, or `3-5`.
    pub(crate) fn number(self) -> Option<String> {
        let (first, last) = self.span()?;
        Some(if first == last { first.to_string() } else { format!("{first}-{last}") })
    }

    /// Its address, and signs for what is not known. `None`: it has several, and they are not shown.
    pub(crate) fn name(self, report: &AddressReport) -> Option<String> {
        match self {
            Self::Known(Point::Here) => Some("this host".into()),
            Self::Known(Point::Hop(_, address)) => Some(with_network(address, &report.names)),
            Self::Known(Point::Target) => Some(report.address.to_string()),
            Self::Several(..) => None,
            Self::Hidden(..) => Some("*".into()),
            Self::Unknown => Some("...".into()),
        }
    }

    /// The distances that it stands for, if they are known.
    fn span(self) -> Option<(u8, u8)> {
        match self {
            Self::Known(Point::Hop(Some(Ttl(ttl)), _)) => Some((ttl, ttl)),
            Self::Hidden(first, last) | Self::Several(first, last) => Some((first, last)),
            Self::Known(_) | Self::Unknown => None,
        }
    }
}

/// From this host to the target: the hops seen, and the ends of the place if they are not among them.
fn stations(report: &AddressReport, place: Place) -> Vec<Station> {
    let (ends, target_ttl) = match place {
        Place::At(sender) => ([Some(sender), None], None),
        Place::Between { last, next, hidden } => {
            let target_ttl =
                hidden.filter(|_| next == Point::Target).and_then(|hidden| Some(last.distance()? + hidden + 1));
            ([Some(last), Some(next)], target_ttl)
        }
    };
    let mut hops: Vec<(u8, IpAddr)> =
        report.examined.hops.iter().filter_map(|hop| Some((hop.ttl.0, hop.address?))).collect();
    hops.extend(ends.into_iter().flatten().filter_map(|end| match end {
        Point::Hop(Some(ttl), address) => Some((ttl.0, address)),
        _ => None,
    }));
    hops.retain(|(_, address)| *address != report.address);
    hops.sort_unstable();
    hops.dedup_by_key(|(ttl, _)| *ttl);

    let mut stations = vec![Station::Known(Point::Here)];
    let mut reached = 0;
    for (ttl, address) in hops {
        stations.extend(gap(reached, ttl));
        stations.push(Station::Known(Point::Hop(Some(Ttl(ttl)), address)));
        reached = ttl;
    }
    if let Some(sender @ Point::Hop(None, _)) = ends[0] {
        stations.extend([Station::Unknown, Station::Known(sender)]);
    }
    match target_ttl {
        Some(target) => stations.extend(gap(reached, target)),
        None => stations.push(Station::Unknown),
    }
    stations.push(Station::Known(Point::Target));
    stations
}

/// The hops between two that answer.
fn gap(reached: u8, next: u8) -> Option<Station> {
    (next > reached + 1).then(|| Station::Hidden(reached + 1, next - 1))
}

/// The links that may be the one: link `n` leads from station `n` to the next.
fn suspects(stations: &[Station], place: Place) -> Range<usize> {
    let at = |point: Point| stations.iter().position(|station| *station == Station::Known(point));
    match place {
        Place::At(sender) => at(sender).map_or(0..0, |sender| sender..sender + 1),
        Place::Between { last, next, .. } => at(last).unwrap_or(0)..at(next).unwrap_or(stations.len() - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(ttl: u8) -> Point {
        Point::Hop(Some(Ttl(ttl)), IpAddr::from([10, 0, ttl, 2]))
    }

    #[test]
    fn a_gap_is_one_station() {
        assert_eq!(gap(0, 1), None);
        assert_eq!(gap(1, 3), Some(Station::Hidden(2, 2)));
        assert_eq!(gap(1, 5), Some(Station::Hidden(2, 4)));
    }

    #[test]
    fn every_link_between_the_ends_is_suspect_and_no_other() {
        let known = Station::Known;
        let path = [known(Point::Here), known(hop(1)), Station::Hidden(2, 2), known(hop(3)), known(Point::Target)];
        let between = |last, next| suspects(&path, Place::Between { last, next, hidden: None });
        assert_eq!(between(hop(1), hop(3)), 1..3);
        assert_eq!(between(hop(3), Point::Target), 3..4);
        assert_eq!(between(Point::Here, hop(1)), 0..1);
        assert_eq!(suspects(&path, Place::At(hop(1))), 1..2);
    }
}
