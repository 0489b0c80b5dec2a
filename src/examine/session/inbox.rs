//! The receiving half of a connection: what came in order, what came too early, and how far the peer says it is.

use bytes::Bytes;

use crate::model::{SackBlocks, Segment, SeqNumber};

/// Bytes of the peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    /// The peer's first byte.
    first: SeqNumber,
    next: SeqNumber,
    /// The first sequence number after all that the peer is known to have sent.
    reached: SeqNumber,
    in_order: Vec<u8>,
    /// Segments beyond a gap, in the order of their arrival: the latest first, as RFC 2018, section 4 wants them reported.
    early: Vec<Early>,
    finished: bool,
}

#[derive(Clone, Debug)]
struct Early {
    seq: SeqNumber,
    payload: Bytes,
    fin: bool,
}

impl Early {
    fn end(&self) -> SeqNumber {
        self.seq + self.payload.len() as u32 + u32::from(self.fin)
    }
}

/// Unread bytes kept at most: as many as an unscaled window can announce.
const MOST_RECEIVED: usize = 64 * 1024;
/// Segments kept beyond a gap.
const MOST_EARLY: usize = 256;
/// Bytes kept beyond a gap. A peer that keeps within the window has no more of them, but segments that overlap may hold the same
/// ones many times.
const MOST_EARLY_BYTES: usize = 2 * MOST_RECEIVED;
/// SACK blocks in one segment, as many as fit beside nothing else.
const MOST_BLOCKS: usize = 4;

impl Inbox {
    /// The peer's first byte has this number.
    pub(crate) fn starting_at(first: SeqNumber) -> Self {
        Self { first, next: first, reached: first, ..Self::default() }
    }

    /// The next byte expected (RCV.NXT).
    pub(crate) fn next(&self) -> SeqNumber {
        self.next
    }

    /// The first sequence number after all that the peer is known to have sent: its SND.NXT, as far as seen.
    pub(crate) fn reached(&self) -> SeqNumber {
        self.reached
    }

    /// Where the gap ends, if bytes beyond one have arrived.
    pub(crate) fn gap_end(&self) -> Option<SeqNumber> {
        self.early.iter().map(|early| early.seq).min_by_key(|seq| seq.distance(self.next))
    }

