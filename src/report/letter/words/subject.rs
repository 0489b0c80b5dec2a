//! The subject.

use super::terms::{quoted, target_address};
use crate::model::PacketSize;
use crate::report::language::Language;
use crate::report::letter::complaint::Complaint;
use crate::report::letter::facts::LetterFacts;
use crate::report::words::ptb_name;

pub(in crate::report::letter) fn subject(language: Language, facts: &LetterFacts<'_>) -> String {
    let target = target_address(language, facts);
    let there = large_packets(language, facts.passes());
    let refused = large_packets(language, facts.passes().filter(|_| facts.refusal_is_exact()));
    let back = large_packets(language, facts.exact_limit());
    let message = quoted(language, ptb_name(facts.family));
    match (language, facts.complaint) {
        (Language::English, Complaint::Silent | Complaint::Mismatch) => format!("{there} to {target} vanish"),
        (Language::English, Complaint::Refused) => format!("{refused} to {target} are refused"),
        (Language::English, Complaint::SomeFlows) => format!("{there} to {target} vanish on some flows"),
        (Language::English, Complaint::WrongMessages) => format!("Unusable {message} on the way to {target}"),
        (Language::English, Complaint::SurvivableMessages) => format!("Wrong MTU in {message} on the way to {target}"),
        (Language::English, Complaint::OurFirewall) => format!("Our firewall drops {message}"),
        (Language::English, Complaint::WayBack) => format!("{back} from {target} to us vanish"),
        (Language::English, Complaint::WayBackStalls) => format!("{back} from {target} to us stall"),
        (Language::English, Complaint::Unheeded) => format!("{target} does not heed {message}"),
        (Language::German, Complaint::Silent | Complaint::Mismatch) => format!("{there} an {target} gehen verloren"),
        (Language::German, Complaint::Refused) => format!("{refused} an {target} werden abgewiesen"),
        (Language::German, Complaint::SomeFlows) => format!("{there} an {target} gehen auf manchen Pfaden verloren"),
        (Language::German, Complaint::WrongMessages) => {
            format!("Unbrauchbare Meldung {message} auf dem Weg zu {target}")
        }
        (Language::German, Complaint::SurvivableMessages) => {
            format!("Falsche MTU in {message} auf dem Weg zu {target}")
        }
        (Language::German, Complaint::OurFirewall) => format!("Unsere Firewall verwirft {message}"),
        (Language::German, Complaint::WayBack) => format!("{back} von {target} an uns gehen verloren"),
        (Language::German, Complaint::WayBackStalls) => format!("{back} von {target} an uns stocken"),
        (Language::German, Complaint::Unheeded) => format!("{target} beachtet {message} nicht"),
    }
}

/// With the size above which packets are lost, if it is known.
fn large_packets(language: Language, above: Option<PacketSize>) -> String {
    match (language, above) {
        (Language::English, Some(size)) => format!("Packets above {size} bytes"),
        (Language::English, None) => "Large packets".into(),
        (Language::German, Some(size)) => format!("Pakete über {size} Byte"),
        (Language::German, None) => "Große Pakete".into(),
    }
}
