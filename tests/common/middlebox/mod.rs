//! A box on a link that looks into packets: one piece of code for the simulator and for the wires of the kernel lab. Packets and
//! the time go in, packets come out. IPv6 with extension headers, and everything that is neither TCP nor ICMP, passes untouched.

use std::time::Duration;

mod config;
mod connections;
mod forger;
mod line;
mod packet;
mod proxy;

pub use config::{
    Acks, FORGED_MTU, Fate, Forgery, Fragments, Large, Middlebox as Config, OPTIONS, PIECE, QuoteChange, Rate, Strips,
    SynProxy, Treatment,
};
pub use packet::{Packet, Segment, cut};

use super::random::Random;
use connections::Connections;
use forger::Forger;
use line::Line;
use packet::{ACK, RST, SYN, is_fragment, sack_option};
use proxy::Proxy;

/// A box at work.
#[derive(Clone, Debug)]
pub struct Middlebox {
    config: Config,
    random: Random,
    /// What it adds to the sequence numbers of c.
    offset: u32,
    connections: Connections,
    proxy: Proxy,
    forger: Forger,
    /// Towards c and towards s.
    lines: [Line; 2],
    /// When the last PTB passed.
    last_ptb: Option<Duration>,
}

/// A packet that leaves the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    pub packet: Vec<u8>,
    pub towards_s: bool,
    pub held_back: Duration,
    /// It leaves in pieces of at most so many bytes.
    pub pieces: Option<u32>,
}

/// A packet on its way through the box.
struct Passing {
    packet: Packet,
    towards_s: bool,
    held_back: Duration,
    damage: Option<Damage>,
}

/// What is broken in a packet, whatever its header says.
#[derive(Clone, Copy)]
enum Damage {
    /// All that lies behind so many bytes is missing.
    Cut(u32),
    /// A byte has changed.
    Flip,
}

impl Passing {
    fn now(packet: Packet, towards_s: bool) -> Self {
        Self { packet, towards_s, held_back: Duration::ZERO, damage: None }
    }
}

impl Middlebox {
    /// `None`: the box would do nothing.
    pub fn new(config: &Config, seed: u64) -> Option<Self> {
        let mut random = Random::new(seed ^ 0xb0c5);
        let offset = (1 << 30) + (random.next() as u32 >> 1);
        (!config.is_idle()).then(|| Self {
            proxy: Proxy::new(config.syn_proxy, random.next() as u32),
            forger: Forger::new(config, random.next()),
            lines: [Line::new(config.rate), Line::new(config.rate)],
            config: config.clone(),
            random,
            offset,
            connections: Connections::default(),
            last_ptb: None,
        })
    }

    /// What becomes of a packet, and what comes with it. `now`: since any fixed instant.
    pub fn pass(&mut self, bytes: &[u8], towards_s: bool, now: Duration) -> Vec<Carried> {
        let Some(packet) = Packet::read(bytes) else { return self.pass_unread(bytes, towards_s, now) };
        let mut out: Vec<Passing> = Vec::new();
        out.extend(
            self.forger
                .forge(&packet, towards_s, now)
                .into_iter()
                .map(|(packet, held_back)| Passing { held_back, ..Passing::now(packet, false) }),
        );
        let passing = if towards_s { self.towards_s(packet) } else { self.towards_c(packet, now) };
        out.extend(passing);
        out.into_iter().filter_map(|passing| self.leave(passing, now)).collect()
    }

    /// Whether packets that come in pieces are dropped.
    pub fn drops_fragments(&self) -> bool {
        self.config.fragments == Fragments::Drop
    }

    /// Fragments and unknown packets are looked at from outside.
    fn pass_unread(&mut self, bytes: &[u8], towards_s: bool, now: Duration) -> Vec<Carried> {
        if self.drops_fragments() && is_fragment(bytes) {
            return Vec::new();
        }
        let delay = self.lines[usize::from(towards_s)].delay(bytes.len() as u32, now);
        let carry = |held_back| Carried { packet: bytes.to_vec(), towards_s, held_back, pieces: None };
        delay.map(carry).into_iter().collect()
    }

