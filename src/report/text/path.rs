//! The path on a few lines: `==>` carries large packets, `--1400-->` is the link where they end, `-->` lies beyond it.

use std::net::IpAddr;
use std::ops::Range;

use crate::model::{AddressReport, PacketSize, Ttl};
use crate::report::layout::columns;
use crate::report::place::{Place, Point, place_of};
use crate::report::words::with_network;

/// The hops from this host to the target, with the link where large packets end marked. Nothing known, nothing drawn.
///
/// A hop that hides is `*`. Where more than one link may be the one, each carries a question mark. Lines of at most `width`
/// columns break before an arrow.
pub(super) fn draw(report: &AddressReport, drawing: Drawing, width: usize) -> Vec<String> {
    let mut lines = draw_steps(report, MOST_STEPS, width);
    if drawing == Drawing::Short && lines.len() > FEW_LINES {
        lines = draw_steps(report, FEWEST_STEPS, width);
    }
    lines
}

/// How much of the path is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawing {
    /// Where addresses are long, little but the place itself.
    Short,
    /// What is near the place as well.
    Long,
}

/// More lines than this are too many for a first look.
const FEW_LINES: usize = 4;
/// A path that is cut short has at least these: the hops before the place, what follows it, the target.
const FEWEST_STEPS: usize = 3;

fn draw_steps(report: &AddressReport, most: usize, width: usize) -> Vec<String> {
    let Some(place) = place_of(report) else { return Vec::new() };
    let stations = stations(report, place);
    let suspects = suspects(&stations, place);
    let doubt = if suspects.len() > 1 { "?" } else { "" };
    let limit = report.examined.path_mtu.as_ref().map_or_else(String::new, PacketSize::to_string);
    let arrow = |link: usize| match link {
        link if suspects.contains(&link) => format!("--{limit}{doubt}-->"),
        link if link < suspects.start => "==>".into(),
        _ => "-->".into(),
    };
    let steps = stations.iter().skip(1).enumerate().map(|(link, station)| (arrow(link), *station)).collect();
    let mut lines = vec![Station::Known(Point::Here).words(report)];
    for (arrow, station) in shortened(steps, &suspects, most) {
        let step = format!("{arrow} {}", station.words(report));
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(&step) <= width => {
                line.push(' ');
                line.push_str(&step);
            }
            _ => lines.push(step),
        }
    }
    lines
}

/// More than this many steps are too many to read; `-v` lists all hops.
const MOST_STEPS: usize = 8;

/// On a longer path, the first hop and what is near the place stay; hops between them become one step. Where next to no steps are
/// wanted, the place alone stays.
fn shortened(steps: Vec<(String, Station)>, suspects: &Range<usize>, most: usize) -> Vec<(String, Station)> {
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
    let mut kept: Vec<(String, Station)> = Vec::new();
    let mut open = false;
    for (index, (arrow, station)) in steps.into_iter().enumerate() {
        let span = station.span().filter(|_| index >= first && index < last && !near.contains(&index));
        match (kept.last_mut(), span) {
            (Some((_, Station::Several(_, end))), Some((_, to))) if open => *end = to,
            (_, Some((from, to))) => kept.push((arrow, Station::Several(from, to))),
            (_, None) => kept.push((arrow, station)),
        }
        open = span.is_some();
    }
    kept
}

/// What the path leads through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Station {
    Known(Point),
    /// Hops that do not answer, the first and the last of them.
    Hidden(u8, u8),
    /// Hops of which nothing is known, not even how many.
    Unknown,
    /// Hops that are not shown one by one, the first and the last of them.
    Several(u8, u8),
}

impl Station {
    fn words(self, report: &AddressReport) -> String {
        match self {
            Self::Known(Point::Here) => "this host".into(),
            Self::Known(Point::Hop(Some(Ttl(ttl)), address)) => {
                format!("{ttl} {}", with_network(address, &report.names))
            }
            Self::Known(Point::Hop(None, address)) => with_network(address, &report.names),
            Self::Known(Point::Target) => report.address.to_string(),
            Self::Several(first, last) if first == last => format!("{first}"),
            Self::Several(first, last) => format!("{first}-{last}"),
            Self::Hidden(first, last) if first == last => format!("{first} *"),
            Self::Hidden(first, last) => format!("{first}-{last} *"),
            Self::Unknown => "...".into(),
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
