//! `pmtu-lab`: the test networks. Builds the path of a scenario from namespaces, breaks it, and plays what no kernel has: a wire with
//! delay and loss, a mail server with moods. `netns-scripts/` and the tests are its users.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod addresses;
mod blast;
mod breakage;
mod down;
mod exec;
mod faults;
mod field;
mod filters;
mod guard;
mod links;
mod measure;
mod mx;
mod names;
mod namespace;
mod node;
mod old_data;
mod output;
mod plan;
mod poke;
mod port;
mod relay;
mod scenario;
#[path = "../../common/scenario.rs"]
mod scenario_file;
mod service;
mod settings;
mod show;
mod sniff;
mod stale_route;
mod state;
mod up;
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
    /// Brings a scenario up.
    Up(up::Arguments),
    /// Prints topology, MTUs, rules with their counters, the mail server's log; without an ID the labs that are up.
    Show(show::Arguments),
    /// Prints one value of a lab's plan.
    Plan(show::PlanArguments),
    /// Becomes a command inside a node; mx.example.com is the mail server there.
    Exec(exec::Arguments),
    /// Takes a lab down.
    Down(down::Arguments),
    /// Prints the nftables rules of a breakage.
    Filters(filters::Arguments),
    /// Reads the scenario files.
    Scenario(scenario::Arguments),
    /// Carries packets between two ports with delay, jitter, loss, duplication and reordering.
    Wire(wire::Arguments),
    /// A mail server that takes everything and delivers nothing.
    Mx(mx::Arguments),
    /// Takes TCP connections and carries their bytes to a server, as a transparent proxy does.
    Relay(relay::Arguments),
    /// Takes a lab down when its time is over.
    Guard(guard::Arguments),
    /// Sends as fast as it can.
    Blast(blast::Arguments),
    /// Runs a command and prints what it took: wall clock, processor time, memory.
    Measure(measure::Arguments),
    /// Prints a field of the first address of a JSON report on stdin.
    Field(field::Arguments),
    /// Prints the packets of an interface.
    Sniff(sniff::Arguments),
    /// Sends one UDP packet of a given size with DF set, as the kernel's own senders would.
    Poke(poke::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Up(arguments) => up::run(arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Plan(arguments) => show::run_plan(&arguments),
        Command::Exec(arguments) => exec::run(&arguments),
        Command::Down(arguments) => down::run(&arguments),
        Command::Filters(arguments) => filters::run(&arguments),
        Command::Scenario(arguments) => scenario::run(&arguments),
        Command::Wire(arguments) => wire::run(&arguments),
        Command::Mx(arguments) => mx::run(&arguments),
        Command::Relay(arguments) => relay::run(&arguments),
        Command::Guard(arguments) => guard::run(&arguments),
        Command::Blast(arguments) => blast::run(&arguments),
        Command::Measure(arguments) => measure::run(&arguments),
        Command::Field(arguments) => field::run(&arguments),
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
