//! With `--ptb-test`, where large packets never arrive: the server is told about one that is missing, as the router on the way
//! should have told it, and watched.

use std::time::Duration;

use crate::model::{PacketSize, Timestamp};

use super::own_ptb::OwnPtb;
use super::timers::{ReverseTimer, ReverseTimers};

/// A PTB, sent several times.
#[derive(Clone, Copy, Debug)]
pub(super) struct PtbSender {
    ptb: OwnPtb,
    began: Timestamp,
    sent: u32,
}

/// Loss may take one or two.
const REPETITIONS: u32 = 3;
/// How long the server is given after each.
const INTERVAL: Duration = Duration::from_secs(1);

impl PtbSender {
    pub(super) fn new(ptb: OwnPtb, now: Timestamp) -> Self {
        Self { ptb, began: now, sent: 0 }
    }

    /// The PTB that is due.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<OwnPtb> {
        let is_due = self.sent < REPETITIONS && now >= self.next();
        self.sent += u32::from(is_due);
        is_due.then_some(self.ptb)
    }

    pub(super) fn enter_timers(&self, timers: &mut ReverseTimers) {
        if self.sent < REPETITIONS {
            timers.enter_sending(ReverseTimer::OwnPtb, self.next());
        } else {
            timers.enter(ReverseTimer::OwnPtb, self.next());
        }
    }

    fn next(&self) -> Timestamp {
        self.began + INTERVAL * self.sent
    }

    /// The MTU that the server was told, once it was.
    pub(super) fn told(&self) -> Option<PacketSize> {
        (self.sent > 0).then_some(self.ptb.mtu())
    }

    /// Whether the server has had its time.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.sent >= REPETITIONS && now >= self.next()
    }
}
