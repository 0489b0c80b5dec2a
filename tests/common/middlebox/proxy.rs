//! A SYN proxy: it answers every SYN itself, by a number that it makes up and without SACK. Once c has acknowledged that, it opens
//! the connection to the server and renumbers what the server sends.

use std::collections::HashMap;

use super::Passing;
use super::config::SynProxy;
use super::packet::{ACK, Packet, RST, SYN, Segment, mss_option};

/// The proxy, with its connections by the port of c.
#[derive(Clone, Debug)]
pub struct Proxy {
    config: Option<SynProxy>,
    /// Its number in every SYN-ACK.
    isn: u32,
    connections: HashMap<u16, Connection>,
}

#[derive(Clone, Debug)]
enum Connection {
    /// The SYN of c was answered.
    Answered,
    /// A SYN was sent to the server; c is at this segment.
    Opening(Box<Packet>),
    /// What has to be added to the proxy's numbers to get the server's.
    Open(u32),
}

impl Proxy {
    pub fn new(config: Option<SynProxy>, isn: u32) -> Self {
        Self { config, isn, connections: HashMap::new() }
    }

    pub fn is_at_work(&self) -> bool {
        self.config.is_some()
    }

    pub fn towards_s(&mut self, mut packet: Packet, segment: &Segment) -> Vec<Passing> {
        let port = segment.source_port;
        let mss = self.config.and_then(|config| config.mss).map(mss_option);
        let options: &[u8] = mss.as_ref().map_or(&[], |option| option);
        if segment.is(SYN) {
            self.connections.insert(port, Connection::Answered);
            let answer = packet.answer_with_segment(self.isn, segment.seq.wrapping_add(1), SYN | ACK, options);
            return vec![Passing::now(answer, false)];
        }
        match self.connections.get(&port) {
            Some(Connection::Open(offset)) => {
                packet.move_ack(*offset);
                vec![Passing::now(packet, true)]
            }
            Some(Connection::Answered) if segment.is(RST) => {
                self.connections.remove(&port);
                Vec::new()
            }
            Some(Connection::Answered) if segment.is(ACK) && segment.payload == 0 => {
                let syn = packet.another_segment(segment.seq.wrapping_sub(1), 0, SYN, &mss_option(1440));
                self.connections.insert(port, Connection::Opening(Box::new(packet)));
                vec![Passing::now(syn, true)]
            }
            _ => Vec::new(),
        }
    }

    pub fn towards_c(&mut self, mut packet: Packet, segment: &Segment) -> Vec<Passing> {
        let port = segment.destination_port;
        match self.connections.get(&port) {
            Some(Connection::Open(offset)) => {
                packet.move_seq(offset.wrapping_neg());
                vec![Passing::now(packet, false)]
            }
            Some(Connection::Opening(of_c)) if segment.is(SYN) && segment.is(ACK) => {
                let first = self.isn.wrapping_add(1);
                let to_s = of_c.another_segment(segment.ack, segment.seq.wrapping_add(1), ACK, &[]);
                let to_c = of_c.answer_with_segment(first, segment.ack, ACK, &[]);
                self.connections.insert(port, Connection::Open(segment.seq.wrapping_sub(self.isn)));
                vec![Passing::now(to_s, true), Passing::now(to_c, false)]
            }
            _ => vec![Passing::now(packet, false)],
        }
    }
}
