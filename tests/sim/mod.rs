//! A simulated network with a virtual clock: the same seed gives the same run, packet by packet.
#![allow(unreachable_pub, reason = "a test program has no public interface")]

pub mod back;
pub mod caller;
pub mod check;
pub mod conntrack;
pub mod day;
pub mod early_acks;
pub mod ecmp;
pub mod flight;
pub mod flows;
pub mod garbage;
pub mod impatient;
pub mod in_lists;
#[cfg(test)]
pub mod lists;
pub mod middlebox;
pub mod net;
pub mod oracle;
pub mod oracle_back;
pub mod packets;
pub mod parts;
pub mod peer;
pub mod places;
pub mod probes;
pub mod rng;
pub mod router;
pub mod run;
pub mod scripted;
pub mod service;
pub mod smtp;
pub mod soon;
pub mod sweep;
pub mod tcp;
pub mod tcp_clock;
pub mod tcp_listener;
pub mod tcp_sender;
pub mod tls;
pub mod trickle;
pub mod watch;
