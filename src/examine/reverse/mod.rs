//! The way back: whether the server's large packets reach this host.
//!
//! The connection that examined the way there goes on, until the server sends its certificates in segments as large as both
//! ends announced. If they arrive, all is well, and the server has seen one connection. If they stay away while the server's
//! own acknowledgments prove that it sent them, the same bytes are drawn over a connection that allows only small segments,
//! side by side, and sizes in between on at most two more. The first one is watched all the while: it may still recover.
//!
//! * `draw`: one connection; `talk`: what is said on it; `arrivals`: what came; `sizes`, `echoes`: which sizes to try;
//! * `further`: the connections beside the first;
//! * `ptb_test`, `telling`: whether the server obeys a PTB; `judge`: the verdict in a sentence.

mod arrivals;
mod draw;
mod echoes;
mod further;
mod judge;
mod ptb_test;
mod sizes;
mod talk;
mod telling;

use std::time::Duration;

use crate::model::{
    Echo, Family, Finding, IcmpErrorKind, IpHeader, Meaning, Packet, PacketSize, Plan, Probe, Purpose,
    Reverse as Found, ReverseReason, ReverseVerdict, Segment, Service, SlowStep, Technique, Timestamp, Ttl,
};

use super::connection::Connection;
use super::dialogue::Dialogue;
use super::next_random;
use super::rtt::RttEstimator;

use draw::{Draw, Fate};
use echoes::Echoes;
pub(super) use judge::untested;
use ptb_test::{Complaint, PtbTest};
use talk::Talk;

/// The examination of the way back.
#[derive(Debug)]
pub(super) struct Reverse {
    plan: Plan,
    rng: u64,
    rtt: RttEstimator,
    /// Connections in the order in which they were opened. The first one allows the largest segments.
    draws: Vec<(Role, Draw)>,
    /// Whether packets of any size were lost on the way there.
    is_lossy: bool,
    /// Known about the way there: the largest size that passes, and what it suggests for the way back.
    forward: Option<PacketSize>,
    began: Timestamp,
    /// The largest size that arrived on any connection, and the smallest that did not.
    passes: Option<PacketSize>,
    lost: Option<PacketSize>,
    /// The smallest that did not arrive on a connection beside the first.
    lost_on_trial: Option<PacketSize>,
    control: Control,
    echoes: Option<Echoes>,
    complaint: Option<Complaint>,
    found: Option<Found>,
    findings: Vec<Finding>,
}

/// What a connection is for.
#[derive(Debug)]
enum Role {
    /// The largest segments that both ends allow.
    First,
    /// The same bytes in small segments.
    Control,
    /// Sizes in between.
    Trial { is_judged: bool },
    /// The server is told to send smaller ones.
    PtbTest(PtbTest),
}

/// How the small segments fared.
#[derive(Clone, Debug, PartialEq)]
enum Control {
    NotYet,
    Passes,
    /// They told nothing, for this reason.
    Failed(ReverseReason),
}

/// A packet to send.
pub(super) enum Out {
    Segment(Segment, Meaning),
    Echo(Echo, Meaning),
    Whole(Packet, Meaning),
}

/// Connections per address at most, the first one included: each is a line in the server's log.
const MOST_CONNECTIONS: usize = 4;
/// How long the first connection is watched: six time-outs of a server that begins with 200 ms, of which the fourth makes
/// Linux try small segments (`tcp_mtu_probing`), at 3.2 s.
const WATCH: Duration = Duration::from_secs(15);
/// How much longer the sizes may take.
const OVERTIME: Duration = Duration::from_secs(6);
/// So long a size must stay away on a further connection: the first transmission and four more.
const TRIAL_PATIENCE: Duration = Duration::from_millis(3500);
/// The same where packets of any size are lost.
const LOSSY_PATIENCE: Duration = Duration::from_millis(7500);
/// A server that is this slow is not waited for.
const SLOW: Duration = Duration::from_secs(20);
/// A server that answers less often than this while its large packets stay away may have ended.
const LEAST_ANSWERS: u32 = 3;
/// A loss is repaired by then.
const REPAIRED: Duration = Duration::from_millis(350);

