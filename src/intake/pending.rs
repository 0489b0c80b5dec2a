//! Stalls and sessions that wait for a later line.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::model::{MailFlow, StallStage};

use super::event::{LineContext, PeerRef};
use super::stamp::Stamp;

/// Each takes a few kilobytes at worst, so all take a few MiB.
const LIMIT: usize = 4096;
const LONGEST_LINE: usize = 400;
const LONGEST_NAME: usize = 255;

/// Entries by the hash of their name. Beyond the limit, a new entry evicts the oldest.
pub(super) struct PendingTable<T> {
    entries: HashMap<u64, (u64, T)>,
    order: VecDeque<(u64, u64)>,
    serial: u64,
}

/// A mail that stalled at a relay of which only the name is known so far.
pub(super) struct UnresolvedStall {
    pub(super) mail: Vec<u8>,
    pub(super) relay: Vec<u8>,
    pub(super) stage: StallStage,
    pub(super) host: Vec<u8>,
    pub(super) stamp: Stamp,
    pub(super) line: Vec<u8>,
}

/// A session. Later lines give only its name.
#[derive(Clone)]
pub(super) struct MailSession {
    pub(super) flow: MailFlow,
    name: Vec<u8>,
    pub(super) address: Option<IpAddr>,
    port: Option<u16>,
    pub(super) is_up: bool,
    pub(super) has_mail: bool,
}

impl<T> PendingTable<T> {
    pub(super) fn new() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), serial: 0 }
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.entries.get_mut(&key).map(|(_, entry)| entry)
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<T> {
        self.entries.remove(&key).map(|(_, entry)| entry)
    }

    /// Inserts an entry, in place of one with the same key. Returns the entry that was evicted to make room.
    pub(super) fn insert(&mut self, key: u64, entry: T) -> Option<T> {
        self.serial += 1;
        self.entries.insert(key, (self.serial, entry));
        self.order.push_back((key, self.serial));
        if self.order.len() <= LIMIT {
            return None;
        }
        let (oldest, serial) = self.order.pop_front()?;
        // A younger entry may use the same key.
        let is_same = self.entries.get(&oldest).is_some_and(|(current, _)| *current == serial);
        if is_same { self.remove(oldest) } else { None }
    }

    /// Removes and returns all entries, the oldest first.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let mut left: Vec<(u64, T)> = self.entries.drain().map(|(_, entry)| entry).collect();
        self.order.clear();
        left.sort_by_key(|(serial, _)| *serial);
        left.into_iter().map(|(_, entry)| entry).collect()
    }
}

impl UnresolvedStall {
    pub(super) fn new(mail: &[u8], relay: &[u8], stage: StallStage, context: &LineContext<'_>) -> Self {
        Self {
            mail: mail.to_owned(),
            relay: cut(relay, LONGEST_NAME),
            stage,
            host: cut(context.host, LONGEST_NAME),
            stamp: context.stamp,
            line: cut(context.line, LONGEST_LINE),
        }
    }

    /// Only a client stalls in data that it sends to us.
    pub(super) fn flow(&self) -> MailFlow {
        if self.stage == StallStage::Data { MailFlow::Incoming } else { MailFlow::Outgoing }
    }
}

impl MailSession {
    pub(super) fn new(flow: MailFlow, peer: PeerRef<'_>) -> Self {
        let name = cut(peer.name, LONGEST_NAME);
        Self { flow, name, address: peer.address, port: peer.port, is_up: false, has_mail: false }
    }

    pub(super) fn peer(&self) -> PeerRef<'_> {
        PeerRef { name: &self.name, address: self.address, port: self.port }
    }
}

fn cut(bytes: &[u8], longest: usize) -> Vec<u8> {
    bytes.get(..longest).unwrap_or(bytes).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leaves_first() {
        let mut pending = PendingTable::new();
        let limit = LIMIT as u64;
        for key in 0..limit {
            assert_eq!(pending.insert(key, key), None);
        }
        assert_eq!(pending.insert(limit, limit), Some(0));
        assert_eq!(pending.insert(limit + 1, 1), Some(1));
        assert_eq!(pending.drain().len(), LIMIT);
    }

    #[test]
    fn a_name_in_use_again_is_young() {
        let mut pending = PendingTable::new();
        pending.insert(7, 1);
        pending.remove(7);
        pending.insert(7, 2);
        for key in 100..100 + LIMIT as u64 - 1 {
            pending.insert(key, 0);
        }
        assert_eq!(pending.get_mut(7), Some(&mut 2));
    }
}
