//! `--generate`: the manual page and the completions of shells, for those who install the program. Hidden from the help.

use clap::{Arg, ArgMatches, Command, ValueEnum, value_parser};
use clap_complete::Shell;

use super::manual;

const OPTION: &str = "generate";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// Adds the option. It stands alone on a command line, so it needs no target.
pub(super) fn with_option(command: Command) -> Command {
    let option = Arg::new(OPTION).long(OPTION).value_name("WHAT").value_parser(value_parser!(Kind));
    command.arg(option.exclusive(true).hide(true))
}

/// What is asked for, if anything is. The command is the one without this option.
pub(super) fn asked_for(matches: &ArgMatches, command: Command) -> Option<String> {
    let kind: &Kind = matches.get_one(OPTION)?;
    Some(match kind {
        Kind::Man => manual::page(command),
        Kind::Bash => completions(Shell::Bash, command),
        Kind::Zsh => completions(Shell::Zsh, command),
        Kind::Fish => completions(Shell::Fish, command),
    })
}

fn completions(shell: Shell, mut command: Command) -> String {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
