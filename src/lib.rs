//! Proves whether Path MTU Discovery to a mail server is black-holed, and which packet size works.
//!
//! TODO

pub mod examine;
pub mod model;
