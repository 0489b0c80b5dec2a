//! Whose turn it is: which technique carries the verdict, which ones are asked for a second opinion, and when all is said.

use std::time::Duration;

use crate::model::{
    Family, Finding, Method, MethodChoice, MethodReport, MethodStatus, PacketSize, Technique, Timestamp,
};

use super::campaign::{Campaign, Progress, Proof};
use super::connection::{MOST_TRIES, State};
use super::dialogue;
use super::fisher::{SIGNIFICANCE, Trials};
use super::in_order::{InOrder, Outcome};
use super::judge::{Carried, Evidence, Second, Silence, Twin, judge};
use super::lane::Kind;
use super::search::Pair;
use super::trace::Trace;
use super::{CLOSE_PATIENCE, Examination, GREETING_PATIENCE, Stage, Track};

/// How long an address may stay silent before it counts as unreachable.
const SILENCE_PATIENCE: Duration = Duration::from_secs(10);
/// The same when an ICMP error says why.
const EXPLAINED_PATIENCE: Duration = Duration::from_millis(1500);
/// How long a silent TCP port is given when the host answers echo.
const FILTERED_PATIENCE: Duration = Duration::from_millis(3600);
/// How long a greeting is awaited when nothing else can corroborate a hole: postscreen's and Exim's delays are 6 s and less.
const GREETING_NEEDED: Duration = Duration::from_secs(12);
/// How long after the first loss other techniques wait for a greeting to come instead.
const GREETING_GRACE: Duration = Duration::from_millis(300);
/// How long a server may take for a reply before other techniques are asked as well.
const STUCK_AFTER: Duration = Duration::from_secs(2);
/// When small echo requests leave, in milliseconds, if the earlier ones were not answered.
const ECHO_SCHEDULE: [u64; 13] = [0, 300, 800, 1300, 1800, 2500, 3300, 4000, 5000, 6000, 7000, 8000, 9000];
/// A path on which so many probes bring no verdict will not get one.
const MOST_PROBES: u32 = 1000;
/// Largest p at which a second technique, its probes used up, still counts as agreeing.
const SECOND_SIGNIFICANCE: f64 = 0.05;
/// Twins in the first batch, and in a second one when the path loses packets of any size.
const TWINS: [u32; 2] = [3, 9];

impl Examination {
    /// Moves every machine as far as it goes without new events.
    pub(super) fn conduct(&mut self, now: Timestamp) {
        for track in [&mut self.tcp, &mut self.syn, &mut self.echo] {
            track.campaign.lane.settle(now, &self.rtt);
        }
        if self.dialogue.read(&mut self.connection) {
            self.last_word = now;
        }
        if self.stage == Stage::Probing {
            self.probe_on(now);
        }
        if let Stage::Closing { greeting_until, deadline } = self.stage {
            self.close_on(now, greeting_until, deadline);
        }
    }

    fn probe_on(&mut self, now: Timestamp) {
        self.send_small_echoes(now);
        self.watch_connection();
        match self.carrier(now) {
            Some(_) if self.probes_sent >= MOST_PROBES => self.conclude(now),
            Some(technique) => self.carry(technique, now),
            None if self.is_hopeless(now) => self.conclude(now),
            None => {}
        }
    }

    /// Small echo requests, and one of full size, as a second witness from the first moment on.
    fn send_small_echoes(&mut self, now: Timestamp) {
        if self.echo.dead.is_some() || self.echo.campaign.has_started() {
            return;
        }
        let lane = &mut self.echo.campaign.lane;
        let sent = lane.count(self.plan.min_size).sent as usize;
        if lane.next_shot().is_some() || lane.count(self.plan.min_size).answered > 0 {
            return;
        }
        if ECHO_SCHEDULE.get(sent).is_some_and(|&due| now >= self.started + Duration::from_millis(due)) {
            if sent == 0 {
                lane.queue(self.plan.max_size, Kind::Sized, now);
            }
            lane.queue(self.plan.min_size, Kind::Sized, now);
        }
    }

