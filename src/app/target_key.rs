//! What makes two targets the same, on every machine: FNV-1a over the text.

/// 128 bits, so that no two of millions of targets meet by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TargetKey(u128);

impl TargetKey {
    /// Names are the same in upper and lower case, with and without the final dot.
    pub(super) fn of(target: &str) -> Self {
        const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let text = target.trim_end_matches('.').bytes().map(|byte| byte.to_ascii_lowercase());
        Self(text.fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME)))
    }

    /// An even share for each of `of` parts: the low bits of FNV alone depend on too little of the text.
    pub(super) fn part(self, of: u32) -> u32 {
        let (high, low) = self.halves();
        (finalized(low ^ high) % u64::from(of.max(1))) as u32
    }

    /// The same 128 bits, each of which depends on all of the text: any part of them is as good as any other. A Feistel network, so
    /// different keys stay different.
    pub(super) fn spread(self) -> (u64, u64) {
        let (mut high, mut low) = self.halves();
        low ^= finalized(high);
        high ^= finalized(low);
        low ^= finalized(high);
        (high, low)
    }

    fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }
}

/// The finalizer of SplitMix64.
fn finalized(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_makes_no_other_target() {
        assert_eq!(TargetKey::of("MX.example.com."), TargetKey::of("mx.example.com"));
        assert_ne!(TargetKey::of("mx1.example.com"), TargetKey::of("mx2.example.com"));
        assert_ne!(TargetKey::of("mx.example.com:587"), TargetKey::of("mx.example.com"));
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // draft-eastlake-fnv, test vectors for 128 bits: "" and "a".
        assert_eq!(TargetKey::of("").0, 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(TargetKey::of("a").0, 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn every_bit_of_a_spread_key_depends_on_the_text() {
        let count = 4096;
        let mut ones = [0_u32; 128];
        for n in 0..count {
            let (high, low) = TargetKey::of(&format!("10.64.{}.{}", n / 250, n % 250)).spread();
            let bits = (u128::from(high) << 64) | u128::from(low);
            ones.iter_mut().enumerate().for_each(|(bit, ones)| *ones += u32::from(bits >> bit & 1 == 1));
        }
        // Chance gives 2048, give or take 32.
        assert!(ones.iter().all(|ones| ones.abs_diff(count / 2) < 200), "{ones:?}");
    }

    #[test]
    fn parts_are_even() {
        for of in [2, 3, 7] {
            let mut counts = vec![0_u32; of as usize];
            for n in 0..7000 {
                counts[TargetKey::of(&format!("10.0.{}.{}", n / 250, n % 250)).part(of) as usize] += 1;
            }
            let fair = 7000 / of;
            assert!(counts.iter().all(|&count| count.abs_diff(fair) < fair / 10), "{counts:?}");
        }
    }
}
