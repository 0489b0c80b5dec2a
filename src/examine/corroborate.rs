//! What runs beside the search once large packets are seen to vanish: real bytes, other techniques, the twin, the trace; and
//! when all of them have said what they can.

use std::time::Duration;

use crate::model::{Family, MethodReason, PacketSize, Technique, Timestamp};

use super::campaign::{Progress, Proof};
use super::connection::{MOST_TRIES, State};
use super::fisher::{SIGNIFICANCE, Trials, p_value};
use super::in_order::{InOrder, LARGE_TRIES, Outcome};
use super::judge::{Second, Twin};
use super::lane::Kind;
use super::search::Pair;
use super::trace::Trace;
use super::{Examination, Track};

/// How long a greeting is awaited when nothing else can corroborate a hole: postscreen's and Exim's delays are 6 s and less.
pub(super) const GREETING_NEEDED: Duration = Duration::from_secs(12);
/// How long after the first loss other techniques wait for a greeting to come instead.
pub(super) const GREETING_GRACE: Duration = Duration::from_millis(300);
/// How long a server may take for a reply before other techniques are asked as well.
const STUCK_AFTER: Duration = Duration::from_secs(2);
/// A little more than a router waits between two messages to one address.
const RATION: Duration = Duration::from_millis(1100);
/// And how often it is asked at most.
const MOST_ASKS: u32 = 12;
/// Largest p at which a second technique, its probes used up, still counts as agreeing.
const SECOND_SIGNIFICANCE: f64 = 0.05;
/// Twins in the first batch, and in a second one when the path loses packets of any size.
const TWINS: [u32; 2] = [3, 12];
/// Largest p at which lost twins beside answered fragments mean more than chance, on a lossy path.
const TWIN_SIGNIFICANCE: f64 = 0.001;

impl Examination {
    /// What runs beside the search once large packets are seen to vanish: real bytes, other techniques, the twin.
    pub(super) fn meanwhile(&mut self, technique: Technique, now: Timestamp) {
        let over_tcp = matches!(technique, Technique::OldData | Technique::SmtpData);
        if over_tcp && !self.speed_up_serial(now) {
            self.run_dialogue(now);
        }
        self.run_trace(technique, now);
        self.compare_flows(technique, now);
        let Some((passes, suspect)) = self.track(technique).campaign.confirming() else { return };
        let pair = Pair { passes, lost: suspect };
        if technique != Technique::Echo {
            self.ask_echo(pair, now);
        }
        self.send_twins(technique, now);
        if over_tcp && self.needs_syn(suspect, now) {
            ask(&mut self.syn, pair, now);
        }
        for second in [Technique::SynData, Technique::Echo] {
            let asked = second != technique && self.track(second).campaign.has_started();
            if asked && self.track(second).dead.is_none() && self.advance(second, now) == Progress::Nothing {
                self.track_mut(second).dead = Some(MethodReason::SmallProbesUnanswered);
            }
        }
    }

    /// Looks for the hop, from the first loss on, unless a PTB has named it already or nothing can be traced.
    fn run_trace(&mut self, technique: Technique, now: Timestamp) {
        let campaign = &self.track(technique).campaign;
        let pair = campaign.confirming();
        let Some((passes, lost)) = pair.or_else(|| campaign.bracket()) else { return };
        let controls = campaign.lane.controls(passes);
        if let (Some(trace), Some((passes, lost))) = (&mut self.trace, pair) {
            if trace.refine(passes, lost) {
                trace.advance(now, &self.rtt, controls);
                return;
            }
            // Chance had taken a smaller size: what was learnt is about nothing.
            self.trace = None;
        } else if self.trace.is_some() {
            return;
        }
        let can_trace = self.can_trace_by_tcp() || self.echo.campaign.lane.total_answered() > 0;
        if can_trace && !self.ptb.speaks_of(lost) {
            self.trace = Some(Trace::new(passes, lost, self.arrived_with));
        }
    }

    /// With answers that name no probe, those that get through would be taken for others.
    pub(super) fn can_trace_by_tcp(&self) -> bool {
        self.connection.state() == State::Open && !self.tcp.campaign.serial
    }

    fn ask_echo(&mut self, pair: Pair, now: Timestamp) {
        if self.echo.campaign.lane.total_answered() > 0 {
            ask(&mut self.echo, pair, now);
        }
    }

    /// SYNs with data are asked when the real bytes cannot speak: above the MSS, or without a conversation.
    fn needs_syn(&self, suspect: PacketSize, now: Timestamp) -> bool {
        let above = self.tcp_limit().is_some_and(|limit| suspect > limit);
        let grace = self.open_since.unwrap_or(self.started) + GREETING_GRACE.max(self.rtt.or_guess() * 3);
        let mute = !self.dialogue.greeted() && now >= grace || !self.dialogue.is_viable() || self.is_stuck(now);
        let failed = self.in_order.as_ref().and_then(InOrder::outcome) == Some(Outcome::Unusable);
        above || mute || failed || self.tcp.campaign.is_struggling()
    }

