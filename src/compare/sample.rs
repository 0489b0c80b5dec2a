//! Findings for tests.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{
    Cause, Confirmation, Direction, Examined, Ground, Hop, Location, LocationPoint, Method, PacketSize, PtbOutcome,
    PtbReport, Reception, Reverse, ReverseReason, Ttl, Verdict,
};

const PASSES: PacketSize = PacketSize::new(1400);
const LOST: PacketSize = PacketSize::new(1401);

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(super) fn point(ttl: u8, address: &str) -> LocationPoint {
    LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) }
}

/// A hop that answered the trace.
pub(super) fn hop(ttl: u8, address: &str) -> Hop {
    Hop { ttl: Ttl(ttl), address: Some(ip(address)), largest_answered: Some(LOST), rtt: None }
}

/// A hole in which silence is the evidence.
pub(super) fn hole() -> Examined {
    let (ptb, confirmation) = (PtbOutcome::NoneCame, Confirmation::RealBytes);
    Examined {
        verdict: Verdict::BlackHole,
        cause: Some(Cause::NoPtb),
        masked_by: None,
        reason: Ground::Vanishes { passes: PASSES, lost: LOST, ptb, confirmation }.into(),
        confidence: Some(0.999),
        path_mtu: Some(PASSES),
        first_lost_size: Some(LOST),
        local_mtu: PacketSize::new(1500),
        kernel_path_mtu: None,
        peer_mss: Some(1460),
        local_mss: Some(1460),
        tcp_packet_limit: Some(PacketSize::new(1500)),
        own_packet: None,
        rtt: None,
        location: None,
        tcp_ends_at_hop: None,
        hops: Vec::new(),
        ptb: Vec::new(),
        methods: Vec::new(),
        sizes: Vec::new(),
        flows: None,
        beyond_route: None,
        port_state: None,
        reception: Reception::NotHeard,
        direction: Direction::Forward,
        reverse: Reverse::untested(ReverseReason::OnlyForwardAsked),
        findings: Vec::new(),
        advice: Vec::new(),
        probes_sent: 60,
        bytes_sent: 60_000,
        elapsed: Duration::from_millis(1400),
        forward_elapsed: Some(Duration::from_millis(1400)),
    }
}

/// The same with its place.
pub(super) fn hole_at(router: &str) -> Examined {
    let next_hop = Some(point(3, "203.0.113.9"));
    Examined { location: Some(Location { last_hop: Some(point(2, router)), next_hop }), ..hole() }
}

/// A trace that ends one hop in front of it.
pub(super) fn misled() -> Examined {
    let place = Location { last_hop: Some(point(1, "203.0.113.1")), next_hop: Some(point(2, "203.0.113.2")) };
    Examined { location: Some(place), ..hole() }
}

/// Told by a router.
pub(super) fn told_by(router: &str) -> Examined {
    let from = ip(router);
    let ptb = PtbReport { from, mtu: 1400, about: Method::Tcp, reached_kernel: true, fault: None, count: 1 };
    Examined {
        verdict: Verdict::Discoverable,
        cause: None,
        reason: Ground::RefusedByRouter { passes: PASSES, start: PacketSize::new(1500) }.into(),
        confidence: Some(1.0),
        location: Some(Location { last_hop: Some(LocationPoint { ttl: None, address: from }), next_hop: None }),
        ptb: vec![ptb],
        probes_sent: 12,
        elapsed: Duration::from_millis(200),
        ..hole()
    }
}
