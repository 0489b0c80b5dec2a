//! How much work one question about the rules may take. Steps are counted, not time: the answer is the same on every host.

use std::cell::Cell;

/// What is left of it. A step is a rule, a test of a rule, or an element of a set that is looked at.
#[derive(Debug)]
pub(super) struct Steps {
    left: Cell<u64>,
}

impl Steps {
    /// A rule takes some ten steps, and a message is led through all of them three times: 50 000 rules, or a tenth of a second.
    pub(super) const OF_A_QUESTION: u64 = 8_000_000;
    /// A run asks about many addresses. After this, some seconds, it asks no more.
    pub(super) const OF_A_RUN: u64 = 200_000_000;

    pub(super) fn new(left: u64) -> Self {
        Self { left: Cell::new(left) }
    }

    /// Whether one more may be taken. Once one may not, none may.
    pub(super) fn take(&self) -> bool {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        left > 0
    }

    /// Gives up: the answer is this.
    pub(super) fn use_up<T>(&self, answer: T) -> T {
        self.left.set(0);
        answer
    }

    pub(super) fn are_used_up(&self) -> bool {
        self.left.get() == 0
    }

    /// Takes a share of these, to be given back with [`Steps::put_back`].
    pub(super) fn lend(&self, most: u64) -> Self {
        let lent = most.min(self.left.get());
        self.left.set(self.left.get() - lent);
        Self::new(lent)
    }

    pub(super) fn put_back(&self, rest: &Self) {
        self.left.set(self.left.get() + rest.left.get());
    }
}
