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

/// These options, and all formats that are one document on stdout: an option may exclude them.
pub(super) fn and_documents(options: &[&'static str]) -> Vec<&'static str> {
    let documents = in_order_of_definition(Runs::Any).filter(|format| is_document(format)).map(|format| format.name);
    options.iter().copied().chain(documents).collect()
}

/// Completions list options in this order, which is not that of the help.
fn in_order_of_definition(runs: Runs) -> impl Iterator<Item = &'static Format> {
    with_option(runs).rev()
}

/// One document about the whole run: a list has none, and stdout carries only one.
fn is_document(format: &Format) -> bool {
    !format.streams && matches!(format.destination, Destination::Stdout | Destination::StdoutForPrograms)
}

impl<const OF_LISTS: bool> FormatArgs<OF_LISTS> {
    const RUNS: Runs = if OF_LISTS { Runs::Lists } else { Runs::Any };

    fn define(command: Command) -> Command {
        let (mut args, mut documents) = (Vec::new(), Vec::new());
        for format in in_order_of_definition(Self::RUNS) {
            args.extend(format.option.map(|option| arg(format, option, &documents)));
            if is_document(format) {
                documents.push(format.name);
            }
        }
        command.args(args)
    }

    fn read(matches: &ArgMatches) -> Self {
        let choice = |format| Some(FormatChoice { format, argument: argument(matches, format)? });
        Self { chosen: with_option(Self::RUNS).filter_map(choice).collect() }
    }
}

/// A document excludes those that are defined before it.
fn arg(format: &Format, option: FormatOption, documents: &[&'static str]) -> Arg {
    let mut arg = Arg::new(format.name).long(format.name).help(option.help);
    if !option.details.is_empty() {
        arg = arg.long_help(format!("{}\n\n{}", option.help, option.details));
    }
    if is_document(format) {
        arg = arg.conflicts_with_all(documents);
    }
    arg = arg.conflicts_with_all(option.excludes);
    match (format.destination, option.words) {
        (Destination::File | Destination::FileOrStdout, _) => {
            arg.value_name("FILE").value_parser(value_parser!(PathBuf))
        }
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

/// `None` where the command line does not ask for the format.
fn argument(matches: &ArgMatches, format: &Format) -> Option<FormatArgument> {
    match format.destination {
        Destination::File | Destination::FileOrStdout => {
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
