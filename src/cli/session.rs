//! One run of the program: sockets, targets, examinations, report, exit code.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use tracing::warn;

use crate::intake::IntakeError;
use crate::model::{AddressReport, Examined, Report, Suspects};
use crate::net::capture::Capture;
use crate::net::icmp::IcmpSockets;
use crate::net::sender::Sender;
use crate::net::silent::SilentPorts;
use crate::net::{NetError, Ours, privilege};
use crate::report::transcript::Transcript;
use crate::report::{self, json, letter, text};
use crate::runner::{self, Ending, Job, Limits, Links, Observer, Patience, RunProgress};

use super::evidence::{self, Cases, SetUserId};
use super::firewall::HostFirewall;
use super::invocation::Invocation;
use super::many::{self, Files, LedgerError, ListError};
use super::planning::{self, Planned};
use super::progress::{self, Progress, ProgressLine, Streams};
use super::recording::{Recording, RecordingError};
use super::witness::Witness;
use super::{Environment, wants_color};

/// Exit code when there is nothing to report: bad arguments, no privilege, no such name.
pub const NOTHING_TO_REPORT: u8 = 3;
/// Exit code when the user interrupted (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;

/// The connection, and SYNs with data from ports of their own.
pub(super) const PROBING_PORTS: usize = 26;

/// A log may accuse thousands.
const AT_A_TIME: usize = 256;

/// Why a run cannot even begin, in one line.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SessionError(#[from] Fault);

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error(transparent)]
    SetUserId(#[from] SetUserId),
    #[error("cannot start the event loop: {0}")]
    Runtime(io::Error),
    #[error("cannot receive packets: {0}")]
    Receive(io::Error),
    #[error("{0}")]
    NothingToExamine(String),
    #[error("cannot write the report: {0}")]
    Write(io::Error),
}

/// Runs. Returns the exit code.
///
/// # Errors
/// No privilege, no usable target, no sockets.
pub fn run(invocation: &Invocation) -> Result<u8, SessionError> {
    Ok(match &invocation.evidence {
        Some(evidence) => evidence::run(invocation, evidence)?,
        None => Session::begin(invocation)?.conduct()?,
    })
}

/// Everything that needs privilege is opened here; then privilege is given up, and only then is a byte from the network
/// read.
pub(super) struct Session<'a> {
    invocation: &'a Invocation,
    ours: Ours,
    links: Links,
    runtime: tokio::runtime::Runtime,
    _ports: SilentPorts,
    firewall: HostFirewall,
    recording: Cell<Option<Recording>>,
    files: Cell<Option<Files>>,
    started: SystemTime,
    deadline: Instant,
}

impl<'a> Session<'a> {
    pub(super) fn begin(invocation: &'a Invocation) -> Result<Self, Fault> {
        let (started, deadline) = (SystemTime::now(), Instant::now() + invocation.timeout);
        privilege::require_raw_sockets()?;
        let firewall = HostFirewall::watch();
        let ports = SilentPorts::reserve(PROBING_PORTS as u16 + invocation.other_flows() + invocation.reverse_ports())?;
        let ours = Ours { ports: ports.block(), echo_ident: super::random_seed() as u16 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::Runtime)?;
        let links = {
            let _guard = runtime.enter();
            Links {
                sender: Sender::open(invocation.interface.as_deref())?,
                capture: Capture::open(ours)?,
                icmp: IcmpSockets::open(ours)?,
            }
        };
        let recording = Cell::new(invocation.pcapng.as_deref().map(Recording::create).transpose()?);
        let files = Cell::new(invocation.bulk.as_ref().map(Files::open).transpose()?);
        privilege::drop_all()?;
        Ok(Self { invocation, ours, links, runtime, _ports: ports, firewall, recording, files, started, deadline })
    }

    fn conduct(self) -> Result<u8, Fault> {
        let code = match (&self.invocation.bulk, self.files.take()) {
            (Some(bulk), Some(files)) => self.runtime.block_on(many::examine(&self, bulk, files)),
            _ => self.runtime.block_on(self.examine()),
        };
        // A resolver that never answers holds a thread that nothing can stop.
        self.runtime.shutdown_background();
        code
    }

    /// Examines what a log or a queue accuses.
    pub(super) fn conduct_with(self, suspects: &Suspects) -> Result<u8, Fault> {
        let code = self.runtime.block_on(evidence::examine(&self, suspects));
        // As above.
        self.runtime.shutdown_background();
        code
    }

    async fn examine(&self) -> Result<u8, Fault> {
        let interrupt = interrupted();
        tokio::pin!(interrupt);
        let (planned, errors) = tokio::select! {
            plan = planning::plan(self.invocation, self.ours, self.deadline) => plan,
            () = &mut interrupt => return Ok(INTERRUPTED),
        };
        let [first, ..] = &errors[..] else { return self.probe(planned, None, false, interrupt).await };
        if planned.is_empty() {
            for error in errors.iter().skip(1) {
                complain(&error.to_string());
            }
            return Err(Fault::NothingToExamine(first.to_string()));
        }
        for error in &errors {
            complain(&error.to_string());
        }
        self.probe(planned, None, errors.iter().any(|error| !error.is_harmless()), interrupt).await
    }

