//! IP packets that a box reads and changes: a whole TCP segment or ICMP message, IPv6 without extension headers.

use std::ops::Range;

const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const TCP_HEADER: usize = 20;
/// ICMP header, and the bytes of the transport header that every error quotes.
const EIGHT: usize = 8;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

const MSS_OPTION: u8 = 2;
const SACK_PERMITTED_OPTION: u8 = 4;
const SACK_OPTION: u8 = 5;
const NO_OPERATION: u8 = 1;

/// A packet that can be read.
#[derive(Clone, Debug)]
pub struct Packet {
    bytes: Vec<u8>,
    is_ipv6: bool,
    protocol: u8,
    /// Where the transport header begins.
    transport: usize,
    is_changed: bool,
}

/// What counts of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub source_port: u16,
    pub destination_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    /// Bytes of data.
    pub payload: u32,
}

impl Segment {
    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Behind its last byte, SYN or FIN.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.payload + u32::from(self.is(SYN)) + u32::from(self.is(FIN)))
    }
}

impl Packet {
    /// `None`: nothing that is looked into.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (is_ipv6, protocol, transport, length) = match bytes.first()? >> 4 {
            4 if !is_fragment(bytes) => {
                (false, *bytes.get(9)?, usize::from(bytes[0] & 0x0f) * 4, usize::from(u16_at(bytes, 2)?))
            }
            6 => (true, *bytes.get(6)?, 40, 40 + usize::from(u16_at(bytes, 4)?)),
            _ => return None,
        };
        let least = if protocol == TCP { TCP_HEADER } else { EIGHT };
        let bytes = bytes.get(..length)?.to_vec();
        let is_known = [TCP, ICMP, ICMPV6].contains(&protocol) && bytes.len() >= transport + least;
        is_known.then_some(Self { bytes, is_ipv6, protocol, transport, is_changed: false })
    }

    /// The packet, with right lengths and checksums if something was changed.
    pub fn bytes(mut self) -> Vec<u8> {
        if self.is_changed {
            self.settle();
        }
        self.bytes
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_ipv6(&self) -> bool {
        self.is_ipv6
    }

    pub fn is_tcp(&self) -> bool {
        self.protocol == TCP
    }

    pub fn is_echo_request(&self) -> bool {
        match self.protocol {
            ICMP => self.bytes[self.transport] == 8,
            ICMPV6 => self.bytes[self.transport] == 128,
            _ => false,
        }
    }

    pub fn is_ptb(&self) -> bool {
        match self.protocol {
            ICMP => self.bytes[self.transport..].starts_with(&[3, 4]),
            ICMPV6 => self.bytes[self.transport] == 2,
            _ => false,
        }
    }

    fn is_error(&self) -> bool {
        match self.protocol {
            ICMP => [3, 4, 5, 11, 12].contains(&self.bytes[self.transport]),
            ICMPV6 => self.bytes[self.transport] < 128,
            _ => false,
        }
    }

    /// Bytes of an IP header without options.
    pub fn ip_header(&self) -> usize {
        if self.is_ipv6 { 40 } else { 20 }
    }

    /// The segment that it carries.
    pub fn segment(&self) -> Option<Segment> {
        if !self.is_tcp() {
            return None;
        }
        let tcp = &self.bytes[self.transport..];
        Some(Segment {
            source_port: u16_at(tcp, 0)?,
            destination_port: u16_at(tcp, 2)?,
            seq: u32_at(tcp, 4)?,
            ack: u32_at(tcp, 8)?,
            flags: tcp[13],
            payload: (self.bytes.len().checked_sub(self.data())?) as u32,
        })
    }

    /// Where the data of a segment begins.
    fn data(&self) -> usize {
        (self.transport + usize::from(self.bytes[self.transport + 12] >> 4) * 4).min(self.bytes.len())
    }

    /// Adds to the sequence number.
    pub fn move_seq(&mut self, offset: u32) {
        self.add(self.transport + 4, offset);
    }

    /// Adds to the acknowledgment number.
    pub fn move_ack(&mut self, offset: u32) {
        self.add(self.transport + 8, offset);
    }

    /// Adds to the edges of SACK blocks.
    pub fn move_sack(&mut self, offset: u32) {
        for edge in self.sack_edges() {
            self.add(edge, offset);
        }
    }

    /// Adds to the sequence number of the segment that an ICMP error quotes.
    pub fn move_quoted_seq(&mut self, offset: u32) {
        if !self.is_error() {
            return;
        }
        let quote = &self.bytes[self.quote()..];
        let is_v4 = quote.first().is_some_and(|first| first >> 4 == 4);
        let (protocol, header) =
            if is_v4 { (quote.get(9), usize::from(quote[0] & 0x0f) * 4) } else { (quote.get(6), 40) };
        let seq = self.quote() + header + 4;
        if protocol == Some(&TCP) && self.bytes.len() >= seq + 4 {
            self.add(seq, offset);
        }
    }

    /// Where the edges of SACK blocks stand (RFC 2018).
    fn sack_edges(&self) -> Vec<usize> {
        let block = self.options().find(|option| self.bytes[option.start] == SACK_OPTION);
        block.map_or(Vec::new(), |option| (option.start + 2..option.end.saturating_sub(3)).step_by(4).collect())
    }

    /// The options of a segment, padding included.
    fn options(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let end = self.data();
        let mut at = self.transport + TCP_HEADER;
        std::iter::from_fn(move || {
            let kind = *self.bytes.get(at).filter(|&&kind| at < end && kind != 0)?;
            let length = match kind {
                NO_OPERATION => 1,
                _ => usize::from(self.bytes.get(at + 1).copied().unwrap_or(0)).max(2),
            };
            let option = at..(at + length).min(end);
            at = option.end;
            Some(option)
        })
    }

    /// Lowers the MSS option.
    pub fn lower_mss(&mut self, most: u16) {
        let Some(option) = self.options().find(|option| self.bytes[option.start] == MSS_OPTION) else { return };
        if u16_at(&self.bytes, option.start + 2).is_some_and(|mss| mss > most) {
            self.put(option.start + 2, &most.to_be_bytes());
        }
    }

    /// Puts "no operation" in the place of an option.
    fn blank_option(&mut self, kind: u8) {
        let found = self.options().find(|option| self.bytes[option.start] == kind);
        if let Some(option) = found {
            self.put(option.start, &vec![NO_OPERATION; option.len()]);
        }
    }

    pub fn blank_sack_permitted(&mut self) {
        self.blank_option(SACK_PERMITTED_OPTION);
    }

    pub fn blank_sack_blocks(&mut self) {
        self.blank_option(SACK_OPTION);
    }

    /// Takes all TCP options out.
    pub fn remove_options(&mut self) {
        let options = self.transport + TCP_HEADER..self.data();
        self.bytes.drain(options);
        self.put(self.transport + 12, &[0x50]);
    }

    /// Takes the first bytes of the data out.
    pub fn trim(&mut self, bytes: u32) {
        let data = self.data();
        let end = (data + bytes as usize).min(self.bytes.len());
        self.bytes.drain(data..end);
        self.move_seq(bytes);
    }

    /// Takes all data out.
    pub fn strip_data(&mut self) {
        let data = self.data();
        self.bytes.truncate(data);
        self.is_changed = true;
    }

    /// The same segment with these bytes behind its data.
    pub fn with_more_data(mut self, data: &[u8]) -> Self {
        self.bytes.extend_from_slice(data);
        self.is_changed = true;
        self
    }

    pub fn state_window(&mut self, window: u16) {
        self.put(self.transport + 14, &window.to_be_bytes());
    }

    /// IPv4: clears DF.
    pub fn clear_df(&mut self) {
        if !self.is_ipv6 {
            let flags = self.bytes[6] & !0x40;
            self.put(6, &[flags]);
        }
    }

    /// IPv4: options in the header.
    pub fn add_options(&mut self, length: usize) {
        if self.is_ipv6 {
            return;
        }
        self.bytes.splice(self.transport..self.transport, std::iter::repeat_n(NO_OPERATION, length));
        self.transport += length;
        self.put(0, &[0x40 | (self.transport / 4) as u8]);
    }

    fn add(&mut self, at: usize, offset: u32) {
        let number = u32_at(&self.bytes, at).unwrap_or(0);
        self.put(at, &number.wrapping_add(offset).to_be_bytes());
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        self.bytes[at..at + value.len()].copy_from_slice(value);
        self.is_changed = true;
    }

    /// The same PTB with another MTU.
    pub fn with_mtu(&self, mtu: u32) -> Self {
        let mut ptb = self.clone();
        ptb.put(ptb.transport + 4, &mtu.to_be_bytes());
        ptb
    }

    fn quote(&self) -> usize {
        self.transport + EIGHT
    }

    /// The length of the quoted packet, as its header states it.
    pub fn quoted_size(&self) -> u32 {
        let (field, not_counted) = if self.is_ipv6 { (4, 40) } else { (2, 0) };
        u32::from(u16_at(&self.bytes, self.quote() + field).unwrap_or(0)) + not_counted
    }

    pub fn state_quoted_size(&mut self, size: u32) {
        let (field, not_counted) = if self.is_ipv6 { (4, 40) } else { (2, 0) };
        self.put(self.quote() + field, &(size.saturating_sub(not_counted) as u16).to_be_bytes());
    }

    /// IPv4: options at the end of the quoted header.
    pub fn insert_quoted_options(&mut self, length: usize) {
        let quote = self.quote();
        let header = usize::from(self.bytes[quote] & 0x0f) * 4;
        let behind = quote + header..quote + header;
        self.bytes.splice(behind, std::iter::repeat_n(NO_OPERATION, length));
        self.put(quote, &[0x40 | ((header + length) / 4) as u8]);
    }

    /// Leaves so many bytes of the quote behind its IP header.
    pub fn shorten_quote(&mut self, bytes: usize) {
        let length = self.quote() + self.ip_header() + bytes;
        self.bytes.truncate(length);
        self.is_changed = true;
    }

    /// A segment of the server, to the one who sent this.
    pub fn answer_with_segment(&self, seq: u32, ack: u32, flags: u8, options: &[u8]) -> Self {
        let ports = &self.bytes[self.transport..self.transport + 4];
        self.answer(TCP, &segment_bytes([&ports[2..], &ports[..2]], seq, ack, flags, options))
    }

    /// A segment of the same sender.
    pub fn another_segment(&self, seq: u32, ack: u32, flags: u8, options: &[u8]) -> Self {
        let ports = &self.bytes[self.transport..self.transport + 4];
        let ends = if self.is_ipv6 {
            [&self.bytes[8..24], &self.bytes[24..40]]
        } else {
            [&self.bytes[12..16], &self.bytes[16..20]]
        };
        self.packet(TCP, ends, &segment_bytes([&ports[..2], &ports[2..]], seq, ack, flags, options))
    }

    /// A PTB of the server about this packet, with this sequence number in place of the one of TCP or echo.
    pub fn answer_with_ptb(&self, mtu: u32, tcp: Option<u32>, echo: Option<u16>) -> Self {
        let kind = if self.is_ipv6 { [2, 0] } else { [3, 4] };
        let mut ptb = self.answer_with_error(kind, mtu);
        let header = ptb.quote() + self.transport;
        if let Some(seq) = tcp {
            ptb.put(header + 4, &seq.to_be_bytes());
        }
        if let Some(seq) = echo {
            ptb.put(header + 6, &seq.to_be_bytes());
        }
        ptb.state_quoted_size(1500);
        ptb
    }

    /// "Administratively prohibited" in the server's name, as a filter that has no address says it.
    pub fn answer_with_prohibition(&self) -> Self {
        let kind = if self.is_ipv6 { [1, 1] } else { [3, 13] };
        self.answer_with_error(kind, 0)
    }

    fn answer_with_error(&self, kind: [u8; 2], word: u32) -> Self {
        let protocol = if self.is_ipv6 { ICMPV6 } else { ICMP };
        let quoted = &self.bytes[..self.transport + EIGHT];
        self.answer(protocol, &[&kind[..], &[0; 2], &word.to_be_bytes(), quoted].concat())
    }

    /// A packet back to where this one comes from.
    fn answer(&self, protocol: u8, payload: &[u8]) -> Self {
        let ip = &self.bytes;
        let ends = if self.is_ipv6 { [&ip[24..40], &ip[8..24]] } else { [&ip[16..20], &ip[12..16]] };
        self.packet(protocol, ends, payload)
    }

    fn packet(&self, protocol: u8, [from, to]: [&[u8]; 2], payload: &[u8]) -> Self {
        const TTL: u8 = 60;
        let header = if self.is_ipv6 {
            [&[0x60, 0, 0, 0, 0, 0, protocol, TTL], from, to].concat()
        } else {
            [&[0x45, 0, 0, 0, 0, 99, 0x40, 0, TTL, protocol, 0, 0], from, to].concat()
        };
        let transport = header.len();
        Self { bytes: [&header, payload].concat(), is_ipv6: self.is_ipv6, protocol, transport, is_changed: true }
    }

    fn settle(&mut self) {
        let length = self.bytes.len();
        let transport = length - self.transport;
        if self.is_ipv6 {
            self.put(4, &(transport as u16).to_be_bytes());
        } else {
            self.put(2, &(length as u16).to_be_bytes());
            self.put(10, &[0, 0]);
            let sum = checksum(&self.bytes[..self.transport]);
            self.put(10, &sum);
        }
        let field = self.transport + if self.is_tcp() { 16 } else { 2 };
        self.put(field, &[0, 0]);
        let sum = checksum(&self.summed());
        self.put(field, &sum);
    }

    /// What the checksum of the transport covers. ICMP of IPv4 alone has no pseudo header.
    fn summed(&self) -> Vec<u8> {
        let transport = &self.bytes[self.transport..];
        if self.protocol == ICMP {
            return transport.to_vec();
        }
        let addresses = &self.bytes[if self.is_ipv6 { 8..40 } else { 12..20 }];
        [addresses, &(transport.len() as u32).to_be_bytes(), &[0, 0, 0, self.protocol], transport].concat()
    }

    /// Whether all checksums are right.
    pub fn is_sound(&self) -> bool {
        checksum(&self.summed()) == [0, 0] && (self.is_ipv6 || checksum(&self.bytes[..self.transport]) == [0, 0])
    }
}

