//! From the options to the plan of a run. What clap cannot check is checked here.

use std::path::Path;
use std::time::Duration;

use super::args::Args;
use super::choices::{AdviceArg, DirectionArg, MethodArg};
use super::error::UsageError;
use super::values::Ports;
use crate::app::Shard;
use crate::app::output::format::{Destination, FormatChoice};
use crate::app::plan::{
    ConnectionOptions, ConnectionWatchOptions, ExaminationOptions, JudgingOptions, ListOptions, MergeOptions,
    OutputOptions, Period, RunPlan, SendingOptions, ShardChoice, SuspectOptions, SuspectSource, TargetSource,
    WatchOptions, WatchSource,
};
use crate::model::{Direction, Expectation, Family, FirstFlight, Thresholds};
use crate::report::text::Detail;

/// The time of a run.
const USUAL_PATIENCE: Duration = Duration::from_secs(30);
/// Monitoring systems give up after 10 s, and a run has to end its connections.
const PATIENCE_OF_MONITORING: Duration = Duration::from_secs(9);

/// The plan, if the options go together.
pub(super) fn checked(args: Args) -> Result<RunPlan, UsageError> {
    check_sizes(&args)?;
    let formats = [args.formats.chosen.as_slice(), &args.list_formats.chosen].concat();
    check_formats(&formats, &args)?;
    check_direction(&args)?;
    check_sources(&args)?;
    check_watch(&formats, &args)?;
    let judging = JudgingOptions {
        expectation: Expectation { path_mtu: args.expect_mtu, ..args.expect.clone().unwrap_or_default() },
        known: args.known.clone(),
        thresholds: Thresholds { warning: args.warning, critical: args.critical },
    };
    check_judging(&judging, &formats, &args)?;
    let is_plugin = formats.iter().any(|choice| choice.format.name == "nagios");
    let examination = ExaminationOptions {
        family: family(&args)?,
        port: args.port,
        mail_domains: !args.no_mx,
        method: args.method.into(),
        first_flight: first_flight(&args),
        direction: direction(&judging.expectation, &args),
        ptb_test: args.ptb_test,
        max_size: args.max_size,
        min_size: args.min_size,
        flows: args.flows,
    };
    let sending = SendingOptions {
        interface: outgoing_interface(&args)?,
        source: args.source.as_ref().map(|source| source.address),
        rate: args.rate,
        timeout: args.timeout.unwrap_or(if is_plugin { PATIENCE_OF_MONITORING } else { USUAL_PATIENCE }),
    };
    let output = OutputOptions {
        formats,
        color: args.color.into(),
        names: args.names,
        detail: detail(args.quiet || is_plugin, args.verbose, args.advice),
        verbosity: args.verbose,
        capture_limit: args.pcapng_limit,
    };
    Ok(RunPlan { targets: target_source(args), examination, judging, sending, output })
}

/// Lists cost little, and so do light rounds of a watch; one target by hand has its verdict soonest, and so does who is suspect.
fn first_flight(args: &Args) -> FirstFlight {
    let named = || each_once([args.hostname.as_slice(), &args.targets].concat());
    let is_list = args.list.is_some() || args.watch.is_some() && !has_suspects(args) || named().len() > 1;
    if is_list && !args.thorough { FirstFlight::TwoSizes } else { FirstFlight::Ladder }
}

/// What `--merge` prints besides text.
const SUMMARY_FORMAT: &str = "json";

fn target_source(args: Args) -> TargetSource {
    let period = Period { since: args.since, until: args.until };
    let suspects = |source| TargetSource::Suspects(SuspectOptions { source, list_only: args.list_only });
    if !args.merge.is_empty() {
        let json = args.formats.chosen.iter().any(|choice| choice.format.name == SUMMARY_FORMAT);
        return TargetSource::Merge(MergeOptions { files: args.merge, json });
    }
    if let Some(Ports(ports)) = args.from_sockets {
        let connections = ConnectionOptions { ports, list_only: args.list_only };
        let Some(interval) = args.watch else { return TargetSource::Connections(connections) };
        let concurrency = args.concurrency;
        return TargetSource::ConnectionWatch(ConnectionWatchOptions { connections, interval, concurrency });
    }
    if let Some(interval) = args.watch {
        let named = || WatchSource::Named(each_once([args.hostname, args.targets].concat()));
        let source = args.list.map_or_else(named, WatchSource::List);
        return TargetSource::Watch(WatchOptions { source, interval, concurrency: args.concurrency });
    }
    match (args.list, args.from_log) {
        (Some(file), _) => TargetSource::List(ListOptions {
            file,
            concurrency: args.concurrency,
            resume: args.resume,
            track: args.track,
            shard: args.shard.unwrap_or(ShardChoice::Part(Shard::ALL)),
        }),
        (None, logs) if !logs.is_empty() => suspects(SuspectSource::Logs(logs, period)),
        (None, _) if args.from_queue => suspects(SuspectSource::Queue),
        (None, _) => TargetSource::Named(each_once([args.hostname, args.targets].concat())),
    }
}

