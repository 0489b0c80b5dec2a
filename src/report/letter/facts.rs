//! What a letter says, in no language.

use std::net::IpAddr;

use crate::model::{
    AddressReport, Blockers, Cause, Family, Finding, FlowFate, PacketSize, PtbFault, PtbReport, Report, SizeEvidence,
    Verdict, Who,
};
use crate::report::advice::{Rules, is_private, responsible};
use crate::report::json::rfc3339;
use crate::report::place::{Place, place_of};
use crate::report::words::{address_with_zone, shell_word};

/// What is wrong. A fault of the way back will be one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// Packets vanish and no message comes.
    Silent,
    /// Messages come and cannot work.
    WrongMessages,
    /// Packets vanish where no router can notice.
    Mismatch,
    /// This host drops the messages itself.
    OurFirewall,
    /// Messages are faulty, but the kernel copes.
    SurvivableMessages,
    /// Packets vanish on some flows only.
    SomeFlows,
}

/// Everything that a letter may mention.
pub(super) struct Facts<'a> {
    pub(super) complaint: Complaint,
    pub(super) address: &'a AddressReport,
    /// UTC, as people write it; `None` for a clock that is far off.
    pub(super) when: Option<String>,
    pub(super) who: Who,
    pub(super) place: Option<Place>,
    pub(super) family: Family,
}

/// What to complain about, one letter each.
pub(super) fn complaints(address: &AddressReport) -> Vec<Complaint> {
    let examined = &address.examined;
    let of_path = match (examined.verdict, examined.cause) {
        (Verdict::BlackHole | Verdict::Masked, Some(Cause::LocalFirewall)) => Some(Complaint::OurFirewall),
        (Verdict::BlackHole | Verdict::Masked, Some(Cause::BadPtb)) => Some(Complaint::WrongMessages),
        (Verdict::BlackHole | Verdict::Masked, Some(Cause::LinkMismatch)) => Some(Complaint::Mismatch),
        (Verdict::BlackHole | Verdict::Masked, Some(Cause::NoPtb) | None) => Some(Complaint::Silent),
        (Verdict::Discoverable, _) => examined
            .ptb
            .iter()
            .any(|ptb| ptb.fault.is_some_and(PtbFault::is_survivable))
            .then_some(Complaint::SurvivableMessages),
        (Verdict::Clear | Verdict::Unreachable | Verdict::Inconclusive, _) => None,
    };
    let some_flows = examined.findings.contains(&Finding::HoleOnSomeFlows);
    of_path.or(some_flows.then_some(Complaint::SomeFlows)).into_iter().collect()
}

impl<'a> Facts<'a> {
    pub(super) fn of(report: &Report, address: &'a AddressReport, complaint: Complaint) -> Self {
        let started = rfc3339(report.started);
        let who = if complaint == Complaint::OurFirewall { Who::You } else { responsible(address) };
        Self {
            complaint,
            address,
            when: started.map(|time| time.replace('T', " ").replace('Z', " UTC")),
            who,
            place: place_of(address),
            family: Family::of(address.address),
        }
    }

    /// `192.0.2.25 (mx.example.com)`.
    pub(super) fn target(&self) -> String {
        let address = self.target_address();
        let host = &self.address.host;
        if host.is_empty() || *host == address || *host == self.address.address.to_string() {
            address
        } else {
            format!("{address} ({host})")
        }
    }

    pub(super) fn target_address(&self) -> String {
        address_with_zone(self.address.address, self.address.zone.as_deref())
    }

    pub(super) fn source(&self) -> Option<IpAddr> {
        self.address.here.source
    }

    /// Whether the other side knows this host by another address.
    pub(super) fn is_behind_nat(&self) -> bool {
        self.source().is_some_and(is_private) && !is_private(self.address.address)
    }

    pub(super) fn is_masked(&self) -> bool {
        self.address.examined.verdict == Verdict::Masked
    }

    pub(super) fn passes(&self) -> Option<PacketSize> {
        let flows = self.address.examined.flows.as_ref().filter(|_| self.complaint == Complaint::SomeFlows);
        flows.map(|flows| flows.sizes.0).or(self.address.examined.path_mtu)
    }

    pub(super) fn vanishes(&self) -> Option<PacketSize> {
        let flows = self.address.examined.flows.as_ref().filter(|_| self.complaint == Complaint::SomeFlows);
        flows.map(|flows| flows.sizes.1).or(self.address.examined.first_lost_size)
    }

    pub(super) fn evidence(&self, size: PacketSize) -> Option<SizeEvidence> {
        self.address.examined.sizes.iter().find(|evidence| evidence.size == size).copied()
    }

    /// The messages to complain about, one of each sender, size and fault.
    pub(super) fn faulty(&self) -> Vec<&PtbReport> {
        self.address.examined.ptb.iter().filter(|ptb| ptb.fault.is_some()).take(MOST_MESSAGES).collect()
    }

    pub(super) fn messages(&self) -> &[PtbReport] {
        let messages = &self.address.examined.ptb;
        messages.get(..MOST_MESSAGES).unwrap_or(messages)
    }

    /// Whether the router that has to send the message sends other errors, and they arrive.
    pub(super) fn only_ptb_missing(&self) -> bool {
        self.place.is_some_and(Place::is_exact) && self.address.examined.findings.contains(&Finding::OnlyPtbMissing)
    }

    /// Source ports of the flows that met this fate, separated by commas.
    pub(super) fn ports(&self, fate: FlowFate) -> Option<String> {
        let flows = self.address.examined.flows.iter().flat_map(|flows| &flows.flows);
        let ports: Vec<String> = flows.filter(|flow| flow.fate == fate).map(|flow| flow.port.to_string()).collect();
        (!ports.is_empty()).then(|| ports.join(", "))
    }

    /// The message that has to pass: name, type, RFC.
    pub(super) fn message(&self) -> &'static str {
        match self.family {
            Family::V4 => "ICMP type 3 code 4 (\"fragmentation needed\", RFC 1191)",
            Family::V6 => "ICMPv6 type 2 (\"packet too big\", RFC 8201)",
        }
    }

    pub(super) fn message_name(&self) -> &'static str {
        match self.family {
            Family::V4 => "fragmentation needed",
            Family::V6 => "packet too big",
        }
    }

    /// Rules for a firewall on the way, or for this host's own.
    pub(super) fn rules(&self) -> Rules {
        Rules::of(self.family, if self.complaint == Complaint::OurFirewall { "input" } else { "forward" })
    }

    /// The rules of this host that drop the messages: place, rule, and what admits them.
    pub(super) fn blockers(&self) -> &[crate::model::Blocker] {
        match &self.address.here.blockers {
            Blockers::Found(blockers) => blockers,
            Blockers::NotSought | Blockers::Unreadable(_) | Blockers::NoneFound => &[],
        }
    }

    /// The command that shows whether the fault is gone.
    pub(super) fn verification(&self) -> String {
        let port = if self.address.port == 25 { String::new() } else { format!("-p {} ", self.address.port) };
        format!("sudo pmtu-probe {port}{}", shell_word(&self.target_address()))
    }
}

/// A letter is no log.
const MOST_MESSAGES: usize = 4;
