//! How many examinations may run at a time: as many as the user allows, fewer after this host could not keep up.

use std::time::Duration;

use crate::model::Timestamp;

/// Fewer would not help a host that is too slow for these.
const FEWEST: usize = 8;
/// How often lost packets are looked for: well below the shortest silence that means something.
const INTERVAL: Duration = Duration::from_millis(5);

/// Room for examinations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    most: usize,
    now: usize,
    /// Ended since the room grew last.
    ended: usize,
    look_at: Timestamp,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, now: most, ended: 0, look_at: Timestamp::ZERO }
    }

    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// Whether it is time to ask for lost packets again.
    pub(super) fn is_time_to_look(&mut self, now: Timestamp) -> bool {
        let is_time = now >= self.look_at;
        if is_time {
            self.look_at = now + INTERVAL;
        }
        is_time
    }

    /// Half of what runs now was too much.
    pub(super) fn shrink(&mut self, running: usize) {
        self.now = (self.now.min(running) / 2).max(FEWEST).min(self.most);
        self.ended = 0;
    }

    /// An examination has ended: after a room full of them there is room for an eighth more.
    pub(super) fn grow(&mut self) {
        self.ended += 1;
        if self.ended >= self.now && self.now < self.most {
            self.ended = 0;
            self.now = (self.now + self.now / 8 + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_halve_the_room_and_quiet_gives_it_back() {
        let mut room = Room::new(400);
        room.shrink(300);
        assert_eq!(room.now(), 150);
        for _ in 0..150 {
            room.grow();
        }
        assert_eq!(room.now(), 150 + 150 / 8 + 1);
        for _ in 0..100_000 {
            room.grow();
        }
        assert_eq!(room.now(), 400, "never above what the user allows");
    }

    #[test]
    fn some_room_is_always_left() {
        let mut room = Room::new(3);
        room.shrink(3);
        assert_eq!(room.now(), 3);
        let mut room = Room::new(0);
        assert_eq!(room.now(), 1);
        room.shrink(0);
        assert_eq!(room.now(), 1);
    }
}
