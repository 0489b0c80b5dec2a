//! Ranges of the sequence space that are old to the peer: each is used for one probe, so that a D-SACK names that probe.

use crate::model::SeqNumber;

/// The ranges that probes have used, and the one that in-order bytes keep for themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct OldRanges {
    /// How far below the newest old byte the next range ends.
    depth: u32,
    used: Vec<UsedRange>,
    reserved: Option<Reserved>,
}

#[derive(Clone, Copy, Debug)]
struct UsedRange {
    start: SeqNumber,
    end: SeqNumber,
    user: RangeUser,
    /// It may be used again. Late messages about the probe are known all the same.
    is_free: bool,
}

/// Who uses a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeUser {
    /// The search for sizes.
    Search,
    /// The trace of hops.
    Trace,
    /// The question who answers.
    WhoAnswers,
}

/// Bytes that are sent in order, whole and cut into equal pieces.
#[derive(Clone, Copy, Debug)]
struct Reserved {
    start: SeqNumber,
    len: u32,
    piece: u32,
}

/// Probes use at most so many bytes of the sequence space below the newest old byte.
const MOST_DEPTH: u32 = 4000;

impl OldRanges {
    /// A range of `len` bytes below `highest`, unlike that of every other probe.
    ///
    /// The end moves by one for each probe, so every D-SACK names one probe. Two probes with the same start would make
    /// Linux choose another path for its answers (`sk_rethink_txhash`), and a start that equals another's end would let
    /// GRO merge the two.
    pub(super) fn allocate(&mut self, highest: SeqNumber, len: u32, user: RangeUser) -> Option<(SeqNumber, SeqNumber)> {
        for _ in 0..=2 * self.used.len() + 16 {
            let end = highest - self.depth;
            let start = end - len;
            self.depth = (self.depth + 1) % MOST_DEPTH;
            let mut taken = self.used.iter().filter(|used| !used.is_free);
            let clashes = taken.any(|used| used.start == start || used.end == end);
            if !clashes && !self.is_reserved(start) {
                self.used.push(UsedRange { start, end, user, is_free: false });
                return Some((start, end));
            }
        }
        None
    }

    /// Lets go of the ranges of a search that begins anew: no answer to its old probes counts any more.
    pub(super) fn forget(&mut self, user: RangeUser) {
        for used in self.used.iter_mut().filter(|used| used.user == user) {
            used.is_free = true;
        }
    }

    /// How many bytes the newest segment that begins here has. No probe begins where in-order bytes do, once they have their place.
    pub(super) fn len_from(&self, start: SeqNumber) -> Option<u32> {
        let in_order = self.reserved.and_then(|reserved| reserved.len_from(start));
        in_order.or_else(|| {
            let newest = self.used.iter().rev().find(|used| used.start == start)?;
            newest.end.bytes_since(newest.start)
        })
    }

    /// Keeps the starts of in-order segments free: the whole range from `start`, and the pieces that it is cut into.
    pub(super) fn reserve(&mut self, start: SeqNumber, len: u32, piece: u32) {
        self.reserved = Some(Reserved { start, len, piece });
    }

    /// Whether an in-order segment begins here. A D-SACK about it could be about a probe as well.
    pub(super) fn is_reserved(&self, start: SeqNumber) -> bool {
        self.reserved.is_some_and(|reserved| reserved.len_from(start).is_some())
    }
}

impl Reserved {
    /// The bytes of the largest in-order segment that begins here: they are sent whole, and then in pieces.
    fn len_from(self, start: SeqNumber) -> Option<u32> {
        let offset = start.bytes_since(self.start).filter(|&offset| offset < self.len)?;
        match offset {
            0 => Some(self.len),
            _ => (offset % self.piece == 0).then(|| self.piece.min(self.len - offset)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGHEST: SeqNumber = SeqNumber(100);

    #[test]
    fn no_two_probes_share_an_end_of_their_range() {
        let mut ranges = OldRanges::default();
        let mut seen: Vec<(SeqNumber, SeqNumber)> = Vec::new();
        for len in [1460, 1, 1459, 1460, 28, 1458, 1457] {
            let (start, end) = ranges.allocate(HIGHEST, len, RangeUser::Search).expect("there is room");
            assert!(seen.iter().all(|&(s, e)| s != start && e != end), "{start} {end}");
            seen.push((start, end));
        }
    }

    #[test]
    fn in_order_segments_keep_their_starts() {
        let mut ranges = OldRanges::default();
        ranges.reserve(HIGHEST - 10, 10, 5);
        assert_eq!(ranges.allocate(HIGHEST, 10, RangeUser::Search), Some((HIGHEST - 11, HIGHEST - 1)));
        assert_eq!(ranges.allocate(HIGHEST, 3, RangeUser::Trace), Some((HIGHEST - 6, HIGHEST - 3)));
    }

    #[test]
    fn what_was_sent_stays_known_when_its_range_is_free_again() {
        let mut ranges = OldRanges::default();
        let (first, _) = ranges.allocate(HIGHEST, 1460, RangeUser::Search).expect("there is room");
        ranges.forget(RangeUser::Search);
        ranges.allocate(HIGHEST, 28, RangeUser::Search).expect("there is room");
        ranges.reserve(HIGHEST + 100, 1461, 1400);
        assert_eq!(ranges.len_from(first), Some(1460));
        assert_eq!(ranges.len_from(HIGHEST + 100), Some(1461), "in order, and whole");
        assert_eq!(ranges.len_from(HIGHEST + 1500), Some(61), "the rest of it");
        assert_eq!(ranges.len_from(first + 1), None);
    }
}
