//! What a letter asks for, in no language.

use std::net::IpAddr;

use super::complaint::Complaint;
use super::facts::LetterFacts;
use crate::model::{Blocker, PacketSize, PtbFault, PtbReport, Who};

/// What makes a Linux server search for a size that passes (RFC 4821).
pub(super) const MTU_PROBING: &str = "sysctl -w net.ipv4.tcp_mtu_probing=1";

/// Something to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plea<'a> {
    /// Compare the MTU at both ends of one link.
    CompareOneLink,
    /// Compare the MTU of parallel paths.
    CompareParallelPaths,
    /// Look for a firewall that drops fragments.
    FindFragmentFilter,
    /// The router has to send the message, and firewalls have to let it pass.
    SendMessage,
    /// A device changes messages and does not correct their checksum.
    CorrectChecksum {
        /// Whose messages.
        from: IpAddr,
    },
    /// Somebody refuses packets by their size.
    StopRefusing,
    /// A router states a wrong MTU.
    CorrectMtu {
        /// The router.
        from: IpAddr,
        /// What it states.
        stated: u32,
        /// What it has to state, if that is known.
        truth: Option<PacketSize>,
    },
    /// A rule of this host drops the message.
    AdmitBeforeRule(&'a Blocker),
    /// This host has to admit the message.
    AdmitHere,
    /// Our router has to send the message to the server, and our firewalls have to let it out.
    LetMessageOut,
    /// The server has to let the message in.
    LetMessageIn {
        /// Whether a setting bridges the time until then.
        can_bridge: bool,
    },
}

/// What to ask for, in this order.
pub(super) fn pleas<'a>(facts: &LetterFacts<'a>) -> Vec<Plea<'a>> {
    match facts.complaint {
        Complaint::Silent => vec![Plea::SendMessage],
        Complaint::Mismatch => vec![Plea::CompareOneLink],
        Complaint::Refused => vec![Plea::StopRefusing],
        Complaint::SomeFlows => vec![Plea::CompareParallelPaths, Plea::SendMessage],
        Complaint::WrongMessages | Complaint::SurvivableMessages => corrections(facts),
        Complaint::OurFirewall => admit_here(facts),
        Complaint::WayBack | Complaint::WayBackStalls if facts.peer_cuts() => vec![Plea::FindFragmentFilter],
        Complaint::WayBack | Complaint::WayBackStalls | Complaint::Unheeded => vec![let_message_through(facts)],
    }
}

fn corrections<'a>(facts: &LetterFacts<'a>) -> Vec<Plea<'a>> {
    let truth = facts.passes();
    let correction = |message: &PtbReport| match message.fault {
        Some(PtbFault::BadChecksum) => Plea::CorrectChecksum { from: message.from },
        _ => Plea::CorrectMtu { from: message.from, stated: message.mtu, truth },
    };
    let mut pleas: Vec<Plea<'a>> = facts.faulty().into_iter().map(correction).collect();
    pleas.dedup();
    pleas
}

fn admit_here<'a>(facts: &LetterFacts<'a>) -> Vec<Plea<'a>> {
    match facts.blockers() {
        [] => vec![Plea::AdmitHere],
        blockers => blockers.iter().map(Plea::AdmitBeforeRule).collect(),
    }
}

fn let_message_through<'a>(facts: &LetterFacts<'a>) -> Plea<'a> {
    if facts.who == Who::YourNetwork {
        return Plea::LetMessageOut;
    }
    let can_bridge = facts.complaint == Complaint::WayBack && facts.who == Who::TheirSide;
    Plea::LetMessageIn { can_bridge }
}
