//! Who may take how much of a capture file: the packets of the run itself come first, whoever floods it.

use crate::app::capture_limit::CaptureLimit;
use crate::model::{Meaning, PacketEvent, PacketEventKind};

/// Whose packet it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Sent by the run.
    Own,
    /// It answers the run, as far as can be told: addresses, ports and numbers fit.
    Answer,
    /// An ICMP error about a packet of the run. Whoever knows addresses and ports can make them up.
    Error,
    /// Anything else that came in.
    Foreign,
}

impl Owner {
    fn of(event: &PacketEvent<'_>) -> Self {
        match (event.kind, event.meaning) {
            (PacketEventKind::Sent | PacketEventKind::Refused(_), _) => Self::Own,
            (_, Meaning::Stray) => Self::Foreign,
            (_, Meaning::TooBig { .. } | Meaning::Unreachable) => Self::Error,
            _ => Self::Answer,
        }
    }
}

/// What is written so far, and by whom.
#[derive(Debug)]
pub(super) struct CaptureShare {
    limit: Option<u64>,
    whole: u64,
    received: u64,
    errors: u64,
    foreign: u64,
}

impl CaptureShare {
    /// `header`: the bytes that are there already.
    pub(super) fn new(limit: CaptureLimit, header: u64) -> Self {
        Self { limit: limit.0, whole: header, received: 0, errors: 0, foreign: 0 }
    }

    /// Whether a packet that takes so many bytes is written. What is foreign gets a quarter, and so do ICMP errors; all that is
    /// received together gets three quarters.
    pub(super) fn admits(&mut self, event: &PacketEvent<'_>, bytes: u64) -> bool {
        let Some(limit) = self.limit else { return true };
        let quarter = limit / 4;
        let owner = Owner::of(event);
        let is_received = owner != Owner::Own;
        let (part, most) = match owner {
            Owner::Own | Owner::Answer => (0, limit),
            Owner::Error => (self.errors, quarter),
            Owner::Foreign => (self.foreign, quarter),
        };
        let fits = self.whole + bytes <= limit
            && part + bytes <= most
            && !(is_received && self.received + bytes > 3 * quarter);
        if fits {
            self.whole += bytes;
            self.received += if is_received { bytes } else { 0 };
            match owner {
                Owner::Error => self.errors += bytes,
                Owner::Foreign => self.foreign += bytes,
                Owner::Own | Owner::Answer => {}
            }
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bytes::Bytes;

    use super::*;
    use crate::model::{Body, Flags, IpHeader, Packet, PacketSize, Segment, SeqNumber, Step, Timestamp, Ttl};

    fn packet() -> Packet {
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        let (source, destination) = (parse("192.0.2.1"), parse("192.0.2.25"));
        let ip = IpHeader { source, destination, ttl: Ttl::DEFAULT, dont_fragment: true, id: 1 };
        let mut segment = Segment::new(40_000, 25, SeqNumber(1), SeqNumber(1), Flags::PSH_ACK);
        segment.payload = Bytes::from_static(b"x");
        Packet { ip, body: Body::Tcp(segment) }
    }

    const PTB: Meaning = Meaning::TooBig { refused: PacketSize::new(1500), mtu: 1400, checksum_ok: true };
    const STEP: Meaning = Meaning::Connection(Step::Ack);

    /// How many bytes of a flood, in packets of 100, a capture of 1000 takes.
    fn taken(share: &mut CaptureShare, kind: PacketEventKind, meaning: Meaning) -> u64 {
        let packet = packet();
        let event = PacketEvent { job: 0, at: Timestamp::ZERO, kind, bytes: &[], packet: &packet, meaning };
        (0..1000).filter(|_| share.admits(&event, 10)).count() as u64 * 10
    }

    #[test]
    fn what_the_run_sends_finds_room_whatever_flood_came_before() {
        use PacketEventKind::{Received, Sent};
        let mut share = CaptureShare::new(CaptureLimit(Some(1000)), 0);
        assert_eq!(taken(&mut share, Received, Meaning::Stray), 250, "foreign packets get a quarter");
        assert_eq!(taken(&mut share, Received, PTB), 250, "messages as well, though strangers took theirs");
        assert_eq!(taken(&mut share, Received, Meaning::Unreachable), 0, "they are messages too");
        assert_eq!(taken(&mut share, Received, STEP), 250, "and all that is received three");
        assert_eq!(taken(&mut share, Sent, STEP), 250, "the last is for what is sent");
        assert_eq!(taken(&mut share, Sent, STEP), 0, "the limit is one");

        let mut share = CaptureShare::new(CaptureLimit(Some(1000)), 100);
        assert_eq!(taken(&mut share, Sent, STEP), 900, "a run that sends much may take all of it");
        let mut share = CaptureShare::new(CaptureLimit(None), 100);
        assert_eq!(taken(&mut share, Received, Meaning::Stray), 10_000);
    }
}
