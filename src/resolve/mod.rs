//! Turns what the user typed into addresses.
//!
//! A bare name is a mail domain. It is resolved as a mail server does: hosts file, MX records, addresses. `[host]` and
//! `host:587` name a host, which is resolved as every other program on this system does. `docs/names.md` has the rules.

mod dns;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod hop_names;
mod hosts;
mod remark;
mod resolved;
mod resolver;
mod smtp;
mod system;
mod target;

pub use dns::NameServers;
pub use error::ResolveError;
pub use hosts::Hosts;
pub use remark::Remark;
pub use resolved::{Resolved, ResolvedAddress};
pub use resolver::{Question, Resolver};
pub use target::{Host, HostName, Target, TargetError, Zone};
