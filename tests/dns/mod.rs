//! The name server alone, for other tests.

pub(crate) mod message;
pub(crate) mod server;
