//! What an examination finds: what renderers turn into text and JSON.
//!
//! Field names and enum words are those of the JSON contract, schema `pmtu-probe/1`.

use std::net::IpAddr;
use std::time::Duration;

use super::finding::Finding;
use super::flows::Flows;
use super::masked_by::MaskedBy;
use super::plan::Direction;
use super::port_state::{PortState, Reception};
use super::ptb::{PtbFault, PtbReport};
use super::reason::{Ground, MethodReason, ReverseReason, VerdictReason};
use super::size::{PacketSize, Ttl};
use super::technique::{Method, Technique};

/// What one examination found.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// The verdict on the forward direction.
    pub verdict: Verdict,
    /// Why PMTUD is broken; for `masked`, `black_hole` and `recovers` only.
    pub cause: Option<Cause>,
    /// What lets mail pass; for `masked` only, where it is known.
    pub masked_by: Option<MaskedBy>,
    /// What the verdict rests on.
    pub reason: VerdictReason,
    /// 1 - p of the decisive statistical test; 1.0 for a verdict that rests on answers; `None` without either.
    pub confidence: Option<f64>,
    /// Largest packet proven to pass.
    pub path_mtu: Option<PacketSize>,
    /// Smallest size proven lost.
    pub first_lost_size: Option<PacketSize>,
    /// MTU of the outgoing interface or route.
    pub local_mtu: PacketSize,
    /// The kernel's path MTU for this address before the first probe.
    pub kernel_path_mtu: Option<PacketSize>,
    /// MSS in the peer's SYN-ACK.
    pub peer_mss: Option<u16>,
    /// MSS that this program announced.
    pub local_mss: Option<u16>,
    /// Largest packet TCP would send to this peer.
    pub tcp_packet_limit: Option<PacketSize>,
    /// The packet that a full segment of this host's own TCP makes at present; `None`: it was not asked.
    pub own_packet: Option<PacketSize>,
    /// Smoothed round-trip time.
    pub rtt: Option<Duration>,
    /// Where the bottleneck is, when one is known.
    pub location: Option<Location>,
    /// How far away something nearer than the target is that answers TCP in its place.
    pub tcp_ends_at_hop: Option<Ttl>,
    /// The hops seen.
    pub hops: Vec<Hop>,
    /// Packet-too-big messages received, one entry per sender, stated MTU and fault.
    pub ptb: Vec<PtbReport>,
    /// What each method did.
    pub methods: Vec<MethodReport>,
    /// Sizes probed and how often each was answered, largest first: the raw evidence of the method that carries the verdict.
    pub sizes: Vec<SizeEvidence>,
    /// How the decisive pair of sizes fared on other flows; `None`: not tried.
    pub flows: Option<Flows>,
    /// Largest size above `local_mtu` that passed, where a route pins less than its interface carries.
    pub beyond_route: Option<PacketSize>,
    /// Whether the port takes connections; `None`: not known, or nobody asked.
    pub port_state: Option<PortState>,
    /// How the server receives a visitor.
    pub reception: Reception,
    /// Which directions were asked for: if not the forward one, `verdict` says nothing about the path.
    pub direction: Direction,
    /// The other direction.
    pub reverse: Reverse,
    /// Remarkable facts beside the verdict.
    pub findings: Vec<Finding>,
    /// What to do, most helpful first.
    pub advice: Vec<Advice>,
    /// Probes sent to this address.
    pub probes_sent: u32,
    /// Bytes of all packets sent to this address, IP headers included.
    pub bytes_sent: u64,
    /// From the start of this examination to its verdict.
    pub elapsed: Duration,
    /// Of it, what the way there took; `None`: it was not asked for.
    pub forward_elapsed: Option<Duration>,
}

/// How one size fared with the method that carries the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeEvidence {
    /// The size.
    pub size: PacketSize,
    /// Probes sent with it.
    pub sent: u32,
    /// Probes of it answered by the peer.
    pub answered: u32,
}

