//! From the way there to the way back: the open connection is handed over, and both verdicts come together.

use crate::model::{
    Body, Direction, Echo, Examined, Finding, Ground, IpHeader, Meaning, Outgoing, PacketSize, Probe, Purpose,
    Reverse as Found, ReverseReason, ReverseVerdict, Segment, Service, Technique, Timestamp, Verdict,
};

use super::connection::{Connection, State};
use super::dialogue::Dialogue;
use super::reverse::{self, Out, Reverse, untested};
use super::{Examination, Stage};

impl Examination {
    /// The way there has been examined: goes on with the way back, if it was asked for and can be examined.
    pub(super) fn turn_back(&mut self, examined: Examined, now: Timestamp) {
        if !self.plan.direction.is_reverse() {
            return self.close_after(examined, now);
        }
        if let Some(why) = self.why_not_back() {
            return self.close_after(Examined { reverse: self.not_examined(why), ..examined }, now);
        }
        let forward =
            examined.path_mtu.filter(|path| examined.first_lost_size.is_some() && *path < self.plan.local_mtu);
        let connection = std::mem::replace(&mut self.connection, Connection::handed_over());
        let dialogue = std::mem::replace(&mut self.dialogue, Dialogue::new(self.plan.source));
        let seed = self.random();
        let lane = &self.tcp.campaign.lane;
        let is_lossy = lane.largest_answered().is_some_and(|passes| lane.lost_below(passes));
        let known = (forward, is_lossy || examined.findings.contains(&Finding::PacketLoss));
        let reverse = Reverse::begin(&self.plan, (connection, dialogue), known, &self.rtt, seed, now);
        self.reverse = Some(Box::new(reverse));
        self.forward = Some(Box::new(examined));
        self.stage = Stage::WayBack;
        self.conduct_way_back(now);
    }

    fn why_not_back(&self) -> Option<ReverseReason> {
        if let Some(why) = reverse::impossible(&self.plan) {
            return Some(why);
        }
        match self.connection.state() {
            State::Open => None,
            State::Connecting => Some(ReverseReason::NoConnection),
            State::Refused => Some(ReverseReason::PortClosed),
            State::Reset | State::Closing | State::Closed => Some(ReverseReason::ConnectionEnded),
        }
    }

    /// Asked for by itself, a way back to which no connection leads is no good news.
    fn not_examined(&self, why: ReverseReason) -> Found {
        let is_bad = !self.plan.direction.is_forward() && self.plan.service != Service::Unknown;
        let verdict = if is_bad { ReverseVerdict::Inconclusive } else { ReverseVerdict::Untested };
        Found { verdict, ..untested(why) }
    }

    /// With the way back alone, all that is wanted of the way there is a connection.
    pub(super) fn open_only(&mut self, now: Timestamp) {
        self.watch_connection();
        if self.connection.state() != State::Connecting || self.is_hopeless(now) {
            self.conclude(now);
        }
    }

    /// Moves the way back on, and puts both verdicts together once its own stands.
    pub(super) fn conduct_way_back(&mut self, now: Timestamp) {
        let Some(reverse) = &mut self.reverse else { return };
        reverse.conduct(now);
        let (Stage::WayBack, Some((found, findings))) = (self.stage, reverse.found()) else { return };
        let (found, findings) = (found.clone(), findings.to_vec());
        let Some(forward) = self.forward.take() else { return };
        let mut examined = Examined {
            reverse: found,
            probes_sent: self.probes_sent,
            bytes_sent: self.bytes_sent,
            elapsed: now.since(self.started),
            ..*forward
        };
        examined.findings.extend(findings);
        self.close_after(examined, now);
    }

    /// Concludes from what is known, whichever way is being examined.
    pub(super) fn stop_probing(&mut self, now: Timestamp) {
        if self.stage == Stage::Probing {
            // No time is left for the way back.
            let direction = std::mem::replace(&mut self.plan.direction, Direction::Forward);
            self.conclude(now);
            if let Some(examined) = self.examined.as_mut().filter(|_| direction.is_reverse()) {
                examined.direction = direction;
                examined.reverse = untested(ReverseReason::RunEndedBefore);
            }
            self.plan.direction = direction;
        }
        if let Some(reverse) = &mut self.reverse {
            reverse.interrupt(now);
        }
        self.conduct_way_back(now);
    }

    /// The forward verdict where only the way back was asked for.
    pub(super) fn unless_not_asked(&self, examined: Examined) -> Examined {
        if self.plan.direction.is_forward() || self.open_since.is_none() {
            return examined;
        }
        Examined { verdict: Verdict::Inconclusive, reason: Ground::OnlyWayBackAsked.into(), ..examined }
    }

    pub(super) fn due_way_back(&mut self, now: Timestamp) -> Option<Outgoing> {
        let out = self.reverse.as_mut()?.poll(now)?;
        Some(match out {
            Out::Segment(segment, meaning) => self.packet(Body::Tcp(segment), meaning),
            Out::Echo(echo, meaning) => {
                self.probes_sent += 1;
                self.packet(Body::EchoRequest(echo), meaning)
            }
            Out::Whole(packet, meaning) => Outgoing { packet, fragments: None, meaning },
        })
    }

    pub(super) fn is_of_way_back(&self, segment: &Segment) -> bool {
        let is_ours = |reverse: &Reverse| reverse.owns(segment.destination_port);
        segment.source_port == self.plan.port && self.reverse.as_deref().is_some_and(is_ours)
    }

    pub(super) fn receive_way_back(
        &mut self,
        ip: &IpHeader,
        segment: &Segment,
        fragment: Option<PacketSize>,
        now: Timestamp,
    ) -> Meaning {
        match &mut self.reverse {
            Some(reverse) => reverse.receive(ip, segment, fragment, now),
            None => Meaning::Stray,
        }
    }

    pub(super) fn echoed_on_way_back(
        &mut self,
        echo: Echo,
        size: Option<PacketSize>,
        fragment: Option<PacketSize>,
    ) -> bool {
        let is_ours = echo.ident == self.plan.echo_ident;
        match (&mut self.reverse, size) {
            (Some(reverse), Some(size)) if is_ours => reverse.echoed(echo, size, fragment),
            _ => false,
        }
    }

    pub(super) fn echo_of_way_back(&self, size: Option<PacketSize>) -> Probe {
        let size = size.unwrap_or(self.plan.min_size);
        Probe { technique: Technique::Echo, size, purpose: Purpose::Search }
    }
}
