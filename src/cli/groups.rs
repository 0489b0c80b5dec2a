//! The options in groups, each with a heading: the order of the help, the manual page and the completions.

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, Command};

use super::formats;
use crate::app::output::format::Runs;

/// What stands under a heading.
enum Member {
    /// Options by their ids, which are the names of the fields of `Args`.
    Options(&'static [&'static str]),
    /// The formats that these runs may have.
    Formats(Runs),
}

use Member::{Formats, Options};

/// Headings and their options. clap takes the options of a group in this order, but the groups in the order of their first
/// fields.
const GROUPS: [(&str, &[Member]); 8] = [
    ("Targets", &[Options(&["hostname", "no_mx", "port", "ipv4", "ipv6", "list"])]),
    (
        "From mail logs and connections",
        &[Options(&["from_log", "since", "until", "from_queue", "from_sockets", "list_only"])],
    ),
    ("Many targets", &[Formats(Runs::Lists), Options(&["resume", "track", "shard", "concurrency", "merge"])]),
    (
        "Examination",
        &[Options(&["watch", "direction", "method", "flows", "thorough", "max_size", "min_size", "ptb_test"])],
    ),
    ("Sending", &[Options(&["interface", "source", "rate", "timeout"])]),
    ("Expected", &[Options(&["expect", "expect_mtu", "known", "warning", "critical"])]),
    (
        "Output",
        &[
            Options(&["quiet", "verbose", "advice", "names"]),
            Formats(Runs::Any),
            Options(&["pcapng_limit", formats::WORD_OPTION, "color"]),
        ],
    ),
    ("Help", &[Options(&["help", "version"])]),
];

/// What `-h` shows, so that it fits on one screen: what most users need most of the time.
const SHORT_HELP: &[&str] = &[
    "targets",
    "no_mx",
    "port",
    "ipv4",
    "ipv6",
    "list",
    "from_log",
    "from_queue",
    "from_sockets",
    "watch",
    "direction",
    "quiet",
    "verbose",
    "letter",
    "json",
    "format",
    "help",
    "version",
];

/// Gives each option its heading and its place.
pub(super) fn arrange(command: Command) -> Command {
    command.disable_help_flag(true).disable_version_flag(true).args([help(), version()]).mut_args(|arg| {
        let arg = match place(arg.get_id().as_str()) {
            Some((heading, order)) => arg.help_heading(heading).display_order(order),
            None => arg,
        };
        let is_rare = !SHORT_HELP.contains(&arg.get_id().as_str());
        let arg = arg.hide_short_help(is_rare);
        if arg.is_positional() { arg.value_hint(ValueHint::Hostname) } else { arg }
    })
}

fn place(id: &str) -> Option<(&'static str, usize)> {
    let all = GROUPS.iter().flat_map(|(heading, members)| members.iter().flat_map(ids).map(move |id| (*heading, id)));
    all.enumerate().find(|(_, (_, known))| *known == id).map(|(order, (heading, _))| (heading, order))
}

fn ids(member: &Member) -> Vec<&'static str> {
    match member {
        Options(ids) => ids.to_vec(),
        Formats(runs) => formats::with_option(*runs).map(|format| format.name).collect(),
    }
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
