//! Sockets, routes, privileges: the only operating-system code, and the only `unsafe`.
//!
//! Everything here handles raw bytes; `wire/` turns them into packets and back.
//!
//! Order of use: [`privilege::require_raw_sockets`], open all sockets, [`privilege::give_up`], build threads if any.

pub mod capture;
pub mod icmp;
pub mod interface;
pub mod own_tcp;
pub mod privilege;
pub mod publish;
pub mod reread;
pub mod route;
pub mod ruleset;
pub mod sender;
pub mod settings;
pub mod silent;
pub mod sockets;
pub mod systems;
pub mod typed;

mod bpf;
mod child;
mod duplicates;
mod error;
mod filter;
mod ours;
mod sys;

pub use error::NetError;
pub use ours::{Ours, PortBlock};

/// A SIGHUP waits until [`let_hangups_in`] lets it in: by then somebody hears it. To be called before other threads exist.
pub fn hold_hangups() {
    sys::hold_signal(libc::SIGHUP, true);
}

/// From now on SIGHUP does what was set for it.
pub fn let_hangups_in() {
    sys::hold_signal(libc::SIGHUP, false);
}

/// A file that reaches the size limit of this process (`ulimit -f`) fails to be written, as on a full disk, and does not end the run.
pub fn outlive_size_limits() {
    sys::ignore_signals(&[libc::SIGXFSZ]);
}