fn check_formats(formats: &[FormatChoice], args: &Args) -> Result<(), UsageError> {
    check_files(formats)?;
    let on_stdout: Vec<&FormatChoice> = formats.iter().filter(|choice| choice.takes_stdout()).collect();
    match on_stdout[..] {
        [one, other, ..] if one.format == other.format => {
            return Err(UsageError::new(format!("--format {} is given twice; give it once", one.format.name)));
        }
        [one, other, ..] => return Err(exclude_each_other(&one.option(), &other.option())),
        _ => {}
    }
    let whole = formats.iter().find(|choice| !choice.format.streams);
    match whole {
        // A list of any length has no end at which a document about all of it could be written.
        Some(choice) if args.list.is_some() => Err(exclude_each_other(&choice.option(), "--targets")),
        _ if !args.list_only => Ok(()),
        // Suspects are no results.
        _ => match formats.iter().find(|choice| choice.format.name != "text") {
            Some(choice) => Err(exclude_each_other(&choice.option(), "--list-only")),
            None => Ok(()),
        },
    }
}

fn exclude_each_other(one: &str, other: &str) -> UsageError {
    let mut both = [one, other];
    both.sort_unstable();
    UsageError::new(format!("{} and {} exclude each other; give one of them", both[0], both[1]))
}

fn check_files(formats: &[FormatChoice]) -> Result<(), UsageError> {
    let named = || formats.iter().filter_map(|choice| Some((choice, choice.argument.file()?)));
    let is_dash = |file: &Path| file == Path::new("-");
    let wants_a_file = |choice: &FormatChoice| choice.format.destination == Destination::File;
    if let Some((choice, _)) = named().find(|(choice, file)| is_dash(file) && wants_a_file(choice)) {
        let option = choice.option();
        return Err(UsageError::new(format!("{option} - is no file: stdout carries the report; name a file")));
    }
    let files: Vec<(&FormatChoice, &Path)> = named().filter(|(_, file)| !is_dash(file)).collect();
    for (index, (choice, file)) in files.iter().enumerate() {
        if let Some((before, _)) = files[..index].iter().find(|(_, other)| other == file) {
            let (one, other, file) = (before.option(), choice.option(), file.display());
            return Err(UsageError::new(format!("{one} and {other} name one file, {file}; give each its own")));
        }
    }
    Ok(())
}

fn check_sizes(args: &Args) -> Result<(), UsageError> {
    match (args.min_size, args.max_size) {
        (Some(min), Some(max)) if min > max => {
            Err(UsageError::new(format!("--min-size {min} is above --max-size {max}; give a smaller --min-size")))
        }
        _ => Ok(()),
    }
}

fn check_direction(args: &Args) -> Result<(), UsageError> {
    match (args.method, args.direction) {
        (MethodArg::Icmp, Some(DirectionArg::Reverse | DirectionArg::Both)) => {
            Err(UsageError::new("--method icmp cannot examine the other way; leave out --method or --direction"))
        }
        (MethodArg::Icmp, _) if args.ptb_test => {
            Err(UsageError::new("--method icmp does not go with --ptb-test, which needs TCP; leave one of them out"))
        }
        (_, Some(DirectionArg::Forward)) if args.ptb_test => Err(UsageError::new(
            "--direction forward does not go with --ptb-test, which tests the other way; leave one of them out",
        )),
        _ => Ok(()),
    }
}

/// Who expects something of the other way asks for it. Suspects have their way from the log.
fn direction(expectation: &Expectation, args: &Args) -> Option<Direction> {
    let is_of_suspects = has_suspects(args);
    let implied = (!expectation.reverse.is_empty() && !is_of_suspects).then_some(Direction::Both);
    args.direction.map(Direction::from).or(implied)
}

/// An expectation that nothing could meet or break would look like one that is met.
fn check_judging(judging: &JudgingOptions, formats: &[FormatChoice], args: &Args) -> Result<(), UsageError> {
    let JudgingOptions { expectation, known, thresholds } = judging;
    if args.list_only && (!expectation.is_empty() || known.is_some()) {
        return Err(UsageError::new("--list-only examines nothing that could be as expected; leave out one of them"));
    }
    if matches!(args.direction, Some(DirectionArg::Reverse)) {
        if expectation.is_of_the_way_there() {
            return Err(UsageError::new(
                "--direction reverse does not examine the way that --expect is about; put reverse: before the verdict",
            ));
        }
        if !thresholds.is_empty() {
            return Err(UsageError::new(
                "--direction reverse does not find the path MTU that --warning and --critical are about; leave it out",
            ));
        }
    }
    let is_one_way = matches!(args.direction, Some(DirectionArg::Forward)) || matches!(args.method, MethodArg::Icmp);
    if is_one_way && !expectation.reverse.is_empty() {
        return Err(UsageError::new(
            "--expect reverse:... needs the other way, which --direction forward and --method icmp leave out",
        ));
    }
    let is_for_monitoring = |choice: &FormatChoice| matches!(choice.format.name, "nagios" | "checkmk");
    if !thresholds.is_empty() && !formats.iter().any(is_for_monitoring) {
        return Err(UsageError::new("--warning and --critical go with --format nagios or checkmk; try --expect-mtu"));
    }
    Ok(())
}

