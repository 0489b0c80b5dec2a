//! What keeps TCP below a hole that other protocols would meet, and lasts.

use super::size::Ttl;

/// Why TCP does not meet the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskedBy {
    /// Something lowers the MSS on the way, or at the peer behind its TCP.
    PathClamp {
        /// The first hop that saw the lower MSS in our SYN: the clamp is between the hop before and this one.
        hop: Option<Ttl>,
    },
    /// The small link is the peer's own, so its MSS says so.
    PeerLink,
}
