//! Holes that wait until it is known whether a router was only sparing its messages.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use crate::compare::{Comparison, Order, examined_again};
use crate::model::{Direction, Examined, Timestamp, Verdict};
use crate::runner::Job;

/// What was found of them, and what is to be asked again.
pub(super) struct SecondLook {
    comparison: Comparison,
    waiting: HashMap<usize, Waiting>,
    began: Instant,
    is_resting: bool,
}

struct Waiting {
    examined: Examined,
    /// How often it was begun again.
    turns: usize,
}

/// What is to be done.
pub(super) enum Look {
    /// This counts for the address of a job.
    Settle(usize, Box<Examined>),
    /// Examine the address of a job again, so many times in all.
    Ask(usize, usize),
    WaitUntil(Instant),
    Idle,
}

/// Set in the number of a job that examines an address again.
const AGAIN: usize = 1 << (usize::BITS - 1);

/// The number of the job that examined the address first.
pub(super) fn first_job(job: usize) -> usize {
    job & !AGAIN
}

impl SecondLook {
    pub(super) fn new() -> Self {
        Self { comparison: Comparison::default(), waiting: HashMap::new(), began: Instant::now(), is_resting: false }
    }

    /// The verdict of a job on an address without a result. Returns what counts for it, unless that is not known yet.
    pub(super) fn judged(&mut self, job: usize, destination: IpAddr, examined: Examined) -> Option<Examined> {
        let ended = Timestamp::from_origin(self.began.elapsed());
        let interval = (ended - examined.elapsed, ended);
        let first = first_job(job);
        if job == first {
            if self.comparison.judged(job, destination, &examined, interval) {
                let turns = self.waiting.get(&job).map_or(0, |waiting| waiting.turns);
                self.waiting.insert(job, Waiting { examined, turns });
                return None;
            }
            return Some(examined);
        }
        let counts = self.comparison.asked(first, destination, &examined, interval);
        if counts && let Some(waiting) = self.waiting.remove(&first) {
            let examined = examined_again(waiting.examined, examined);
            self.waiting.insert(first, Waiting { examined, ..waiting });
        }
        None
    }

    /// The verdict of a job on an address that has its result. Returns it if it revises that.
    pub(super) fn late(job: usize, examined: Examined) -> Option<Examined> {
        (job == first_job(job) || examined.verdict == Verdict::Discoverable).then_some(examined)
    }

    /// The plan of a job that is about to begin, with the place that others know.
    pub(super) fn informed(&self, mut job: Job) -> Job {
        job.plan.known_end = self.comparison.known_end(job.plan.destination, job.plan.local_mtu);
        job
    }

    /// What is to be done now.
    pub(super) fn next(&mut self) -> Look {
        loop {
            match self.comparison.next(Timestamp::from_origin(self.began.elapsed())) {
                Order::Settle(job, outcome) => {
                    let Some(Waiting { mut examined, .. }) = self.waiting.remove(&job) else { continue };
                    outcome.apply(&mut examined);
                    return Look::Settle(job, Box::new(examined));
                }
                Order::Ask(job) => {
                    let Some(waiting) = self.waiting.get_mut(&job) else { continue };
                    waiting.turns += 1;
                    return Look::Ask(job, waiting.turns);
                }
                Order::WaitUntil(at) => return Look::WaitUntil(self.began + at.since(Timestamp::ZERO)),
                Order::Idle => return Look::Idle,
            }
        }
    }

    /// Whether nothing new may begin, so that the routers in question come to rest.
    pub(super) fn needs_rest(&mut self) -> bool {
        self.is_resting = self.comparison.needs_rest(self.is_resting);
        self.is_resting
    }

    /// Nothing is asked again any more. Returns what is known of those that wait.
    pub(super) fn give_up(&mut self) -> Vec<(usize, Examined)> {
        self.comparison = Comparison::default();
        let mut waiting: Vec<_> = self.waiting.drain().map(|(job, waiting)| (job, waiting.examined)).collect();
        waiting.sort_unstable_by_key(|(job, _)| *job);
        waiting
    }
}

/// The job that examines an address again: from another port because the server may remember the old connection, and the way there alone.
pub(super) fn job_again(first: &Job, number: usize, turns: usize) -> Job {
    let mut job = Job { id: number | AGAIN, ..first.clone() };
    let plan = &mut job.plan;
    if !plan.local_ports.is_empty() {
        let ports = plan.local_ports.len();
        plan.local_ports.rotate_left(turns % ports);
    }
    plan.seed = plan.seed.wrapping_add(turns as u64);
    plan.direction = Direction::Forward;
    plan.reverse_ports.clear();
    job
}
