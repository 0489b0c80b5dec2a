//! This host's own TCP: what is known of it before it is asked, what it tells, and what it makes of a hole.

use std::time::Duration;

use super::host::{CachedPathMtu, KernelSettings, RouteMtu};
use super::size::PacketSize;

/// What an examination knows of this host's own TCP from the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnTcpSetup {
    /// The local port of the one connection by which this host's TCP is asked.
    pub port: Option<u16>,
    /// The `mtu` that somebody set on the route, or that a router advertised.
    pub route_mtu: Option<RouteMtu>,
    /// The `advmss` that somebody set on the route: the MSS that TCP announces.
    pub route_advmss: Option<u16>,
    /// The path MTU that the kernel had learnt before the first probe.
    pub cached: Option<CachedPathMtu>,
    /// Settings that decide how this kernel's TCP copes with a black hole.
    pub settings: KernelSettings,
}

/// What this host's own TCP tells of an ordinary connection to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnTcp {
    /// The packet that a full segment makes, with the TCP options that it carries.
    pub full_packet: PacketSize,
    /// The path MTU that it assumes.
    pub path_mtu: PacketSize,
}

/// What this host's own TCP makes of a hole on the way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoleHere {
    /// It never sends packets that vanish, and that lasts.
    SendsLess {
        /// The largest packets that it sends.
        most: PacketSize,
        /// What keeps it to them.
        by: OwnLimit,
    },
    /// It sends without DF, and routers cut what is too big.
    LetsRoutersCut(WithoutDf),
    /// It looks for a size that passes by itself.
    Searches(OwnSearch),
    /// It avoids the hole only while it remembers a path MTU.
    Remembers {
        /// The path MTU.
        mtu: PacketSize,
        /// For how long, if that is known.
        expires_in: Option<Duration>,
    },
}

/// What keeps this host's TCP to smaller packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnLimit {
    /// Its firewall lowers the MSS that the server announces.
    Clamp {
        /// The MSS that is left.
        mss: u16,
    },
    /// The MTU of its route.
    Route(RouteMtu),
}

/// Why IPv4 packets of this host's TCP carry no DF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutDf {
    /// `net.ipv4.ip_no_pmtu_disc` has this value.
    NoPmtuDisc(u8),
    /// The MTU of the route is locked.
    LockedRoute(PacketSize),
}

/// `net.ipv4.tcp_mtu_probing` (RFC 4821).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnSearch {
    /// The value of the setting: 1 after a stall, 2 from the start.
    pub mode: u8,
    /// The stall to expect on each connection, from and to; `None`: hardly any.
    pub stall: Option<(Duration, Duration)>,
}
