//! One router: what happens to a packet between its two links.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use pmtu_probe::model::{Body, Family, IcmpErrorKind, IpHeader, Packet, QuotedTransport, Segment, Timestamp, Ttl};

use super::conntrack::Conntrack;
use super::flight::Flight;
use super::tcp_listener::refuse;
use crate::scenario::{Kind, LARGE_ECHO, Node, PtbBehaviour, Router as Config, TakesTcp};

/// A router at work.
#[derive(Debug)]
pub struct Router {
    config: Config,
    client: IpAddr,
    near: IpAddr,
    far: IpAddr,
    conntrack: Conntrack,
    /// MSS that passed here, by client port: for segments towards the server, and towards the client.
    announced: HashMap<(u16, bool), u16>,
    rations: Rations,
}

/// The messages that it has sent, and so when it may send the next. Examinations side by side meet the same ones.
#[derive(Debug, Default)]
pub struct Rations {
    errors: BTreeMap<IpAddr, TokenBucket>,
    last_ptb: Option<Timestamp>,
}

impl Rations {
    /// None were sent.
    pub const NONE: Self = Self { errors: BTreeMap::new(), last_ptb: None };
}

/// What becomes of a packet.
#[derive(Debug)]
pub enum Fate {
    Forward(Flight),
    /// Dropped, and its sender hears of it.
    Answer(Packet),
    Drop(&'static str),
}

/// Where a packet goes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// From c's side to s's side.
    pub rightward: bool,
    /// MTU of the link ahead.
    pub next_mtu: u32,
    pub now: Timestamp,
}

impl Router {
    pub fn new(config: &Config, node: Node, family: crate::scenario::Family) -> Self {
        Self {
            config: config.clone(),
            client: Node::C.near_address(family),
            near: node.near_address(family),
            far: node.far_address(family),
            conntrack: Conntrack::default(),
            announced: HashMap::new(),
            rations: Rations { errors: BTreeMap::new(), last_ptb: config.ptb_spent.then_some(Timestamp::ZERO) },
        }
    }

    /// Changes them for others.
    pub fn swap_rations(&mut self, others: &mut Rations) {
        std::mem::swap(&mut self.rations, others);
    }

    /// The order of Linux: prerouting, TTL, MTU, forward, postrouting.
    pub fn pass(&mut self, mut flight: Flight, passage: Passage) -> Fate {
        self.on_arrival(&mut flight, passage.rightward);
        if flight.packet.ip.destination == self.near || flight.packet.ip.destination == self.far {
            return Fate::Drop("for the router itself");
        }
        if flight.packet.ip.ttl.0 <= 1 {
            return self.time_exceeded(&flight, passage);
        }
        if flight.largest_piece() > passage.next_mtu {
            let may_fragment = flight.packet.family() == Family::V4 && !flight.packet.ip.dont_fragment;
            if !may_fragment {
                return self.too_big(&flight, passage);
            }
            flight.fragment(passage.next_mtu);
        }
        flight.packet.ip.ttl = Ttl(flight.packet.ip.ttl.0 - 1);
        if self.config.takes_tcp == TakesTcp::Resets
            && passage.rightward
            && let Body::Tcp(segment) = &flight.packet.body
        {
            return reset(&flight.packet.ip, segment);
        }
        if let Some(reason) = self.filter(&mut flight, passage.rightward) {
            return Fate::Drop(reason);
        }
        if self.config.nat && passage.rightward && flight.packet.ip.source == self.client {
            flight.packet.ip.source = self.far;
        }
        Fate::Forward(flight)
    }

    fn on_arrival(&self, flight: &mut Flight, rightward: bool) {
        let packet = &mut flight.packet;
        if self.config.clear_df && rightward && packet.family() == Family::V4 {
            packet.ip.dont_fragment = false;
        }
        if self.config.nat && !rightward && packet.ip.destination == self.far {
            packet.ip.destination = self.client;
            if let Body::Error(error) = &mut packet.body {
                error.quote.source = self.client;
            }
        }
    }

    fn time_exceeded(&mut self, flight: &Flight, passage: Passage) -> Fate {
        if self.config.hidden || self.drops(Kind::TimeExceeded) || self.drops(Kind::AllIcmp) {
            return Fate::Drop("ttl, silently");
        }
        self.limited_error(IcmpErrorKind::TimeExceeded, flight, passage)
    }

    /// The error that Linux limits to a burst of 6 and then one a second for each destination.
    pub fn limited_error(&mut self, kind: IcmpErrorKind, flight: &Flight, passage: Passage) -> Fate {
        let burst = self.config.errors_left.map_or(TokenBucket::BURST, |left| TokenBucket::COST * left);
        let full = || TokenBucket { tokens: burst, filled: passage.now };
        let bucket = self.rations.errors.entry(flight.packet.ip.source).or_insert_with(full);
        if !bucket.take(passage.now) {
            return Fate::Drop("error rate limit");
        }
        self.answer(kind, flight, passage, true)
    }

