//! Copies of the lost size that this host cuts itself (IPv6, where no router fragments): if they arrive, only packets of that size
//! vanish. Firewalls that drop segments above the MSS are no reason then: they judge the segment, not the packets it came in.

use crate::model::{Family, PacketSize, Plan, Timestamp};

use super::super::search::{ProbeKind, ProbeLog, Search};

/// The copies asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FragmentedCopy {
    about: Option<Copies>,
}

#[derive(Clone, Copy, Debug)]
struct Copies {
    of: PacketSize,
    queued: u32,
}

/// How many are sent at most: many firewalls drop all fragments, so a few that are lost are enough to stop.
const MOST_COPIES: u32 = 4;

impl FragmentedCopy {
    /// Queues a copy of the size that a search confirms as lost, one after another until one is answered.
    pub(crate) fn queue_in(&mut self, search: &mut Search, plan: &Plan, now: Timestamp) {
        let Some((passes, lost)) = search.confirming().filter(|_| plan.family() == Family::V6) else { return };
        let queued = self.about.filter(|copies| copies.of == lost).map_or(0, |copies| copies.queued);
        if queued == MOST_COPIES || queued > 0 && (!search.is_idle() || self.arrives(search.log())) {
            return;
        }
        self.about = Some(Copies { of: lost, queued: queued + 1 });
        search.queue(lost, ProbeKind::Fragmented, now);
        search.queue(passes, ProbeKind::Sized, now);
    }

    /// Whether one was answered, by the log of the technique that sent them.
    pub(crate) fn arrives(self, log: &ProbeLog) -> bool {
        self.about.is_some_and(|copies| log.trials(copies.of, ProbeKind::Fragmented).answered > 0)
    }
}
