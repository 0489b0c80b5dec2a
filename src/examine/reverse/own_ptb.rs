//! PTBs that this host sends about the server's packets, from its own address, as a router on the way would.

use crate::model::{
    Body, IcmpError, IcmpErrorKind, IpHeader, Meaning, Packet, PacketSize, Plan, Quote, QuotedTransport, Segment,
    SeqNumber, Ttl,
};

/// One PTB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnPtb {
    mtu: PacketSize,
    quote: Quote,
}

impl OwnPtb {
    /// About a segment that arrived in a packet of `size` bytes.
    pub(super) fn about(ip: &IpHeader, segment: &Segment, size: PacketSize, mtu: PacketSize) -> Self {
        let transport = QuotedTransport::Tcp {
            source_port: segment.source_port,
            destination_port: segment.destination_port,
            seq: segment.seq,
        };
        let quote = Quote {
            mss: None,
            source: ip.source,
            destination: ip.destination,
            size,
            dont_fragment: ip.dont_fragment,
            id: ip.id,
            ttl: ip.ttl,
            transport,
        };
        Self { mtu, quote }
    }

    /// About the segment at `seq` that never arrived on our port, in a packet of `size` bytes.
    pub(super) fn about_missing(plan: &Plan, port: u16, seq: SeqNumber, size: PacketSize, mtu: PacketSize) -> Self {
        let transport = QuotedTransport::Tcp { source_port: plan.port, destination_port: port, seq };
        let quote = Quote {
            mss: None,
            source: plan.destination,
            destination: plan.source,
            size,
            dont_fragment: true,
            id: 0,
            ttl: Ttl::DEFAULT,
            transport,
        };
        Self { mtu, quote }
    }

    /// The MTU that it states.
    pub(super) fn mtu(&self) -> PacketSize {
        self.mtu
    }

    pub(super) fn meaning(&self) -> Meaning {
        Meaning::OwnPtb { mtu: self.mtu.bytes() }
    }

    /// The whole packet.
    pub(super) fn packet(&self, plan: &Plan, id: u16) -> Packet {
        let ip = IpHeader {
            source: plan.source,
            destination: plan.destination,
            ttl: Ttl::DEFAULT,
            dont_fragment: false,
            id,
        };
        let kind = IcmpErrorKind::Ptb { mtu: self.mtu.bytes() };
        Packet { ip, body: Body::Error(IcmpError { kind, quote: self.quote, checksum_ok: true }) }
    }
}
