//! A server that says everything byte by byte.

use std::collections::VecDeque;
use std::time::Duration;

use pmtu_probe::model::Timestamp;

/// What it still has to say.
#[derive(Debug)]
pub struct Trickle {
    /// `None`: it says everything at once.
    interval: Option<Duration>,
    waiting: VecDeque<u8>,
    next_at: Option<Timestamp>,
}

impl Trickle {
    pub fn new(bytes_per_second: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(bytes_per_second);
        Self { interval, waiting: VecDeque::new(), next_at: None }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn next_at(&self) -> Option<Timestamp> {
        self.next_at
    }

    /// Takes what the server says; returns what is sent at once.
    pub fn write<'a>(&mut self, bytes: &'a [u8], now: Timestamp) -> &'a [u8] {
        let Some(interval) = self.interval else { return bytes };
        self.waiting.extend(bytes);
        if !self.waiting.is_empty() {
            self.next_at.get_or_insert(now + interval);
        }
        &[]
    }

    /// The byte whose time has come.
    pub fn take(&mut self, now: Timestamp) -> Option<u8> {
        let byte = self.waiting.pop_front();
        let interval = self.interval.filter(|_| !self.waiting.is_empty());
        self.next_at = interval.map(|interval| now + interval);
        byte
    }
}
