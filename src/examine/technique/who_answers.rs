//! Who answers TCP: small probes whose TTL ends before the target. Whoever answers them as the target would stands nearer.
//!
//! * A SYN with TTL 1 leaves beside the first one, from a port of its own.
//! * Unless a router says that it ended there, old data with TTL 1 follows on the open connection.
//! * Old data leaves with one hop less than the target's distance, as the TTL of its echo replies tells it. So does a SYN, where
//!   SYNs are witnesses or answers on the connection name nothing.
//!
//! * Where answers name nothing, old data with one hop less leaves once nothing else is on the way over the connection: the answer can
//!   be to nothing else. It has to come twice.
//! * An echo request leaves late, where segments were acknowledged far sooner than the SYN was answered.
//!
//! What stays silent leaves again, as often as loss demands. The way there may be shorter than the way back, and some gateways
//! count no hop. So an answer accuses nobody before echo requests with the same TTL were tried: if the target answers those, and
//! as soon, it is that near.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{
    Body, Echo, FirstFlight, FirstHop, Meaning, MethodChoice, Outgoing, Plan, Probe, SeqNumber, Technique as Name,
    Timestamp, Ttl,
};

use super::super::rtt::RttEstimator;
use super::super::search::ProbeKey;
use super::super::session::{RangeUser, TcpState};
use super::interface::Turn;
use super::knowledge::{Asking, Knowledge};
use super::limited_probe::{Limited, Vehicle};

/// Somebody nearer than the target who answers in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nearer {
    /// The least TTL with which he was reached.
    pub(crate) hop: Ttl,
    pub(crate) answers: NearAnswers,
}

/// What somebody nearer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NearAnswers {
    /// SYNs and what follows them: the connection ends there.
    All,
    /// SYNs alone: the target answers what follows.
    Syns,
    /// SYNs, by resets.
    Refusals,
}

/// The question who answers, as far as it has come.
#[derive(Clone, Debug)]
pub(crate) struct WhoAnswers {
    is_asked: bool,
    /// Whether echo may be used as a control.
    has_echo: bool,
    /// After a flight of two sizes one segment, with the largest TTL that ends before the target, asks everybody in front of it.
    flight: FirstFlight,
    /// Whether a SYN with TTL 1 leaves in any case: the MSS in its quote tells who lowers it.
    wants_mss: bool,
    queue: VecDeque<(Vehicle, u8)>,
    probes: Vec<Limited>,
    /// Routers in front of the target, by the TTL that its echo replies have left.
    routers: Option<u8>,
    /// The MSS in our SYN, as the first router quotes it.
    first_hop_mss: Option<u16>,
    knowledge: Option<Knowledge>,
}

/// Echo sequence numbers begin here, far from those of other requests.
const FIRST_ECHO: u16 = 0x6000;
/// Bytes that each probe carries beside its headers.
const PAYLOAD: usize = 8;
/// A late answer to something else may look like one to a lone segment, but not twice.
const LONE_ANSWERS: usize = 2;
/// Echo requests that must stay silent before an answer to TCP with the same TTL accuses somebody: more than loss explains.
const ECHOES: usize = 3;
/// A target that is near answers echo about as soon as TCP.
const MOST_LATER: u32 = 2;
const LATENESS_ALLOWED: Duration = Duration::from_millis(2);
/// The TTL of an echo request that goes all the way.
const WHOLE_WAY: u8 = 64;

impl WhoAnswers {
    pub(crate) fn new(plan: &Plan) -> Self {
        let has_port = plan.local_ports.len() > 1;
        Self {
            is_asked: plan.first_hop == FirstHop::Router && plan.method != MethodChoice::Icmp && has_port,
            has_echo: plan.method != MethodChoice::Tcp,
            flight: plan.first_flight,
            wants_mss: plan.direction.is_reverse(),
            queue: VecDeque::new(),
            probes: Vec::new(),
            routers: None,
            first_hop_mss: None,
            knowledge: None,
        }
    }

    /// Whether the question is asked at all.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// An echo reply of the target arrived from behind so many routers.
    pub(crate) fn heard_from_behind(&mut self, routers: u8) {
        self.routers = self.routers.or(Some(routers));
    }

