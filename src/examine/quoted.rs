//! Which packet of ours an ICMP error quotes, found as kernels find it: by addresses, ports and sequence number, or by identifier
//! and number of an echo request (`tcp_v4_err`, `ping_err`).
//!
//! What the quote states as length may have been changed on the way, so the size is the one that was sent.

use crate::model::{PacketSize, Plan, Quote, QuotedTransport, SeqNumber};

use super::packet_kind::PacketKind;
use super::search::{ProbeKey, ProbeKind, SentProbe};
use super::session::SentSegments;
use super::technique::TtlTrace;

/// A packet of ours that was quoted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted {
    pub(super) key: QuotedKey,
    /// The size that was sent.
    pub(super) size: PacketSize,
    /// What it was sent for, unless it belongs to the trace or to the conversation.
    pub(super) kind: Option<ProbeKind>,
}

/// How a quote names its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuotedKey {
    /// The segment of the connection that begins here.
    Segment(SeqNumber),
    /// A SYN from another port.
    Syn { port: u16, isn: SeqNumber },
    /// An echo request.
    Echo(u16),
}

impl Quoted {
    /// Finds the packet. `local_port`: that of the connection; `sent`: its segments; `probes`: those of all techniques.
    pub(super) fn find<'a>(
        quote: &Quote,
        (plan, local_port): (&Plan, u16),
        sent: &SentSegments,
        probes: impl Iterator<Item = &'a SentProbe>,
        trace: &TtlTrace,
    ) -> Option<Self> {
        let key = QuotedKey::of(quote, plan, local_port)?;
        let newest = probes.filter(|probe| key.names(&probe.key)).last();
        let size = newest.map(|probe| probe.size).or_else(|| match key {
            QuotedKey::Segment(seq) => sent.size_of(seq),
            QuotedKey::Echo(_) => trace.size_of(|own| key.names(own)),
            QuotedKey::Syn { .. } => None,
        })?;
        let kind = newest.map(|probe| probe.kind);
        // Sizes beyond what this host sends have no part in the examination.
        (kind != Some(ProbeKind::Beyond)).then_some(Self { key, size, kind })
    }

    /// Whether the quote states another length than was sent.
    pub(super) fn is_altered(&self, quote: &Quote) -> bool {
        self.is_whole() && quote.size != self.size
    }

    /// Whether it was sent with don't-fragment and in one piece, so that a quote differs from it only if it was changed.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self.kind, Some(ProbeKind::NoDf | ProbeKind::Fragments | ProbeKind::Fragmented))
    }
}

impl QuotedKey {
    /// What a quote names, if it is about this flow or about echo requests to the target.
    pub(super) fn of(quote: &Quote, plan: &Plan, local_port: u16) -> Option<Self> {
        if quote.destination != plan.destination {
            return None;
        }
        match quote.transport {
            QuotedTransport::Tcp { source_port, destination_port, seq } if destination_port == plan.port => {
                Some(if source_port == local_port {
                    Self::Segment(seq)
                } else {
                    Self::Syn { port: source_port, isn: seq }
                })
            }
            QuotedTransport::Echo { ident, seq } if ident == plan.echo_ident => Some(Self::Echo(seq)),
            _ => None,
        }
    }

    /// Whether it names the probe with this key.
    pub(super) fn names(self, key: &ProbeKey) -> bool {
        match (self, *key) {
            (Self::Segment(seq), ProbeKey::Range { start, .. }) => seq == start,
            (Self::Syn { port, isn }, ProbeKey::Syn { port: p, isn: i }) => (port, isn) == (p, i),
            (Self::Echo(seq), ProbeKey::Echo(own)) => seq == own,
            _ => false,
        }
    }

    /// What kind of packet it is.
    pub(super) fn kind(self) -> PacketKind {
        match self {
            Self::Segment(_) => PacketKind::Segment,
            Self::Syn { .. } => PacketKind::Syn,
            Self::Echo(_) => PacketKind::Echo,
        }
    }
}
