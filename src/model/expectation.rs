//! What an address is expected to be, and in what it differs.

use std::fmt;

use super::report::{Cause, Examined, ReverseVerdict, Verdict};
use super::size::PacketSize;

/// What was asked for by words: verdicts and sizes that are no news.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Of the way there; empty: it was not spoken of.
    pub verdicts: Vec<Verdict>,
    /// Of the way back; empty: it was not spoken of.
    pub reverse: Vec<ReverseVerdict>,
    /// Of the path MTU of the way there.
    pub path_mtu: Option<SizeRange>,
}

/// What an earlier run found of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownState {
    /// The verdict on the way there.
    pub verdict: Verdict,
    /// Its cause.
    pub cause: Option<Cause>,
    /// Largest packet proven to pass.
    pub path_mtu: Option<PacketSize>,
    /// Whether a router's message was faulty, and served all the same.
    pub has_router_fault: bool,
    /// Whether the port was known to take no connections.
    pub takes_no_connections: bool,
    /// The verdict on the way back.
    pub reverse: ReverseVerdict,
    /// Largest packet seen from there.
    pub reverse_mtu: Option<PacketSize>,
}

/// A range of sizes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeRange {
    /// The smallest; `None`: any.
    pub least: Option<PacketSize>,
    /// The largest; `None`: any.
    pub most: Option<PacketSize>,
}

/// What an address is held against.
#[derive(Clone, Copy, Debug)]
pub enum Standard<'a> {
    /// What was asked for.
    Asked(&'a Expectation),
    /// What an earlier run found.
    Known(&'a KnownState),
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The verdict on the way there.
    Verdict {
        /// What it is.
        now: Verdict,
        /// What it should be.
        expected: Expected<Verdict>,
    },
    /// The cause of the same verdict.
    Cause {
        /// What it is.
        now: Option<Cause>,
        /// What it was.
        was: Option<Cause>,
    },
    /// The path MTU of the way there.
    PathMtu {
        /// What it is.
        now: Option<PacketSize>,
        /// What it should be.
        expected: ExpectedSize,
    },
    /// Whether the port takes connections.
    Connections {
        /// Whether it takes them now.
        now: bool,
    },
    /// A router's message is faulty, and serves all the same: a fault beside a verdict that by itself is none.
    RouterFault,
    /// The verdict on the way back.
    Reverse {
        /// What it is.
        now: ReverseVerdict,
        /// What it should be.
        expected: Expected<ReverseVerdict>,
    },
    /// Where the hole on the way back begins.
    ReverseMtu {
        /// What it is.
        now: Option<PacketSize>,
        /// What it was.
        was: Option<PacketSize>,
    },
}

/// What a verdict should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected<T> {
    /// One of these.
    OneOf(Vec<T>),
    /// What it was.
    Was(T),
    /// No fault: nobody spoke of it.
    NoFault,
}

/// What a size should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedSize {
    /// One of these.
    Within(SizeRange),
    /// What it was.
    Was(Option<PacketSize>),
}

/// The changes of both ways. `None`: the standard says nothing of the ways that were examined.
pub(super) fn compare(examined: &Examined, standard: Standard<'_>) -> Option<Vec<Change>> {
    match standard {
        Standard::Asked(expectation) => expectation.compare(examined),
        Standard::Known(known) => known.compare(examined),
    }
}

impl Change {
    pub(super) fn is_of_the_way_back(&self) -> bool {
        matches!(self, Self::Reverse { .. } | Self::ReverseMtu { .. })
    }
}

