//! The end of an examination: evidence to judgement, then the connection is closed in order.

use crate::model::{DialogueTrouble, Examined, MethodChoice, PacketSize, Technique, Timestamp};

use super::campaign::Progress;
use super::connection::State;
use super::in_order::{InOrder, Outcome};
use super::judge::{Carried, Evidence, Second, Silence, Twin, judge};
use super::lane::Fate;
use super::overrun::{rests_on_silence, without_silence};
use super::{CLOSE_PATIENCE, CaptureOverrun, Examination, GREETING_PATIENCE, Stage, dialogue};

impl Examination {
    /// Gathers the evidence, judges, and turns to closing the connection.
    pub(super) fn conclude(&mut self, now: Timestamp) {
        let evidence = self.evidence(now);
        let judgement = judge(&evidence);
        let examined = self.summarise(&evidence, judgement, now);
        let examined = self.with_flows(examined);
        let examined = self.unless_not_asked(examined);
        self.reset_flows();
        for flight in self.syn.campaign.lane.flights().to_vec() {
            if !matches!(flight.fate, Fate::Answered(_)) {
                self.reset_syn(flight.key);
            }
        }
        for track in [&mut self.tcp, &mut self.syn, &mut self.echo] {
            track.campaign.lane.clear_queue();
        }
        self.in_order = None;
        self.connection.release();
        self.turn_back(examined, now);
    }

    /// The verdicts stand: what remains is to close the connection.
    pub(super) fn close_after(&mut self, examined: Examined, now: Timestamp) {
        self.examined = Some(self.judged_after_overrun(examined));
        self.stage = Stage::Closing { greeting_until: now + GREETING_PATIENCE, deadline: now + CLOSE_PATIENCE };
    }

    fn judged_after_overrun(&mut self, examined: Examined) -> Examined {
        if self.capture_overrun == CaptureOverrun::None || !rests_on_silence(&examined) {
            return examined;
        }
        self.capture_overrun = CaptureOverrun::SpoiltVerdict;
        without_silence(examined)
    }

    fn evidence(&mut self, now: Timestamp) -> Evidence {
        let technique = self.carrier(now).filter(|_| !self.nothing_answered());
        let carried = technique.map(|technique| (technique, self.carried(technique, now)));
        let passes = carried.and_then(|(_, carried)| match carried {
            Carried::Discoverable(pair) => Some(pair.passes),
            Carried::Proven(proof) | Carried::Noisy(proof) => Some(proof.pair.passes),
            Carried::Full | Carried::Unfinished(_) => None,
        });
        let limit = self.tcp_limit();
        let walk =
            |from: PacketSize, passes| self.ptb.walk(from, passes, self.plan.family(), self.plan.kernel_min_pmtu);
        let seconds = match carried {
            Some((technique, Carried::Proven(proof))) => [Technique::SynData, Technique::Echo]
                .into_iter()
                .filter(|&second| second != technique)
                .map(|second| (second, self.opinion(second, proof).unwrap_or(Second::Mute)))
                .collect(),
            _ => Vec::new(),
        };
        Evidence {
            carried,
            reached: !self.nothing_answered(),
            silence: self.silence_so_far(now),
            start: self.plan.max_size,
            sends_larger: limit.unwrap_or(self.plan.local_mtu).max(self.plan.max_size) > self.plan.max_size,
            tcp_limit: limit,
            path_walk: passes.map(|passes| walk(self.plan.max_size, passes)),
            tcp_walk: passes.zip(limit).map(|(passes, limit)| walk(limit.min(self.plan.max_size), passes)),
            in_order: self.in_order_outcome(carried.map(|(_, carried)| carried)),
            second: seconds,
            twin: technique.map_or(Twin::Untested, |technique| self.twin(technique)),
            dialogue_trouble: self.dialogue_trouble(),
        }
    }

    /// Silence means something only after a while.
    fn silence_so_far(&self, now: Timestamp) -> Silence {
        match &self.silence {
            Silence::Plain if !self.is_hopeless(now) => Silence::CutShort,
            silence => silence.clone(),
        }
    }

    /// The experiment counts only for the pair that it was made with.
    fn in_order_outcome(&self, carried: Option<Carried>) -> Option<Outcome> {
        let experiment = self.in_order.as_ref()?;
        match carried {
            Some(Carried::Proven(proof)) if experiment.pair() == (proof.pair.passes, proof.suspect) => {
                experiment.outcome()
            }
            _ => None,
        }
    }

    fn dialogue_trouble(&self) -> DialogueTrouble {
        let unusable = self.in_order.as_ref().and_then(InOrder::outcome) == Some(Outcome::Unusable);
        match (self.dialogue.greeted(), unusable) {
            _ if self.plan.method == MethodChoice::Icmp => DialogueTrouble::TcpNotAskedFor,
            (true, true) => DialogueTrouble::TakesNoMoreBytes,
            (true, false) => DialogueTrouble::EndedTooSoon,
            (false, _) => DialogueTrouble::NoGreeting,
        }
    }

    /// Where a technique stands when the verdict is due.
    fn carried(&mut self, technique: Technique, now: Timestamp) -> Carried {
        let plan = &self.plan;
        let track = match technique {
            Technique::OldData | Technique::SmtpData => &self.tcp,
            Technique::SynData => &self.syn,
            Technique::Echo => &self.echo,
        };
        let unfinished = Carried::Unfinished(track.campaign.lane.largest_answered());
        // On a copy: asking for the state must not queue further probes.
        let mut campaign = track.campaign.clone();
        campaign.lane.clear_queue();
        match campaign.advance(now, &self.rtt, &self.ptb, plan) {
            Progress::Full if campaign.bounds.max >= plan.max_size => Carried::Full,
            Progress::Discoverable(pair) => Carried::Discoverable(pair),
            // Cut short before a router that has spoken before could answer again.
            Progress::Proven(_)
                if self.remembers_a_message() && !(self.asked_slowly && track.campaign.lane.is_idle()) =>
            {
                unfinished
            }
            Progress::Proven(proof) => Carried::Proven(proof),
            Progress::Noisy(proof) => Carried::Noisy(proof),
            _ => unfinished,
        }
    }

    /// Ends the connection in order: QUIT once the server has greeted, then FIN, and a reset only if that fails.
    pub(super) fn close_on(&mut self, now: Timestamp, greeting_until: Timestamp, deadline: Timestamp) {
        match self.connection.state() {
            State::Connecting | State::Closed | State::Refused | State::Reset => self.finish(),
            State::Open | State::Closing if now >= deadline => {
                let reset = self.connection.abort();
                self.resets.push_back(reset);
                self.finish();
            }
            State::Open => {
                let said = self.dialogue.quit(&mut self.connection);
                let waits = match self.dialogue.stage() {
                    dialogue::Stage::AwaitGreeting => now < greeting_until,
                    dialogue::Stage::AwaitReply | dialogue::Stage::Quitting => true,
                    dialogue::Stage::Ready | dialogue::Stage::Over => false,
                };
                if !said && !waits {
                    self.connection.close();
                }
            }
            State::Closing => {}
        }
    }

    fn finish(&mut self) {
        let is_way_back_over = self.reverse.as_ref().is_none_or(|reverse| reverse.is_over());
        if is_way_back_over && self.resets.is_empty() && !self.connection.owes_ack() {
            self.stage = Stage::Done;
        }
    }
}
