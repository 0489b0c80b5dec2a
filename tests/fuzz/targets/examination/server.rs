//! A mail server as servers are: TCP in miniature, SMTP, STARTTLS.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use pmtu_probe::model::{Body, Family, Flags, IpHeader, Packet, Segment, SeqNumber, Service, Timestamp, Ttl};

use crate::targets::tls_server::TlsServer;

/// What is not acknowledged is sent again after this.
const PATIENCE: Duration = Duration::from_millis(300);
const MOST_TRIES: u32 = 6;
const ISS: SeqNumber = SeqNumber(0xffff_fc00);

pub(super) struct Server {
    service: Service,
    connections: BTreeMap<u16, Connection>,
}

struct Connection {
    ip: IpHeader,
    ports: (u16, u16),
    mss: usize,
    next: SeqNumber,
    /// The first byte that is not acknowledged, and all from there on.
    una: SeqNumber,
    unacknowledged: Vec<u8>,
    sent_at: Timestamp,
    tries: u32,
    line: Vec<u8>,
    speech: Speech,
    fin: bool,
}

enum Speech {
    Silent,
    Smtp,
    Tls(Box<TlsServer>),
}

impl Server {
    pub(super) fn new(service: Service) -> Self {
        Self { service, connections: BTreeMap::new() }
    }

    /// The answers to a packet.
    pub(super) fn hear(&mut self, packet: &Packet, now: Timestamp) -> Vec<Packet> {
        match &packet.body {
            Body::EchoRequest(echo) => vec![Packet { ip: turned(packet.ip), body: Body::EchoReply(*echo) }],
            Body::Tcp(segment) if segment.flags.syn => self.open(packet.ip, segment, now),
            Body::Tcp(segment) if segment.flags.rst => {
                self.connections.remove(&segment.source_port);
                Vec::new()
            }
            Body::Tcp(segment) => match self.connections.get_mut(&segment.source_port) {
                Some(connection) => connection.hear(segment, now),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn open(&mut self, ip: IpHeader, syn: &Segment, now: Timestamp) -> Vec<Packet> {
        let family = Family::of(ip.source);
        let speech = match self.service {
            Service::Smtp => Speech::Smtp,
            Service::SmtpOverTls | Service::Tls => Speech::Tls(Box::new(TlsServer::new())),
            Service::Unknown => Speech::Silent,
        };
        let mut connection = Connection {
            ip: turned(ip),
            ports: (syn.destination_port, syn.source_port),
            mss: usize::from(syn.mss.unwrap_or(536)).clamp(1, 1460),
            next: syn.seq + 1,
            una: ISS + 1,
            unacknowledged: Vec::new(),
            sent_at: now,
            tries: 0,
            line: Vec::new(),
            speech,
            fin: false,
        };
        let mut answer = connection.segment(ISS, Flags::SYN_ACK);
        answer.mss = Some(if family == Family::V4 { 1460 } else { 1440 });
        answer.sack_permitted = true;
        let mut packets = vec![connection.packet(answer)];
        if matches!(connection.speech, Speech::Smtp) {
            packets.extend(connection.say(b"220 mx.example.com ESMTP\r\n", now));
        }
        self.connections.insert(syn.source_port, connection);
        packets
    }

    /// What is sent again because nobody acknowledged it.
    pub(super) fn late_words(&mut self, now: Timestamp) -> Vec<Packet> {
        self.connections.values_mut().filter_map(|connection| connection.late_word(now)).collect()
    }
}

impl Connection {
    fn hear(&mut self, segment: &Segment, now: Timestamp) -> Vec<Packet> {
        if let Some(acked) =
            segment.ack.bytes_since(self.una).filter(|acked| *acked as usize <= self.unacknowledged.len() + 1)
        {
            self.unacknowledged.drain(..(acked as usize).min(self.unacknowledged.len()));
            self.una = segment.ack;
            self.tries = 0;
        }
        if segment.sequence_len() == 0 {
            return Vec::new();
        }
        let Some(skip) = self.next.bytes_since(segment.seq).filter(|skip| *skip < segment.sequence_len()) else {
            let seq = self.end();
            return vec![self.packet(self.segment(seq, Flags::ACK))];
        };
        self.next = segment.seq + segment.sequence_len();
        let fresh = segment.payload.get(skip as usize..).unwrap_or_default().to_vec();
        let words = self.understand(&fresh);
        let mut packets = self.say(&words, now);
        if segment.flags.fin && !self.fin {
            self.fin = true;
            let seq = self.end();
            packets.push(self.packet(self.segment(seq, Flags::FIN_ACK)));
        } else if packets.is_empty() {
            let seq = self.end();
            packets.push(self.packet(self.segment(seq, Flags::ACK)));
        }
        packets
    }

    fn understand(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &mut self.speech {
            Speech::Silent => Vec::new(),
            Speech::Tls(session) => session.converse(bytes),
            Speech::Smtp => {
                self.line.extend_from_slice(bytes);
                let mut words = Vec::new();
                while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.line.drain(..=end).collect();
                    words.extend_from_slice(match line.get(..4) {
                        Some(b"EHLO") => b"250-mx.example.com\r\n250-HELP\r\n250 STARTTLS\r\n".as_slice(),
                        Some(b"STAR") => b"220 go ahead\r\n",
                        Some(b"QUIT") => b"221 bye\r\n",
                        _ => b"250 ok\r\n",
                    });
                    if line.starts_with(b"STAR") {
                        self.speech = Speech::Tls(Box::new(TlsServer::new()));
                        break;
                    }
                }
                words
            }
        }
    }

    fn say(&mut self, words: &[u8], now: Timestamp) -> Vec<Packet> {
        let mut packets = Vec::new();
        for part in words.chunks(self.mss) {
            let mut segment = self.segment(self.end(), Flags::PSH_ACK);
            segment.payload = Bytes::copy_from_slice(part);
            packets.push(self.packet(segment));
            self.unacknowledged.extend_from_slice(part);
            self.sent_at = now;
        }
        packets
    }

    fn late_word(&mut self, now: Timestamp) -> Option<Packet> {
        if self.unacknowledged.is_empty()
            || self.tries >= MOST_TRIES
            || now < self.sent_at + PATIENCE * (1 << self.tries)
        {
            return None;
        }
        (self.tries, self.sent_at) = (self.tries + 1, now);
        let mut segment = self.segment(self.una, Flags::PSH_ACK);
        segment.payload = Bytes::copy_from_slice(&self.unacknowledged[..self.unacknowledged.len().min(self.mss)]);
        Some(self.packet(segment))
    }

    fn end(&self) -> SeqNumber {
        self.una + self.unacknowledged.len() as u32
    }

    fn segment(&self, seq: SeqNumber, flags: Flags) -> Segment {
        let mut segment = Segment::new(self.ports.0, self.ports.1, seq, self.next, flags);
        segment.window = 64_240;
        segment
    }

    fn packet(&self, segment: Segment) -> Packet {
        Packet { ip: self.ip, body: Body::Tcp(segment) }
    }
}

fn turned(ip: IpHeader) -> IpHeader {
    IpHeader { source: ip.destination, destination: ip.source, ttl: Ttl(60), ..ip }
}