/// The verdict on the forward direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Packets as large as this host would send pass.
    Clear,
    /// The path is smaller, and true PTBs reach this host's kernel: PMTUD works.
    Discoverable,
    /// PMTUD is broken on the path, but the negotiated MSS keeps TCP at or below the path MTU.
    Masked,
    /// Packets above the path MTU vanish and nothing usable tells this host's kernel.
    BlackHole,
    /// The same, but this host's own TCP finds a size that passes, after a stall.
    Recovers,
    /// Not even small probes are answered, by any method.
    Unreachable,
    /// The evidence is too thin or contradicts itself.
    Inconclusive,
}

/// Why PMTUD is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nothing came back.
    NoPtb,
    /// The PTB reached the interface and this host dropped it before its kernel saw it.
    LocalFirewall,
    /// A PTB came but cannot work.
    BadPtb,
    /// Non-DF copies vanish as well: two ends of one link disagree, or a box drops by size (IPv4).
    LinkMismatch,
}

/// A hop on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its distance.
    pub ttl: Ttl,
    /// Its address, if it answered.
    pub address: Option<IpAddr>,
    /// Largest probe it answered.
    pub largest_answered: Option<PacketSize>,
    /// Round-trip time to it.
    pub rtt: Option<Duration>,
}

/// Where large packets end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The last hop that large packets reach.
    pub last_hop: Option<LocationPoint>,
    /// The first hop that they do not reach.
    pub next_hop: Option<LocationPoint>,
}

/// A hop named in a [`Location`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationPoint {
    /// Its distance, if known.
    pub ttl: Option<Ttl>,
    /// Its address.
    pub address: IpAddr,
}

/// Whether a method served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodStatus {
    /// Its answers count in the verdict.
    Used,
    /// It gave no usable answers, for this reason.
    Unusable(MethodReason),
    /// Not tried, for this reason.
    Skipped(MethodReason),
}

/// What one method and technique did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodReport {
    /// The method.
    pub method: Method,
    /// The technique.
    pub technique: Technique,
    /// Whether it served.
    pub status: MethodStatus,
    /// Probes sent.
    pub sent: u32,
    /// Probes answered by the peer.
    pub answered: u32,
    /// Largest size that this technique proved to pass.
    pub path_mtu: Option<PacketSize>,
}

/// The reverse direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Reverse {
    /// The verdict.
    pub verdict: ReverseVerdict,
    /// Largest packet seen from the peer.
    pub path_mtu: Option<PacketSize>,
    /// Smallest size that the peer sent and that never arrived. One above `path_mtu`: that one is exact.
    pub first_lost_size: Option<PacketSize>,
    /// Why there is no better verdict.
    pub reason: Option<ReverseReason>,
    /// After how long the peer's own black hole detection recovered.
    pub recovered_after: Option<Duration>,
    /// What its examination took, beside that of the way there; `None`: it was not examined.
    pub elapsed: Option<Duration>,
}

impl Reverse {
    /// There was nothing to see, for this reason.
    pub fn untested(why: ReverseReason) -> Self {
        Self {
            verdict: ReverseVerdict::Untested,
            path_mtu: None,
            first_lost_size: None,
            reason: Some(why),
            recovered_after: None,
            elapsed: None,
        }
    }
}

/// The verdict on the reverse direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReverseVerdict {
    /// Full-size packets of the peer arrive.
    Clear,
    /// The peer lowered its packets within a round trip: PMTUD works there.
    Discoverable,
    /// The peer's large packets never arrive.
    BlackHole,
    /// The peer's black hole detection saves it after a while.
    Recovers,
    /// Not examined.
    Untested,
    /// The evidence is too thin.
    Inconclusive,
}

/// Advice: who should do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Whether it is another way to the same end as the advice before it.
    pub is_alternative: bool,
    /// Who has to act.
    pub who: Who,
    /// What to do, one or two sentences.
    pub text: String,
    /// Commands for it, ready to paste.
    pub commands: Vec<String>,
    /// Commands for the same so that it survives a reboot: a comment that says in whose configuration, then what to paste.
    pub lasting: Vec<String>,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// This host's admin.
    You,
    /// The admin of the network this host is in.
    YourNetwork,
    /// The target's side.
    TheirSide,
    /// Not known from here.
    Unknown,
}

