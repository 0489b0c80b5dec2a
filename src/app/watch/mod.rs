//! `--watch`: the same targets again and again, and only changes are told. Whom to examine when, and what is a change, is decided in
//! `crate::watch`; here it meets the network.
//!
//! * `run` opens what is needed, and ends; `feed` is the loop beside the runner's; `desk` owns all that is known;
//! * `source` is the list and its new editions; `round_plan` makes the plan of an examination from the kind of its round;
//! * `console` is what people see and how they steer it, and `observer` hears of the runner's loop: both watches have them;
//! * `stalls` is the other watch, over this host's connections instead of targets;
//! * `books` keeps history and textfile, and `former` is what the history knew before; `teller` tells people, on a terminal by the `screen`; `signals` are those of the system.

mod books;
mod console;
mod desk;
mod feed;
mod former;
mod keys;
mod observer;
mod round_plan;
mod run;
mod screen;
mod signals;
mod source;
mod stalls;
mod teller;

pub(super) use round_plan::PORT_SETS;
pub(super) use run::run;
pub(super) use stalls::run as run_over_connections;
