//! A stand-in for the examination that sends what a test says: the simulator's own behaviour is checked with it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::model::{
    Action, Body, Echo, Event, Examined, Flags, IpHeader, Meaning, Outgoing, Packet, PacketSize, Segment, SeqNumber,
    Timestamp, Ttl,
};

use super::run::{Examiner, drive};
use crate::scenario::{Family, Node, SMTP_PORT, Scenario};

pub const PORT: u16 = 40_000;
const ISS: SeqNumber = SeqNumber(1_000_000);

/// What to send once the connection stands.
#[derive(Clone, Debug)]
pub enum Step {
    /// A segment below `rcv_nxt` that makes a packet of this size.
    OldData { size: u32, ttl: u8, dont_fragment: bool },
    /// New bytes of the stream.
    NewData(&'static str),
    /// An echo request in a packet of this size.
    Echo { size: u32 },
    /// Nothing for a while.
    Pause(Duration),
}

impl Step {
    pub fn old(size: u32) -> Self {
        Self::OldData { size, ttl: 64, dont_fragment: true }
    }

    pub fn non_df(size: u32) -> Self {
        Self::OldData { size, ttl: 64, dont_fragment: false }
    }

    pub fn with_ttl(size: u32, ttl: u8) -> Self {
        Self::OldData { size, ttl, dont_fragment: true }
    }
}

/// Everything that came back, in order.
pub fn answers(scenario: &Scenario, family: Family, steps: &[Step]) -> Vec<Packet> {
    let received = Rc::new(RefCell::new(Vec::new()));
    let script = Script {
        family,
        steps: steps.iter().rev().cloned().collect(),
        state: State::Start,
        nxt: ISS + 1,
        ack: SeqNumber::default(),
        resume_at: Timestamp::ZERO,
        ack_due: false,
        received: Rc::clone(&received),
    };
    drive(script, scenario, family, 1, false);
    received.take()
}

/// The sizes that D-SACK names.
pub fn dsack_sizes(packets: &[Packet], family: Family) -> Vec<u32> {
    let headers = if family == Family::V4 { 40 } else { 60 };
    segments(packets)
        .filter_map(|segment| segment.sack.iter().next().map(|(left, right)| (segment.ack, left, right)))
        .filter(|(ack, _, right)| !right.is_after(*ack))
        .map(|(_, left, right)| right.distance(left).unsigned_abs() + headers)
        .collect()
}

pub fn segments(packets: &[Packet]) -> impl Iterator<Item = &Segment> {
    packets.iter().filter_map(|packet| match &packet.body {
        Body::Tcp(segment) => Some(segment),
        _ => None,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Handshake,
    Open,
    Over,
}

struct Script {
    family: Family,
    steps: Vec<Step>,
    state: State,
    nxt: SeqNumber,
    ack: SeqNumber,
    resume_at: Timestamp,
    ack_due: bool,
    received: Rc<RefCell<Vec<Packet>>>,
}

impl Examiner for Script {
    fn poll(&mut self, now: Timestamp) -> Action {
        match self.state {
            State::Start => {
                self.state = State::Handshake;
                let mut syn = Segment::new(PORT, SMTP_PORT, ISS, SeqNumber::default(), Flags::SYN);
                syn.mss = Some(if self.family == Family::V4 { 1460 } else { 1440 });
                syn.sack_permitted = true;
                self.send(Body::Tcp(syn), 64, true)
            }
            State::Handshake => Action::WaitUntil(now + Duration::from_secs(5)),
            State::Over => Action::Done,
            State::Open if self.ack_due => {
                self.ack_due = false;
                self.steps.push(Step::NewData(""));
                self.next_step(now)
            }
            State::Open if now < self.resume_at => Action::WaitUntil(self.resume_at),
            State::Open => self.next_step(now),
        }
    }

    fn handle(&mut self, event: &Event, _now: Timestamp) {
        let (Event::Received(packet) | Event::Reassembled { packet, .. }) = event else { return };
        self.received.borrow_mut().push(packet.clone());
        let Body::Tcp(segment) = &packet.body else { return };
        let end = segment.seq + segment.sequence_len();
        if segment.flags.syn && self.state == State::Handshake {
            self.state = State::Open;
            self.ack = end;
            self.ack_due = true;
        } else if segment.sequence_len() > 0 && segment.seq == self.ack {
            self.ack = end;
            self.ack_due = true;
        }
    }

    fn interrupt(&mut self, _now: Timestamp) {}
    fn examined(&self) -> Option<&Examined> {
        None
    }
}

impl Script {
    fn next_step(&mut self, now: Timestamp) -> Action {
        let Some(step) = self.steps.pop() else {
            self.state = State::Over;
            return Action::Done;
        };
        let headers = if self.family == Family::V4 { 40 } else { 60 };
        match step {
            Step::OldData { size, ttl, dont_fragment } => {
                let length = size - headers;
                let mut old = Segment::new(PORT, SMTP_PORT, self.nxt - length, self.ack, Flags::PSH_ACK);
                old.payload = Bytes::from(vec![0; length as usize]);
                self.send(Body::Tcp(old), ttl, dont_fragment)
            }
            Step::NewData(text) => {
                let mut segment = Segment::new(PORT, SMTP_PORT, self.nxt, self.ack, Flags::PSH_ACK);
                segment.payload = Bytes::from_static(text.as_bytes());
                self.nxt = self.nxt + text.len() as u32;
                self.send(Body::Tcp(segment), 64, true)
            }
            Step::Echo { size } => {
                let payload_len = size - headers + 12;
                self.send(Body::EchoRequest(Echo { ident: 1, seq: size as u16, payload_len }), 64, true)
            }
            Step::Pause(time) => {
                self.resume_at = now + time;
                Action::WaitUntil(self.resume_at)
            }
        }
    }

    fn send(&self, body: Body, ttl: u8, dont_fragment: bool) -> Action {
        let ip = IpHeader {
            source: Node::C.near_address(self.family),
            destination: Node::S.near_address(self.family),
            ttl: Ttl(ttl),
            dont_fragment,
            id: 7,
        };
        let outgoing = Outgoing { packet: Packet { ip, body }, fragments: None::<PacketSize>, meaning: Meaning::Stray };
        Action::Send(outgoing)
    }
}
