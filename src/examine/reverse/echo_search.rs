//! What echo suggests about the way back: its replies are as large as its requests, so where requests pass, replies tell.
//!
//! It is a hint for which sizes to try by TCP, and never more: a firewall may treat echo differently.

use std::time::Duration;

use crate::model::{PacketSize, Timestamp};

use super::super::rtt::RttEstimator;
use super::timers::{ReverseTimer, ReverseTimers};

/// A search by echo requests, all sizes of a round at once.
#[derive(Clone, Debug)]
pub(super) struct EchoSearch {
    /// A reply of this size arrived whole.
    whole: PacketSize,
    /// None of this size did.
    not_whole: PacketSize,
    queue: Vec<PacketSize>,
    /// The number of the first request.
    first_seq: u16,
    sent: Vec<SentEcho>,
    round_ends: Option<Timestamp>,
    rounds: u32,
    /// The size above `whole` was asked for several times.
    doubted: Option<PacketSize>,
    most: PacketSize,
}

#[derive(Clone, Copy, Debug)]
struct SentEcho {
    seq: u16,
    size: PacketSize,
    whole: Option<bool>,
}

/// Numbers begin so far from those of the way there.
const FIRST_SEQ: u16 = 0x8000;
/// Requests in one round.
const AT_ONCE: u32 = 12;
/// Enough for 12 * 12 * 12 sizes, and some doubt.
const MOST_ROUNDS: u32 = 6;
/// Chance may have taken a reply: so often the next sizes are asked for before the answer counts.
const DOUBT: u32 = 3;

impl EchoSearch {
    /// Between a size that passes both ways and one that is lost on the way back; requests as large as `most` pass. `first`: the
    /// number of the first request of the way there.
    pub(super) fn new(passes: PacketSize, lost: PacketSize, most: PacketSize, first: u16) -> Self {
        Self {
            whole: passes,
            not_whole: lost.min(most.next()),
            queue: Vec::new(),
            first_seq: first.wrapping_add(FIRST_SEQ),
            sent: Vec::new(),
            round_ends: None,
            rounds: 0,
            doubted: None,
            most,
        }
    }

    /// The largest size whose replies arrive whole, once it is known to the byte.
    pub(super) fn exact(&self) -> Option<PacketSize> {
        let heard = self.sent.iter().any(|echo| echo.whole.is_some());
        (heard && self.whole.next() >= self.not_whole).then_some(self.whole)
    }

    /// Whether no better answer is to come.
    pub(super) fn is_over(&self) -> bool {
        let is_sure = self.whole.next() >= self.not_whole && self.doubted == Some(self.whole);
        let is_bound = self.whole >= self.most;
        is_sure || is_bound || (self.rounds >= MOST_ROUNDS && self.round_ends.is_none())
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        if self.round_ends.is_some_and(|end| now >= end) {
            self.round_ends = None;
            self.narrow();
        }
        if self.round_ends.is_none() && self.queue.is_empty() && !self.is_over() {
            self.rounds += 1;
            self.queue = self.spread();
        }
    }

    /// Sizes between what is known, both ends left out; at first the lower one as well, to know whether echo is answered.
    fn spread(&mut self) -> Vec<PacketSize> {
        if self.whole.next() >= self.not_whole {
            self.doubted = Some(self.whole);
            let next = [self.whole.next(), self.whole.next().next()].into_iter().filter(|&size| size <= self.most);
            return next.flat_map(|size| [size; DOUBT as usize]).collect();
        }
        let (low, high) = (self.whole.bytes(), self.not_whole.bytes());
        let between = high.saturating_sub(low).saturating_sub(1);
        let count = between.min(AT_ONCE);
        let control = u32::from(self.rounds > 1);
        (control..=count).map(|n| PacketSize::new(low + between * n / count.max(1))).rev().collect()
    }

    /// Takes stock of a round: silence counts as lost.
    fn narrow(&mut self) {
        if self.sent.iter().all(|echo| echo.whole.is_none()) {
            // Echo is not answered at all.
            self.rounds = MOST_ROUNDS;
            return;
        }
        let whole = self.sent.iter().filter(|echo| echo.whole == Some(true)).map(|echo| echo.size).max();
        self.whole = self.whole.max(whole.unwrap_or(self.whole));
        let lost = self.sent.iter().filter(|echo| echo.whole != Some(true) && echo.size > self.whole);
        let lost = lost.map(|echo| echo.size).min().unwrap_or(self.not_whole).min(self.not_whole);
        // What came whole disproves what was taken for lost.
        self.not_whole = lost.max(self.whole.next());
    }

