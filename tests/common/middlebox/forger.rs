//! Somebody who does not see the path and forges packets to c: what it needs to know is taken from c's packets, and the numbers
//! that it cannot know are drawn by lot.

use std::time::Duration;

use super::super::random::Random;
use super::config::{FORGED_MTU, Forgery, Middlebox as Config};
use super::packet::{ACK, Packet, RST, SYN, mss_option};

/// The forger.
#[derive(Clone, Debug)]
pub struct Forger {
    kinds: Vec<Forgery>,
    per_second: u32,
    random: Random,
    /// The last segment and the last echo request of c.
    seen: [Option<Packet>; 2],
    /// Until when a flood has been sent.
    flooded: Option<Duration>,
    count: u64,
}

/// Forged packets of each kind for one of c.
const FORGERIES: u16 = 3;
/// How far a flood runs ahead of c's packets.
const AHEAD: Duration = Duration::from_millis(100);

impl Forger {
    pub fn new(config: &Config, seed: u64) -> Self {
        Self {
            kinds: config.forges.clone(),
            per_second: config.forges_per_second,
            random: Random::new(seed),
            seen: [None, None],
            flooded: None,
            count: 0,
        }
    }

    /// What it sends to c when a packet passes, and how much later.
    pub fn forge(&mut self, packet: &Packet, towards_s: bool, now: Duration) -> Vec<(Packet, Duration)> {
        if self.kinds.is_empty() {
            return Vec::new();
        }
        if towards_s && packet.is_tcp() {
            self.seen[0] = Some(packet.clone());
        } else if towards_s && packet.is_echo_request() {
            self.seen[1] = Some(packet.clone());
        }
        if self.per_second > 0 {
            return self.flood(now);
        }
        if !towards_s {
            return Vec::new();
        }
        let kinds = self.kinds.clone();
        kinds.into_iter().flat_map(|kind| self.few(kind, packet)).map(|packet| (packet, Duration::ZERO)).collect()
    }

    fn flood(&mut self, now: Duration) -> Vec<(Packet, Duration)> {
        let seen: Vec<Packet> = self.seen.iter().flatten().cloned().collect();
        if seen.is_empty() {
            return Vec::new();
        }
        let gap = Duration::from_secs(1) / self.per_second;
        let mut at = self.flooded.unwrap_or(now).max(now);
        let mut out = Vec::new();
        while at < now + AHEAD {
            self.count += 1;
            let kind = self.kinds[self.count as usize % self.kinds.len()];
            let of_c = &seen[(self.count as usize / self.kinds.len()) % seen.len()];
            let forged = self.few(kind, of_c);
            let one = self.random.next() as usize % forged.len().max(1);
            out.extend(forged.into_iter().nth(one).map(|packet| (packet, at.saturating_sub(now))));
            at += gap;
        }
        self.flooded = Some(at);
        out
    }

    fn few(&mut self, kind: Forgery, of_c: &Packet) -> Vec<Packet> {
        let mut number = || self.random.next() as u32;
        match kind {
            Forgery::Segments if of_c.is_tcp() => {
                let mss = mss_option(536);
                let kinds: [(u8, &[u8]); 4] = [(ACK, &[]), (ACK, &[]), (RST, &[]), (SYN | ACK, &mss)];
                kinds
                    .map(|(flags, options)| {
                        let (seq, ack) = (number(), number());
                        of_c.answer_with_segment(seq, ack, flags, options)
                    })
                    .into()
            }
            Forgery::Ptbs if of_c.is_tcp() => {
                (0..FORGERIES).map(|_| of_c.answer_with_ptb(FORGED_MTU, Some(number()), None)).collect()
            }
            Forgery::Ptbs if of_c.is_echo_request() => {
                (0..FORGERIES).map(|seq| of_c.answer_with_ptb(FORGED_MTU, None, Some(seq))).collect()
            }
            Forgery::Segments | Forgery::Ptbs => Vec::new(),
        }
    }
}
