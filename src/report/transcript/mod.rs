//! The transcript: a line for each packet that went by, beside the report.
//!
//! Plain ASCII, since it ends up in logs and tickets. What others sent is made printable.

mod words;

use std::collections::HashMap;
use std::time::Duration;

use super::printable::printable;
use crate::model::{Body, Meaning, PacketEvent, PacketEventKind, Timestamp};

/// Writes lines.
#[derive(Clone, Debug)]
pub struct Transcript {
    labels: Vec<String>,
    /// Echo replies, by job and sequence number: how often more seen at the interface than behind the firewall.
    replies: HashMap<(usize, u16), i32>,
}

impl Transcript {
    /// A transcript about these addresses, in the order of the jobs: `mx.example.com 192.0.2.25`.
    pub fn new(labels: Vec<String>) -> Self {
        Self { labels, replies: HashMap::new() }
    }

    /// The lines above the first packet: how to read the columns, and the short names of several addresses.
    pub fn heading(&self) -> String {
        let columns = "time since the start, > sent, < received, ! not sent, bytes of the IP packet, meaning\n";
        match &self.labels[..] {
            [only] => format!("{}: {columns}", printable(only)),
            labels => {
                let names = labels.iter().enumerate();
                let names = names.map(|(index, label)| format!("#{} is {}\n", index + 1, printable(label)));
                names.chain([columns.to_owned()]).collect()
            }
        }
    }

    /// The line for a packet, with its newline. `None`: it says nothing that another line does not say.
    pub fn line(&mut self, event: &PacketEvent<'_>) -> Option<String> {
        if self.is_told_elsewhere(event) {
            return None;
        }
        let time = milliseconds(event.at);
        let address = self.short_name(event.job);
        let size = size(event).map_or_else(String::new, |size| size.to_string());
        Some(format!("{time:>9} ms {address}{} {size:>5}  {}\n", direction(event.kind), words::tell(event)))
    }

    /// The line between the packets that led to the verdicts and those that close the connections.
    pub fn verdict(&self) -> &'static str {
        "             -- all verdicts stand; what follows closes the connections\n"
    }

    /// Later fragments, and copies from behind the firewall that only repeat what was seen before it.
    fn is_told_elsewhere(&mut self, event: &PacketEvent<'_>) -> bool {
        match (event.kind, &event.packet.body) {
            (PacketEventKind::Received, Body::EchoReply(echo)) => self.is_second_copy(event.job, echo.seq, 1),
            (PacketEventKind::PassedFirewall, Body::EchoReply(echo)) => self.is_second_copy(event.job, echo.seq, -1),
            (PacketEventKind::PassedFirewall, _) => event.meaning == Meaning::Stray,
            _ => fragment_offset(event.bytes).is_some_and(|offset| offset > 0),
        }
    }

    /// Whether the other copy of this reply has its line. Either may come first, and a reply that arrives in fragments is seen
    /// behind the firewall alone, where the kernel has put it together.
    fn is_second_copy(&mut self, job: usize, seq: u16, step: i32) -> bool {
        let balance = self.replies.entry((job, seq)).or_default();
        let is_second = *balance * step < 0;
        *balance += step;
        is_second
    }

    fn short_name(&self, job: usize) -> String {
        match self.labels.len() {
            0 | 1 => String::new(),
            count => {
                let width = count.to_string().len() + 1;
                format!("{:<width$} ", format!("#{}", job + 1))
            }
        }
    }
}

/// The comment for a packet in a capture: what it is and what it means. `None`: it was not on the wire.
pub fn comment(event: &PacketEvent<'_>) -> Option<String> {
    if !matches!(event.kind, PacketEventKind::Received | PacketEventKind::Sent) || event.bytes.is_empty() {
        return None;
    }
    let words = words::tell(event);
    Some(match fragment_offset(event.bytes) {
        Some(offset) => format!("{words}; this fragment begins at byte {offset}"),
        None => words,
    })
}

fn milliseconds(at: Timestamp) -> String {
    let elapsed: Duration = at.since(Timestamp::ZERO);
    format!("{:.2}", elapsed.as_secs_f64() * 1000.0)
}

fn direction(kind: PacketEventKind) -> char {
    match kind {
        PacketEventKind::Sent => '>',
        PacketEventKind::Refused(_) => '!',
        PacketEventKind::Received | PacketEventKind::PassedFirewall => '<',
    }
}

/// The bytes of the whole packet; behind the firewall the headers are gone, so those of an ICMP error are not known.
fn size(event: &PacketEvent<'_>) -> Option<usize> {
    let whole = || event.packet.size().map(|size| size.bytes() as usize);
    match event.bytes.len() {
        0 => whole(),
        _ if fragment_offset(event.bytes).is_some() => whole(),
        len => Some(len),
    }
}

/// Where a fragment of an IPv4 packet begins in the packet's payload (RFC 791, 3.1). `None`: not a fragment.
fn fragment_offset(bytes: &[u8]) -> Option<u32> {
    const MORE_FRAGMENTS: u16 = 0x2000;
    const OFFSET: u16 = 0x1fff;
    match bytes {
        [first, _, _, _, _, _, high, low, ..] if first >> 4 == 4 => {
            let field = u16::from_be_bytes([*high, *low]);
            (field & (MORE_FRAGMENTS | OFFSET) != 0).then_some(u32::from(field & OFFSET) * 8)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
