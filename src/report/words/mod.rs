//! The words for facts: those of the JSON contract, and sentences.

mod busy;
mod change;
mod contract;
mod hop_name;
mod icmp;
mod own_tcp;
mod ptb;
pub(crate) mod ptb_fault;
mod reason;
mod reverse_reason;
mod shell;
mod verdict;

pub(crate) use change::{assessed, changes};
pub(crate) use contract::{Word, address_with_zone, named};
pub(crate) use hop_name::{with_name, with_network};
pub(crate) use icmp::unreachable;
pub(crate) use own_tcp::{stall_words, what_helps};
pub(crate) use ptb::{ptb_name, ptb_type};
pub use reason::{method_reason, verdict_reason};
pub use reverse_reason::reverse_reason;
pub(crate) use shell::{quoted, shell_word};
pub(crate) use verdict::{counted, reverse_counted, verdict_name, without_connections};
