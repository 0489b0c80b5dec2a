//! A probe, from the queue to its outcome.

use crate::model::{Family, Outgoing, PacketSize, Probe, Purpose, SeqNumber, Technique, Timestamp};

/// How a probe's answer is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeKey {
    /// A range `[start, end)` of the sequence space, echoed by a D-SACK block or acknowledged for the first time.
    Range { start: SeqNumber, end: SeqNumber },
    /// A SYN from its own port.
    Syn { port: u16, isn: SeqNumber },
    /// An echo sequence number.
    Echo(u16),
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeKind {
    /// A DF packet of a size under test, or a control.
    Sized,
    /// The same in the course of the confirmation: the only kind that enters the statistics.
    Confirming,
    /// A copy without DF of a size that is lost (IPv4).
    NoDf,
    /// Two tiny fragments: the control of the no-DF copy.
    Fragments,
    /// A copy of a size that is lost, in fragments that any link takes (IPv6).
    Fragmented,
    /// Larger than this host sends: it has no part in the search.
    Beyond,
    /// A tiny segment beside a probe: its answer shows that the conversation goes on, and says nothing about sizes.
    Beside,
}

/// A probe to be sent, not before an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueuedProbe {
    pub(crate) size: PacketSize,
    pub(crate) kind: ProbeKind,
    pub(crate) not_before: Timestamp,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Waiting,
    Answered(Timestamp),
    /// A PTB quoted it.
    Refused,
    Lost(Timestamp),
}

/// A probe that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentProbe {
    pub(crate) key: ProbeKey,
    pub(crate) size: PacketSize,
    pub(crate) kind: ProbeKind,
    pub(crate) sent: Timestamp,
    pub(crate) outcome: Outcome,
}

impl ProbeKind {
    /// The same in the words of a transcript.
    pub(crate) fn purpose(self) -> Purpose {
        match self {
            Self::Sized | Self::Beyond | Self::Beside => Purpose::Search,
            Self::Confirming => Purpose::Confirm,
            Self::NoDf => Purpose::NoDfCopy,
            Self::Fragments => Purpose::Fragments,
            Self::Fragmented => Purpose::FragmentedCopy,
        }
    }
}

impl SentProbe {
    /// The probe in the words of a transcript.
    pub(crate) fn probe(&self, technique: Technique) -> Probe {
        Probe { technique, size: self.size, purpose: self.kind.purpose() }
    }

    pub(super) fn is_sized(&self) -> bool {
        matches!(self.kind, ProbeKind::Sized | ProbeKind::Confirming)
    }

    pub(super) fn answered_at(&self) -> Option<Timestamp> {
        match self.outcome {
            Outcome::Answered(at) => Some(at),
            _ => None,
        }
    }
}

impl QueuedProbe {
    /// The probe in the words of a transcript.
    pub(crate) fn probe(self, technique: Technique) -> Probe {
        Probe { technique, size: self.size, purpose: self.kind.purpose() }
    }

    /// Makes a probe of a packet: DF or not, whole or in pieces.
    pub(crate) fn dress(self, mut outgoing: Outgoing) -> Outgoing {
        let may_be_fragmented = matches!(self.kind, ProbeKind::NoDf | ProbeKind::Fragments);
        outgoing.packet.ip.dont_fragment = !may_be_fragmented;
        outgoing.fragments = match self.kind {
            ProbeKind::Fragments => Some(TINY_FRAGMENT),
            ProbeKind::Fragmented => Some(Family::V6.minimum_mtu()),
            _ => None,
        };
        outgoing
    }
}

/// An IPv4 fragment that any link takes.
const TINY_FRAGMENT: PacketSize = PacketSize::new(100);
