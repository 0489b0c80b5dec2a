//! Where answers name no probe, each size costs the connection a round trip or two. Unless PTBs tell the size, SYNs with data, which
//! leave side by side, find it. The connection then proves it: a SYN may take another path than the conversation.
//!
//! Where nothing is answered over the connection and SYNs are, the technique gives up at once and not after its time-outs.

use std::iter;

use crate::model::{MethodReason, PacketSize, Technique as Name, Timestamp};

use super::super::outbox::Outbox;
use super::super::search::Progress;
use super::super::technique::Uses;
use super::super::timers::Deadline;
use super::confirmation::{Role, advance};
use super::parts::Parts;

/// Lets SYNs look for the size while the technique that carries the verdict knows little. Returns whether it has to wait for them.
pub(super) fn look_with_syns(parts: &mut Parts, carrier: Name, outbox: &mut Outbox, now: Timestamp) -> bool {
    if !parts.uses(carrier, Uses::Connection) {
        return false;
    }
    if is_mute(parts, carrier, now) {
        if move_syns(parts, carrier, now).is_some() && is_answered(parts, Uses::Syns) {
            give_way(parts, carrier, outbox, now);
        }
        return false;
    }
    let Some(gap) = gap(parts, carrier) else { return false };
    let Some(progress) = move_syns(parts, carrier, now) else { return false };
    let told = told_by_syns(parts, carrier, gap);
    look_at(parts, carrier, &told, now);
    progress == Progress::Busy && told.is_empty() && !parts.timers().is_over(Deadline::SynsLook, now)
}

/// The sizes that SYNs suggest: that which was lost, if it passes with them and chance may have taken it; else their own pair.
fn told_by_syns(parts: &Parts, carrier: Name, gap: (PacketSize, PacketSize)) -> Vec<PacketSize> {
    let syns = parts.techniques.using(Uses::Syns).search();
    let sent = parts.techniques.get(carrier).map_or(0, |technique| technique.search().log().count(gap.1).sent);
    if syns.log().largest_answered() >= Some(gap.1) && sent < MOST_DOUBTS {
        return vec![gap.1; AGAIN];
    }
    syns.pair().map_or(Vec::new(), |pair| inside(gap, pair))
}

/// A pair, as far as it lies in the gap.
fn inside(gap: (PacketSize, PacketSize), (passes, lost): (PacketSize, PacketSize)) -> Vec<PacketSize> {
    let sizes = iter::once(lost).chain(iter::repeat_n(passes, AGAIN));
    sizes.filter(|&size| gap.0 < size && size < gap.1).collect()
}

fn is_mute(parts: &Parts, carrier: Name, now: Timestamp) -> bool {
    parts.techniques.get(carrier).is_some_and(|technique| technique.mute_from(&parts.rtt).is_some_and(|at| at <= now))
}

fn is_answered(parts: &Parts, uses: Uses) -> bool {
    parts.techniques.using(uses).search().log().total_answered() > 0
}

/// Moves the search by SYNs, which begins with its ladder. Returns how far it has come; `None` if SYNs are of no use.
fn move_syns(parts: &mut Parts, carrier: Name, now: Timestamp) -> Option<Progress> {
    let limit = parts.tcp_limit();
    let syns = parts.techniques.using_mut(Uses::Syns).next().filter(|syns| syns.unusable().is_none())?;
    let name = syns.name();
    if !syns.search().has_started() {
        syns.search_mut().start(limit.as_slice(), now);
        parts.notes.look_with_syns(now);
        return Some(Progress::Busy);
    }
    let progress = advance(parts, name, Role::Second { carrier }, now);
    if progress != Progress::Nothing {
        return Some(progress);
    }
    parts.techniques.get_mut(name)?.rule_out(MethodReason::SynDataUnanswered);
    None
}

/// Nothing is answered over the connection while later packets are.
fn give_way(parts: &mut Parts, carrier: Name, outbox: &mut Outbox, now: Timestamp) {
    let is_greeted = parts.session.dialogue().greeted();
    let (techniques, mut turn) = parts.split(outbox, now);
    if let Some(technique) = techniques.get_mut(carrier) {
        technique.on_nothing(&mut turn, is_greeted);
    }
}

/// The sizes between which a search with one probe at a time would have to look.
fn gap(parts: &Parts, carrier: Name) -> Option<(PacketSize, PacketSize)> {
    let search = parts.techniques.get(carrier)?.search();
    search.gap().filter(|_| search.is_one_at_a_time() && !search.is_hinted())
}

fn look_at(parts: &mut Parts, carrier: Name, sizes: &[PacketSize], now: Timestamp) {
    if let Some(technique) = parts.techniques.get_mut(carrier).filter(|_| !sizes.is_empty()) {
        technique.search_mut().look_at(sizes, now);
    }
}

/// An answer without a name proves a size only with another one.
const AGAIN: usize = 2;
/// A size that was lost so often is lost on the connection, whatever SYNs say.
const MOST_DOUBTS: u32 = 5;