impl Reverse {
    /// Goes on with an open connection. `forward`: the largest size that passes on the way there, if it is less than full;
    /// `is_lossy`: packets of any size were lost there.
    pub(super) fn begin(
        plan: &Plan,
        (connection, dialogue): (Connection, Dialogue),
        (forward, is_lossy): (Option<PacketSize>, bool),
        rtt: &RttEstimator,
        rng: u64,
        now: Timestamp,
    ) -> Self {
        let family = plan.family();
        let talk = Talk::new(plan.service, plan.server_name.clone(), plan.destination, dialogue);
        let first = Draw::adopt(family, plan.local_mtu.to_mss(family), connection, talk, rtt, now);
        Self {
            plan: plan.clone(),
            rng,
            rtt: rtt.clone(),
            draws: vec![(Role::First, first)],
            is_lossy,
            forward,
            began: now,
            passes: None,
            lost: None,
            lost_on_trial: None,
            control: Control::NotYet,
            echoes: None,
            complaint: None,
            found: None,
            findings: Vec::new(),
        }
    }

    /// Whether packets to this port are for one of its connections.
    pub(super) fn owns(&self, port: u16) -> bool {
        self.draws.iter().any(|(_, draw)| draw.local_port() == port)
    }

    /// The verdict, once it stands.
    pub(super) fn found(&self) -> Option<(&Found, &[Finding])> {
        self.found.as_ref().map(|found| (found, self.findings.as_slice()))
    }

