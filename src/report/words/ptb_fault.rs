//! What is wrong with a packet-too-big message, in every place that says it.

use crate::model::{PtbFault, PtbReport};
use crate::report::language::Language;

/// In the reason of a verdict, after "and".
pub(super) fn in_reason(fault: PtbFault) -> &'static str {
    match fault {
        PtbFault::MtuZero => "the router's message states no MTU",
        PtbFault::StatedSizeLost => "the router's message states a size that is lost as well",
        PtbFault::NotSmaller => "the router's message states a size that is not smaller than what it refuses",
        PtbFault::TooLow => "the router's message states too little",
        PtbFault::BelowMinimum => "the router's message states less than any kernel accepts",
        PtbFault::BadChecksum => "the router's message has a wrong checksum, so kernels discard it",
    }
}

/// In the evidence, after what became of the message.
pub(crate) fn in_evidence(fault: PtbFault) -> &'static str {
    match fault {
        PtbFault::MtuZero => "it states no size",
        PtbFault::StatedSizeLost => "but the size it states is lost as well",
        PtbFault::NotSmaller => "but it states no smaller size than was sent",
        PtbFault::TooLow => "but larger packets pass",
        PtbFault::BelowMinimum => "below the minimum of this kernel",
        PtbFault::BadChecksum => "its checksum is wrong",
    }
}

/// In the table of a letter, after the MTU.
pub(crate) fn in_letter(language: Language, fault: PtbFault) -> &'static str {
    match (language, fault) {
        (Language::English, PtbFault::MtuZero) => ", which is no size at all",
        (Language::English, PtbFault::StatedSizeLost) => ", though packets of that size vanish as well",
        (Language::English, PtbFault::NotSmaller) => ", which is no smaller than what was sent",
        (Language::English, PtbFault::TooLow) => ", though larger packets pass",
        (Language::English, PtbFault::BelowMinimum) => ", less than our kernel accepts",
        (Language::English, PtbFault::BadChecksum) => ", with a wrong checksum",
        (Language::German, PtbFault::MtuZero) => ", also gar keine Größe",
        (Language::German, PtbFault::StatedSizeLost) => ", aber auch Pakete dieser Größe gehen verloren",
        (Language::German, PtbFault::NotSmaller) => ", nicht kleiner als das gesendete Paket",
        (Language::German, PtbFault::TooLow) => ", obwohl größere Pakete ankommen",
        (Language::German, PtbFault::BelowMinimum) => ", weniger als unser Kernel akzeptiert",
        (Language::German, PtbFault::BadChecksum) => ", mit falscher Prüfsumme",
    }
}

/// As a finding: what it is and why it matters.
pub(crate) fn as_finding(fault: PtbFault) -> &'static str {
    match fault {
        PtbFault::MtuZero => {
            "A router reports MTU 0, as routers older than RFC 1191 do: this host has to guess the size."
        }
        PtbFault::StatedSizeLost | PtbFault::NotSmaller => {
            "A router states an MTU that does not pass: often the overhead of a tunnel that it forgot to deduct."
        }
        PtbFault::TooLow => {
            "A router states a smaller MTU than the path carries: mail passes, in needlessly small packets."
        }
        PtbFault::BelowMinimum => {
            "A router states an MTU below the smallest that this kernel accepts: this kernel stays at its own minimum."
        }
        PtbFault::BadChecksum => {
            "A \"too big\" message came with a wrong checksum; kernels drop it without a word. A NAT or firewall on the \
             way may have damaged it."
        }
    }
}

/// As advice: what its sender has to correct. `truth`: what it has to state.
pub(crate) fn as_advice(fault: PtbFault, PtbReport { from, mtu, .. }: &PtbReport, truth: &str) -> String {
    match fault {
        PtbFault::MtuZero => {
            format!("The router {from} states MTU 0. It should state {truth} (RFC 1191, section 4).")
        }
        PtbFault::StatedSizeLost => format!(
            "The router {from} states MTU {mtu}, but packets of that size are lost as well. It has to state {truth}; \
             look for a tunnel whose overhead is not deducted."
        ),
        PtbFault::NotSmaller => format!(
            "The router {from} refuses packets and states MTU {mtu}, which is no smaller. It has to state {truth}."
        ),
        PtbFault::TooLow => format!("The router {from} states MTU {mtu}, too low. It should state {truth}."),
        PtbFault::BelowMinimum => format!(
            "The router {from} states MTU {mtu}, below what this kernel accepts. It should state {truth}; no ordinary \
             link is that small."
        ),
        PtbFault::BadChecksum => format!(
            "The \"too big\" message from {from} has a wrong checksum, so kernels drop it. Look for a NAT or firewall on \
             the way that rewrites ICMP without correcting the checksum."
        ),
    }
}