    /// The line and chance have the last word.
    fn leave(&mut self, passing: Passing, now: Duration) -> Option<Carried> {
        let Passing { packet, towards_s, held_back, damage } = passing;
        let is_made = held_back > Duration::ZERO;
        let makes = self.config.fragments == Fragments::Make && towards_s && !packet.is_ipv6();
        let pieces = (makes && packet.len() > PIECE as usize).then_some(PIECE);
        let size = packet.len() as u32;
        if self.is_lost(size) {
            return None;
        }
        // What was forged or held back comes by another way.
        let delay = if is_made { Duration::ZERO } else { self.lines[usize::from(towards_s)].delay(size, now)? };
        let mut packet = packet.bytes();
        match damage {
            Some(Damage::Cut(bytes)) => packet.truncate(bytes as usize),
            Some(Damage::Flip) => self.corrupt(&mut packet),
            None if self.random.chance(self.config.corrupts) => self.corrupt(&mut packet),
            None => {}
        }
        Some(Carried { packet, towards_s, held_back: held_back + delay, pieces })
    }

    fn is_lost(&mut self, size: u32) -> bool {
        let exponent = f64::from(size) / 1500.0;
        self.config.loss_at_1500 > 0.0 && self.random.chance(1.0 - (1.0 - self.config.loss_at_1500).powf(exponent))
    }

    /// Changes a byte behind the IP header.
    fn corrupt(&mut self, packet: &mut [u8]) {
        let header = if packet[0] >> 4 == 6 { 40 } else { 20 };
        let at = header + (self.random.next() as usize) % (packet.len() - header);
        packet[at] ^= 0x55;
    }

    fn towards_s(&mut self, mut packet: Packet) -> Vec<Passing> {
        if let Some(large) = self.config.large.filter(|large| packet.len() > large.above as usize) {
            return meet(large, packet);
        }
        if let Some(segment) = packet.segment() {
            if self.proxy.is_at_work() {
                return self.proxy.towards_s(packet, &segment);
            }
            let treatment = self.treatment(&segment);
            self.connections.note_sent(&segment);
            if treatment != Treatment::Pass {
                return self.treat(treatment, packet, &segment);
            }
            if let Some(answer) = self.acknowledge(&packet, &segment) {
                let mut out = vec![Passing::now(answer, false)];
                let is_old = self.connections.is_old(&segment);
                out.extend((!is_old).then(|| Passing::now(packet, true)));
                return out;
            }
            self.change_segment(&mut packet, &segment, true);
        }
        if self.config.clears_df || self.config.fragments == Fragments::Make {
            packet.clear_df();
        }
        if self.config.adds_options {
            packet.add_options(OPTIONS as usize);
        }
        vec![Passing::now(packet, true)]
    }

    fn towards_c(&mut self, mut packet: Packet, now: Duration) -> Vec<Passing> {
        if let Some(segment) = packet.segment() {
            if self.proxy.is_at_work() {
                return self.proxy.towards_c(packet, &segment);
            }
            self.change_segment(&mut packet, &segment, false);
            if let Some(segment) = packet.segment() {
                self.connections.note_answer(&segment);
            }
        }
        if self.config.renumbers && self.config.renumbers_quotes {
            packet.move_quoted_seq(self.offset.wrapping_neg());
        }
        if packet.is_ptb() { self.ptb(packet, now) } else { vec![Passing::now(packet, false)] }
    }

    /// What is changed in passing.
    fn change_segment(&self, packet: &mut Packet, segment: &Segment, towards_s: bool) {
        let Config { mss_to_c, mss_to_s, strips, renumbers, forgets_sack, window, .. } = &self.config;
        if segment.is(SYN)
            && let Some(most) = if towards_s { mss_to_s } else { mss_to_c }
        {
            packet.lower_mss(*most);
        }
        match (renumbers, towards_s) {
            (false, _) => {}
            (true, true) => packet.move_seq(self.offset),
            (true, false) => {
                packet.move_ack(self.offset.wrapping_neg());
                if !forgets_sack {
                    packet.move_sack(self.offset.wrapping_neg());
                }
            }
        }
        match strips {
            Strips::Nothing => {}
            Strips::SackPermitted => packet.blank_sack_permitted(),
            Strips::SackBlocks => packet.blank_sack_blocks(),
            Strips::Options => packet.remove_options(),
        }
        if let Some(window) = window.filter(|_| !towards_s) {
            packet.state_window(window);
        }
    }

    /// What becomes of a segment with data.
    fn treatment(&self, segment: &Segment) -> Treatment {
        let Config { syn_data, old_data, repeated, .. } = &self.config;
        if segment.payload == 0 {
            return Treatment::Pass;
        }
        if segment.is(SYN) {
            return *syn_data;
        }
        if *old_data != Treatment::Pass && self.connections.begins_old(segment) {
            let is_whole = self.connections.is_old(segment);
            return if is_whole || *old_data == Treatment::Trim { *old_data } else { Treatment::Pass };
        }
        if self.connections.was_sent(segment) { *repeated } else { Treatment::Pass }
    }

