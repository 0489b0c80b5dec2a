//! The box on a link: that of `tests/common/middlebox`, which reads bytes. What it does not change travels on as it is.

use std::time::Duration;

use pmtu_probe::model::Timestamp;
use pmtu_probe::wire;

use super::flight::Flight;
use crate::scenario::middlebox::{self, Config};

/// A box at work.
#[derive(Debug)]
pub struct Middlebox(Option<middlebox::Middlebox>);

/// A packet that leaves the box.
pub struct Carried {
    pub flight: Flight,
    pub rightward: bool,
    pub held_back: Duration,
}

impl Middlebox {
    pub fn new(config: &Config, seed: u64) -> Self {
        Self(middlebox::Middlebox::new(config, seed))
    }

    /// What becomes of a packet, and what comes with it.
    pub fn pass(&mut self, flight: Flight, rightward: bool, now: Timestamp) -> Vec<Carried> {
        let whole = |flight| vec![Carried { flight, rightward, held_back: Duration::ZERO }];
        let Some(middlebox) = &mut self.0 else { return whole(flight) };
        if flight.is_fragmented() {
            return if middlebox.drops_fragments() { Vec::new() } else { whole(flight) };
        }
        let mut bytes = Vec::new();
        if wire::emit(&flight.packet, &mut bytes).is_err() {
            return whole(flight);
        }
        let carried = middlebox.pass(&bytes, rightward, now.since(Timestamp::ZERO));
        let travels = |carried: middlebox::Carried| {
            let middlebox::Carried { packet, towards_s, held_back, pieces } = carried;
            let mut flight = if packet == bytes { flight.clone() } else { read(&packet)? };
            if let Some(largest) = pieces {
                flight.fragment(largest);
            }
            Some(Carried { flight, rightward: towards_s, held_back })
        };
        carried.into_iter().filter_map(travels).collect()
    }
}

/// What cannot be read any more, nobody takes.
fn read(bytes: &[u8]) -> Option<Flight> {
    if let Ok(parsed) = wire::parse(bytes) {
        return Some(Flight::from(parsed.packet));
    }
    let parsed = wire::parse_with(bytes, wire::Checksums::Trust).ok()?;
    let mut flight = Flight::from(parsed.packet);
    flight.is_damaged = true;
    Some(flight)
}
