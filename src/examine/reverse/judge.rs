//! From what arrived to a verdict on the way back, with its reason.

use std::time::Duration;

use crate::model::{PacketSize, Reverse, ReverseReason, ReverseVerdict, Unwillingness};

use super::arrivals::{Arrivals, Resent};

/// All that the first connection drew has arrived.
pub(super) fn drawn(arrivals: &Arrivals) -> Reverse {
    let largest = arrivals.largest();
    if arrivals.in_fragments() {
        return reverse(ReverseVerdict::Clear, largest, Some(ReverseReason::InFragments));
    }
    if arrivals.has_full() {
        return reverse(ReverseVerdict::Clear, largest, None);
    }
    if arrivals.keeps_below() {
        return reverse(ReverseVerdict::Clear, largest, Some(ReverseReason::KeepsBelow { largest }));
    }
    let why = ReverseReason::RepliesTooShort { longest: arrivals.longest_reply() };
    reverse(ReverseVerdict::Untested, largest, Some(why))
}

/// Missing bytes came in smaller packets, `after` they were asked for.
pub(super) fn resent(resent: Resent, is_told: bool, after: Duration, arrivals: &Arrivals, is_lossy: bool) -> Reverse {
    if is_told {
        return reverse(ReverseVerdict::Discoverable, arrivals.largest().max(Some(resent.size)), None);
    }
    if is_lossy && !resent.is_searched() {
        return doubtful(ReverseReason::LoweredAfter { after }, arrivals.largest());
    }
    Reverse { recovered_after: Some(after), ..reverse(ReverseVerdict::Recovers, arrivals.largest(), None) }
}

/// Nothing more can be drawn out of the server.
pub(super) fn unwilling(why: Unwillingness, arrivals: &Arrivals) -> Reverse {
    if arrivals.has_full() {
        return drawn(arrivals);
    }
    reverse(ReverseVerdict::Untested, arrivals.largest(), Some(ReverseReason::Unwilling(why)))
}

/// Large packets never came, while a connection that allows only small ones got everything.
pub(super) fn hole(watched: Duration, answers: u32) -> Reverse {
    reverse(ReverseVerdict::BlackHole, None, Some(ReverseReason::Missing { watched, answers }))
}

/// The evidence is too thin.
pub(super) fn doubtful(why: ReverseReason, largest: Option<PacketSize>) -> Reverse {
    reverse(ReverseVerdict::Inconclusive, largest, Some(why))
}

/// There was nothing to see.
pub(in super::super) fn untested(why: ReverseReason) -> Reverse {
    reverse(ReverseVerdict::Untested, None, Some(why))
}

fn reverse(verdict: ReverseVerdict, path_mtu: Option<PacketSize>, reason: Option<ReverseReason>) -> Reverse {
    Reverse { verdict, path_mtu, first_lost_size: None, reason, recovered_after: None }
}
