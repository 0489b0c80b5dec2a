//! Whose turn it is: which technique carries the verdict, and which takes its place when it is of no use.

use std::time::Duration;

use crate::model::{
    Family, Finding, Method, MethodChoice, MethodReason, MethodReport, MethodStatus, PacketSize, Technique, Timestamp,
};

use super::campaign::{Campaign, Progress};
use super::connection::State;
use super::corroborate::{GREETING_GRACE, GREETING_NEEDED};
use super::judge::Silence;
use super::lane::Kind;
use super::{Examination, Stage, Track, dialogue};

/// How long an address may stay silent before it counts as unreachable.
const SILENCE_PATIENCE: Duration = Duration::from_secs(10);
/// The same when an ICMP error says why.
const EXPLAINED_PATIENCE: Duration = Duration::from_millis(1500);
/// How long a silent TCP port is given when the host answers echo.
const FILTERED_PATIENCE: Duration = Duration::from_millis(3600);
/// The same where small echo requests are lost: chance takes SYNs as well.
const FILTERED_PATIENCE_LOSSY: Duration = Duration::from_secs(8);
/// How often a small echo request leaves while none was answered: a lossy path may swallow many.
const ECHO_INTERVAL: Duration = Duration::from_millis(300);
/// And how many at most once the TCP port has answered.
const ECHOES_BESIDE_TCP: u32 = 4;
/// A path on which so many probes bring no verdict will not get one.
const MOST_PROBES: u32 = 1000;

impl Examination {
    /// Moves every machine as far as it goes without new events.
    pub(super) fn conduct(&mut self, now: Timestamp) {
        for track in [&mut self.tcp, &mut self.syn, &mut self.echo] {
            track.campaign.lane.settle(now, &self.rtt);
        }
        if self.dialogue.read(&mut self.connection) {
            self.last_word = now;
        }
        self.observe_real_bytes(now);
        if self.stage == Stage::Probing {
            self.probe_on(now);
        }
        if self.stage != Stage::Probing {
            self.conduct_way_back(now);
        }
        if let Stage::Closing { greeting_until, deadline } = self.stage {
            self.close_on(now, greeting_until, deadline);
        }
    }

    fn observe_real_bytes(&mut self, now: Timestamp) {
        let Some(experiment) = self.in_order.as_mut().filter(|experiment| experiment.outcome().is_none()) else {
            return;
        };
        experiment.observe(&self.connection);
        if experiment.outcome().is_some() {
            // Answers to their copies may still be on the way, and name nothing.
            self.quiet_until = now + self.rtt.or_guess() + self.rtt.margin();
        }
    }

    fn probe_on(&mut self, now: Timestamp) {
        if !self.plan.direction.is_forward() {
            return self.open_only(now);
        }
        self.send_small_echoes(now);
        self.watch_connection();
        self.advance_scout(now);
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
        let small = lane.count(self.plan.min_size);
        let enough = self.open_since.is_some() && small.sent >= ECHOES_BESIDE_TCP;
        if lane.next_shot().is_some() || small.answered > 0 || enough {
            return;
        }
        let sent = small.sent;
        if now >= self.started + ECHO_INTERVAL * sent {
            if sent == 0 {
                lane.queue(self.plan.max_size, Kind::Sized, now);
            }
            lane.queue(self.plan.min_size, Kind::Sized, now);
        }
    }

    pub(super) fn watch_connection(&mut self) {
        match self.connection.state() {
            State::Refused => {
                self.find(Finding::PortClosed);
                self.tcp.dead = self.tcp.dead.or(Some(MethodReason::PortClosed));
            }
            State::Reset => {
                self.find(Finding::ConnectionReset);
                self.tcp.dead = self.tcp.dead.or(Some(MethodReason::ConnectionReset));
            }
            State::Open if !self.connection.peer().sack && !self.tcp.campaign.serial => {
                self.find(Finding::NoSack);
                self.tcp.campaign = Campaign::serial(&self.plan);
            }
            _ => {}
        }
    }

