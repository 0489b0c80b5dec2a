//! Between which sizes the path ends: what arrived, what stayed away, and what to try next.

use crate::model::{Family, PacketSize, Timestamp};

use super::super::random::first_echo;
use super::super::rtt::RttEstimator;
use super::echo_search::EchoSearch;
use super::setup::Setup;
use super::timers::ReverseTimers;
use super::trial::{SizeTrial, next_trial};

/// The search for the size of the way back, once large packets stay away.
#[derive(Clone, Debug)]
pub(super) struct SizeSearch {
    family: Family,
    smallest: PacketSize,
    path_mtu_there: Option<PacketSize>,
    largest_request: PacketSize,
    /// The largest size that arrived on any connection, and the smallest that did not.
    passes: Option<PacketSize>,
    lost: Option<PacketSize>,
    /// The smallest that did not arrive on a connection beside the first.
    lost_on_trial: Option<PacketSize>,
    echo: Option<EchoSearch>,
    /// The number of the first echo request of the way there.
    first_echo: u16,
}

/// What to do next about the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextTrial {
    /// Echo has not told yet what to try.
    Wait,
    Try(SizeTrial),
    /// The size is known, or no guess is left.
    None,
}

/// What one connection beside the first has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchSizes {
    largest: Option<PacketSize>,
    lost: Option<PacketSize>,
}

impl FetchSizes {
    /// `largest`: of the packets that arrived; `lost`: the size of the first that did not, if that proves anything.
    pub(super) fn new(largest: Option<PacketSize>, lost: Option<PacketSize>) -> Self {
        Self { largest, lost }
    }
}

impl SizeSearch {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            family: setup.family(),
            smallest: setup.smallest(),
            path_mtu_there: setup.path_mtu_there(),
            largest_request: setup.largest_request(),
            passes: None,
            lost: None,
            lost_on_trial: None,
            echo: None,
            first_echo: first_echo(setup.plan()),
        }
    }

    /// The first connection stalls: `largest` arrived on it, and a packet of the size `missing` is the first that did not.
    pub(super) fn note_stall(&mut self, largest: Option<PacketSize>, missing: Option<PacketSize>) {
        self.passes = self.passes.max(largest);
        self.lost = self.lost_by_size(missing);
        if let (None, Some(lost)) = (&self.echo, self.lost) {
            let passes = self.passes.unwrap_or(self.smallest).max(self.smallest).min(self.largest_request);
            self.echo = Some(EchoSearch::new(passes, lost, self.largest_request, self.first_echo));
        }
    }

    /// A connection beside the first has shown what it can.
    pub(super) fn note_fetch(&mut self, sizes: FetchSizes) {
        self.passes = self.passes.max(sizes.largest);
        let lost = sizes.lost.filter(|size| Some(*size) > self.passes);
        self.lost_on_trial = [self.lost_on_trial, lost].into_iter().flatten().min();
    }

    /// The largest size that arrived.
    pub(super) fn passes(&self) -> Option<PacketSize> {
        self.passes
    }

    /// The smallest size that stays away, or stayed away during the last stall. `missing`: on the first connection.
    pub(super) fn lost(&self, missing: Option<PacketSize>) -> Option<PacketSize> {
        self.lost_by_size(missing).or(self.lost)
    }

    /// The smallest size that stays away. What is missing counts by its size only if nothing as large has arrived, and if
    /// every path carries less; else it is loss.
    fn lost_by_size(&self, missing: Option<PacketSize>) -> Option<PacketSize> {
        let passes = self.passes.unwrap_or(self.smallest).max(self.smallest);
        [missing, self.lost_on_trial].into_iter().flatten().filter(|size| *size > passes).min()
    }

    /// The largest size whose echo replies arrive whole, once it is known to the byte.
    pub(super) fn exact_by_echo(&self) -> Option<PacketSize> {
        self.echo.as_ref().and_then(EchoSearch::exact)
    }

    /// What to try next by TCP. `missing`: the size of what is missing on the first connection.
    pub(super) fn next_trial(&self, missing: Option<PacketSize>) -> NextTrial {
        if self.echo.as_ref().is_some_and(|echo| !echo.is_over()) {
            return NextTrial::Wait;
        }
        let (Some(passes), Some(lost)) = (self.passes, self.lost(missing)) else { return NextTrial::None };
        let hints: Vec<PacketSize> = self.exact_by_echo().into_iter().chain(self.path_mtu_there).collect();
        next_trial(passes, lost, &hints, self.family).map_or(NextTrial::None, NextTrial::Try)
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        if let Some(echo) = &mut self.echo {
            echo.advance(now);
        }
    }

    /// The echo request that is due: its sequence number and size.
    pub(super) fn poll(&mut self, now: Timestamp, rtt: &RttEstimator) -> Option<(u16, PacketSize)> {
        self.echo.as_mut()?.poll(now, rtt)
    }

    /// An echo reply arrived, whole or in fragments. Returns whether it was asked for here.
    pub(super) fn answered(&mut self, seq: u16, size: PacketSize, fragment: Option<PacketSize>) -> bool {
        self.echo.as_mut().is_some_and(|echo| echo.answered(seq, size, fragment))
    }

    pub(super) fn enter_timers(&self, timers: &mut ReverseTimers) {
        if let Some(echo) = &self.echo {
            echo.enter_timers(timers);
        }
    }
}
