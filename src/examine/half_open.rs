//! SYNs that carry data leave half-open connections at the server. They are ended by a RST, once each.

use std::collections::VecDeque;

use crate::model::{Flags, PacketSize, Segment, SeqNumber};

/// The SYN probes sent so far and the resets that are due.
#[derive(Debug, Default)]
pub(super) struct HalfOpen {
    syns: Vec<SentSyn>,
    due: VecDeque<Segment>,
}

#[derive(Clone, Copy, Debug)]
struct SentSyn {
    port: u16,
    remote_port: u16,
    isn: SeqNumber,
    data: u32,
    is_reset: bool,
}

/// The MSS option of a SYN with data.
pub(super) const SYN_OPTIONS: u32 = 4;

impl HalfOpen {
    /// Notes a SYN that leaves now.
    pub(super) fn sent(&mut self, syn: &Segment) {
        self.syns.push(SentSyn {
            port: syn.source_port,
            remote_port: syn.destination_port,
            isn: syn.seq,
            data: syn.payload.len() as u32,
            is_reset: false,
        });
    }

    /// Ends what a SYN may have left behind. Returns whether there was something to end.
    pub(super) fn reset(&mut self, port: u16, isn: SeqNumber) -> bool {
        let Some(syn) = self.syns.iter_mut().find(|syn| syn.port == port && syn.isn == isn && !syn.is_reset) else {
            return false;
        };
        syn.is_reset = true;
        self.due.push_back(Segment::new(port, syn.remote_port, isn + 1, SeqNumber(0), Flags::RST));
        true
    }

    /// Ends what a late SYN-ACK belongs to.
    pub(super) fn late_answer(&mut self, segment: &Segment) {
        if !(segment.flags.syn && segment.flags.ack) {
            return;
        }
        let port = segment.destination_port;
        let is_it = |syn: &&SentSyn| syn.port == port && acknowledges(segment, syn.isn, syn.data);
        if let Some(isn) = self.syns.iter().rev().find(is_it).map(|syn| syn.isn) {
            self.reset(port, isn);
        }
    }

    /// Queues the reset of a connection that could not be closed in order.
    pub(super) fn abort(&mut self, reset: Segment) {
        self.due.push_back(reset);
    }

    /// The next reset.
    pub(super) fn poll(&mut self) -> Option<Segment> {
        self.due.pop_front()
    }

    pub(super) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }
}

/// Whether a segment answers exactly this SYN and acknowledges it, alone or with its data: a SYN-ACK, or a RST (RFC 9293,
/// 3.10.7.3). The number of another SYN may lie in between.
pub(super) fn acknowledges(segment: &Segment, isn: SeqNumber, data: u32) -> bool {
    let is_answer = segment.flags.ack && (segment.flags.syn || segment.flags.rst);
    is_answer && segment.ack.bytes_since(isn).is_some_and(|acked| acked == 1 || acked == 1 + data)
}

/// The same for a SYN in a packet of `size` bytes.
pub(super) fn acknowledges_syn(segment: &Segment, isn: SeqNumber, size: PacketSize, headers: u32) -> bool {
    acknowledges(segment, isn, size.bytes().saturating_sub(headers + SYN_OPTIONS))
}
