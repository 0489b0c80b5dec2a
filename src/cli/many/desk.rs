//! Where targets, addresses and verdicts meet: a target has its line when the last of its addresses has a verdict, and
//! targets that share an address share its examination.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, Write};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use super::key::Key;
use super::ledger::Ledger;
use super::list::Content;
use super::tally::Tally;
use super::{Line, PlanError, Planned, Shard};
use crate::cli::progress::{self, ProgressLine};
use crate::cli::session::{Session, complain, label};
use crate::model::{Examined, Report};
use crate::report::{json, text};
use crate::runner::{Job, Observer, RunProgress};

/// Addresses whose verdict is remembered, for targets that lead to them again: some megabytes at most.
const MOST_REMEMBERED: usize = 4096;

/// An address as far as examinations are concerned: its interface where it is link-local, and the port.
type Place = (IpAddr, u32, u16);

/// What is known of an address.
enum Known {
    /// The number of its job.
    InWork(usize),
    Done(Rc<Examined>),
}

/// A target in work.
struct Open {
    target: String,
    started: SystemTime,
    planned: Vec<Planned>,
    examined: Vec<Option<Rc<Examined>>>,
}

/// A job, and who waits for it: numbers of targets, and which of their addresses it is.
struct Pending {
    place: Place,
    waiting: Vec<(usize, usize)>,
}

/// The books of a run over many targets.
#[allow(clippy::struct_excessive_bools)] // independent facts, not states
pub(super) struct Desk<'a> {
    session: &'a Session<'a>,
    ledger: Ledger,
    shard: Shard,
    seen: HashSet<Key>,
    open: HashMap<usize, Open>,
    jobs: HashMap<usize, Pending>,
    known: HashMap<Place, Known>,
    remembered: VecDeque<Place>,
    next_number: usize,
    tally: Tally,
    lines: Lines,
    /// Results go to stdout as JSON, so words do not.
    is_piped: bool,
    shows_progress: bool,
    interrupted: bool,
    failure: Option<io::Error>,
    is_unheard: bool,
    stop: &'a Notify,
    began: Instant,
}

