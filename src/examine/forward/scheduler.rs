//! Whose turn it is: which technique carries the verdict, which takes its place when it is of no use, and when probing ends.

use crate::model::{MethodChoice, MethodReason, PacketSize, Technique as Name, Timestamp, Ttl};

use super::super::outbox::Outbox;
use super::super::search::{MOST_PROBES, ProbeKind, Progress, Proof};
use super::super::session::TcpState;
use super::super::technique::{AnswerTimes, Asking, Knowledge, NearAnswers, Uses};
use super::super::timers::Deadline;
use super::confirmation::{
    Role, advance, ask_rationed_router, ask_real_bytes, awaits_late_ptb, is_all_said, run_beside,
};
use super::guide;
use super::other_flows::{self, Wish};
use super::parts::{Parts, Visits};

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Probing goes on.
    GoOn,
    /// Another flow, from this port, deserves an examination of its own first.
    Visit(u16),
    /// Probing ends.
    Conclude,
}

/// Moves everything as far as it goes without new events.
pub(super) fn advance_all(parts: &mut Parts, visits: Visits<'_>, outbox: &mut Outbox, now: Timestamp) -> Decision {
    if parts.reach.is_cut_off() && parts.nothing_answered() {
        return Decision::Conclude;
    }
    if !parts.plan.direction.is_forward() {
        return open_only(parts, now);
    }
    let Parts { techniques, plan, session, .. } = parts;
    techniques.prepare(plan, session, now);
    ask_who_answers(parts, now);
    if parts.who.nearer().is_some_and(|nearer| nearer.hop == Ttl(1) && nearer.answers == NearAnswers::All) {
        return Decision::Conclude;
    }
    other_flows::advance(parts, now);
    let decision = decide(parts, visits, outbox, now);
    if decision == Decision::Conclude && answers_lack_names(parts) {
        parts.who.ask_alone();
    }
    match decision {
        Decision::Conclude if !parts.who.is_settled() || is_echo_awaited(parts, now) => Decision::GoOn,
        decision => decision,
    }
}

/// Whatever is answered by somebody nearer than the target says nothing about the path to it.
fn ask_who_answers(parts: &mut Parts, now: Timestamp) {
    let tcp = parts.techniques.using(Uses::Connection);
    let names = parts.session.peer().sack && !tcp.search().is_one_at_a_time();
    let needs_syns = parts.techniques.using(Uses::Syns).search().has_started();
    let times = AnswerTimes { handshake: parts.rtt.first(), segment: tcp.search().log().fastest_answer() };
    let knowledge = Knowledge::of(&parts.session, names, needs_syns, parts.silences_needed(), times);
    let asking = if parts.is_nothing_lost() {
        Asking::Sparingly { is_echo_awaited: is_echo_awaited(parts, now) }
    } else {
        Asking::Freely
    };
    parts.who.advance(knowledge.asked(asking), now, &parts.rtt);
    if parts.who.nearer().is_some_and(|nearer| nearer.answers != NearAnswers::All) {
        for technique in parts.techniques.using_mut(Uses::Syns) {
            technique.rule_out(MethodReason::AnsweredOnTheWay);
        }
    }
}

/// Whether answers over an open connection name nothing, or none came. Those that come without a question speak of no lone segment.
fn answers_lack_names(parts: &Parts) -> bool {
    let tcp = parts.techniques.using(Uses::Connection);
    let has_names = tcp.unusable().is_none() && !tcp.search().is_one_at_a_time();
    let may_tell = !has_names && tcp.unusable() != Some(MethodReason::IdleAcksAnswered);
    parts.session.state() == TcpState::Open && parts.is_tcp_asked_for() && may_tell
}

