//! What a run is to do, as plain types. The command line makes one, and the application runs it.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use super::capture_limit::CaptureLimit;
use super::output::color::ColorChoice;
use super::output::format::FormatChoice;
use super::output::formats;
pub use super::shard::ShardChoice;
use super::watch::PORT_SETS;
pub use crate::intake::{Moment, Period};
use crate::model::{Direction, Expectation, Family, FirstFlight, MethodChoice, PacketSize, Service, Thresholds};
use crate::report::text::Detail;

/// A run. Valid in itself; whether names and interfaces exist is not known yet.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPlan {
    /// Where the targets come from.
    pub targets: TargetSource,
    /// How each address is examined.
    pub examination: ExaminationOptions,
    /// What the findings are held against.
    pub judging: JudgingOptions,
    /// How packets leave this host.
    pub sending: SendingOptions,
    /// Where results go, and how they look.
    pub output: OutputOptions,
}

/// Where targets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSource {
    /// Targets as written, each once, in order.
    Named(Vec<String>),
    /// A list of any length.
    List(ListOptions),
    /// Peers that a log or a queue makes suspect.
    Suspects(SuspectOptions),
    /// Peers of this host's connections that stand still.
    Connections(ConnectionOptions),
    /// Targets that are examined again and again.
    Watch(WatchOptions),
    /// Peers of this host's connections, as soon as these stand still.
    ConnectionWatch(ConnectionWatchOptions),
    /// None: results of earlier runs are summed up.
    Merge(MergeOptions),
}

/// Results of earlier runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeOptions {
    /// Files of results; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Whether the summary is a JSON document.
    pub json: bool,
}

/// A list of targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    /// A file with one target per line, or `-`.
    pub file: PathBuf,
    /// Examinations at the same time.
    pub concurrency: usize,
    /// A file of results: the targets that it holds are skipped.
    pub resume: Option<PathBuf>,
    /// A file with the results of the last run, which those of this run replace.
    pub track: Option<PathBuf>,
    /// The part of the list that is this run's.
    pub shard: ShardChoice,
}

/// A watch over targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchOptions {
    /// Where the targets come from.
    pub source: WatchSource,
    /// How far apart examinations of a target are at most.
    pub interval: Duration,
    /// Examinations at the same time.
    pub concurrency: usize,
}

/// A watch over this host's connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionWatchOptions {
    /// Which connections, and whether their peers are examined.
    pub connections: ConnectionOptions,
    /// How far apart examinations of a peer are whose connection goes on hanging.
    pub interval: Duration,
    /// Examinations at the same time.
    pub concurrency: usize,
}

/// Where the targets of a watch come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchSource {
    /// Targets as written, each once, in order.
    Named(Vec<String>),
    /// A file with one target per line, read again when the watch is told to; or `-`.
    List(PathBuf),
}

/// Suspects, and what is done about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspectOptions {
    /// What makes them suspect.
    pub source: SuspectSource,
    /// Whether to stop when they are known, before probing.
    pub list_only: bool,
}

/// Connections, and what is done about those that stand still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// The ports that count, of either end. Empty: all.
    pub ports: Vec<u16>,
    /// Whether to stop when they are known, before probing.
    pub list_only: bool,
}

/// What makes peers suspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuspectSource {
    /// Mail logs, and the part of them that is wanted; `-` is standard input.
    Logs(Vec<PathBuf>, Period),
    /// The queue of Postfix.
    Queue,
}

/// How each address is examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminationOptions {
    /// The one family to use: from `-4`, `-6` or `--source`.
    pub family: Option<Family>,
    /// TCP port where a target names none.
    pub port: u16,
    /// Whether bare names are mail domains, whose MX records count.
    pub mail_domains: bool,
    /// Methods allowed.
    pub method: MethodChoice,
    /// What the first flight to each address asks about.
    pub first_flight: FirstFlight,
    /// Directions to examine. `None`: both, where it is known how to make the server send large packets.
    pub direction: Option<Direction>,
    /// Whether servers are sent a PTB about a packet of their own.
    pub ptb_test: bool,
    /// Largest size to probe. `None`: the local MTU.
    pub max_size: Option<PacketSize>,
    /// Smallest size to probe. `None`: the minimum of the family.
    pub min_size: Option<PacketSize>,
    /// Flows to compare, the first one included. `None`: a few, where large packets vanish.
    pub flows: Option<u8>,
}

/// What the findings are held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgingOptions {
    /// What is expected by words.
    pub expectation: Expectation,
    /// A file of earlier results: what it says of an address is no news.
    pub known: Option<PathBuf>,
    /// Limits of the path MTU.
    pub thresholds: Thresholds,
}

