//! What carries the probes of a technique.

use crate::model::{Plan, Quote, QuotedTransport};

use super::super::session::Session;

/// What carries a technique's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    /// The connection: bytes that are old to the peer.
    Connection,
    /// The conversation on it: bytes that are new to the peer, in order.
    Conversation,
    /// SYNs from ports of their own.
    Syns,
    /// ICMP echo.
    Icmp,
}

impl Uses {
    /// Whether the probes are segments of the connection.
    pub(crate) fn is_over_connection(self) -> bool {
        matches!(self, Self::Connection | Self::Conversation)
    }

    /// Whether a quoted packet has the form of such a probe.
    pub(crate) fn may_have_sent(self, quote: &Quote, plan: &Plan, session: &Session) -> bool {
        match (self, quote.transport) {
            (Self::Connection | Self::Conversation, QuotedTransport::Tcp { source_port, .. }) => {
                source_port == session.local_port()
            }
            (Self::Syns, QuotedTransport::Tcp { source_port, .. }) => source_port != session.local_port(),
            (Self::Icmp, QuotedTransport::Echo { ident, .. }) => ident == plan.echo_ident,
            _ => false,
        }
    }
}