    /// Asks what is to be asked next, and gives up what was silent for too long.
    pub(crate) fn advance(&mut self, knowledge: Knowledge, now: Timestamp, rtt: &RttEstimator) {
        if !self.is_asked {
            return;
        }
        self.knowledge = Some(knowledge);
        for probe in self.probes.iter_mut().filter(|probe| probe.is_waiting() && now >= probe.due(rtt)) {
            probe.give_up();
        }
        if self.wants_mss || knowledge.is_syn_of_use() {
            self.ask(Vehicle::Syn, 1);
        }
        // Who takes a connection answers its SYN. Routers send few time-exceeded messages, and the trace needs them.
        if knowledge.names && !self.has_expired(Vehicle::Syn, 1) && !self.asks_further_away(knowledge) {
            self.ask(Vehicle::Segment, 1);
        }
        if let Some(before_target) = self.routers.filter(|&routers| routers > 1)
            && knowledge.state != TcpState::Connecting
        {
            if knowledge.names {
                self.ask(Vehicle::Segment, before_target);
            }
            if knowledge.needs_syns || !knowledge.names {
                self.ask(Vehicle::Syn, before_target);
            }
        }
        if self.has_echo && knowledge.times.are_odd() {
            self.ask(Vehicle::LateEcho, WHOLE_WAY);
        }
        self.follow_answers();
    }

    /// Whether a segment that gets further, or may soon, asks the first router as well: whoever takes a connection takes it there.
    fn asks_further_away(&self, knowledge: Knowledge) -> bool {
        let is_awaited = knowledge.asking == Asking::Sparingly { is_echo_awaited: true };
        self.flight == FirstFlight::TwoSizes && (is_awaited || self.routers.is_some_and(|routers| routers > 1))
    }

    /// Nothing else is on the way over the connection, whose answers name nothing: asks who answers there, one segment at a time, from
    /// the hop before the target on down to the first one that does not answer.
    pub(crate) fn ask_alone(&mut self) {
        let Some(before_target) = self.routers.filter(|&routers| routers > 1 && self.is_asked) else { return };
        if !self.is_settled() {
            return;
        }
        let answering = (2..=before_target).rev().take_while(|&ttl| self.lone_answers(ttl) >= LONE_ANSWERS).last();
        let ttl = answering.map_or(before_target, |lowest| lowest - 1);
        // Where a router says that one ended there, nobody nearer had taken it.
        if ttl < 2 || self.has_expired(Vehicle::LoneSegment, ttl) {
            return;
        }
        let silent = self.lone_probes(ttl).filter(|probe| probe.is_silent()).count();
        if silent < self.silences_needed() {
            self.queue.push_back((Vehicle::LoneSegment, ttl));
        }
    }

    fn lone_probes(&self, ttl: u8) -> impl Iterator<Item = &Limited> {
        self.probes.iter().filter(move |probe| (probe.vehicle, probe.ttl) == (Vehicle::LoneSegment, ttl))
    }

    /// How often a probe may stay silent before loss no longer explains it.
    fn silences_needed(&self) -> usize {
        self.knowledge.map_or(1, |knowledge| knowledge.silences as usize)
    }

    fn lone_answers(&self, ttl: u8) -> usize {
        self.lone_probes(ttl).filter(|probe| probe.is_answered()).count()
    }

    /// Takes an answer without a name while a lone segment is on the way.
    pub(crate) fn answered_alone(&mut self, now: Timestamp) -> Option<Probe> {
        let is_it = |probe: &&mut Limited| probe.vehicle == Vehicle::LoneSegment && probe.is_waiting();
        let probe = self.probes.iter_mut().find(is_it)?;
        probe.answer(now);
        Some(probe.probe())
    }

    /// After an answer: the control, and where it accuses, whether somebody still nearer answers.
    fn follow_answers(&mut self) {
        let Some(nearest) = self.nearest_answer() else { return };
        // Where answers name nothing, a router's word that a segment ended there tells a SYN proxy from somebody who takes all.
        let is_nameless = matches!(self.knowledge, Some(Knowledge { state: TcpState::Open, names: false, .. }));
        if is_nameless && nearest.vehicle == Vehicle::Syn {
            self.ask(Vehicle::Segment, nearest.ttl);
        }
        let is_controlled = self.probes.iter().any(|probe| probe.vehicle == Vehicle::Echo && probe.ttl >= nearest.ttl)
            || self.queue.iter().any(|(vehicle, ttl)| *vehicle == Vehicle::Echo && *ttl >= nearest.ttl);
        if self.needs_control(nearest.ttl) && !is_controlled {
            self.queue.extend((0..ECHOES).map(|_| (Vehicle::Echo, nearest.ttl)));
        } else if self.is_settled() && !self.is_excused(nearest) && nearest.vehicle != Vehicle::LoneSegment {
            let least = if self.flight == FirstFlight::TwoSizes { 1 } else { 2 };
            for ttl in least..nearest.ttl {
                self.ask(nearest.vehicle, ttl);
            }
        }
    }