/// How far the list has been read.
#[derive(Default)]
struct Lines {
    read: u64,
    in_all: Option<u64>,
    /// Targets that were taken from the list and are done.
    done: u64,
    skipped: u64,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        session: &'a Session<'a>,
        mut ledger: Ledger,
        in_all: Option<u64>,
        shard: Shard,
        is_piped: bool,
        stop: &'a Notify,
    ) -> Self {
        Self {
            session,
            tally: ledger.take_tally(),
            ledger,
            shard,
            seen: HashSet::new(),
            open: HashMap::new(),
            jobs: HashMap::new(),
            known: HashMap::new(),
            remembered: VecDeque::new(),
            next_number: 0,
            lines: Lines { in_all, ..Lines::default() },
            is_piped,
            shows_progress: session.progress_line().is_some(),
            interrupted: false,
            failure: None,
            is_unheard: false,
            stop,
            began: Instant::now(),
        }
    }

    /// The target in a line, if it is one that this run has to examine.
    pub(super) fn wanted(&mut self, line: Line) -> Option<String> {
        self.lines.read = line.number;
        let number = line.number;
        let target = match line.content {
            Content::Text(text) => text,
            Content::Binary => return self.bad_line(number, "is no text; write one host or address per line"),
            Content::TooLong => return self.bad_line(number, "is longer than any target; write one per line"),
            Content::Unreadable(why) => {
                return self.bad_line(number, &format!("cannot be read, the list ends there: {why}"));
            }
        };
        if let Err(error) = target.parse::<crate::resolve::Target>() {
            return self.bad_line(number, &format!("is no target: {error}"));
        }
        let key = Key::of(&target);
        let is_new = self.shard.has(key) && !self.ledger.holds(key) && self.seen.insert(key);
        self.lines.skipped += u64::from(!is_new);
        is_new.then_some(target)
    }

    fn bad_line(&mut self, number: u64, what: &str) -> Option<String> {
        self.say(&format!("line {number} of the list {what}"));
        self.tally.note_exit_code(3);
        self.lines.skipped += 1;
        None
    }

    /// Begins with a target. Returns the addresses of it that nobody has examined yet.
    pub(super) fn open(&mut self, target: String, planned: Vec<Planned>, errors: &[PlanError]) -> Vec<Job> {
        for error in errors {
            self.say(&format!("{target}: {error}"));
        }
        if errors.iter().any(|error| !error.is_harmless()) {
            self.tally.note_exit_code(3);
        }
        let number = self.next_number();
        let mut new = Vec::new();
        let mut examined = Vec::with_capacity(planned.len());
        for (index, one) in planned.iter().enumerate() {
            let place = (one.address.address, one.job.scope_id, one.port);
            examined.push(match self.known.get(&place) {
                Some(Known::Done(examined)) => Some(Rc::clone(examined)),
                Some(&Known::InWork(job)) => {
                    if let Some(pending) = self.jobs.get_mut(&job) {
                        pending.waiting.push((number, index));
                    }
                    None
                }
                None => {
                    let id = self.next_number();
                    self.known.insert(place, Known::InWork(id));
                    self.jobs.insert(id, Pending { place, waiting: vec![(number, index)] });
                    new.push(Job { id, ..one.job.clone() });
                    None
                }
            });
        }
        let will_come_again = planned.is_empty() && errors.iter().any(PlanError::is_temporary);
        let open = Open { target, started: SystemTime::now(), planned, examined };
        if will_come_again {
            // No line: with --resume it is tried again.
            self.tally.add_target(3, false);
            self.lines.done += 1;
        } else if open.is_done() {
            self.close(open);
        } else {
            self.open.insert(number, open);
        }
        new
    }

    fn next_number(&mut self) -> usize {
        self.next_number += 1;
        self.next_number
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        let Some(Pending { place, waiting }) = self.jobs.remove(&job) else { return };
        let examined = Rc::new(examined);
        for (number, index) in waiting {
            let Some(open) = self.open.get_mut(&number) else { continue };
            if let Some(slot) = open.examined.get_mut(index) {
                *slot = Some(Rc::clone(&examined));
            }
            if open.is_done()
                && let Some(open) = self.open.remove(&number)
            {
                self.close(open);
            }
        }
        self.remember(place, examined);
    }

    fn remember(&mut self, place: Place, examined: Rc<Examined>) {
        self.known.insert(place, Known::Done(examined));
        self.remembered.push_back(place);
        if self.remembered.len() > MOST_REMEMBERED
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// A target is done: its line, and its words.
    fn close(&mut self, open: Open) {
        for (one, examined) in open.planned.iter().zip(open.examined.iter().flatten()) {
            self.tally.add_address(examined.verdict, examined.reverse.verdict, &text::printable(&label(one)));
        }
        let report = open.report(self.session);
        self.tally.add_target(report.exit_code(), !report.addresses.is_empty());
        self.lines.done += 1;
        // Cut short, it knows less than it should: with --resume it is examined again.
        // Behind a line that could not be written whole, no other may follow.
        if !self.interrupted && self.failure.is_none() && !self.is_unheard {
            let written = self.ledger.write(&json::render_line(&report));
            self.mind(written);
        }
        if !self.is_piped {
            self.print(&text::render(&report, &self.session.one_line_style()));
        }
    }

    fn print(&mut self, words: &str) {
        self.make_way();
        let mut stdout = io::stdout().lock();
        let printed = stdout.write_all(words.as_bytes()).and_then(|()| stdout.flush());
        drop(stdout);
        self.mind(printed);
    }

    /// Results that nobody gets are no reason to go on.
    fn mind(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.is_unheard = true,
            Err(error) => self.failure = Some(error),
        }
        self.stop.notify_one();
    }

    /// The summary. Returns what went wrong with the output.
    pub(super) fn conclude(&mut self, with_summary: bool) -> io::Result<()> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.tally.is_empty() && self.lines.read == 0 && !self.interrupted {
            self.say("the list holds no target; write one per line");
            self.tally.note_exit_code(3);
        } else if with_summary && !self.is_unheard {
            let summary = format!("\n{}", self.tally.summary());
            if self.is_piped {
                // Nobody is left to hear of an error.
                let _ = io::stderr().write_all(summary.trim_start().as_bytes());
            } else {
                self.print(&summary);
            }
        }
        Ok(())
    }

    /// Whether the run ended because nobody takes its results.
    pub(super) fn has_failed(&self) -> bool {
        self.is_unheard
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.tally.exit_code()
    }

    fn say(&self, what: &str) {
        self.make_way();
        complain(&text::printable(what));
    }

    /// Words and the progress line share a terminal.
    fn make_way(&self) {
        if self.shows_progress {
            // A courtesy.
            let _ = io::stderr().write_all(progress::ERASE.as_bytes());
        }
    }

    fn progress(&self, standing: &RunProgress) -> progress::Bulk {
        let elapsed = self.began.elapsed();
        let left = self.lines.in_all.map(|in_all| {
            let unread = in_all.saturating_sub(self.lines.read) / u64::from(self.shard.of());
            unread + self.open.len() as u64
        });
        progress::Bulk {
            done: self.lines.done,
            left,
            in_work: standing.addresses - standing.judged,
            counts: self.tally.counts(),
            probes: standing.probes,
            elapsed,
        }
    }
}

impl Open {
    fn is_done(&self) -> bool {
        self.examined.iter().all(Option::is_some)
    }

    fn report(self, session: &Session<'_>) -> Report {
        let found = self.planned.iter().zip(self.examined.into_iter().flatten());
        let addresses =
            found.map(|(one, examined)| session.address_report(one, Rc::unwrap_or_clone(examined))).collect();
        Report {
            target: self.target,
            started: self.started,
            elapsed: self.started.elapsed().unwrap_or(Duration::ZERO),
            addresses,
        }
    }
}

/// Hears of the run and keeps the books.
pub(super) struct Clerk<'d, 'a> {
    desk: &'d RefCell<Desk<'a>>,
    line: Option<ProgressLine<io::Stderr>>,
}

impl<'d, 'a> Clerk<'d, 'a> {
    pub(super) fn new(desk: &'d RefCell<Desk<'a>>, line: Option<ProgressLine<io::Stderr>>) -> Self {
        Self { desk, line }
    }
}

impl Observer for Clerk<'_, '_> {
    fn progress(&mut self, standing: &RunProgress) {
        let Some(line) = &mut self.line else { return };
        let progress = self.desk.borrow().progress(standing);
        // A courtesy; the results do not depend on it.
        let _ = line.draw_bulk(&progress, progress::stderr_columns());
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        self.desk.borrow_mut().judged(job, examined);
    }

    fn all_judged(&mut self) {
        if let Some(line) = &mut self.line {
            let _ = line.erase();
        }
    }

    fn interrupted(&mut self) {
        self.desk.borrow_mut().interrupted = true;
    }
}
