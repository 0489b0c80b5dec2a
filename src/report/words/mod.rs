//! The words for facts: those of the JSON contract, and sentences.

mod busy;
mod contract;
mod icmp;
mod reason;
mod reverse_reason;
mod shell;

pub(crate) use contract::{Word, address_with_zone};
pub(crate) use icmp::unreachable;
pub use reason::{method_reason, verdict_reason};
pub use reverse_reason::reverse_reason;
pub(crate) use shell::shell_word;
