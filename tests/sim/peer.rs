//! The mail server host: IP, ICMP echo, and TCP above them.

use std::net::IpAddr;
use std::time::Duration;

use pmtu_probe::model::{Body, Echo, Family, IcmpErrorKind, IpHeader, Packet, Segment, Timestamp, Ttl};

use super::flight::Flight;
use super::rng::Rng;
use super::tcp_listener::Listener;
use crate::scenario::{Node, Peer as Habits};

/// The host.
#[derive(Debug)]
pub struct Peer {
    habits: Habits,
    address: IpAddr,
    family: Family,
    mtu: u32,
    /// Path MTU towards the client, as PTBs taught it.
    path_mtu: u32,
    first_packet: Option<Timestamp>,
    next_id: u16,
    pub tcp: Listener,
}

impl Peer {
    pub fn new(habits: &Habits, family: crate::scenario::Family, mtu: u32) -> Self {
        let address = Node::S.near_address(family);
        Self {
            habits: habits.clone(),
            address,
            family: Family::of(address),
            mtu,
            path_mtu: mtu,
            first_packet: None,
            next_id: 1,
            tcp: Listener::new(habits, Family::of(address), mtu),
        }
    }

    /// A packet arrives.
    pub fn receive(&mut self, packet: &Packet, now: Timestamp, rng: &mut Rng) -> Vec<Flight> {
        let first = *self.first_packet.get_or_insert(now);
        let awake_at = first + Duration::from_millis(self.habits.answers_after_ms.into());
        if !self.habits.alive || packet.ip.destination != self.address || now < awake_at {
            return Vec::new();
        }
        let client = packet.ip.source;
        match &packet.body {
            Body::EchoRequest(echo) if self.habits.echo => vec![self.echo_reply(client, *echo)],
            Body::Tcp(segment) => {
                let out = self.tcp.receive(client, segment, now, rng);
                out.into_iter().map(|segment| self.tcp_packet(client, segment)).collect()
            }
            Body::Error(error) => {
                if let IcmpErrorKind::Ptb { mtu } = error.kind {
                    let least = if self.family == Family::V4 { 552 } else { 1280 };
                    self.path_mtu = self.path_mtu.min(mtu.max(least));
                }
                Vec::new()
            }
            Body::EchoRequest(_) | Body::EchoReply(_) => Vec::new(),
        }
    }

    /// Timers that are due.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Flight> {
        let out = self.tcp.wake(now);
        out.into_iter().map(|(client, segment)| self.tcp_packet(client, segment)).collect()
    }

    pub fn next_wake(&self) -> Option<Timestamp> {
        self.tcp.next_wake()
    }

    /// As large as its question; the source fragments it where its own path MTU asks for that.
    fn echo_reply(&mut self, client: IpAddr, echo: Echo) -> Flight {
        let ip = self.header(client, self.family == Family::V6);
        let mut flight = Flight::from(Packet { ip, body: Body::EchoReply(echo) });
        let limit = if self.family == Family::V4 { self.mtu } else { self.path_mtu };
        if flight.whole_size() > limit {
            flight.fragment(limit);
        }
        flight
    }

    fn tcp_packet(&mut self, client: IpAddr, segment: Segment) -> Flight {
        Packet { ip: self.header(client, true), body: Body::Tcp(segment) }.into()
    }

    fn header(&mut self, client: IpAddr, dont_fragment: bool) -> IpHeader {
        self.next_id = self.next_id.wrapping_add(1);
        IpHeader { source: self.address, destination: client, ttl: Ttl::DEFAULT, dont_fragment, id: self.next_id }
    }
}
