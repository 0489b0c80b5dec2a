//! What waits for a line that completes it.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::intake::event::PeerRef;
use crate::model::{MailFlow, Stage};

use super::{Context, Stamp};

/// A few kilobytes each at worst, so a few MiB.
const LIMIT: usize = 4096;
const LONGEST_LINE: usize = 400;
const LONGEST_NAME: usize = 255;

/// Entries by the hash of their name; beyond the limit the oldest leaves.
pub(super) struct Waiting<T> {
    entries: HashMap<u64, (u64, T)>,
    order: VecDeque<(u64, u64)>,
    serial: u64,
}

/// A mail that hung at a relay of which only the name is known so far.
pub(super) struct Hung {
    pub(super) mail: Vec<u8>,
    pub(super) relay: Vec<u8>,
    pub(super) stage: Stage,
    pub(super) host: Vec<u8>,
    pub(super) stamp: Stamp,
    pub(super) line: Vec<u8>,
}

/// A session of which a later line says only the name.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) flow: MailFlow,
    name: Vec<u8>,
    pub(super) address: Option<IpAddr>,
    port: Option<u16>,
    pub(super) is_up: bool,
    pub(super) has_mail: bool,
}

impl<T> Waiting<T> {
    pub(super) fn new() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), serial: 0 }
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.entries.get_mut(&key).map(|(_, entry)| entry)
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<T> {
        self.entries.remove(&key).map(|(_, entry)| entry)
    }

    /// Puts an entry in the place of one of the same name, and returns the one for which there is no more room.
    pub(super) fn insert(&mut self, key: u64, entry: T) -> Option<T> {
        self.serial += 1;
        self.entries.insert(key, (self.serial, entry));
        self.order.push_back((key, self.serial));
        if self.order.len() <= LIMIT {
            return None;
        }
        let (oldest, serial) = self.order.pop_front()?;
        // The name may be in use again, by an entry that is younger.
        let is_same = self.entries.get(&oldest).is_some_and(|(current, _)| *current == serial);
        if is_same { self.remove(oldest) } else { None }
    }

    /// All that is left, the oldest first.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let mut left: Vec<(u64, T)> = self.entries.drain().map(|(_, entry)| entry).collect();
        self.order.clear();
        left.sort_by_key(|(serial, _)| *serial);
        left.into_iter().map(|(_, entry)| entry).collect()
    }
}

impl Hung {
    pub(super) fn new(mail: &[u8], relay: &[u8], stage: Stage, context: &Context<'_>) -> Self {
        Self {
            mail: mail.to_owned(),
            relay: cut(relay, LONGEST_NAME),
            stage,
            host: cut(context.host, LONGEST_NAME),
            stamp: context.stamp,
            line: cut(context.line, LONGEST_LINE),
        }
    }
}

impl Session {
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
        let mut waiting = Waiting::new();
        let limit = LIMIT as u64;
        for key in 0..limit {
            assert_eq!(waiting.insert(key, key), None);
        }
        assert_eq!(waiting.insert(limit, limit), Some(0));
        assert_eq!(waiting.insert(limit + 1, 1), Some(1));
        assert_eq!(waiting.drain().len(), LIMIT);
    }

    #[test]
    fn a_name_in_use_again_is_young() {
        let mut waiting = Waiting::new();
        waiting.insert(7, 1);
        waiting.remove(7);
        waiting.insert(7, 2);
        for key in 100..100 + LIMIT as u64 - 1 {
            waiting.insert(key, 0);
        }
        assert_eq!(waiting.get_mut(7), Some(&mut 2));
    }
}
