//! The options of the output formats, made from the list of formats.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::app::output::format::{Destination, Format, FormatArgument, FormatChoice, FormatOption, Runs};
use crate::app::output::formats;

/// The formats that a command line asks for, of those that any run may have.
pub(super) type AnyFormatArgs = FormatArgs<false>;
/// The same, of those that only runs over a list have.
pub(super) type ListFormatArgs = FormatArgs<true>;

/// The options of one kind of formats, as a part of `Args`.
#[derive(Clone, Debug)]
pub(super) struct FormatArgs<const OF_LISTS: bool> {
    pub(super) chosen: Vec<FormatChoice>,
}

/// The formats with an option, in the order of the help.
pub(super) fn with_option(runs: Runs) -> impl DoubleEndedIterator<Item = &'static Format> {
    formats::ALL.into_iter().filter(move |format| format.option.is_some() && format.runs == runs)
}

impl<const OF_LISTS: bool> FormatArgs<OF_LISTS> {
    const RUNS: Runs = if OF_LISTS { Runs::Lists } else { Runs::Any };

    fn define(command: Command) -> Command {
        // Completions list options in this order, which is not that of the help.
        let options = with_option(Self::RUNS).rev().filter_map(|format| Some(arg(format, format.option?)));
        let command = command.args(options);
        if OF_LISTS { command } else { command.arg(word_arg()) }
    }

    fn read(matches: &ArgMatches) -> Self {
        let choice = |format| Some(FormatChoice { format, argument: argument(matches, format)? });
        let mut chosen: Vec<FormatChoice> = with_option(Self::RUNS).filter_map(choice).collect();
        let word = if OF_LISTS { None } else { matches.get_one::<String>(WORD_OPTION) };
        if let Some(format) = word.and_then(|word| formats::named(word)) {
            chosen.push(FormatChoice { format, argument: FormatArgument::Nothing });
        }
        Self { chosen }
    }
}

/// The option that takes the name of a format.
pub(super) const WORD_OPTION: &str = "format";

fn word_arg() -> Arg {
    let words = formats::ALL.iter().filter_map(|format| Some((format.name, format.word?)));
    let width = words.clone().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = words.clone().map(|(name, help)| format!("{name:width$}  {help}")).collect();
    let help = "What to print: text, json or others";
    Arg::new(WORD_OPTION)
        .long(WORD_OPTION)
        .value_name("FORMAT")
        .help(help)
        .long_help(format!("{help}\n\n{}", lines.join("\n")))
        .value_parser(PossibleValuesParser::new(words.map(|(name, _)| name)))
        .hide_possible_values(true)
}

fn arg(format: &Format, option: FormatOption) -> Arg {
    let mut arg = Arg::new(format.name).long(format.name).help(option.help);
    if !option.details.is_empty() {
        arg = arg.long_help(format!("{}\n\n{}", option.help, option.details));
    }
    arg = arg.conflicts_with_all(option.excludes);
    match (format.destination, option.words) {
        (Destination::File | Destination::FileOrStdout, _) => {
            arg.value_name("FILE").value_parser(value_parser!(PathBuf))
        }
        (Destination::StdoutOrFile, _) => arg
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("-"),
        (_, Some(choice)) => arg
            .value_name(choice.value_name)
            .value_parser(PossibleValuesParser::new(choice.words))
            .hide_possible_values(true)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_values(choice.words.first()),
        (_, None) => arg.action(ArgAction::SetTrue),
    }
}

/// `None` where the command line does not ask for the format by its option.
fn argument(matches: &ArgMatches, format: &Format) -> Option<FormatArgument> {
    match format.destination {
        Destination::File | Destination::FileOrStdout | Destination::StdoutOrFile => {
            matches.get_one::<PathBuf>(format.name).cloned().map(FormatArgument::File)
        }
        Destination::Stdout | Destination::StdoutForPrograms if format.option?.words.is_some() => {
            matches.get_one::<String>(format.name).cloned().map(FormatArgument::Word)
        }
        Destination::Stdout | Destination::StdoutForPrograms => {
            matches.get_flag(format.name).then_some(FormatArgument::Nothing)
        }
    }
}

impl<const OF_LISTS: bool> Args for FormatArgs<OF_LISTS> {
    fn augment_args(command: Command) -> Command {
        Self::define(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::define(command)
    }
}

impl<const OF_LISTS: bool> FromArgMatches for FormatArgs<OF_LISTS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::read(matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::read(matches);
        Ok(())
    }
}
