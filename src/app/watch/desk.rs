//! All that a watch knows, in one hand: the loop and its feed work on it in turns.

use std::collections::HashMap;
use std::io;
use std::time::SystemTime;

use super::books::Books;
use super::console::Console;
use super::observer::Hears;
use super::round_plan::plan_of;
use super::source::Edition;
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::plan_error::PlanError;
use crate::app::planned_address::{Planned, PlannedAddress};
use crate::app::vantage;
use crate::model::{
    AddressReport, Examined, PortState, Report, ReverseVerdict, Sighting, TargetFailure, Timestamp, Verdict,
    WatchedAddress,
};
use crate::runner::Job;
use crate::watch::{Order, Place, TargetId, Task, Watch};

pub(super) struct Desk<'a> {
    examiner: &'a Examiner<'a>,
    watch: Watch,
    addresses: HashMap<WatchedAddress, Seen>,
    /// Examinations under way, by the number of their job.
    flights: HashMap<usize, Flight>,
    /// What look-ups said last, by target.
    look_ups: HashMap<TargetId, LookUp>,
    pub(super) console: Console<'a>,
    books: Books,
}

/// An address, and what was found there.
struct Seen {
    planned: PlannedAddress,
    /// The last one that says how the address stands, where anybody asks for it.
    report: Option<AddressReport>,
}

struct Flight {
    at: WatchedAddress,
    began: SystemTime,
}

#[derive(Default)]
struct LookUp {
    failures: Vec<TargetFailure>,
    /// In the words that people were told.
    errors: Vec<String>,
}

/// How an address stands, as far as its line in the history says it.
type Stand = (WatchedAddress, Option<Verdict>, ReverseVerdict, Option<std::mem::Discriminant<PortState>>);

