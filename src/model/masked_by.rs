//! What lets mail pass although PMTUD is broken, and lasts.

use super::size::Ttl;

/// Why this host's TCP does not meet the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskedBy {
    /// Something lowers the MSS on the way, or at the peer behind its TCP.
    PathClamp {
        /// The first hop that saw the lower MSS in our SYN: the clamp is between the hop before and this one.
        hop: Option<Ttl>,
    },
    /// The small link is the peer's own, so its MSS says so.
    PeerLink,
    /// A clamp, a route or a setting of this host, seen in what its own TCP does.
    ThisHost,
}
