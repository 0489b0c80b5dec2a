//! SYNs that carry data leave half-open connections at the server. They are ended by a RST: once where nothing was heard of them, once
//! where a SYN-ACK came, and again where a RST was lost, so that the server answers later SYNs from the same port with an ACK of the old one
//! (RFC 5961, section 4.2) and, for a while, with nothing.

use std::collections::VecDeque;

use crate::model::{Flags, PacketSize, Segment, SeqNumber};

/// The SYN probes sent so far and the resets that are due.
#[derive(Debug, Default)]
pub(super) struct HalfOpen {
    syns: Vec<SentSyn>,
    /// The ports of all SYNs that have left, those of connections included.
    left: Vec<u16>,
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
    /// A RST in answer to the SYN-ACK, after so many SYNs from the port.
    Knowingly {
        syns: usize,
    },
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

    /// Notes that a SYN leaves from a port, whatever it is for.
    pub(super) fn left(&mut self, port: u16) {
        self.left.push(port);
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
        self.end(isn, syn_ack, syn_ack.seq + 1);
    }

    /// Ends the connection that an ACK speaks of which answers a later SYN from the same port. The RST that should have ended it was lost,
    /// unless that SYN left before it did.
    pub(super) fn challenged(&mut self, ack: &Segment) {
        if !ack.flags.ack || ack.flags.syn || ack.flags.rst {
            return;
        }
        if let Some(isn) = self.named_by(ack) {
            self.end(isn, ack, ack.seq);
        }
    }

    fn end(&mut self, isn: SeqNumber, answer: &Segment, next: SeqNumber) {
        let port = answer.destination_port;
        let syns = self.left.iter().filter(|&&left| left == port).count();
        if let Some(remote_port) = self.mark(port, isn, Ended::Knowingly { syns }) {
            self.due.push_back(Segment::new(port, remote_port, answer.ack, next, Flags::RST_ACK));
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
        if let Some(isn) = self.named_by(segment) {
            self.refuse(isn, segment);
        }
    }

    /// The SYN that a segment acknowledges.
    fn named_by(&self, segment: &Segment) -> Option<SeqNumber> {
        let port = segment.destination_port;
        let is_it = |syn: &&SentSyn| syn.port == port && names(segment, syn.isn, syn.data);
        self.syns.iter().rev().find(is_it).map(|syn| syn.isn)
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
    is_answer && names(segment, isn, data)
}

/// The same for a SYN in a packet of `size` bytes.
pub(super) fn acknowledges_syn(segment: &Segment, isn: SeqNumber, size: PacketSize, headers: u32) -> bool {
    acknowledges(segment, isn, data_of_syn(size, headers))
}

/// Whether a segment shows that this SYN has arrived: it acknowledges it, or a later one from the same port is answered by an ACK of
/// this one (RFC 5961, section 4.2).
pub(super) fn shows_syn(segment: &Segment, isn: SeqNumber, size: PacketSize, headers: u32) -> bool {
    segment.flags.ack && names(segment, isn, data_of_syn(size, headers))
}

/// Whether the acknowledgment number is that of a SYN, alone or with its data.
fn names(segment: &Segment, isn: SeqNumber, data: u32) -> bool {
    segment.ack.bytes_since(isn).is_some_and(|acked| acked == 1 || acked == 1 + data)
}

fn data_of_syn(size: PacketSize, headers: u32) -> u32 {
    size.bytes().saturating_sub(headers + SYN_OPTIONS)
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

    fn challenge() -> Segment {
        Segment::new(25, 40000, SeqNumber(7001), ISN + 1, Flags::ACK)
    }

    /// The control leaves right behind the suspect, so its SYN meets half a connection that the reset ends a moment later.
    #[test]
    fn an_ack_that_the_reset_has_overtaken_draws_no_second_one() {
        let mut half_open = half_open();
        half_open.left(40000);
        half_open.left(40000);
        half_open.late_answer(&syn_ack(1));
        assert!(half_open.poll().is_some());
        half_open.challenged(&challenge());
        assert!(!half_open.has_due());
    }

    #[test]
    fn a_reset_that_was_lost_is_sent_again() {
        let mut half_open = half_open();
        half_open.left(40000);
        half_open.late_answer(&syn_ack(1));
        assert!(half_open.poll().is_some());
        half_open.left(40001);
        half_open.challenged(&challenge());
        assert!(!half_open.has_due(), "no other SYN has left from this port");
        half_open.left(40000);
        half_open.challenged(&challenge());
        let reset = half_open.poll().unwrap();
        assert_eq!((reset.flags, reset.seq, reset.ack), (Flags::RST_ACK, ISN + 1, SeqNumber(7001)));
        half_open.challenged(&challenge());
        half_open.challenged(&Segment::new(25, 40000, SeqNumber(7001), ISN + 50, Flags::ACK));
        assert!(!half_open.has_due());
    }

    #[test]
    fn an_ack_is_enough_where_the_syn_ack_was_lost() {
        let mut half_open = half_open();
        half_open.challenged(&challenge());
        assert_eq!(half_open.poll().unwrap().flags, Flags::RST_ACK);
    }
}
