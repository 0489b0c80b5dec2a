//! Which examination is polled when: by its wake-up time, or from a queue while the rate limit makes it wait.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::model::Timestamp;

/// Wake-up times and a queue, for slots of a [`ExaminationTable`](super::table::ExaminationTable).
///
/// A slot that is put off keeps its earlier entry in the heap. The entry moves on when it comes up, so few entries are stale.
#[derive(Default)]
pub(super) struct Schedule {
    wakes: BinaryHeap<Reverse<(Timestamp, usize)>>,
    queue: VecDeque<usize>,
    slots: Vec<SlotTimes>,
}

#[derive(Clone, Copy)]
struct SlotTimes {
    /// When it is to be polled.
    wake: Timestamp,
    /// Its earliest entry in the heap.
    scheduled: Timestamp,
    is_queued: bool,
}

const IDLE: SlotTimes = SlotTimes { wake: Timestamp::MAX, scheduled: Timestamp::MAX, is_queued: false };

impl Schedule {
    /// Has a slot polled at this instant.
    pub(super) fn wake_at(&mut self, slot: usize, at: Timestamp) {
        let times = self.times(slot);
        times.wake = at;
        if at < times.scheduled {
            times.scheduled = at;
            self.wakes.push(Reverse((at, slot)));
        }
    }

    /// Has a slot polled as soon as the rate limit allows, after those that wait already.
    pub(super) fn enqueue(&mut self, slot: usize) {
        let times = self.times(slot);
        if !times.is_queued {
            times.is_queued = true;
            self.queue.push_back(slot);
        }
    }

    pub(super) fn is_queued(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|times| times.is_queued)
    }

    pub(super) fn has_queue(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The first slot of the queue. It stays there until [`dequeue`](Self::dequeue).
    pub(super) fn first_in_queue(&self) -> Option<usize> {
        self.queue.front().copied()
    }

    pub(super) fn dequeue(&mut self) {
        if let Some(slot) = self.queue.pop_front() {
            self.times(slot).is_queued = false;
        }
    }

    /// The examination in this slot is over. Its entries in the heap count no more.
    pub(super) fn forget(&mut self, slot: usize) {
        *self.times(slot) = IDLE;
    }

    /// The next slot whose time has come.
    pub(super) fn next_due(&mut self, now: Timestamp) -> Option<usize> {
        while let Some(&Reverse((at, slot))) = self.wakes.peek() {
            if at > now {
                return None;
            }
            self.wakes.pop();
            let times = self.times(slot);
            if times.scheduled != at {
                continue;
            }
            times.scheduled = Timestamp::MAX;
            let wake = times.wake;
            if wake <= now {
                return Some(slot);
            }
            self.wake_at(slot, wake);
        }
        None
    }

    /// When a slot may have to be polled next.
    pub(super) fn next_wake(&self) -> Timestamp {
        self.wakes.peek().map_or(Timestamp::MAX, |Reverse((at, _))| *at)
    }

    fn times(&mut self, slot: usize) -> &mut SlotTimes {
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, IDLE);
        }
        &mut self.slots[slot]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ms(ms: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_millis(ms))
    }

    #[test]
    fn a_slot_that_is_put_off_is_due_at_its_later_time() {
        let mut schedule = Schedule::default();
        schedule.wake_at(0, ms(10));
        schedule.wake_at(1, ms(15));
        schedule.wake_at(0, ms(20));
        assert_eq!(schedule.next_due(ms(15)), Some(1));
        assert_eq!(schedule.next_due(ms(19)), None);
        assert_eq!(schedule.next_due(ms(20)), Some(0));
        assert_eq!(schedule.next_due(ms(100)), None);
    }

    #[test]
    fn a_slot_in_use_again_does_not_inherit_wake_ups() {
        let mut schedule = Schedule::default();
        schedule.wake_at(0, ms(10));
        schedule.forget(0);
        schedule.wake_at(0, ms(30));
        assert_eq!(schedule.next_due(ms(20)), None);
        assert_eq!(schedule.next_due(ms(30)), Some(0));
    }

    #[test]
    fn the_queue_keeps_its_order_and_takes_a_slot_once() {
        let mut schedule = Schedule::default();
        for slot in [3, 1, 3] {
            schedule.enqueue(slot);
        }
        assert_eq!(schedule.first_in_queue(), Some(3));
        schedule.dequeue();
        assert!(!schedule.is_queued(3) && schedule.is_queued(1));
        schedule.dequeue();
        assert!(!schedule.has_queue());
    }
}
