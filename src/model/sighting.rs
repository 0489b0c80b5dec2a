//! A packet that went by: for those who tell or record, never for decisions.

use super::event::Refusal;
use super::meaning::Meaning;
use super::packet::Packet;
use super::time::Timestamp;

/// A packet that went by.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// The address that it belongs to, as an index into the jobs.
    pub job: usize,
    /// Since the start of the run.
    pub at: Timestamp,
    /// Where it was seen.
    pub way: Way,
    /// The whole packet as it was on the wire, or as it was made of its fragments; empty behind the firewall.
    pub bytes: &'a [u8],
    /// The same, understood.
    pub packet: &'a Packet,
    /// The part that it plays.
    pub meaning: Meaning,
}

/// Where a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Sent.
    Out,
    /// Not sent: the kernel refused it.
    Refused(Refusal),
    /// Arrived at the interface.
    In,
    /// Passed this host's firewall: a copy of one that arrived before.
    PastFirewall,
}
