//! A table of bounded size: what was untouched for longest makes room.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key, of which the latest are kept.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: HashMap<K, (u64, V)>,
    most: usize,
    touches: u64,
}

impl<K: Copy + Eq + Hash, V: Default> Recent<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), most, touches: 0 }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value to change, a new one if there is none.
    pub(super) fn touch(&mut self, key: K) -> &mut V {
        self.touches += 1;
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.make_room();
        }
        let entry = self.entries.entry(key).or_default();
        entry.0 = self.touches;
        &mut entry.1
    }

    /// A quarter goes at once, so that the work for each stays small.
    fn make_room(&mut self) {
        let mut touched: Vec<u64> = self.entries.values().map(|(touched, _)| *touched).collect();
        let quarter = touched.len() / 4;
        let (_, border, _) = touched.select_nth_unstable(quarter);
        let border = *border;
        self.entries.retain(|_, (touched, _)| *touched > border);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_untouched_make_room() {
        let mut table = Recent::<u32, u32>::new(8);
        for key in 0..8 {
            *table.touch(key) = key;
        }
        let _ = table.touch(0);
        let _ = table.touch(100);
        assert!(table.get(&0).is_some() && table.get(&100).is_some() && table.get(&7).is_some());
        assert_eq!(table.get(&1), None);
        for key in 0..10_000 {
            let _ = table.touch(key);
        }
        assert!(table.entries.len() <= 8);
    }
}