fn has_suspects(args: &Args) -> bool {
    !args.from_log.is_empty() || args.from_queue || args.from_sockets.is_some()
}

fn check_sources(args: &Args) -> Result<(), UsageError> {
    if args.list_only && !has_suspects(args) {
        return Err(UsageError::new(
            "--list-only lists suspects; give --from-log FILE, --from-queue or --from-sockets as well",
        ));
    }
    if args.from_log.is_empty() && (args.since.is_some() || args.until.is_some()) {
        return Err(UsageError::new("--since and --until choose a part of a log; give --from-log FILE as well"));
    }
    if args.names && (args.list.is_some() || !args.merge.is_empty()) {
        return Err(UsageError::new(
            "--names goes with targets of the command line, a log, a queue or connections; leave it out",
        ));
    }
    let is_another = |choice: &&FormatChoice| choice.format.name != SUMMARY_FORMAT;
    if let Some(choice) = args.formats.chosen.iter().find(is_another).filter(|_| !args.merge.is_empty()) {
        let name = choice.format.name;
        return Err(UsageError::new(format!("--merge prints text or --json; leave out --{name}")));
    }
    // Clap forgets that these require --targets where something stands that excludes it.
    let of_lists =
        !args.list_formats.chosen.is_empty() || args.resume.is_some() || args.track.is_some() || args.shard.is_some();
    if args.list.is_none() && args.watch.is_none() && of_lists {
        return Err(UsageError::new(
            "--jsonl, --resume, --track and --shard go with --targets FILE; add it, or leave them out",
        ));
    }
    Ok(())
}

/// A watch has no end at which a report could be written, and comes back to each server.
fn check_watch(formats: &[FormatChoice], args: &Args) -> Result<(), UsageError> {
    const KEPT: [&str; 3] = ["jsonl", "prometheus", "text"];
    if args.watch.is_none() {
        return Ok(());
    }
    if let Some(choice) = formats.iter().find(|choice| !KEPT.contains(&choice.format.name)) {
        return Err(UsageError::new(format!(
            "--watch tells changes and has no report; --jsonl and --prometheus go with it, leave out {}",
            choice.option()
        )));
    }
    if args.ptb_test {
        return Err(UsageError::new("--ptb-test has a server send less for ten minutes: it does not go with --watch"));
    }
    if args.names {
        return Err(UsageError::new("--names goes with a report, and --watch has none; leave it out"));
    }
    Ok(())
}

fn family(args: &Args) -> Result<Option<Family>, UsageError> {
    let asked = match (args.ipv4, args.ipv6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    };
    let of_source = args.source.as_ref().map(|source| Family::of(source.address));
    match (asked, of_source) {
        (Some(Family::V4), Some(Family::V6)) => {
            Err(UsageError::new("-4 does not go with an IPv6 --source; leave one of them out"))
        }
        (Some(Family::V6), Some(Family::V4)) => {
            Err(UsageError::new("-6 does not go with an IPv4 --source; leave one of them out"))
        }
        _ => Ok(asked.or(of_source)),
    }
}

fn outgoing_interface(args: &Args) -> Result<Option<String>, UsageError> {
    let zone = args.source.as_ref().and_then(|source| source.zone.as_ref());
    match (&args.interface, zone) {
        (Some(name), Some(zone)) if name != zone => Err(UsageError::new(format!(
            "--interface {name} contradicts the zone %{zone} of --source; leave one of them out"
        ))),
        (name, zone) => Ok(name.as_ref().or(zone).cloned()),
    }
}

/// The same target twice would only be examined against itself.
fn each_once(targets: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(targets.len());
    let mut seen = std::collections::HashSet::new();
    for target in targets {
        if seen.insert(target.trim_end_matches('.').to_ascii_lowercase()) {
            kept.push(target);
        }
    }
    kept
}

fn detail(quiet: bool, verbose: u8, advice: AdviceArg) -> Detail {
    match (quiet, verbose, advice) {
        (true, ..) => Detail::VerdictOnly,
        (false, 0, AdviceArg::Likely) => Detail::Normal,
        (false, 0, AdviceArg::All) => Detail::AllAdvice,
        (false, ..) => Detail::Full,
    }
}
