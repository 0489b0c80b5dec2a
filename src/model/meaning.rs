//! What a packet is for, or what it tells: for transcripts and captures, never for decisions.

use super::size::{PacketSize, Ttl};
use super::technique::Technique;

/// The part that a packet plays in an examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The connection's own traffic.
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
    /// Bytes of the server, fetched to see how large its packets may be.
    Fetched {
        /// The size of the packet.
        size: PacketSize,
        /// Bytes before it are missing.
        after_gap: bool,
    },
    /// A byte sent again, to learn how far the server has come.
    AckProbe,
    /// A PTB of our own about a packet of the server.
    OwnPtb {
        /// The MTU that it states.
        mtu: u32,
    },
    /// Another ICMP error about a packet of ours.
    Unreachable,
    /// Nothing that counts: a repetition, somebody else's, or too mangled to say.
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

/// A probe in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How it draws its answer.
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
