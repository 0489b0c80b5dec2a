//! Who answers packets of ours by "unreachable" or by a reset, and from which size on.

use std::net::IpAddr;

use crate::model::{PacketSize, RejectedBy, Rejection};

/// Such answers, by sender and kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct RejectionLog {
    entries: Vec<Rejection>,
}

/// A hostile network may send what it likes.
const MOST_ENTRIES: usize = 16;

/// One alone may be an accident: a route that flaps, a server that restarts.
const LEAST: u32 = 2;

impl RejectionLog {
    /// Notes an answer about a packet of this size.
    pub(crate) fn note(&mut self, from: IpAddr, by: RejectedBy, size: PacketSize) {
        if let Some(known) = self.entries.iter_mut().find(|known| (known.from, known.by) == (from, by)) {
            known.smallest = known.smallest.min(size);
            known.count = known.count.saturating_add(1);
        } else if self.entries.len() < MOST_ENTRIES {
            self.entries.push(Rejection { from, by, smallest: size, count: 1 });
        }
    }

    /// Those about packets alone that are larger than what passes.
    pub(crate) fn above(&self, passes: PacketSize) -> Vec<Rejection> {
        self.entries.iter().copied().filter(|entry| entry.smallest > passes && entry.count >= LEAST).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const BOX: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 6));

    fn log(sizes: &[u32]) -> Vec<Rejection> {
        let mut log = RejectionLog::default();
        for size in sizes {
            log.note(BOX, RejectedBy::Icmp(13), PacketSize::new(*size));
        }
        log.above(PacketSize::new(1400))
    }

    #[test]
    fn answers_to_large_packets_alone_are_told() {
        let smallest = PacketSize::new(1401);
        assert_eq!(log(&[1500, 1401]), [Rejection { from: BOX, by: RejectedBy::Icmp(13), smallest, count: 2 }]);
    }

    #[test]
    fn who_refuses_small_packets_too_does_not_go_by_size() {
        assert_eq!(log(&[1500, 1500, 60]), []);
    }

    #[test]
    fn one_answer_is_an_accident() {
        assert_eq!(log(&[1500]), []);
    }
}
