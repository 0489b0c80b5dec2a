//! What arrives on one connection: how large packets are, where bytes are missing, and whether they come again in smaller ones.

use std::time::Duration;

use crate::model::{Family, IpHeader, PacketSize, Segment, SeqNumber};

/// The packets of the server on one connection.
#[derive(Clone, Debug)]
pub(super) struct ArrivalLog {
    family: Family,
    /// Payload of a full segment, by what both ends announced.
    full: u32,
    /// The largest packet.
    largest: Option<PacketSize>,
    /// Payload of the largest segment that was certainly cut to size: it does not end what the server wrote, or another has
    /// the same size.
    cut: Option<u32>,
    largest_payload: u32,
    /// Where the first segment of that size begins.
    largest_at: Option<SeqNumber>,
    /// The longest reply to one thing said.
    longest_reply: u32,
    reply_from: Option<SeqNumber>,
    /// Where the last reply ends. What comes behind it are small words of the server's own, such as TLS tickets, each for itself.
    reply_to: Option<SeqNumber>,
    resent: Option<ResentSmaller>,
    /// A packet came in fragments, the largest of this size.
    fragment: Option<PacketSize>,
    without_df: bool,
}

/// Missing bytes that came in smaller segments than they were first sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResentSmaller {
    /// How large the packet of the first of them is.
    size: PacketSize,
    /// Its payload.
    payload: u32,
    /// Whether what is missing was certainly sent in larger ones, and not in so many of this size.
    is_certain: bool,
}

/// What is known of the stream when a segment comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamBefore {
    next: SeqNumber,
    missing_up_to: Option<SeqNumber>,
    /// Where the first gap ends, if bytes from there on have arrived.
    gap_end: Option<SeqNumber>,
}

impl StreamBefore {
    /// `next`: the next byte expected; `missing_up_to`: where the first gap ends, since bytes from there on have arrived, or
    /// are known to have been sent.
    pub(super) fn new(next: SeqNumber, missing_up_to: Option<SeqNumber>) -> Self {
        Self { next, missing_up_to, gap_end: missing_up_to }
    }

    /// The same where bytes behind the gap are known to have been sent and have not arrived.
    pub(super) fn with_gap_end(self, gap_end: Option<SeqNumber>) -> Self {
        Self { gap_end, ..self }
    }

    /// The next byte expected.
    pub(super) fn next(self) -> SeqNumber {
        self.next
    }
}

impl ArrivalLog {
    pub(super) fn new(family: Family) -> Self {
        Self {
            family,
            full: u32::MAX,
            largest: None,
            cut: None,
            largest_payload: 0,
            largest_at: None,
            longest_reply: 0,
            reply_from: None,
            reply_to: None,
            resent: None,
            fragment: None,
            without_df: false,
        }
    }

    /// Payload of a full segment from now on.
    pub(super) fn expect(&mut self, full: u32) {
        self.full = full;
    }

    pub(super) fn full(&self) -> u32 {
        self.full
    }

    /// Something was said, and what comes from here on is the reply.
    pub(super) fn asked(&mut self, next: SeqNumber) {
        self.reply_from = Some(next);
    }

    /// All that was asked for is here.
    pub(super) fn completed(&mut self, next: SeqNumber) {
        self.reply_to.get_or_insert(next);
    }

    /// Takes note of a segment with payload. `fragment`: the packet came in fragments, the largest of this size. Returns
    /// whether bytes before it are missing.
    pub(super) fn note(
        &mut self,
        ip: &IpHeader,
        segment: &Segment,
        fragment: Option<PacketSize>,
        before: StreamBefore,
    ) -> bool {
        let payload = segment.payload.len() as u32;
        self.fragment = self.fragment.max(fragment);
        let size = PacketSize::new(self.family.tcp_headers() + segment.options_len() as u32 + payload);
        self.without_df |= !ip.dont_fragment;
        if self.reply_to.is_some_and(|end| !end.is_after(segment.seq)) {
            return segment.seq.is_after(before.next);
        }
        if self.is_resent_smaller(segment, payload, before) {
            let is_certain = self.was_larger(segment, payload, before);
            self.resent = self.resent.or(Some(ResentSmaller { size, payload, is_certain }));
            // More was on its way behind it.
            self.cut = self.cut.max(Some(payload));
        }
        if self.is_as_large(segment, payload) || (!segment.flags.psh && payload > self.largest_payload) {
            self.cut = self.cut.max(Some(payload));
        }
        if payload > self.largest_payload {
            (self.largest_payload, self.largest_at) = (payload, Some(segment.seq));
        }
        self.largest = self.largest.max(Some(size));
        if let Some(end) = before.missing_up_to {
            self.reached(end);
        }
        segment.seq.is_after(before.next)
    }

    /// It is as large as the largest so far, and not the same bytes once more: where our acknowledgment is lost, they come again.
    fn is_as_large(&self, segment: &Segment, payload: u32) -> bool {
        payload == self.largest_payload && self.largest_at != Some(segment.seq)
    }

