//! What a packet is for, or what it shows, for transcripts and captures. No decision rests on it.

use super::packet::Segment;
use super::size::{PacketSize, Ttl};
use super::technique::Technique;

/// The role of a packet in an examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A segment of the connection that is not a probe.
    Connection(Step),
    /// A probe on its way out.
    Probe(Probe),
    /// The target answers a probe: the probe arrived.
    Answer(Probe),
    /// A router on the way answers a probe whose TTL ended there.
    Hop(Probe),
    /// A PTB about a packet of ours.
    TooBig {
        /// The size of the packet that it refuses.
        refused: PacketSize,
        /// The MTU that it states.
        mtu: u32,
        /// Whether its checksum is right.
        checksum_ok: bool,
    },
    /// A segment of the connection by which this host's own TCP is asked.
    OwnTcp,
    /// Bytes of the server, fetched to see how large its packets may be.
    Fetched {
        /// The size of the packet.
        size: PacketSize,
        /// Bytes before it are missing.
        after_gap: bool,
    },
    /// A byte that is sent again, to learn from the answer how much the server has sent.
    AckProbe,
    /// A PTB of our own about a packet of the server.
    OwnPtb {
        /// The MTU that it states.
        mtu: u32,
    },
    /// Another ICMP error about a packet of ours.
    Unreachable,
    /// A packet that does not count: a repetition, a foreign packet, or a damaged one.
    Stray,
}

/// What a segment of the connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opens it: SYN, SYN-ACK.
    Open,
    /// Carries bytes in order.
    Data,
    /// Acknowledges.
    Ack,
    /// Ends it: FIN.
    Close,
    /// Resets it, or a half-open one that a SYN probe left behind.
    Reset,
}

impl Step {
    /// What a segment does.
    pub fn of(segment: &Segment) -> Self {
        match segment.flags {
            flags if flags.rst => Self::Reset,
            flags if flags.syn => Self::Open,
            flags if flags.fin => Self::Close,
            _ if segment.payload.is_empty() => Self::Ack,
            _ => Self::Data,
        }
    }
}

/// A probe and its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How it provokes an answer.
    pub technique: Technique,
    /// Its size.
    pub size: PacketSize,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The search for the size, and its controls.
    Search,
    /// The statistics about the decisive pair of sizes.
    Confirm,
    /// A copy without DF of a size that is lost.
    NoDfCopy,
    /// A packet in tiny fragments: the control of the no-DF copy.
    Fragments,
    /// A copy that this host cut into fragments.
    FragmentedCopy,
    /// To a hop.
    Trace(Ttl),
    /// Real bytes of the conversation, in a packet of the lost size.
    RealBytes,
    /// The same bytes, cut to a size that passes.
    CutBytes,
    /// Another flow.
    Flow {
        /// Its source port.
        port: u16,
    },
}

impl Purpose {
    /// Whether such a packet may be cut on the way (IPv4).
    pub fn goes_without_df(self) -> bool {
        matches!(self, Self::NoDfCopy | Self::Fragments)
    }
}
