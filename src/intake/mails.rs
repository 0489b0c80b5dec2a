//! What is known of the mails in flight: a table of fixed size, in which the longest untouched give way.

use std::net::IpAddr;

/// Together a quarter of a million mails, in some 12 MiB.
const SETS: usize = 1 << 15;
const WAYS: usize = 8;

/// What lines said of a mail before it met its fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) size: Option<u32>,
    pub(super) recipients: u16,
    /// Who sent it to us, as long as that mail does not count as passed.
    pub(super) client: Option<IpAddr>,
}

/// The table. A mail goes by a hash of its name; no two mails in flight share one, but for chances of one in 10^12.
pub(super) struct Mails {
    sets: Vec<Set>,
}

/// The one touched last comes first.
type Set = [(u64, Mail); WAYS];

impl Mails {
    pub(super) fn new() -> Self {
        Self { sets: vec![[(0, Mail::default()); WAYS]; SETS] }
    }

    /// What is known of a mail.
    pub(super) fn get(&self, key: u64) -> Option<&Mail> {
        self.sets[Self::set_of(key)].iter().find(|(known, _)| *known == key).map(|(_, mail)| mail)
    }

    /// The mail, to be changed; unknown ones are new.
    pub(super) fn touch(&mut self, key: u64) -> &mut Mail {
        let set = &mut self.sets[Self::set_of(key)];
        if let Some(at) = set.iter().position(|(known, _)| *known == key) {
            set[..=at].rotate_right(1);
        } else {
            set.rotate_right(1);
            set[0] = (key, Mail::default());
        }
        &mut set[0].1
    }

    fn set_of(key: u64) -> usize {
        (key >> 32) as usize % SETS
    }
}

/// FNV-1a with a last stir: names differ in few characters, and sets are chosen by the upper half. Never zero, which means empty.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.iter().copied().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (hash ^ (hash >> 32)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_mails_give_way_and_touched_ones_stay() {
        let mut mails = Mails::new();
        let keys: Vec<u64> = (1..=u64::try_from(WAYS).expect("a small number") + 1).collect();
        mails.touch(keys[0]).size = Some(7);
        for key in &keys[1..WAYS] {
            mails.touch(*key);
        }
        mails.touch(keys[0]);
        mails.touch(keys[WAYS]);
        assert_eq!(mails.get(keys[0]).and_then(|mail| mail.size), Some(7));
        assert_eq!(mails.get(keys[1]), None);
        assert!(mails.get(keys[WAYS]).is_some());
    }

    #[test]
    fn parts_of_a_name_do_not_run_together() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }
}