impl Expectation {
    /// Whether it expects nothing at all.
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty() && self.reverse.is_empty() && self.path_mtu.is_none()
    }

    /// Whether it speaks of the way there.
    pub fn is_of_the_way_there(&self) -> bool {
        !self.verdicts.is_empty() || self.path_mtu.is_some()
    }

    fn compare(&self, examined: &Examined) -> Option<Vec<Change>> {
        let there = examined.direction.is_forward() && self.is_of_the_way_there();
        let back = examined.direction.is_reverse() && !self.reverse.is_empty();
        if !there && !back {
            return None;
        }
        let mut changes = self.changes_there(examined);
        changes.extend(self.change_back(examined));
        Some(changes)
    }

    fn changes_there(&self, examined: &Examined) -> Vec<Change> {
        let now = examined.verdict;
        let mut changes = Vec::new();
        let is_asked_for = self.verdicts.contains(&now);
        let closes = examined.takes_no_connections() && !(is_asked_for && now == Verdict::Unreachable);
        if !examined.direction.is_forward() {
            changes.extend(closes.then_some(Change::Connections { now: false }));
            return changes;
        }
        if !self.verdicts.is_empty() && !is_asked_for {
            changes.push(Change::Verdict { now, expected: Expected::OneOf(self.verdicts.clone()) });
        }
        if self.verdicts.is_empty() && now.is_fault() {
            changes.push(Change::Verdict { now, expected: Expected::NoFault });
        }
        if self.verdicts.is_empty() && examined.has_survivable_fault() {
            changes.push(Change::RouterFault);
        }
        changes.extend(closes.then_some(Change::Connections { now: false }));
        if let Some(range) = self.path_mtu {
            let is_within = match examined.path_mtu {
                Some(size) => range.contains(size),
                // It has none, and that is said or was asked for.
                None => matches!(now, Verdict::Unreachable | Verdict::Inconclusive),
            };
            if !is_within {
                let expected = ExpectedSize::Within(range);
                changes.push(Change::PathMtu { now: examined.path_mtu, expected });
            }
        }
        changes
    }

    fn change_back(&self, examined: &Examined) -> Option<Change> {
        let now = examined.reverse.verdict;
        let expected = match self.reverse.as_slice() {
            _ if !examined.direction.is_reverse() || is_out_of_sight(examined) => return None,
            [] if examined.code_back() == 0 => return None,
            [] => Expected::NoFault,
            words if words.contains(&now) => return None,
            words => Expected::OneOf(words.to_vec()),
        };
        Some(Change::Reverse { now, expected })
    }
}

impl KnownState {
    /// A way of which the earlier run knew nothing is judged as if nothing were known: no fault is expected of it.
    fn compare(&self, examined: &Examined) -> Option<Vec<Change>> {
        let there = examined.direction.is_forward() && self.verdict != Verdict::Inconclusive;
        let is_known_back = !matches!(self.reverse, ReverseVerdict::Untested | ReverseVerdict::Inconclusive);
        let back = examined.direction.is_reverse() && is_known_back;
        if !there && !back {
            return None;
        }
        let mut changes =
            if there { self.changes_there(examined) } else { Expectation::default().changes_there(examined) };
        if back {
            changes.extend(self.changes_back(examined));
        } else {
            changes.extend(Expectation::default().change_back(examined));
        }
        Some(changes)
    }

    fn changes_there(&self, examined: &Examined) -> Vec<Change> {
        let mut changes = Vec::new();
        let closes = examined.takes_no_connections();
        if examined.verdict != self.verdict {
            changes.push(Change::Verdict { now: examined.verdict, expected: Expected::Was(self.verdict) });
        } else if examined.cause != self.cause {
            changes.push(Change::Cause { now: examined.cause, was: self.cause });
        }
        if examined.verdict == self.verdict && examined.has_survivable_fault() && !self.has_router_fault {
            changes.push(Change::RouterFault);
        }
        if examined.path_mtu != self.path_mtu {
            changes.push(Change::PathMtu { now: examined.path_mtu, expected: ExpectedSize::Was(self.path_mtu) });
        }
        if closes != self.takes_no_connections {
            changes.push(Change::Connections { now: !closes });
        }
        changes
    }

    /// Of sizes only where a hole begins: what else a server sends depends on what it has to say.
    fn changes_back(&self, examined: &Examined) -> Option<Change> {
        let back = &examined.reverse;
        if is_out_of_sight(examined) {
            return None;
        }
        if back.verdict != self.reverse {
            return Some(Change::Reverse { now: back.verdict, expected: Expected::Was(self.reverse) });
        }
        let moves = back.verdict == ReverseVerdict::BlackHole && back.path_mtu != self.reverse_mtu;
        moves.then_some(Change::ReverseMtu { now: back.path_mtu, was: self.reverse_mtu })
    }
}

/// Whether nothing of the way back could be seen, for a reason that is told of the way there.
fn is_out_of_sight(examined: &Examined) -> bool {
    let is_told =
        matches!(examined.verdict, Verdict::Unreachable | Verdict::Inconclusive) || examined.takes_no_connections();
    examined.reverse.verdict == ReverseVerdict::Untested && examined.direction.is_forward() && is_told
}

impl Verdict {
    fn is_fault(self) -> bool {
        !matches!(self, Self::Clear | Self::Discoverable)
    }
}

impl SizeRange {
    /// Whether a size lies in it.
    pub fn contains(self, size: PacketSize) -> bool {
        self.least.is_none_or(|least| size >= least) && self.most.is_none_or(|most| size <= most)
    }
}

/// As it is typed.
impl fmt::Display for SizeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (Some(least), Some(most)) if least == most => write!(f, "{least}"),
            (least, most) => {
                let end = |size: Option<PacketSize>| size.map_or_else(String::new, |size| size.to_string());
                write!(f, "{}:{}", end(least), end(most))
            }
        }
    }
}
