//! A user who gives an examination no more than so long.

use std::time::Duration;

use pmtu_probe::examine::Examination;
use pmtu_probe::model::{Action, Event, Examined, Timestamp};

use super::run::{Examiner, Run, drive, plan};
use crate::scenario::{Family, Scenario};

/// Runs a scenario that is cut short.
pub fn run_for(patience: Duration, scenario: &Scenario, family: Family, seed: u64) -> Run {
    let examination = Examination::new(plan(scenario, family, seed), Timestamp::ZERO);
    let impatient = Impatient { examination, until: Some(Timestamp::from_origin(patience)) };
    drive(impatient, scenario, family, seed, false)
}

struct Impatient {
    examination: Examination,
    /// `None`: it was cut short.
    until: Option<Timestamp>,
}

impl Examiner for Impatient {
    fn poll(&mut self, now: Timestamp) -> Action {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            self.interrupt(now);
        }
        match self.examination.poll(now) {
            Action::WaitUntil(at) => Action::WaitUntil(self.until.map_or(at, |until| until.min(at))),
            action => action,
        }
    }

    fn handle(&mut self, event: &Event, now: Timestamp) {
        self.examination.handle(event, now);
    }

    fn examined(&self) -> Option<&Examined> {
        self.examination.examined()
    }

    fn interrupt(&mut self, now: Timestamp) {
        self.examination.interrupt(now);
    }
}
