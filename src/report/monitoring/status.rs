//! The state of a service, by the exit code.

/// What a state is called.
pub(super) fn state(code: u8) -> &'static str {
    match code {
        0 => "OK",
        1 => "WARNING",
        2 => "CRITICAL",
        _ => "UNKNOWN",
    }
}

/// The number of a state: an interruption has none of its own.
pub(super) fn number(code: u8) -> u8 {
    code.min(UNKNOWN)
}

pub(super) const UNKNOWN: u8 = 3;

/// The worst first: 2 before 1 before 3 before 0.
pub(super) fn rank(code: u8) -> u8 {
    match code {
        2 => 0,
        1 => 1,
        0 => 3,
        _ => 2,
    }
}
