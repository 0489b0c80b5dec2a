//! What happened to a packet, for transcripts and captures. No decision rests on it.

use super::event::Refusal;
use super::meaning::Meaning;
use super::packet::Packet;
use super::time::Timestamp;

/// One packet that was sent, refused or received.
#[derive(Clone, Copy, Debug)]
pub struct PacketEvent<'a> {
    /// The address that it belongs to, as an index into the jobs.
    pub job: usize,
    /// Since the start of the run.
    pub at: Timestamp,
    /// What happened to it.
    pub kind: PacketEventKind,
    /// The whole packet as it was on the wire, or put together from its fragments. Empty behind the firewall.
    pub bytes: &'a [u8],
    /// The packet as it was parsed.
    pub packet: &'a Packet,
    /// Its role in the examination.
    pub meaning: Meaning,
}

/// What happened to a packet, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketEventKind {
    /// It was sent.
    Sent,
    /// It was not sent: the kernel refused it.
    Refused(Refusal),
    /// It arrived at the interface.
    Received,
    /// It passed this host's firewall: a copy of one that arrived before.
    PassedFirewall,
}