    /// The technique that carries the verdict now; `None` while nothing is known to work.
    pub(super) fn carrier(&mut self, now: Timestamp) -> Option<Technique> {
        let echo = self.echo.dead.is_none().then_some(Technique::Echo);
        if self.plan.method == MethodChoice::Icmp {
            return echo;
        }
        if self.connection.state() == State::Connecting {
            let lane = &self.echo.campaign.lane;
            let lossy = lane.largest_answered().is_some_and(|passes| lane.lost_below(passes));
            let patience = if lossy { FILTERED_PATIENCE_LOSSY } else { FILTERED_PATIENCE };
            let filtered = now >= self.started + patience && lane.total_answered() > 0;
            if filtered {
                self.find(Finding::PortFiltered);
                self.tcp.dead = Some(MethodReason::PortSilent);
                self.syn.dead = Some(MethodReason::PortSilent);
            }
            return echo.filter(|_| filtered);
        }
        if self.tcp.dead.is_none() {
            return Some(self.tcp_technique);
        }
        self.syn.dead.is_none().then_some(Technique::SynData).or(echo)
    }

    pub(super) fn is_hopeless(&self, now: Timestamp) -> bool {
        let waited = now.since(self.started);
        let explained = matches!(self.silence, Silence::Explained(_)) && self.unreachables >= 2;
        let all_dead = self.tcp.dead.is_some() && self.syn.dead.is_some() && self.echo.dead.is_some();
        all_dead || waited >= SILENCE_PATIENCE || (explained && waited >= EXPLAINED_PATIENCE)
    }

    /// Instants at which waiting alone changes something.
    pub(super) fn timers(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let opened = self.open_since.unwrap_or(self.started);
        let small = self.echo.campaign.lane.count(self.plan.min_size).sent;
        let (greeting_until, deadline) = match self.stage {
            Stage::Closing { greeting_until, deadline } => (greeting_until, deadline),
            _ => (now, now),
        };
        [
            self.started + ECHO_INTERVAL * small,
            self.started + EXPLAINED_PATIENCE,
            self.started + FILTERED_PATIENCE,
            self.started + FILTERED_PATIENCE_LOSSY,
            self.started + SILENCE_PATIENCE,
            opened + GREETING_GRACE,
            opened + GREETING_NEEDED,
            greeting_until,
            deadline,
        ]
        .into_iter()
        .filter(move |&at| at > now)
    }

    fn carry(&mut self, technique: Technique, now: Timestamp) {
        self.carrying = Some(technique);
        if !self.track(technique).campaign.has_started() {
            let limit = self.tcp_limit();
            let also: Vec<PacketSize> = [limit, self.plan.kernel_path_mtu].into_iter().flatten().collect();
            self.track_mut(technique).campaign.start(&also, now);
            self.look_beyond_route(technique, now);
            return;
        }
        match self.advance(technique, now) {
            Progress::Busy => self.meanwhile(technique, now),
            Progress::Full => self.conclude_full(technique, now),
            Progress::Discoverable(pair) if self.awaits_other_flows(pair.passes, false, now) => {}
            Progress::Discoverable(_) => self.conclude(now),
            Progress::Nothing => self.give_up(technique, now),
            // Real bytes and other techniques may still tip the balance of a noisy one.
            Progress::Proven(proof) | Progress::Noisy(proof) => {
                self.meanwhile(technique, now);
                let is_hit = self.tcp_limit().is_none_or(|limit| limit > proof.pair.passes);
                if self.all_is_said(technique, proof, now)
                    && !self.awaits_other_flows(proof.pair.passes, is_hit, now)
                    && !self.asks_a_rationed_router(technique, proof, now)
                {
                    self.conclude(now);
                }
            }
        }
    }

    /// A forgotten workaround hides what the path carries: one probe of each larger plateau tells.
    fn look_beyond_route(&mut self, technique: Technique, now: Timestamp) {
        let campaign = &mut self.tcp.campaign;
        let can_tell = technique == Technique::OldData && !campaign.serial;
        let Some(most) = self.plan.beyond_route.filter(|_| can_tell) else { return };
        for size in campaign.bounds.beyond(most) {
            campaign.lane.queue(size, Kind::Beyond, now);
        }
    }

