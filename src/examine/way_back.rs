//! How packets of the way back leave and arrive.

use crate::model::{Body, Event, Meaning, Outgoing, Packet, PacketSize, Plan, Probe, Purpose, Technique, Timestamp};

use super::outbox::Outbox;
use super::reverse::{Out, Reverse};

/// The next packet that is due.
pub(super) fn poll(reverse: &mut Reverse, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
    Some(match reverse.poll(now)? {
        Out::Segment(segment, meaning) => outbox.tcp(segment, meaning),
        Out::Echo(echo, meaning) => outbox.echo(echo, meaning),
        Out::Whole(packet, meaning) => Outgoing { packet, fragments: None, meaning },
    })
}

/// Takes in what the driver saw. Returns what it means.
pub(super) fn receive(
    reverse: &mut Reverse,
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
        Event::KernelSaw(_) | Event::SendRefused { .. } | Event::CaptureOverrun => Meaning::Stray,
    }
}

fn arrived(
    reverse: &mut Reverse,
    plan: &Plan,
    packet: &Packet,
    fragment: Option<PacketSize>,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Meaning {
    match (&packet.body, packet.size()) {
        _ if packet.ip.source != plan.destination => Meaning::Stray,
        (Body::Tcp(segment), _) if segment.source_port != plan.port => Meaning::Stray,
        (Body::Tcp(segment), _) if reverse.owns(segment.destination_port) => {
            reverse.receive(&packet.ip, segment, fragment, now)
        }
        (Body::Tcp(segment), _) => {
            outbox.half_open().late_answer(segment);
            Meaning::Stray
        }
        (Body::EchoReply(echo), Some(size))
            if echo.ident == plan.echo_ident && reverse.echoed(*echo, size, fragment) =>
        {
            Meaning::Answer(Probe { technique: Technique::Echo, size, purpose: Purpose::Search })
        }
        _ => Meaning::Stray,
    }
}
