//! What a letter says, in no language.

use std::net::IpAddr;

use crate::model::{
    AddressReport, Blockers, Cause, Family, Finding, FlowOutcome, Flows, PacketSize, PtbFault, PtbReport, Report,
    ReverseVerdict, Service, SizeEvidence, Verdict, Who, is_global,
};
use crate::report::advice::{Rules, responsible, responsible_for_the_way_back, same_limit_in_words};
use crate::report::numbers::rfc3339;
use crate::report::place::{Place, place_of};
use crate::report::words::{address_with_zone, shell_word};

/// What is wrong.
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
    /// The target's packets vanish on their way here.
    WayBack,
    /// The same, but the target finds a size that passes, after a while.
    WayBackStalls,
    /// The target pays no heed to messages.
    Unheeded,
}

impl Complaint {
    /// Whether it is about what the target sends.
    pub(super) fn is_about_the_way_back(self) -> bool {
        matches!(self, Self::WayBack | Self::WayBackStalls | Self::Unheeded)
    }
}

/// What makes a Linux server search for a size that passes (RFC 4821).
pub(super) const MTU_PROBING: &str = "sysctl -w net.ipv4.tcp_mtu_probing=1";

/// How long a stalled connection is watched before the way back counts as a black hole.
pub(super) const WATCHED_SECONDS: u32 = 15;

/// A line of the table of what was measured, in its order.
pub(super) enum Measured<'a> {
    From {
        source: IpAddr,
        behind_nat: bool,
    },
    To {
        target: String,
        port: u16,
    },
    /// Of the way back: the target sends.
    Sender {
        target: String,
        port: u16,
    },
    /// Of the way back: this host receives.
    Receiver {
        source: IpAddr,
        behind_nat: bool,
    },
    Announced(u16),
    Arrives(PacketSize),
    NeverArrives {
        size: PacketSize,
        /// Sizes between this and the one that arrives were not tried.
        is_bound: bool,
    },
    /// The target's packets carry DF, or not (IPv4).
    DontFragment(bool),
    /// In whole seconds.
    RecoversAfter(u64),
    /// The message sent to the target, and its MTU.
    ToldToShrink(PacketSize),
    /// The way there ends at this size too, at this place if it is known.
    ThereToo(PacketSize, Option<Place>),
    When(String),
    Passes(PacketSize, Option<SizeEvidence>),
    /// Refused with a message that the kernel copes with.
    TooBig(PacketSize, Option<SizeEvidence>),
    Vanishes(PacketSize, Option<SizeEvidence>),
    SentUpTo(PacketSize),
    Place(Place),
    Flows {
        hit: usize,
        known: usize,
        /// Source ports hit and spared, if there are both.
        ports: Option<(String, String)>,
    },
    Message(&'a PtbReport),
    NoMessage {
        others_arrive: bool,
    },
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
    let there = if address.examined.direction.is_forward() { of_the_way_there(address) } else { None };
    there.into_iter().chain(of_the_way_back(address)).collect()
}

fn of_the_way_back(address: &AddressReport) -> Option<Complaint> {
    let examined = &address.examined;
    match examined.reverse.verdict {
        ReverseVerdict::BlackHole => Some(Complaint::WayBack),
        ReverseVerdict::Recovers => Some(Complaint::WayBackStalls),
        _ => examined.ignored_ptb().map(|_| Complaint::Unheeded),
    }
}

fn of_the_way_there(address: &AddressReport) -> Option<Complaint> {
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
    let some_flows = examined.findings.contains(&Finding::HoleOnSomeFlows).then_some(Complaint::SomeFlows);
    // Which path it is helps more than that the path is silent, and the letter asks for both.
    of_path.filter(|of_path| *of_path != Complaint::Silent || some_flows.is_none()).or(some_flows)
}

impl<'a> Facts<'a> {
    pub(super) fn of(report: &Report, address: &'a AddressReport, complaint: Complaint) -> Self {
        let started = rfc3339(report.started);
        let who = match complaint {
            Complaint::OurFirewall => Who::You,
            Complaint::Unheeded => Who::TheirSide,
            Complaint::WayBack | Complaint::WayBackStalls => responsible_for_the_way_back(address),
            _ => responsible(address),
        };
        Self {
            complaint,
            address,
            when: started.map(|time| time.replace('T', " ").replace('Z', " UTC")),
            who,
            place: place_of(address),
            family: Family::of(address.address),
        }
    }