impl<'a> Desk<'a> {
    pub(super) fn new(examiner: &'a Examiner<'a>, watch: Watch, told: (Console<'a>, Books)) -> Self {
        let (console, books) = told;
        Self {
            examiner,
            watch,
            addresses: HashMap::new(),
            flights: HashMap::new(),
            look_ups: HashMap::new(),
            console,
            books,
        }
    }

    pub(super) fn examiner(&self) -> &'a Examiner<'a> {
        self.examiner
    }

    /// The next task, unless there is to be none.
    pub(super) fn next(&mut self) -> Option<Task> {
        if self.console.rests() { None } else { self.watch.next(self.console.now()) }
    }

    /// When there may be something to do.
    pub(super) fn next_wake(&self) -> Timestamp {
        let publish = self.books.due(self.flights.is_empty()).unwrap_or(Timestamp::MAX);
        let next = if self.console.rests() { Timestamp::MAX } else { self.watch.next_wake() };
        next.min(publish)
    }

    /// What an order is to the runner.
    pub(super) fn job(&mut self, order: &Order) -> Option<Job> {
        let Some(seen) = self.addresses.get(&order.at) else {
            self.watch.cancel(order.number);
            return None;
        };
        let id = usize::try_from(order.number).ok()?;
        self.flights.insert(id, Flight { at: order.at.clone(), began: SystemTime::now() });
        let ports = self.examiner.plan().examination.local_ports();
        Some(Job { id, plan: plan_of(order, &seen.planned, ports), ..seen.planned.job.clone() })
    }

    /// A target was looked up.
    pub(super) fn looked_up(&mut self, id: TargetId, planned: Planned) {
        let now = self.console.now();
        let Planned { addresses, errors, failures } = planned;
        let why = errors.first().map_or_else(|| "it has no address".to_owned(), ToString::to_string);
        self.note_errors(id, &errors, failures, addresses.is_empty());
        if addresses.is_empty() {
            self.watch.nowhere(id, &why, now);
            return;
        }
        let mut places = Vec::with_capacity(addresses.len());
        for planned in addresses {
            let at = place_of(&planned);
            places.push(Place { at: at.clone(), label: label(&planned) });
            match self.addresses.get_mut(&at) {
                Some(seen) => seen.planned = planned,
                None => drop(self.addresses.insert(at, Seen { planned, report: None })),
            }
        }
        self.watch.found(id, places, now);
    }

    /// What is odd about a target is told when it is odd for the first time.
    fn note_errors(&mut self, id: TargetId, errors: &[PlanError], failures: Vec<TargetFailure>, is_lost: bool) {
        let name = self.watch.target(id).map(|(name, _)| name.to_owned()).unwrap_or_default();
        let errors: Vec<String> = errors.iter().map(|error| format!("{name}: {error}")).collect();
        let before = self.look_ups.insert(id, LookUp { failures, errors: errors.clone() }).unwrap_or_default();
        // Where nothing is left to examine, that is news of its own.
        for error in errors.iter().filter(|error| !is_lost && !before.errors.contains(error)) {
            self.console.teller.say(error);
        }
    }

    /// Tells what has changed, and writes what is due.
    pub(super) fn settle(&mut self) {
        let told = self.tell_and_write();
        self.console.note(told);
    }

    fn tell_and_write(&mut self) -> io::Result<()> {
        while let Some(news) = self.watch.news() {
            self.console.teller.tell(&news)?;
        }
        while let Some(id) = self.watch.ended() {
            self.write_line(id)?;
        }
        let now = self.console.now();
        if self.books.due(self.flights.is_empty()).is_some_and(|due| due <= now) {
            let reports: Vec<&AddressReport> =
                self.addresses.values().filter_map(|seen| seen.report.as_ref()).collect();
            let failures: Vec<TargetFailure> =
                self.look_ups.values().flat_map(|look_up| &look_up.failures).cloned().collect();
            self.books.publish(&reports, &failures, now)?;
        }
        Ok(())
    }

    fn write_line(&mut self, id: TargetId) -> io::Result<()> {
        let Some((target, places)) = self.watch.target(id) else { return Ok(()) };
        let stands: Vec<Stand> = places.iter().filter_map(|place| self.stand(place)).collect();
        // Nothing is sure yet: its first line follows.
        if stands.len() < places.len() || !self.books.wants_line(id, &stands, self.console.now()) {
            return Ok(());
        }
        let reports = places.iter().filter_map(|place| self.addresses.get(&place.at)?.report.clone());
        let of_target = |report: AddressReport| AddressReport { target: target.to_owned(), ..report };
        let report = Report {
            target: target.to_owned(),
            vantage: vantage::name(),
            started: places
                .iter()
                .filter_map(|place| Some(self.watch.standing(&place.at)?.told()?.began))
                .min()
                .unwrap_or_else(SystemTime::now),
            elapsed: self.addresses_took(places),
            addresses: reports.map(of_target).collect(),
            errors: self.look_ups.get(&id).map(|look_up| look_up.failures.clone()).unwrap_or_default(),
            ending: None,
        };
        self.books.write(&report, None)
    }

    fn addresses_took(&self, places: &[Place]) -> std::time::Duration {
        let reports = places.iter().filter_map(|place| self.addresses.get(&place.at)?.report.as_ref());
        reports.map(|report| report.examined.elapsed).max().unwrap_or_default()
    }

    fn stand(&self, place: &Place) -> Option<Stand> {
        let told = self.watch.standing(&place.at)?.told()?;
        Some((place.at.clone(), told.there, told.back, told.port.as_ref().map(std::mem::discriminant)))
    }

    /// The list has another edition.
    pub(super) fn read_again(&mut self, edition: Edition) {
        let (came, went) = self.set_targets(edition);
        let count = targets(self.watch.count());
        self.console.teller.say(&format!("the list was read again: {count}, {came} new and {went} gone"));
    }

    /// The targets from now on. Returns how many came and how many went.
    pub(super) fn set_targets(&mut self, edition: Edition) -> (usize, usize) {
        for fault in &edition.faults {
            self.console.teller.say(fault);
        }
        let now = self.console.now();
        let changes = self.watch.set_targets(edition.targets, now);
        let watch = &self.watch;
        self.books.keep_only(|id| watch.target(id).is_some());
        self.look_ups.retain(|id, _| watch.target(*id).is_some());
        changes
    }

    /// Addresses that nothing leads to are forgotten here as well.
    pub(super) fn tidy(&mut self) {
        let watch = &self.watch;
        self.addresses.retain(|at, _| watch.standing(at).is_some());
    }

    /// Draws the table, if there is one.
    pub(super) fn show(&mut self, title: &str) {
        let shown = self.console.teller.show(&self.watch, title, self.console.is_paused());
        self.console.note(shown);
    }

    pub(super) fn count(&self) -> usize {
        self.watch.count()
    }

    /// Gives back the terminal. Returns the exit code that the last state gives.
    pub(super) fn finish(self) -> Result<u8, RunError> {
        self.console.finish(self.watch.exit_code())
    }
}

impl Hears for Desk<'_> {
    /// An examination has its verdict. One that is revised later is seen again in the next round.
    fn judged(&mut self, job: usize, examined: Examined) {
        let Some(Flight { at, began }) = self.flights.remove(&job) else { return };
        self.console.stir();
        // What follows knows less than it should.
        if self.console.is_ending() {
            return;
        }
        let now = self.console.now();
        let Some(seen) = self.addresses.get_mut(&at) else { return self.watch.cancel(job as u64) };
        let report = self.examiner.address_report(&seen.planned, examined);
        let sighting = Sighting::of(&report.examined, report.exit_code(), began, SystemTime::now());
        self.watch.examined(job as u64, sighting, now);
        let says_it = self.watch.standing(&at).is_some_and(|standing| standing.is_said_by(&sighting));
        if self.books.are_kept() && (says_it || seen.report.is_none()) {
            seen.report = Some(report);
        }
    }

    fn end(&mut self) {
        self.console.end();
    }
}

/// `3 targets`.
pub(super) fn targets(count: usize) -> String {
    format!("{count} target{}", if count == 1 { "" } else { "s" })
}

fn place_of(planned: &PlannedAddress) -> WatchedAddress {
    WatchedAddress { address: planned.address.address, scope_id: planned.job.scope_id, port: planned.port }
}

/// `mx.example.com 192.0.2.25`, and the port unless it is that of SMTP.
fn label(planned: &PlannedAddress) -> String {
    const SMTP: u16 = 25;
    let label = planned.label();
    if planned.port == SMTP { label } else { format!("{label} port {}", planned.port) }
}
