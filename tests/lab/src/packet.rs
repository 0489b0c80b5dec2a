//! Frames that a middlebox reads and changes: Ethernet with a whole TCP segment or ICMP message, IPv6 without extension headers.

use std::ops::Range;

const ETHERNET: usize = 14;
const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const TCP_HEADER: usize = 20;
/// ICMP header, and the bytes of the transport header that every error quotes.
const EIGHT: usize = 8;

/// A frame that can be read.
#[derive(Clone)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    is_ipv6: bool,
    protocol: u8,
    /// Where the transport header begins.
    transport: usize,
    is_changed: bool,
}

impl Frame {
    /// `None`: nothing that is looked into.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let ip = bytes.get(ETHERNET..)?;
        let (is_ipv6, protocol, header, length) = match bytes.get(12..ETHERNET)? {
            [0x08, 0x00] => {
                let is_fragment = u16_at(ip, 6)? & 0x3fff != 0;
                let header = usize::from(*ip.first()? & 0x0f) * 4;
                (false, *ip.get(9).filter(|_| !is_fragment)?, header, usize::from(u16_at(ip, 2)?))
            }
            [0x86, 0xdd] => (true, *ip.get(6)?, 40, 40 + usize::from(u16_at(ip, 4)?)),
            _ => return None,
        };
        let transport = ETHERNET + header;
        let least = if protocol == TCP { TCP_HEADER } else { EIGHT };
        let bytes = bytes.get(..ETHERNET + length)?.to_vec();
        let is_known = [TCP, ICMP, ICMPV6].contains(&protocol) && bytes.len() >= transport + least;
        is_known.then_some(Self { bytes, is_ipv6, protocol, transport, is_changed: false })
    }

    /// The frame, with right lengths and checksums if something was changed.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        if self.is_changed {
            self.settle();
        }
        self.bytes
    }

    pub(crate) fn is_tcp(&self) -> bool {
        self.protocol == TCP
    }

    pub(crate) fn is_echo_request(&self) -> bool {
        match self.protocol {
            ICMP => self.bytes[self.transport] == 8,
            ICMPV6 => self.bytes[self.transport] == 128,
            _ => false,
        }
    }

    pub(crate) fn is_ptb(&self) -> bool {
        match self.protocol {
            ICMP => self.bytes[self.transport..].starts_with(&[3, 4]),
            ICMPV6 => self.bytes[self.transport] == 2,
            _ => false,
        }
    }

    /// Bytes of an IP header without options.
    pub(crate) fn ip_header(&self) -> usize {
        if self.is_ipv6 { 40 } else { 20 }
    }

    /// Adds to the sequence numbers towards the server, and takes it off what the server acknowledges.
    pub(crate) fn renumber(&mut self, offset: u32, towards_s: bool) {
        if !self.is_tcp() {
            return;
        }
        let (seq, ack) = (self.transport + 4, self.transport + 8);
        if towards_s {
            return self.add(seq, offset);
        }
        self.add(ack, offset.wrapping_neg());
        for edge in self.sack_edges() {
            self.add(edge, offset.wrapping_neg());
        }
    }

    /// Where the edges of SACK blocks stand (RFC 2018).
    fn sack_edges(&self) -> Vec<usize> {
        const SACK: u8 = 5;
        let end = self.transport + usize::from(self.bytes[self.transport + 12] >> 4) * 4;
        let mut at = self.transport + TCP_HEADER;
        while let Some(&kind) = self.bytes.get(at).filter(|&&kind| at < end && kind != 0) {
            let length = if kind == 1 { 1 } else { usize::from(self.bytes.get(at + 1).copied().unwrap_or(0)).max(2) };
            if kind == SACK {
                return (at + 2..(at + length).min(self.bytes.len().saturating_sub(3))).step_by(4).collect();
            }
            at += length;
        }
        Vec::new()
    }

    fn add(&mut self, at: usize, offset: u32) {
        let number = u32::from_be_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]]);
        self.put(at, &number.wrapping_add(offset).to_be_bytes());
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        self.bytes[at..at + value.len()].copy_from_slice(value);
        self.is_changed = true;
    }

    /// The same PTB with another MTU.
    pub(crate) fn with_mtu(&self, mtu: u32) -> Self {
        let mut ptb = self.clone();
        ptb.put(ptb.transport + 4, &mtu_field(mtu));
        ptb
    }

    fn quote(&self) -> usize {
        self.transport + EIGHT
    }

    /// The length of the quoted packet, as its header states it.
    pub(crate) fn quoted_size(&self) -> u32 {
        let (field, not_counted) = if self.is_ipv6 { (4, 40) } else { (2, 0) };
        u32::from(u16_at(&self.bytes, self.quote() + field).unwrap_or(0)) + not_counted
    }

    pub(crate) fn state_quoted_size(&mut self, size: u32) {
        let (field, not_counted) = if self.is_ipv6 { (4, 40) } else { (2, 0) };
        self.put(self.quote() + field, &(size.saturating_sub(not_counted) as u16).to_be_bytes());
    }

    /// IPv4: options at the end of the quoted header.
    pub(crate) fn insert_quoted_options(&mut self, length: usize) {
        const NO_OPERATION: u8 = 1;
        let quote = self.quote();
        let header = usize::from(self.bytes[quote] & 0x0f) * 4;
        let behind = quote + header..quote + header;
        self.bytes.splice(behind, std::iter::repeat_n(NO_OPERATION, length));
        self.put(quote, &[0x40 | ((header + length) / 4) as u8]);
    }

    /// A segment of the server with these numbers and flags, and no data.
    pub(crate) fn answer_with_segment(&self, seq: u32, ack: u32, flags: u8) -> Self {
        const WINDOW: [u8; 2] = 1000_u16.to_be_bytes();
        let ports = &self.bytes[self.transport..self.transport + 4];
        let header =
            [&ports[2..], &ports[..2], &seq.to_be_bytes(), &ack.to_be_bytes(), &[0x50, flags], &WINDOW, &[0; 4]];
        self.answer(TCP, &header.concat())
    }

    /// A PTB of the server about this packet, with this sequence number in place of the one of TCP or echo.
    pub(crate) fn answer_with_ptb(&self, mtu: u32, tcp: Option<u32>, echo: Option<u16>) -> Self {
        let (protocol, kind) = if self.is_ipv6 { (ICMPV6, [2, 0]) } else { (ICMP, [3, 4]) };
        let quoted = &self.bytes[ETHERNET..self.transport + EIGHT];
        let message = [&kind[..], &[0; 2], &mtu_field(mtu), quoted].concat();
        let mut ptb = self.answer(protocol, &message);
        let header = ptb.quote() + self.transport - ETHERNET;
        if let Some(seq) = tcp {
            ptb.put(header + 4, &seq.to_be_bytes());
        }
        if let Some(seq) = echo {
            ptb.put(header + 6, &seq.to_be_bytes());
        }
        ptb.state_quoted_size(1500);
        ptb
    }

    /// A packet back to where this one comes from.
    fn answer(&self, protocol: u8, payload: &[u8]) -> Self {
        const TTL: u8 = 60;
        let ip = &self.bytes[ETHERNET..];
        let header = if self.is_ipv6 {
            [&[0x60, 0, 0, 0, 0, 0, protocol, TTL], &ip[24..40], &ip[8..24]].concat()
        } else {
            [&[0x45, 0, 0, 0, 0, 99, 0x40, 0, TTL, protocol, 0, 0], &ip[16..20], &ip[12..16]].concat()
        };
        let ethernet = [&self.bytes[6..12], &self.bytes[..6], &self.bytes[12..ETHERNET]].concat();
        let transport = ethernet.len() + header.len();
        let bytes = [&ethernet[..], &header, payload].concat();
        Self { bytes, is_ipv6: self.is_ipv6, protocol, transport, is_changed: true }
    }

    fn settle(&mut self) {
        let length = self.bytes.len() - ETHERNET;
        let transport = self.bytes.len() - self.transport;
        if self.is_ipv6 {
            self.put(ETHERNET + 4, &(transport as u16).to_be_bytes());
        } else {
            self.put(ETHERNET + 2, &(length as u16).to_be_bytes());
            self.put(ETHERNET + 10, &[0, 0]);
            let sum = checksum(&self.bytes[ETHERNET..self.transport]);
            self.put(ETHERNET + 10, &sum);
        }
        let field = self.transport + if self.is_tcp() { 16 } else { 2 };
        self.put(field, &[0, 0]);
        // ICMP of IPv4 alone has no pseudo header.
        let mut summed = if self.protocol == ICMP { Vec::new() } else { self.pseudo_header(transport) };
        summed.extend_from_slice(&self.bytes[self.transport..]);
        self.put(field, &checksum(&summed));
    }

    fn pseudo_header(&self, length: usize) -> Vec<u8> {
        let addresses: Range<usize> = if self.is_ipv6 { 8..40 } else { 12..20 };
        let addresses = &self.bytes[ETHERNET + addresses.start..ETHERNET + addresses.end];
        [addresses, &(length as u32).to_be_bytes(), &[0, 0, 0, self.protocol]].concat()
    }
}

