//! What a box remembers of each connection.

use std::collections::{HashMap, HashSet};

use super::packet::{ACK, SYN, Segment};

/// All connections, by the port of c.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    /// How far the server has acknowledged.
    acknowledged: HashMap<u16, u32>,
    /// Ports, numbers and lengths of the segments that have passed.
    sent: HashSet<(u16, u32, u32)>,
}

impl Connections {
    /// A segment of the server. An acknowledgment of data in a SYN counts as well.
    pub fn note_answer(&mut self, segment: &Segment) {
        if segment.is(ACK) {
            self.acknowledged.insert(segment.destination_port, segment.ack);
        }
    }

    /// A segment of c.
    pub fn note_sent(&mut self, segment: &Segment) {
        if segment.is(SYN) {
            self.acknowledged.remove(&segment.source_port);
        } else if segment.payload > 0 {
            self.sent.insert(of(segment));
        }
    }

    /// Whether the same segment has passed before.
    pub fn was_sent(&self, segment: &Segment) -> bool {
        self.sent.contains(&of(segment))
    }

    /// How far the server has acknowledged the connection of a segment of c.
    pub fn acknowledged(&self, segment: &Segment) -> Option<u32> {
        self.acknowledged.get(&segment.source_port).copied()
    }

    /// How much of a segment's data the server has. RFC 9293, 3.4: sequence numbers are compared modulo 2^32.
    pub fn old_part(&self, segment: &Segment) -> u32 {
        let Some(has) = self.acknowledged(segment) else { return 0 };
        let old = has.wrapping_sub(segment.seq).cast_signed();
        u32::try_from(old).unwrap_or(0).min(segment.payload)
    }

    /// Whether the server has the first byte.
    pub fn begins_old(&self, segment: &Segment) -> bool {
        self.old_part(segment) > 0
    }

    /// Whether the server has all of its data.
    pub fn is_old(&self, segment: &Segment) -> bool {
        segment.payload > 0 && self.old_part(segment) == segment.payload
    }
}

fn of(segment: &Segment) -> (u16, u32, u32) {
    (segment.source_port, segment.seq, segment.payload)
}
