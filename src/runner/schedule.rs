//! Who speaks when: wake-up times, and a line for those who have to wait for the rate limit.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::table::Table;
use crate::model::Timestamp;

/// Wake-up times of places in a [`Table`]. Few stale entries: one that wakes later than its entry says moves on when that
/// entry comes up.
#[derive(Default)]
pub(super) struct Schedule {
    wakes: BinaryHeap<Reverse<(Timestamp, usize)>>,
    line: VecDeque<usize>,
}

impl Schedule {
    /// Lets a place speak at this instant.
    pub(super) fn wake_at(&mut self, table: &mut Table, place: usize, at: Timestamp) {
        let Some(running) = table.get_mut(place) else { return };
        running.wake = at;
        if at < running.scheduled {
            running.scheduled = at;
            self.wakes.push(Reverse((at, place)));
        }
    }

    /// Lets a place speak as soon as the rate limit allows, after those who wait already.
    pub(super) fn stand_in_line(&mut self, table: &mut Table, place: usize) {
        let Some(running) = table.get_mut(place).filter(|running| !running.in_line) else { return };
        running.in_line = true;
        self.line.push_back(place);
    }

    pub(super) fn has_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// The first in line, who stays there until [`leave_line`](Self::leave_line).
    pub(super) fn first_in_line(&self) -> Option<usize> {
        self.line.front().copied()
    }

    pub(super) fn leave_line(&mut self, table: &mut Table) {
        if let Some(running) = self.line.pop_front().and_then(|place| table.get_mut(place)) {
            running.in_line = false;
        }
    }

    /// The next place whose time has come.
    pub(super) fn next_due(&mut self, table: &mut Table, now: Timestamp) -> Option<usize> {
        while let Some(&Reverse((at, place))) = self.wakes.peek() {
            if at > now {
                return None;
            }
            self.wakes.pop();
            let Some(running) = table.get_mut(place).filter(|running| running.scheduled == at) else { continue };
            running.scheduled = Timestamp::MAX;
            if running.wake <= now {
                return Some(place);
            }
            let later = running.wake;
            self.wake_at(table, place, later);
        }
        None
    }

    /// When somebody may have to be woken.
    pub(super) fn next_wake(&self) -> Timestamp {
        self.wakes.peek().map_or(Timestamp::MAX, |Reverse((at, _))| *at)
    }
}
