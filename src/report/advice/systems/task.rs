//! What is to be done, whatever the system.

use crate::model::PacketSize;

/// What such a machine has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report::advice) enum Task {
    /// A router sends the message, and firewalls on the way let it pass.
    Report,
    /// A server takes the message in, and firewalls in front of it let it pass.
    TakeIn,
    /// A router lowers the MSS in what it forwards, so that packets of this size are the largest.
    Clamp(PacketSize, ClampBy),
}

/// What a clamp on a router goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report::advice) enum ClampBy {
    /// The MTU of its own routes: the small link is one of its own.
    Route,
    /// The number that was measured: its own links may all be larger.
    Number,
}
