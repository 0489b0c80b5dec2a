//! What the fault does to mail, in no language.

use super::complaint::Complaint;
use super::facts::LetterFacts;
use crate::model::{MaskedBy, Verdict};

/// What the fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Senders guess the size, or send smaller packets than they could.
    SendersGuess,
    /// A small MSS lets mail pass; what has no MSS loses its large packets.
    MssProtectsMail {
        /// The MSS.
        mss: u16,
    },
    /// This host sends nothing that vanishes, so its own mail passes; from others large mail hangs.
    OthersHang,
    /// This host finds a size that passes after a stall; from others large mail hangs.
    StallsHere,
    /// No router notices, so none sends the message, and large mail hangs.
    NoRouterNotices,
    /// On some flows the message does not arrive, and large mail hangs.
    HangsOnSomeFlows,
    /// Without a usable message, large mail hangs.
    Hangs,
    /// What is said in place of the message is none that a sender acts on, and large mail hangs.
    HangsRefused,
    /// From there: routers may cut the packets, so no message is missing; large mail hangs.
    HangsInFragments,
    /// From there: each connection stalls.
    Stalls,
    /// No effect on this path: the server ignores a message that other paths need.
    NoneNow,
    /// From there: large answers hang.
    AnswersHang,
    /// From there: large mail hangs.
    MailFromThereHangs,
}

impl Effect {
    pub(super) fn of(facts: &LetterFacts<'_>) -> Self {
        match facts.complaint {
            Complaint::Unheeded => Self::NoneNow,
            Complaint::WayBack | Complaint::WayBackStalls if facts.peer_cuts() => Self::HangsInFragments,
            Complaint::WayBackStalls => Self::Stalls,
            Complaint::WayBack if facts.is_mail() => Self::MailFromThereHangs,
            Complaint::WayBack => Self::AnswersHang,
            Complaint::SurvivableMessages => Self::SendersGuess,
            complaint => match (complaint, facts.address.examined.peer_mss) {
                _ if facts.address.examined.masked_by == Some(MaskedBy::ThisHost) => Self::OthersHang,
                _ if facts.address.examined.verdict == Verdict::Recovers => Self::StallsHere,
                (_, Some(mss)) if facts.is_masked() => Self::MssProtectsMail { mss },
                (Complaint::Mismatch, _) => Self::NoRouterNotices,
                (Complaint::Refused, _) => Self::HangsRefused,
                (Complaint::SomeFlows, _) => Self::HangsOnSomeFlows,
                _ => Self::Hangs,
            },
        }
    }
}