    /// What was measured, the same in every language.
    pub(super) fn measured(&self) -> Vec<Measured<'a>> {
        if self.complaint.is_about_the_way_back() { self.measured_back() } else { self.measured_there() }
    }

    fn measured_back(&self) -> Vec<Measured<'a>> {
        let examined = &self.address.examined;
        let reverse = &examined.reverse;
        let source = self.address.here.source;
        let is_bound = !self.limit_is_exact();
        let vanishes = self.complaint != Complaint::Unheeded;
        [
            Some(Measured::Sender { target: self.target(), port: self.address.port }),
            source.map(|source| Measured::Receiver { source, behind_nat: self.is_behind_nat() }),
            self.when.clone().map(Measured::When),
            examined.local_mss.map(Measured::Announced),
            reverse.path_mtu.map(Measured::Arrives),
            reverse.first_lost_size.filter(|_| vanishes).map(|size| Measured::NeverArrives { size, is_bound }),
            (self.family == Family::V4).then(|| Measured::DontFragment(!self.peer_cuts())),
            reverse
                .recovered_after
                .filter(|_| self.complaint == Complaint::WayBackStalls)
                .map(|after| Measured::RecoversAfter((after.as_millis() as u64).div_ceil(1000))),
            examined.ignored_ptb().map(Measured::ToldToShrink),
            same_limit_in_words(self.address)
                .filter(|_| vanishes)
                .map(|(size, _)| Measured::ThereToo(size, self.place)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether the largest size that arrives and the smallest that does not are neighbours.
    pub(super) fn limit_is_exact(&self) -> bool {
        let reverse = &self.address.examined.reverse;
        reverse.path_mtu.zip(reverse.first_lost_size).is_some_and(|(fits, lost)| fits.bytes() + 1 == lost.bytes())
    }

    /// Whether the target speaks SMTP; a web server sends no mail.
    pub(super) fn is_mail(&self) -> bool {
        matches!(Service::of_port(self.address.port), Service::Smtp | Service::SmtpOverTls)
    }

    /// Whether the target sends without DF, so that routers cut its packets.
    pub(super) fn peer_cuts(&self) -> bool {
        self.address.examined.findings.contains(&Finding::PeerWithoutDf)
    }

    fn measured_there(&self) -> Vec<Measured<'a>> {
        let examined = &self.address.examined;
        let source = self.address.here.source;
        let from = source.map(|source| Measured::From { source, behind_nat: self.is_behind_nat() });
        let to = Measured::To { target: self.target(), port: self.address.port };
        let passes = self.passes().map(|size| Measured::Passes(size, self.evidence(size)));
        let lost = self.vanishes().map(|size| match self.complaint {
            Complaint::SurvivableMessages => Measured::TooBig(size, self.evidence(size)),
            _ => Measured::Vanishes(size, self.evidence(size)),
        });
        let messages = self.messages();
        let none = messages.is_empty().then(|| Measured::NoMessage { others_arrive: self.only_ptb_missing() });
        [
            from,
            Some(to),
            self.when.clone().map(Measured::When),
            passes,
            lost,
            Some(Measured::SentUpTo(examined.local_mtu)),
        ]
        .into_iter()
        .chain([self.place.map(Measured::Place), self.share_of_flows()])
        .flatten()
        .chain(messages.iter().map(Measured::Message))
        .chain(none)
        .collect()
    }

    fn share_of_flows(&self) -> Option<Measured<'a>> {
        let flows = self.address.examined.flows.as_ref().filter(|flows| flows.hit() > 0)?;
        let ports = self.ports(FlowOutcome::Lost).zip(self.ports(FlowOutcome::Passes));
        Some(Measured::Flows { hit: flows.hit(), known: flows.known(), ports })
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

    /// Whether the other side knows this host by another address.
    fn is_behind_nat(&self) -> bool {
        self.address.here.source.is_some_and(|source| !is_global(source)) && is_global(self.address.address)
    }

    pub(super) fn is_masked(&self) -> bool {
        self.address.examined.verdict == Verdict::Masked
    }

    pub(super) fn passes(&self) -> Option<PacketSize> {
        self.flows_in_question().map(|flows| flows.sizes.0).or(self.address.examined.path_mtu)
    }

    pub(super) fn vanishes(&self) -> Option<PacketSize> {
        self.flows_in_question().map(|flows| flows.sizes.1).or(self.address.examined.first_lost_size)
    }

    /// The flows, if the verdict is about one that is spared: then it has no sizes to tell.
    fn flows_in_question(&self) -> Option<&Flows> {
        let spared = self.address.examined.verdict == Verdict::Clear;
        self.address.examined.flows.as_ref().filter(|_| spared)
    }

    fn evidence(&self, size: PacketSize) -> Option<SizeEvidence> {
        self.address.examined.sizes.iter().find(|evidence| evidence.size == size).copied()
    }

    /// The messages to complain about, one of each sender, size and fault.
    pub(super) fn faulty(&self) -> Vec<&PtbReport> {
        self.address.examined.ptb.iter().filter(|ptb| ptb.fault.is_some()).take(MOST_MESSAGES).collect()
    }

    fn messages(&self) -> &'a [PtbReport] {
        let messages = &self.address.examined.ptb;
        messages.get(..MOST_MESSAGES).unwrap_or(messages)
    }

    /// Whether the router that has to send the message sends other errors, and they arrive.
    pub(super) fn only_ptb_missing(&self) -> bool {
        self.place.is_some_and(Place::is_exact) && self.address.examined.findings.contains(&Finding::OnlyPtbMissing)
    }

    /// Source ports of the flows that met this fate, separated by commas.
    fn ports(&self, fate: FlowOutcome) -> Option<String> {
        let flows = self.address.examined.flows.iter().flat_map(|flows| &flows.flows);
        let ports: Vec<String> = flows.filter(|flow| flow.outcome == fate).map(|flow| flow.port.to_string()).collect();
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
        let at_the_end = match self.complaint {
            Complaint::OurFirewall | Complaint::Unheeded => true,
            Complaint::WayBack | Complaint::WayBackStalls => self.who == Who::TheirSide,
            _ => false,
        };
        Rules::of(self.family, if at_the_end { "input" } else { "forward" })
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
        let options = match self.complaint {
            Complaint::WayBack | Complaint::WayBackStalls => "--direction reverse ",
            Complaint::Unheeded => "--direction reverse --ptb-test ",
            _ => "",
        };
        format!("sudo pmtu-probe {options}{port}{}", shell_word(&self.target_address()))
    }
}

/// A letter is no log.
const MOST_MESSAGES: usize = 4;
