//! Drops further copies of a packet.
//!
//! A packet socket on all interfaces sees a packet on a bridge port and again on the bridge, on an Ethernet interface and
//! again on its VLAN. The copies follow each other at once, with the same bytes, on different interfaces. Equal bytes on
//! the *same* interface are two packets, because duplicate ACKs are equal and each of them counts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Copies arrive within one softirq. After this time, equal bytes count as two packets.
const WINDOW: Duration = Duration::from_millis(50);
/// Enough for the packets of one softirq on several CPUs.
const REMEMBERED: usize = 128;

/// Remembers the last packets.
pub(super) struct Duplicates {
    recent: [RecentPacket; REMEMBERED],
    next: usize,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct RecentPacket {
    digest: u64,
    interface: u32,
    at: Option<Duration>,
}

impl Duplicates {
    pub(super) fn new() -> Self {
        let empty = RecentPacket { digest: 0, interface: 0, at: None };
        Self { recent: [empty; REMEMBERED], next: 0, hasher: RandomState::new() }
    }

    /// Whether the packet was seen on another interface just before. Remembers it if not.
    pub(super) fn is_copy(&mut self, now: Duration, interface: u32, packet: &[u8]) -> bool {
        let digest = self.hasher.hash_one(packet);
        let is_recent = |seen: &RecentPacket| seen.at.is_some_and(|at| now.saturating_sub(at) <= WINDOW);
        let same_bytes = |seen: &&RecentPacket| seen.digest == digest && is_recent(seen);
        if self.recent.iter().filter(same_bytes).any(|seen| seen.interface != interface) {
            return true;
        }
        self.recent[self.next] = RecentPacket { digest, interface, at: Some(now) };
        self.next = (self.next + 1) % REMEMBERED;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETH: u32 = 2;
    const VLAN: u32 = 3;
    const BRIDGE: u32 = 4;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn copies_on_other_interfaces_are_dropped() {
        let mut seen = Duplicates::new();
        assert!(!seen.is_copy(ms(10), ETH, b"packet"));
        assert!(seen.is_copy(ms(10), VLAN, b"packet"));
        assert!(seen.is_copy(ms(10), BRIDGE, b"packet"));
    }

    #[test]
    fn equal_packets_on_one_interface_each_count() {
        let mut seen = Duplicates::new();
        assert!(!seen.is_copy(ms(10), ETH, b"dup ack"));
        assert!(seen.is_copy(ms(10), BRIDGE, b"dup ack"));
        assert!(!seen.is_copy(ms(11), ETH, b"dup ack"));
        assert!(seen.is_copy(ms(11), BRIDGE, b"dup ack"));
    }

    #[test]
    fn other_bytes_are_another_packet() {
        let mut seen = Duplicates::new();
        assert!(!seen.is_copy(ms(10), ETH, b"packet"));
        assert!(!seen.is_copy(ms(10), VLAN, b"packet2"));
    }

    #[test]
    fn after_the_window_it_is_a_new_packet() {
        let mut seen = Duplicates::new();
        assert!(!seen.is_copy(ms(10), ETH, b"packet"));
        assert!(seen.is_copy(ms(60), VLAN, b"packet"));
        assert!(!seen.is_copy(ms(61), VLAN, b"packet"));
    }

    #[test]
    fn a_burst_longer_than_the_memory_is_not_mistaken_for_copies() {
        let mut seen = Duplicates::new();
        for number in 0..1000_u32 {
            assert!(!seen.is_copy(ms(1), ETH, &number.to_be_bytes()));
            assert!(seen.is_copy(ms(1), VLAN, &number.to_be_bytes()));
        }
    }
}
