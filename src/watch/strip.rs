//! The last rounds of an address, one mark each.

use std::collections::VecDeque;

use crate::model::RoundMark;

/// Five hours of rounds five minutes apart.
const LONGEST: usize = 60;

/// Marks of the last rounds, the oldest first. It does not grow beyond its length.
#[derive(Clone, Debug, Default)]
pub struct Strip(VecDeque<RoundMark>);

impl Strip {
    /// The marks.
    pub fn marks(&self) -> impl DoubleEndedIterator<Item = RoundMark> + ExactSizeIterator {
        self.0.iter().copied()
    }

    pub(super) fn push(&mut self, mark: RoundMark) {
        if self.0.len() == LONGEST {
            self.0.pop_front();
        }
        self.0.push_back(mark);
    }
}
