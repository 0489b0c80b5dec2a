//! SYNs that carry data leave half-open connections at the server. They are ended by a RST: once where nothing was heard of them, and
//! once where a SYN-ACK came.

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
    ended: Ended,
}

/// What was sent to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    No,
    /// A RST that knows no number of the server.
    Blindly,
    /// A RST in answer to the SYN-ACK.
    Knowingly,
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
            ended: Ended::No,
        });
    }

    /// Ends what a SYN may have left behind. Returns whether there was something to end.
    pub(super) fn reset(&mut self, port: u16, isn: SeqNumber) -> bool {
        let Some(remote_port) = self.mark(port, isn, Ended::Blindly) else { return false };
        self.due.push_back(Segment::new(port, remote_port, isn + 1, SeqNumber(0), Flags::RST));
        true
    }

    /// Ends the connection that a SYN-ACK speaks of. The RST acknowledges it: a stack that looks for a listener first where nothing is
    /// acknowledged, as smoltcp does, would not find the connection (RFC 9293, 3.10.7.4, takes either).
    pub(super) fn refuse(&mut self, isn: SeqNumber, syn_ack: &Segment) {
        let port = syn_ack.destination_port;
        if let Some(remote_port) = self.mark(port, isn, Ended::Knowingly) {
            self.due.push_back(Segment::new(port, remote_port, syn_ack.ack, syn_ack.seq + 1, Flags::RST_ACK));
        }
    }

    /// The port at the other end, unless so much was done before.
    fn mark(&mut self, port: u16, isn: SeqNumber, ended: Ended) -> Option<u16> {
        let syn = self.syns.iter_mut().find(|syn| syn.port == port && syn.isn == isn && syn.ended < ended)?;
        syn.ended = ended;
        Some(syn.remote_port)
    }

    /// Ends what a late SYN-ACK belongs to.
    pub(super) fn late_answer(&mut self, segment: &Segment) {
        if !(segment.flags.syn && segment.flags.ack) {
            return;
        }
        let port = segment.destination_port;
        let is_it = |syn: &&SentSyn| syn.port == port && acknowledges(segment, syn.isn, syn.data);
        if let Some(isn) = self.syns.iter().rev().find(is_it).map(|syn| syn.isn) {
            self.refuse(isn, segment);
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

#[cfg(test)]
mod tests {
    use super::*;

    const ISN: SeqNumber = SeqNumber(1000);

    fn syn_ack(acked: u32) -> Segment {
        Segment::new(25, 40000, SeqNumber(7000), ISN + acked, Flags::SYN_ACK)
    }

    fn half_open() -> HalfOpen {
        let mut half_open = HalfOpen::default();
        let mut syn = Segment::new(40000, 25, ISN, SeqNumber(0), Flags::SYN);
        syn.payload = bytes::Bytes::from_static(&[0; 100]);
        half_open.sent(&syn);
        half_open
    }

    #[test]
    fn a_syn_ack_is_refused_with_its_numbers() {
        for acked in [1, 101] {
            let mut half_open = half_open();
            half_open.late_answer(&syn_ack(acked));
            let reset = half_open.poll().unwrap();
            assert_eq!((reset.flags, reset.seq, reset.ack), (Flags::RST_ACK, ISN + acked, SeqNumber(7001)));
            half_open.late_answer(&syn_ack(acked));
            assert!(!half_open.has_due() && !half_open.reset(40000, ISN), "once is enough");
        }
    }

    #[test]
    fn a_syn_ack_that_comes_after_a_blind_reset_is_refused_as_well() {
        let mut half_open = half_open();
        assert!(half_open.reset(40000, ISN) && !half_open.reset(40000, ISN));
        assert_eq!(half_open.poll().unwrap().flags, Flags::RST);
        half_open.late_answer(&syn_ack(1));
        assert_eq!(half_open.poll().unwrap().flags, Flags::RST_ACK);
    }
}
