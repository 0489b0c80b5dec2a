//! `pmtu-lab`: the parts of the test networks that a shell cannot be: a wire with delay and loss, a mail server with moods, and
//! the reader of the scenario files. `netns-scripts/` is its only user.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod blast;
mod field;
mod guard;
mod measure;
mod mx;
mod poke;
mod port;
mod random;
mod scenario;
mod sniff;
mod wire;

/// The programs of the test networks.
#[derive(Parser)]
#[command(name = "pmtu-lab", about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Carries packets between two ports with delay, jitter, loss, duplication and reordering.
    Wire(wire::Arguments),
    /// A mail server that takes everything and delivers nothing.
    Mx(mx::Arguments),
    /// Waits for the end of a process, then becomes another command.
    Guard(guard::Arguments),
    /// Sends as fast as it can.
    Blast(blast::Arguments),
    /// Runs a command and prints what it took: wall clock, processor time, memory.
    Measure(measure::Arguments),
    /// Prints a field of the first address of a JSON report on stdin.
    Field(field::Arguments),
    /// Reads the scenario files.
    Scenario(scenario::Arguments),
    /// Prints the packets of an interface.
    Sniff(sniff::Arguments),
    /// Sends one UDP packet of a given size with DF set, as the kernel's own senders would.
    Poke(poke::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Wire(arguments) => wire::run(&arguments),
        Command::Mx(arguments) => mx::run(&arguments),
        Command::Guard(arguments) => guard::run(&arguments),
        Command::Blast(arguments) => blast::run(&arguments),
        Command::Measure(arguments) => measure::run(&arguments),
        Command::Field(arguments) => field::run(&arguments),
        Command::Scenario(arguments) => scenario::run(&arguments),
        Command::Sniff(arguments) => sniff::run(&arguments),
        Command::Poke(arguments) => poke::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pmtu-lab: {error}");
            ExitCode::FAILURE
        }
    }
}
