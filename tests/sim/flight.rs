//! A packet on its way: whole, or as fragments that share one fate.

use pmtu_probe::model::{
    Body, Family, Flags, IcmpError, IcmpErrorKind, IpHeader, Outgoing, Packet, PacketSize, Quote, QuotedTransport, Ttl,
};
use std::fmt::Write as _;
use std::net::IpAddr;

/// A travelling packet.
#[derive(Clone, Debug)]
pub struct Flight {
    pub packet: Packet,
    /// `Some(n)`: in fragments of at most `n` bytes.
    piece: Option<u32>,
    /// Its transport checksum is wrong: routers forward it, and no host takes it.
    pub is_damaged: bool,
}

impl From<Packet> for Flight {
    fn from(packet: Packet) -> Self {
        Self { packet, piece: None, is_damaged: false }
    }
}

impl From<Outgoing> for Flight {
    fn from(outgoing: Outgoing) -> Self {
        Self { packet: outgoing.packet, piece: outgoing.fragments.map(PacketSize::bytes), is_damaged: false }
    }
}

impl Flight {
    /// The size of the packet once it is whole.
    pub fn whole_size(&self) -> u32 {
        match (&self.packet.body, self.packet.size()) {
            (_, Some(size)) => size.bytes(),
            (Body::Error(error), None) => error_size(error, self.packet.family()),
            (_, None) => self.packet.family().ip_header(),
        }
    }

    /// Cuts it into fragments of at most `limit` bytes, unless it is cut smaller already.
    pub fn fragment(&mut self, limit: u32) {
        self.piece = Some(self.piece.map_or(limit, |piece| piece.min(limit)));
    }

    pub fn is_fragmented(&self) -> bool {
        self.piece.is_some_and(|piece| piece < self.whole_size())
    }

    /// The largest packet that a link has to carry.
    pub fn largest_piece(&self) -> u32 {
        if self.is_fragmented() { self.headers() + self.data_per_piece() } else { self.whole_size() }
    }

    /// How many packets it travels as.
    pub fn pieces(&self) -> u32 {
        if self.is_fragmented() {
            let data = self.whole_size() - self.packet.family().ip_header();
            data.div_ceil(self.data_per_piece())
        } else {
            1
        }
    }

    /// RFC 791: all fragments but the last carry a multiple of 8 bytes.
    fn data_per_piece(&self) -> u32 {
        let room = self.piece.unwrap_or(u32::MAX).saturating_sub(self.headers());
        (room / 8 * 8).max(8)
    }

    fn headers(&self) -> u32 {
        match self.packet.family() {
            Family::V4 => 20,
            Family::V6 => 48,
        }
    }

    /// An ICMP error about this packet. `None` for packets that no error may be about (RFC 1122, 3.2.2).
    pub fn error(&self, kind: IcmpErrorKind, from: IpAddr, checksum_ok: bool) -> Option<Packet> {
        let ip = &self.packet.ip;
        let transport = match &self.packet.body {
            Body::Tcp(segment) => QuotedTransport::Tcp {
                source_port: segment.source_port,
                destination_port: segment.destination_port,
                seq: segment.seq,
            },
            Body::EchoRequest(echo) => QuotedTransport::Echo { ident: echo.ident, seq: echo.seq },
            Body::EchoReply(_) => QuotedTransport::Other(if ip.source.is_ipv4() { 1 } else { 58 }),
            Body::Error(_) => return None,
        };
        // Linux quotes the whole of a small packet.
        let mss = match &self.packet.body {
            Body::Tcp(segment) if segment.flags.syn => segment.mss,
            _ => None,
        };
        let quote = Quote {
            mss,
            source: ip.source,
            destination: ip.destination,
            size: PacketSize::new(self.largest_piece()),
            dont_fragment: ip.dont_fragment,
            id: ip.id,
            ttl: ip.ttl,
            transport,
        };
        Some(Packet {
            ip: IpHeader {
                source: from,
                destination: ip.source,
                ttl: Ttl::DEFAULT,
                dont_fragment: ip.source.is_ipv6(),
                id: 0,
            },
            body: Body::Error(IcmpError { kind, quote, checksum_ok }),
        })
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let ip = &self.packet.ip;
        let mut text = format!("{} > {} ttl {}", ip.source, ip.destination, ip.ttl.0);
        if !ip.dont_fragment {
            text += " nodf";
        }
        if self.is_fragmented() {
            let _ = write!(text, " in {} fragments", self.pieces());
        }
        let _ = write!(text, " size {} ", self.whole_size());
        text + &describe_body(&self.packet.body)
    }
}

/// Linux quotes as much as makes 576 bytes (RFC 1812, 4.3.2.3) or 1280 (RFC 4443, 2.4).
fn error_size(error: &IcmpError, family: Family) -> u32 {
    let limit = match family {
        Family::V4 => 576,
        Family::V6 => 1280,
    };
    (family.ip_header() + 8 + error.quote.size.bytes()).min(limit)
}

fn describe_body(body: &Body) -> String {
    match body {
        Body::Tcp(segment) => {
            let flags = describe_flags(segment.flags);
            let sack: Vec<String> = segment.sack.iter().map(|(left, right)| format!("{left}-{right}")).collect();
            format!(
                "tcp {}>{} {flags} seq {} ack {} len {} win {} sack [{}]{}",
                segment.source_port,
                segment.destination_port,
                segment.seq,
                segment.ack,
                segment.payload.len(),
                segment.window,
                sack.join(" "),
                segment.mss.map_or(String::new(), |mss| format!(" mss {mss}")),
            )
        }
        Body::EchoRequest(echo) => format!("echo request {}", echo.seq),
        Body::EchoReply(echo) => format!("echo reply {}", echo.seq),
        Body::Error(error) => format!("{:?} about {:?} size {}", error.kind, error.quote.transport, error.quote.size),
    }
}

fn describe_flags(flags: Flags) -> String {
    let names = [(flags.syn, "S"), (flags.fin, "F"), (flags.rst, "R"), (flags.psh, "P"), (flags.ack, ".")];
    names.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect()
}
