//! The size of a capture file.

use std::fmt;

/// How large a capture file may become. `None`: as large as it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLimit(pub Option<u64>);

impl CaptureLimit {
    /// Some ten thousand packets: one address takes a few hundred.
    pub const DEFAULT: Self = Self(Some(16 << 20));
    /// Below this not even one large packet fits in each share.
    pub const LEAST: u64 = 1 << 20;
}

impl fmt::Display for CaptureLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "k")];
        match (self.0, units.iter().find(|(unit, _)| self.0.is_some_and(|bytes| bytes % unit == 0))) {
            (None, _) => f.write_str("0"),
            (Some(bytes), Some((unit, name))) => write!(f, "{}{name}", bytes / unit),
            (Some(bytes), None) => write!(f, "{bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_shown_as_it_is_typed() {
        for (limit, words) in [
            (Some(16 << 20), "16M"),
            (Some(3 << 30), "3G"),
            (Some(1536 << 10), "1536k"),
            (Some(1_048_577), "1048577"),
            (None, "0"),
        ] {
            assert_eq!(CaptureLimit(limit).to_string(), words);
        }
    }
}