/// How packets leave this host.
#[derive(Clone, Debug, PartialEq)]
pub struct SendingOptions {
    /// Outgoing interface: from `-I`, or the zone of `--source`.
    pub interface: Option<String>,
    /// Source address.
    pub source: Option<IpAddr>,
    /// Packets per second over all addresses.
    pub rate: Rate,
    /// Limit of the whole run; with a list or with suspects, of each target.
    pub timeout: Duration,
}

/// Where results go, and how they look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputOptions {
    /// What was asked for by an option of its own. Where none of it goes to stdout, text does.
    pub formats: Vec<FormatChoice>,
    /// Colour in text.
    pub color: ColorChoice,
    /// How much the text says: `-q`, nothing, or `-v`.
    pub detail: Detail,
    /// Whether the names of hops are looked up.
    pub names: bool,
    /// How often `-v` was given: 1 transcript and more detail, 2 debug log, 3 every packet in full.
    pub verbosity: u8,
    /// How large the file of `--pcapng` may become.
    pub capture_limit: CaptureLimit,
}

/// A limit of packets per second. `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Option<NonZeroU32>);

/// Local ports for the connection, and for SYNs with data from ports of their own.
pub(super) const PROBING_PORTS: u16 = 26;

impl TargetSource {
    /// What one report about all of it is about.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Named(targets) => targets.join(" "),
            Self::List(list) => list.file.display().to_string(),
            Self::Suspects(suspects) => suspects.source.subject(),
            Self::Connections(options) => options.subject(),
            Self::Watch(watch) => watch.source.subject(),
            Self::ConnectionWatch(watch) => watch.connections.subject(),
            Self::Merge(_) => String::new(),
        }
    }
}

impl ConnectionOptions {
    fn subject(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        if ports.is_empty() {
            "connections of this host".into()
        } else {
            format!("connections at port {}", ports.join(","))
        }
    }
}

impl WatchSource {
    fn subject(&self) -> String {
        match self {
            Self::Named(targets) => targets.join(" "),
            Self::List(file) => file.display().to_string(),
        }
    }
}

impl RunPlan {
    /// All local ports of a run.
    pub(super) fn local_ports(&self) -> u16 {
        let sets = if matches!(self.targets, TargetSource::Watch(_)) { PORT_SETS } else { 1 };
        self.examination.local_ports() * sets
    }
}

impl SuspectSource {
    fn subject(&self) -> String {
        match self {
            Self::Logs(logs, _) => logs.iter().map(|log| log.display().to_string()).collect::<Vec<_>>().join(" "),
            Self::Queue => "postqueue -j".into(),
        }
    }
}

impl ExaminationOptions {
    /// The directions to examine where servers listen on this port.
    pub fn direction_towards(&self, port: u16) -> Direction {
        match self.direction {
            Some(direction) => direction,
            None if self.method == MethodChoice::Icmp => Direction::Forward,
            // Who asks for the test asks for the way back.
            None if self.ptb_test || Service::of_port(port) != Service::Unknown => Direction::Both,
            None => Direction::Forward,
        }
    }

    /// Local ports for connections that make a server send large packets, beside the first connection.
    pub fn reverse_ports(&self) -> u16 {
        /// At most five connections go to an address; one more port serves where the first connection never stood.
        const WHEN_ASKED: u16 = 5;
        let never = self.method == MethodChoice::Icmp || self.direction == Some(Direction::Forward);
        if never { 0 } else { WHEN_ASKED }
    }

    /// Local ports for flows beside the first.
    pub fn other_flows(&self) -> u16 {
        /// Enough to tell a share of one in eight, and as many again if none of the first is hit.
        const WHEN_HOLED: u16 = 15;
        self.flows.map_or(WHEN_HOLED, |flows| u16::from(flows.saturating_sub(1)))
    }

    /// All local ports of an examination.
    pub(super) fn local_ports(&self) -> u16 {
        PROBING_PORTS + self.other_flows() + self.reverse_ports()
    }
}

impl OutputOptions {
    /// Whether stdout carries a format of its own option, and so no text.
    pub(super) fn stdout_is_taken(&self) -> bool {
        self.formats.iter().any(FormatChoice::takes_stdout)
    }

    /// Whether stderr is to stay empty.
    pub fn leaves_stderr_alone(&self) -> bool {
        self.formats.iter().any(|choice| formats::is_heard_with_stderr(choice.format))
    }
}

impl Rate {
    /// Enough for tens of addresses side by side, gentle to any link that carries mail.
    pub const DEFAULT: Self = Self(NonZeroU32::new(2000));
}
