//! All outputs of a run: opens what was asked for, and hands on to each what the run tells.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::color::{Environment, wants_color};
use super::format::{FormatArgument, FormatChoice, OpenError, Opening, Runs};
use super::formats;
use super::progress::{ProgressSink, Streams, is_wanted};
use super::progress_line::LineProgress;
use super::result_sink::{ResultSink, RunResult};
use super::summary::SummaryOnStderr;
use super::transcript::TranscriptSink;
use super::width;
use crate::app::earlier_results::EarlierResults;
use crate::app::exit_code::NOTHING_TO_REPORT;
use crate::app::plan::{OutputOptions, RunPlan};
use crate::app::stderr::complain;
use crate::app::vantage;
use crate::model::{AddressReport, PacketEvent, Report, TargetFailure};
use crate::report::text::{Detail, Style};
use crate::report::verdict_counts::VerdictCounts;

/// What is said where the reader of stdout is gone before the report.
pub(crate) const NOBODY_READS: &str =
    "stdout was closed before all was written to it; the exit code still tells the verdict";

/// The outputs, in the order in which they hear of everything. By default nobody listens.
#[derive(Default)]
pub(crate) struct Outputs(Vec<Box<dyn ResultSink>>);

impl Outputs {
    /// Opens the outputs of a run with one report. To be called before privileges are given up.
    pub(crate) fn of_one_report(options: &OutputOptions) -> Result<Self, OpenError> {
        let mut opening = opening(options, false, None);
        let mut sinks = chosen(options, &mut opening)?;
        // Behind the report, which the transcript keeps apart from what follows it.
        if options.verbosity > 0 {
            sinks.push(Box::new(TranscriptSink::default()));
        }
        sinks.extend(progress(options));
        Ok(Self(sinks))
    }

    /// Opens the outputs of a run over a list, and reads what an earlier run has left. To be called before privileges are
    /// given up.
    pub(crate) fn of_list(options: &OutputOptions, resume: Option<&Path>) -> Result<(Self, EarlierResults), OpenError> {
        let mut opening = opening(options, true, resume);
        let mut sinks = chosen(options, &mut opening)?;
        if options.stdout_is_taken() && options.detail != Detail::VerdictOnly {
            sinks.push(Box::new(SummaryOnStderr));
        }
        sinks.extend(progress(options));
        let earlier = match (opening.earlier, resume) {
            (Some(earlier), _) => earlier,
            (None, Some(resume)) => EarlierResults::read(resume).map_err(OpenError::new)?,
            (None, None) => EarlierResults::default(),
        };
        Ok((Self(sinks), earlier))
    }

    /// Opens the outputs of a watch: files, or stdout for a program. A history goes on where it ended. To be called before privileges
    /// are given up.
    pub(crate) fn of_watch(options: &OutputOptions) -> Result<Self, OpenError> {
        let mut opening = opening(options, true, Self::history_of(options));
        let sinks = options.formats.iter().map(|choice| (choice.format.open)(&choice.argument, &mut opening));
        Ok(Self(sinks.collect::<Result<_, _>>()?))
    }

    /// The file that the history of a watch goes on in.
    pub(crate) fn history_of(options: &OutputOptions) -> Option<&Path> {
        let mut history =
            options.formats.iter().filter(|choice| choice.format.runs == Runs::Lists && !choice.takes_stdout());
        history.find_map(|choice| choice.argument.file())
    }

    /// Whether nobody listens.
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// For a test: nobody listens.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// For a test: somebody does.
    #[cfg(test)]
    pub(crate) fn one_that_listens() -> Self {
        Self(vec![Box::new(SummaryOnStderr)])
    }

    /// Whether a table on stdout has colours; `None`: stdout is no terminal, or one that shows no table.
    pub(crate) fn color_of_a_table(options: &OutputOptions) -> Option<bool> {
        let environment = Environment::of_process();
        let is_screen = io::stdout().is_terminal() && !environment.is_dumb();
        is_screen.then(|| wants_color(options.color, &environment, true))
    }

