//! What runs beside the search once large packets are seen to vanish: real bytes, other techniques, copies without DF, the
//! trace; and whether all of them have said what they can.

use std::time::Duration;

use crate::model::{FirstHop, MethodReason, PacketSize, Technique as Name, Timestamp};

use super::super::fisher::SIGNIFICANCE;
use super::super::judge::{Second, opinion};
use super::super::outbox::Outbox;
use super::super::packet_kind::PacketKind;
use super::super::search::{Pair, ProbeKind, Progress, Proof, Situation};
use super::super::technique::{NoDfCopy, RealBytesOutcome, Surroundings, Technique, Turn, Uses, likely_distance};
use super::super::timers::Deadline;
use super::other_flows;
use super::parts::Parts;

/// A little more than a router waits between two messages to one address.
const RATION: Duration = Duration::from_millis(1100);

/// Moves on what runs beside the search of the technique that carries the verdict.
pub(super) fn run_beside(parts: &mut Parts, carrier: Name, outbox: &mut Outbox, now: Timestamp) {
    let over_connection = parts.uses(carrier, Uses::Connection);
    if over_connection && !reconsider(parts, carrier, outbox, now) {
        begin_real_bytes(parts, outbox, now);
    }
    ask_echo_once(parts, carrier, now);
    follow_with_trace(parts, carrier, now);
    look_for_clamp(parts, carrier, now);
    other_flows::compare_beside(parts, carrier, outbox, now);
    let Some((passes, suspect)) = parts.techniques.get(carrier).and_then(|t| t.search().confirming()) else { return };
    let pair = Pair { passes, lost: suspect };
    let has_echo = carrier != Name::Echo && parts.techniques.using(Uses::Icmp).search().log().total_answered() > 0;
    // A thin line has no room for an opinion that nobody needs, and a list pays for each. Where no segment can be traced, the place
    // rests on echo.
    let may_save = parts.is_cheap() && over_connection && parts.traces_over().is_some();
    let is_room = !outbox.is_spaced() && !may_save;
    if has_echo && (is_room || needs_syn(parts, suspect, now)) {
        ask(parts, Name::Echo, pair, now);
    }
    copy_without_df(parts, carrier, now);
    if over_connection && needs_syn(parts, suspect, now) {
        ask(parts, Name::SynData, pair, now);
    }
    advance_seconds(parts, carrier, now);
    copy_in_fragments(parts, carrier, pair, now);
}

/// Where packets are saved, echo of full size is asked only now that it may matter: whether routers tell it what they tell no segment.
fn ask_echo_once(parts: &mut Parts, carrier: Name, now: Timestamp) {
    let is_lost = parts.techniques.get(carrier).is_some_and(|t| t.search().log().count(parts.plan.max_size).lost > 0);
    if !parts.is_cheap() || carrier == Name::Echo || !is_lost {
        return;
    }
    let size = parts.plan.max_size;
    if let Some(echo) = parts.techniques.get_mut(Name::Echo).filter(|echo| echo.unusable().is_none())
        && !echo.search().log().knows(size)
        && echo.search().next_queued().is_none()
    {
        echo.search_mut().queue(size, ProbeKind::Sized, now);
    }
}

/// Above the MSS, and where echo of such sizes is not answered, other packets are few: smaller ones that make up the same segment
/// speak then.
fn copy_in_fragments(parts: &mut Parts, carrier: Name, pair: Pair, now: Timestamp) {
    let is_above = parts.tcp_limit().is_some_and(|limit| pair.lost > limit);
    let echo = parts.techniques.using(Uses::Icmp).search();
    let is_mute = echo.is_idle() && echo.log().largest_answered() < Some(pair.passes);
    let Parts { techniques, fragmented, plan, .. } = parts;
    if let Some(technique) = techniques.get_mut(carrier).filter(|_| is_above && is_mute) {
        fragmented.queue_in(technique.search_mut(), plan, now);
    }
}

