//! Addresses in work and the last ones that are done: targets that share an address share its examination.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::app::planned_address::Endpoint;
use crate::model::Examined;

/// Addresses whose verdict is remembered, for targets that lead to them again: some megabytes at most.
const MOST_REMEMBERED: usize = 4096;

/// Who waits for an address: the number of a target, and which of its addresses it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressOfTarget {
    pub(super) target: usize,
    pub(super) index: usize,
}

/// What is known of an address that a target leads to.
pub(super) enum KnownAddress {
    /// It was examined.
    Done(Rc<Examined>),
    /// It is being examined for another target as well.
    InWork,
    /// A job of this number has to examine it.
    New(usize),
}

#[derive(Default)]
pub(super) struct KnownAddresses {
    known: HashMap<Endpoint, Knowledge>,
    jobs: HashMap<usize, PendingJob>,
    /// Addresses that are done, the oldest first.
    remembered: VecDeque<Endpoint>,
    next_job: usize,
}

enum Knowledge {
    /// The number of its job.
    InWork(usize),
    Done {
        job: usize,
        examined: Rc<Examined>,
    },
}

struct PendingJob {
    endpoint: Endpoint,
    waiting: Vec<AddressOfTarget>,
}

impl KnownAddresses {
    /// What is known of an address. Unless it is done, `judged` will name this target too.
    pub(super) fn ask(&mut self, endpoint: Endpoint, whose: AddressOfTarget) -> KnownAddress {
        match self.known.get(&endpoint) {
            Some(Knowledge::Done { examined, .. }) => KnownAddress::Done(Rc::clone(examined)),
            Some(Knowledge::InWork(job)) => {
                if let Some(pending) = self.jobs.get_mut(job) {
                    pending.waiting.push(whose);
                }
                KnownAddress::InWork
            }
            None => {
                let job = self.next_job;
                self.next_job += 1;
                self.known.insert(endpoint, Knowledge::InWork(job));
                self.jobs.insert(job, PendingJob { endpoint, waiting: vec![whose] });
                KnownAddress::New(job)
            }
        }
    }

    /// Who waits for the address of a job; `None`: it is done.
    pub(super) fn waits_for(&self, job: usize) -> Option<AddressOfTarget> {
        self.jobs.get(&job)?.waiting.first().copied()
    }

    /// A verdict that stood is revised. Returns the one that it replaces, if that is still known.
    pub(super) fn revised(&mut self, job: usize, examined: &Rc<Examined>) -> Option<Rc<Examined>> {
        if self.jobs.contains_key(&job) {
            return None;
        }
        self.known.values_mut().find_map(|known| match known {
            Knowledge::Done { job: of, examined: old } if *of == job => {
                Some(std::mem::replace(old, Rc::clone(examined)))
            }
            Knowledge::Done { .. } | Knowledge::InWork(_) => None,
        })
    }

    /// The verdict on an address stands. Returns who has waited for it.
    pub(super) fn judged(&mut self, job: usize, examined: &Rc<Examined>) -> Vec<AddressOfTarget> {
        let Some(PendingJob { endpoint, waiting }) = self.jobs.remove(&job) else { return Vec::new() };
        self.known.insert(endpoint, Knowledge::Done { job, examined: Rc::clone(examined) });
        self.remembered.push_back(endpoint);
        if self.remembered.len() > MOST_REMEMBERED
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.known.remove(&oldest);
        }
        waiting
    }
}