    /// Asks once, and again where loss may have taken question or answer.
    fn ask(&mut self, vehicle: Vehicle, ttl: u8) {
        let mut asked = self.probes.iter().filter(|probe| (probe.vehicle, probe.ttl) == (vehicle, ttl));
        let is_silent = asked.clone().all(Limited::is_silent);
        let may_ask = asked.next().is_none() || is_silent && asked.count() + 1 < self.silences_needed();
        if may_ask && !self.queue.contains(&(vehicle, ttl)) {
            self.queue.push_back((vehicle, ttl));
        }
    }

    fn has_expired(&self, vehicle: Vehicle, ttl: u8) -> bool {
        self.probes.iter().any(|probe| (probe.vehicle, probe.ttl) == (vehicle, ttl) && probe.has_expired())
    }

    /// Whether every question has its answer, or was silent for long enough.
    pub(crate) fn is_settled(&self) -> bool {
        self.queue.is_empty() && !self.probes.iter().any(Limited::is_waiting)
    }

    /// Who answers nearer than the target, once that is settled.
    pub(crate) fn nearer(&self) -> Option<Nearer> {
        let nearest = self.nearest_answer().filter(|nearest| self.is_settled() && !self.is_excused(*nearest))?;
        Some(Nearer { hop: Ttl(nearest.ttl), answers: self.what_is_answered() })
    }

    /// Whether segments are acknowledged far sooner than the SYN and a late echo request were answered.
    pub(crate) fn acks_come_too_soon(&self) -> bool {
        let mut late = self.probes.iter().filter(|probe| probe.vehicle == Vehicle::LateEcho).filter_map(Limited::after);
        let Some(times) = self.knowledge.map(|knowledge| knowledge.times).filter(|times| times.are_odd()) else {
            return false;
        };
        late.next().is_some_and(|first| times.is_segment_sooner_than(late.fold(first, Duration::min)))
    }

    fn what_is_answered(&self) -> NearAnswers {
        let is_segment = |probe: &&Limited| matches!(probe.vehicle, Vehicle::Segment | Vehicle::LoneSegment);
        match self.knowledge {
            Some(Knowledge { state: TcpState::Refused, .. }) => NearAnswers::Refusals,
            _ if self.probes.iter().any(|probe| is_segment(&probe) && probe.is_answered()) => NearAnswers::All,
            Some(Knowledge { names: true, .. }) if self.probes.iter().any(|probe| is_segment(&probe)) => {
                NearAnswers::Syns
            }
            _ if self.probes.iter().any(|probe| is_segment(&probe) && probe.has_expired()) => NearAnswers::Syns,
            _ => NearAnswers::All,
        }
    }

    /// The answer to TCP with the least TTL; of several, the one that came soonest.
    fn nearest_answer(&self) -> Option<Limited> {
        let is_tcp = |probe: &&Limited| match probe.vehicle {
            Vehicle::Syn | Vehicle::Segment => true,
            Vehicle::LoneSegment => self.lone_answers(probe.ttl) >= LONE_ANSWERS,
            Vehicle::Echo | Vehicle::LateEcho => false,
        };
        let answered = self.probes.iter().filter(is_tcp).filter(|probe| probe.is_answered());
        answered.min_by_key(|probe| (probe.ttl, probe.after())).copied()
    }

    /// Behind a router, an open connection whose answers name nothing is that of a program that stands in for the target.
    fn needs_control(&self, ttl: u8) -> bool {
        let is_stand_in = matches!(self.knowledge, Some(Knowledge { state: TcpState::Open, names: false, .. }));
        self.has_echo && !(ttl == 1 && is_stand_in)
    }

    /// Whether the target itself is that near: it answers echo requests with no more TTL, and about as soon.
    fn is_excused(&self, nearest: Limited) -> bool {
        let limit = nearest.after().map_or(Duration::MAX, |after| after * MOST_LATER + LATENESS_ALLOWED);
        let echoes = self.probes.iter().filter(|probe| probe.vehicle == Vehicle::Echo && probe.ttl <= nearest.ttl);
        self.needs_control(nearest.ttl) && echoes.filter_map(Limited::after).any(|after| after <= limit)
    }

