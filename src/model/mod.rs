//! Plain types that every layer shares. No I/O, no clock, no decisions.

mod address;
mod address_report;
mod alert;
mod assessment;
mod connection;
mod event;
mod expectation;
mod failure;
mod finding;
mod flows;
mod hop_names;
mod host;
mod masked_by;
mod meaning;
mod needed_errors;
mod network;
mod own_tcp;
mod packet;
mod packet_event;
mod plan;
mod port_state;
mod ptb;
mod reason;
mod rejection;
mod report;
mod ruleset;
mod silent_form;
mod size;
mod stall_news;
mod suspect;
mod systems;
mod technique;
mod time;
mod watch;

pub use address::{is_container_gateway, is_global, is_of_container_network};
pub use address_report::{AddressReport, Report};
pub use alert::{Alarm, AlertRange, Thresholds};
pub use assessment::Assessment;
pub use connection::{
    Afterwards, BackwardSign, BackwardStall, Connections, ForwardStall, History, Holder, Opener, Stall,
    StalledConnection, Survey, TcpInfo, TcpSocket, TcpState, TcpTimer,
};
pub use event::{Action, Event, Outgoing, Refusal};
pub use expectation::{Change, Expectation, Expected, ExpectedSize, KnownState, SizeRange, Standard};
pub use failure::{FailureKind, TargetFailure};
pub use finding::{Finding, Tunnel};
pub use flows::{Flow, FlowOutcome, Flows};
pub use hop_names::{HopName, HopNames, PointerName};
pub use host::{
    Blocker, Blockers, CachedPathMtu, ClampRule, HostFacts, InnerKind, InnerLink, KernelSettings, RouteMtu,
};
pub use masked_by::MaskedBy;
pub use meaning::{Meaning, Probe, Purpose, Step};
pub use needed_errors::needed_errors;
pub use network::Network;
pub use own_tcp::{HoleHere, OwnLimit, OwnSearch, OwnTcp, OwnTcpSetup, WithoutDf};
pub use packet::{
    Body, Echo, Flags, IcmpError, IcmpErrorKind, IpHeader, Packet, Quote, QuotedTransport, SackBlocks, Segment,
    SeqNumber,
};
pub use packet_event::{PacketEvent, PacketEventKind};
pub use plan::{Direction, FirstFlight, FirstHop, FlowChoice, KnownEnd, MethodChoice, Plan, Service};
pub use port_state::{Filter, PortState, Reception};
pub use ptb::{PtbFault, PtbReport};
pub use reason::{
    AskedBy, Confirmation, CutShort, DialogueTrouble, Doubt, FlowShare, Ground, MethodReason, Obstacle, PtbOutcome,
    ReverseReason, SlowStep, TlsTrouble, Unwillingness, VerdictReason,
};
pub use rejection::{RejectedBy, Rejection};
pub use report::{
    Advice, Cause, Examined, Hop, Location, LocationPoint, MethodReport, MethodStatus, Reverse, ReverseVerdict,
    SizeEvidence, Verdict, Who, worst_exit_code,
};
pub use ruleset::{RulesetText, SavedTables};
pub use silent_form::SilentForm;
pub use size::{Family, PacketSize, Ttl};
pub use stall_news::{StallEvent, StallNews};
pub use suspect::{
    Delays, Grade, LogTime, MailFlow, OwnStalls, PassedWhen, Peer, Reading, ReadingKind, Reason, StallStage, Suspect,
    Suspects,
};
pub use systems::{Container, FirewallManager, HostSystems, IptablesBackend, LinkKind, Mailer, NetworkManager};
pub use technique::{Method, Technique};
pub use time::Timestamp;
pub use watch::{ChangedParts, RoundMark, Sighting, WatchNews, WatchedAddress, WatchedChange};