    /// How all addresses of a watch stand. Where an output fails, the others still hear of it; the last error counts.
    pub(crate) fn standing(&mut self, addresses: &[&AddressReport], failures: &[TargetFailure]) -> io::Result<()> {
        let mut written = Ok(());
        for sink in &mut self.0 {
            written = sink.standing(addresses, failures).and(written);
        }
        written
    }

    /// The clock of the run starts now.
    pub(crate) fn begin(&mut self, labels: &[String]) {
        self.0.iter_mut().for_each(|sink| sink.begin(labels));
    }

    /// A packet was sent, was refused or arrived.
    pub(crate) fn packet(&mut self, event: &PacketEvent<'_>) {
        self.0.iter_mut().for_each(|sink| sink.packet(event));
    }

    /// Where the run stands.
    pub(crate) fn progress(&mut self, progress: &LineProgress) {
        self.0.iter_mut().for_each(|sink| sink.progress(progress));
    }

    /// Others are about to write to the terminal.
    pub(crate) fn make_way(&mut self) {
        self.0.iter_mut().for_each(|sink| sink.make_way());
    }

    /// A warning for people, as a plain line on stderr.
    pub(crate) fn warn(&mut self, what: &str) {
        if self.0.iter().any(|sink| sink.is_heard_with_stderr()) {
            return;
        }
        self.make_way();
        complain(what);
    }

    /// Whether anybody wants to see the way there while the way back is examined.
    pub(crate) fn show_the_way_there(&self) -> bool {
        self.0.iter().any(|sink| sink.shows_the_way_there())
    }

    /// The way there stands, or has changed, while the way back is examined. Where it cannot be written, the report will tell.
    pub(crate) fn way_there(&mut self, report: &AddressReport, is_alone: bool) {
        self.make_way();
        for sink in &mut self.0 {
            let _ = sink.way_there(report, is_alone);
        }
    }

    /// A target of a list has no result for now.
    pub(crate) fn without_result(&mut self, failures: &[TargetFailure]) {
        self.0.iter_mut().for_each(|sink| sink.without_result(failures));
    }

    /// Nothing could be examined.
    pub(crate) fn nothing_examined(&mut self, report: &Report) {
        for sink in &mut self.0 {
            match sink.nothing_examined(report) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => complain(NOBODY_READS),
                Err(error) => complain(&format!("cannot write the report: {error}")),
                Ok(()) => {}
            }
        }
    }

    /// A run failed before its outputs were opened, or with nothing to report: where stdout carries a document for a program, it
    /// says so.
    pub(crate) fn of_a_failed_run(plan: &RunPlan, errors: Vec<TargetFailure>) {
        Self::tell_programs(plan, errors, NOTHING_TO_REPORT);
    }

    /// There was nothing to examine. The code is that of the process.
    pub(crate) fn of_an_empty_run(plan: &RunPlan, code: u8) {
        Self::tell_programs(plan, Vec::new(), code);
    }

    fn tell_programs(plan: &RunPlan, errors: Vec<TargetFailure>, code: u8) {
        let report = Report {
            target: plan.targets.subject(),
            vantage: vantage::name(),
            started: SystemTime::now(),
            elapsed: Duration::ZERO,
            addresses: Vec::new(),
            errors,
            ending: Some(code),
        };
        let mut opening = opening(&plan.output, false, None);
        let documents = plan.output.formats.iter().filter(|choice| choice.format.tells_failures);
        let opened = documents.filter_map(|choice| (choice.format.open)(&choice.argument, &mut opening).ok());
        Self(opened.collect()).nothing_examined(&report);
    }

    /// The last verdict stands.
    pub(crate) fn verdicts_stand(&mut self) {
        self.0.iter_mut().for_each(|sink| sink.verdicts_stand());
    }

    /// A report is whole. Where an output fails, the others still get it; the last error counts.
    pub(crate) fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        if self.0.iter().any(|sink| sink.writes_words()) {
            self.make_way();
        }
        let mut delivered = Ok(());
        self.0.retain_mut(|sink| match sink.result(result) {
            // It is heard of once, and its place is empty from then on.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                complain(NOBODY_READS);
                if delivered.is_ok() {
                    delivered = Err(error);
                }
                false
            }
            Err(error) => {
                delivered = Err(error);
                true
            }
            Ok(()) => true,
        });
        let is_kept = self.0.iter().any(|sink| sink.keeps_results());
        if is_kept && delivered.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        if delivered.is_err() {
            self.cut_short();
        }
        delivered
    }

    /// The run ends early.
    pub(crate) fn cut_short(&mut self) {
        self.0.iter_mut().for_each(|sink| sink.cut_short());
    }

    /// The list is done. Where an output fails, the others still hear of it; the last error counts.
    pub(crate) fn finish(&mut self, counts: &VerdictCounts) -> io::Result<()> {
        self.make_way();
        let mut finished = Ok(());
        for sink in &mut self.0 {
            finished = sink.finish(counts).and(finished);
        }
        finished
    }
}

