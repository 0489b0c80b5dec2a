//! A fingerprint of every packet that a run sends: what keeps a rebuilt core from sending anything else.
//!
//! The way there counts with every field and the time. On the way back TLS draws randomness of its own, so there only
//! sizes, ports and flags count.

use std::fmt::Write as _;
use std::net::IpAddr;

use pmtu_probe::model::{Body, Direction, Flags, Outgoing, PacketSize, Segment, Timestamp};

use super::run::{plan, run_plan};
use crate::scenario::{Family, Scenario};

/// Seeds for each scenario and family.
pub const SEEDS: u64 = 25;

/// FNV-1a, 64 bits: short, stable, and good enough to notice a change.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_be_bytes());
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.bytes(&v4.octets()),
            IpAddr::V6(v6) => self.bytes(&v6.octets()),
        }
    }

    /// Every field of a packet and when it left.
    pub fn packet(&mut self, outgoing: &Outgoing, now: Timestamp) {
        self.number(now.since(Timestamp::ZERO).as_micros() as u64);
        let ip = &outgoing.packet.ip;
        self.address(ip.source);
        self.address(ip.destination);
        self.bytes(&[ip.ttl.0, u8::from(ip.dont_fragment)]);
        self.number(u64::from(ip.id));
        self.number(u64::from(outgoing.fragments.map_or(0, PacketSize::bytes)));
        match &outgoing.packet.body {
            Body::Tcp(segment) => self.segment(segment),
            Body::EchoRequest(echo) | Body::EchoReply(echo) => {
                self.bytes(&echo.ident.to_be_bytes());
                self.bytes(&echo.seq.to_be_bytes());
                self.number(u64::from(echo.payload_len));
            }
            Body::Error(error) => self.number(u64::from(error.quote.size.bytes())),
        }
    }

    fn segment(&mut self, segment: &Segment) {
        self.number(u64::from(segment.source_port) << 16 | u64::from(segment.destination_port));
        self.number(u64::from(segment.seq.0) << 32 | u64::from(segment.ack.0));
        self.bytes(&[bits(segment.flags), u8::from(segment.sack_permitted)]);
        self.number(u64::from(segment.window) << 16 | u64::from(segment.mss.unwrap_or(0)));
        for (start, end) in segment.sack.iter() {
            self.number(u64::from(start.0) << 32 | u64::from(end.0));
        }
        self.bytes(&segment.payload);
    }

    /// What TLS leaves alone: the size of a packet, its ports and flags.
    pub fn outline(&mut self, outgoing: &Outgoing) {
        self.number(u64::from(outgoing.packet.size().map_or(0, PacketSize::bytes)));
        if let Body::Tcp(segment) = &outgoing.packet.body {
            self.number(u64::from(segment.source_port) << 16 | u64::from(segment.destination_port));
            self.bytes(&[bits(segment.flags)]);
        }
    }

    fn short(self) -> u32 {
        (self.0 ^ self.0 >> 32) as u32
    }
}

fn bits(flags: Flags) -> u8 {
    [flags.syn, flags.ack, flags.fin, flags.rst, flags.psh].into_iter().fold(0, |bits, flag| bits << 1 | u8::from(flag))
}

/// One line: the scenario, the family, the loss that was added, the direction, then a fingerprint for each seed.
pub fn line(scenario: &Scenario, family: Family, loss: f64, direction: Direction) -> String {
    let way = if direction == Direction::Forward { "there" } else { "back" };
    let mut line = format!("{}:{family}:{loss:.2}:{way}", scenario.name);
    for seed in 0..SEEDS {
        let plan = pmtu_probe::model::Plan { direction, ..plan(scenario, family, seed) };
        let run = run_plan(plan, scenario, family, seed, false);
        let fingerprint = if direction == Direction::Forward { run.packets } else { run.outlines };
        let _ = write!(line, " {:08x}", fingerprint.short());
    }
    line
}

/// Which lines differ, and for which seeds.
pub fn changes(recorded: &str, now: &[String]) -> Vec<String> {
    let split = |line: &str| -> (String, Vec<String>) {
        let mut words = line.split(' ').map(str::to_owned);
        (words.next().unwrap_or_default(), words.collect())
    };
    let recorded: std::collections::BTreeMap<_, _> = recorded.lines().map(split).collect();
    let mut changes = Vec::new();
    for (name, prints) in now.iter().map(|line| split(line)) {
        match recorded.get(&name) {
            None => changes.push(format!("{name}: not on record")),
            Some(before) if *before != prints => {
                let seeds = before.iter().zip(&prints).enumerate().filter(|(_, (before, now))| before != now);
                let seeds: Vec<String> = seeds.map(|(seed, _)| seed.to_string()).collect();
                changes.push(format!("{name}: seeds {}", seeds.join(" ")));
            }
            Some(_) => {}
        }
    }
    let gone = recorded.keys().filter(|name| now.iter().all(|line| split(line).0 != **name));
    changes.extend(gone.map(|name| format!("{name}: is on record, but no scenario has it")));
    changes
}