    /// More is missing behind it, so it is not the end of what was sent; and no segment was ever cut to its size.
    fn is_resent_smaller(&self, segment: &Segment, payload: u32, before: StreamBefore) -> bool {
        let Some(end) = before.missing_up_to else { return false };
        let fills = segment.seq == before.next && end.is_after(segment.seq + payload);
        let usual = if self.largest_payload > payload { self.largest_payload.min(self.full) } else { self.full };
        let missing = end.bytes_since(segment.seq).unwrap_or(0);
        fills && payload >= LEAST_LOWERED && payload < usual.min(missing) && self.cut != Some(payload)
    }

    /// Whether the missing bytes were first sent in larger segments: such ones have arrived, or these would not fill the gap.
    fn was_larger(&self, segment: &Segment, payload: u32, before: StreamBefore) -> bool {
        let gap = before.gap_end.and_then(|end| end.bytes_since(segment.seq));
        self.largest_payload > payload || gap.is_some_and(|gap| !gap.is_multiple_of(payload))
    }

    /// How far the reply has come, or is known to reach although not all of it has arrived.
    pub(super) fn reached(&mut self, end: SeqNumber) {
        let end = self.reply_to.filter(|&to| end.is_after(to)).unwrap_or(end);
        let reply = self.reply_from.and_then(|from| end.bytes_since(from)).unwrap_or(0);
        self.longest_reply = self.longest_reply.max(reply);
    }

    /// The largest packet on the wire.
    pub(super) fn largest(&self) -> Option<PacketSize> {
        match self.fragment {
            // The whole never was on the wire.
            Some(fragment) => Some(fragment),
            None => self.largest,
        }
    }

    /// Whether a full segment arrived.
    pub(super) fn has_full(&self) -> bool {
        self.largest_payload >= self.full
    }

    /// Whether the server certainly cut what it had to say to a size below that of a full segment.
    pub(super) fn keeps_below(&self) -> bool {
        self.cut.is_some_and(|cut| cut == self.largest_payload && cut < self.full && self.longest_reply > cut)
    }

    /// Whether that size is one that servers try in the dark.
    pub(super) fn keeps_to_searched(&self) -> bool {
        self.keeps_below() && SEARCHED.contains(&self.largest_payload)
    }

    pub(super) fn resent(&self) -> Option<ResentSmaller> {
        self.resent
    }

    pub(super) fn longest_reply(&self) -> u32 {
        self.longest_reply
    }

    pub(super) fn is_without_df(&self) -> bool {
        self.without_df
    }

    pub(super) fn in_fragments(&self) -> bool {
        self.fragment.is_some()
    }
}

impl ResentSmaller {
    /// Whether they were certainly larger before, and not lost by chance.
    pub(super) fn is_certain(self) -> bool {
        self.is_certain
    }

    /// How large the packet of the first of them is.
    pub(super) fn size(self) -> PacketSize {
        self.size
    }

    /// Whether a PTB explains it, and not the server's own search in the dark, `after` it was asked.
    ///
    /// A PTB takes effect within a round trip; lost ones come again with the next retransmission. A search begins after some
    /// time-outs, with sizes of its own: 1024 in Linux (`tcp_base_mss`), 1200 in FreeBSD (`pmtud_blackhole_mss`), 536 and 512.
    pub(super) fn is_told(self, after: Duration, rtt: Duration) -> bool {
        let soon = Duration::from_millis(600) + rtt * 3;
        let late = Duration::from_millis(2500) + rtt * 6;
        after <= soon || (after <= late && !self.is_searched())
    }

    /// Whether the size is one of those that servers try in the dark.
    pub(super) fn is_searched(self) -> bool {
        SEARCHED.contains(&self.payload)
    }
}

