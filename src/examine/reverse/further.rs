//! The connections beside the first: one with small segments, then sizes in between.

use crate::model::{PacketSize, ReverseReason, SeqNumber, Timestamp};

use super::super::dialogue::Dialogue;
use super::super::next_random;
use super::draw::{Draw, Fate};
use super::echoes::Echoes;
use super::sizes::{Trial, next_trial};
use super::talk::Talk;
use super::{Control, LOSSY_PATIENCE, MOST_CONNECTIONS, Reverse, Role, TRIAL_PATIENCE, smallest};

impl Reverse {
    pub(super) fn ask_by_echo(&mut self) {
        let Some(lost) = self.lost else { return };
        let small = smallest(self.plan.family());
        let most = self.forward.unwrap_or(self.plan.local_mtu);
        self.echoes = Some(Echoes::new(self.passes.unwrap_or(small).max(small).min(most), lost, most));
    }

    /// Opens further connections, one after the other, until the sizes are known or no more may be opened.
    pub(super) fn further_is_done(&mut self, now: Timestamp) -> bool {
        let family = self.plan.family();
        match self.control {
            Control::NotYet if self.draws.iter().any(|(role, _)| matches!(role, Role::Control)) => return false,
            Control::NotYet => {
                let trial = Trial { passes: None, size: smallest(family) };
                if !self.open(Role::Control, trial, now) {
                    self.control = Control::Failed(ReverseReason::NoControl);
                }
                return false;
            }
            Control::Failed(_) => return true,
            Control::Passes => {}
        }
        if self.draws.iter().any(|(role, _)| matches!(role, Role::Trial { is_judged: false })) {
            return false;
        }
        if self.echoes.as_ref().is_some_and(|echoes| !echoes.is_over()) {
            return false;
        }
        let (Some(passes), Some(lost)) = (self.passes, self.lost_by_size().or(self.lost)) else { return true };
        let hints: Vec<PacketSize> =
            self.echoes.as_ref().and_then(Echoes::exact).into_iter().chain(self.forward).collect();
        match next_trial(passes, lost, &hints, family) {
            Some(trial) => !self.open(Role::Trial { is_judged: false }, trial, now),
            None => true,
        }
    }

    /// Opens one more connection, if one more may be opened.
    pub(super) fn open(&mut self, role: Role, trial: Trial, now: Timestamp) -> bool {
        let port = self.plan.reverse_ports.get(self.draws.len() - 1).copied();
        let Some(port) = port.filter(|_| self.draws.len() < MOST_CONNECTIONS) else { return false };
        let iss = SeqNumber(next_random(&mut self.rng) as u32);
        let dialogue = Dialogue::new(self.plan.source);
        let talk = Talk::new(self.plan.service, self.plan.server_name.clone(), self.plan.destination, dialogue);
        let ends = (port, self.plan.port);
        let draw = Draw::open(self.plan.family(), trial, ends, iss, talk, &self.rtt, now);
        self.draws.push((role, draw));
        true
    }

    /// Takes stock of the connections beside the first.
    pub(super) fn judge_further(&mut self, now: Timestamp) {
        let is_lossy = self.is_lossy || self.first().has_seen_loss();
        for (role, draw) in self.draws.iter_mut().skip(1) {
            let is_lossy = is_lossy || draw.has_seen_loss();
            let is_lost = draw.is_stuck_for(if is_lossy { LOSSY_PATIENCE } else { TRIAL_PATIENCE }, now);
            let fate = draw.fate();
            match role {
                Role::Control if self.control == Control::NotYet => {
                    self.control = match fate {
                        Fate::Drawn => Control::Passes,
                        Fate::Unwilling(why) => Control::Failed(ReverseReason::Unwilling(why)),
                        Fate::Open if is_lost => Control::Failed(ReverseReason::SmallOnesLost),
                        Fate::Open => continue,
                    };
                }
                Role::Trial { is_judged } if !*is_judged => {
                    match fate {
                        // Where packets of any size are lost, a few that stay away prove nothing about a size.
                        Fate::Open if is_lost && is_lossy => {}
                        Fate::Open if is_lost => {
                            let arrived = self.passes.max(draw.arrivals().largest());
                            let missing = draw.missing_size().filter(|size| Some(*size) > arrived);
                            self.lost_on_trial = [self.lost_on_trial, missing].into_iter().flatten().min();
                        }
                        Fate::Open => continue,
                        Fate::Drawn | Fate::Unwilling(_) => {}
                    }
                    *is_judged = true;
                }
                _ => continue,
            }
            self.passes = self.passes.max(draw.arrivals().largest());
            draw.leave(now);
        }
    }
}