    /// The peer ended its direction.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn in_order(&self) -> &[u8] {
        &self.in_order
    }

    pub(crate) fn consume(&mut self, len: usize) {
        self.in_order.drain(..len.min(self.in_order.len()));
    }

    /// Whether a sequence number may be one of this peer: in the window, or of bytes that came before (RFC 9293, 3.10.7.4).
    pub(crate) fn accepts(&self, segment: &Segment) -> bool {
        let is_early = segment.seq.bytes_since(self.next).is_some_and(|ahead| ahead as usize <= MOST_RECEIVED);
        is_early || (!self.first.is_after(segment.seq) && !segment.seq.is_after(self.next))
    }

    /// Whether a segment is the one before the first byte: the SYN.
    pub(crate) fn begins_after(&self, segment: &Segment) -> bool {
        segment.seq + 1 == self.first
    }

    /// Takes in a segment. Returns whether it brought the next byte.
    pub(crate) fn take(&mut self, segment: &Segment) -> bool {
        let end = segment.seq + segment.sequence_len();
        // A number far ahead is none of this connection.
        if end.bytes_since(self.next).is_some_and(|ahead| ahead as usize <= MOST_RECEIVED) && end.is_after(self.reached)
        {
            self.reached = end;
        }
        if segment.sequence_len() == 0 || self.finished {
            return false;
        }
        let early = Early { seq: segment.seq, payload: segment.payload.clone(), fin: segment.flags.fin };
        if segment.seq.is_after(self.next) {
            self.keep(early);
            return false;
        }
        let moved = self.append(&early);
        while let Some(at) = self.early.iter().position(|early| !early.seq.is_after(self.next)) {
            let early = self.early.remove(at);
            self.append(&early);
        }
        moved
    }

    fn keep(&mut self, early: Early) {
        let is_near = early.end().bytes_since(self.next).is_some_and(|ahead| ahead as usize <= MOST_RECEIVED);
        self.early.retain(|known| known.seq != early.seq || known.end().is_after(early.end()));
        let kept: usize = self.early.iter().map(|known| known.payload.len()).sum();
        let has_room = self.early.len() < MOST_EARLY && kept + early.payload.len() <= MOST_EARLY_BYTES;
        if is_near && has_room && self.early.iter().all(|known| known.seq != early.seq) {
            self.early.insert(0, early);
        }
    }

    fn append(&mut self, early: &Early) -> bool {
        let Some(skip) = self.next.bytes_since(early.seq) else { return false };
        // Nothing follows a FIN (RFC 9293, 3.10.7.4).
        if self.finished || !early.end().is_after(self.next) {
            return false;
        }
        let fresh = early.payload.get(skip as usize..).unwrap_or_default();
        let room = MOST_RECEIVED.saturating_sub(self.in_order.len());
        self.in_order.extend_from_slice(fresh.get(..room.min(fresh.len())).unwrap_or_default());
        self.next = early.end();
        self.finished |= early.fin;
        true
    }

    /// What lies beyond the gap, for the sender's eyes (RFC 2018).
    pub(crate) fn sack_blocks(&self) -> SackBlocks {
        let mut blocks: Vec<(SeqNumber, SeqNumber)> = Vec::new();
        for early in &self.early {
            let (mut left, mut right) = (early.seq, early.end());
            // Neighbours make one block.
            blocks.retain(|&(l, r)| {
                let touches = !l.is_after(right) && !left.is_after(r);
                if touches {
                    left = if left.is_after(l) { l } else { left };
                    right = if r.is_after(right) { r } else { right };
                }
                !touches
            });
            blocks.push((left, right));
        }
        let mut sack = SackBlocks::default();
        for (left, right) in blocks.into_iter().take(MOST_BLOCKS) {
            sack.push(left, right);
        }
        sack
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flags;

    fn segment(seq: u32, payload: &'static [u8]) -> Segment {
        let mut segment = Segment::new(25, 40_000, SeqNumber(seq), SeqNumber(0), Flags::PSH_ACK);
        segment.payload = Bytes::from_static(payload);
        segment
    }

    fn blocks(inbox: &Inbox) -> Vec<(u32, u32)> {
        inbox.sack_blocks().iter().map(|(left, right)| (left.0, right.0)).collect()
    }

    #[test]
    fn bytes_beyond_a_gap_are_kept_reported_and_used_once_it_closes() {
        let mut inbox = Inbox::starting_at(SeqNumber(100));
        assert!(!inbox.take(&segment(106, b"ghi")));
        assert!(!inbox.take(&segment(112, b"m")));
        assert_eq!(blocks(&inbox), [(112, 113), (106, 109)], "the latest first");
        assert!(!inbox.take(&segment(109, b"jkl")));
        assert_eq!(blocks(&inbox), [(106, 113)], "neighbours are one block");
        assert_eq!((inbox.gap_end(), inbox.reached()), (Some(SeqNumber(106)), SeqNumber(113)));
        assert!(inbox.take(&segment(100, b"abcdef")));
        assert_eq!(
            (inbox.in_order(), inbox.next(), inbox.gap_end()),
            (b"abcdefghijklm".as_slice(), SeqNumber(113), None)
        );
        assert!(blocks(&inbox).is_empty());
    }

    #[test]
    fn what_overlaps_counts_once() {
        let mut inbox = Inbox::starting_at(SeqNumber(u32::MAX - 1));
        assert!(inbox.take(&segment(u32::MAX - 1, b"abc")));
        assert!(!inbox.take(&segment(u32::MAX - 1, b"abc")));
        assert!(inbox.take(&segment(u32::MAX, b"bcde")));
        assert_eq!((inbox.in_order(), inbox.next()), (b"abcde".as_slice(), SeqNumber(3)));
    }

    /// Fragments make segments of nearly 64 KiB, and each may begin one byte later than the one before.
    #[test]
    fn segments_that_overlap_take_little_memory() {
        static LARGE: [u8; 60_000] = [b'a'; 60_000];
        let mut inbox = Inbox::starting_at(SeqNumber(100));
        for shift in 0..200 {
            inbox.take(&segment(110 + shift, &LARGE));
        }
        let kept: usize = inbox.early.iter().map(|early| early.payload.len()).sum();
        assert!(kept <= 128 * 1024, "{kept} bytes");
        // What fills the gap is still used.
        assert!(inbox.take(&segment(100, b"0123456789")));
        assert!(inbox.next().is_after(SeqNumber(60_000)));
    }

    /// A pure ACK carries SND.NXT (RFC 9293, 3.10.7.4), which is more than what arrived if segments were lost.
    #[test]
    fn an_acknowledgment_tells_how_far_the_peer_has_come() {
        let mut inbox = Inbox::starting_at(SeqNumber(100));
        inbox.take(&segment(3000, b""));
        assert_eq!((inbox.next(), inbox.reached()), (SeqNumber(100), SeqNumber(3000)));
        inbox.take(&segment(1 << 30, b""));
        assert_eq!(inbox.reached(), SeqNumber(3000), "no window allows that");
    }

    #[test]
    fn a_fin_beyond_a_gap_waits() {
        let mut inbox = Inbox::starting_at(SeqNumber(100));
        let mut last = segment(103, b"d");
        last.flags.fin = true;
        assert!(!inbox.take(&last));
        assert!(!inbox.is_finished());
        assert!(inbox.take(&segment(100, b"abc")));
        assert!(inbox.is_finished());
        assert_eq!(inbox.next(), SeqNumber(105));
    }

    /// Neither what came early nor what comes late.
    #[test]
    fn what_stands_behind_a_fin_is_no_part_of_the_stream() {
        let mut inbox = Inbox::starting_at(SeqNumber(100));
        let mut last = segment(100, b"abc");
        last.flags.fin = true;
        assert!(!inbox.take(&segment(104, b"early")));
        assert!(inbox.take(&last));
        assert!(!inbox.take(&segment(104, b"late")));
        assert_eq!((inbox.in_order(), inbox.next()), (b"abc".as_slice(), SeqNumber(104)));
        assert!(inbox.is_finished());
    }
}
