//! A mail client on a TCP of its own, for tests of the peer: EHLO, STARTTLS, a TLS handshake, EHLO and QUIT inside.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::model::{
    Action, Body, Event, Examined, Flags, IpHeader, Meaning, Outgoing, Packet, PacketSize, Segment, SeqNumber,
    Timestamp, Ttl,
};
use pmtu_probe::tls::Tls as TlsClient;

use super::run::{Examiner, Run, drive};
use crate::scenario::{Family, Node, Scenario, Tls};

const PORT: u16 = 40_000;
const ISS: SeqNumber = SeqNumber(1_000_000);

/// How the client is.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The MSS it states; `None`: what its link allows.
    pub mss: Option<u16>,
    pub window: u16,
    pub sack: bool,
    /// How long it stays.
    pub patience: Duration,
}

impl Default for Manner {
    fn default() -> Self {
        Self { mss: None, window: 65_535, sack: true, patience: Duration::from_secs(15) }
    }
}

/// What the client saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every segment with payload: when, where in the stream, the size of its packet, DF.
    pub arrived: Vec<(Duration, u32, u32, bool)>,
    /// Everything that was said in the clear, and then inside TLS.
    pub text: String,
    pub handshake_done: bool,
    /// The server closed its half.
    pub closed: bool,
    pub failure: Option<String>,
}

impl Seen {
    pub fn largest(&self) -> u32 {
        self.arrived.iter().map(|arrived| arrived.2).max().unwrap_or(0)
    }
}

/// One call, and what the peer thinks of it.
pub fn call(scenario: &Scenario, family: Family, manner: Manner) -> (Seen, Run) {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let caller = Caller::new(scenario, family, manner, Rc::clone(&seen));
    let run = drive(caller, scenario, family, 1, false);
    (seen.take(), run)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Ehlo,
    StartTls,
    Handshake,
    EhloInside,
    Quit,
}

struct Caller {
    family: Family,
    port: u16,
    manner: Manner,
    largest: u32,
    seen: Rc<RefCell<Seen>>,
    out: VecDeque<Segment>,
    nxt: SeqNumber,
    first: Option<SeqNumber>,
    ack: SeqNumber,
    early: Vec<(SeqNumber, Bytes)>,
    stage: Stage,
    line: String,
    /// Until it is over.
    tls: Option<TlsClient>,
    over: bool,
}

impl Caller {
    fn new(scenario: &Scenario, family: Family, manner: Manner, seen: Rc<RefCell<Seen>>) -> Self {
        let largest = scenario.link(0).mtu;
        let headers = if family == Family::V4 { 40 } else { 60 };
        let port = scenario.peer.port();
        let mut syn = Segment::new(PORT, port, ISS, SeqNumber::default(), Flags::SYN);
        syn.mss = Some(manner.mss.unwrap_or((largest - headers) as u16));
        syn.sack_permitted = manner.sack;
        Self {
            family,
            port,
            manner,
            largest,
            seen,
            out: VecDeque::from([syn]),
            nxt: ISS + 1,
            first: None,
            ack: SeqNumber::default(),
            early: Vec::new(),
            stage: if scenario.peer.tls == Tls::Implicit { Stage::Handshake } else { Stage::Greeting },
            line: String::new(),
            tls: TlsClient::connect(Some("mx.example.com"), Node::S.near_address(family)).ok(),
            over: false,
        }
    }

    fn say(&mut self, bytes: &[u8], flags: Flags) {
        for (index, part) in bytes.chunks(1000).enumerate() {
            let mut segment = Segment::new(PORT, self.port, self.nxt, self.ack, flags);
            debug_assert!(index == 0 || !flags.fin);
            segment.payload = Bytes::copy_from_slice(part);
            self.nxt = self.nxt + segment.sequence_len();
            self.push(segment);
        }
        if bytes.is_empty() {
            let segment = Segment::new(PORT, self.port, self.nxt, self.ack, flags);
            self.nxt = self.nxt + segment.sequence_len();
            self.push(segment);
        }
    }

    fn push(&mut self, mut segment: Segment) {
        segment.window = self.manner.window;
        if self.manner.sack {
            for (seq, bytes) in &self.early {
                segment.sack.push(*seq, *seq + bytes.len() as u32);
            }
        }
        self.out.push_back(segment);
    }

    fn on_segment(&mut self, segment: &Segment, size: u32, dont_fragment: bool, now: Timestamp) {
        if segment.flags.rst {
            self.seen.borrow_mut().failure = Some("reset".into());
            self.over = true;
        } else if segment.flags.syn {
            if self.first.is_none() {
                self.first = Some(segment.seq + 1);
                self.ack = segment.seq + 1;
                self.say(b"", Flags::ACK);
                if self.stage == Stage::Handshake {
                    self.flush_tls();
                }
            }
        } else if segment.sequence_len() > 0 {
            if !segment.payload.is_empty() {
                let offset = self.first.map_or(0, |first| segment.seq.distance(first).unsigned_abs());
                let at = now.since(Timestamp::ZERO);
                self.seen.borrow_mut().arrived.push((at, offset, size, dont_fragment));
            }
            self.take(segment);
        }
    }

