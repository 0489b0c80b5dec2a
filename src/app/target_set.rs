//! Which targets a run has met: a set that stays small in lists of millions.

use super::target_key::TargetKey;

/// Targets that are known, 8 bytes each and at most an eighth more, besides what the allocator adds: 11 bytes of a process for each of
/// a million.
///
/// Of a key 76 bits are looked at: the group says 12, its list 64. So two targets are taken for the same with a chance of 2⁻⁷⁶ for each
/// pair, which is 7 · 10⁻¹² for a list of a million and 7 · 10⁻⁸ for a hundred million.
#[derive(Debug)]
pub(super) struct TargetSet {
    /// Each is sorted. All grow at the same pace, since keys are spread evenly, and none is ever long: there is no moment at which
    /// the whole set has to move.
    groups: Vec<Vec<u64>>,
}

const GROUP_BITS: u32 = 12;

impl Default for TargetSet {
    fn default() -> Self {
        Self { groups: vec![Vec::new(); 1 << GROUP_BITS] }
    }
}

impl TargetSet {
    /// Whether the target is new.
    pub(super) fn insert(&mut self, key: TargetKey) -> bool {
        let (group, rest) = place_of(key);
        let group = &mut self.groups[group];
        let Err(at) = group.binary_search(&rest) else { return false };
        if group.len() == group.capacity() {
            // Twice the room, as a Vec takes it, would be half empty on average.
            group.reserve_exact(group.len() / 8 + 8);
        }
        group.insert(at, rest);
        true
    }

    #[cfg(test)]
    pub(super) fn contains(&self, key: TargetKey) -> bool {
        let (group, rest) = place_of(key);
        self.groups[group].binary_search(&rest).is_ok()
    }
}

fn place_of(key: TargetKey) -> (usize, u64) {
    let (high, low) = key.spread();
    ((high >> (u64::BITS - GROUP_BITS)) as usize, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> TargetKey {
        TargetKey::of(&std::net::Ipv4Addr::from_bits(n).to_string())
    }

    #[test]
    fn each_target_is_new_once() {
        let mut set = TargetSet::default();
        for n in 0..100_000 {
            assert!(!set.contains(key(n)));
            assert!(set.insert(key(n)), "{n}");
        }
        for n in 0..100_000 {
            assert!(set.contains(key(n)) && !set.insert(key(n)), "{n}");
        }
    }

    /// The allocator's own words, 8 for each piece of memory, come on top.
    #[test]
    fn a_target_takes_nine_bytes_and_no_group_is_long() {
        let mut set = TargetSet::default();
        let count = 400_000;
        for n in 0..count {
            set.insert(key(n));
        }
        let room: usize = set.groups.iter().map(Vec::capacity).sum();
        assert!(room * size_of::<u64>() <= count as usize * 9 + set.groups.len() * 64, "{room}");
        // Addresses that follow each other are spread like chance: 98 in a group, give or take 10.
        let fair = count as usize >> GROUP_BITS;
        let lengths = set.groups.iter().map(Vec::len);
        assert!(lengths.clone().all(|length| length.abs_diff(fair) < fair * 6 / 10), "{:?}", lengths.max());
    }
}
