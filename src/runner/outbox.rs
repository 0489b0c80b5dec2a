//! Packets that leave together.

use std::net::IpAddr;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use tracing::warn;

use crate::model::{Outgoing, PacketEventKind, Refusal, Timestamp};
use crate::net::sender::{Parcel, SendError, Sender};
use crate::wire::{self, WireError};

/// Where a packet comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    /// The place of its examination.
    pub(super) place: usize,
    pub(super) job: usize,
    pub(super) destination: IpAddr,
    pub(super) scope_id: u32,
}

/// A packet that waits.
pub(super) struct Letter {
    pub(super) outgoing: Outgoing,
    pub(super) to: Address,
    pub(super) at: Timestamp,
    bytes: Range<usize>,
}

/// Packets that wait, with their bytes side by side. Its memory is used again and again.
#[derive(Default)]
pub(super) struct Outbox {
    letters: Vec<Letter>,
    bytes: Vec<u8>,
    packet: Vec<u8>,
}

/// As many as one system call takes.
const FULL: usize = 32;
/// A queue of this host that is full gets so much time to drain, so many times. After that the packet counts as refused.
const PAUSE: Duration = Duration::from_micros(500);
const MOST_PAUSES: u32 = 10;

impl Outbox {
    pub(super) fn is_full(&self) -> bool {
        self.letters.len() >= FULL
    }

    /// Takes a packet, or its fragments. Returns how many packets that makes.
    pub(super) fn add(&mut self, outgoing: Outgoing, to: Address, at: Timestamp) -> Result<u32, WireError> {
        let before = self.letters.len();
        wire::emit(&outgoing.packet, &mut self.packet)?;
        match outgoing.fragments {
            None => {
                let bytes = append(&mut self.bytes, &self.packet);
                self.letters.push(Letter { outgoing, to, at, bytes });
            }
            Some(largest) => {
                for piece in wire::fragment(&self.packet, largest)? {
                    let bytes = append(&mut self.bytes, &piece);
                    self.letters.push(Letter { outgoing: outgoing.clone(), to, at, bytes });
                }
            }
        }
        Ok((self.letters.len() - before) as u32)
    }

    /// Sends all, in order, and says of each how it went. What failed for a reason of this host alone goes unsaid.
    pub(super) fn send(&mut self, sender: &Sender, mut say: impl FnMut(&Letter, PacketEventKind, &[u8])) {
        let Self { letters, bytes, .. } = self;
        let bytes_of = |letter: &Letter| bytes.get(letter.bytes.clone()).unwrap_or_default();
        let parcel = |letter: &Letter| {
            let Address { destination, scope_id, .. } = letter.to;
            (letter.bytes.clone(), destination, scope_id)
        };
        let (mut next, mut pauses) = (0, 0);
        while let Some(waiting) = letters.get(next..).filter(|waiting| !waiting.is_empty()) {
            let parcels = waiting.iter().map(parcel).map(|(range, destination, scope_id)| Parcel {
                packet: bytes.get(range).unwrap_or_default(),
                destination,
                scope_id,
            });
            let (sent, rest) = sender.send_many(parcels);
            for letter in waiting.iter().take(sent) {
                say(letter, PacketEventKind::Sent, bytes_of(letter));
            }
            next += sent;
            match (rest, waiting.get(sent)) {
                (Err(SendError::Refused(Refusal::Busy)), _) if pauses < MOST_PAUSES => {
                    pauses += 1;
                    thread::sleep(PAUSE);
                }
                (Err(SendError::Refused(refusal)), Some(letter)) => {
                    say(letter, PacketEventKind::Refused(refusal), bytes_of(letter));
                    next += 1;
                }
                (Err(error), _) => {
                    warn!(%error, "a packet was not sent");
                    next += 1;
                }
                (Ok(()), _) => {}
            }
        }
        letters.clear();
        self.bytes.clear();
    }
}

fn append(bytes: &mut Vec<u8>, packet: &[u8]) -> Range<usize> {
    let start = bytes.len();
    bytes.extend_from_slice(packet);
    start..bytes.len()
}
