//! The labels of the table of what was measured.

use crate::report::language::Language;
use crate::report::letter::measured::Measured;

pub(in crate::report::letter) fn label(language: Language, measured: &Measured<'_>) -> &'static str {
    match language {
        Language::English => english(measured),
        Language::German => german(measured),
    }
}

fn english(measured: &Measured<'_>) -> &'static str {
    match measured {
        Measured::From { .. } | Measured::Sender { .. } => "from",
        Measured::To { .. } | Measured::Receiver { .. } => "to",
        Measured::Announced(_) => "our MSS",
        Measured::Arrives(_) => "arrives",
        Measured::NeverArrives { .. } | Measured::Vanishes(..) => "vanishes",
        Measured::DontFragment(_) => "DF",
        Measured::RecoversAfter(_) => "stalls for",
        Measured::ToldToShrink(_) | Measured::Message(_) | Measured::NoMessage { .. } => "ICMP",
        Measured::ThereToo(..) => "way there",
        Measured::When(_) => "when",
        Measured::Probed { .. } | Measured::Fetched { .. } => "how",
        Measured::Passes(..) => "passes",
        Measured::TooBig(..) => "too big",
        Measured::Refused(..) => "refused",
        Measured::Refusal { .. } => "by",
        Measured::SentUpTo(_) => "sent up to",
        Measured::Place(_) => "where",
        Measured::Flows { .. } => "flows",
    }
}

fn german(measured: &Measured<'_>) -> &'static str {
    match measured {
        Measured::From { .. } | Measured::Sender { .. } => "von",
        Measured::To { .. } | Measured::Receiver { .. } => "an",
        Measured::Announced(_) => "unsere MSS",
        Measured::Arrives(_) | Measured::Passes(..) => "kommt an",
        Measured::NeverArrives { .. } | Measured::Vanishes(..) => "geht verloren",
        Measured::DontFragment(_) => "DF",
        Measured::RecoversAfter(_) => "stockt",
        Measured::ToldToShrink(_) | Measured::Message(_) | Measured::NoMessage { .. } => "ICMP",
        Measured::ThereToo(..) => "Hinweg",
        Measured::When(_) => "wann",
        Measured::Probed { .. } | Measured::Fetched { .. } => "wie",
        Measured::TooBig(..) => "zu groß",
        Measured::Refused(..) => "abgewiesen",
        Measured::Refusal { .. } => "durch",
        Measured::SentUpTo(_) => "gesendet bis",
        Measured::Place(_) => "wo",
        Measured::Flows { .. } => "Flows",
    }
}