    /// Whether every connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.draws.iter().all(|(_, draw)| draw.is_over())
    }

    /// Moves everything as far as it goes without new events.
    pub(super) fn conduct(&mut self, now: Timestamp) {
        for (_, draw) in &mut self.draws {
            draw.conduct(now);
        }
        if self.found.is_some() {
            return self.leave_all(now);
        }
        if let Some(echoes) = &mut self.echoes {
            echoes.conduct(now);
        }
        self.judge_further(now);
        match self.first().fate() {
            Fate::Drawn => self.on_drawn(now),
            Fate::Unwilling(why) => self.conclude(judge::unwilling(why, self.first().arrivals()), now),
            Fate::Open if self.first().is_stuck_for(self.suspicion(), now) => self.on_stuck(now),
            Fate::Open if self.first().open_for(now) >= SLOW && self.first().stuck_since().is_none() => {
                let why = self.slowness();
                self.conclude(judge::untested(why), now);
            }
            Fate::Open => {}
        }
    }

    fn first(&self) -> &Draw {
        &self.draws[0].1
    }

    fn suspicion(&self) -> Duration {
        REPAIRED.max(self.rtt.or_guess() * 3)
    }

    fn slowness(&self) -> ReverseReason {
        let step = if self.first().awaits_greeting() { SlowStep::Greeting } else { SlowStep::Reply };
        ReverseReason::Slow { step, within: SLOW }
    }

    /// Everything arrived at last, be it in smaller segments.
    fn on_drawn(&mut self, now: Timestamp) {
        if let Some(complaint) = &self.complaint {
            self.findings.push(Finding::PeerObeysPtb { told: complaint.told() });
            return self.conclude_hole(now);
        }
        let Some(found) = self.resent() else {
            if !self.test_ptb(now) {
                self.conclude(judge::drawn(self.first().arrivals()), now);
            }
            return;
        };
        // A search in the dark ends far below the path's size, which further connections tell.
        let is_worth_waiting = found.verdict == ReverseVerdict::Recovers && now.since(self.began) < WATCH + OVERTIME;
        if is_worth_waiting && !self.further_is_done(now) {
            return;
        }
        self.conclude(found, now);
    }

    /// The verdict where missing bytes came in smaller packets.
    fn resent(&self) -> Option<Found> {
        let first = self.first();
        let resent = first.arrivals().resent().filter(|_| !first.arrivals().has_full())?;
        let after = first.resent_after().unwrap_or_default();
        // What a server tries in the dark is hardly ever the size of the path to the byte.
        let is_exact = self.echoes.as_ref().and_then(Echoes::exact) == Some(resent.size);
        let is_told = is_exact || resent.is_told(after, self.rtt.or_guess());
        let found = judge::resent(resent, is_told, after, first.arrivals(), first.has_seen_loss());
        Some(if found.verdict == ReverseVerdict::Recovers { self.with_sizes(found) } else { found })
    }

    /// The server sent what does not arrive, and a lost packet would have come again by now.
    fn on_stuck(&mut self, now: Timestamp) {
        self.passes = self.passes.max(self.first().arrivals().largest());
        self.lost = self.lost_by_size();
        if self.echoes.is_none() {
            self.ask_by_echo();
        }
        let done = self.further_is_done(now);
        let watched = self.first().watched(now);
        if watched < WATCH || (!done && watched < WATCH + OVERTIME) {
            return;
        }
        if self.control == Control::Passes && self.complains(now) {
            return;
        }
        self.conclude_hole(now);
    }

    /// The smallest size that stays away. What is missing counts by its size only if nothing as large has arrived, and if
    /// every path carries less; else it is loss.
    fn lost_by_size(&self) -> Option<PacketSize> {
        let passes = self.passes.unwrap_or(smallest(self.plan.family())).max(smallest(self.plan.family()));
        [self.first().missing_size(), self.lost_on_trial].into_iter().flatten().filter(|size| *size > passes).min()
    }

    fn conclude_hole(&mut self, now: Timestamp) {
        // It is recovering, only slowly.
        if let (None, Some(found)) = (&self.complaint, self.resent()) {
            return self.conclude(found, now);
        }
        let watched = self.first().watched(now).min(WATCH + OVERTIME);
        let found = match &self.control {
            Control::Passes if self.lost.is_none() => judge::doubtful(ReverseReason::SmallOnesLost, self.passes),
            Control::Passes if self.first().answers_while_stuck() < LEAST_ANSWERS => {
                judge::doubtful(ReverseReason::FellSilent, self.passes)
            }
            Control::Passes => self.with_sizes(judge::hole(watched, self.first().answers_while_stuck())),
            Control::Failed(why) => judge::doubtful(why.clone(), self.passes),
            Control::NotYet => judge::doubtful(ReverseReason::NoControl, self.passes),
        };
        self.conclude(found, now);
    }

    fn with_sizes(&self, found: Found) -> Found {
        let passes = self.passes.max(found.path_mtu);
        let lost = self.lost_by_size().or(self.lost).filter(|&lost| passes.is_none_or(|passes| lost > passes));
        Found { path_mtu: passes, first_lost_size: lost, ..found }
    }

    fn conclude(&mut self, found: Found, now: Timestamp) {
        if self.plan.family() == Family::V4 && self.draws.iter().any(|(_, draw)| draw.arrivals().is_without_df()) {
            self.findings.push(Finding::PeerWithoutDf);
        }
        self.found = Some(found);
        self.leave_all(now);
    }

    fn leave_all(&mut self, now: Timestamp) {
        for (_, draw) in &mut self.draws {
            draw.leave(now);
        }
    }

    /// Concludes from what is known so far, and ends everything at once.
    pub(super) fn interrupt(&mut self, now: Timestamp) {
        if self.found.is_none() {
            let found = self.so_far(now);
            self.conclude(found, now);
        }
        for (_, draw) in &mut self.draws {
            draw.hurry(now);
        }
    }

    fn so_far(&self, now: Timestamp) -> Found {
        let first = self.first();
        if let Some(found) = self.resent() {
            return found;
        }
        match (first.fate(), first.stuck_since()) {
            (Fate::Drawn, _) => judge::drawn(first.arrivals()),
            (_, Some(since)) => judge::doubtful(
                ReverseReason::RunEndedWhileMissing { missing_for: now.since(since) },
                first.arrivals().largest(),
            ),
            (_, None) => judge::untested(ReverseReason::RunEndedEarly),
        }
    }

    /// The next packet that is due.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<Out> {
        if let Some(error) = self.due_complaint(now) {
            let IcmpErrorKind::Ptb { mtu } = error.kind else { return None };
            let (source, destination) = (self.plan.source, self.plan.destination);
            let id = next_random(&mut self.rng) as u16;
            let ip = IpHeader { source, destination, ttl: Ttl::DEFAULT, dont_fragment: false, id };
            return Some(Out::Whole(ptb_test::packet(error, ip), Meaning::OwnPtb { mtu }));
        }
        for (_, draw) in &mut self.draws {
            if let Some((segment, meaning)) = draw.poll(now) {
                return Some(Out::Segment(segment, meaning));
            }
        }
        let (seq, size) = self.echoes.as_mut()?.poll(now, &self.rtt)?;
        let payload_len = size.bytes().saturating_sub(self.plan.family().echo_headers());
        let probe = Probe { technique: Technique::Echo, size, purpose: Purpose::Search };
        Some(Out::Echo(Echo { ident: self.plan.echo_ident, seq, payload_len }, Meaning::Probe(probe)))
    }

    /// When to poll again without an event.
    pub(super) fn wake(&self, now: Timestamp) -> Option<Timestamp> {
        let draws = self.draws.iter().filter_map(|(_, draw)| draw.wake(now));
        let since = self.first().stuck_since();
        let watches =
            since.into_iter().flat_map(|since| [since + self.suspicion(), since + WATCH, since + WATCH + OVERTIME]);
        let trials = self.draws.iter().skip(1).filter_map(|(_, draw)| draw.stuck_since());
        let trials = trials.flat_map(|since| [since + TRIAL_PATIENCE, since + LOSSY_PATIENCE]);
        let complaint = self.complaint.as_ref().filter(|_| self.found.is_none()).map(Complaint::wake);
        let later = watches.chain(trials).chain(complaint).chain([self.began + SLOW]).filter(|&at| at > now);
        draws.chain(later).chain(self.echoes.as_ref().and_then(Echoes::wake)).min()
    }

    /// Takes in a segment for one of its connections.
    pub(super) fn receive(
        &mut self,
        ip: &IpHeader,
        segment: &Segment,
        fragment: Option<PacketSize>,
        now: Timestamp,
    ) -> Meaning {
        let port = segment.destination_port;
        let Some((role, draw)) = self.draws.iter_mut().find(|(_, draw)| draw.local_port() == port) else {
            return Meaning::Stray;
        };
        let meaning = draw.receive(ip, segment, fragment, now);
        if let (Role::PtbTest(test), Meaning::Fetched { size, .. }) = (role, meaning) {
            test.saw(ip, segment, size, now);
        }
        meaning
    }

    /// Takes in an echo reply. Returns whether it was asked for here.
    pub(super) fn echoed(&mut self, echo: Echo, size: PacketSize, fragment: Option<PacketSize>) -> bool {
        echo.seq >= echoes::FIRST_SEQ
            && self.echoes.as_mut().is_some_and(|echoes| echoes.answered(echo.seq, size, fragment))
    }
}

/// Why the way back cannot be examined at all.
pub(super) fn impossible(plan: &Plan) -> Option<ReverseReason> {
    (plan.service == Service::Unknown).then_some(ReverseReason::ServiceUnknown)
}

/// The size of the small segments: what every host accepts (RFC 9293, 3.7.1) and every path carries.
fn smallest(family: Family) -> PacketSize {
    match family {
        Family::V4 => PacketSize::new(576),
        Family::V6 => family.minimum_mtu(),
    }
}
