//! What a letter says, in no language.

use std::time::Duration;

use super::complaint::Complaint;
use crate::model::{
    AddressReport, Blocker, Blockers, Family, Finding, Flows, HoleHere, PacketSize, PtbReport, Rejection, Report,
    ReverseReason, Service, SizeEvidence, Verdict, Who, is_global,
};
use crate::report::advice::{Rules, linux_rules, responsible, responsible_for_the_way_back};
use crate::report::numbers::rfc3339;
use crate::report::place::{Place, place_of};
use crate::report::refusal::{is_exact, nothing_else_ends_them, place_of_refusal, refusals};
use crate::report::words::{address_with_zone, shell_word};

/// Everything that a letter may mention.
pub(super) struct LetterFacts<'a> {
    pub(super) complaint: Complaint,
    /// The address that is described.
    pub(super) address: &'a AddressReport,
    /// Those of which the same is true.
    pub(super) others: &'a [&'a AddressReport],
    /// UTC, as people write it; `None` for a clock that is far off.
    pub(super) when: Option<String>,
    pub(super) who: Who,
    pub(super) place: Option<Place>,
    pub(super) family: Family,
}

impl<'a> LetterFacts<'a> {
    /// `group`: addresses of one family that are alike. `None`: there is none.
    pub(super) fn of(report: &Report, group: &'a [&'a AddressReport], complaint: Complaint) -> Option<Self> {
        let (&address, others) = group.split_first()?;
        let started = rfc3339(report.started);
        let who = match complaint {
            Complaint::OurFirewall => Who::You,
            Complaint::Unheeded => Who::TheirSide,
            Complaint::WayBack | Complaint::WayBackStalls => responsible_for_the_way_back(address),
            Complaint::Refused if !nothing_else_ends_them(address) => Who::Unknown,
            _ => responsible(address),
        };
        let place = match complaint {
            Complaint::Refused => place_of_refusal(address),
            _ => place_of(address),
        };
        Some(Self {
            complaint,
            address,
            others,
            when: started.map(|time| time.replace('T', " ").replace('Z', " UTC")),
            who,
            place,
            family: Family::of(address.address),
        })
    }

    /// Whether the largest size that arrives and the smallest that does not are neighbours.
    pub(super) fn limit_is_exact(&self) -> bool {
        let reverse = &self.address.examined.reverse;
        reverse.path_mtu.zip(reverse.first_lost_size).is_some_and(|(fits, lost)| fits.bytes() + 1 == lost.bytes())
    }

    /// For how long the targets' large packets were awaited at least, where that proves that they vanish.
    pub(super) fn watched(&self) -> Option<Duration> {
        let watched = |report: &AddressReport| match report.examined.reverse.reason {
            Some(ReverseReason::Missing { watched, .. }) => Some(watched),
            _ => None,
        };
        self.targets().filter_map(watched).min()
    }

    /// After how long the slowest of them found a size that passes.
    pub(super) fn recovered_after(&self) -> Option<Duration> {
        self.targets().filter_map(|report| report.examined.reverse.recovered_after).max()
    }

    /// How many small packets it answered meanwhile, of one address.
    pub(super) fn small_answers(&self) -> Option<u32> {
        match self.address.examined.reverse.reason {
            Some(ReverseReason::Missing { answers, .. }) if self.others.is_empty() => Some(answers),
            _ => None,
        }
    }

    /// Whether the target speaks SMTP; a web server sends no mail.
    pub(super) fn is_mail(&self) -> bool {
        matches!(Service::of_port(self.address.port), Service::Smtp | Service::SmtpOverTls)
    }

    /// Whether the target sends without DF, so that routers cut its packets.
    pub(super) fn peer_cuts(&self) -> bool {
        self.address.examined.findings.contains(&Finding::PeerWithoutDf)
    }

    /// All addresses.
    pub(super) fn targets(&self) -> impl Iterator<Item = &'a AddressReport> {
        std::iter::once(self.address).chain(self.others.iter().copied())
    }

    /// Whether the other side knows this host by another address.
    pub(super) fn is_behind_nat(&self) -> bool {
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

    /// The messages to complain about, one of each sender, size and fault.
    pub(super) fn faulty(&self) -> Vec<&'a PtbReport> {
        self.address.examined.ptb.iter().filter(|ptb| ptb.fault.is_some()).take(MOST_MESSAGES).collect()
    }

    /// Whether the router that has to send the message sends other errors, and they arrive.
    pub(super) fn only_ptb_missing(&self) -> bool {
        self.place.is_some_and(Place::is_exact) && self.address.examined.findings.contains(&Finding::OnlyPtbMissing)
    }

    /// Rules for a router and the firewalls on the way, for their server, or for this host's own firewall.
    pub(super) fn rules(&self) -> Rules {
        let is_at_their_end = match self.complaint {
            Complaint::OurFirewall => return Rules::of_input(self.family),
            Complaint::Unheeded => true,
            Complaint::WayBack | Complaint::WayBackStalls => self.who == Who::TheirSide,
            _ => false,
        };
        let [nft, iptables] = linux_rules(self.family, is_at_their_end);
        Rules { nft, iptables: vec![iptables] }
    }

    /// The size in the server's own packets that do not arrive, if it is exact.
    pub(super) fn exact_limit(&self) -> Option<PacketSize> {
        self.address.examined.reverse.path_mtu.filter(|_| self.limit_is_exact())
    }

    /// The rules of this host that drop the messages: place, rule, and what admits them.
    pub(super) fn blockers(&self) -> &'a [Blocker] {
        match &self.address.here.blockers {
            Blockers::Found(blockers) => blockers,
            Blockers::NotSought | Blockers::Unreadable(_) | Blockers::NoneFound => &[],
        }
    }

    /// Who refuses large packets, and how.
    pub(super) fn refusals(&self) -> Vec<Rejection> {
        refusals(self.address).collect()
    }

    /// Whether the smallest size that is refused is the first that does not pass.
    pub(super) fn refusal_is_exact(&self) -> bool {
        is_exact(self.address)
    }

    /// What this host does about the hole by a setting of its own.
    pub(super) fn workaround(&self) -> Option<HoleHere> {
        let here = self.address.examined.reason.here;
        here.filter(|here| !matches!(here, HoleHere::Remembers { .. }) && !self.complaint.is_about_the_way_back())
    }

    /// The counts of a size, of one address.
    pub(super) fn counts(report: &AddressReport, size: Option<PacketSize>) -> Option<SizeEvidence> {
        report.examined.sizes.iter().find(|evidence| Some(evidence.size) == size).copied()
    }

    /// The command that shows whether the fault is gone.
    pub(super) fn verification(&self) -> String {
        let port = if self.address.port == 25 { String::new() } else { format!("-p {} ", self.address.port) };
        let options = match self.complaint {
            Complaint::WayBack | Complaint::WayBackStalls => "--direction reverse ",
            Complaint::Unheeded => "--direction reverse --ptb-test ",
            _ => "",
        };
        let all = std::iter::once(&self.address).chain(self.others);
        let targets: Vec<String> = all.map(|report| shell_word(&plain(report))).collect();
        format!("sudo pmtu-probe {options}{port}{}", targets.join(" "))
    }
}

/// A letter is no log.
pub(super) const MOST_MESSAGES: usize = 4;

/// `192.0.2.25 (mx.example.com)`.
pub(super) fn with_host(report: &AddressReport) -> String {
    let address = plain(report);
    let host = &report.host;
    if host.is_empty() || *host == address || *host == report.address.to_string() {
        address
    } else {
        format!("{address} ({host})")
    }
}

pub(super) fn plain(report: &AddressReport) -> String {
    address_with_zone(report.address, report.zone.as_deref())
}