    fn watch_connection(&mut self) {
        match self.connection.state() {
            State::Refused => {
                self.find(Finding::PortClosed);
                self.tcp.dead = self.tcp.dead.or(Some("the port is closed"));
            }
            State::Reset => {
                self.find(Finding::ConnectionReset);
                self.tcp.dead = self.tcp.dead.or(Some("the peer reset the connection"));
            }
            State::Open if !self.connection.peer().sack && !self.tcp.campaign.serial => {
                self.find(Finding::NoSack);
                self.tcp.campaign = Campaign::serial(&self.plan);
            }
            _ => {}
        }
    }

    /// The technique that carries the verdict now; `None` while nothing is known to work.
    fn carrier(&mut self, now: Timestamp) -> Option<Technique> {
        let echo = self.echo.dead.is_none().then_some(Technique::Echo);
        if self.plan.method == MethodChoice::Icmp {
            return echo;
        }
        if self.connection.state() == State::Connecting {
            let filtered = now >= self.started + FILTERED_PATIENCE && self.echo.campaign.lane.total_answered() > 0;
            if filtered {
                self.find(Finding::PortFiltered);
                self.tcp.dead = Some("the port does not answer");
                self.syn.dead = Some("the port does not answer");
            }
            return echo.filter(|_| filtered);
        }
        if self.tcp.dead.is_none() {
            return Some(self.tcp_technique);
        }
        self.syn.dead.is_none().then_some(Technique::SynData).or(echo)
    }

    fn is_hopeless(&self, now: Timestamp) -> bool {
        let waited = now.since(self.started);
        let explained = matches!(self.silence, Silence::Explained(_)) && self.unreachables >= 2;
        let all_dead = self.tcp.dead.is_some() && self.syn.dead.is_some() && self.echo.dead.is_some();
        all_dead || waited >= SILENCE_PATIENCE || (explained && waited >= EXPLAINED_PATIENCE)
    }

    /// Instants at which waiting alone changes something.
    pub(super) fn timers(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let opened = self.open_since.unwrap_or(self.started);
        let echo = ECHO_SCHEDULE.map(|due| self.started + Duration::from_millis(due));
        let (greeting_until, deadline) = match self.stage {
            Stage::Closing { greeting_until, deadline } => (greeting_until, deadline),
            _ => (now, now),
        };
        echo.into_iter()
            .chain([
                self.started + EXPLAINED_PATIENCE,
                self.started + FILTERED_PATIENCE,
                self.started + SILENCE_PATIENCE,
                opened + GREETING_GRACE,
                opened + GREETING_NEEDED,
                greeting_until,
                deadline,
            ])
            .filter(move |&at| at > now)
    }

    fn carry(&mut self, technique: Technique, now: Timestamp) {
        self.carrying = Some(technique);
        if !self.track(technique).campaign.has_started() {
            let limit = self.tcp_limit();
            let also: Vec<PacketSize> = [limit, self.plan.kernel_path_mtu].into_iter().flatten().collect();
            self.track_mut(technique).campaign.start(&also, now);
            return;
        }
        match self.advance(technique, now) {
            Progress::Busy => self.meanwhile(technique, now),
            Progress::Full => self.conclude_full(technique, now),
            Progress::Discoverable(_) => self.conclude(now),
            Progress::Nothing => self.give_up(technique, now),
            // Real bytes and other techniques may still tip the balance of a noisy one.
            Progress::Proven(proof) | Progress::Noisy(proof) => {
                self.meanwhile(technique, now);
                if self.all_is_said(technique, proof, now) {
                    self.conclude(now);
                }
            }
        }
    }

    fn advance(&mut self, technique: Technique, now: Timestamp) -> Progress {
        let limit = self.tcp_limit();
        let elsewhere = if self.is_carrying(technique) { self.testimonies(technique) } else { Vec::new() };
        let track = match technique {
            Technique::OldData | Technique::SmtpData => &mut self.tcp,
            Technique::SynData => &mut self.syn,
            Technique::Echo => &mut self.echo,
        };
        track.campaign.tcp_limit = limit;
        track.campaign.elsewhere = elsewhere;
        track.campaign.advance(now, &self.rtt, &self.ptb, &self.plan)
    }

    fn is_carrying(&self, technique: Technique) -> bool {
        self.carrying == Some(technique)
    }

