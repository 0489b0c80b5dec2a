//! A line that takes only so many bytes a second.

use std::time::Duration;

use super::config::Rate;

/// One direction of it.
#[derive(Clone, Debug)]
pub struct Line {
    rate: Option<Rate>,
    /// Bytes that may pass at once; below zero, bytes that wait.
    tokens: f64,
    counted: Duration,
}

impl Line {
    /// `None`: as fast as one likes.
    pub fn new(rate: Option<Rate>) -> Self {
        Self { rate, tokens: rate.map_or(0.0, |rate| rate.burst), counted: Duration::ZERO }
    }

    /// How long a packet of this size waits; `None`: it is dropped.
    pub fn delay(&mut self, size: u32, now: Duration) -> Option<Duration> {
        let Some(rate) = self.rate else { return Some(Duration::ZERO) };
        let per_second = rate.kbit * 125.0;
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.counted = now;
        self.tokens = (self.tokens + passed * per_second).min(rate.burst);
        let left = self.tokens - f64::from(size);
        if left < -rate.queue {
            return None;
        }
        self.tokens = left;
        Some(Duration::from_secs_f64((-left).max(0.0) / per_second))
    }
}
