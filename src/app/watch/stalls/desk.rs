//! All that is known of connections that hang, in one hand: the loop and its feed work on it in turns.

use std::collections::HashMap;
use std::io;
use std::time::SystemTime;

use super::looker::{AFTER_A_FAILURE, Look};
use crate::app::cases::Cases;
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::planned_address::{Planned, PlannedAddress};
use crate::app::vantage;
use crate::app::watch::books::Books;
use crate::app::watch::console::Console;
use crate::app::watch::observer::Hears;
use crate::app::watched_connection::WatchedConnection;
use crate::model::{AddressReport, Connections, Examined, Report, Sighting, StallNews, TargetFailure, Timestamp};
use crate::net::NetError;
use crate::report::connections::{ConnectionAnswer, peer};
use crate::report::watch::{StallTable, StallTableRow, stall_line};
use crate::runner::Job;
use crate::watch::{Host, LEAST_PAUSE, StallOrder, Stalls};

pub(super) struct StallDesk<'a> {
    /// `None`: nothing is sent.
    examiner: Option<&'a Examiner<'a>>,
    stalls: Stalls,
    /// What the last examination of each peer brought.
    seen: HashMap<Host, Seen>,
    /// Examinations under way, by the number of their job.
    flights: HashMap<usize, Flight>,
    pub(in crate::app::watch) console: Console<'a>,
    books: Books,
    next_look: Timestamp,
    survey: Connections,
    /// Why the last look failed.
    complaint: Option<String>,
}

struct Flight {
    host: Host,
    planned: PlannedAddress,
    began: SystemTime,
}

struct Seen {
    began: SystemTime,
    /// `None`: it could not be examined.
    report: Option<AddressReport>,
    error: Option<String>,
    failures: Vec<TargetFailure>,
}

