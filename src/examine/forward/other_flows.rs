//! Other flows: when they are compared, and which of them deserves an examination like the first one's.
//!
//! SYNs alone prove nothing (`docs/verdicts.md`, other flows), so a flow on which they vanish gets a connection of its own,
//! real bytes and all. Its verdict counts for the address if it is worse.

use crate::model::{FlowChoice, MethodChoice, PacketSize, Plan, Technique as Name, Timestamp};

use super::super::outbox::Outbox;
use super::super::packet_kind::PacketKind;
use super::super::technique::{FlowComparison, Uses};
use super::parts::{Parts, Visits};

/// Flows beside the first that are tried at first; the rest only if the size passes on all of these.
const FIRST_FLOWS: usize = 7;
/// A packet that passes everywhere (RFC 791's 576, less what tunnels take), with room for a SYN and its options.
const SMALL: u32 = 500;

/// What other flows still want before the verdict on the first one can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Time,
    /// An examination of the flow from this port.
    Visit(u16),
}

/// Compares flows beside the confirmation of a pair that TCP would meet.
pub(super) fn compare_beside(parts: &mut Parts, carrier: Name, outbox: &mut Outbox, now: Timestamp) {
    let confirming = parts.techniques.get(carrier).and_then(|technique| technique.search().confirming());
    let Some((passes, suspect)) = confirming.filter(|_| parts.uses(carrier, Uses::Connection)) else { return };
    // A thin line has no room for it.
    if outbox.is_spaced() {
        return;
    }
    let (small, full) = full_pair(parts);
    let is_told = |size| parts.ptbs.may_speak_of(PacketKind::Segment, size, passes);
    if suspect > full || is_told(suspect) || is_told(full) {
        return;
    }
    compare(parts, small.min(passes), full, outbox, now);
}

/// With `--flows`: what is still wanted. `is_hit`: large packets vanish on the first one, so that no other can be worse.
pub(super) fn wish(
    parts: &mut Parts,
    passes: PacketSize,
    is_hit: bool,
    visits: Visits<'_>,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Wish {
    if parts.plan.flows != FlowChoice::Always || parts.plan.method == MethodChoice::Icmp {
        return Wish::Nothing;
    }
    let (small, full) = full_pair(parts);
    compare(parts, small.min(passes), full, outbox, now);
    if !are_compared(parts) {
        return Wish::Time;
    }
    let is_new = |port: &u16| visits.visited.iter().all(|visited| visited.port != *port);
    let next = parts.flows.iter().flat_map(FlowComparison::hit).find(is_new);
    match next.filter(|_| !is_hit && visits.may_begin) {
        Some(port) => {
            reset(parts, outbox);
            Wish::Visit(port)
        }
        None if visits.is_waiting => Wish::Time,
        None => Wish::Nothing,
    }
}

pub(super) fn are_compared(parts: &Parts) -> bool {
    parts.flows.as_ref().is_none_or(FlowComparison::is_over)
}

/// Moves the comparison on, if one is under way.
pub(super) fn advance(parts: &mut Parts, now: Timestamp) {
    if are_compared(parts) {
        return;
    }
    let elsewhere = parts.controls();
    if let Some(flows) = &mut parts.flows {
        flows.advance(now, &parts.rtt, elsewhere);
    }
}

/// Ends the half-open connections that SYNs may have left behind, if any may have.
pub(super) fn reset(parts: &Parts, outbox: &mut Outbox) {
    // Where no packet of a size that passes is lost, none of the silent ones arrived.
    if parts.flows.as_ref().is_some_and(FlowComparison::has_felt_nothing) && !parts.loses_controls() {
        return;
    }
    for (port, isn) in parts.flows.iter().flat_map(FlowComparison::unanswered) {
        outbox.half_open().reset(port, isn);
    }
}

fn compare(parts: &mut Parts, passes: PacketSize, suspect: PacketSize, outbox: &mut Outbox, now: Timestamp) {
    if parts.flows.as_ref().is_none_or(|flows| flows.sizes() != (passes, suspect)) {
        reset(parts, outbox);
        let (first, reserve) = flow_ports(&parts.plan);
        let comparison = FlowComparison::new(passes, suspect, first, reserve);
        let is_cheap = parts.is_cheap() && parts.plan.flows == FlowChoice::WhenHoled;
        parts.compare_flows(if is_cheap { comparison.by_feeling() } else { comparison });
    }
    advance(parts, now);
}

fn flow_ports(plan: &Plan) -> (&[u16], &[u16]) {
    let first = if plan.flows == FlowChoice::Always { plan.flow_ports.len() } else { FIRST_FLOWS };
    plan.flow_ports.split_at(first.min(plan.flow_ports.len()))
}

/// A size that every flow should pass, and the largest packet TCP would send: whether mail hangs is decided there, even
/// where parallel paths have different holes.
fn full_pair(parts: &Parts) -> (PacketSize, PacketSize) {
    let max = parts.plan.max_size;
    let suspect = parts.tcp_limit().map_or(max, |limit| limit.min(max));
    let small = PacketSize::new(SMALL).max(parts.plan.min_size);
    (small.min(suspect), suspect)
}