    /// The next request: its sequence number and size.
    pub(super) fn poll(&mut self, now: Timestamp, rtt: &RttEstimator) -> Option<(u16, PacketSize)> {
        let size = self.queue.pop()?;
        let seq = self.first_seq.wrapping_add(self.sent.len() as u16);
        self.sent.push(SentEcho { seq, size, whole: None });
        self.round_ends = Some(now + rtt.or_guess() * 2 + rtt.margin() + Duration::from_millis(20));
        Some((seq, size))
    }

    pub(super) fn enter_timers(&self, timers: &mut ReverseTimers) {
        if !self.queue.is_empty() {
            timers.enter_sending(ReverseTimer::EchoRound, Timestamp::ZERO);
        } else if let Some(end) = self.round_ends {
            timers.enter(ReverseTimer::EchoRound, end);
        }
    }

    /// A reply arrived, whole or in fragments. Returns whether it was one of ours.
    pub(super) fn answered(&mut self, seq: u16, size: PacketSize, fragment: Option<PacketSize>) -> bool {
        let echo = self.sent.iter_mut().find(|echo| echo.seq == seq && echo.size == size);
        let Some(echo) = echo.filter(|echo| echo.whole.is_none()) else { return false };
        echo.whole = Some(fragment.is_none());
        if let Some(fragment) = fragment {
            // A fragment ends at a multiple of eight bytes, so up to seven more would have fitted (RFC 791, 3.2).
            self.whole = self.whole.max(fragment.min(size));
            self.not_whole = self.not_whole.min(PacketSize::new(fragment.bytes() + 8));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: fn(u32) -> PacketSize = PacketSize::new;

    /// Plays against a way back that carries `path`; `cuts`: its routers may cut replies.
    fn play(path: u32, cuts: bool, most: u32) -> Option<u32> {
        let mut echoes = EchoSearch::new(SIZE(576), SIZE(1500), SIZE(most), 0);
        let (mut now, rtt) = (Timestamp::ZERO, RttEstimator::default());
        for _ in 0..100 {
            echoes.advance(now);
            while let Some((seq, size)) = echoes.poll(now, &rtt) {
                if size.bytes() <= path {
                    assert!(echoes.answered(seq, size, None));
                } else if cuts {
                    assert!(echoes.answered(seq, size, Some(SIZE(20 + (path - 20) / 8 * 8))));
                }
            }
            now = now + Duration::from_secs(2);
        }
        assert!(echoes.is_over());
        echoes.exact().map(PacketSize::bytes)
    }

    #[test]
    fn every_size_is_found_to_the_byte() {
        for path in [577, 900, 1280, 1383, 1400, 1492, 1499] {
            assert_eq!(play(path, false, 1500), Some(path), "replies vanish");
            assert_eq!(play(path, true, 1500), Some(path), "replies are cut");
        }
    }

    #[test]
    fn the_way_there_bounds_what_can_be_asked() {
        assert_eq!(play(1492, false, 1400), Some(1400));
    }

    /// Every reply that could mislead the search is lost the first time.
    #[test]
    fn one_lost_reply_does_not_mislead() {
        let mut echoes = EchoSearch::new(SIZE(576), SIZE(1500), SIZE(1500), 0);
        let (mut now, rtt, mut lost) = (Timestamp::ZERO, RttEstimator::default(), Vec::new());
        for _ in 0..100 {
            echoes.advance(now);
            while let Some((seq, size)) = echoes.poll(now, &rtt) {
                let first_time = (1395..=1400).contains(&size.bytes()) && !lost.contains(&size);
                if first_time {
                    lost.push(size);
                } else if size <= SIZE(1400) {
                    echoes.answered(seq, size, None);
                }
            }
            now = now + Duration::from_secs(2);
        }
        assert_eq!(echoes.exact(), Some(SIZE(1400)));
    }

    #[test]
    fn silence_suggests_nothing() {
        assert_eq!(play(0, false, 1500), None);
    }
}
