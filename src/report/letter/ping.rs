//! A check that the reader can run with what every system has.

use super::complaint::Complaint;
use super::facts::LetterFacts;
use crate::model::{AddressReport, Family, Finding, Method, MethodReason, MethodStatus, PacketSize, Who};
use crate::report::place::{Place, Point};

/// Two pings, the larger of which is lost at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PingCheck {
    pub(super) family: Family,
    /// Whom to ping; `None`: our address, which is not known here.
    pub(super) target: Option<String>,
    pub(super) from: From,
    /// The packet that passes.
    pub(super) passes: PacketSize,
    /// The packet that does not.
    pub(super) lost: PacketSize,
    pub(super) outcome: Outcome,
    pub(super) pinged: Pinged,
}

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pinged {
    /// The target's, or our own.
    Target,
    /// That of a router behind the link, as the target answers no pings.
    RouterForSilentTarget,
    /// The same, as nobody knows whether the target answers any.
    RouterForUnknownTarget,
}

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// From our side of the place.
    OurSide,
    /// From outside of the reader's network.
    Outside,
    /// From our own network.
    OurNetwork,
    /// From the server itself.
    Server,
}

/// What becomes of the larger ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing comes back; a router should speak.
    Silence,
    /// Nothing comes back, and no router can notice.
    SilenceForGood,
    /// A router speaks, and states this.
    WrongSize(u32),
}

impl PingCheck {
    /// `None`: pings show nothing of this fault, or sizes or an address are missing.
    pub(super) fn of(facts: &LetterFacts<'_>) -> Option<Self> {
        match facts.complaint {
            Complaint::WayBack | Complaint::WayBackStalls if !facts.peer_cuts() => Self::back(facts),
            Complaint::Silent | Complaint::Mismatch | Complaint::WrongMessages | Complaint::SurvivableMessages => {
                Self::there(facts)
            }
            // A filter by size may let pings pass, or not. One ping is one flow; this host's own firewall drops the answers; no fragment is a ping; nothing is lost yet.
            Complaint::Refused
            | Complaint::SomeFlows
            | Complaint::OurFirewall
            | Complaint::WayBack
            | Complaint::WayBackStalls
            | Complaint::Unheeded => None,
        }
    }

    fn there(facts: &LetterFacts<'_>) -> Option<Self> {
        let behind = match facts.place {
            Some(Place::Between { next: Point::Hop(_, address), .. }) => Some(address.to_string()),
            _ => None,
        };
        let pinged = whom_to_ping(facts.address);
        Some(Self {
            family: facts.family,
            target: Some(if pinged == Pinged::Target { super::facts::plain(facts.address) } else { behind? }),
            from: match facts.who {
                Who::TheirSide => From::Outside,
                Who::You | Who::YourNetwork => From::OurNetwork,
                Who::Unknown => From::OurSide,
            },
            passes: facts.passes()?,
            lost: facts.vanishes()?,
            outcome: match facts.complaint {
                Complaint::Mismatch => Outcome::SilenceForGood,
                Complaint::WrongMessages | Complaint::SurvivableMessages => {
                    facts.faulty().first().map_or(Outcome::Silence, |message| Outcome::WrongSize(message.mtu))
                }
                _ => Outcome::Silence,
            },
            pinged,
        })
    }

    fn back(facts: &LetterFacts<'_>) -> Option<Self> {
        let reverse = &facts.address.examined.reverse;
        Some(Self {
            family: facts.family,
            target: facts.address.here.source.filter(|_| !facts.is_behind_nat()).map(|source| source.to_string()),
            from: From::Server,
            passes: reverse.path_mtu?,
            lost: reverse.first_lost_size?,
            outcome: Outcome::Silence,
            pinged: Pinged::Target,
        })
    }

    /// IP and ICMP headers (RFC 791, RFC 792; RFC 8200, RFC 4443).
    pub(super) fn headers(&self) -> u32 {
        match self.family {
            Family::V4 => 20 + 8,
            Family::V6 => 40 + 8,
        }
    }

    /// What `ping` has to be told: the sizes less the headers.
    pub(super) fn data(&self) -> [u32; 2] {
        [self.passes, self.lost].map(|size| size.bytes().saturating_sub(self.headers()))
    }

    /// For the systems that people have.
    pub(super) fn commands(&self, target: &str) -> Vec<String> {
        let (bsd, windows) = match self.family {
            Family::V4 => ("ping -c 3 -D -s", "ping -f -l"),
            // Only the sender fragments in IPv6, and these sizes fit its own link.
            Family::V6 => ("ping6 -c 3 -D -s", "ping -6 -l"),
        };
        let systems = [("Linux", "ping -c 3 -M do -s"), ("BSD, macOS", bsd), ("Windows", windows)];
        let of = |(system, ping): (&str, &str)| {
            let pings = self.data().map(|data| format!("{ping} {data} {target}"));
            std::iter::once(format!("# {system}:")).chain(pings).collect::<Vec<_>>()
        };
        systems.into_iter().flat_map(of).collect()
    }
}

fn whom_to_ping(report: &AddressReport) -> Pinged {
    let pings = report.examined.methods.iter().find(|method| method.method == Method::Icmp);
    match pings.map(|pings| (pings.status, pings.answered)) {
        Some((MethodStatus::Used, 1..)) => Pinged::Target,
        Some((MethodStatus::Used, 0) | (MethodStatus::Unusable(MethodReason::EchoUnanswered), _)) => {
            Pinged::RouterForSilentTarget
        }
        _ if report.examined.findings.contains(&Finding::EchoUnanswered) => Pinged::RouterForSilentTarget,
        _ => Pinged::RouterForUnknownTarget,
    }
}