    /// The conversation has begun but the server takes no bytes, or no longer answers.
    pub(super) fn is_stuck(&self, now: Timestamp) -> bool {
        let running = self.in_order.as_ref().is_some_and(|experiment| experiment.outcome().is_none());
        let waiting = !running && !self.dialogue.is_ready() || self.connection.peer().window == 0;
        self.dialogue.greeted() && waiting && now >= self.last_word + STUCK_AFTER.max(self.rtt.or_guess() * 4)
    }

    /// Completes a segment of the suspected size with the next command, as soon as a pair stands and the server listens.
    fn run_dialogue(&mut self, now: Timestamp) {
        let Some((passes, suspect)) = self.tcp.campaign.confirming() else { return };
        let running = self.in_order.as_ref().is_some_and(|x| x.outcome().is_none() || x.pair() == (passes, suspect));
        if running || !self.dialogue.is_ready() || self.tcp_limit().is_some_and(|limit| suspect > limit) {
            return;
        }
        let family = self.plan.family();
        let (payload, cut) = (suspect.tcp_payload(family).max(1), passes.tcp_payload(family).max(1));
        if self.dialogue.hold_next(&mut self.connection, payload) {
            let end = self.connection.held_end();
            let tries = LARGE_TRIES[usize::from(self.tcp.campaign.lane.lost_below(passes))];
            self.in_order = Some(InOrder::new(suspect, passes, payload, cut, end, tries, now));
        }
    }

    /// The lost size without DF, and tiny fragments as its control (IPv4).
    fn send_twins(&mut self, technique: Technique, now: Timestamp) {
        let witness = twin_witness(technique);
        let campaign = &self.track(witness).campaign;
        let Some((passes, lost)) = campaign.confirming().filter(|_| self.plan.family() == Family::V4) else { return };
        let lossy = campaign.lane.lost_below(passes);
        let unanswered = campaign.lane.trials(lost, Kind::Twin).answered == 0;
        let queued = if self.twinned == Some(lost) { self.twins_queued } else { 0 };
        let wanted = match queued {
            0 => TWINS[0],
            n if n < TWINS[1] && lossy && unanswered && campaign.lane.is_idle() => TWINS[1] - n,
            _ => return,
        };
        self.twinned = Some(lost);
        self.twins_queued = queued;
        self.twins_queued += wanted;
        let lane = &mut self.track_mut(witness).campaign.lane;
        for _ in 0..wanted {
            lane.queue(lost, Kind::Twin, now);
            lane.queue(FRAGMENTED, Kind::Fragments, now);
        }
        lane.queue(passes, Kind::Sized, now);
    }

    pub(super) fn twin(&self, technique: Technique) -> Twin {
        let lane = &self.track(twin_witness(technique)).campaign.lane;
        let Some(lost) = self.twinned else { return Twin::Untested };
        let (twins, fragments) = (lane.trials(lost, Kind::Twin), lane.trials_of_kind(Kind::Fragments));
        let lossy = lane.largest_answered().is_some_and(|passes| lane.lost_below(passes));
        match (twins.total, twins.answered) {
            (0, _) => Twin::Untested,
            (_, 1..) => Twin::Passes,
            _ if fragments.answered == 0 => Twin::Uninformative,
            // Two fragments are lost more often than one packet, so on a lossy path chance has to be ruled out.
            _ if lossy && p_value(fragments, twins) > TWIN_SIGNIFICANCE => Twin::Uninformative,
            _ => Twin::Lost,
        }
    }

    /// Whether no further evidence is to be had that could change the verdict on a proven pair.
    pub(super) fn all_is_said(&self, technique: Technique, proof: Proof, now: Timestamp) -> bool {
        let traced = self.trace.as_ref().is_none_or(Trace::is_over);
        if !traced || !self.flows_are_compared() || !self.track(technique).campaign.lane.is_idle() {
            return false;
        }
        match technique {
            Technique::Echo => true,
            Technique::SynData => self.opinion(Technique::Echo, proof).is_some(),
            Technique::OldData | Technique::SmtpData => {
                let above = self.tcp_limit().is_some_and(|limit| proof.suspect > limit);
                match self.in_order.as_ref().map(|experiment| (experiment.pair(), experiment.outcome())) {
                    // Made with another pair: it is made again if the server still listens.
                    Some((pair, _)) if pair != (proof.pair.passes, proof.suspect) => {
                        above || !self.dialogue.may_go_on() || self.is_stuck(now)
                    }
                    Some((_, Some(Outcome::Stalls | Outcome::Passes))) => true,
                    Some((_, None)) => false,
                    _ if above => self.second_opinions_are_in(proof),
                    _ => {
                        self.second_opinions_are_in(proof)
                            && (self.is_corroborated(proof, now) || self.no_greeting_left(now))
                    }
                }
            }
        }
    }

