//! What sizes mean, how the evidence was gained, and how to verify the repair.

use std::time::Duration;

use crate::report::language::Language;
use crate::report::letter::complaint::Complaint;
use crate::report::letter::facts::LetterFacts;

pub(in crate::report::letter) fn sizes(language: Language, facts: &LetterFacts<'_>) -> String {
    match facts.complaint {
        Complaint::Silent
        | Complaint::WrongMessages
        | Complaint::Mismatch
        | Complaint::Refused
        | Complaint::OurFirewall
        | Complaint::SurvivableMessages
        | Complaint::SomeFlows => sizes_of_probes(language).into(),
        Complaint::WayBack => {
            format!(
                "{} {} {}",
                whole_packets(language),
                proof(language, facts.watched(), facts.small_answers()),
                from_where(language)
            )
        }
        Complaint::WayBackStalls => format!("{} {}", whole_packets(language), from_where(language)),
        Complaint::Unheeded => whole_packets(language).into(),
    }
}

fn sizes_of_probes(language: Language) -> &'static str {
    match language {
        Language::English => {
            "Sizes are whole IP packets; they were sent with don't-fragment where IPv4 leaves the choice."
        }
        Language::German => {
            "Alle Größen meinen ganze IP-Pakete; unter IPv4 waren sie mit Don't-Fragment-Bit (DF) unterwegs."
        }
    }
}

fn whole_packets(language: Language) -> &'static str {
    match language {
        Language::English => "Sizes are whole IP packets.",
        Language::German => "Alle Größen meinen ganze IP-Pakete.",
    }
}

/// How the loss is known. `answers`: to how many small packets the server answered meanwhile.
fn proof(language: Language, watched: Option<Duration>, answers: Option<u32>) -> String {
    let (answers, small_ones) = match language {
        Language::English => (
            match answers {
                Some(answers) => format!("The server answered {answers} small packets meanwhile"),
                None => "The server answered small packets all the time".into(),
            } + ", and its sequence numbers show that it had sent what is missing.",
            "Over another connection, for which we announced a small MSS, everything arrived.",
        ),
        Language::German => (
            match answers {
                Some(answers) => format!("Der Server hat währenddessen auf {answers} kleine Pakete geantwortet"),
                None => "Der Server hat die ganze Zeit auf kleine Pakete geantwortet".into(),
            } + ", und seine Sequenznummern zeigen, dass er gesendet hatte, was fehlt.",
            "Über eine weitere Verbindung, für die wir eine kleine MSS angekündigt hatten, kam alles an.",
        ),
    };
    match watched {
        Some(watched) => format!("{answers} {} {small_ones}", waited(language, watched)),
        None => format!("{answers} {small_ones}"),
    }
}

fn waited(language: Language, watched: Duration) -> String {
    let seconds = watched.as_secs();
    match language {
        Language::English => format!("We waited {seconds} seconds for it."),
        Language::German => format!("Darauf haben wir {seconds} Sekunden gewartet."),
    }
}

/// What is not known.
fn from_where(language: Language) -> &'static str {
    match language {
        Language::English => "We only see what arrives here, so we cannot tell where on the way packets are lost.",
        Language::German => {
            "Wir sehen nur, was hier ankommt, und können daher nicht sagen, an welcher Stelle des Weges Pakete verloren \
             gehen."
        }
    }
}

pub(in crate::report::letter) fn verify(language: Language, complaint: Complaint) -> &'static str {
    match (language, complaint) {
        (Language::English, Complaint::Unheeded) => {
            "To verify afterwards, this command on our mail server should report \"peer_obeys_ptb\" with --json. We will \
             gladly run it; it tells the server once more to keep to smaller packets towards us:"
        }
        (Language::English, _) => {
            "To verify afterwards, this command on our mail server should end with exit code 0. We will gladly run it; \
             from any other Linux host it shows the path from there:"
        }
        (Language::German, Complaint::Unheeded) => {
            "Ob der Fehler behoben ist, zeigt der folgende Befehl auf unserem Mailserver: Mit --json sollte er \
             „peer_obeys_ptb“ melden. Wir führen ihn gern für Sie aus; er fordert den Server noch einmal auf, uns \
             kleinere Pakete zu senden:"
        }
        (Language::German, _) => {
            "Ob der Fehler behoben ist, zeigt der folgende Befehl auf unserem Mailserver: Er sollte sich mit Exit-Code 0 \
             beenden. Wir führen ihn gern für Sie aus; auf jedem anderen Linux-Host prüft er den Pfad von dort aus:"
        }
    }
}
