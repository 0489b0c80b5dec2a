//! One examination that runs, and whether its verdict may be believed.

use std::net::IpAddr;

use tracing::debug;

use super::Job;
use crate::examine::Examination;
use crate::model::{Action, Event, Examined, Meaning, Timestamp, Verdict};

/// Times that an examination begins anew because this host lost packets that it was waiting for.
const MOST_RETRIES: u8 = 3;

/// An examination that runs.
pub(super) struct Running {
    job: Job,
    examination: Examination,
    deadline: Timestamp,
    stage: Stage,
    retries: u8,
    /// This host dropped packets that had arrived: a silence may be its own fault.
    was_deaf: bool,
    /// When it wants to speak.
    pub(super) wake: Timestamp,
    /// The earliest entry in the schedule.
    pub(super) scheduled: Timestamp,
    /// It stands in line for a packet of the rate limit.
    pub(super) in_line: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The verdict stands; the connections are being closed.
    Judged,
    /// The verdict is not to be believed; the connections are being closed, then it begins anew.
    Again,
}

/// What an examination has to say.
pub(super) struct Turn {
    pub(super) action: Action,
    /// The verdict, once.
    pub(super) verdict: Option<Box<Examined>>,
}

impl Running {
    pub(super) fn new(job: Job, now: Timestamp, deadline: Timestamp) -> Self {
        let examination = Examination::new(job.plan.clone(), now);
        Self {
            job,
            examination,
            deadline,
            stage: Stage::Open,
            retries: 0,
            was_deaf: false,
            wake: now,
            scheduled: Timestamp::MAX,
            in_line: false,
        }
    }

    pub(super) fn job(&self) -> usize {
        self.job.id
    }

    pub(super) fn destination(&self) -> IpAddr {
        self.job.plan.destination
    }

    pub(super) fn scope_id(&self) -> u32 {
        self.job.scope_id
    }

    pub(super) fn examination(&self) -> &Examination {
        &self.examination
    }

    pub(super) fn is_judged(&self) -> bool {
        self.stage == Stage::Judged
    }

    pub(super) fn handle(&mut self, event: &Event, now: Timestamp) -> Meaning {
        self.examination.handle(event, now)
    }

    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.retries = MOST_RETRIES;
        // One that is on its way out already would begin anew otherwise.
        if self.stage == Stage::Again {
            self.stage = Stage::Open;
        }
        self.examination.interrupt(now);
    }

    /// Packets that had arrived were dropped before anyone read them.
    pub(super) fn went_deaf(&mut self) {
        self.was_deaf = true;
    }

    pub(super) fn poll(&mut self, now: Timestamp) -> Turn {
        if now >= self.deadline && self.examination.examined().is_none() {
            self.examination.interrupt(now);
        }
        let mut action = self.examination.poll(now);
        let verdict = if self.stage == Stage::Open { self.verdict(now) } else { None };
        if action == Action::Done && self.stage == Stage::Again {
            self.begin_anew(now);
            action = self.examination.poll(now);
        }
        if let Action::WaitUntil(at) = &mut action
            && self.stage == Stage::Open
        {
            *at = (*at).min(self.deadline.max(now));
        }
        Turn { action, verdict }
    }

    fn verdict(&mut self, now: Timestamp) -> Option<Box<Examined>> {
        let examined = self.examination.examined()?;
        if !self.was_deaf || rests_on_answers(examined) {
            let examined = Box::new(examined.clone());
            self.stage = Stage::Judged;
            return Some(examined);
        }
        if self.retries < MOST_RETRIES && now < self.deadline {
            debug!("{} is examined again: this host dropped packets that had arrived", self.destination());
            self.stage = Stage::Again;
            return None;
        }
        let examined = Box::new(without_conclusion(examined.clone()));
        self.stage = Stage::Judged;
        Some(examined)
    }

    /// From other ports: the server may remember the old connection.
    fn begin_anew(&mut self, now: Timestamp) {
        let plan = &mut self.job.plan;
        if !plan.local_ports.is_empty() {
            plan.local_ports.rotate_left(1);
        }
        plan.seed = plan.seed.wrapping_add(1);
        self.examination = Examination::new(plan.clone(), now);
        self.retries += 1;
        self.stage = Stage::Open;
        self.was_deaf = false;
    }
}

/// Whether no silence has part in it.
fn rests_on_answers(examined: &Examined) -> bool {
    use crate::model::ReverseVerdict::{Clear, Untested};
    let forward = examined.verdict == Verdict::Clear || !examined.direction.is_forward();
    forward && matches!(examined.reverse.verdict, Clear | Untested)
}

/// A silence that this host may have made itself proves nothing.
fn without_conclusion(mut examined: Examined) -> Examined {
    use crate::model::ReverseVerdict;
    const REASON: &str =
        "this host dropped packets that had arrived, as it was too busy: try again with a lower --rate";
    if examined.direction.is_forward() && examined.verdict != Verdict::Clear {
        examined.verdict = Verdict::Inconclusive;
        examined.cause = None;
        examined.confidence = None;
        examined.first_lost_size = None;
        examined.location = None;
        REASON.clone_into(&mut examined.reason);
    }
    if !matches!(examined.reverse.verdict, ReverseVerdict::Clear | ReverseVerdict::Untested) {
        examined.reverse.verdict = ReverseVerdict::Inconclusive;
        examined.reverse.first_lost_size = None;
        examined.reverse.recovered_after = None;
        examined.reverse.reason = Some(REASON.to_owned());
    }
    examined
}
