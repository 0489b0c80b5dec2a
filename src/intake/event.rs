//! What a line tells, without its words.

use std::net::IpAddr;

use crate::model::{Delays, MailFlow, Stage};

/// A peer as a line names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PeerRef<'a> {
    pub(super) name: &'a [u8],
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

/// What a line tells of a mail. A mail goes by the name that its server gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Event<'a> {
    /// A client began a mail.
    Begun { mail: &'a [u8], client: PeerRef<'a> },
    /// A mail is all here. The client is missing where another line names it.
    Received { mail: &'a [u8], size: u64, recipients: u64, client: Option<PeerRef<'a>> },
    /// A relay took a mail.
    Sent { mail: &'a [u8], relay: PeerRef<'a> },
    /// A mail stalled.
    Stalled(Stall<'a>),
    /// A mail stalled at a relay of this name; a line that follows may have the rest.
    Hung { mail: &'a [u8], relay: &'a [u8], stage: Stage },
    /// A mail was put off, for a reason that other lines have. Makes a stall of a [`Event::Hung`].
    Deferred { mail: &'a [u8], relay: PeerRef<'a>, domain: Option<&'a [u8]>, seconds: Option<f64> },
    /// A session began, one way or the other.
    Opened { session: &'a [u8], flow: MailFlow, peer: PeerRef<'a> },
    /// The connection of an outgoing session stands.
    Connected { session: &'a [u8] },
    /// A mail is all here that came in this session.
    ReceivedIn { session: &'a [u8], mail: &'a [u8], size: u64, recipients: u64 },
    /// An incoming session timed out.
    TimedOut { session: &'a [u8] },
    /// An outgoing session timed out with this mail in it.
    StalledIn { session: &'a [u8], mail: &'a [u8], domain: Option<&'a [u8]> },
}

/// A mail that stalled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stall<'a> {
    pub(super) flow: MailFlow,
    pub(super) peer: PeerRef<'a>,
    pub(super) stage: Stage,
    /// `None` where the line does not say, as that of a client's mail that has no name yet.
    pub(super) mail: Option<&'a [u8]>,
    pub(super) domain: Option<&'a [u8]>,
    pub(super) delays: Option<Delays>,
    /// The size of the mail, if this line has it.
    pub(super) size: Option<u64>,
}

impl<'a> Stall<'a> {
    pub(super) fn new(flow: MailFlow, peer: PeerRef<'a>, stage: Stage) -> Self {
        Self { flow, peer, stage, mail: None, domain: None, delays: None, size: None }
    }
}
