//! What scenario files there are, for a shell.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::output::print;
use crate::scenario_file::{World, folder, load_all};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// All scenarios that run on real kernels.
    List,
    /// The file of one.
    Show {
        /// Its name or file.
        scenario: String,
    },
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let text = match &arguments.command {
        Command::List => list(),
        Command::Show { scenario } => show(scenario),
    };
    print(&text.map_err(io::Error::other)?)
}

fn list() -> Result<String, String> {
    let mut text = String::new();
    for scenario in load_all()?.iter().filter(|scenario| scenario.runs_in(World::Netns)) {
        let families: Vec<String> = scenario.families.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "{:32} {:6} {}", scenario.name, families.join(","), scenario.about);
    }
    Ok(text)
}

fn show(scenario: &str) -> Result<String, String> {
    let given = Path::new(scenario);
    let path = if given.extension().is_some() { given.into() } else { folder().join(given).with_extension("toml") };
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}
