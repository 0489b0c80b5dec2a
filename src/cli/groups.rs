//! The options in groups, each with a heading: the order of the help, the manual page and the completions.

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, Command};

/// Headings and the ids of their options, which are the names of the fields of `Args`. clap takes the options of a group in this
/// order, but the groups in the order of their first fields.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Targets", &["no_mx", "port", "ipv4", "ipv6", "list"]),
    ("From mail logs", &["from_log", "from_queue", "list_only"]),
    ("Many targets", &["jsonl", "resume", "shard", "concurrency"]),
    ("Examination", &["direction", "method", "flows", "max_size", "min_size", "ptb_test"]),
    ("Sending", &["interface", "source", "rate", "timeout"]),
    ("Output", &["quiet", "verbose", "letter", "json", "pcapng", "color"]),
    ("Help", &["help", "version"]),
];

/// Gives each option its heading and its place.
pub(super) fn arrange(command: Command) -> Command {
    command.disable_help_flag(true).disable_version_flag(true).args([help(), version()]).mut_args(|arg| {
        let arg = match place(arg.get_id().as_str()) {
            Some((heading, order)) => arg.help_heading(heading).display_order(order),
            None => arg,
        };
        if arg.is_positional() { arg.value_hint(ValueHint::Hostname) } else { arg }
    })
}

fn place(id: &str) -> Option<(&'static str, usize)> {
    let mut all = GROUPS.into_iter().flat_map(|(heading, ids)| ids.iter().map(move |known| (heading, *known)));
    let order = all.clone().position(|(_, known)| known == id)?;
    all.nth(order).map(|(heading, _)| (heading, order))
}

/// clap's own would stand before all others, without a heading.
fn help() -> Arg {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    help.help("Print help (see more with '--help')").long_help("Print help (see a summary with '-h')")
}

fn version() -> Arg {
    Arg::new("version").short('V').long("version").action(ArgAction::Version).help("Print version")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn no_option_is_without_a_heading() {
        let command = arrange(Args::command());
        let astray = command.get_opts().filter(|arg| arg.get_help_heading().is_none());
        let astray: Vec<&str> = astray.map(|arg| arg.get_id().as_str()).collect();
        assert!(astray.is_empty(), "add to GROUPS in src/cli/groups.rs: {astray:?}");
    }
}
