//! DNS messages as bytes (RFC 1035, section 4), written and read by hand: a second opinion on the library under test.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What a client asks.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) id: u16,
    /// In lower case, without the final dot.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    recursion_desired: bool,
    question: Vec<u8>,
}

/// The types that occur here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    A,
    Cname,
    Mx,
    Ptr,
    Txt,
    Aaaa,
    Other(u16),
}

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Mx(u16, String),
    Cname(String),
    Ptr(String),
    /// Any bytes.
    Txt(Vec<u8>),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) owner: String,
    pub(crate) ttl: u32,
    pub(crate) data: Data,
}

/// How a query was answered, as RCODE.
pub(crate) const NO_ERROR: u8 = 0;
pub(crate) const SERVFAIL: u8 = 2;
pub(crate) const NXDOMAIN: u8 = 3;
pub(crate) const REFUSED: u8 = 5;

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;

impl Kind {
    fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Cname => 5,
            Self::Ptr => 12,
            Self::Mx => 15,
            Self::Txt => 16,
            Self::Aaaa => 28,
            Self::Other(number) => number,
        }
    }

    fn of(number: u16) -> Self {
        let known = [Self::A, Self::Cname, Self::Ptr, Self::Mx, Self::Txt, Self::Aaaa];
        known.into_iter().find(|kind| kind.number() == number).unwrap_or(Self::Other(number))
    }

    pub(crate) fn word(self) -> String {
        match self {
            Self::Other(number) => format!("TYPE{number}"),
            known => format!("{known:?}").to_ascii_uppercase(),
        }
    }
}

impl Data {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::A(_) => Kind::A,
            Self::Aaaa(_) => Kind::Aaaa,
            Self::Mx(..) => Kind::Mx,
            Self::Cname(_) => Kind::Cname,
            Self::Ptr(_) => Kind::Ptr,
            Self::Txt(_) => Kind::Txt,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().into(),
            Self::Aaaa(address) => address.octets().into(),
            Self::Mx(preference, host) => [&preference.to_be_bytes()[..], &name(host)].concat(),
            Self::Cname(target) | Self::Ptr(target) => name(target),
            Self::Txt(text) => text.chunks(255).flat_map(|part| [&[part.len() as u8], part].concat()).collect(),
        }
    }
}

impl Query {
    /// Reads a query with one question; anything else is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let id = u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?);
        let is_query = bytes.get(2)? & 0x80 == 0 && bytes.get(4..6)? == [0, 1];
        let (mut labels, mut at) = (Vec::new(), HEADER);
        while let Some(length) = bytes.get(at).copied().filter(|length| *length > 0) {
            labels.push(String::from_utf8_lossy(bytes.get(at + 1..at + 1 + usize::from(length))?).to_lowercase());
            at += 1 + usize::from(length);
        }
        let kind = Kind::of(u16::from_be_bytes(bytes.get(at + 1..at + 3)?.try_into().ok()?));
        let question = bytes.get(HEADER..at + 5)?.to_vec();
        let recursion_desired = bytes[2] & 1 == 1;
        is_query.then(|| Self { id, name: labels.join("."), kind, recursion_desired, question })
    }

    /// The same query with another id.
    pub(crate) fn numbered(&self, id: u16) -> Self {
        Self { id, ..self.clone() }
    }

    /// The same query about another name.
    pub(crate) fn about(&self, other: &str) -> Self {
        let question = [&name(other)[..], &self.kind.number().to_be_bytes(), &CLASS_IN.to_be_bytes()].concat();
        Self { name: other.into(), question, ..self.clone() }
    }

    /// The answer. Without room for all of it, none of it and the bit TC.
    pub(crate) fn answer(&self, code: u8, records: &[Record], room: usize) -> Vec<u8> {
        let body: Vec<u8> = records.iter().flat_map(record).collect();
        let is_truncated = HEADER + self.question.len() + body.len() > room;
        let count = if is_truncated { 0 } else { records.len() as u16 };
        let flags = [0x80 | u8::from(self.recursion_desired) | (u8::from(is_truncated) << 1), 0x80 | code];
        let mut bytes = [&self.id.to_be_bytes()[..], &flags, &[0, 1], &count.to_be_bytes(), &[0; 4]].concat();
        bytes.extend(&self.question);
        if !is_truncated {
            bytes.extend(body);
        }
        bytes
    }
}

fn record(record: &Record) -> Vec<u8> {
    let data = record.data.bytes();
    let length = data.len() as u16;
    let fixed = [&record.data.kind().number().to_be_bytes()[..], &CLASS_IN.to_be_bytes(), &record.ttl.to_be_bytes()];
    [name(&record.owner), fixed.concat(), length.to_be_bytes().into(), data].concat()
}

/// Labels with their lengths; the root is empty.
fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}