fn opening<'a>(options: &OutputOptions, is_list: bool, resume: Option<&'a Path>) -> Opening<'a> {
    Opening {
        style: style(options),
        is_list,
        capture_limit: options.capture_limit,
        leaves_stderr_alone: options.leaves_stderr_alone(),
        resume,
        earlier: None,
    }
}

/// What was asked for; where none of it goes to stdout, the default as well.
fn chosen(options: &OutputOptions, opening: &mut Opening<'_>) -> Result<Vec<Box<dyn ResultSink>>, OpenError> {
    let mut sinks = Vec::new();
    for choice in &options.formats {
        sinks.push((choice.format.open)(&choice.argument, opening)?);
    }
    if !options.stdout_is_taken() {
        sinks.push((formats::DEFAULT.open)(&FormatArgument::Nothing, opening)?);
    }
    Ok(sinks)
}

fn style(options: &OutputOptions) -> Style {
    let color = wants_color(options.color, &Environment::of_process(), io::stdout().is_terminal());
    Style { color, detail: options.detail, width: width::of_stdout() }
}

fn progress(options: &OutputOptions) -> Option<Box<dyn ResultSink>> {
    let streams = Streams {
        stderr_is_terminal: io::stderr().is_terminal(),
        stdout_is_terminal: io::stdout().is_terminal(),
        dumb: Environment::of_process().is_dumb(),
        quiet: options.detail == Detail::VerdictOnly,
        logging: options.verbosity > 0,
        stdout_feeds_a_program: options.formats.iter().any(FormatChoice::feeds_a_program),
    };
    is_wanted(streams).then(|| Box::new(ProgressSink::new(io::stderr())) as Box<dyn ResultSink>)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// Writes down what it hears, with its name.
    struct Listener {
        name: &'static str,
        fails: bool,
        heard: Rc<RefCell<Vec<String>>>,
    }

    impl Listener {
        fn note(&self, what: &str) {
            self.heard.borrow_mut().push(format!("{} {what}", self.name));
        }
    }

    impl ResultSink for Listener {
        fn result(&mut self, _: &RunResult<'_>) -> io::Result<()> {
            self.note("result");
            if self.fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn cut_short(&mut self) {
            self.note("cut short");
        }

        fn finish(&mut self, _: &VerdictCounts) -> io::Result<()> {
            self.note("finish");
            if self.fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    #[test]
    fn where_one_output_fails_the_others_get_the_result_and_hear_of_the_end() {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let sink = |name, fails| Box::new(Listener { name, fails, heard: Rc::clone(&heard) }) as Box<dyn ResultSink>;
        let mut outputs = Outputs(vec![sink("a", true), sink("b", false)]);
        let report = Report {
            target: "mx".into(),
            vantage: None,
            started: SystemTime::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            addresses: Vec::new(),
            errors: Vec::new(),
            ending: None,
        };
        let delivered = outputs.result(&RunResult { report: &report, cases: None });
        assert_eq!(delivered.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
        assert_eq!(*heard.borrow(), ["a result", "b result", "a cut short", "b cut short"]);
        heard.borrow_mut().clear();
        let finished = outputs.finish(&VerdictCounts::default());
        assert_eq!(finished.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
        assert_eq!(*heard.borrow(), ["a finish", "b finish"]);
    }
}
