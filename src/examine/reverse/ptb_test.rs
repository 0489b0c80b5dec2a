//! With `--ptb-test`, where large packets arrive: whether PTBs reach the server. It is sent one about a packet of its own, on a
//! connection of ours, from our address.
//!
//! The acknowledgment of a large segment is withheld, so the server sends it again: smaller if it obeys (RFC 1191, 6.3).
//! Off by default, for the server remembers what it was told for ten minutes.

use std::time::Duration;

use crate::model::{IpHeader, Meaning, PacketSize, Segment, SeqNumber, Timestamp};

use super::conversation::ReplyStatus;
use super::fetch::Fetch;
use super::own_ptb::OwnPtb;
use super::timers::{ReverseTimer, ReverseTimers};

/// The connection of the test, and what is seen on it.
#[derive(Debug)]
pub(super) struct PtbTest {
    fetch: Fetch,
    log: PtbTestLog,
}

/// The MTU that the server is told: small enough to differ from any usual one, large enough for every host to accept.
pub(super) const MTU_TO_TELL: PacketSize = PacketSize::new(1280);
/// How long the connection of the test may take in all.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(12);

impl PtbTest {
    pub(super) fn new(fetch: Fetch) -> Self {
        Self { fetch, log: PtbTestLog::default() }
    }

    pub(super) fn fetch(&self) -> &Fetch {
        &self.fetch
    }

    pub(super) fn fetch_mut(&mut self) -> &mut Fetch {
        &mut self.fetch
    }

    /// Withholds acknowledgments as long as that tells something. Returns whether the test goes on.
    pub(super) fn go_on(&mut self, now: Timestamp) -> bool {
        let is_open = self.fetch.status() == ReplyStatus::Awaited;
        self.fetch.hold_acks(self.fetch.awaits_certificates() && !self.log.is_over(now));
        // What was held back is heard before the server is left.
        is_open && now.since(self.fetch.exchange().opened()) < CONNECTION_PATIENCE
    }

    pub(super) fn receive(
        &mut self,
        ip: &IpHeader,
        segment: &Segment,
        fragment: Option<PacketSize>,
        now: Timestamp,
    ) -> Meaning {
        let meaning = self.fetch.receive(ip, segment, fragment, now);
        if let Meaning::Fetched { size, .. } = meaning {
            self.log.note(ip, segment, size, now);
        }
        meaning
    }

    /// The PTB that is due.
    pub(super) fn poll_ptb(&mut self) -> Option<OwnPtb> {
        self.log.poll()
    }

    pub(super) fn enter_timers(&self, timers: &mut ReverseTimers) {
        if let Some(at) = self.log.ends() {
            timers.enter(ReverseTimer::PtbTestAnswer, at);
        }
        timers.enter(ReverseTimer::PtbTestEnd, self.fetch.exchange().opened() + CONNECTION_PATIENCE);
    }

    /// The MTU that the server was told and whether it obeys, once that is known.
    pub(super) fn reaction(&self) -> Option<(PacketSize, bool)> {
        self.log.reaction()
    }
}

/// What the server sent, and what it was told.
#[derive(Clone, Debug, Default)]
struct PtbTestLog {
    began: Option<Timestamp>,
    due: Option<OwnPtb>,
    /// The last PTB that was sent.
    sent: Option<OwnPtb>,
    state: PtbTestState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PtbTestState {
    #[default]
    NothingLarge,
    /// A PTB was sent about the segment that begins here; it came again, as large as before.
    Told {
        about: SeqNumber,
        large_again: u32,
    },
    Known {
        is_obeyed: bool,
    },
}

/// So many large ones after a PTB are no accident: the first may have crossed it, and loss takes PTBs too.
const IGNORED: u32 = 4;
/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(8);

impl PtbTestLog {
    /// A segment of the server on the connection of the test.
    fn note(&mut self, ip: &IpHeader, segment: &Segment, size: PacketSize, now: Timestamp) {
        if matches!(self.state, PtbTestState::Known { .. }) || segment.payload.is_empty() {
            return;
        }
        self.began.get_or_insert(now);
        let is_large = size > MTU_TO_TELL;
        self.state = match self.state {
            PtbTestState::NothingLarge if is_large => PtbTestState::Told { about: segment.seq, large_again: 0 },
            PtbTestState::Told { about, large_again } if about == segment.seq && is_large => {
                if large_again + 1 >= IGNORED {
                    PtbTestState::Known { is_obeyed: false }
                } else {
                    PtbTestState::Told { about, large_again: large_again + 1 }
                }
            }
            PtbTestState::Told { about, .. } if about == segment.seq => PtbTestState::Known { is_obeyed: true },
            _ => return,
        };
        if let PtbTestState::Told { .. } = self.state {
            self.due = Some(OwnPtb::about(ip, segment, size, MTU_TO_TELL));
        }
    }

    fn poll(&mut self) -> Option<OwnPtb> {
        let due = self.due.take()?;
        self.sent = Some(due);
        Some(due)
    }

    fn reaction(&self) -> Option<(PacketSize, bool)> {
        match (self.state, self.sent) {
            (PtbTestState::Known { is_obeyed }, Some(sent)) => Some((sent.mtu(), is_obeyed)),
            _ => None,
        }
    }

    fn ends(&self) -> Option<Timestamp> {
        self.began.map(|began| began + PATIENCE)
    }

    /// Whether nothing more is to be learnt.
    fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.state, PtbTestState::Known { .. }) || self.ends().is_some_and(|end| now >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flags, Ttl};
    use bytes::Bytes;

    fn see(log: &mut PtbTestLog, seq: u32, size: u32) {
        let address = |last| std::net::IpAddr::from([192, 0, 2, last]);
        let ip = IpHeader { source: address(25), destination: address(1), ttl: Ttl(60), dont_fragment: true, id: 7 };
        let mut segment = Segment::new(25, 40_000, SeqNumber(seq), SeqNumber(0), Flags::ACK);
        segment.payload = Bytes::from(vec![0; size as usize - 40]);
        log.note(&ip, &segment, PacketSize::new(size), Timestamp::ZERO);
    }

    #[test]
    fn the_same_bytes_in_a_smaller_packet_are_obedience() {
        let mut log = PtbTestLog::default();
        see(&mut log, 100, 1500);
        let ptb = log.poll().expect("a PTB");
        assert_eq!(ptb.mtu(), PacketSize::new(1280));
        see(&mut log, 1560, 1500);
        assert_eq!((log.poll(), log.reaction()), (None, None), "another segment that was on the way");
        see(&mut log, 100, 1280);
        assert_eq!(log.reaction(), Some((PacketSize::new(1280), true)));
    }

    #[test]
    fn the_same_packet_again_and_again_is_none() {
        let mut log = PtbTestLog::default();
        for _ in 0..IGNORED {
            see(&mut log, 100, 1500);
            assert!(log.poll().is_some() && log.reaction().is_none());
        }
        see(&mut log, 100, 1500);
        assert_eq!((log.poll(), log.reaction()), (None, Some((PacketSize::new(1280), false))));
    }

    #[test]
    fn a_server_of_small_packets_is_told_nothing() {
        let mut log = PtbTestLog::default();
        see(&mut log, 100, 1280);
        assert_eq!((log.poll(), log.reaction()), (None, None));
        assert!(log.is_over(Timestamp::ZERO + PATIENCE));
    }
}
