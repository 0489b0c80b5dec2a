//! The sentence for a host that is too busy, which both directions use.

/// Both verdicts have the same reason.
pub(super) const HOST_TOO_BUSY: &str =
    "this host dropped packets that had arrived, as it was too busy: try again with a lower --rate";
