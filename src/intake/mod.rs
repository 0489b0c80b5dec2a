//! Mail logs and mail queues: whom do they accuse of a path that swallows large packets?
//!
//! Lines become events ([`log`]), events become counts for each peer (`ledger`), counts become a grade (`grade`). All of that is
//! free of I/O; around it stand a reader of files and a child that lists the queue ([`queue`]). `docs/logs.md` has the rules.

mod bytes;
mod error;
mod event;
mod grade;
mod ledger;
pub mod log;
mod mails;
mod peers;
mod postfix;
pub mod queue;
mod stamp;
mod tally;

pub use error::IntakeError;
