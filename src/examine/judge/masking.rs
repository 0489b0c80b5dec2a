//! Whether what keeps TCP below a hole lasts: a clamp or a small link at the peer does, a path MTU that the peer has learnt is
//! forgotten after some minutes (Linux: `mtu_expires`), and its MSS rises again.

use crate::model::{Family, MaskedBy, PacketSize, Ttl};

use super::record::Record;

/// What keeps TCP below the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Masking {
    /// This, and it lasts.
    By(MaskedBy),
    /// Nothing is proven, but a peer that merely remembers would announce another MSS.
    Unexplained,
    /// For all that is known, the peer merely remembers the path MTU. Where it was not seen where large packets end, for loss or
    /// since nothing could be traced, they may end at the peer's own link as well.
    Memory { is_place_lost: bool },
}

/// The MSS that the peer's TCP wrote, by the window that it announced with it: a window is a whole number of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// The one that arrived.
    AsArrived,
    /// A larger one: something lowered it.
    Larger,
    Unknown,
}

/// MTUs that a peer's interface may have: what a lowered MSS was before is one of them.
const USUAL_MTUS: [u32; 9] = [9000, 1500, 1492, 1480, 1460, 1450, 1440, 1420, 1400];
/// The MTU of ordinary Ethernet: a peer that announces it need remember nothing.
const ETHERNET: PacketSize = PacketSize::new(1500);
/// A window of fewer segments may be anything.
const FEWEST_SEGMENTS: u16 = 4;

/// Judges what keeps TCP to packets of `limit` where the path carries `passes` and loses `lost`.
pub(super) fn masking(record: &Record, passes: PacketSize, lost: PacketSize, limit: PacketSize) -> Masking {
    let family = record.plan.family();
    let written = written(record, family);
    let own = record.plan.local_mtu.to_mss(family);
    let lowered = record.clamp.lowered(own).filter(|(_, mss)| PacketSize::from_mss(*mss, family) <= passes);
    match (written, lowered) {
        (Written::Larger, lowered) => return clamp(lowered.map(|(hop, _)| hop)),
        // In front of the first router it may be this host's own rule, and for what it sends alone.
        (_, Some((hop, _))) if hop > Ttl(1) => return clamp(Some(hop)),
        _ => {}
    }
    let trace = record.credible_trace(Some(passes));
    let ends_at_peer = trace.is_some_and(|trace| trace.ends_at_target(passes, lost));
    let is_place_lost = trace.is_none_or(|trace| record.loses_small_packets() && !trace.is_exact());
    let is_remembered = limit == passes || written == Written::AsArrived || record.echo.is_fragmented;
    match () {
        () if limit == passes && (ends_at_peer || limit == ETHERNET) => Masking::By(MaskedBy::PeerLink),
        // A peer sends nothing larger than the path MTU that it remembers, and no larger MSS.
        () if record.echo.largest_whole > Some(limit) => clamp(None),
        () if is_remembered => Masking::Memory { is_place_lost },
        () => Masking::Unexplained,
    }
}

fn clamp(hop: Option<Ttl>) -> Masking {
    Masking::By(MaskedBy::PathClamp { hop })
}

/// Linux rounds the window down to whole segments of the MSS that it announces (net/ipv4/tcp_output.c, `tcp_select_initial_window`),
/// and so do most others.
fn written(record: &Record, family: Family) -> Written {
    let (Some(arrived), window) = (record.session.peer.mss, record.session.peer.first_window) else {
        return Written::Unknown;
    };
    let counts = |mss: u16| mss > 0 && window % mss == 0 && window / mss >= FEWEST_SEGMENTS;
    let usual = USUAL_MTUS.iter().map(|&mtu| PacketSize::new(mtu)).chain([record.plan.local_mtu]);
    let mut larger = usual.map(|mtu| mtu.to_mss(family)).filter(|&mss| mss > arrived);
    match (counts(arrived), larger.any(counts)) {
        (true, false) => Written::AsArrived,
        (false, true) => Written::Larger,
        // 64800 is 45 segments of 1440 bytes and 50 of 1296.
        _ => Written::Unknown,
    }
}
