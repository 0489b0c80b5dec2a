//! Proves whether Path MTU Discovery to a mail server is black-holed, and which packet size works.
//!
//! TODO

pub mod cli;
pub mod examine;
pub mod model;
pub mod net;
pub mod report;
pub mod resolve;
pub mod runner;
pub mod wire;
