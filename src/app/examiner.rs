//! The core of every run: the sockets, opened once with privilege, and the examinations over them.

use std::time::Instant;

use tokio::sync::mpsc;
use tracing::debug;

use super::beginning::Beginning;
use super::error::RunError;
use super::exit_code::{INTERRUPTED, NOTHING_TO_REPORT};
use super::host_firewall::HostFirewall;
use super::judging::Judging;
use super::output::outputs::Outputs;
use super::plan::RunPlan;
use super::planned_address::PlannedAddress;
use super::{limits, random, vantage};
use crate::model::{AddressReport, Assessment, Cause, Examined, FailureKind, HopNames, Report, TargetFailure};
use crate::net::capture::Capture;
use crate::net::icmp::IcmpSockets;
use crate::net::sender::Sender;
use crate::net::silent::SilentPorts;
use crate::net::systems::Systems;
use crate::net::{Ours, privilege};
use crate::report;
use crate::runner::{self, Ending, Job, Limits, Links, Observer, Patience};

/// Everything that needs privilege is opened here; then privilege is given up, and only then is a byte from the network
/// read.
pub(super) struct Examiner<'p> {
    plan: &'p RunPlan,
    ours: Ours,
    links: Links,
    runtime: tokio::runtime::Runtime,
    _ports: SilentPorts,
    firewall: HostFirewall,
    systems: Systems,
    judging: Judging<'p>,
    started: Beginning,
    deadline: Instant,
}

impl<'p> Examiner<'p> {
    /// Opens the sockets, then the files of the run, then gives the privileges up.
    pub(super) fn open<F>(
        plan: &'p RunPlan,
        files: impl FnOnce() -> Result<F, RunError>,
    ) -> Result<(Self, F), RunError> {
        let (started, deadline) = (Beginning::now(), Instant::now() + plan.sending.timeout);
        privilege::require_raw_sockets()?;
        let firewall = HostFirewall::watch();
        let mut ports = SilentPorts::reserve(plan.local_ports() + 1)?;
        ports.leave_last_to_own_tcp()?;
        let ours = Ours { ports: ports.block(), echo_ident: random::seed() as u16 };
        limits::require_descriptors().map_err(RunError::NoRoom)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Runtime)?;
        let links = {
            let _guard = runtime.enter();
            Links {
                sender: Sender::open(plan.sending.interface.as_deref())?,
                capture: Capture::open(ours)?,
                icmp: IcmpSockets::open(ours)?,
            }
        };
        let systems = Systems::of_this_host();
        let judging = Judging::open(&plan.judging)?;
        let files = files()?;
        for clause in privilege::give_up()?.clauses() {
            debug!("kept: {clause}");
        }
        Ok((Self { plan, ours, links, runtime, _ports: ports, firewall, systems, judging, started, deadline }, files))
    }

    /// Does the work of a run in the event loop.
    pub(super) fn conduct<T>(self, work: impl AsyncFnOnce(&Self) -> T) -> T {
        let done = self.runtime.block_on(work(&self));
        // A resolver that never answers holds a thread that nothing can stop.
        self.runtime.shutdown_background();
        done
    }

    /// Examines addresses side by side as they come.
    pub(super) async fn examine(
        &self,
        jobs: mpsc::Receiver<Job>,
        concurrency: usize,
        patience: Patience,
        interrupt: impl Future<Output = ()>,
        observer: &mut impl Observer,
    ) -> Result<Ending, RunError> {
        let limits = Limits { rate: self.plan.sending.rate.0, concurrency, patience };
        runner::run(&self.links, jobs, limits, interrupt, observer).await.map_err(RunError::Receive)
    }

    /// What is reported of an address: its examination, this host, and what follows from both.
    pub(super) fn address_report(&self, one: &PlannedAddress, examined: Examined) -> AddressReport {
        let mut report = bare_report(one, examined);
        self.firewall.note_clamp(&mut report);
        report.here.blockers = self.firewall.blockers(&report);
        report.here.clamps = self.firewall.clamps(&report);
        report::complete(&mut report);
        report.assessment = self.judging.assess(&report);
        report
    }

    /// What is reported of the way there while the way back is examined. The firewall's rules are not read meanwhile unless the
    /// verdict needs them: that takes longer than a packet, and the advice that needs them comes later.
    pub(super) fn report_of_the_way_there(&self, one: &PlannedAddress, there: Examined) -> AddressReport {
        let mut report = bare_report(one, there);
        self.firewall.note_clamp(&mut report);
        report::complete(&mut report);
        if report.examined.cause == Some(Cause::LocalFirewall) {
            report.examined.advice.clear();
        }
        report
    }

    /// The run was interrupted before anything was examined: that is reported where a program reads. Returns the exit code.
    pub(super) fn interrupted_before(&self, outputs: &mut Outputs) -> u8 {
        let target = self.plan.targets.subject();
        let text = "the run was interrupted before anything was examined".into();
        let errors = vec![TargetFailure { target, kind: FailureKind::Interrupted, text }];
        outputs.nothing_examined(&self.report_of_nothing(errors, INTERRUPTED));
        INTERRUPTED
    }

    /// Why there is no report is told to the outputs: they are open, and none can be opened any more.
    pub(super) fn tell(&self, error: RunError, outputs: &mut Outputs) -> RunError {
        let errors = error.failures(&self.plan.targets.subject());
        outputs.nothing_examined(&self.report_of_nothing(errors, NOTHING_TO_REPORT));
        RunError::Told(Box::new(error))
    }

    fn report_of_nothing(&self, errors: Vec<TargetFailure>, ending: u8) -> Report {
        Report {
            target: self.plan.targets.subject(),
            vantage: vantage::name(),
            started: self.started.time(),
            elapsed: self.started.elapsed(),
            addresses: Vec::new(),
            errors,
            ending: Some(ending),
        }
    }

    pub(super) fn plan(&self) -> &'p RunPlan {
        self.plan
    }

    pub(super) fn ours(&self) -> Ours {
        self.ours
    }

    /// What configures this host.
    pub(super) fn systems(&self) -> &Systems {
        &self.systems
    }

    /// When the run began.
    pub(super) fn started(&self) -> Beginning {
        self.started
    }

    /// When a run that examines everything at once has to end.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }
}

fn bare_report(one: &PlannedAddress, examined: Examined) -> AddressReport {
    AddressReport {
        target: one.target.clone(),
        host: one.address.host.clone(),
        preference: one.address.preference,
        address: one.address.address,
        zone: one.address.zone.as_ref().map(|zone| zone.as_str().to_owned()),
        port: one.port,
        here: one.here.clone(),
        examined,
        names: HopNames::default(),
        assessment: Assessment::default(),
    }
}