    /// The next probe that is due.
    pub(crate) fn due(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let (vehicle, ttl) = self.queue.pop_front()?;
        let plan = turn.plan;
        let (key, body) = match vehicle {
            Vehicle::Syn => {
                let port = plan.local_ports.last().copied()?;
                let isn = SeqNumber(turn.outbox.random() as u32);
                (ProbeKey::Syn { port, isn }, Body::Tcp(turn.outbox.syn(plan, port, isn)))
            }
            Vehicle::Segment | Vehicle::LoneSegment => {
                let (start, end, segment) = turn.session.old_segment(PAYLOAD, Name::OldData, RangeUser::WhoAnswers)?;
                (ProbeKey::Range { start, end }, Body::Tcp(segment))
            }
            Vehicle::Echo | Vehicle::LateEcho => {
                let seq = FIRST_ECHO + self.probes.len() as u16;
                let echo = Echo { ident: plan.echo_ident, seq, payload_len: PAYLOAD as u32 };
                (ProbeKey::Echo(seq), Body::EchoRequest(echo))
            }
        };
        let size = body.size(plan.family()).unwrap_or(plan.min_size);
        let probe = Limited::new(vehicle, ttl, size, key, turn.now);
        self.probes.push(probe);
        Some(turn.outbox.limited(body, Ttl(ttl), Meaning::Probe(probe.probe())))
    }

    /// When to send, or when the next silence has lasted long enough.
    pub(crate) fn next_timeout(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        if !self.queue.is_empty() {
            return Some(Timestamp::ZERO);
        }
        let waiting = self.probes.iter().filter(|probe| probe.is_waiting());
        waiting.map(|probe| probe.due(rtt)).min()
    }

    /// Takes an answer, as the target gives it, to the probe that a key names.
    pub(crate) fn answered(&mut self, now: Timestamp, is_it: impl Fn(&ProbeKey) -> bool) -> Option<Probe> {
        let probe = self.probes.iter_mut().find(|probe| is_it(&probe.key))?;
        probe.answer(now);
        Some(probe.probe())
    }

    /// The MSS with which our SYN reached the first router, if that quotes so much of it.
    pub(crate) fn first_hop_mss(&self) -> Option<u16> {
        self.first_hop_mss
    }

    /// Takes a router's word that the probe ended there which a key names. `mss`: that of a SYN, as it is quoted.
    pub(crate) fn expired(&mut self, mss: Option<u16>, is_it: impl Fn(&ProbeKey) -> bool) -> Option<Probe> {
        let probe = self.probes.iter_mut().find(|probe| is_it(&probe.key))?;
        if (probe.vehicle, probe.ttl) == (Vehicle::Syn, 1) {
            self.first_hop_mss = mss;
        }
        probe.expire();
        Some(probe.probe())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::PacketSize;

    use super::super::knowledge::AnswerTimes;

    use super::*;

    const BEFORE_TARGET: u8 = 3;
    const SILENCES: u32 = 4;

    /// How many lone segments leave where the first one seems answered and each of the others has this fate.
    fn lone_segments(fate: impl Fn(&mut Limited)) -> usize {
        let times = AnswerTimes { handshake: None, segment: None };
        let state = TcpState::Open;
        let asking = Asking::Freely;
        let knowledge = Knowledge { state, names: false, needs_syns: false, silences: SILENCES, times, asking };
        let mut who = WhoAnswers {
            is_asked: true,
            has_echo: true,
            flight: FirstFlight::Ladder,
            wants_mss: true,
            queue: VecDeque::new(),
            probes: Vec::new(),
            routers: Some(BEFORE_TARGET),
            first_hop_mss: None,
            knowledge: Some(knowledge),
        };
        for seq in 0..100 {
            who.ask_alone();
            let Some((vehicle, ttl)) = who.queue.pop_front() else { break };
            let mut probe = Limited::new(vehicle, ttl, PacketSize::new(68), ProbeKey::Echo(seq), Timestamp::ZERO);
            if seq == 0 {
                probe.answer(Timestamp::ZERO);
            } else {
                fate(&mut probe);
            }
            who.probes.push(probe);
        }
        who.probes.len()
    }

    /// A late answer to something else seems to be one to the first.
    #[test]
    fn a_lone_segment_that_seems_answered_is_not_repeated_without_end() {
        assert_eq!(lone_segments(Limited::expire), 2);
        assert_eq!(lone_segments(Limited::give_up), 1 + SILENCES as usize);
    }

    /// Two answers accuse somebody at that hop; then whether he is nearer still.
    #[test]
    fn answers_are_followed_down_to_the_first_router() {
        assert_eq!(lone_segments(|probe| probe.answer(Timestamp::ZERO)), LONE_ANSWERS * usize::from(BEFORE_TARGET - 1));
    }
}
