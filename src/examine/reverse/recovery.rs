//! How long the first connection is watched: whether it stalls, and whether the server finds its way out by itself.

use std::time::Duration;

use crate::model::{Timestamp, Unwillingness};

use super::conversation::ReplyStatus;
use super::fetch::Fetch;
use super::setup::Setup;
use super::timers::{ReverseTimer, ReverseTimers};

/// The times of the first connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecoveryWatch {
    began: Timestamp,
    /// A lost packet has come again by then.
    suspicion: Duration,
    /// A server that is this slow is not waited for.
    slow: Duration,
}

/// How the first connection fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FirstFetch {
    /// Something is on the way.
    Waiting,
    /// The server sent what does not arrive, and a lost packet would have come again by now.
    Stalled(StallAge),
    /// All that the server has to send has arrived.
    Complete,
    /// There is nothing to be had, for this reason.
    Unavailable(Unwillingness),
    /// The server does not finish its reply, and nothing is known to be missing.
    TooSlow,
    /// Whether the server is slow, or its words and ours are lost, cannot be told.
    TooLossy,
}

/// How long a stall has lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StallAge {
    /// Where packets of any size are lost, what is missing may still come.
    Young,
    /// The server may recover.
    Watched,
    /// It has had its time, and the sizes get some more.
    Overtime,
    /// All time is over.
    Over,
}

/// How long the first connection is watched: six time-outs of a server that begins with 200 ms, of which the fourth makes
/// Linux try small segments (`tcp_mtu_probing`), at 3.2 s.
const WATCH: Duration = Duration::from_secs(15);
/// The same with what the sizes may take beyond.
const LONGEST_WATCH: Duration = Duration::from_secs(15 + 6);
/// The same where packets of any size are lost, as further connections begin later then and have to be watched as long.
const LONGEST_WATCH_IN_LOSS: Duration = Duration::from_secs(15 + 12);
/// Losses of many packets in a row are repaired by then.
const DOUBTFUL: Duration = Duration::from_secs(1);
/// A server that dawdles so long is not waited for. The delay of postscreen is 6 s.
const SLOW: Duration = Duration::from_secs(8);
/// The same where the way back is all that was asked for.
const SLOW_BACK_ONLY: Duration = Duration::from_secs(20);
/// Of that, so long it has had all that was said: what was spent on lost packets is not the server's.
const SILENT: Duration = Duration::from_secs(3);
/// A loss is repaired by then.
const REPAIRED: Duration = Duration::from_millis(350);

/// How patient the watch has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Usual,
    /// Packets of any size are lost.
    InLoss,
}

impl Patience {
    pub(super) fn on(is_lossy: bool) -> Self {
        if is_lossy { Self::InLoss } else { Self::Usual }
    }

    /// How long the first connection is watched, with what the sizes may take beyond.
    pub(super) fn longest_watch(self) -> Duration {
        match self {
            Self::Usual => LONGEST_WATCH,
            Self::InLoss => LONGEST_WATCH_IN_LOSS,
        }
    }
}

impl RecoveryWatch {
    pub(super) fn new(setup: &Setup, now: Timestamp) -> Self {
        let slow = if setup.plan().direction.is_forward() { SLOW } else { SLOW_BACK_ONLY };
        Self { began: now, suspicion: REPAIRED.max(setup.round_trip() * 3), slow }
    }

    /// How long a server may dawdle.
    pub(super) fn slow(&self) -> Duration {
        self.slow
    }

    /// How the first connection fares now.
    pub(super) fn state(&self, first: &Fetch, patience: Patience, now: Timestamp) -> FirstFetch {
        match (first.status(), first.stalled_since()) {
            (ReplyStatus::Complete, _) => FirstFetch::Complete,
            (ReplyStatus::Unavailable(why), _) => FirstFetch::Unavailable(why),
            (ReplyStatus::Awaited, Some(since)) if now >= since + self.suspicion => {
                FirstFetch::Stalled(match now.since(since) {
                    age if age < DOUBTFUL => StallAge::Young,
                    age if age < WATCH => StallAge::Watched,
                    age if age < patience.longest_watch() => StallAge::Overtime,
                    _ => StallAge::Over,
                })
            }
            (ReplyStatus::Awaited, None) if self.is_slow(first, patience, now) => FirstFetch::TooSlow,
            (ReplyStatus::Awaited, None) if now >= self.began + self.slow + LONGEST_WATCH => FirstFetch::TooLossy,
            (ReplyStatus::Awaited, _) => FirstFetch::Waiting,
        }
    }

    /// Where packets of any size are lost, the server has to say so when its time is over: what it said may be lost before.
    fn is_slow(&self, first: &Fetch, patience: Patience, now: Timestamp) -> bool {
        let over = self.began + self.slow;
        let is_said = patience == Patience::Usual || first.exchange().heard() >= over;
        now >= over && is_said && first.exchange().keeps_waiting_for(SILENT, now)
    }

    /// Whether the sizes may take longer, after the server has recovered.
    pub(super) fn may_search_on(&self, patience: Patience, now: Timestamp) -> bool {
        now < self.began + patience.longest_watch()
    }

    pub(super) fn enter_timers(&self, first: &Fetch, timers: &mut ReverseTimers) {
        if let Some(since) = first.stalled_since() {
            timers.enter(ReverseTimer::StallSuspected, since + self.suspicion);
            timers.enter(ReverseTimer::Doubtful, since + DOUBTFUL);
            timers.enter(ReverseTimer::Recovery, since + WATCH);
            timers.enter(ReverseTimer::Sizes, since + LONGEST_WATCH);
            timers.enter(ReverseTimer::SizesInLoss, since + LONGEST_WATCH_IN_LOSS);
        }
        timers.enter(ReverseTimer::SlowServer, self.began + self.slow);
        if let Some(since) = first.exchange().understood() {
            timers.enter(ReverseTimer::SilentServer, since + SILENT);
        }
        timers.enter(ReverseTimer::LossyServer, self.began + self.slow + LONGEST_WATCH);
        timers.enter(ReverseTimer::SizesAfterRecovery, self.began + LONGEST_WATCH);
        timers.enter(ReverseTimer::SizesAfterRecovery, self.began + LONGEST_WATCH_IN_LOSS);
    }
}
