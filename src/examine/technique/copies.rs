//! Answers that the network delivers twice: only the identification in their IPv4 headers tells a copy from another answer.

use crate::model::{Family, Segment, SeqNumber};

/// The identifications of a peer's packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    last_bare_ack: Option<u16>,
    last_segment: Option<(u16, SeqNumber, SeqNumber)>,
    /// The peer gives all its packets one identification, as RFC 6864, 4.1, lets it with DF: that tells nothing.
    has_one: bool,
}

impl Copies {
    /// Takes note of any segment. Two different ones are no copies of each other.
    pub(super) fn note(&mut self, segment: &Segment, ip_id: u16) {
        let is_other = |last: &(u16, SeqNumber, SeqNumber)| (last.1, last.2) != (segment.seq, segment.ack);
        self.has_one |= self.last_segment.filter(is_other).is_some_and(|(id, ..)| id == ip_id);
        self.last_segment = Some((ip_id, segment.seq, segment.ack));
    }

    /// Whether an ACK that names nothing is a copy of the last one.
    pub(super) fn is_copy(&mut self, ip_id: u16, family: Family) -> bool {
        let tells = family == Family::V4 && ip_id != 0 && !self.has_one;
        self.last_bare_ack.replace(ip_id) == Some(ip_id) && tells
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Flags;

    use super::*;

    fn segment(seq: u32) -> Segment {
        Segment::new(25, 40_000, SeqNumber(seq), SeqNumber(1), Flags::ACK)
    }

    #[test]
    fn the_same_number_twice_is_a_copy_unless_all_have_it() {
        let mut copies = Copies::default();
        for (seq, id, is_copy) in [(1, 7, false), (2, 8, false), (2, 8, true), (2, 9, false)] {
            copies.note(&segment(seq), id);
            assert_eq!(copies.is_copy(id, Family::V4), is_copy, "{seq} {id}");
        }
        copies.note(&segment(3), 9);
        assert!(!copies.is_copy(9, Family::V4), "another segment with the number of the last");
        assert!(!copies.is_copy(9, Family::V4));
    }

    #[test]
    fn without_a_number_nothing_is_a_copy() {
        let mut copies = Copies::default();
        for _ in 0..2 {
            assert!(!copies.is_copy(0, Family::V4));
            assert!(!copies.is_copy(7, Family::V6));
        }
    }
}
