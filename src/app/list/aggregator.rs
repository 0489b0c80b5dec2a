//! Where targets, addresses and verdicts meet: a target has its result when the last of its addresses has a verdict.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::Notify;

use super::admission::{Admission, Admitted};
use super::bell::Bell;
use super::known_addresses::{AddressOfTarget, KnownAddress, KnownAddresses};
use super::second_look::{Look, SecondLook, first_job, job_again};
use super::target_list::{LineContent, ListLine};
use crate::app::beginning::Beginning;
use crate::app::examiner::Examiner;
use crate::app::exit_code::NOTHING_TO_REPORT;
use crate::app::output::outputs::Outputs;
use crate::app::output::progress_line::{LineProgress, ListProgress};
use crate::app::output::result_sink::RunResult;
use crate::app::plan_error::PlanError;
use crate::app::planned_address::{Planned, PlannedAddress};
use crate::app::track::{TrackError, Tracker};
use crate::app::vantage;
use crate::model::{Examined, FailureKind, PacketEvent, Report, TargetFailure};
use crate::report::text;
use crate::report::verdict_counts::VerdictCounts;
use crate::runner::{Job, RunProgress};

/// What a run over a list knows and has counted.
pub(super) struct Aggregator<'a> {
    examiner: &'a Examiner<'a>,
    outputs: Outputs,
    /// The results of the last run, and of this one for the next.
    tracker: Option<Tracker>,
    admission: Admission,
    addresses: KnownAddresses,
    second_look: SecondLook,
    bell: &'a Bell,
    /// Targets in work, by number.
    targets: HashMap<usize, TargetInWork>,
    next_target: usize,
    counts: VerdictCounts,
    /// Targets that were taken from the list and are done.
    done: u64,
    is_interrupted: bool,
    delivery: Delivery,
    /// Told when there is no reason to go on.
    stop: &'a Notify,
    began: Instant,
}

/// Whether results can be written.
enum Delivery {
    Works,
    /// The reader closed the pipe, so it has seen enough.
    NobodyReads,
    Failed(io::Error),
}

/// What is to be asked again.
pub(super) enum NextLook {
    /// By this job.
    Ask(Box<Job>),
    /// Nothing before this, unless an examination ends.
    WaitUntil(Instant),
    Nothing,
}

struct TargetInWork {
    target: String,
    started: Beginning,
    planned: Vec<PlannedAddress>,
    failures: Vec<TargetFailure>,
    /// Whether something of it is left out that another run might examine.
    is_incomplete: bool,
    examined: Vec<Option<Rc<Examined>>>,
}

impl<'a> Aggregator<'a> {
    /// The counts are those of earlier runs.
    pub(super) fn new(
        examiner: &'a Examiner<'a>,
        (outputs, tracker): (Outputs, Option<Tracker>),
        admission: Admission,
        counts: VerdictCounts,
        (stop, bell): (&'a Notify, &'a Bell),
    ) -> Self {
        Self {
            examiner,
            outputs,
            tracker,
            admission,
            addresses: KnownAddresses::default(),
            second_look: SecondLook::new(),
            bell,
            targets: HashMap::new(),
            next_target: 0,
            counts,
            done: 0,
            is_interrupted: false,
            delivery: Delivery::Works,
            stop,
            began: Instant::now(),
        }
    }

    /// The clock of the run starts now.
    pub(super) fn begin(&mut self) {
        self.outputs.begin(&[]);
    }

    /// The target in a line, if it is one that this run has to examine.
    pub(super) fn wanted(&mut self, line: ListLine) -> Option<String> {
        if let (LineContent::Unreadable(_), Some(tracker)) = (&line.content, &mut self.tracker) {
            tracker.note_gap();
        }
        match self.admission.admit(line) {
            Admitted::Target(target) => Some(target),
            Admitted::NotWanted => None,
            Admitted::Bad(why) => {
                self.warn(&why);
                self.counts.note_exit_code(3);
                None
            }
        }
    }