impl<'a> StallDesk<'a> {
    pub(super) fn new(
        examiner: Option<&'a Examiner<'a>>,
        stalls: Stalls,
        (console, books): (Console<'a>, Books),
    ) -> Self {
        Self {
            examiner,
            stalls,
            seen: HashMap::new(),
            flights: HashMap::new(),
            console,
            books,
            next_look: Timestamp::ZERO,
            survey: Connections::default(),
            complaint: None,
        }
    }

    /// Whether to look now.
    pub(super) fn is_look_due(&self) -> bool {
        !self.console.is_ending() && (self.stalls.wants_look() || self.next_look <= self.console.now())
    }

    /// When there may be something to do, beside a look that is under way.
    pub(super) fn next_wake(&self, is_looking: bool) -> Timestamp {
        let publish = self.books.due(self.flights.is_empty()).unwrap_or(Timestamp::MAX);
        let next = if self.console.rests() { Timestamp::MAX } else { self.stalls.next_wake() };
        let look = if is_looking || self.console.is_ending() { Timestamp::MAX } else { self.next_look };
        next.min(publish).min(look)
    }

    /// The examinations that are due, unless there are to be none.
    pub(super) fn orders(&mut self) -> Vec<StallOrder> {
        let now = self.console.now();
        if self.console.rests() { Vec::new() } else { self.stalls.orders(now) }
    }

    /// A look is over.
    pub(super) fn looked(&mut self, look: Result<Look, NetError>) {
        let now = self.console.now();
        match look {
            Ok(look) => {
                self.next_look = now + look.pause();
                self.complaint = None;
                self.stalls.looked(look.found.as_ref().unwrap_or(&Connections::default()), &look.sockets, now);
                if let Some(found) = look.found {
                    self.survey = found;
                }
                let stalls = &self.stalls;
                self.seen.retain(|host, _| stalls.knows(host));
            }
            Err(error) => {
                self.next_look = now + AFTER_A_FAILURE;
                let complaint = error.to_string();
                if self.complaint.as_ref() != Some(&complaint) {
                    self.console.teller.say(&complaint);
                    self.complaint = Some(complaint);
                }
            }
        }
    }

    /// What an order is to the runner, where it is known how to reach the peer.
    pub(super) fn planned(&mut self, order: &StallOrder, planned: Planned) -> Option<Job> {
        let Planned { addresses, errors, failures } = planned;
        // An address leads to one.
        let Some(mut one) = addresses.into_iter().next() else {
            let error = errors.first().map(ToString::to_string);
            self.seen.insert(order.host, Seen { began: SystemTime::now(), report: None, error, failures });
            self.stalls.examined(order.number, None, self.console.now());
            return None;
        };
        let id = usize::try_from(order.number).ok()?;
        one.job.id = id;
        let job = one.job.clone();
        self.flights.insert(id, Flight { host: order.host, planned: one, began: SystemTime::now() });
        Some(job)
    }

    /// Tells what is new, and writes what is due.
    pub(super) fn settle(&mut self) {
        let told = self.tell_and_write();
        self.console.note(told);
    }

    fn tell_and_write(&mut self) -> io::Result<()> {
        while let Some(news) = self.stalls.news() {
            self.tell(&news)?;
        }
        let now = self.console.now();
        if self.books.published().is_none_or(|published| now.since(published) >= LEAST_PAUSE) {
            self.books.note(now);
        }
        if self.books.due(self.flights.is_empty()).is_some_and(|due| due <= now) {
            let hosts: Vec<Host> = self.stalls.hosts_in_trouble().collect();
            let seen = || hosts.iter().filter_map(|host| self.seen.get(host));
            let reports: Vec<&AddressReport> = seen().filter_map(|seen| seen.report.as_ref()).collect();
            let failures: Vec<TargetFailure> = seen().flat_map(|seen| &seen.failures).cloned().collect();
            self.books.publish(&reports, &failures, now)?;
        }
        Ok(())
    }

    fn tell(&mut self, news: &StallNews) -> io::Result<()> {
        let seen = self.seen.get(&Host::of(&news.connection));
        let answer = ConnectionAnswer {
            connection: &news.connection,
            report: seen.and_then(|seen| seen.report.as_ref()),
            error: seen.and_then(|seen| seen.error.clone()),
            afterwards: news.afterwards,
        };
        let line = stall_line(news, self.examiner.map(|_| &answer), SystemTime::now(), self.console.teller.zone());
        self.console.teller.tell_line(line)?;
        self.books.note(self.console.now());
        if self.books.are_kept() { self.write_line(news) } else { Ok(()) }
    }

    fn write_line(&mut self, news: &StallNews) -> io::Result<()> {
        let seen = self.seen.get(&Host::of(&news.connection));
        let addresses: Vec<AddressReport> = seen.and_then(|seen| seen.report.clone()).into_iter().collect();
        let report = Report {
            target: peer(&news.connection),
            vantage: vantage::name(),
            started: seen.map_or_else(SystemTime::now, |seen| seen.began),
            elapsed: addresses.first().map(|address| address.examined.elapsed).unwrap_or_default(),
            addresses,
            errors: seen.map(|seen| seen.failures.clone()).unwrap_or_default(),
            ending: None,
        };
        let error = seen.and_then(|seen| seen.error.as_deref());
        let case = WatchedConnection { connection: &news.connection, error, afterwards: news.afterwards };
        self.books.write(&report, Some(&Cases::Watched(case)))
    }

    /// Draws the table, if there is one.
    pub(super) fn show(&mut self) {
        let (now, is_paused) = (self.console.now(), self.console.is_paused());
        let rows: Vec<StallTableRow<'_>> = self
            .stalls
            .rows(now)
            .map(|row| StallTableRow {
                connection: row.connection,
                hung: row.hung,
                peer: row.peer,
                is_running: row.is_running,
            })
            .collect();
        let looked_at = self.survey.survey.looked_at;
        let title = match (rows.len(), looked_at) {
            (hang, 1) => format!("{hang} of 1 connection hangs"),
            (1, several) => format!("1 of {several} connections hangs"),
            (hang, several) => format!("{hang} of {several} connections hang"),
        };
        let drawn = self.console.teller.draw(|frame| {
            let (width, height) = frame.size;
            let (now, zone, news, color) = (SystemTime::now(), frame.zone, frame.news, frame.color);
            StallTable { title, is_paused, now, zone, rows, news, color }.lines(width, height)
        });
        self.console.note(drawn);
    }

    /// Gives back the terminal. Returns the exit code that the last state gives.
    pub(super) fn finish(self) -> Result<u8, RunError> {
        self.console.finish(self.stalls.exit_code())
    }
}

impl Hears for StallDesk<'_> {
    /// An examination has its verdict. One that is revised later is seen again at the next.
    fn judged(&mut self, job: usize, found: Examined) {
        let Some(Flight { host, planned, began }) = self.flights.remove(&job) else { return };
        self.console.stir();
        let Some(examiner) = self.examiner.filter(|_| !self.console.is_ending()) else { return };
        let report = examiner.address_report(&planned, found);
        let sighting = Sighting::of(&report.examined, report.exit_code(), began, SystemTime::now());
        self.seen.insert(host, Seen { began, report: Some(report), error: None, failures: Vec::new() });
        self.stalls.examined(job as u64, Some(sighting), self.console.now());
    }

    fn end(&mut self) {
        self.console.end();
    }
}
