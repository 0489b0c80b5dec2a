//! The header, the salutation and the end of a letter, and the line for an address that gets none.

use super::terms::{place, target};
use crate::model::{AddressReport, Who};
use crate::report::language::Language;
use crate::report::letter::complaint::NoComplaint;
use crate::report::letter::facts::LetterFacts;
use crate::report::words::address_with_zone;

/// The names of the header lines.
pub(in crate::report::letter) struct HeaderNames {
    pub(in crate::report::letter) to: &'static str,
    pub(in crate::report::letter) subject: &'static str,
}

pub(in crate::report::letter) fn header(language: Language) -> HeaderNames {
    match language {
        Language::English => HeaderNames { to: "To", subject: "Subject" },
        Language::German => HeaderNames { to: "An", subject: "Betreff" },
    }
}

pub(in crate::report::letter) fn recipient(language: Language, facts: &LetterFacts<'_>) -> String {
    let target = target(language, facts);
    let at = facts.place.map(|at| place(language, at));
    let in_brackets = at.as_ref().map_or_else(String::new, |at| format!(" ({at})"));
    match (language, facts.who, at) {
        (Language::English, Who::You, _) => "the administrators of our own mail server".into(),
        (Language::English, Who::YourNetwork, _) => {
            format!("the administrators of our own network or our provider{in_brackets}")
        }
        (Language::English, Who::TheirSide, _) => format!("the administrators of {target}"),
        (Language::English, Who::Unknown, Some(at)) => {
            format!("the network {at} (whois tells whose the addresses are)")
        }
        (Language::English, Who::Unknown, None) => {
            format!("the administrators of {target}, or of a network on the way there")
        }
        (Language::German, Who::You, _) => "die Administratoren unseres eigenen Mailservers".into(),
        (Language::German, Who::YourNetwork, _) => {
            format!("die Administratoren unseres eigenen Netzes oder unseren Provider{in_brackets}")
        }
        (Language::German, Who::TheirSide, _) => format!("die Administratoren von {target}"),
        (Language::German, Who::Unknown, Some(at)) => {
            format!("den Betreiber des Netzes {at} (whois nennt, wem die Adressen gehören)")
        }
        (Language::German, Who::Unknown, None) => {
            format!("die Administratoren von {target} oder eines Netzes auf dem Weg dorthin")
        }
    }
}

pub(in crate::report::letter) fn salutation(language: Language) -> &'static str {
    match language {
        Language::English => "Dear colleagues,",
        Language::German => "Sehr geehrte Damen und Herren,",
    }
}

pub(in crate::report::letter) fn measured_with(language: Language) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match language {
        Language::English => format!("This is what pmtu-probe {version} measured:"),
        Language::German => format!("Gemessen haben wir das mit pmtu-probe {version}:"),
    }
}

/// The regards, and what stands in place of a name.
pub(in crate::report::letter) fn closing(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::English => ("Kind regards", "[your name]"),
        Language::German => ("Mit freundlichen Grüßen", "[Ihr Name]"),
    }
}

/// Why an address gets no letter.
pub(in crate::report::letter) fn no_letter(language: Language, address: &AddressReport, why: NoComplaint) -> String {
    let name = address_with_zone(address.address, address.zone.as_deref());
    let why = match (language, why) {
        (Language::English, NoComplaint::Unreachable) => "it does not answer",
        (Language::English, NoComplaint::ThinEvidence) => "the evidence is too thin",
        (Language::English, NoComplaint::FullSizePasses) => "the path carries full-size packets",
        (Language::English, NoComplaint::DiscoveryWorks) => "path MTU discovery works",
        (Language::English, NoComplaint::WayBackUntested) => "its way to this host was not tested",
        (Language::English, NoComplaint::WayBackCarries) => "its large packets arrive",
        (Language::German, NoComplaint::Unreachable) => "die Adresse antwortet nicht",
        (Language::German, NoComplaint::ThinEvidence) => "die Belege reichen nicht aus",
        (Language::German, NoComplaint::FullSizePasses) => "der Pfad trägt Pakete voller Größe",
        (Language::German, NoComplaint::DiscoveryWorks) => "Path MTU Discovery funktioniert",
        (Language::German, NoComplaint::WayBackUntested) => "der Weg hierher ist nicht geprüft",
        (Language::German, NoComplaint::WayBackCarries) => "große Pakete von dort kommen an",
    };
    match language {
        Language::English => format!("{name}: no letter, as {why}."),
        Language::German => format!("{name}: kein Brief, denn {why}."),
    }
}
