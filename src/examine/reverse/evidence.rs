//! What the verdict on the way back is made of: plain values, gathered once.

use std::time::Duration;

use crate::model::{PacketSize, Unwillingness};

use super::arrivals::ArrivalLog;
use super::chance::Chance;
use super::small_segments::SmallSegments;

/// The evidence when the watch ends.
#[derive(Clone, Debug)]
pub(super) struct ReverseEvidence<'a> {
    pub(super) end: WatchEnd,
    pub(super) first: FetchEvidence<'a>,
    /// A connection like the first one, where there is one and all has arrived on it.
    pub(super) again: Option<FetchEvidence<'a>>,
    pub(super) small_segments: &'a SmallSegments,
    /// The largest size that arrived, and the smallest that did not.
    pub(super) passes: Option<PacketSize>,
    pub(super) lost: Option<PacketSize>,
    /// Whether chance explains that large packets stay away, on all connections.
    pub(super) by_chance: Chance,
    /// How long after it was asked the server went over to smaller packets by itself on a connection beside the first.
    pub(super) recovered_beside: Option<Duration>,
    /// The test of PTBs: the MTU told, and whether the server obeys.
    pub(super) ptb_test: Option<(PacketSize, bool)>,
    /// The MTU that the server was told where large packets stay away.
    pub(super) told: Option<PacketSize>,
    /// Whether the server sends IPv4 packets without DF.
    pub(super) is_without_df: bool,
}

/// What a connection of full segments has shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct FetchEvidence<'a> {
    pub(super) arrivals: &'a ArrivalLog,
    /// How long after it was asked the first missing byte came in a smaller packet.
    pub(super) lowered_after: Option<Duration>,
    /// Whether packets of any size are lost on the path.
    pub(super) is_lossy: bool,
    /// How long ago bytes began to be missing, even if they have come since.
    pub(super) watched: Duration,
    /// How often the server answered although bytes were missing.
    pub(super) answers_while_stalled: u32,
    pub(super) round_trip: Duration,
    /// The largest size whose echo replies arrive whole, once it is known to the byte.
    pub(super) exact_by_echo: Option<PacketSize>,
}

/// Why the watch is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WatchEnd {
    /// All that the server has to send has arrived.
    Complete,
    /// There is nothing to be had, for this reason.
    Unavailable(Unwillingness),
    /// The server did not finish its greeting or a reply in this time.
    TooSlow { awaits_greeting: bool, after: Duration },
    /// Too many packets are lost to say whether the server is slow.
    TooLossy,
    /// Large packets stay away, and all time is over.
    StillMissing,
    /// The run ended: the first connection was complete, stalled for this long, or neither.
    Interrupted(InterruptedFetch),
}

/// How the first connection stood when the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InterruptedFetch {
    Complete,
    Stalled(Duration),
    Waiting,
}
