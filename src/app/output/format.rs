//! What there is to know about a format: how it is asked for, where it goes, how it is opened.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use super::result_sink::ResultSink;
use crate::app::capture_limit::CaptureLimit;
use crate::app::earlier_results::EarlierResults;
use crate::report::text::Style;

/// A format in which results leave the program.
pub struct Format {
    /// Its name, that of the option that asks for it, and its word behind `--format`.
    pub name: &'static str,
    /// The option of its own. `None`: it has none.
    pub option: Option<FormatOption>,
    /// What the help says of its word behind `--format`, which stands for stdout. `None`: it is no such word.
    pub word: Option<&'static str>,
    /// Where it goes.
    pub destination: Destination,
    /// Whether it takes what it tells at once, so that a list of any length can go on: else all of it stands at the end.
    pub streams: bool,
    /// Which runs may have it.
    pub runs: Runs,
    /// Whether it says so where nothing could be examined: programs wait for a word, people are told on stderr.
    pub tells_failures: bool,
    /// Makes the sink. The file is created, nothing is written about results yet.
    pub(super) open: OpenFormat,
}

/// Opens a format for a run, by what follows its option.
pub(super) type OpenFormat = fn(&FormatArgument, &mut Opening<'_>) -> Result<Box<dyn ResultSink>, OpenError>;

/// The option that asks for a format. Its name is that of the format.
#[derive(Clone, Copy, Debug)]
pub struct FormatOption {
    /// One line of help.
    pub help: &'static str,
    /// What `--help` says below that line; may be empty.
    pub details: &'static str,
    /// The words that may follow it, the first where none does; may be none.
    pub words: Option<FormatWords>,
    /// Options that it excludes, beside other formats.
    pub excludes: &'static [&'static str],
}

/// Words to choose from.
#[derive(Clone, Copy, Debug)]
pub struct FormatWords {
    /// What they stand for, as the help shows it.
    pub value_name: &'static str,
    /// The words. The first is taken where none is given.
    pub words: &'static [&'static str],
}

/// Which runs may have a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Any.
    Any,
    /// Those over a list.
    Lists,
}

/// Where a format goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Stdout, for people.
    Stdout,
    /// Stdout, for programs: nothing else may come between.
    StdoutForPrograms,
    /// The same, unless a file is named behind `=`.
    StdoutOrFile,
    /// A file that its option names.
    File,
    /// The same; `-` is stdout, for programs.
    FileOrStdout,
}

/// A format that a run has, and what its option says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatChoice {
    /// The format.
    pub format: &'static Format,
    /// What follows its option.
    pub argument: FormatArgument,
}

/// What follows the option of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatArgument {
    /// Nothing.
    Nothing,
    /// One of its words.
    Word(String),
    /// The file that it goes to.
    File(PathBuf),
}

/// What sinks may need to know when they are opened.
pub(super) struct Opening<'a> {
    /// How text looks.
    pub(super) style: Style,
    /// Whether results come one by one, from a list.
    pub(super) is_list: bool,
    /// How large a capture may become.
    pub(super) capture_limit: CaptureLimit,
    /// Whether nobody is told anything on stderr.
    pub(super) leaves_stderr_alone: bool,
    /// A file of results that the run goes on from.
    pub(super) resume: Option<&'a Path>,
    /// What that file holds, once it was read.
    pub(super) earlier: Option<EarlierResults>,
}

/// The file of an output cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(Box<dyn Error + Send + Sync>);

impl FormatChoice {
    /// Whether stdout carries this format, and so no text.
    pub fn takes_stdout(&self) -> bool {
        match self.format.destination {
            Destination::Stdout | Destination::StdoutForPrograms => true,
            Destination::File => false,
            Destination::StdoutOrFile | Destination::FileOrStdout => self.argument.file().is_none_or(is_dash),
        }
    }

    /// Whether stdout carries this format for a program.
    pub(super) fn feeds_a_program(&self) -> bool {
        self.takes_stdout() && self.format.destination != Destination::Stdout
    }

    /// The option as it was typed, as far as a message needs it.
    pub fn option(&self) -> String {
        let name = self.format.name;
        let is_word = self.format.word.is_some() && self.argument == FormatArgument::Nothing;
        if is_word { format!("--format {name}") } else { format!("--{name}") }
    }
}

impl FormatArgument {
    /// The file, if one is named.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Nothing | Self::Word(_) => None,
        }
    }
}

impl OpenError {
    pub(super) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// Names differ, so they tell formats apart.
impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Whether a path stands for stdout.
pub(super) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}
