//! Intervals in their order, so that one is found by halving.

/// Intervals that share nothing, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Intervals<T>(Box<[(T, T)]>);

impl<T: Ord + Copy> Intervals<T> {
    pub(super) fn of(mut all: Vec<(T, T)>) -> Self {
        all.sort_unstable();
        all.dedup_by(|next, before| {
            let is_part = next.0 <= before.1;
            if is_part {
                before.1 = before.1.max(next.1);
            }
            is_part
        });
        Self(all.into())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The one that holds the value.
    pub(super) fn around(&self, value: T) -> Option<(T, T)> {
        let after = self.0.partition_point(|(first, _)| *first <= value);
        self.0.get(after.checked_sub(1)?).copied().filter(|(_, last)| value <= *last)
    }
}
