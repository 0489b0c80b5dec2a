//! Addresses that are all known before the first is examined, and one report about all of them.

use std::io;
use std::net::IpAddr;
use std::time::Instant;

use futures_util::future::join;
use tokio::sync::{mpsc, oneshot};

use super::cases::Cases;
use super::error::RunError;
use super::examiner::Examiner;
use super::exit_code::{INTERRUPTED, NOTHING_TO_REPORT};
use super::hop_names;
use super::output::outputs::Outputs;
use super::output::progress_line::{AddressProgress, LineProgress};
use super::output::result_sink::RunResult;
use super::planned_address::PlannedAddress;
use super::vantage;
use super::way_there_news::WayThereNews;
use crate::model::{Examined, HopNames, PacketEvent, Report, TargetFailure};
use crate::runner::{Job, Observer, Patience, RunProgress};

/// What is examined as a whole.
pub(super) struct WholeRun<'s> {
    pub(super) planned: Vec<PlannedAddress>,
    /// What is left out, for programs.
    pub(super) failures: Vec<TargetFailure>,
    /// The suspects, or the connections, whose addresses they are.
    pub(super) cases: Option<Cases<'s>>,
    /// Whether something is left out that another run might examine.
    pub(super) is_incomplete: bool,
    /// Examinations at the same time, at most.
    pub(super) concurrency: usize,
    pub(super) patience: Patience,
}

impl WholeRun<'_> {
    /// Examines all addresses and reports. Returns the exit code.
    pub(super) async fn examine(
        self,
        examiner: &Examiner<'_>,
        mut outputs: Outputs,
        interrupt: impl Future<Output = ()>,
    ) -> Result<u8, RunError> {
        let labels: Vec<String> = self.planned.iter().map(PlannedAddress::label).collect();
        outputs.begin(&labels);
        let jobs = all_at_once(self.planned.iter().map(|one| one.job.clone()).collect());
        let concurrency = self.concurrency.min(self.planned.len());
        let mut reporter = Reporter {
            examiner,
            run: &self,
            labels,
            outputs,
            examined: self.planned.iter().map(|_| None).collect(),
            way_there: WayThereNews::new(self.planned.len()),
            is_interrupted: false,
            asks_for_names: None,
            unnamed: None,
            reported: Ok(0),
        };
        let examine = async |reporter: &mut Reporter<'_>| {
            examiner.examine(jobs, concurrency, self.patience, interrupt, reporter).await
        };
        let ended = if examiner.plan().output.names {
            let (ask, asked) = oneshot::channel();
            reporter.asks_for_names = Some(ask);
            let examine = async {
                let ended = examine(&mut reporter).await;
                // A run without a report asks for nothing.
                reporter.asks_for_names = None;
                ended
            };
            let (ended, names) = join(examine, hop_names::look_up(asked)).await;
            reporter.report_with(&names);
            ended
        } else {
            examine(&mut reporter).await
        };
        ended.map_err(|error| examiner.tell(error, &mut reporter.outputs))?;
        reporter.reported.map_err(RunError::Write)
    }

    /// The exit code, where it is not that of the addresses alone.
    fn ending(&self, report: &Report, is_interrupted: bool) -> Option<u8> {
        let has_open = || self.cases.as_ref().is_some_and(|cases| cases.has_open(report));
        match report.exit_code() {
            _ if is_interrupted => Some(INTERRUPTED),
            // What could not be judged is no good news.
            0 if self.is_incomplete || has_open() => Some(NOTHING_TO_REPORT),
            _ => None,
        }
    }
}

/// Tells the outputs how the run goes, and hands them the report as soon as the last verdict stands, before the connections
/// are closed.
struct Reporter<'a> {
    examiner: &'a Examiner<'a>,
    run: &'a WholeRun<'a>,
    labels: Vec<String>,
    outputs: Outputs,
    /// By number of the job.
    examined: Vec<Option<Examined>>,
    way_there: WayThereNews,
    is_interrupted: bool,
    /// Where to tell which addresses are to be named before the report is out.
    asks_for_names: Option<oneshot::Sender<Vec<IpAddr>>>,
    /// The report until then.
    unnamed: Option<Report>,
    /// The exit code, once the report is out.
    reported: io::Result<u8>,
}

impl Reporter<'_> {
    fn report(&mut self) -> Report {
        let examined = self.examined.drain(..).flatten();
        let addresses = self.run.planned.iter().zip(examined);
        let addresses = addresses.map(|(one, examined)| self.examiner.address_report(one, examined)).collect();
        let started = self.examiner.started();
        Report {
            target: self.examiner.plan().targets.subject(),
            vantage: vantage::name(),
            started: started.time(),
            elapsed: started.elapsed(),
            addresses,
            errors: self.run.failures.clone(),
            ending: None,
        }
    }

    /// The names have come, or there are none.
    fn report_with(&mut self, names: &HopNames) {
        if let Some(mut report) = self.unnamed.take() {
            hop_names::add(&mut report, names);
            self.deliver(&report);
        }
    }

    fn deliver(&mut self, report: &Report) {
        let code = report.exit_code();
        let delivered = self.outputs.result(&RunResult { report, cases: self.run.cases.as_ref() });
        self.reported = match delivered {
            // That was said on stderr; the exit code still tells.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(code),
            Err(error) => Err(error),
            Ok(()) => Ok(code),
        };
    }

    /// Shows the way there of those whose way back takes its time.
    fn show_the_way_there(&mut self, now: Instant) {
        while let Some((job, there)) = self.way_there.take_due(now) {
            let Some(one) = self.run.planned.get(job) else { continue };
            let report = self.examiner.report_of_the_way_there(one, there);
            let is_alone = self.run.planned.len() == 1 && self.run.cases.is_none();
            self.outputs.way_there(&report, is_alone);
        }
    }
}

impl Observer for Reporter<'_> {
    fn on_packet(&mut self, event: &PacketEvent<'_>) {
        self.outputs.packet(event);
    }

    fn progress(&mut self, standing: &RunProgress) {
        let label = standing.current.and_then(|index| self.labels.get(index)).cloned();
        self.show_the_way_there(Instant::now());
        self.outputs.progress(&LineProgress::Addresses(AddressProgress {
            label: label.unwrap_or_default(),
            addresses: (standing.judged, self.run.planned.len()),
            range: standing.bracket,
            is_on_the_way_back: standing.is_on_the_way_back,
            probes: standing.probes,
            elapsed: self.examiner.started().elapsed(),
        }));
    }

    fn way_there(&mut self, job: usize, there: &Examined) {
        if self.outputs.show_the_way_there() {
            self.way_there.note(job, there, Instant::now());
        }
    }

    fn interrupted(&mut self) {
        self.is_interrupted = true;
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        self.way_there.forget(job);
        if let Some(place) = self.examined.get_mut(job) {
            *place = Some(examined);
        }
    }

    fn awaits_revisions(&self) -> bool {
        true
    }

    fn all_judged(&mut self) {
        self.outputs.verdicts_stand();
        let mut report = self.report();
        report.ending = self.run.ending(&report, self.is_interrupted);
        match self.asks_for_names.take() {
            Some(ask) => {
                let _ = ask.send(hop_names::addresses(&report));
                self.unnamed = Some(report);
            }
            None => self.deliver(&report),
        }
    }
}

/// A supply of jobs that holds all of them from the start.
fn all_at_once(jobs: Vec<Job>) -> mpsc::Receiver<Job> {
    let (sender, receiver) = mpsc::channel(jobs.len().max(1));
    for job in jobs {
        // There is room for each.
        let _ = sender.try_send(job);
    }
    receiver
}
