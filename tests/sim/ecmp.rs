//! Parallel links of equal cost: which one a flow takes, and which ones were taken.

use std::collections::{BTreeMap, BTreeSet};

use pmtu_probe::model::{Body, Family};

use super::flight::Flight;
use super::rng::Rng;
use crate::scenario::{Hash, Link, SMTP_PORT};

/// Told apart from the seed of losses and delays.
const HASH_SEED: u64 = 0x6563_6d70;

/// The router in front of the parallel links.
#[derive(Debug)]
pub struct Spreader {
    seed: u64,
    /// The members that each client port was seen on.
    pub ports: BTreeMap<u16, BTreeSet<usize>>,
    /// The client port of the first SYN without data that leaves c, whether it gets here or not.
    pub connection: Option<u16>,
    /// The member that echo requests take.
    pub echo: Option<usize>,
}

impl Spreader {
    pub fn new(seed: u64) -> Self {
        Self { seed: seed ^ HASH_SEED, ports: BTreeMap::new(), connection: None, echo: None }
    }

    /// The member for a packet towards the server. Like Linux, all that makes a flow decides, and nothing else.
    pub fn choose(&mut self, link: &Link, flight: &Flight) -> usize {
        let words = flow(link.hash, flight);
        let hash = words.iter().fold(self.seed, |hash, word| Rng::new(hash ^ word).next_u64());
        let member = (hash % link.members().len() as u64) as usize;
        self.note(flight, member);
        member
    }

    fn note(&mut self, flight: &Flight, member: usize) {
        match &flight.packet.body {
            Body::Tcp(segment) if segment.destination_port == SMTP_PORT && !flight.is_fragmented() => {
                self.ports.entry(segment.source_port).or_default().insert(member);
            }
            Body::EchoRequest(_) if !flight.is_fragmented() => self.echo = Some(member),
            _ => {}
        }
    }

    /// c sends.
    pub fn sent(&mut self, flight: &Flight) {
        if let Body::Tcp(segment) = &flight.packet.body
            && segment.destination_port == SMTP_PORT
            && segment.flags.syn
            && segment.payload.is_empty()
        {
            self.connection.get_or_insert(segment.source_port);
        }
    }

    /// The member on which the first connection runs, or echo where there is none. The first one, if neither got here.
    pub fn main(&self) -> usize {
        let members = self.connection.and_then(|port| self.ports.get(&port));
        let of_connection = members.and_then(|members| members.first().copied());
        of_connection.or(self.echo).unwrap_or(0)
    }
}

/// `fib_multipath_hash` and `rt6_multipath_hash`: policy 1 takes the ports, of whole packets only; policy 0 none, but in IPv6
/// the flow label.
fn flow(hash: Hash, flight: &Flight) -> [u64; 5] {
    let ip = &flight.packet.ip;
    let protocol = match (&flight.packet.body, flight.packet.family()) {
        (Body::Tcp(_), _) => 6,
        (_, Family::V4) => 1,
        (_, Family::V6) => 58,
    };
    let (source, destination) = (fold(ip.source), fold(ip.destination));
    match (hash, &flight.packet.body, flight.packet.family()) {
        (Hash::Ports, Body::Tcp(segment), _) if !flight.is_fragmented() => {
            [source, destination, protocol, segment.source_port.into(), segment.destination_port.into()]
        }
        (Hash::Ports, ..) => [source, destination, protocol, 0, 0],
        (Hash::Addresses, _, Family::V6) => [source, destination, protocol, ip.id.into(), 0],
        (Hash::Addresses, _, Family::V4) => [source, destination, 0, 0, 0],
    }
}

fn fold(address: std::net::IpAddr) -> u64 {
    match address {
        std::net::IpAddr::V4(v4) => v4.to_bits().into(),
        std::net::IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 ^ v6.to_bits() as u64,
    }
}
