//! What the user asks for, as plain types.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::evidence::Evidence;
use super::many::Bulk;
use crate::model::{Direction, Family, MethodChoice, PacketSize, Service};
use crate::report::letter::Language;
use crate::report::text::Detail;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Probe, then report.
    Probe(Box<Invocation>),
    /// Print this on stdout and exit 0: help, version, manual page or completions.
    Show(String),
}

/// A run that the user asks for. Valid in itself; whether names and interfaces exist is not known yet.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // switches are switches
pub struct Invocation {
    /// Targets as written, each once, in order. Empty only where there is a list or evidence.
    pub targets: Vec<String>,
    /// A list of many targets in their place.
    pub bulk: Option<Bulk>,
    /// What accuses the targets, in their place.
    pub evidence: Option<Evidence>,
    /// Whether to stop before probing, when the suspects are known.
    pub list_only: bool,
    /// The one family to use: from `-4`, `-6` or `--source`.
    pub family: Option<Family>,
    /// TCP port where a target names none.
    pub port: u16,
    /// Whether bare names are mail domains, whose MX records count.
    pub mail_domains: bool,
    /// Methods allowed.
    pub method: MethodChoice,
    /// Directions to examine. `None`: both, where it is known how to make the server send large packets.
    pub direction: Option<Direction>,
    /// Whether servers are sent a PTB about a packet of their own.
    pub ptb_test: bool,
    /// Largest size to probe. `None`: the local MTU.
    pub max_size: Option<PacketSize>,
    /// Smallest size to probe. `None`: the minimum of the family.
    pub min_size: Option<PacketSize>,
    /// Outgoing interface: from `-I`, or the zone of `--source`.
    pub interface: Option<String>,
    /// Source address.
    pub source: Option<IpAddr>,
    /// Limit of the whole run; with a list or with suspects, of each target.
    pub timeout: Duration,
    /// Packets per second over all addresses.
    pub rate: Rate,
    /// Flows to compare, the first one included. `None`: a few, where large packets vanish.
    pub flows: Option<u8>,
    /// Where to write the packets.
    pub pcapng: Option<PathBuf>,
    /// JSON instead of text.
    pub json: bool,
    /// Letters in place of the report, in this language.
    pub letter: Option<Language>,
    /// Colour in text.
    pub color: ColorChoice,
    /// How much the text says: `-q`, nothing, or `-v`.
    pub detail: Detail,
    /// How often `-v` was given: 1 transcript and more detail, 2 debug log, 3 every packet in full.
    pub verbosity: u8,
}

impl Invocation {
    /// What the report is about.
    pub(super) fn subject(&self) -> String {
        self.evidence.as_ref().map_or_else(|| self.targets.join(" "), Evidence::subject)
    }

    /// The directions to examine where servers listen on this port.
    pub fn direction_towards(&self, port: u16) -> Direction {
        match self.direction {
            Some(direction) => direction,
            None if self.method == MethodChoice::Icmp => Direction::Forward,
            // Who asks for the test asks for the way back.
            None if self.ptb_test || Service::of_port(port) != Service::Unknown => Direction::Both,
            None => Direction::Forward,
        }
    }

    /// Local ports for connections that draw packets out of a server, beside the first connection.
    pub fn reverse_ports(&self) -> u16 {
        /// At most four connections go to an address; one more port serves where the first connection never stood.
        const WHEN_ASKED: u16 = 4;
        let never = self.method == MethodChoice::Icmp || self.direction == Some(Direction::Forward);
        if never { 0 } else { WHEN_ASKED }
    }

    /// Local ports for flows beside the first.
    pub fn other_flows(&self) -> u16 {
        /// Enough to tell a share of one in eight, and as many again if none of the first is hit.
        const WHEN_HOLED: u16 = 15;
        self.flows.map_or(WHEN_HOLED, |flows| u16::from(flows.saturating_sub(1)))
    }
}

/// A limit of packets per second. `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Option<NonZeroU32>);

impl Rate {
    /// Enough for tens of addresses side by side, gentle to any link that carries mail.
    pub const DEFAULT: Self = Self(NonZeroU32::new(2000));
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
