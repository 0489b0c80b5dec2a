//! How packets of the way back leave and arrive.

use crate::model::{Body, Event, Meaning, Outgoing, Packet, PacketSize, Plan, Timestamp};

use super::outbox::Outbox;
use super::reverse::{ReverseExamination, ReversePacket};

/// The next packet that is due.
pub(super) fn poll(reverse: &mut ReverseExamination, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
    Some(match reverse.poll(now)? {
        ReversePacket::Segment(segment, meaning) => outbox.tcp(segment, meaning),
        ReversePacket::Echo(echo, meaning) => outbox.echo(echo, meaning),
        ReversePacket::Whole(packet, meaning) => Outgoing { packet, fragments: None, meaning },
    })
}

/// Takes in what the driver saw. Returns what it means.
pub(super) fn receive(
    reverse: &mut ReverseExamination,
    plan: &Plan,
    event: &Event,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Meaning {
    match event {
        Event::Received(packet) => arrived(reverse, plan, packet, None, outbox, now),
        Event::Reassembled { packet, largest_fragment } => {
            arrived(reverse, plan, packet, Some(*largest_fragment), outbox, now)
        }
        Event::KernelSaw(_) | Event::SendRefused { .. } | Event::OwnTcp(_) | Event::CaptureOverrun => Meaning::Stray,
    }
}

fn arrived(
    reverse: &mut ReverseExamination,
    plan: &Plan,
    packet: &Packet,
    fragment: Option<PacketSize>,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Meaning {
    if packet.ip.source != plan.destination {
        return Meaning::Stray;
    }
    if let Some(meaning) = reverse.receive(packet, fragment, now) {
        return meaning;
    }
    if let Body::Tcp(segment) = &packet.body
        && segment.source_port == plan.port
    {
        outbox.half_open().late_answer(segment);
    }
    Meaning::Stray
}