    fn too_big(&mut self, flight: &Flight, passage: Passage) -> Fate {
        if self.config.ptb == PtbBehaviour::Silent || self.drops(Kind::AllIcmp) {
            return Fate::Drop("too big, silently");
        }
        if let Some(rate) = self.config.ptb_per_second {
            let interval = Duration::from_secs(1) / rate.max(1);
            if self.rations.last_ptb.is_some_and(|last| passage.now.since(last) < interval) {
                return Fate::Drop("too big, rate limit");
            }
            self.rations.last_ptb = Some(passage.now);
        }
        let mtu = self.config.ptb_mtu.unwrap_or(passage.next_mtu);
        self.answer(IcmpErrorKind::Ptb { mtu }, flight, passage, !self.config.ptb_bad_checksum)
    }

    fn answer(&self, kind: IcmpErrorKind, flight: &Flight, passage: Passage, checksum_ok: bool) -> Fate {
        let from = if passage.rightward { self.near } else { self.far };
        flight.error(kind, from, checksum_ok).map_or(Fate::Drop("no error about an error"), Fate::Answer)
    }

    fn drops(&self, kind: Kind) -> bool {
        self.config.drop.contains(&kind)
    }

    /// The reason to drop a packet that is being forwarded; `None` lets it pass, perhaps changed.
    fn filter(&mut self, flight: &mut Flight, rightward: bool) -> Option<&'static str> {
        if self.config.drop_larger.is_some_and(|limit| flight.largest_piece() > limit) {
            return Some("larger than allowed");
        }
        if self.config.drop_fragments && flight.packet.family() == Family::V4 && flight.is_fragmented() {
            return Some("fragments");
        }
        if self.drops_icmp(flight) {
            return Some("icmp filter");
        }
        if self.config.stateful && !self.conntrack.admits(&flight.packet, rightward) {
            return Some("stateful firewall");
        }
        match &mut flight.packet.body {
            Body::Tcp(segment) => self.filter_segment(segment, rightward),
            _ => None,
        }
    }

    fn drops_icmp(&self, flight: &Flight) -> bool {
        match &flight.packet.body {
            Body::Tcp(_) => false,
            _ if self.drops(Kind::AllIcmp) => true,
            Body::EchoRequest(_) | Body::EchoReply(_) => {
                self.drops(Kind::Echo) || (self.drops(Kind::LargeEcho) && flight.whole_size() > LARGE_ECHO)
            }
            Body::Error(error) => match error.kind {
                IcmpErrorKind::Ptb { .. } => {
                    let is_about_tcp = matches!(error.quote.transport, QuotedTransport::Tcp { .. });
                    !self.config.forward_ptb || (is_about_tcp && self.drops(Kind::PtbAboutTcp))
                }
                IcmpErrorKind::TimeExceeded => self.drops(Kind::TimeExceeded),
                IcmpErrorKind::Unreachable { .. } => false,
            },
        }
    }

    fn filter_segment(&mut self, segment: &mut Segment, rightward: bool) -> Option<&'static str> {
        let family = Family::of(self.client);
        let client_port = if rightward { segment.source_port } else { segment.destination_port };
        if segment.flags.syn {
            if self.config.drop_syn_data && !segment.payload.is_empty() {
                return Some("SYN with data");
            }
            if let (Some(limit), Some(mss)) = (self.config.clamp_mss_for, segment.mss.as_mut()) {
                *mss = (*mss).min((limit - family.tcp_headers()) as u16);
            }
            if let Some(mss) = segment.mss {
                self.announced.insert((client_port, !rightward), mss);
            }
        } else if self.config.drop_above_mss {
            let limit = self.announced.get(&(client_port, rightward));
            if limit.is_some_and(|limit| segment.payload.len() > usize::from(*limit)) {
                return Some("above the MSS");
            }
        }
        None
    }
}

/// `inet_peer_xrlim_allow`: a burst of 6, then one a second.
#[derive(Debug)]
struct TokenBucket {
    tokens: Duration,
    filled: Timestamp,
}

impl TokenBucket {
    const COST: Duration = Duration::from_secs(1);
    const BURST: Duration = Duration::from_secs(6);

    fn take(&mut self, now: Timestamp) -> bool {
        self.tokens = (self.tokens + now.since(self.filled)).min(Self::BURST);
        self.filled = now;
        match self.tokens.checked_sub(Self::COST) {
            Some(rest) => {
                self.tokens = rest;
                true
            }
            None => false,
        }
    }
}

/// As if the server had said so (RFC 9293, 3.5.2, group 1).
fn reset(ip: &IpHeader, segment: &Segment) -> Fate {
    let Some(reset) = refuse(segment).pop() else { return Fate::Drop("a reset") };
    let ip = IpHeader { source: ip.destination, destination: ip.source, ttl: Ttl::DEFAULT, ..*ip };
    Fate::Answer(Packet { ip, body: Body::Tcp(reset) })
}