/// No path makes a server send less at once: what is shorter was written so, as a tarpit writes byte by byte.
const LEAST_LOWERED: u32 = 256;
/// Payloads that servers try when they search for a size in the dark.
const SEARCHED: [u32; 7] = [1220, 1200, 1140, 1024, 536, 512, 256];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flags, Ttl};
    use bytes::Bytes;

    const HEADER: IpHeader = IpHeader {
        source: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        destination: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        ttl: Ttl::DEFAULT,
        dont_fragment: true,
        id: 1,
    };

    fn segment(seq: u32, len: usize, flags: Flags) -> Segment {
        let mut segment = Segment::new(25, 40_000, SeqNumber(seq), SeqNumber(0), flags);
        segment.payload = Bytes::from(vec![0; len]);
        segment
    }

    fn arrivals() -> ArrivalLog {
        let mut arrivals = ArrivalLog::new(Family::V4);
        arrivals.expect(1460);
        arrivals.asked(SeqNumber(0));
        arrivals
    }

    fn before(next: u32, missing_up_to: Option<u32>) -> StreamBefore {
        StreamBefore::new(SeqNumber(next), missing_up_to.map(SeqNumber))
    }

    #[test]
    fn bytes_of_a_gap_in_smaller_segments_are_resent_smaller() {
        let mut seen = arrivals();
        assert!(seen.note(&HEADER, &segment(2920, 80, Flags::PSH_ACK), None, before(0, None)));
        assert!(!seen.note(&HEADER, &segment(0, 1360, Flags::ACK), None, before(0, Some(2920))));
        assert_eq!(seen.resent().map(|resent| resent.size), Some(PacketSize::new(1400)));
    }

    /// Loss takes segments of any size, and the last one of a reply is short.
    #[test]
    fn a_lost_segment_that_comes_again_is_not_smaller() {
        let mut seen = arrivals();
        seen.note(&HEADER, &segment(1460, 1460, Flags::ACK), None, before(0, None));
        seen.note(&HEADER, &segment(0, 1460, Flags::ACK), None, before(0, Some(1460)));
        seen.note(&HEADER, &segment(2920, 80, Flags::PSH_ACK), None, before(2920, Some(3000)));
        assert_eq!(seen.resent(), None);
        assert!(seen.has_full());
    }

    /// Where a clamp keeps all segments small, two lost neighbours that come again are as large as ever.
    #[test]
    fn a_segment_of_the_usual_size_is_not_smaller() {
        let mut seen = arrivals();
        seen.note(&HEADER, &segment(0, 1360, Flags::ACK), None, before(0, None));
        seen.note(&HEADER, &segment(4080, 1360, Flags::ACK), None, before(1360, None));
        seen.note(&HEADER, &segment(1360, 1360, Flags::ACK), None, before(1360, Some(4080)));
        assert_eq!(seen.resent(), None);
        seen.reached(SeqNumber(5440));
        assert!(seen.keeps_below() && !seen.has_full());
    }

    #[test]
    fn a_short_reply_proves_no_limit() {
        let mut seen = arrivals();
        seen.note(&HEADER, &segment(0, 700, Flags::PSH_ACK), None, before(0, None));
        seen.note(&HEADER, &segment(700, 600, Flags::PSH_ACK), None, before(700, None));
        seen.reached(SeqNumber(1300));
        assert!(!seen.keeps_below() && !seen.has_full());
        assert_eq!(seen.longest_reply(), 1300);
    }

    /// Two tickets of TLS are two writes. Where both are lost and the goodbye arrives, they come again one by one.
    #[test]
    fn what_follows_the_reply_is_no_part_of_it() {
        let mut seen = arrivals();
        seen.note(&HEADER, &segment(0, 608, Flags::PSH_ACK), None, before(0, None));
        seen.reached(SeqNumber(608));
        seen.completed(SeqNumber(608));
        seen.note(&HEADER, &segment(1118, 24, Flags::PSH_ACK), None, before(608, None));
        seen.note(
            &HEADER,
            &segment(608, 255, Flags::PSH_ACK),
            None,
            before(608, Some(1118)).with_gap_end(Some(SeqNumber(1118))),
        );
        seen.reached(SeqNumber(863));
        assert_eq!((seen.resent(), seen.longest_reply()), (None, 608));
    }

    /// A server that says one byte at a time says three at once where its congestion window held them back.
    #[test]
    fn short_writes_that_come_again_are_not_smaller() {
        let mut seen = arrivals();
        seen.note(&HEADER, &segment(3, 3, Flags::PSH_ACK), None, before(0, None));
        seen.note(&HEADER, &segment(0, 1, Flags::PSH_ACK), None, before(0, Some(3)).with_gap_end(Some(SeqNumber(3))));
        assert_eq!(seen.resent(), None);
    }

    /// Of two segments the first came again, and the second is known by what came behind it alone.
    #[test]
    fn what_is_still_missing_is_part_of_the_reply() {
        let mut seen = arrivals();
        seen.note(&HEADER, &segment(2720, 666, Flags::PSH_ACK), None, before(0, None));
        seen.note(&HEADER, &segment(0, 1360, Flags::PSH_ACK), None, before(0, Some(2720)));
        seen.reached(SeqNumber(1360));
        assert!(seen.keeps_below() && !seen.has_full());
        assert_eq!(seen.longest_reply(), 2720);
    }

    /// The acknowledgment of the first was lost, so it came again. What the server says later is a write of its own.
    #[test]
    fn the_same_bytes_twice_prove_no_limit() {
        let mut seen = arrivals();
        seen.note(&HEADER, &segment(0, 608, Flags::PSH_ACK), None, before(0, None));
        seen.note(&HEADER, &segment(0, 608, Flags::PSH_ACK), None, before(608, None));
        seen.note(&HEADER, &segment(608, 184, Flags::PSH_ACK), None, before(608, None));
        seen.reached(SeqNumber(792));
        assert!(!seen.keeps_below() && !seen.has_full());
    }

    #[test]
    fn sizes_of_a_search_in_the_dark_are_known() {
        let resent = |payload| ResentSmaller { size: PacketSize::new(payload + 40), payload, is_certain: true };
        let rtt = Duration::from_millis(20);
        assert!(resent(1360).is_told(Duration::from_millis(40), rtt));
        assert!(resent(1360).is_told(Duration::from_millis(900), rtt), "the first PTB was lost");
        assert!(!resent(1024).is_told(Duration::from_millis(900), rtt));
        assert!(!resent(1360).is_told(Duration::from_millis(3200), rtt));
    }
}