    fn treat(&self, treatment: Treatment, mut packet: Packet, segment: &Segment) -> Vec<Passing> {
        match treatment {
            Treatment::Pass => vec![Passing::now(packet, true)],
            Treatment::Drop => Vec::new(),
            Treatment::Reset => reset(&packet, segment),
            Treatment::Strip => {
                packet.strip_data();
                vec![Passing::now(packet, true)]
            }
            Treatment::Trim => {
                let old = self.connections.old_part(segment);
                packet.trim(old);
                // An empty rest brings nothing.
                let rest = (old < segment.payload).then_some(packet);
                rest.map(|packet| Passing::now(packet, true)).into_iter().collect()
            }
        }
    }

    /// The acknowledgment that the box sends in the server's place.
    fn acknowledge(&self, packet: &Packet, segment: &Segment) -> Option<Packet> {
        if segment.payload == 0 || segment.is(SYN) || !segment.is(ACK) {
            return None;
        }
        let has = self.connections.acknowledged(segment)?;
        match self.config.acks {
            Acks::OldData if self.connections.is_old(segment) => {
                let block = sack_option(segment.seq, segment.end());
                Some(packet.answer_with_segment(segment.ack, has, ACK, &block))
            }
            Acks::Nothing | Acks::OldData => None,
            Acks::All => {
                let end = if self.connections.is_old(segment) { has } else { segment.end() };
                Some(packet.answer_with_segment(segment.ack, end, ACK, &[]))
            }
        }
    }

    fn ptb(&mut self, mut packet: Packet, now: Duration) -> Vec<Passing> {
        if !self.may_say(now) {
            return Vec::new();
        }
        let Config { false_ptb_mtu, ptb_quotes_bytes, ptb_copies, ptb_delay_ms, quotes, .. } = self.config;
        let mut out: Vec<Passing> =
            false_ptb_mtu.map(|mtu| Passing::now(packet.with_mtu(mtu), false)).into_iter().collect();
        if quotes != QuoteChange::AsSent {
            let (size, header) = (packet.quoted_size(), packet.ip_header());
            packet.state_quoted_size(quotes.stated(size, header as u32));
        }
        if quotes == QuoteChange::Options {
            packet.insert_quoted_options(OPTIONS as usize);
        }
        if let Some(bytes) = ptb_quotes_bytes {
            packet.shorten_quote(bytes);
        }
        let held_back = Duration::try_from_secs_f64(ptb_delay_ms / 1000.0).unwrap_or_default();
        let copies = std::iter::repeat_n(packet, 1 + ptb_copies as usize);
        out.extend(copies.map(|packet| Passing { held_back, ..Passing::now(packet, false) }));
        out
    }

    /// Whether the ration allows another PTB.
    fn may_say(&mut self, now: Duration) -> bool {
        let Some(per_second) = self.config.ptb_per_second else { return true };
        let gap = Duration::from_secs(1) / per_second.max(1);
        let may = per_second > 0 && self.last_ptb.is_none_or(|last| now >= last + gap);
        if may {
            self.last_ptb = Some(now);
        }
        may
    }
}

/// A reset to both ends, with numbers that they accept.
fn reset(packet: &Packet, segment: &Segment) -> Vec<Passing> {
    let to_c = if segment.is(ACK) {
        packet.answer_with_segment(segment.ack, 0, RST, &[])
    } else {
        packet.answer_with_segment(0, segment.end(), RST | ACK, &[])
    };
    let to_s = segment.is(ACK).then(|| packet.another_segment(segment.end(), 0, RST, &[]));
    let to_s = to_s.map(|packet| Passing::now(packet, true));
    [Passing::now(to_c, false)].into_iter().chain(to_s).collect()
}

/// What becomes of a packet that is too large for the box.
fn meet(Large { above, fate }: Large, packet: Packet) -> Vec<Passing> {
    match fate {
        Fate::Reset => packet.segment().map_or(Vec::new(), |segment| reset(&packet, &segment)),
        Fate::Prohibited => vec![Passing::now(packet.answer_with_prohibition(), false)],
        Fate::Truncated => vec![Passing { damage: Some(Damage::Cut(above)), ..Passing::now(packet, true) }],
        Fate::Corrupted => vec![Passing { damage: Some(Damage::Flip), ..Passing::now(packet, true) }],
    }
}