/// Whether an echo reply may still come that tells how far away the target is.
fn is_echo_awaited(parts: &Parts, now: Timestamp) -> bool {
    let echo = parts.techniques.using(Uses::Icmp);
    let is_open = echo.unusable().is_none() && echo.search().log().total_answered() == 0;
    let deadline = match parts.session.state() {
        TcpState::Refused => Deadline::EchoBesideRefusals,
        _ if parts.loses_controls() => Deadline::EchoAwaitedLossy,
        _ => Deadline::EchoAwaited,
    };
    is_open && parts.who.is_asked() && !parts.timers().is_over(deadline, now)
}

fn decide(parts: &mut Parts, visits: Visits<'_>, outbox: &mut Outbox, now: Timestamp) -> Decision {
    let mut before = None;
    while let Some(name) = carrier(parts, now) {
        if outbox.probes_sent() >= MOST_PROBES {
            return Decision::Conclude;
        }
        let decision = carry(parts, name, visits, outbox, now);
        if decision != Decision::GoOn || before == Some(name) {
            return decision;
        }
        // It may have begun anew, or given way to another: nothing else would wake that one.
        before = Some(name);
    }
    if before.is_none() && parts.is_hopeless(now) { Decision::Conclude } else { Decision::GoOn }
}

/// With the way back alone, all that is wanted of the way there is a connection.
fn open_only(parts: &mut Parts, now: Timestamp) -> Decision {
    let Parts { techniques, plan, session, .. } = parts;
    techniques.on_connection(plan, session);
    ask_who_answers(parts, now);
    let is_connected = parts.session.state() != TcpState::Connecting && parts.who.is_settled();
    let is_decided = is_connected || parts.port.is_forbidden(&parts.session) || parts.is_hopeless(now);
    if is_decided { Decision::Conclude } else { Decision::GoOn }
}

/// The technique that carries the verdict now; `None` while nothing is known to work.
pub(super) fn carrier(parts: &mut Parts, now: Timestamp) -> Option<Name> {
    let echo = parts.techniques.using(Uses::Icmp);
    let usable_echo = echo.unusable().is_none().then(|| echo.name());
    if parts.plan.method == MethodChoice::Icmp {
        return usable_echo;
    }
    if let Some(why) = parts.why_no_connection(now) {
        for uses in [Uses::Connection, Uses::Conversation, Uses::Syns] {
            parts.techniques.using_mut(uses).for_each(|technique| technique.rule_out(why));
        }
        return usable_echo;
    }
    if parts.session.state() == TcpState::Connecting { None } else { parts.techniques.preferred() }
}

fn carry(parts: &mut Parts, name: Name, visits: Visits<'_>, outbox: &mut Outbox, now: Timestamp) -> Decision {
    start_once(parts, name, now);
    if let Some(technique) = parts.techniques.get_mut(name) {
        parts.pace.watch(technique.search_mut(), outbox, now);
    }
    if guide::look_with_syns(parts, name, outbox, now) {
        run_beside(parts, name, outbox, now);
        return Decision::GoOn;
    }
    match advance(parts, name, Role::Carrier, now) {
        Progress::Busy => {
            run_beside(parts, name, outbox, now);
            Decision::GoOn
        }
        Progress::Full => full(parts, name, visits, outbox, now),
        Progress::Discoverable(pair) => unless_wished(parts, pair.passes, false, visits, outbox, now),
        Progress::Nothing => give_up(parts, name, outbox, now),
        // Real bytes and other techniques may still tip the balance of a noisy one.
        Progress::Proven(proof) | Progress::Noisy(proof) => {
            run_beside(parts, name, outbox, now);
            proven(parts, name, proof, visits, outbox, now)
        }
    }
}

/// Begins the search, if it has not begun, and asks once about sizes beyond the route's MTU: a forgotten workaround hides what the
/// path carries.
fn start_once(parts: &mut Parts, name: Name, now: Timestamp) {
    let also: Vec<PacketSize> = [parts.tcp_limit(), parts.plan.kernel_path_mtu].into_iter().flatten().collect();
    let beyond = parts.plan.beyond_route.filter(|_| name == Name::OldData);
    let patience = parts.rtt.patience();
    let Some(technique) = parts.techniques.get_mut(name).filter(|technique| !technique.search().has_started()) else {
        return;
    };
    let search = technique.search_mut();
    search.begin(&also, patience, now);
    if let Some(most) = beyond.filter(|_| !search.is_one_at_a_time()) {
        search.look_beyond(most, now);
    }
}