/// The 32 bits of an ICMPv6 PTB, or the 16 unused and 16 of IPv4's.
fn mtu_field(mtu: u32) -> [u8; 4] {
    mtu.to_be_bytes()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment from 10.0.1.1:40000 to 10.0.4.2:25 whose acknowledgment carries one SACK block.
    fn segment() -> Frame {
        let tcp = [
            &[0x9c, 0x40, 0, 25][..],
            &1000_u32.to_be_bytes(),
            &2000_u32.to_be_bytes(),
            &[0x80, 0x10, 0xff, 0xff, 0, 0, 0, 0],
            &[1, 1, 5, 10],
            &5000_u32.to_be_bytes(),
            &5100_u32.to_be_bytes(),
        ]
        .concat();
        let ip = [0x45, 0, 0, 20 + tcp.len() as u8, 0, 7, 0x40, 0, 64, TCP, 0, 0, 10, 0, 1, 1, 10, 0, 4, 2];
        let ethernet = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        let mut frame = Frame::read(&[&ethernet[..], &ip, &tcp].concat()).expect("a segment");
        frame.settle();
        frame
    }

    fn is_sound(frame: &Frame) -> bool {
        let transport = frame.bytes.len() - frame.transport;
        let pseudo = if frame.protocol == ICMP { Vec::new() } else { frame.pseudo_header(transport) };
        let whole = [&pseudo[..], &frame.bytes[frame.transport..]].concat();
        checksum(&whole) == [0, 0] && checksum(&frame.bytes[ETHERNET..frame.transport]) == [0, 0]
    }

    fn reread(frame: Frame) -> Frame {
        Frame::read(&frame.bytes()).expect("a frame")
    }

    #[test]
    fn renumbering_moves_each_number_and_nothing_else() {
        let mut there = segment();
        there.renumber(7, true);
        let there = reread(there);
        assert!(is_sound(&there));
        assert_eq!(there.bytes[there.transport + 4..there.transport + 12], [0, 0, 3, 239, 0, 0, 7, 208]);
        let mut back = segment();
        back.renumber(7, false);
        let back = reread(back);
        assert!(is_sound(&back));
        assert_eq!(back.bytes[back.transport + 8..back.transport + 12], 1993_u32.to_be_bytes());
        assert_eq!(back.bytes[back.transport + 24..back.transport + 28], 4993_u32.to_be_bytes());
        assert_eq!(back.bytes[back.transport + 28..back.transport + 32], 5093_u32.to_be_bytes());
    }

    #[test]
    fn a_forged_ptb_quotes_the_packet_with_another_number() {
        let ptb = reread(segment().answer_with_ptb(1300, Some(42), None));
        assert!(ptb.is_ptb() && is_sound(&ptb));
        assert_eq!((ptb.quoted_size(), u16_at(&ptb.bytes, ptb.transport + 6)), (1500, Some(1300)));
        assert_eq!(ptb.bytes[ptb.quote() + 20..ptb.quote() + 28], [0x9c, 0x40, 0, 25, 0, 0, 0, 42]);
        assert_eq!(ptb.bytes[ETHERNET + 16..ETHERNET + 20], [10, 0, 1, 1], "to the sender");
    }

    #[test]
    fn options_make_the_quoted_header_longer() {
        let mut ptb = reread(segment().answer_with_ptb(1300, None, None));
        let ports = ptb.bytes[ptb.quote() + 20..ptb.quote() + 24].to_vec();
        ptb.state_quoted_size(1504);
        ptb.insert_quoted_options(4);
        let ptb = reread(ptb);
        assert!(is_sound(&ptb));
        assert_eq!((ptb.bytes[ptb.quote()], ptb.quoted_size()), (0x46, 1504));
        assert_eq!(ptb.bytes[ptb.quote() + 24..ptb.quote() + 28], ports);
    }

    #[test]
    fn an_answer_of_the_server_has_its_ports() {
        let reset = reread(segment().answer_with_segment(1, 2, 4));
        assert!(reset.is_tcp() && is_sound(&reset));
        assert_eq!(reset.bytes[reset.transport..reset.transport + 4], [0, 25, 0x9c, 0x40]);
    }
}
