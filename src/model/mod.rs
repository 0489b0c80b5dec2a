//! Plain types that every layer shares. No I/O, no clock, no decisions.

mod event;
mod host;
mod meaning;
mod packet;
mod plan;
mod report;
mod sighting;
mod size;
mod time;

pub use event::{Action, Event, Outgoing, Refusal};
pub use host::{Blocker, Blockers, CachedPathMtu, HostFacts, KernelSettings, RouteMtu};
pub use meaning::{Meaning, Probe, Purpose, Step};
pub use packet::{
    Body, Echo, Flags, IcmpError, IcmpErrorKind, IpHeader, Packet, Quote, QuotedTransport, SackBlocks, Segment,
    SeqNumber, unreachable_words,
};
pub use plan::{FlowChoice, MethodChoice, Plan};
pub use report::{
    AddressReport, Advice, Cause, Examined, Finding, Flow, FlowFate, Flows, Hop, Location, LocationPoint, Method,
    MethodReport, MethodStatus, PtbFault, PtbReport, Report, Reverse, ReverseVerdict, SizeEvidence, Technique, Tunnel,
    Verdict, Who,
};
pub use sighting::{Sighting, Way};
pub use size::{Family, PacketSize, Ttl};
pub use time::Timestamp;
