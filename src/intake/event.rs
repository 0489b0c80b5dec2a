//! What a line says, without its wording.

use std::net::IpAddr;

use crate::model::{Delays, MailFlow, StallStage};

use super::stamp::Stamp;

/// A peer as a line names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PeerRef<'a> {
    pub(super) name: &'a [u8],
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

/// What a line says of a mail. A mail is known by the name that its server gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum MailEvent<'a> {
    /// A client began a mail.
    Begun { mail: &'a [u8], client: PeerRef<'a> },
    /// A mail has arrived completely. `client` is missing where another line names it.
    Received { mail: &'a [u8], size: u64, recipients: u64, client: Option<PeerRef<'a>> },
    /// A relay accepted a mail.
    Sent { mail: &'a [u8], relay: PeerRef<'a> },
    /// A mail stalled.
    Stalled(Stall<'a>),
    /// A relay ended the conversation about a mail that came in at `begun`, in seconds since 1970. The line does not say how long that took.
    EndedByRelay { stall: Stall<'a>, begun: i64 },
    /// A mail stalled at a relay of this name. A later line may have the rest.
    UnresolvedStall { mail: &'a [u8], relay: &'a [u8], stage: StallStage },
    /// A mail was deferred, for a reason that other lines give. Completes a [`MailEvent::UnresolvedStall`].
    Deferred { mail: &'a [u8], relay: PeerRef<'a>, domain: Option<&'a [u8]>, seconds: Option<f64> },
    /// An incoming or outgoing session began.
    Opened { session: &'a [u8], flow: MailFlow, peer: PeerRef<'a> },
    /// The connection of an outgoing session is open.
    Connected { session: &'a [u8] },
    /// A mail of this session has arrived completely.
    ReceivedIn { session: &'a [u8], mail: &'a [u8], size: u64, recipients: u64 },
    /// An incoming session timed out.
    TimedOut { session: &'a [u8] },
    /// An outgoing session timed out with this mail in it.
    StalledIn { session: &'a [u8], mail: &'a [u8], domain: Option<&'a [u8]> },
}

/// Where and when an event was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineContext<'a> {
    pub(super) host: &'a [u8],
    pub(super) stamp: Stamp,
    /// The line to be shown.
    pub(super) line: &'a [u8],
}

/// A mail that stalled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stall<'a> {
    pub(super) flow: MailFlow,
    pub(super) peer: PeerRef<'a>,
    pub(super) stage: StallStage,
    /// `None` where the line does not say, for example because a client's mail has no name yet.
    pub(super) mail: Option<&'a [u8]>,
    pub(super) domain: Option<&'a [u8]>,
    pub(super) delays: Option<Delays>,
    /// The size of the mail, if this line has it.
    pub(super) size: Option<u64>,
    /// How long its transmission took, if this line tells.
    pub(super) waited: Option<f64>,
}

impl<'a> Stall<'a> {
    pub(super) fn new(flow: MailFlow, peer: PeerRef<'a>, stage: StallStage) -> Self {
        Self { flow, peer, stage, mail: None, domain: None, delays: None, size: None, waited: None }
    }
}
