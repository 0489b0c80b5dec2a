//! Random numbers from a seed: the same plan gives the same packets.

use crate::model::Plan;

/// The number of the first echo request of an examination: whoever knows no more than the addresses shall have to guess it, to
/// forge a message about one.
pub(super) fn first_echo(plan: &Plan) -> u16 {
    Random::new(!plan.seed).next() as u16
}

/// SplitMix64: reproducible, and good enough for sequence numbers that need no secrecy from the network.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
