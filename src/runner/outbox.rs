//! Packets that are sent together.

use std::net::IpAddr;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use tracing::warn;

use crate::model::{Outgoing, PacketEventKind, Refusal, Timestamp};
use crate::net::sender::{Parcel, SendError, Sender};
use crate::wire::{self, WireError};

/// Which examination a packet comes from, and which address it goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketRoute {
    /// The slot of its examination.
    pub(super) slot: usize,
    pub(super) job: usize,
    pub(super) destination: IpAddr,
    pub(super) scope_id: u32,
}

/// A packet that waits to be sent.
pub(super) struct QueuedPacket {
    pub(super) outgoing: Outgoing,
    pub(super) route: PacketRoute,
    pub(super) at: Timestamp,
    bytes: Range<usize>,
}

/// Packets that wait to be sent, with their bytes in one buffer. It reuses its memory.
#[derive(Default)]
pub(super) struct Outbox {
    packets: Vec<QueuedPacket>,
    bytes: Vec<u8>,
    packet: Vec<u8>,
}

/// One system call sends so many packets.
const FULL: usize = 32;
/// How long, and how often, to wait while a queue of this host is full. After that the packet counts as refused.
const PAUSE: Duration = Duration::from_micros(500);
const MOST_PAUSES: u32 = 10;

impl Outbox {
    pub(super) fn is_full(&self) -> bool {
        self.packets.len() >= FULL
    }

    /// Takes a packet, or its fragments. Returns how many packets that makes.
    pub(super) fn add(&mut self, outgoing: Outgoing, route: PacketRoute, at: Timestamp) -> Result<u32, WireError> {
        let before = self.packets.len();
        wire::emit(&outgoing.packet, &mut self.packet)?;
        match outgoing.fragments {
            None => {
                let bytes = append(&mut self.bytes, &self.packet);
                self.packets.push(QueuedPacket { outgoing, route, at, bytes });
            }
            Some(largest) => {
                for piece in wire::fragment(&self.packet, largest)? {
                    let bytes = append(&mut self.bytes, &piece);
                    self.packets.push(QueuedPacket { outgoing: outgoing.clone(), route, at, bytes });
                }
            }
        }
        Ok((self.packets.len() - before) as u32)
    }

    /// Sends all packets in order and reports what happened to each. A failure of this host alone is only logged.
    pub(super) fn send(&mut self, sender: &Sender, mut report: impl FnMut(&QueuedPacket, PacketEventKind, &[u8])) {
        let Self { packets, bytes, .. } = self;
        let bytes_of = |queued: &QueuedPacket| bytes.get(queued.bytes.clone()).unwrap_or_default();
        let parcel = |queued: &QueuedPacket| {
            let PacketRoute { destination, scope_id, .. } = queued.route;
            (queued.bytes.clone(), destination, scope_id)
        };
        let (mut next, mut pauses) = (0, 0);
        while let Some(waiting) = packets.get(next..).filter(|waiting| !waiting.is_empty()) {
            let parcels = waiting.iter().map(parcel).map(|(range, destination, scope_id)| Parcel {
                packet: bytes.get(range).unwrap_or_default(),
                destination,
                scope_id,
            });
            let (sent, rest) = sender.send_many(parcels);
            for queued in waiting.iter().take(sent) {
                report(queued, PacketEventKind::Sent, bytes_of(queued));
            }
            next += sent;
            match (rest, waiting.get(sent)) {
                (Err(SendError::Refused(Refusal::Busy)), _) if pauses < MOST_PAUSES => {
                    pauses += 1;
                    thread::sleep(PAUSE);
                }
                (Err(SendError::Refused(refusal)), Some(queued)) => {
                    report(queued, PacketEventKind::Refused(refusal), bytes_of(queued));
                    next += 1;
                }
                (Err(error), _) => {
                    warn!(%error, "a packet was not sent");
                    next += 1;
                }
                (Ok(()), _) => {}
            }
        }
        packets.clear();
        self.bytes.clear();
    }
}

fn append(bytes: &mut Vec<u8>, packet: &[u8]) -> Range<usize> {
    let start = bytes.len();
    bytes.extend_from_slice(packet);
    start..bytes.len()
}
