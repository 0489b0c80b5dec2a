//! Prints the nftables rules of a breakage, for whoever wants to break a network of their own.

use std::io;

use crate::breakage::{Breakage, table};
use crate::output::print;
use crate::scenario_file::SMTP_PORT;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port of the mail server.
    #[arg(long, default_value_t = SMTP_PORT)]
    port: u16,
    #[command(subcommand)]
    breakage: Breakage,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let lines = table().into_iter().chain(arguments.breakage.rules(arguments.port));
    print(&lines.map(|line| line + "\n").collect::<String>())
}