    fn take(&mut self, segment: &Segment) {
        if segment.seq.is_after(self.ack) {
            if self.early.iter().all(|(seq, _)| *seq != segment.seq) && !segment.payload.is_empty() {
                self.early.push((segment.seq, segment.payload.clone()));
            }
            return self.say(b"", Flags::ACK);
        }
        let mut fresh = vec![(segment.seq, segment.payload.clone())];
        fresh.append(&mut self.early);
        fresh.sort_by_key(|(seq, _)| seq.distance(self.ack));
        let mut bytes = Vec::new();
        for (seq, payload) in fresh {
            let skip = self.ack.distance(seq);
            if skip < 0 {
                self.early.push((seq, payload));
            } else if let Some(rest) = payload.get(skip.unsigned_abs() as usize..) {
                self.ack = self.ack + rest.len() as u32;
                bytes.extend_from_slice(rest);
            }
        }
        let fin = segment.flags.fin && segment.seq + segment.sequence_len() - 1 == self.ack;
        if fin {
            self.ack = self.ack + 1;
        }
        self.say(b"", Flags::ACK);
        self.converse(&bytes);
        if fin {
            self.seen.borrow_mut().closed = true;
            self.say(b"", Flags::FIN_ACK);
            self.over = true;
        }
    }

    fn converse(&mut self, bytes: &[u8]) {
        let in_clear = matches!(self.stage, Stage::Greeting | Stage::Ehlo | Stage::StartTls)
            || (self.stage == Stage::Quit && !self.seen.borrow().handshake_done);
        if in_clear {
            return self.hear(&String::from_utf8_lossy(bytes), false);
        }
        let Some(tls) = self.tls.take() else { return };
        let mut tls = match tls.receive(bytes) {
            Ok(tls) => tls,
            Err(failure) => {
                self.seen.borrow_mut().failure = Some(format!("{:?}", failure.trouble));
                return self.say(b"", Flags::FIN_ACK);
            }
        };
        let heard = tls.take_heard();
        let is_established = tls.is_established();
        self.tls = Some(tls);
        if !heard.is_empty() {
            self.hear(&String::from_utf8_lossy(&heard), true);
        }
        if self.stage == Stage::Handshake && is_established {
            self.seen.borrow_mut().handshake_done = true;
            self.stage = Stage::EhloInside;
            if self.port == 25 {
                self.tls.iter_mut().for_each(|tls| tls.say(b"EHLO x\r\n"));
            } else {
                let last_words = self.tls.take().map(TlsClient::close).unwrap_or_default();
                return self.say(&last_words, Flags::PSH_ACK);
            }
        }
        self.flush_tls();
    }

    fn hear(&mut self, text: &str, inside: bool) {
        self.seen.borrow_mut().text += text;
        self.line += text;
        let complete =
            self.line.ends_with("\r\n") && self.line.lines().last().is_some_and(|last| last.get(3..4) == Some(" "));
        if !complete {
            return;
        }
        let reply = std::mem::take(&mut self.line);
        match self.stage {
            Stage::Greeting => {
                self.stage = Stage::Ehlo;
                self.say(b"EHLO x\r\n", Flags::PSH_ACK);
            }
            Stage::Ehlo if reply.contains("STARTTLS") => {
                self.stage = Stage::StartTls;
                self.say(b"STARTTLS\r\n", Flags::PSH_ACK);
            }
            Stage::StartTls if reply.starts_with("220") => {
                self.stage = Stage::Handshake;
                self.flush_tls();
            }
            Stage::Ehlo | Stage::StartTls => {
                self.stage = Stage::Quit;
                self.say(b"QUIT\r\n", Flags::PSH_ACK);
            }
            Stage::EhloInside if inside => {
                self.stage = Stage::Quit;
                self.tls.iter_mut().for_each(|tls| tls.say(b"QUIT\r\n"));
            }
            Stage::EhloInside | Stage::Handshake | Stage::Quit => {}
        }
    }

    fn flush_tls(&mut self) {
        let bytes = self.tls.as_mut().map(TlsClient::take_output).unwrap_or_default();
        if !bytes.is_empty() {
            self.say(&bytes, Flags::PSH_ACK);
        }
    }
}

impl Examiner for Caller {
    fn poll(&mut self, now: Timestamp) -> Action {
        if let Some(segment) = self.out.pop_front() {
            let ip = IpHeader {
                source: Node::C.near_address(self.family),
                destination: Node::S.near_address(self.family),
                ttl: Ttl::DEFAULT,
                dont_fragment: true,
                id: 7,
            };
            let packet = Packet { ip, body: Body::Tcp(segment) };
            return Action::Send(Outgoing { packet, fragments: None, meaning: Meaning::Stray });
        }
        let end = Timestamp::from_origin(self.manner.patience);
        if self.over || now >= end { Action::Done } else { Action::WaitUntil(end) }
    }

    fn handle(&mut self, event: &Event, now: Timestamp) {
        let (Event::Received(packet) | Event::Reassembled { packet, .. }) = event else { return };
        let Body::Tcp(segment) = &packet.body else { return };
        let size = packet.size().map_or(0, PacketSize::bytes);
        assert!(segment.flags.syn || size <= self.largest, "{size} bytes through a link of {}", self.largest);
        self.on_segment(segment, size, packet.ip.dont_fragment, now);
    }

    fn interrupt(&mut self, _now: Timestamp) {}
    fn examined(&self) -> Option<&Examined> {
        None
    }
}
