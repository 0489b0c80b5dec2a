//! From what the user typed to addresses.
//!
//! A bare name is a mail domain and goes the way of a mail server: hosts file, MX records, addresses. A host that is
//! meant as such, `[host]` or `host:587`, goes the way of every other program on this system. `docs/names.md` has the rules.

mod dns;
mod error;
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