    /// Begins with a target. Returns its addresses that are not examined yet.
    pub(super) fn open(&mut self, target: String, planned: Planned) -> Vec<Job> {
        let Planned { addresses: planned, errors, failures } = planned;
        for error in &errors {
            self.warn(&format!("{target}: {error}"));
        }
        let is_incomplete = errors.iter().any(|error| !error.is_harmless());
        if is_incomplete {
            self.counts.note_exit_code(3);
        }
        let number = self.next_target;
        self.next_target += 1;
        let mut new = Vec::new();
        let mut examined = Vec::with_capacity(planned.len());
        for (index, one) in planned.iter().enumerate() {
            examined.push(match self.addresses.ask(one.endpoint(), AddressOfTarget { target: number, index }) {
                KnownAddress::Done(examined) => Some(examined),
                KnownAddress::InWork => None,
                KnownAddress::New(id) => {
                    new.push(self.second_look.informed(Job { id, ..one.job.clone() }));
                    None
                }
            });
        }
        let will_come_again = planned.is_empty() && errors.iter().any(PlanError::is_temporary);
        let in_work = TargetInWork { target, started: Beginning::now(), planned, failures, is_incomplete, examined };
        if will_come_again {
            // No result: with --resume it is tried again.
            let kept = self.tracker.as_mut().map_or(Ok(()), |tracker| tracker.stands_as_before(&in_work.target));
            self.note_delivery(kept);
            self.outputs.without_result(&in_work.failures);
            let kind = in_work.failures.first().map_or(FailureKind::Unresolved, |failure| failure.kind);
            self.counts.add_failure(&in_work.target, kind);
            self.done += 1;
        } else if in_work.is_done() {
            self.close(in_work);
        } else {
            self.targets.insert(number, in_work);
        }
        new
    }

    pub(super) fn packet(&mut self, event: &PacketEvent<'_>) {
        self.outputs.packet(event);
    }

    pub(super) fn progress(&mut self, standing: &RunProgress) {
        let progress = ListProgress {
            done: self.done,
            left: self.admission.unread().map(|unread| unread + self.targets.len() as u64),
            in_work: standing.addresses - standing.judged,
            counts: self.counts.counts(),
            probes: standing.probes,
            elapsed: self.began.elapsed(),
        };
        self.outputs.progress(&LineProgress::List(progress));
    }

    /// The verdict of a job stands, or is revised. What has been written stays as it is.
    pub(super) fn judged(&mut self, job: usize, examined: Examined) {
        let first = first_job(job);
        let counts = match self.planned(first).map(|one| one.address.address) {
            Some(destination) if !self.is_interrupted => self.second_look.judged(job, destination, examined),
            Some(_) => Some(examined),
            None => SecondLook::late(job, examined),
        };
        if let Some(examined) = counts {
            self.settle(first, examined);
        }
        self.bell.ring();
    }

    /// The address of a job that has no result yet.
    fn planned(&self, job: usize) -> Option<&PlannedAddress> {
        let AddressOfTarget { target, index } = self.addresses.waits_for(job)?;
        self.targets.get(&target)?.planned.get(index)
    }

    /// Settles what can be settled, and returns what is to be asked again, and when.
    pub(super) fn next_look(&mut self) -> NextLook {
        loop {
            match self.second_look.next() {
                Look::Settle(job, examined) => self.settle(job, *examined),
                Look::Ask(job, turns) => {
                    if let Some(one) = self.planned(job) {
                        return NextLook::Ask(Box::new(job_again(&one.job, job, turns)));
                    }
                }
                Look::WaitUntil(at) => return NextLook::WaitUntil(at),
                Look::Idle => return NextLook::Nothing,
            }
        }
    }

    /// Whether nothing new may begin for now.
    pub(super) fn needs_rest(&mut self) -> bool {
        !self.is_interrupted && self.second_look.needs_rest()
    }

    /// Whether every target that was opened has its result.
    pub(super) fn is_done(&self) -> bool {
        self.targets.is_empty()
    }

    fn settle(&mut self, job: usize, examined: Examined) {
        let examined = Rc::new(examined);
        if let Some(old) = self.addresses.revised(job, &examined) {
            let slots = self.targets.values_mut().flat_map(|in_work| in_work.examined.iter_mut().flatten());
            slots.filter(|slot| Rc::ptr_eq(slot, &old)).for_each(|slot| *slot = Rc::clone(&examined));
            return;
        }
        for AddressOfTarget { target, index } in self.addresses.judged(job, &examined) {
            let Some(in_work) = self.targets.get_mut(&target) else { continue };
            if let Some(slot) = in_work.examined.get_mut(index) {
                *slot = Some(Rc::clone(&examined));
            }
            if in_work.is_done()
                && let Some(done) = self.targets.remove(&target)
            {
                self.close(done);
            }
        }
    }