fn copy_without_df(parts: &mut Parts, carrier: Name, now: Timestamp) {
    let echo_keeps_df = parts.notes.echo_replies().keeps_df;
    let Parts { techniques, no_df, plan, .. } = parts;
    let around = Surroundings::new(echo_keeps_df, techniques.iter().map(|technique| technique.search().log()));
    let echo_answers = techniques.using(Uses::Icmp).search().log().total_answered() > 0;
    let witness = NoDfCopy::witness(carrier, echo_answers, echo_keeps_df);
    if let Some(technique) = techniques.get_mut(witness) {
        no_df.queue_in(witness, around, technique.search_mut(), plan, now);
    }
}

fn reconsider(parts: &mut Parts, carrier: Name, outbox: &mut Outbox, now: Timestamp) -> bool {
    let (techniques, mut turn) = parts.split(outbox, now);
    techniques.get_mut(carrier).is_some_and(|technique| technique.reconsider(&mut turn))
}

/// Completes a segment of the suspected size with the next command, as soon as a pair stands and the server listens.
fn begin_real_bytes(parts: &mut Parts, outbox: &mut Outbox, now: Timestamp) {
    let search = parts.techniques.using(Uses::Connection).search();
    let Some((passes, suspect)) = search.confirming() else { return };
    let is_lossy = search.log().lost_below(passes);
    let is_tried = parts.real_bytes.is_running() || parts.real_bytes.pair() == Some((passes, suspect));
    let is_above = parts.tcp_limit().is_some_and(|limit| suspect > limit);
    // Beyond a closed window nothing is taken, whatever its size.
    let is_closed = parts.session.peer().window == 0;
    // Where loss makes pairs by chance, each would use up a command, and a server takes few.
    let may_be_chance = |proof: Proof| is_lossy && proof.p > SIGNIFICANCE;
    let is_early = search.proof().is_some_and(may_be_chance);
    if is_tried || is_above || is_closed || is_early || !parts.session.dialogue().is_ready() {
        return;
    }
    let Parts { plan, rtt, session, real_bytes, .. } = parts;
    real_bytes.begin(passes, suspect, is_lossy, &mut Turn { plan, rtt, session, outbox, in_order: None, now });
}

/// Looks for the hop, from the first loss on, unless nothing can be traced, or a PTB has named it already and that is enough.
fn follow_with_trace(parts: &mut Parts, carrier: Name, now: Timestamp) {
    let echo = parts.techniques.using(Uses::Icmp).search().log();
    let can_trace = parts.traces_over().is_some() || echo.total_answered() > 0;
    let limit = parts.tcp_limit();
    let Parts { plan, trace, session, ptbs, rtt, techniques, .. } = parts;
    let Some((search, about)) = techniques.get(carrier).map(|t| (t.search(), t.uses().packets())) else { return };
    trace.follow(
        (search.bracket(), search.confirming()),
        |passes| search.log().controls(passes),
        // Where TCP goes up to the very size that passes, it matters whether that is the server's own link.
        |(passes, lost)| can_trace && (!ptbs.may_speak_of(about, lost, passes) || limit == Some(passes)),
        session,
        plan,
        (now, rtt),
    );
}

/// Where TCP does not meet what vanishes: looks for what lowers the MSS.
fn look_for_clamp(parts: &mut Parts, carrier: Name, now: Timestamp) {
    let confirming = parts.techniques.get(carrier).and_then(|technique| technique.search().confirming());
    let is_below = confirming.zip(parts.tcp_limit()).is_some_and(|((_, suspect), limit)| suspect > limit);
    let is_its_own_size = confirming.map(|(passes, _)| passes) == parts.tcp_limit();
    let Parts { clamp, plan, session, rtt, trace, .. } = parts;
    if is_below && plan.first_hop == FirstHop::Router {
        clamp.begin(plan, likely_distance(session.arrived_with()));
    }
    // A link of the peer's own, or a path MTU that it remembers: the place tells.
    if is_below && is_its_own_size {
        trace.be_patient();
    }
    clamp.advance(now, rtt);
}

/// Asks a technique for its opinion on a pair, unless it is of no use or was asked before.
fn ask(parts: &mut Parts, name: Name, pair: Pair, now: Timestamp) {
    let Some(technique) = parts.techniques.get_mut(name) else { return };
    if technique.unusable().is_none() && !technique.search().has_started() {
        technique.search_mut().start_at(pair, now);
    }
}

