//! What is known of the mails in flight, in a table of fixed size. A new mail evicts the least recently used one.

use std::net::IpAddr;

/// Together they hold a quarter of a million mails in about 12 MiB.
const SETS: usize = 1 << 15;
const WAYS: usize = 8;

/// What lines say of a mail before it passes or stalls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MailInFlight {
    pub(super) size: Option<u32>,
    pub(super) recipients: u16,
    /// The client that sent it, until the mail counts as passed.
    pub(super) client: Option<IpAddr>,
    /// Whether its client fell silent before the end. A line about its size may still follow.
    pub(super) is_abandoned: bool,
}

/// The table. The key of a mail is a hash of its name. Two mails in flight share a key with a probability of 10^-12.
pub(super) struct MailTable {
    sets: Vec<Bucket>,
}

/// The most recently used mail comes first.
type Bucket = [(u64, MailInFlight); WAYS];

impl MailTable {
    pub(super) fn new() -> Self {
        Self { sets: vec![[(0, MailInFlight::default()); WAYS]; SETS] }
    }

    /// What is known of a mail.
    pub(super) fn get(&self, key: u64) -> Option<&MailInFlight> {
        self.sets[Self::set_of(key)].iter().find(|(known, _)| *known == key).map(|(_, mail)| mail)
    }

    /// The mail, to be changed. Adds it if it is not known.
    pub(super) fn touch(&mut self, key: u64) -> &mut MailInFlight {
        let set = &mut self.sets[Self::set_of(key)];
        if let Some(at) = set.iter().position(|(known, _)| *known == key) {
            set[..=at].rotate_right(1);
        } else {
            set.rotate_right(1);
            set[0] = (key, MailInFlight::default());
        }
        &mut set[0].1
    }

    fn set_of(key: u64) -> usize {
        (key >> 32) as usize % SETS
    }
}

/// FNV-1a with a final mix, because names differ in few characters and the upper half selects the bucket. Never zero, because zero
/// means empty.
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
        let mut mails = MailTable::new();
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
