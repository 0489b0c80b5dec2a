//! What was said on one connection, and whether it had to be said again: then packets are lost, whatever their size.

use crate::model::{Segment, SeqNumber};

/// How far our own segments have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SentRange {
    end: Option<SeqNumber>,
    is_repeated: bool,
}

impl SentRange {
    /// A segment leaves. What acknowledges alone has no place of its own.
    pub(super) fn note(&mut self, segment: &Segment) {
        if segment.sequence_len() == 0 {
            return;
        }
        self.is_repeated |= self.end.is_some_and(|end| end.is_after(segment.seq));
        let end = segment.seq + segment.sequence_len();
        self.end = Some(self.end.filter(|known| known.is_after(end)).unwrap_or(end));
    }

    /// Whether something was said twice.
    pub(super) fn is_repeated(&self) -> bool {
        self.is_repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flags;

    #[test]
    fn only_what_was_said_before_is_said_again() {
        let mut sent = SentRange::default();
        let mut say = |seq: u32, len: usize| {
            let mut segment = Segment::new(40_000, 25, SeqNumber(seq), SeqNumber(0), Flags::PSH_ACK);
            segment.payload = vec![0; len].into();
            sent.note(&segment);
            sent.is_repeated()
        };
        assert!(!say(10, 5) && !say(15, 5), "one after the other");
        assert!(!say(12, 0), "an acknowledgment");
        assert!(say(15, 5));
    }
}
