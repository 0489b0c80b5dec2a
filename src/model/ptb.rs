//! Packet-too-big messages as a report lists them.

use std::net::IpAddr;

use super::technique::Method;

/// What is wrong with a PTB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PtbFault {
    /// States MTU 0, as routers older than RFC 1191 do.
    MtuZero,
    /// States a size that is lost as well.
    StatedSizeLost,
    /// States a size that is not smaller than the packet it refuses.
    NotSmaller,
    /// States less than the path carries.
    TooLow,
    /// States less than the smallest MTU that this kernel accepts.
    BelowMinimum,
    /// Its checksum is wrong; kernels drop it silently.
    BadChecksum,
}

/// A kind of PTB received during the examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PtbReport {
    /// The router that sent it.
    pub from: IpAddr,
    /// The MTU it states.
    pub mtu: u32,
    /// What it quotes: TCP, or an echo request, which tells this host's TCP nothing.
    pub about: Method,
    /// Whether at least one such message passed this host's firewall.
    pub reached_kernel: bool,
    /// What is wrong with it.
    pub fault: Option<PtbFault>,
    /// How many came.
    pub count: u32,
}

impl PtbFault {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::MtuZero, Self::StatedSizeLost, Self::NotSmaller, Self::TooLow, Self::BelowMinimum, Self::BadChecksum];

    /// Whether PMTUD ends at a working size in spite of this fault.
    pub fn is_survivable(self) -> bool {
        matches!(self, Self::MtuZero | Self::TooLow | Self::BelowMinimum)
    }
}
