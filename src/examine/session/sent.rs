//! The segments sent on one connection whose size is known: the SYN, and those over old bytes and in-order bytes.

use crate::model::{Family, PacketSize, Segment, SeqNumber};

use super::ranges::{OldRanges, RangeUser};

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) struct SentSegments {
    family: Family,
    syn: (SeqNumber, PacketSize),
    ranges: OldRanges,
}

impl SentSegments {
    pub(super) fn new(family: Family, syn: &Segment) -> Self {
        let size = PacketSize::new(family.tcp_headers() + syn.options_len() as u32);
        Self { family, syn: (syn.seq, size), ranges: OldRanges::default() }
    }

    /// The size of the packet whose segment begins here.
    pub(crate) fn size_of(&self, seq: SeqNumber) -> Option<PacketSize> {
        let (isn, size) = self.syn;
        let with_headers = |len: u32| PacketSize::new(self.family.tcp_headers() + len);
        if seq == isn { Some(size) } else { self.ranges.len_from(seq).map(with_headers) }
    }

    /// A range of old bytes below `highest`, unlike that of every other probe.
    pub(super) fn allocate(&mut self, highest: SeqNumber, len: u32, user: RangeUser) -> Option<(SeqNumber, SeqNumber)> {
        self.ranges.allocate(highest, len, user)
    }

    pub(super) fn forget(&mut self, user: RangeUser) {
        self.ranges.forget(user);
    }

    pub(super) fn reserve(&mut self, start: SeqNumber, len: u32, piece: u32) {
        self.ranges.reserve(start, len, piece);
    }

    pub(super) fn is_reserved(&self, start: SeqNumber) -> bool {
        self.ranges.is_reserved(start)
    }
}