    /// Whether this host's kernel had a PTB before the first probe.
    pub(super) fn remembers_a_message(&self) -> bool {
        self.plan.kernel_path_mtu.is_some_and(|kernel| kernel < self.plan.local_mtu)
    }

    /// A cached path MTU is the trace of a PTB that did reach this kernel, so the router may have spent its ration on others.
    /// It is asked again, slowly (Linux gives one address one message a second), as often as loss demands.
    pub(super) fn asks_a_rationed_router(&mut self, technique: Technique, proof: Proof, now: Timestamp) -> bool {
        if self.asked_slowly || !self.remembers_a_message() {
            return false;
        }
        self.asked_slowly = true;
        let full = self.tcp_limit().unwrap_or(self.plan.max_size).min(self.plan.max_size).max(proof.suspect);
        let asks = self.silences_needed().min(MOST_ASKS);
        let lane = &mut self.track_mut(technique).campaign.lane;
        for nth in 1..=asks {
            lane.queue(full, Kind::Sized, now + RATION * nth);
            lane.queue(proof.pair.passes, Kind::Sized, now + RATION * nth);
        }
        true
    }

    fn second_opinions_are_in(&self, proof: Proof) -> bool {
        self.opinion(Technique::SynData, proof).is_some() && self.opinion(Technique::Echo, proof).is_some()
    }

    fn is_corroborated(&self, proof: Proof, now: Timestamp) -> bool {
        let agrees = |technique| matches!(self.opinion(technique, proof), Some(Second::Agrees(_)));
        let talking = self.dialogue.greeted() && self.dialogue.is_viable() && self.in_order.is_none();
        (!talking || self.is_stuck(now)) && (agrees(Technique::SynData) || agrees(Technique::Echo))
    }

    fn no_greeting_left(&self, now: Timestamp) -> bool {
        let unusable = self.in_order.as_ref().and_then(InOrder::outcome).is_some();
        let stuck = self.connection.tries() >= MOST_TRIES;
        let waited = now >= self.open_since.unwrap_or(self.started) + GREETING_NEEDED;
        unusable || stuck || waited || !self.dialogue.is_viable()
    }

    /// What a second technique says about a proven pair; `None` while it has not finished.
    pub(super) fn opinion(&self, technique: Technique, proof: Proof) -> Option<Second> {
        let track = self.track(technique);
        if track.dead.is_some() {
            return Some(Second::Mute);
        }
        if !track.campaign.has_started() {
            // Echo is asked only if small requests were answered; SYNs only if needed.
            return (technique == Technique::Echo).then_some(Second::Mute);
        }
        let lane = &track.campaign.lane;
        let passes = lane.largest_answered().filter(|_| lane.is_idle())?;
        if passes >= proof.suspect {
            return Some(Second::Refutes)
                .filter(|_| passes >= track.campaign.bounds.max || technique == Technique::Echo);
        }
        let found = track.campaign.proof()?;
        match found.p <= SIGNIFICANCE {
            true if found.pair.passes == proof.pair.passes => Some(Second::Agrees(found.p)),
            true => Some(Second::Differs(found)),
            // As a second witness, less will do: the first one's statistics stand on their own.
            false if !track.campaign.is_exhausted() => None,
            false if found.p <= SECOND_SIGNIFICANCE && found.pair.passes == proof.pair.passes => {
                Some(Second::Agrees(found.p))
            }
            false => Some(Second::Mute),
        }
    }

    /// What real bytes and the other techniques add to the statistics of the one that carries the verdict.
    pub(super) fn testimonies(&self, technique: Technique) -> Vec<(PacketSize, PacketSize, Trials, Trials)> {
        let over_tcp = matches!(technique, Technique::OldData | Technique::SmtpData);
        let real_bytes = self.in_order.as_ref().filter(|_| over_tcp).and_then(|experiment| {
            let ((passes, suspect), (control, suspected)) = (experiment.pair(), experiment.trials()?);
            Some((passes, suspect, control, suspected))
        });
        let others = [Technique::SynData, Technique::Echo].into_iter().filter(|&other| other != technique);
        others.filter_map(|other| self.track(other).campaign.testimony()).chain(real_bytes).collect()
    }
}

/// The technique whose twins speak for another: a SYN in pieces would be dropped by too many firewalls.
fn twin_witness(technique: Technique) -> Technique {
    if technique == Technique::SynData { Technique::Echo } else { technique }
}

/// Asks a technique for its opinion on a pair, unless it is of no use or was asked before.
fn ask(track: &mut Track, pair: Pair, now: Timestamp) {
    if track.dead.is_none() && !track.campaign.has_started() {
        track.campaign.start_at(pair, now);
    }
}

/// A packet that is sent in tiny fragments.
const FRAGMENTED: PacketSize = PacketSize::new(160);
