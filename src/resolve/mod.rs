//! From what the user typed to addresses.

mod lookup;
mod target;

pub use lookup::{ResolveError, ResolvedAddress, resolve};
pub use target::{Host, HostName, Target, TargetError, Zone};