impl Examined {
    /// The exit code of what was found, whatever was expected: see [`Report::exit_code`](super::Report::exit_code).
    pub fn exit_code(&self) -> u8 {
        worst_exit_code([self.code_there(), self.code_back()])
    }

    /// That of the way there.
    pub(super) fn code_there(&self) -> u8 {
        let forward = match self.verdict {
            _ if !self.direction.is_forward() => 0,
            Verdict::Discoverable if self.has_survivable_fault() => 1,
            Verdict::Clear | Verdict::Discoverable => 0,
            Verdict::Masked | Verdict::Recovers => 1,
            Verdict::BlackHole => 2,
            Verdict::Unreachable | Verdict::Inconclusive => 3,
        };
        // No mail gets through whatever the path carries; a proven hole is still the graver news.
        if self.takes_no_connections() && forward != 2 { 3 } else { forward }
    }

    /// That of the way back.
    pub(super) fn code_back(&self) -> u8 {
        match self.reverse.verdict {
            ReverseVerdict::Clear | ReverseVerdict::Discoverable | ReverseVerdict::Untested => 0,
            ReverseVerdict::Recovers => 1,
            ReverseVerdict::BlackHole => 2,
            ReverseVerdict::Inconclusive => 3,
        }
    }

    /// Whether path MTU discovery works although a router's message is faulty.
    pub(super) fn has_survivable_fault(&self) -> bool {
        let is_faulty = || self.ptb.iter().any(|ptb| ptb.fault.is_some_and(PtbFault::is_survivable));
        self.verdict == Verdict::Discoverable && is_faulty()
    }

    /// Whether the port is known to take no connections.
    pub fn takes_no_connections(&self) -> bool {
        self.port_state.is_some_and(|state| !state.takes_connections())
    }

    /// Whether mail passes at present, as the peer seems to remember the path MTU, though the hole is there.
    pub fn is_hidden(&self) -> bool {
        matches!(self.reason.ground, Ground::Hidden { .. })
    }

    /// The MTU that the server was told by a PTB of ours, and obeyed.
    pub fn obeyed_ptb(&self) -> Option<PacketSize> {
        self.findings.iter().find_map(|finding| match *finding {
            Finding::PeerObeysPtb { told } => Some(told),
            _ => None,
        })
    }

    /// The MTU that the server was told by a PTB of ours, and ignored.
    pub fn ignored_ptb(&self) -> Option<PacketSize> {
        self.findings.iter().find_map(|finding| match *finding {
            Finding::PeerIgnoresPtb { told } => Some(told),
            _ => None,
        })
    }
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NoPtb, Self::LocalFirewall, Self::BadPtb, Self::LinkMismatch];
}

impl Verdict {
    /// All of them, the worst first.
    pub const WORST_FIRST: [Self; 7] = [
        Self::BlackHole,
        Self::Recovers,
        Self::Masked,
        Self::Unreachable,
        Self::Inconclusive,
        Self::Discoverable,
        Self::Clear,
    ];
}

impl ReverseVerdict {
    /// All of them, the worst first.
    pub const WORST_FIRST: [Self; 6] =
        [Self::BlackHole, Self::Recovers, Self::Inconclusive, Self::Discoverable, Self::Clear, Self::Untested];
}

/// The worst of several exit codes: 2 before 1 before 3 before 0.
pub fn worst_exit_code(codes: impl IntoIterator<Item = u8>) -> u8 {
    const WORST_FIRST: [u8; 4] = [2, 1, 3, 0];
    let rank = |code: &u8| WORST_FIRST.iter().position(|c| c == code).unwrap_or(0);
    codes.into_iter().min_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exit_code_is_a_black_hole_then_a_fault_then_doubt() {
        assert_eq!(worst_exit_code([0, 3]), 3);
        assert_eq!(worst_exit_code([0, 3, 1]), 1);
        assert_eq!(worst_exit_code([1, 2, 3, 0]), 2);
        assert_eq!(worst_exit_code([0, 0]), 0);
        assert_eq!(worst_exit_code([]), 0);
    }
}