    /// Every target has its result.
    pub(super) fn all_judged(&mut self) {
        self.outputs.verdicts_stand();
    }

    /// The run ends early: what follows knows less than it should.
    pub(super) fn interrupted(&mut self) {
        self.is_interrupted = true;
        self.outputs.cut_short();
        for (job, examined) in self.second_look.give_up() {
            self.settle(job, examined);
        }
        self.bell.ring();
    }

    /// Ends the outputs. Returns what went wrong with them.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.delivery, Delivery::Works) {
            Delivery::Failed(failure) => return Err(failure),
            delivery => self.delivery = delivery,
        }
        if self.counts.is_empty() && self.admission.has_read_nothing() && !self.is_interrupted {
            if let Some(tracker) = &mut self.tracker {
                tracker.note_gap();
            }
            self.nothing_to_examine("the list holds no target; write one per line");
            Ok(())
        } else if self.nobody_reads() {
            Ok(())
        } else {
            self.outputs.finish(&self.counts)
        }
    }

    fn nothing_to_examine(&mut self, why: &str) {
        self.warn(why);
        self.counts.note_exit_code(NOTHING_TO_REPORT);
        let target = self.examiner.plan().targets.subject();
        let failure = TargetFailure { target: target.clone(), kind: FailureKind::BadOption, text: why.to_owned() };
        let started = self.examiner.started();
        self.outputs.nothing_examined(&Report {
            target,
            started: started.time(),
            elapsed: started.elapsed(),
            addresses: Vec::new(),
            errors: vec![failure],
            vantage: vantage::name(),
            ending: None,
        });
    }

    /// Whether the run ended because the reader closed the pipe.
    pub(super) fn nobody_reads(&self) -> bool {
        matches!(self.delivery, Delivery::NobodyReads)
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.counts.exit_code()
    }

    /// A target is done.
    fn close(&mut self, done: TargetInWork) {
        let labels: Vec<String> = done.planned.iter().map(|one| text::printable(&one.label())).collect();
        let report = done.report(self.examiner);
        self.counts.add(&report, &labels);
        self.done += 1;
        let delivered = self.outputs.result(&RunResult { report: &report, cases: None });
        self.note_delivery(delivered);
        let changes = self.tracker.as_mut().map_or(Ok(Vec::new()), |tracker| tracker.result(&report));
        match changes {
            Ok(changes) => changes.iter().for_each(|change| self.warn(change)),
            Err(error) => self.note_delivery(Err(error)),
        }
    }

    /// The run is over and delivered: the next one compares with its results.
    pub(super) fn keep_results(&mut self) -> Result<(), TrackError> {
        self.tracker.take().map_or(Ok(()), Tracker::keep)
    }

    /// Ends the run if results cannot be written.
    fn note_delivery(&mut self, delivered: io::Result<()>) {
        let Err(error) = delivered else { return };
        let is_failed = matches!(self.delivery, Delivery::Failed(_));
        match error.kind() {
            io::ErrorKind::BrokenPipe if is_failed => {}
            io::ErrorKind::BrokenPipe => self.delivery = Delivery::NobodyReads,
            _ => self.delivery = Delivery::Failed(error),
        }
        self.stop.notify_one();
    }

    fn warn(&mut self, what: &str) {
        self.outputs.warn(&text::printable(what));
    }
}

impl TargetInWork {
    fn is_done(&self) -> bool {
        self.examined.iter().all(Option::is_some)
    }

    fn report(self, examiner: &Examiner<'_>) -> Report {
        let found = self.planned.iter().zip(self.examined.into_iter().flatten());
        let addresses =
            found.map(|(one, examined)| examiner.address_report(one, Rc::unwrap_or_clone(examined))).collect();
        let mut report = Report {
            target: self.target,
            vantage: vantage::name(),
            started: self.started.time(),
            elapsed: self.started.elapsed(),
            addresses,
            errors: self.failures,
            ending: None,
        };
        report.ending = (self.is_incomplete && report.exit_code() == 0).then_some(NOTHING_TO_REPORT);
        report
    }
}