fn segment_bytes([from, to]: [&[u8]; 2], seq: u32, ack: u32, flags: u8, options: &[u8]) -> Vec<u8> {
    const WINDOW: [u8; 2] = 64_240_u16.to_be_bytes();
    let offset = ((TCP_HEADER + options.len()) / 4) as u8;
    let numbers = [seq.to_be_bytes(), ack.to_be_bytes()].concat();
    [from, to, &numbers, &[offset << 4, flags], &WINDOW, &[0; 4], options].concat()
}

/// The option that announces an MSS.
pub fn mss_option(mss: u16) -> [u8; 4] {
    let [high, low] = mss.to_be_bytes();
    [MSS_OPTION, 4, high, low]
}

/// One SACK block, with padding in front.
pub fn sack_option(left: u32, right: u32) -> [u8; 12] {
    let mut option = [NO_OPERATION, NO_OPERATION, SACK_OPTION, 10, 0, 0, 0, 0, 0, 0, 0, 0];
    option[4..8].copy_from_slice(&left.to_be_bytes());
    option[8..].copy_from_slice(&right.to_be_bytes());
    option
}

/// Whether these bytes are a piece of a packet.
pub fn is_fragment(bytes: &[u8]) -> bool {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => u16_at(bytes, 6).is_some_and(|field| field & 0x3fff != 0),
        Some(6) => bytes.get(6) == Some(&44),
        _ => false,
    }
}

/// Cuts an IPv4 packet without options into pieces of at most `largest` bytes (RFC 791, 2.3).
pub fn cut(bytes: &[u8], largest: u32) -> Vec<Vec<u8>> {
    const HEADER: usize = 20;
    let room = (largest as usize - HEADER) / 8 * 8;
    if bytes.len() <= largest as usize || bytes[0] != 0x45 || is_fragment(bytes) {
        return vec![bytes.to_vec()];
    }
    let (header, data) = bytes.split_at(HEADER);
    let count = data.len().div_ceil(room);
    let piece = |(index, data): (usize, &[u8])| {
        let mut piece = [header, data].concat();
        let more = u16::from(index + 1 < count) << 13;
        let length = piece.len() as u16;
        piece[2..4].copy_from_slice(&length.to_be_bytes());
        piece[6..8].copy_from_slice(&(more | (index * room / 8) as u16).to_be_bytes());
        piece[10..12].fill(0);
        let sum = checksum(&piece[..HEADER]);
        piece[10..12].copy_from_slice(&sum);
        piece
    };
    data.chunks(room).enumerate().map(piece).collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
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
