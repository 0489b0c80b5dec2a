//! Mail logs, mail queues and connections: which peers look like they are behind a path that drops large packets?
//!
//! [`log`] turns lines into events, `correlator` turns events into counts for each peer, and `grade` turns counts into a grade.
//! [`connections`] judges what the kernel tells of its TCP connections. None of these does I/O. Beside them are a reader of files and a child process that lists the queue ([`queue`]).
//! `docs/logs.md` has the rules.

mod bytes;
pub mod connections;
mod correlator;
mod counts;
mod dates;
mod error;
mod event;
mod grade;
pub mod log;
mod mails;
mod peers;
mod pending;
mod period;
mod phrases;
mod postfix;
pub mod queue;
mod said;
mod stamp;

pub use error::IntakeError;
pub use period::{Moment, Period};
