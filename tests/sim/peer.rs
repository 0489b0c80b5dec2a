//! The mail server host: IP, ICMP echo, and TCP above them.

use std::net::IpAddr;
use std::time::Duration;

use pmtu_probe::model::{
    Body, Echo, Family, IcmpError, IcmpErrorKind, IpHeader, Packet, QuotedTransport, Segment, Timestamp, Ttl,
};

use super::flight::Flight;
use super::rng::Rng;
use super::tcp_listener::Listener;
use crate::scenario::{Node, Peer as Habits, Port, Stack};

/// The host.
#[derive(Debug)]
pub struct Peer {
    habits: Habits,
    address: IpAddr,
    family: Family,
    /// Path MTU towards the client, as PTBs taught it.
    path_mtu: u32,
    /// Told less than it accepts (`net.ipv4.route.min_pmtu`), it leaves the rest to fragments.
    path_mtu_locked: bool,
    first_packet: Option<Timestamp>,
    next_id: u16,
    pub tcp: Listener,
}

impl Peer {
    pub fn new(habits: &Habits, family: crate::scenario::Family, mtu: u32) -> Self {
        let address = Node::S.near_address(family);
        let mut peer = Self {
            habits: habits.clone(),
            address,
            family: Family::of(address),
            path_mtu: mtu,
            path_mtu_locked: false,
            first_packet: None,
            next_id: 1,
            tcp: Listener::new(habits, Family::of(address), mtu),
        };
        if let Some(path_mtu) = habits.remembers {
            peer.lower(path_mtu);
        }
        peer
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
            Body::EchoRequest(echo) if self.habits.echo => {
                vec![self.echo_reply(client, *echo, packet.ip.dont_fragment)]
            }
            Body::Tcp(segment) if self.prohibits(segment) => self.prohibition(packet),
            Body::Tcp(segment) => {
                let out = self.tcp.receive(client, segment, now, rng);
                out.into_iter().map(|segment| self.tcp_packet(client, segment)).collect()
            }
            Body::Error(error) => self.on_error(client_of(error), error, now),
            Body::EchoRequest(_) | Body::EchoReply(_) => Vec::new(),
        }
    }

    fn prohibits(&self, segment: &Segment) -> bool {
        self.habits.port == Port::Prohibited && segment.destination_port == self.habits.port()
    }

    /// `nft ... reject with icmpx admin-prohibited`: RFC 1812, 5.2.7.1; RFC 4443, 3.1.
    fn prohibition(&self, packet: &Packet) -> Vec<Flight> {
        let code = if self.family == Family::V4 { 13 } else { 1 };
        let about = Flight::from(packet.clone());
        let error = about.error(IcmpErrorKind::Unreachable { code }, self.address, true);
        error.map(Flight::from).into_iter().collect()
    }

    /// `tcp_v4_err`, `tcp_v6_err`: a PTB counts if it quotes what is on its way.
    fn on_error(&mut self, client: IpAddr, error: &IcmpError, now: Timestamp) -> Vec<Flight> {
        let IcmpErrorKind::Ptb { mtu } = error.kind else { return Vec::new() };
        let ignores = self.family == Family::V4 && !self.habits.dont_fragment;
        if self.habits.drops_ptb || ignores || !error.checksum_ok || mtu >= self.path_mtu {
            return Vec::new();
        }
        match error.quote.transport {
            QuotedTransport::Tcp { destination_port, seq, .. } if self.tcp.has_sent(client, destination_port, seq) => {
                self.lower(mtu);
                let out = self.tcp.too_big(client, destination_port, seq, now);
                out.into_iter().map(|segment| self.tcp_packet(client, segment)).collect()
            }
            QuotedTransport::Tcp { .. } => Vec::new(),
            _ => {
                self.lower(mtu);
                Vec::new()
            }
        }
    }

    fn lower(&mut self, mtu: u32) {
        let least = if self.family == Family::V4 { 552 } else { 1280 };
        self.path_mtu_locked |= mtu < least && self.family == Family::V4;
        self.path_mtu = self.path_mtu.min(mtu.max(least));
        self.tcp.learn(self.path_mtu);
    }

    /// Timers that are due.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Flight> {
        let out = self.tcp.wake(now);
        out.into_iter().map(|(client, segment)| self.tcp_packet(client, segment)).collect()
    }

    pub fn next_wake(&self) -> Option<Timestamp> {
        self.tcp.next_wake()
    }

    /// As large as its question; Linux fragments it where its own path MTU asks for that, and others send it as it is.
    fn echo_reply(&mut self, client: IpAddr, echo: Echo, dont_fragment: bool) -> Flight {
        let dont_fragment = match self.habits.stack {
            Stack::Linux => false,
            Stack::Smoltcp => true,
            // They send the request's header back.
            Stack::Lwip | Stack::Gvisor => dont_fragment,
        };
        let ip = self.header(client, self.family == Family::V6 || dont_fragment);
        let mut flight = Flight::from(Packet { ip, body: Body::EchoReply(echo) });
        if flight.whole_size() > self.path_mtu && self.habits.stack == Stack::Linux {
            flight.fragment(self.path_mtu);
        }
        flight
    }

    fn tcp_packet(&mut self, client: IpAddr, segment: Segment) -> Flight {
        let dont_fragment = self.family == Family::V6 || (self.habits.dont_fragment && !self.path_mtu_locked);
        Packet { ip: self.header(client, dont_fragment), body: Body::Tcp(segment) }.into()
    }

    fn header(&mut self, client: IpAddr, dont_fragment: bool) -> IpHeader {
        self.next_id = if self.habits.one_id { 7 } else { self.next_id.wrapping_add(1) };
        let ttl = if self.habits.stack == Stack::Lwip { Ttl(255) } else { Ttl::DEFAULT };
        IpHeader { source: self.address, destination: client, ttl, dont_fragment, id: self.next_id }
    }
}

/// To whom the quoted packet went.
fn client_of(error: &IcmpError) -> IpAddr {
    error.quote.destination
}