    pub(super) fn advance(&mut self, technique: Technique, now: Timestamp) -> Progress {
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

    /// A technique whose bounds are narrower than the question cannot say "full".
    fn conclude_full(&mut self, technique: Technique, now: Timestamp) {
        if self.track(technique).campaign.bounds.max < self.plan.max_size && self.tcp_technique == Technique::SmtpData {
            self.tcp.dead = Some(MethodReason::TooFewBytes);
            return;
        }
        if !self.awaits_other_flows(self.plan.max_size, false, now) {
            self.conclude(now);
        }
    }

    /// A peer that permits SACK but answers old data with bare ACKs: start again with one probe at a time.
    pub(super) fn speed_up_serial(&mut self, now: Timestamp) -> bool {
        if !self.dialogue.greeted() && self.repeat_handshake(now) {
            return true;
        }
        let lane = &self.tcp.campaign.lane;
        let unnamed = lane.total_answered() == 0 && self.plain_acks >= 2 && !self.tcp.campaign.serial;
        let settled = lane.flights().last().is_some_and(|last| now >= last.sent + self.rtt.or_guess() * 2);
        if unnamed && settled {
            self.retire_tcp(MethodReason::AnswersNameNoProbe);
            self.tcp.campaign = Campaign::serial(&self.plan);
            self.quiet_until = now + self.rtt.margin();
            return true;
        }
        false
    }

    /// An answer names its probe although earlier ones did not: the peer had waited for the last ACK of the handshake. One probe
    /// at a time, loss is hard to tell from silence, so all sizes are tried at once, once more.
    pub(super) fn all_at_once_again(&mut self, now: Timestamp) {
        let is_serial = self.tcp.campaign.serial && self.connection.peer().sack;
        if !is_serial || self.named_after_all || self.in_order.is_some() {
            return;
        }
        self.named_after_all = true;
        self.retired.retain(|method| method.technique != self.tcp_technique);
        self.tcp.campaign = Campaign::new(&self.plan);
        self.tcp.campaign.start(&[], now);
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

    fn give_up(&mut self, technique: Technique, now: Timestamp) {
        match technique {
            Technique::OldData if self.plain_acks >= 2 && !self.tcp.campaign.serial => {
                self.retire_tcp(MethodReason::AnswersNameNoProbe);
                self.tcp.campaign = Campaign::serial(&self.plan);
            }
            Technique::OldData if self.dialogue.is_viable() && self.may_wait_for_greeting(now) => {
                self.gather_smtp_data();
            }
            Technique::OldData | Technique::SmtpData => self.tcp.dead = Some(MethodReason::RepeatsUnanswered),
            Technique::SynData => self.syn.dead = Some(MethodReason::SynDataUnanswered),
            Technique::Echo => {
                self.echo.dead = Some(MethodReason::EchoUnanswered);
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
        self.retire_tcp(MethodReason::OldSegmentsUnanswered);
        self.tcp_technique = Technique::SmtpData;
        self.tcp.campaign =
            if self.connection.peer().sack { Campaign::new(&self.plan) } else { Campaign::serial(&self.plan) };
        let most = self.connection.acknowledged_len() + family.tcp_headers();
        let bounds = &mut self.tcp.campaign.bounds;
        bounds.max = bounds.max.min(PacketSize::new(most));
    }

    fn retire_tcp(&mut self, why: MethodReason) {
        let lane = &self.tcp.campaign.lane;
        self.retired.push(MethodReport {
            method: Method::Tcp,
            technique: self.tcp_technique,
            status: MethodStatus::Unusable(why),
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

    /// Largest packet TCP would send to this peer.
    pub(super) fn tcp_limit(&self) -> Option<PacketSize> {
        // RFC 9293, 3.7.1: without the option the MSS is 536 (IPv4) or 1220 (IPv6).
        let family = self.plan.family();
        let default = if family == Family::V4 { 536 } else { 1220 };
        let open = self.open_since.is_some();
        open.then(|| {
            let mss = self.connection.peer().mss.unwrap_or(default);
            PacketSize::from_mss(mss, family).min(self.plan.local_mtu)
        })
    }

    pub(super) fn track(&self, technique: Technique) -> &Track {
        match technique {
            Technique::OldData | Technique::SmtpData => &self.tcp,
            Technique::SynData => &self.syn,
            Technique::Echo => &self.echo,
        }
    }

    pub(super) fn track_mut(&mut self, technique: Technique) -> &mut Track {
        match technique {
            Technique::OldData | Technique::SmtpData => &mut self.tcp,
            Technique::SynData => &mut self.syn,
            Technique::Echo => &mut self.echo,
        }
    }
}
