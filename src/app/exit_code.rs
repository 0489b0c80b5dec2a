//! Exit codes that no verdict gives.

/// There is nothing to report: bad arguments, no privilege, no such name.
pub const NOTHING_TO_REPORT: u8 = 3;
/// The user interrupted (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;