    pub(super) async fn probe(
        &self,
        planned: Vec<Planned>,
        cases: Option<&Cases<'_>>,
        is_incomplete: bool,
        interrupt: impl Future<Output = ()>,
    ) -> Result<u8, Fault> {
        let limits = Limits {
            rate: self.invocation.rate.0,
            concurrency: if cases.is_some() { planned.len().min(AT_A_TIME) } else { planned.len() },
            patience: match cases {
                None => Patience::Until(self.deadline),
                // However many they are, each gets its time.
                Some(_) => Patience::Each(self.invocation.timeout),
            },
        };
        let jobs = all_at_once(planned.iter().map(|one| one.job.clone()).collect());
        let transcript = self.transcript(&planned);
        let examined = planned.iter().map(|_| None).collect();
        let audience =
            Audience { session: self, cases, planned, examined, progress: self.progress_line(), outcome: Ok(0) };
        let mut witness = Witness::new(audience, transcript, self.recording.take());
        let ending = runner::run(&self.links, jobs, limits, interrupt, &mut witness).await.map_err(Fault::Receive)?;
        let code = witness.into_observer().outcome.map_err(Fault::Write)?;
        Ok(match (ending, code) {
            (Ending::Interrupted, _) => INTERRUPTED,
            (Ending::Complete, 0) if is_incomplete => NOTHING_TO_REPORT,
            (Ending::Complete, code) => code,
        })
    }

    fn transcript(&self, planned: &[Planned]) -> Option<Transcript> {
        (self.invocation.verbosity > 0).then(|| Transcript::new(planned.iter().map(label).collect()))
    }

    pub(super) fn progress_line(&self) -> Option<ProgressLine<io::Stderr>> {
        let streams = Streams {
            stderr_is_terminal: io::stderr().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            dumb: Environment::of_process().is_dumb(),
            quiet: self.invocation.detail == text::Detail::VerdictOnly,
            logging: self.invocation.verbosity > 0,
            json: self.invocation.json,
        };
        progress::is_wanted(streams).then(|| ProgressLine::new(io::stderr()))
    }

    fn report(&self, planned: &[Planned], examined: Vec<Examined>) -> Report {
        let addresses = planned.iter().zip(examined).map(|(one, examined)| self.address_report(one, examined));
        Report {
            target: self.invocation.subject(),
            started: self.started,
            elapsed: self.started.elapsed().unwrap_or_default(),
            addresses: addresses.collect(),
        }
    }

    pub(super) fn address_report(&self, one: &Planned, examined: Examined) -> AddressReport {
        let mut report = AddressReport {
            host: one.address.host.clone(),
            preference: one.address.preference,
            address: one.address.address,
            zone: one.address.zone.as_ref().map(|zone| zone.as_str().to_owned()),
            port: one.port,
            here: one.here.clone(),
            examined,
        };
        report.here.blockers = self.firewall.blockers(&report);
        report::complete(&mut report);
        report
    }

    pub(super) fn invocation(&self) -> &Invocation {
        self.invocation
    }

    pub(super) fn ours(&self) -> Ours {
        self.ours
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    pub(super) fn take_recording(&self) -> Option<Recording> {
        self.recording.take()
    }

    /// How each of many results looks in text.
    pub(super) fn one_line_style(&self) -> text::Style {
        let color = wants_color(self.invocation.color, &Environment::of_process(), io::stdout().is_terminal());
        text::Style { color, detail: text::Detail::VerdictOnly }
    }

    fn print(&self, report: &Report, cases: Option<&Cases<'_>>) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let rendered = if self.invocation.json {
            json::render(report)
        } else if let Some(language) = self.invocation.letter {
            letter::render(report, language)
        } else {
            let color = wants_color(self.invocation.color, &Environment::of_process(), stdout.is_terminal());
            let style = text::Style { color, detail: self.invocation.detail };
            cases.map_or_else(|| text::render(report, &style), |cases| cases.render(report, style))
        };
        stdout.write_all(rendered.as_bytes())?;
        stdout.flush()
    }
}

/// Shows progress, and prints the report as soon as the last verdict stands, before the connections are closed.
struct Audience<'a> {
    session: &'a Session<'a>,
    cases: Option<&'a Cases<'a>>,
    planned: Vec<Planned>,
    progress: Option<ProgressLine<io::Stderr>>,
    /// By number of the job.
    examined: Vec<Option<Examined>>,
    outcome: io::Result<u8>,
}

impl Observer for Audience<'_> {
    fn progress(&mut self, standing: &RunProgress) {
        let Some(line) = &mut self.progress else { return };
        let label = standing.current.and_then(|index| self.planned.get(index)).map(label);
        let progress = Progress {
            label: label.unwrap_or_default(),
            addresses: (standing.judged, self.planned.len()),
            range: standing.bracket,
            probes: standing.probes,
            elapsed: self.session.started.elapsed().unwrap_or(Duration::ZERO),
        };
        // A courtesy; the report does not depend on it.
        let _ = line.draw(&progress, progress::stderr_columns());
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        if let Some(place) = self.examined.get_mut(job) {
            *place = Some(examined);
        }
    }

    fn all_judged(&mut self) {
        let examined = self.examined.drain(..).flatten().collect();
        if let Some(line) = &mut self.progress {
            let _ = line.erase();
        }
        let report = self.session.report(&self.planned, examined);
        let code = self.cases.map_or_else(|| report.exit_code(), |cases| cases.exit_code(&report));
        self.outcome = match self.session.print(&report, self.cases) {
            // Whoever read the pipe has seen enough.
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

/// How people recognize an address: `mx.example.com 192.0.2.25`.
pub(super) fn label(one: &Planned) -> String {
    let (host, address) = (&one.address.host, one.address.address);
    if *host == address.to_string() { host.clone() } else { format!("{host} {address}") }
}

/// Until SIGINT or SIGTERM. A second one ends the program at once.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        warn!("signals cannot be caught; an interrupt will leave without a report");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
        }
        std::process::exit(i32::from(INTERRUPTED));
    });
}

/// One line on stderr.
pub fn complain(what: &str) {
    // Nobody is left to hear of an error here.
    let _ = writeln!(io::stderr(), "pmtu-probe: {what}");
}