fn advance_seconds(parts: &mut Parts, carrier: Name, now: Timestamp) {
    let is_asked =
        |other: &&dyn Technique| other.name() != carrier && other.search().has_started() && other.unusable().is_none();
    let seconds: Vec<Name> = parts.techniques.iter().filter(is_asked).map(Technique::name).collect();
    for second in seconds {
        if advance(parts, second, Role::Second { carrier }, now) == Progress::Nothing
            && let Some(technique) = parts.techniques.get_mut(second)
        {
            technique.rule_out(MethodReason::SmallProbesUnanswered);
        }
    }
}

/// SYNs have proven a pair and echo does not agree: the bytes of the conversation are asked, as nothing else is left.
pub(super) fn ask_real_bytes(parts: &mut Parts, carrier: Name, proof: Proof, now: Timestamp) {
    let echo = opinion_of(parts, Name::Echo, proof);
    let is_alone = echo.is_some_and(|second| !matches!(second, Second::Agrees(_)));
    if parts.uses(carrier, Uses::Syns) && is_alone {
        ask(parts, Name::RealBytes, proof.pair, now);
    }
}

/// What the search of a technique is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// It carries the verdict: what others tell counts for it.
    Carrier,
    /// It gives its opinion on what this one carries.
    Second { carrier: Name },
}

/// Takes the next step of a technique's search.
pub(super) fn advance(parts: &mut Parts, name: Name, role: Role, now: Timestamp) -> Progress {
    let (carrier, elsewhere) = match role {
        Role::Carrier => (name, parts.testimonies(name)),
        Role::Second { carrier } => (carrier, Vec::new()),
    };
    let Some(about) = parts.packets_of(carrier) else { return Progress::Nothing };
    let tcp_limit = parts.tcp_limit();
    let Parts { techniques, plan, ptbs, rtt, .. } = parts;
    let situation = Situation { plan, ptbs, about, tcp_limit, elsewhere: &elsewhere };
    match techniques.get_mut(name) {
        Some(technique) => technique.search_mut().advance(&situation, now, rtt),
        None => Progress::Nothing,
    }
}

/// SYNs with data are asked when the real bytes cannot speak: above the MSS, or without a conversation.
fn needs_syn(parts: &Parts, suspect: PacketSize, now: Timestamp) -> bool {
    let dialogue = parts.session.dialogue();
    let is_above = parts.tcp_limit().is_some_and(|limit| suspect > limit);
    let is_grace_over = parts.timers().is_over(Deadline::GreetingGrace, now);
    let is_mute = !dialogue.greeted() && is_grace_over || !dialogue.is_viable() || is_stuck(parts, now);
    let has_failed = parts.real_bytes.outcome() == Some(RealBytesOutcome::Unusable);
    is_above || is_mute || has_failed || parts.techniques.using(Uses::Connection).search().is_struggling()
}

/// The conversation has begun but the server takes no bytes, or no longer answers.
fn is_stuck(parts: &Parts, now: Timestamp) -> bool {
    let dialogue = parts.session.dialogue();
    let is_waiting = !parts.real_bytes.is_running() && !dialogue.is_ready() || parts.session.peer().window == 0;
    dialogue.greeted() && is_waiting && parts.timers().is_over(Deadline::ServerStuck, now)
}

/// Whether no further evidence is to be had that could change the verdict on a proven pair.
pub(super) fn is_all_said(parts: &Parts, carrier: Name, proof: Proof, now: Timestamp) -> bool {
    let is_idle = parts.techniques.get(carrier).is_some_and(|technique| technique.search().is_idle());
    if !parts.trace.is_over() || !parts.clamp.is_over(now, &parts.rtt) || !other_flows::are_compared(parts) || !is_idle
    {
        return false;
    }
    match carrier {
        Name::Echo => true,
        Name::SynData => {
            opinion_of(parts, Name::Echo, proof).is_some() && opinion_of(parts, Name::RealBytes, proof).is_some()
        }
        Name::RealBytes => opinion_of(parts, Name::Echo, proof).is_some(),
        Name::OldData | Name::SmtpData => is_all_said_over_connection(parts, proof, now),
    }
}

