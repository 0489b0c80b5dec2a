//! Addresses that are all known before the first is examined, and one report about all of them.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;

use super::error::RunError;
use super::examiner::Examiner;
use super::exit_code::{INTERRUPTED, NOTHING_TO_REPORT};
use super::output::outputs::Outputs;
use super::output::progress_line::{AddressProgress, LineProgress};
use super::output::result_sink::RunResult;
use super::planned_address::PlannedAddress;
use super::suspect_cases::SuspectCases;
use crate::model::{Examined, PacketEvent, Report};
use crate::runner::{Ending, Job, Observer, Patience, RunProgress};

/// What is examined as a whole.
pub(super) struct WholeRun<'s> {
    pub(super) planned: Vec<PlannedAddress>,
    /// The suspects whose addresses they are.
    pub(super) suspects: Option<SuspectCases<'s>>,
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
            reported: Ok(0),
        };
        let ending = examiner.examine(jobs, concurrency, self.patience, interrupt, &mut reporter).await?;
        let code = reporter.reported.map_err(RunError::Write)?;
        Ok(match (ending, code) {
            (Ending::Interrupted, _) => INTERRUPTED,
            (Ending::Complete, 0) if self.is_incomplete => NOTHING_TO_REPORT,
            (Ending::Complete, code) => code,
        })
    }

    fn exit_code(&self, report: &Report) -> u8 {
        match &self.suspects {
            // A suspect that could not be judged is no good news.
            Some(suspects) if report.exit_code() == 0 && suspects.has_open(report) => NOTHING_TO_REPORT,
            _ => report.exit_code(),
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
            started,
            elapsed: started.elapsed().unwrap_or_default(),
            addresses,
        }
    }
}

impl Observer for Reporter<'_> {
    fn on_packet(&mut self, event: &PacketEvent<'_>) {
        self.outputs.packet(event);
    }

    fn progress(&mut self, standing: &RunProgress) {
        let label = standing.current.and_then(|index| self.labels.get(index)).cloned();
        self.outputs.progress(&LineProgress::Addresses(AddressProgress {
            label: label.unwrap_or_default(),
            addresses: (standing.judged, self.run.planned.len()),
            range: standing.bracket,
            probes: standing.probes,
            elapsed: self.examiner.started().elapsed().unwrap_or(Duration::ZERO),
        }));
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        if let Some(place) = self.examined.get_mut(job) {
            *place = Some(examined);
        }
    }

    fn awaits_revisions(&self) -> bool {
        true
    }

    fn all_judged(&mut self) {
        self.outputs.verdicts_stand();
        let report = self.report();
        let code = self.run.exit_code(&report);
        let delivered = self.outputs.result(&RunResult { report: &report, suspects: self.run.suspects.as_ref() });
        self.reported = match delivered {
            // The reader closed the pipe, so it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(code),
            Err(error) => Err(error),
            Ok(()) => Ok(code),
        };
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
