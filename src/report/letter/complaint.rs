//! What a letter complains about, and why an address gets none.

use crate::model::{AddressReport, Cause, Finding, PtbFault, ReverseVerdict, Verdict};
use crate::report::refusal::{nothing_else_ends_them, refusals};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// Packets vanish and no message comes.
    Silent,
    /// Messages come and cannot work.
    WrongMessages,
    /// Packets vanish where no router can notice.
    Mismatch,
    /// Somebody refuses large packets otherwise than by the message.
    Refused,
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

/// Why an address gets no letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoComplaint {
    /// It does not answer.
    Unreachable,
    /// The evidence is too thin.
    ThinEvidence,
    /// The path carries full-size packets.
    FullSizePasses,
    /// Path MTU discovery works.
    DiscoveryWorks,
    /// Its way to this host was not tested.
    WayBackUntested,
    /// Its large packets arrive here.
    WayBackCarries,
}

/// What to complain about, one letter each.
pub(super) fn complaints(address: &AddressReport) -> Vec<Complaint> {
    let is_forward = address.examined.direction.is_forward();
    let there = if is_forward { of_the_way_there(address) } else { None };
    let refused = (is_forward && refusals(address).next().is_some()).then_some(Complaint::Refused);
    // What looks like silence may be the refusal itself.
    let is_all = refused.is_some() && nothing_else_ends_them(address);
    let there = there.filter(|there| !(is_all && matches!(there, Complaint::Silent | Complaint::Mismatch)));
    there.into_iter().chain(refused).chain(of_the_way_back(address)).collect()
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
        (Verdict::BlackHole | Verdict::Recovers | Verdict::Masked, Some(Cause::LocalFirewall)) => {
            Some(Complaint::OurFirewall)
        }
        (Verdict::BlackHole | Verdict::Recovers | Verdict::Masked, Some(Cause::BadPtb)) => {
            Some(Complaint::WrongMessages)
        }
        (Verdict::BlackHole | Verdict::Recovers | Verdict::Masked, Some(Cause::LinkMismatch)) => {
            Some(Complaint::Mismatch)
        }
        (Verdict::BlackHole | Verdict::Recovers | Verdict::Masked, Some(Cause::NoPtb) | None) => {
            Some(Complaint::Silent)
        }
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

/// Why there is nothing to complain about.
pub(super) fn why_none(address: &AddressReport) -> NoComplaint {
    match address.examined.verdict {
        _ if !address.examined.direction.is_forward() => match address.examined.reverse.verdict {
            ReverseVerdict::Untested => NoComplaint::WayBackUntested,
            ReverseVerdict::Inconclusive => NoComplaint::ThinEvidence,
            ReverseVerdict::Clear
            | ReverseVerdict::Discoverable
            | ReverseVerdict::BlackHole
            | ReverseVerdict::Recovers => NoComplaint::WayBackCarries,
        },
        Verdict::Unreachable => NoComplaint::Unreachable,
        Verdict::Inconclusive => NoComplaint::ThinEvidence,
        Verdict::Clear => NoComplaint::FullSizePasses,
        Verdict::Discoverable | Verdict::Masked | Verdict::Recovers | Verdict::BlackHole => NoComplaint::DiscoveryWorks,
    }
}
