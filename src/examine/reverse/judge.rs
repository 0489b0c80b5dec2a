//! From what arrived to a verdict on the way back, with its one sentence.

use std::time::Duration;

use crate::model::{PacketSize, Reverse, ReverseVerdict};

use super::arrivals::{Arrivals, Resent};

/// All that the first connection drew has arrived.
pub(super) fn drawn(arrivals: &Arrivals) -> Reverse {
    let largest = arrivals.largest();
    if arrivals.in_fragments() {
        let why = "the server's packets arrive in fragments: it lets routers cut them, so no size is lost";
        return reverse(ReverseVerdict::Clear, largest, Some(why.into()));
    }
    if arrivals.has_full() {
        return reverse(ReverseVerdict::Clear, largest, None);
    }
    if arrivals.keeps_below() {
        let why = format!(
            "the server keeps its packets to {} bytes, less than both ends announced: it knows the path, or something \
             lowered the MSS on the way",
            bytes(largest)
        );
        return reverse(ReverseVerdict::Clear, largest, Some(why));
    }
    let why = format!(
        "the longest reply that could be drawn, of {} bytes, fills no packet of full size",
        arrivals.longest_reply()
    );
    reverse(ReverseVerdict::Untested, largest, Some(why))
}

/// Missing bytes came in smaller packets, `after` they were asked for.
pub(super) fn resent(resent: Resent, is_told: bool, after: Duration, arrivals: &Arrivals, is_lossy: bool) -> Reverse {
    if is_told {
        return reverse(ReverseVerdict::Discoverable, arrivals.largest().max(Some(resent.size)), None);
    }
    if is_lossy && !resent.is_searched() {
        let why = format!(
            "the server lowered its packets after {:.1} s, told by a router or by itself: too many packets are lost to say",
            after.as_secs_f64()
        );
        return doubtful(why, arrivals.largest());
    }
    Reverse { recovered_after: Some(after), ..reverse(ReverseVerdict::Recovers, arrivals.largest(), None) }
}

/// Nothing more can be drawn out of the server.
pub(super) fn unwilling(why: String, arrivals: &Arrivals) -> Reverse {
    if arrivals.has_full() {
        return drawn(arrivals);
    }
    reverse(ReverseVerdict::Untested, arrivals.largest(), Some(why))
}

/// Large packets never came, while a connection that allows only small ones got everything.
pub(super) fn hole(watched: Duration, answers: u32) -> Reverse {
    let why = format!(
        "the server's large packets did not arrive within {:.0} s, though it answered {answers} small ones meanwhile and the \
         same bytes came in small packets on another connection",
        watched.as_secs_f64()
    );
    reverse(ReverseVerdict::BlackHole, None, Some(why))
}

/// The evidence is too thin.
pub(super) fn doubtful(why: String, largest: Option<PacketSize>) -> Reverse {
    reverse(ReverseVerdict::Inconclusive, largest, Some(why))
}

/// There was nothing to see.
pub(in super::super) fn untested(why: impl Into<String>) -> Reverse {
    reverse(ReverseVerdict::Untested, None, Some(why.into()))
}

fn reverse(verdict: ReverseVerdict, path_mtu: Option<PacketSize>, reason: Option<String>) -> Reverse {
    Reverse { verdict, path_mtu, first_lost_size: None, reason, recovered_after: None }
}

fn bytes(size: Option<PacketSize>) -> String {
    size.map_or_else(|| "few".into(), |size| size.to_string())
}
