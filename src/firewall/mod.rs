//! Which rule of this host's firewall drops packet-too-big messages? A pure function of what the firewall programs print.
//!
//! The message is led through the chains that it passes on its way in. What the rules look at is known (addresses,
//! interface, type) or not (marks, limits); a rule that cannot match is never accused, one that may is named as the likeliest.
//!
//! * `find`: asks both kinds of firewall and ranks the answers; `nft`, `iptables`: read what the programs print;
//! * `rules`: all of them, parsed once for a run; `steps`: how long a question may take;
//! * `message`: what the rules see; `walk`: its way through the chains, where `truth` has a third value;
//! * `remedy`: the commands that admit it; `clamp`: which rule lowers the MSS of a server.

mod accused;
mod clamp;
mod find;
mod iptables;
mod message;
mod nft;
mod remedy;
mod rules;
mod steps;
mod syn_ack;
mod truth;
mod walk;

pub use clamp::{certain_clamp, find_clamps};
pub use find::find;
pub use message::Message;
pub use rules::{Rules, RulesError};
pub use syn_ack::SynAck;

#[cfg(test)]
mod large_tests;
