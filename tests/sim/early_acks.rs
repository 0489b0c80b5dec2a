//! A box next to this host that acknowledges data before the server has seen it, as TCP accelerators do. The data goes on to the
//! server, and the handshake is the server's own.

use std::collections::VecDeque;
use std::time::Duration;

use pmtu_probe::examine::Examination;
use pmtu_probe::model::{
    Action, Body, Event, Examined, Finding, Flags, IpHeader, Outgoing, Packet, Segment, SeqNumber, Timestamp, Ttl,
};

use super::run::{Examiner, drive, plan};
use crate::scenario::{Family, load};

/// How far away it is.
const NEAR: Duration = Duration::from_micros(500);

struct Accelerated {
    examination: Examination,
    /// The end of the stream, as far as the box has seen it.
    seen: Option<SeqNumber>,
    acks: VecDeque<(Timestamp, Packet)>,
}

impl Accelerated {
    fn acknowledge(&mut self, outgoing: &Outgoing, now: Timestamp) {
        let Body::Tcp(segment) = &outgoing.packet.body else { return };
        let end = segment.seq + segment.sequence_len();
        if segment.flags.syn || segment.payload.is_empty() {
            return;
        }
        let seen = *self.seen.get_or_insert(end);
        let mut ack = Segment::new(segment.destination_port, segment.source_port, segment.ack, seen, Flags::ACK);
        if end.is_after(seen) {
            ack.ack = end;
            self.seen = Some(end);
        } else {
            ack.sack.push(segment.seq, end);
        }
        ack.window = 65_000;
        let ip = outgoing.packet.ip;
        let ip = IpHeader { source: ip.destination, destination: ip.source, ttl: Ttl(62), ..ip };
        self.acks.push_back((now + NEAR, Packet { ip, body: Body::Tcp(ack) }));
    }
}

impl Examiner for Accelerated {
    fn poll(&mut self, now: Timestamp) -> Action {
        let due = self.acks.iter().take_while(|(at, _)| *at <= now).count();
        for (_, ack) in self.acks.drain(..due) {
            self.examination.handle(&Event::Received(ack), now);
        }
        match self.examination.poll(now) {
            Action::Send(outgoing) => {
                self.acknowledge(&outgoing, now);
                Action::Send(outgoing)
            }
            Action::WaitUntil(at) => Action::WaitUntil(self.acks.front().map_or(at, |(due, _)| at.min(*due))),
            other => other,
        }
    }

    fn handle(&mut self, event: &Event, now: Timestamp) {
        self.examination.handle(event, now);
    }

    fn examined(&self) -> Option<&Examined> {
        self.examination.examined()
    }

    fn interrupt(&mut self, now: Timestamp) {
        self.examination.interrupt(now);
    }
}

#[test]
fn acknowledgments_that_come_too_soon_are_a_finding() {
    let scenario = load("clear").unwrap();
    for family in [Family::V4, Family::V6] {
        let finds = |examiner: Accelerated| {
            let run = drive(examiner, &scenario, family, 1, false);
            let examined = run.examined.unwrap_or_else(|| panic!("{family}: no verdict, {:?}", run.faults));
            examined.findings.contains(&Finding::AcksTooSoon)
        };
        let examination = || Examination::new(plan(&scenario, family, 1), Timestamp::ZERO);
        assert!(finds(Accelerated { examination: examination(), seen: None, acks: VecDeque::new() }), "{family}");
        let honest = drive(examination(), &scenario, family, 1, false).examined.expect("a verdict");
        assert!(!honest.findings.contains(&Finding::AcksTooSoon), "{family}: the server itself");
    }
}
