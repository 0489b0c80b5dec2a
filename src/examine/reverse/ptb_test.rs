//! Whether PTBs reach the server: it is sent one about a packet of its own, on a connection of ours, from our address.
//!
//! The acknowledgment of a large segment is withheld, so the server sends it again: smaller if it obeys (RFC 1191, 6.3).
//! Off by default, for the server remembers what it was told for ten minutes.

use std::time::Duration;

use crate::model::{
    Body, IcmpError, IcmpErrorKind, IpHeader, Packet, PacketSize, Quote, QuotedTransport, Segment, SeqNumber, Timestamp,
};

/// The MTU that it is told: small enough to differ from any usual one, large enough for every host to accept.
pub(super) const TOLD: PacketSize = PacketSize::new(1280);

/// The test.
#[derive(Clone, Debug, Default)]
pub(super) struct PtbTest {
    began: Option<Timestamp>,
    /// The segment that was complained about.
    about: Option<SeqNumber>,
    large_again: u32,
    due: Option<IcmpError>,
    obeys: Option<bool>,
}

/// So many large ones after a complaint are no accident: the first may have crossed it, and loss takes complaints too.
const IGNORED: u32 = 4;
/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(8);

impl PtbTest {
    /// A segment of the server on the connection of the test.
    pub(super) fn saw(&mut self, ip: &IpHeader, segment: &Segment, size: PacketSize, now: Timestamp) {
        if self.obeys.is_some() || segment.payload.is_empty() {
            return;
        }
        self.began.get_or_insert(now);
        match self.about {
            None if size > TOLD => self.about = Some(segment.seq),
            Some(about) if about == segment.seq && size > TOLD => self.large_again += 1,
            Some(about) if about == segment.seq => {
                self.obeys = Some(true);
                return;
            }
            _ => return,
        }
        if self.large_again >= IGNORED {
            self.obeys = Some(false);
        } else {
            self.due = Some(too_big(quote(ip, segment, size)));
        }
    }

    /// The complaint that is due.
    pub(super) fn poll(&mut self) -> Option<IcmpError> {
        self.due.take()
    }

    /// What came of it.
    pub(super) fn obeys(&self) -> Option<bool> {
        self.obeys
    }

    /// Whether nothing more is to be learnt.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.obeys.is_some() || self.began.is_some_and(|began| now.since(began) >= PATIENCE)
    }
}

fn too_big(quote: Quote) -> IcmpError {
    IcmpError { kind: IcmpErrorKind::Ptb { mtu: TOLD.bytes() }, quote, checksum_ok: true }
}

fn quote(ip: &IpHeader, segment: &Segment, size: PacketSize) -> Quote {
    Quote {
        source: ip.source,
        destination: ip.destination,
        size,
        dont_fragment: ip.dont_fragment,
        id: ip.id,
        ttl: ip.ttl,
        transport: QuotedTransport::Tcp {
            source_port: segment.source_port,
            destination_port: segment.destination_port,
            seq: segment.seq,
        },
    }
}

/// The same where large segments never arrive: the server is told about one that is missing, as the router on the way should
/// have told it.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    quote: Quote,
    mtu: PacketSize,
    began: Timestamp,
    sent: u32,
}

/// Loss may take one or two.
const COMPLAINTS: u32 = 3;
/// How long the server is given after each.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(1);

impl Complaint {
    /// About the missing segment at `seq`, in a packet of `size` bytes from `ip.source`; packets of `mtu` bytes pass.
    pub(super) fn new(
        ip: IpHeader,
        ports: (u16, u16),
        seq: SeqNumber,
        size: PacketSize,
        mtu: PacketSize,
        now: Timestamp,
    ) -> Self {
        let transport = QuotedTransport::Tcp { source_port: ports.0, destination_port: ports.1, seq };
        let quote = Quote {
            source: ip.source,
            destination: ip.destination,
            size,
            dont_fragment: true,
            id: ip.id,
            ttl: ip.ttl,
            transport,
        };
        Self { quote, mtu, began: now, sent: 0 }
    }

    /// The MTU that the server is told.
    pub(super) fn told(&self) -> PacketSize {
        self.mtu
    }

    pub(super) fn poll(&mut self, now: Timestamp) -> Option<IcmpError> {
        let is_due = self.sent < COMPLAINTS && now >= self.began + COMPLAINT_INTERVAL * self.sent;
        self.sent += u32::from(is_due);
        let kind = IcmpErrorKind::Ptb { mtu: self.mtu.bytes() };
        is_due.then_some(IcmpError { kind, quote: self.quote, checksum_ok: true })
    }

    /// The next instant at which something is to be done.
    pub(super) fn wake(&self) -> Timestamp {
        self.began + COMPLAINT_INTERVAL * self.sent
    }

    /// Whether the server has had its time.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.sent >= COMPLAINTS && now >= self.wake()
    }
}

/// The complaint as a packet.
pub(super) fn packet(error: IcmpError, ip: IpHeader) -> Packet {
    Packet { ip, body: Body::Error(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flags, Ttl};
    use bytes::Bytes;

    fn see(test: &mut PtbTest, seq: u32, size: u32) {
        let address = |last| std::net::IpAddr::from([192, 0, 2, last]);
        let ip = IpHeader { source: address(25), destination: address(1), ttl: Ttl(60), dont_fragment: true, id: 7 };
        let mut segment = Segment::new(25, 40_000, SeqNumber(seq), SeqNumber(0), Flags::ACK);
        segment.payload = Bytes::from(vec![0; size as usize - 40]);
        test.saw(&ip, &segment, PacketSize::new(size), Timestamp::ZERO);
    }

    #[test]
    fn the_same_bytes_in_a_smaller_packet_are_obedience() {
        let mut test = PtbTest::default();
        see(&mut test, 100, 1500);
        let complaint = test.poll().expect("a complaint");
        assert_eq!(complaint.kind, IcmpErrorKind::Ptb { mtu: 1280 });
        assert_eq!(complaint.quote.size, PacketSize::new(1500));
        see(&mut test, 1560, 1500);
        assert_eq!((test.poll(), test.obeys()), (None, None), "another segment that was on the way");
        see(&mut test, 100, 1280);
        assert_eq!(test.obeys(), Some(true));
    }

    #[test]
    fn the_same_packet_again_and_again_is_none() {
        let mut test = PtbTest::default();
        for _ in 0..IGNORED {
            see(&mut test, 100, 1500);
            assert!(test.poll().is_some() && test.obeys().is_none());
        }
        see(&mut test, 100, 1500);
        assert_eq!((test.poll(), test.obeys()), (None, Some(false)));
    }

    #[test]
    fn a_server_of_small_packets_is_told_nothing() {
        let mut test = PtbTest::default();
        see(&mut test, 100, 1280);
        assert_eq!((test.poll(), test.obeys()), (None, None));
        assert!(test.is_over(Timestamp::ZERO + PATIENCE));
    }
}
