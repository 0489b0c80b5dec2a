//! What is known before the way back begins.

use std::time::Duration;

use crate::model::{Family, PacketSize, Plan};

use super::super::rtt::RttEstimator;
use super::chance::RoundTrips;

/// The plan, and what the way there has shown.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    plan: Plan,
    there: WayThere,
    rtt: RttEstimator,
}

/// What the way there has shown.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct WayThere {
    path_mtu: Option<PacketSize>,
    is_lossy: bool,
    round_trips: RoundTrips,
}

impl WayThere {
    /// `path_mtu`: the largest size that passes, if it is less than full; `is_lossy`: packets of any size were lost;
    /// `round_trips`: of packets that pass.
    pub(in super::super) fn new(path_mtu: Option<PacketSize>, is_lossy: bool, round_trips: RoundTrips) -> Self {
        Self { path_mtu, is_lossy, round_trips }
    }
}

impl Setup {
    pub(super) fn new(plan: &Plan, there: WayThere, rtt: &RttEstimator) -> Self {
        Self { plan: plan.clone(), there, rtt: rtt.clone() }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn family(&self) -> Family {
        self.plan.family()
    }

    pub(super) fn rtt(&self) -> &RttEstimator {
        &self.rtt
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.rtt.or_guess()
    }

    /// The largest size that passes on the way there, if it is less than full.
    pub(super) fn path_mtu_there(&self) -> Option<PacketSize> {
        self.there.path_mtu
    }

    /// The largest echo request that arrives there.
    pub(super) fn largest_request(&self) -> PacketSize {
        self.there.path_mtu.unwrap_or(self.plan.local_mtu)
    }

    /// Whether packets of any size were lost on the way there.
    pub(super) fn is_lossy(&self) -> bool {
        self.there.is_lossy
    }

    /// The round trips of the way there, and how many of them failed.
    pub(super) fn round_trips(&self) -> RoundTrips {
        self.there.round_trips
    }

    /// The size of the small segments: what every host accepts (RFC 9293, 3.7.1) and every path carries.
    pub(super) fn smallest(&self) -> PacketSize {
        match self.family() {
            Family::V4 => PacketSize::new(576),
            Family::V6 => Family::V6.minimum_mtu(),
        }
    }
}