fn is_all_said_over_connection(parts: &Parts, proof: Proof, now: Timestamp) -> bool {
    let is_above = parts.tcp_limit().is_some_and(|limit| proof.suspect > limit);
    let seconds_are_in =
        || opinion_of(parts, Name::SynData, proof).is_some() && opinion_of(parts, Name::Echo, proof).is_some();
    match (parts.real_bytes.pair(), parts.real_bytes.outcome()) {
        // Made with another pair: it is made again if the server still listens.
        (Some(pair), _) if pair != (proof.pair.passes, proof.suspect) => {
            is_above || !parts.session.dialogue().may_go_on() || is_stuck(parts, now)
        }
        (Some(_), Some(RealBytesOutcome::Stalls | RealBytesOutcome::Passes)) => true,
        (Some(_), None) => false,
        _ if is_above => seconds_are_in(),
        _ => seconds_are_in() && (is_corroborated(parts, proof, now) || is_no_greeting_left(parts, now)),
    }
}

fn is_corroborated(parts: &Parts, proof: Proof, now: Timestamp) -> bool {
    let agrees = |name| matches!(opinion_of(parts, name, proof), Some(Second::Agrees(_)));
    let dialogue = parts.session.dialogue();
    let is_talking = dialogue.greeted() && dialogue.is_viable() && !parts.real_bytes.has_begun();
    (!is_talking || is_stuck(parts, now)) && (agrees(Name::SynData) || agrees(Name::Echo))
}

fn is_no_greeting_left(parts: &Parts, now: Timestamp) -> bool {
    let is_closed = parts.session.peer().window == 0 && is_stuck(parts, now);
    is_closed
        || parts.real_bytes.outcome().is_some()
        || parts.session.is_given_up()
        || parts.timers().is_over(Deadline::GreetingNeeded, now)
        || !parts.session.dialogue().is_viable()
}

/// What a second technique says about a proven pair; `None` while it has not finished.
fn opinion_of(parts: &Parts, name: Name, proof: Proof) -> Option<Second> {
    let technique = parts.techniques.get(name)?;
    opinion(technique.search(), technique.uses(), technique.unusable().is_none(), proof)
}

/// A router may have spent its ration on others: on packets that taught this host's kernel a path MTU before the run, or on our
/// own echo requests. It is asked again, slowly (Linux gives one address one message a second), as often as loss demands.
/// Returns whether it is being asked now.
pub(super) fn ask_rationed_router(parts: &mut Parts, carrier: Name, proof: Proof, now: Timestamp) -> bool {
    let Some(about) = parts.packets_of(carrier) else { return false };
    let pair = Pair { passes: proof.pair.passes, lost: proof.suspect };
    if !parts.may_ration(carrier, pair) || !parts.may_ask_again() {
        return false;
    }
    let size = parts.size_in_question(about, pair);
    let at = parts.ptb_due_since(carrier).unwrap_or(now) + RATION * parts.notes.ask_slowly();
    // Probes of others would use up the message that this one waits for.
    parts.techniques.rest_others(carrier, at + parts.rtt.or_guess());
    let Some(technique) = parts.techniques.get_mut(carrier) else { return false };
    technique.search_mut().queue(size, ProbeKind::Sized, at);
    technique.search_mut().queue(proof.pair.passes, ProbeKind::Sized, at);
    true
}

/// Whether a PTB about what is lost may still come, without which the verdict would be that none does. Segments above the MSS
/// that another technique's packets outgrow are lost in no hole, so no message is due.
pub(super) fn awaits_late_ptb(parts: &mut Parts, carrier: Name, proof: Proof, now: Timestamp) -> bool {
    let is_above = parts.tcp_limit().is_some_and(|limit| proof.suspect > limit);
    let refutes = |second| opinion_of(parts, second, proof) == Some(Second::Refutes);
    let is_over_connection = parts.packets_of(carrier) == Some(PacketKind::Segment);
    let is_refuted = is_over_connection && is_above && (refutes(Name::SynData) || refutes(Name::Echo));
    let Some(since) = parts.ptb_due_since(carrier).filter(|_| !is_refuted) else { return false };
    parts.notes.await_ptb(since);
    !parts.timers().is_over(Deadline::LatePtb, now)
}
