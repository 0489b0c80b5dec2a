//! Where large packets end, as far as it is known: what the text, the advice and the letter say in their own words.

use std::net::IpAddr;

use super::words::with_name;
use crate::model::{AddressReport, HopNames, LocationPoint, PtbFault, Ttl};

/// A point on the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// This host.
    Here,
    /// A router that answered.
    Hop(Option<Ttl>, IpAddr),
    /// The address examined.
    Target,
}

/// Where large packets end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a router that says so itself.
    At(Point),
    /// Somewhere between the last point that they reach and the first that they do not.
    Between {
        /// The last point that they reach.
        last: Point,
        /// The first point that they do not reach, or the target where no point before it is known.
        next: Point,
        /// Hops between the two that do not answer; `None`: how many is not known.
        hidden: Option<u8>,
    },
}

/// The place, if anything is known of it.
pub(crate) fn place_of(report: &AddressReport) -> Option<Place> {
    let location = report.examined.location.as_ref()?;
    let point = |point: &LocationPoint| match point.ttl {
        Some(Ttl(0)) => Point::Here,
        _ if point.address == report.address => Point::Target,
        ttl => Point::Hop(ttl.or_else(|| ttl_of(report, point.address)), point.address),
    };
    let (last, next) = (location.last_hop.as_ref(), location.next_hop.as_ref());
    if last.is_none() && next.is_none() {
        return None;
    }
    if let Some(sender) = last.filter(|last| reports_it(report, last.address)) {
        return Some(Place::At(point(sender)));
    }
    let distance = |end: Option<&LocationPoint>| end.and_then(|end| end.ttl).map(|ttl| ttl.0);
    let from = if last.is_some() { distance(last) } else { Some(0) };
    let hidden = from.zip(distance(next)).map(|(from, to)| to.saturating_sub(from).saturating_sub(1));
    Some(Place::Between { last: last.map_or(Point::Here, point), next: next.map_or(Point::Target, point), hidden })
}

/// Whether the router itself reports that packets are too big for it.
fn reports_it(report: &AddressReport, router: IpAddr) -> bool {
    report.examined.ptb.iter().any(|ptb| ptb.from == router && ptb.fault != Some(PtbFault::BadChecksum))
}

/// The next hop of the route is the first hop, even where its own "time exceeded" does not arrive.
fn ttl_of(report: &AddressReport, address: IpAddr) -> Option<Ttl> {
    if report.here.gateway == Some(address) {
        return Some(Ttl(1));
    }
    report.examined.hops.iter().find(|hop| hop.address == Some(address)).map(|hop| hop.ttl)
}

impl Place {
    /// Whether it is known which router is the one.
    pub(crate) fn is_exact(self) -> bool {
        matches!(self, Self::At(_) | Self::Between { hidden: Some(0), .. })
    }

    /// In English, after "packets vanish".
    pub(crate) fn words(self) -> String {
        self.words_by(Point::words)
    }

    /// The same, with what the DNS says of the hops.
    pub(crate) fn words_with(self, names: &HopNames) -> String {
        self.words_by(|point| point.words_with(names))
    }

    fn words_by(self, words: impl Fn(Point) -> String) -> String {
        match self {
            Self::At(point) => format!("at {}", words(point)),
            Self::Between { last, next, .. } => format!("between {} and {}", words(last), words(next)),
        }
    }
}

impl Point {
    /// "hop 2 (10.0.2.2)".
    pub(crate) fn words(self) -> String {
        match self {
            Self::Here => "this host".into(),
            Self::Hop(Some(Ttl(ttl)), address) => format!("hop {ttl} ({address})"),
            Self::Hop(None, address) => address.to_string(),
            Self::Target => "the target".into(),
        }
    }

    fn words_with(self, names: &HopNames) -> String {
        match self {
            Self::Hop(Some(Ttl(ttl)), address) => format!("hop {ttl} ({})", with_name(address, names)),
            Self::Hop(None, address) => with_name(address, names),
            Self::Here | Self::Target => self.words(),
        }
    }

    /// How far away it is; 0 is this host.
    pub(crate) fn distance(self) -> Option<u8> {
        match self {
            Self::Here => Some(0),
            Self::Hop(ttl, _) => ttl.map(|ttl| ttl.0),
            Self::Target => None,
        }
    }
}
