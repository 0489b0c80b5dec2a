//! A box on a link that holds back, changes or forges packets.

use std::time::Duration;

use pmtu_probe::model::{
    Body, Flags, IcmpError, IcmpErrorKind, IpHeader, Packet, PacketSize, Quote, QuotedTransport, SackBlocks, Segment,
    SeqNumber, Ttl,
};

use super::flight::Flight;
use super::rng::Rng;
use crate::scenario::{FORGED_MTU, Forgery, Middlebox as Config};

/// A box at work.
#[derive(Debug)]
pub struct Middlebox {
    config: Config,
    rng: Rng,
    /// What it adds to the numbers of c.
    offset: u32,
}

/// A packet that leaves the box.
pub struct Carried {
    pub flight: Flight,
    pub rightward: bool,
    pub held_back: Duration,
}

/// Forged packets of each kind for one of c.
const FORGERIES: usize = 3;

impl Middlebox {
    pub fn new(config: &Config, seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0xb0c5);
        let offset = rng.between(1 << 30, 3 << 30);
        Self { config: config.clone(), rng, offset }
    }

    /// What becomes of a packet, and what comes with it.
    pub fn pass(&mut self, mut flight: Flight, rightward: bool) -> Vec<Carried> {
        let mut carried = Vec::new();
        let to_c = |packet: Packet| Carried { flight: packet.into(), rightward: false, held_back: Duration::ZERO };
        if rightward {
            let forged = self.config.forges.clone().into_iter().flat_map(|kind| self.forge(kind, &flight.packet));
            carried.extend(forged.map(to_c));
        }
        if self.config.renumbers {
            self.renumber(&mut flight.packet, rightward);
        }
        let is_ptb = is_ptb(&flight.packet) && !rightward;
        if is_ptb {
            carried.extend(self.false_ptb(&flight.packet).map(to_c));
            self.change_quote(&mut flight.packet);
        }
        let held_back = if is_ptb { Duration::from_secs_f64(self.config.ptb_delay_ms / 1e3) } else { Duration::ZERO };
        carried.push(Carried { flight, rightward, held_back });
        carried
    }

    fn renumber(&self, packet: &mut Packet, rightward: bool) {
        let Body::Tcp(segment) = &mut packet.body else { return };
        if rightward {
            segment.seq = segment.seq + self.offset;
            return;
        }
        segment.ack = segment.ack - self.offset;
        let mut sack = SackBlocks::default();
        for (left, right) in segment.sack.iter() {
            sack.push(left - self.offset, right - self.offset);
        }
        segment.sack = sack;
    }

    fn false_ptb(&self, packet: &Packet) -> Option<Packet> {
        let mtu = self.config.false_ptb_mtu?;
        let mut packet = packet.clone();
        let Body::Error(error) = &mut packet.body else { return None };
        error.kind = IcmpErrorKind::Ptb { mtu };
        Some(packet)
    }

    fn change_quote(&self, packet: &mut Packet) {
        let ip_header = packet.family().ip_header();
        let Body::Error(error) = &mut packet.body else { return };
        error.quote.size = PacketSize::new(self.config.quotes.stated(error.quote.size.bytes(), ip_header));
    }

    fn forge(&mut self, kind: Forgery, of_c: &Packet) -> Vec<Packet> {
        let mut random = || SeqNumber(self.rng.between(0, u32::MAX - 1));
        match (kind, &of_c.body) {
            (Forgery::Segments, Body::Tcp(segment)) => {
                let flags = [Flags::ACK, Flags::ACK, Flags::RST];
                let of = |flags| {
                    let (from, to) = (segment.destination_port, segment.source_port);
                    let mut forged = Segment::new(from, to, random(), random(), flags);
                    forged.window = 1000;
                    Packet { ip: answering(of_c), body: Body::Tcp(forged) }
                };
                flags.map(of).into()
            }
            (Forgery::Ptbs, Body::Tcp(segment)) => (0..FORGERIES)
                .map(|_| {
                    let (source_port, destination_port) = (segment.source_port, segment.destination_port);
                    forged_ptb(of_c, QuotedTransport::Tcp { source_port, destination_port, seq: random() })
                })
                .collect(),
            (Forgery::Ptbs, Body::EchoRequest(echo)) => (0..FORGERIES as u16)
                .map(|seq| forged_ptb(of_c, QuotedTransport::Echo { ident: echo.ident, seq }))
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn is_ptb(packet: &Packet) -> bool {
    matches!(&packet.body, Body::Error(IcmpError { kind: IcmpErrorKind::Ptb { .. }, .. }))
}

fn answering(packet: &Packet) -> IpHeader {
    let IpHeader { source, destination, .. } = packet.ip;
    IpHeader { source: destination, destination: source, ttl: Ttl(60), dont_fragment: true, id: 99 }
}

/// From the server's own address: no other is known to pass.
fn forged_ptb(of_c: &Packet, transport: QuotedTransport) -> Packet {
    let IpHeader { source, destination, dont_fragment, id, ttl } = of_c.ip;
    let size = PacketSize::new(1500);
    let quote = Quote { source, destination, size, dont_fragment, id, ttl, transport, mss: None };
    let error = IcmpError { kind: IcmpErrorKind::Ptb { mtu: FORGED_MTU }, quote, checksum_ok: true };
    Packet { ip: answering(of_c), body: Body::Error(error) }
}
