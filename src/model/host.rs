//! This host as far as it bears on one destination: interface, route, kernel settings, firewall.

use std::net::IpAddr;
use std::time::Duration;

use super::size::{Family, PacketSize};
use super::systems::HostSystems;

/// What is known of this host. Whatever is `None` could not be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// The address that packets to the destination leave from.
    pub source: Option<IpAddr>,
    /// The outgoing interface. `None`: not known, so no route command is given.
    pub interface: Option<String>,
    /// The next hop towards the address. `None` with an interface: the address is on that link, or behind a tunnel.
    pub gateway: Option<IpAddr>,
    /// What the interface carries in this family.
    pub interface_mtu: Option<PacketSize>,
    /// The `mtu` that somebody set on the route, or that a router advertised.
    pub route_mtu: Option<RouteMtu>,
    /// The `advmss` that somebody set on the route.
    pub route_advmss: Option<u16>,
    /// Whether the route with these leads to the address alone.
    pub route_is_for_one: bool,
    /// The path MTU that the kernel had cached before the first probe.
    pub cached: Option<CachedPathMtu>,
    /// Settings that decide how this kernel's TCP copes with a black hole.
    pub settings: KernelSettings,
    /// Links behind which others sit, for whom this host forwards.
    pub inner_links: Vec<InnerLink>,
    /// What drops PTBs on this host; sought for the cause `local_firewall` only.
    pub blockers: Blockers,
    /// The rules that lower the MSS of the address; sought only where something does.
    pub clamps: Vec<ClampRule>,
    /// What configures this host.
    pub systems: HostSystems,
}

impl HostFacts {
    /// Those links behind which others send larger packets than this.
    pub fn inner_links_above(&self, size: PacketSize, family: Family) -> Vec<&InnerLink> {
        self.inner_links.iter().filter(|link| link.is_larger_than(size, family)).collect()
    }
}

/// A link behind which others sit: containers, virtual machines, networks at the end of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnerLink {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: InnerKind,
    /// What it carries.
    pub mtu: PacketSize,
    /// Whether this host forwards what comes in by it, in IPv4 and in IPv6.
    pub forwards: [bool; 2],
}

/// A kind of link behind which others sit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InnerKind {
    /// A bridge of containers or virtual machines.
    Bridge,
    /// One end of a pair; the other is in a container.
    Veth,
    /// A tap or tun of a virtual machine or a tunnel program.
    Tap,
    /// A tunnel of the kernel.
    Tunnel,
}

impl InnerLink {
    /// Whether others send larger packets through it than leave by a link of this MTU.
    fn is_larger_than(&self, way_out: PacketSize, family: Family) -> bool {
        self.mtu > way_out && self.forwards_in(family)
    }

    /// Whether this host forwards what comes in by it.
    pub fn forwards_in(&self, family: Family) -> bool {
        self.forwards[usize::from(family == Family::V6)]
    }
}

/// The MTU of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteMtu {
    /// The size.
    pub mtu: PacketSize,
    /// `mtu lock`: PTBs do not change it, and DF is not set on packets of this route.
    pub locked: bool,
}

/// A path MTU that the kernel learnt from a PTB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedPathMtu {
    /// The size.
    pub mtu: PacketSize,
    /// How long the kernel will still believe it.
    pub expires_in: Option<Duration>,
    /// The stated MTU was below `min_pmtu`: the kernel stays at that minimum and no longer sets DF.
    pub locked: bool,
}

/// `sysctl` values; those of IPv4's name rule TCP over IPv6 too, where there is no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelSettings {
    /// `net.ipv4.ip_no_pmtu_disc`: 0 PMTUD, 1 minimum at any PTB, 2 off, 3 hardened. IPv4 only.
    pub no_pmtu_disc: Option<u8>,
    /// `net.ipv4.tcp_mtu_probing`: 0 off, 1 after a black hole is suspected, 2 always (RFC 4821).
    pub tcp_mtu_probing: Option<u8>,
    /// `net.ipv4.tcp_base_mss`: the MSS that probing starts from.
    pub tcp_base_mss: Option<u16>,
    /// The smallest path MTU that a PTB may set: `net.ipv4.route.min_pmtu`, or 1280 in IPv6 (RFC 8201, section 4).
    pub min_pmtu: Option<PacketSize>,
    /// `net.ipv4.route.mtu_expires` or `net.ipv6.route.mtu_expires`: how long a PTB is believed.
    pub mtu_expires: Option<Duration>,
}

/// What was found in this host's firewall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Blockers {
    /// Nobody looked.
    #[default]
    NotSought,
    /// The rules cannot be read, for this reason.
    Unreadable(String),
    /// The rules were read, and none of them explains the loss.
    NoneFound,
    /// The first rule that drops the message; more than one if several firewalls do.
    Found(Vec<Blocker>),
}

/// A rule of this host that lowers the MSS of what comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClampRule {
    /// Where it stands, as its own program names it.
    pub place: String,
    /// The rule as its own program prints it.
    pub rule: String,
    /// The MSS that it sets, if it is a number.
    pub mss: Option<u16>,
    /// Whether it meets the SYN-ACK for certain: all that it and the rules before it look at is known.
    pub is_certain: bool,
    /// Commands that take it out.
    pub undo: Vec<String>,
}

/// A rule, or a chain's policy, that drops PTBs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Where it stands, as its own program names it: `table inet filter, chain input` or `iptables chain INPUT`.
    pub place: String,
    /// The rule as its own program prints it, or `policy drop`.
    pub rule: String,
    /// Whether nothing but this can have dropped them; else it is the likeliest.
    pub is_certain: bool,
    /// Commands that admit PTBs just before it, and the comment lines that undo them.
    pub remedy: Vec<String>,
}