    /// What real bytes and the other techniques add to the statistics of the one that carries the verdict.
    fn testimonies(&self, technique: Technique) -> Vec<(PacketSize, PacketSize, Trials, Trials)> {
        let over_tcp = matches!(technique, Technique::OldData | Technique::SmtpData);
        let real_bytes = self.in_order.as_ref().filter(|_| over_tcp).and_then(|experiment| {
            let ((passes, suspect), (control, suspected)) = (experiment.pair(), experiment.trials()?);
            Some((passes, suspect, control, suspected))
        });
        let others = [Technique::SynData, Technique::Echo].into_iter().filter(|&other| other != technique);
        others.filter_map(|other| self.track(other).campaign.testimony()).chain(real_bytes).collect()
    }

    /// A technique whose bounds are narrower than the question cannot say "full".
    fn conclude_full(&mut self, technique: Technique, now: Timestamp) {
        if self.track(technique).campaign.bounds.max < self.plan.max_size && self.tcp_technique == Technique::SmtpData {
            self.tcp.dead = Some("too few bytes may be sent to make a packet of full size");
            return;
        }
        self.conclude(now);
    }

    /// What runs beside the search once large packets are seen to vanish: real bytes, other techniques, the twin.
    fn meanwhile(&mut self, technique: Technique, now: Timestamp) {
        let over_tcp = matches!(technique, Technique::OldData | Technique::SmtpData);
        if over_tcp && !self.speed_up_serial(now) {
            self.run_dialogue(now);
        }
        self.run_trace(technique, now);
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
                self.track_mut(second).dead = Some("no answer to small probes");
            }
        }
    }

    /// Looks for the hop, from the first loss on, unless a PTB has named it already or nothing can be traced.
    fn run_trace(&mut self, technique: Technique, now: Timestamp) {
        let campaign = &self.track(technique).campaign;
        let pair = campaign.confirming();
        let Some((passes, lost)) = pair.or_else(|| campaign.bracket()) else { return };
        if let (Some(trace), Some((passes, lost))) = (&mut self.trace, pair) {
            if trace.refine(passes, lost) {
                trace.advance(now, &self.rtt);
                return;
            }
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
        above || mute || failed
    }

    /// The conversation has begun but the server takes no bytes, or no longer answers.
    fn is_stuck(&self, now: Timestamp) -> bool {
        let waiting = self.in_order.is_none() && !self.connection.is_drained() || self.connection.peer().window == 0;
        self.dialogue.greeted() && waiting && now >= self.last_word + STUCK_AFTER.max(self.rtt.or_guess() * 4)
    }

    /// A peer that permits SACK but answers old data with bare ACKs: start again with one probe at a time.
    fn speed_up_serial(&mut self, now: Timestamp) -> bool {
        if !self.dialogue.greeted() && self.repeat_handshake(now) {
            return true;
        }
        let lane = &self.tcp.campaign.lane;
        let unnamed = lane.total_answered() == 0 && self.plain_acks >= 2 && !self.tcp.campaign.serial;
        let settled = lane.flights().last().is_some_and(|last| now >= last.sent + self.rtt.or_guess() * 2);
        if unnamed && settled {
            self.retire_tcp("answers do not name the probe");
            self.tcp.campaign = Campaign::serial(&self.plan);
            self.quiet_until = now + self.rtt.margin();
            return true;
        }
        false
    }

    /// Bare ACKs before the greeting: perhaps our last handshake ACK was lost, and the peer still waits for it. It is sent
    /// again, and so is the ladder, once.
    fn repeat_handshake(&mut self, now: Timestamp) -> bool {
        let lane = &self.tcp.campaign.lane;
        let unnamed = lane.total_answered() == 0 && self.plain_acks >= 1 && !self.tcp.campaign.serial;
        if !unnamed || self.handshake_repeated {
            return false;
        }
        self.handshake_repeated = true;
        self.plain_acks = 0;
        self.connection.acknowledge();
        let mut campaign = Campaign::new(&self.plan);
        campaign.start(&[], now);
        self.tcp.campaign = campaign;
        true
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
            self.in_order = Some(InOrder::new(suspect, passes, payload, cut, end, now));
        }
    }

    /// The lost size without DF, and tiny fragments as its control (IPv4).
    fn send_twins(&mut self, technique: Technique, now: Timestamp) {
        let witness = twin_witness(technique);
        let campaign = &self.track(witness).campaign;
        let Some((passes, lost)) = campaign.confirming().filter(|_| self.plan.family() == Family::V4) else { return };
        let lossy = campaign.lane.lost_below(passes);
        let unanswered = campaign.lane.trials_of_kind(Kind::Twin).answered == 0;
        let wanted = match self.twins_queued {
            0 => TWINS[0],
            n if n < TWINS[1] && lossy && unanswered && campaign.lane.is_idle() => TWINS[1] - n,
            _ => return,
        };
        self.twins_queued += wanted;
        let lane = &mut self.track_mut(witness).campaign.lane;
        for _ in 0..wanted {
            lane.queue(lost, Kind::Twin, now);
            lane.queue(FRAGMENTED, Kind::Fragments, now);
        }
        lane.queue(passes, Kind::Sized, now);
    }

    fn twin(&self, technique: Technique) -> Twin {
        let lane = &self.track(twin_witness(technique)).campaign.lane;
        let (twins, fragments) = (lane.trials_of_kind(Kind::Twin), lane.trials_of_kind(Kind::Fragments));
        match (twins.total, twins.answered, fragments.answered) {
            (0, ..) => Twin::Untested,
            (_, 0, 0) => Twin::Uninformative,
            (_, 0, _) => Twin::Lost,
            _ => Twin::Passes,
        }
    }

    /// Whether no further evidence is to be had that could change the verdict on a proven pair.
    fn all_is_said(&self, technique: Technique, proof: Proof, now: Timestamp) -> bool {
        let traced = self.trace.as_ref().is_none_or(Trace::is_over);
        if !traced || !self.track(technique).campaign.lane.is_idle() {
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
    fn opinion(&self, technique: Technique, proof: Proof) -> Option<Second> {
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

    fn give_up(&mut self, technique: Technique, now: Timestamp) {
        match technique {
            Technique::OldData if self.plain_acks >= 2 && !self.tcp.campaign.serial => {
                self.retire_tcp("answers do not name the probe");
                self.tcp.campaign = Campaign::serial(&self.plan);
            }
            Technique::OldData if self.dialogue.is_viable() && self.may_wait_for_greeting(now) => {
                self.gather_smtp_data();
            }
            Technique::OldData | Technique::SmtpData => self.tcp.dead = Some("no answer to repeated segments"),
            Technique::SynData => self.syn.dead = Some("no answer to SYN segments with data"),
            Technique::Echo => {
                self.echo.dead = Some("no answer to small echo requests");
                self.conclude_if_last(now);
            }
        }
    }

    fn may_wait_for_greeting(&self, now: Timestamp) -> bool {
        self.dialogue.greeted() || now < self.open_since.unwrap_or(self.started) + GREETING_NEEDED
    }

    /// The next technique needs bytes that the server really took.
    fn gather_smtp_data(&mut self) {
        let family = self.plan.family();
        let wanted = dialogue::most_material(0).bytes() as usize;
        if !self.dialogue.gather(&mut self.connection, wanted) {
            return;
        }
        self.retire_tcp("no answer to segments below the initial sequence number");
        self.tcp_technique = Technique::SmtpData;
        self.tcp.campaign =
            if self.connection.peer().sack { Campaign::new(&self.plan) } else { Campaign::serial(&self.plan) };
        let most = self.connection.acknowledged_len() + family.tcp_headers();
        let bounds = &mut self.tcp.campaign.bounds;
        bounds.max = bounds.max.min(PacketSize::new(most));
    }

    fn retire_tcp(&mut self, why: &str) {
        let lane = &self.tcp.campaign.lane;
        self.retired.push(MethodReport {
            method: Method::Tcp,
            technique: self.tcp_technique,
            status: MethodStatus::Unusable(why.into()),
            sent: lane.sent(),
            answered: lane.total_answered(),
            path_mtu: None,
        });
        self.plain_acks = 0;
    }

    fn conclude_if_last(&mut self, now: Timestamp) {
        if self.carrier(now).is_none() {
            self.conclude(now);
        }
    }

    /// Gathers the evidence, judges, and turns to closing the connection.
    pub(super) fn conclude(&mut self, now: Timestamp) {
        let evidence = self.evidence(now);
        let judgement = judge(&evidence);
        self.examined = Some(self.summarise(&evidence, judgement, now));
        for flight in self.syn.campaign.lane.flights().to_vec() {
            if !matches!(flight.fate, super::lane::Fate::Answered(_)) {
                self.reset_syn(flight.key);
            }
        }
        for track in [&mut self.tcp, &mut self.syn, &mut self.echo] {
            track.campaign.lane.clear_queue();
        }
        self.in_order = None;
        self.connection.release();
        self.stage = Stage::Closing { greeting_until: now + GREETING_PATIENCE, deadline: now + CLOSE_PATIENCE };
    }

    fn evidence(&mut self, now: Timestamp) -> Evidence {
        let technique = self.carrier(now).filter(|_| !self.nothing_answered());
        let carried = technique.map(|technique| (technique, self.carried(technique, now)));
        let passes = carried.and_then(|(_, carried)| match carried {
            Carried::Discoverable(pair) => Some(pair.passes),
            Carried::Proven(proof) | Carried::Noisy(proof) => Some(proof.pair.passes),
            Carried::Full | Carried::Unfinished => None,
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
            silence: self.silence.clone(),
            start: self.plan.max_size,
            tcp_limit: limit,
            path_walk: passes.map(|passes| walk(self.plan.max_size, passes)),
            tcp_walk: passes.zip(limit).map(|(passes, limit)| walk(limit, passes)),
            in_order: self.in_order_outcome(carried.map(|(_, carried)| carried)),
            second: seconds,
            twin: technique.map_or(Twin::Untested, |technique| self.twin(technique)),
            dialogue_trouble: self.dialogue_trouble(),
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

    fn dialogue_trouble(&self) -> &'static str {
        let unusable = self.in_order.as_ref().and_then(InOrder::outcome) == Some(Outcome::Unusable);
        match (self.dialogue.greeted(), unusable) {
            _ if self.plan.method == MethodChoice::Icmp => "TCP was not asked for",
            (true, true) => "the server takes no further bytes, and no other technique could confirm it",
            (true, false) => "the conversation ended too soon, and no other technique could confirm it",
            (false, _) => {
                "no SMTP greeting came that would let real bytes be tried, and no other technique could confirm it"
            }
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
        // On a copy: asking for the state must not queue further probes.
        let mut campaign = track.campaign.clone();
        campaign.lane.clear_queue();
        match campaign.advance(now, &self.rtt, &self.ptb, plan) {
            Progress::Full if campaign.bounds.max >= plan.max_size => Carried::Full,
            Progress::Discoverable(pair) => Carried::Discoverable(pair),
            Progress::Proven(proof) => Carried::Proven(proof),
            Progress::Noisy(proof) => Carried::Noisy(proof),
            _ => Carried::Unfinished,
        }
    }

    /// Largest packet TCP would send to this peer.
    pub(super) fn tcp_limit(&self) -> Option<PacketSize> {
        // RFC 9293, 3.7.1: without the option the MSS is 536 (IPv4) or 1220 (IPv6).
        let family = self.plan.family();
        let default = if family == Family::V4 { 536 } else { 1220 };
        let open = self.open_since.is_some();
        open.then(|| {
            let mss = self.connection.peer().mss.unwrap_or(default);
            PacketSize::from_mss(mss, family).min(self.plan.max_size)
        })
    }

    /// Ends the connection in order: QUIT once the server has greeted, then FIN, and a reset only if that fails.
    fn close_on(&mut self, now: Timestamp, greeting_until: Timestamp, deadline: Timestamp) {
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
        if self.resets.is_empty() && !self.connection.owes_ack() {
            self.stage = Stage::Done;
        }
    }

    pub(super) fn track(&self, technique: Technique) -> &Track {
        match technique {
            Technique::OldData | Technique::SmtpData => &self.tcp,
            Technique::SynData => &self.syn,
            Technique::Echo => &self.echo,
        }
    }

    fn track_mut(&mut self, technique: Technique) -> &mut Track {
        match technique {
            Technique::OldData | Technique::SmtpData => &mut self.tcp,
            Technique::SynData => &mut self.syn,
            Technique::Echo => &mut self.echo,
        }
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