/// A technique whose bounds are narrower than the question cannot say "full".
fn full(parts: &mut Parts, name: Name, visits: Visits<'_>, outbox: &mut Outbox, now: Timestamp) -> Decision {
    let max = parts.plan.max_size;
    if let Some(technique) = parts.techniques.get_mut(name)
        && technique.search().max() < max
        && name == Name::SmtpData
    {
        technique.rule_out(MethodReason::TooFewBytes);
        return Decision::GoOn;
    }
    if name == Name::SynData && parts.session.state() == TcpState::Refused && ask_echo_too(parts, max, now) {
        return Decision::GoOn;
    }
    unless_wished(parts, max, false, visits, outbox, now)
}

/// A RST to a SYN may come from a firewall on the way. So echo is asked whether the size gets there, a few times where packets
/// are lost. Returns whether its answer is still awaited.
fn ask_echo_too(parts: &mut Parts, size: PacketSize, now: Timestamp) -> bool {
    const MOST_ASKS: u32 = 4;
    let Some(echo) = parts.techniques.get_mut(Name::Echo).filter(|echo| echo.unusable().is_none()) else {
        return false;
    };
    let (log, count) = (echo.search().log(), echo.search().log().count(size));
    if log.total_answered() == 0 {
        return is_echo_awaited(parts, now);
    }
    if count.answered > 0 {
        return false;
    }
    let is_awaited = count.sent > count.lost || echo.search().next_queued().is_some();
    if !is_awaited && count.sent < MOST_ASKS {
        echo.search_mut().queue(size, ProbeKind::Sized, now);
        return true;
    }
    is_awaited
}

fn proven(
    parts: &mut Parts,
    name: Name,
    proof: Proof,
    visits: Visits<'_>,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Decision {
    ask_real_bytes(parts, name, proof, now);
    let is_hit = parts.tcp_limit().is_none_or(|limit| limit > proof.pair.passes);
    if !is_all_said(parts, name, proof, now) {
        // Where packets are lost, others may search for long. The router is asked meanwhile.
        if parts.loses_controls() {
            ask_rationed_router(parts, name, proof, now);
        }
        return Decision::GoOn;
    }
    match unless_wished(parts, proof.pair.passes, is_hit, visits, outbox, now) {
        Decision::Conclude if awaits_late_ptb(parts, name, proof, now) => Decision::GoOn,
        Decision::Conclude if ask_rationed_router(parts, name, proof, now) => Decision::GoOn,
        decision => decision,
    }
}

/// Ends probing, unless other flows want something first.
fn unless_wished(
    parts: &mut Parts,
    passes: PacketSize,
    is_hit: bool,
    visits: Visits<'_>,
    outbox: &mut Outbox,
    now: Timestamp,
) -> Decision {
    match other_flows::wish(parts, passes, is_hit, visits, outbox, now) {
        Wish::Nothing => Decision::Conclude,
        Wish::Time => Decision::GoOn,
        Wish::Visit(port) => Decision::Visit(port),
    }
}

fn give_up(parts: &mut Parts, name: Name, outbox: &mut Outbox, now: Timestamp) -> Decision {
    let may_wait = parts.session.dialogue().greeted() || !parts.timers().is_over(Deadline::GreetingNeeded, now);
    let (techniques, mut turn) = parts.split(outbox, now);
    if let Some(technique) = techniques.get_mut(name) {
        technique.on_nothing(&mut turn, may_wait);
    }
    let is_last = name == Name::Echo && carrier(parts, now).is_none();
    if is_last { Decision::Conclude } else { Decision::GoOn }
}
