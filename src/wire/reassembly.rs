//! Reassembles fragments (RFC 791, 3.2; RFC 8200, 4.5) within limits that no sender can exceed.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{PacketSize, Timestamp};

use super::piece::{self, FragmentKey, More, Piece};

/// A packet is given up if its fragments have not all come after this time. RFC 8200 asks for 60 s, Linux waits 30 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest number of packets whose fragments are collected.
const MOST_PACKETS: usize = 256;
/// The largest payload of all fragments together: over sixty of the largest packets.
const MOST_BYTES: usize = 4 << 20;
/// The largest number of fragments of one packet. The largest packet takes 119 on a link with an MTU of 576.
const MOST_PIECES: usize = 128;

/// Collects fragments.
///
/// A packet whose fragments overlap is discarded, with its later fragments. RFC 5722 demands it for IPv6, and correct
/// senders and routers produce no overlaps in IPv4 either. A repeated fragment is no overlap, because networks duplicate
/// packets. If a limit is reached, the oldest packet is dropped.
#[derive(Debug, Default)]
pub struct Reassembler {
    /// In the order in which their first fragments came.
    pending: VecDeque<PendingPacket>,
    /// The payload of all fragments in `pending`.
    bytes: usize,
}

/// A reassembled packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassembled {
    /// Its bytes, from the IP header on, as its sender made them.
    pub bytes: Vec<u8>,
    /// The size of its largest fragment on the wire.
    pub largest_fragment: PacketSize,
}

#[derive(Debug)]
struct PendingPacket {
    key: FragmentKey,
    since: Timestamp,
    state: FragmentState,
}

#[derive(Debug)]
enum FragmentState {
    Collecting(Collection),
    /// Its fragments are dropped, those to come too.
    Discarded,
}

impl Reassembler {
    /// Takes a fragment. Returns the packet if this was the last missing fragment.
    pub fn add(&mut self, piece: &Piece<'_>, now: Timestamp) -> Option<Reassembled> {
        self.forget(now);
        let index = self.pending.iter().position(|pending| pending.key == piece.key);
        let index = index.unwrap_or_else(|| self.begin(piece.key, now));
        let FragmentState::Collecting(collection) = &mut self.pending.get_mut(index)?.state else { return None };
        let before = collection.bytes;
        let completeness = collection.add(piece);
        self.bytes += collection.bytes - before;
        match completeness {
            Completeness::Incomplete => {
                self.make_room();
                None
            }
            Completeness::Complete => self.remove(index).and_then(Collection::join),
            Completeness::Contradiction => {
                self.bytes -= collection.bytes;
                self.pending.get_mut(index)?.state = FragmentState::Discarded;
                None
            }
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while self.pending.front().is_some_and(|oldest| now.since(oldest.since) >= PATIENCE) {
            self.remove(0);
        }
    }

    fn begin(&mut self, key: FragmentKey, now: Timestamp) -> usize {
        if self.pending.len() >= MOST_PACKETS {
            self.remove(0);
        }
        self.pending.push_back(PendingPacket {
            key,
            since: now,
            state: FragmentState::Collecting(Collection::default()),
        });
        self.pending.len() - 1
    }

    fn make_room(&mut self) {
        while self.bytes > MOST_BYTES && !self.pending.is_empty() {
            self.remove(0);
        }
    }

    fn remove(&mut self, index: usize) -> Option<Collection> {
        match self.pending.remove(index)?.state {
            FragmentState::Collecting(collection) => {
                self.bytes -= collection.bytes;
                Some(collection)
            }
            FragmentState::Discarded => None,
        }
    }
}

/// The fragments of one packet, in the order of their places.
#[derive(Debug, Default)]
struct Collection {
    parts: Vec<Part>,
    bytes: usize,
    /// The headers of the whole packet, from the first fragment. The length is not set.
    head: Option<Vec<u8>>,
    /// The length of the payload, from the last fragment.
    end: Option<usize>,
    largest: u32,
}

#[derive(Debug)]
struct Part {
    start: usize,
    payload: Vec<u8>,
    more: More,
}

impl Part {
    fn end(&self) -> usize {
        self.start + self.payload.len()
    }
}

enum Completeness {
    Incomplete,
    Complete,
    Contradiction,
}

impl Collection {
    fn add(&mut self, piece: &Piece<'_>) -> Completeness {
        let end = piece.start + piece.payload.len();
        let at = self.parts.partition_point(|part| part.start < piece.start);
        if self.parts.get(at).is_some_and(|part| part.start == piece.start && is_same(part, piece)) {
            return Completeness::Incomplete;
        }
        let before = at.checked_sub(1).and_then(|index| self.parts.get(index));
        let overlaps = before.is_some_and(|part| part.end() > piece.start)
            || self.parts.get(at).is_some_and(|part| part.start < end);
        let beyond = match (piece.more, self.end) {
            (_, Some(known)) if end > known => true,
            (More::None, Some(_)) => true,
            (More::None, None) => self.parts.last().is_some_and(|part| part.end() > end),
            _ => false,
        };
        if overlaps || beyond || self.parts.len() >= MOST_PIECES {
            return Completeness::Contradiction;
        }
        self.keep(at, piece);
        if self.is_complete() { Completeness::Complete } else { Completeness::Incomplete }
    }

    fn keep(&mut self, at: usize, piece: &Piece<'_>) {
        let part = Part { start: piece.start, payload: piece.payload.to_vec(), more: piece.more };
        if piece.more == More::None {
            self.end = Some(part.end());
        }
        if let Some(head) = piece.head() {
            self.head = Some(head);
        }
        self.bytes += part.payload.len();
        self.largest = self.largest.max(piece.wire_len);
        self.parts.insert(at, part);
    }

    /// Parts never overlap, so their sum tells whether one is missing.
    fn is_complete(&self) -> bool {
        self.end == Some(self.bytes) && self.head.is_some()
    }

    /// `None` if headers and payload together are longer than a packet can be.
    fn join(self) -> Option<Reassembled> {
        let mut bytes = self.head?;
        let head = bytes.len();
        for part in &self.parts {
            bytes.extend_from_slice(&part.payload);
        }
        piece::set_length(&mut bytes, head)?;
        Some(Reassembled { bytes, largest_fragment: PacketSize::new(self.largest) })
    }
}

fn is_same(part: &Part, piece: &Piece<'_>) -> bool {
    part.more == piece.more && part.payload == piece.payload
}
