//! The values of the table of what was measured.

use std::net::IpAddr;

use super::terms::{bytes, place, quoted};
use crate::model::{Family, Method, PacketSize, PtbReport, RejectedBy, SizeEvidence};
use crate::report::language::Language;
use crate::report::letter::measured::{Carrier, Measured};
use crate::report::words::{ptb_fault, ptb_name, unreachable};

pub(in crate::report::letter) fn value(language: Language, measured: &Measured<'_>, family: Family) -> String {
    let unit = bytes(language);
    let message = quoted(language, ptb_name(family));
    match measured {
        Measured::From { source, behind_nat } | Measured::Receiver { source, behind_nat } => {
            our_address(language, *source, *behind_nat)
        }
        Measured::To { target, port, counts } => endpoint(language, target, *port) + &all_counts(language, counts),
        Measured::Sender { target, port } => endpoint(language, target, *port),
        Measured::Probed { probes, milliseconds, by } => probed(language, *probes, *milliseconds, *by),
        Measured::Fetched { seconds } => match language {
            Language::English => {
                format!(
                    "we asked for the server's certificates by STARTTLS or TLS on that port, and watched for {seconds} s"
                )
            }
            Language::German => format!(
                "über STARTTLS oder TLS an diesem Port die Zertifikate des Servers angefordert und {seconds} s lang beobachtet"
            ),
        },
        Measured::Announced(mss) => mss.to_string(),
        Measured::Arrives(size) => format!("{size} {unit}"),
        Measured::NeverArrives { size, is_bound } => {
            format!("{size} {unit}{}", if *is_bound { nothing_in_between(language) } else { "" })
        }
        Measured::DontFragment(is_set) => dont_fragment(language, *is_set).into(),
        Measured::RecoversAfter(seconds) => match language {
            Language::English => format!("about {seconds} s"),
            Language::German => format!("etwa {seconds} s"),
        },
        Measured::ToldToShrink(mtu) => match language {
            Language::English => {
                format!("{message} with MTU {mtu} sent to the server about such a packet: no effect")
            }
            Language::German => {
                format!("{message} mit MTU {mtu} an den Server gesendet, bezogen auf ein solches Paket: ohne Wirkung")
            }
        },
        Measured::ThereToo(size, at) => {
            let at = at.map_or_else(String::new, |at| format!(", {}", place(language, at)));
            match language {
                Language::English => format!("ends at {size} bytes as well{at}"),
                Language::German => format!("endet ebenfalls bei {size} Byte{at}"),
            }
        }
        Measured::When(when) => when.clone(),
        Measured::Passes(size, evidence)
        | Measured::TooBig(size, evidence)
        | Measured::Refused(size, evidence)
        | Measured::Vanishes(size, evidence) => size_and_evidence(language, *size, *evidence),
        Measured::Refusal { by, how, smallest, count } => {
            refusal(language, family, *by, *how, *count) + &smallest_refused(language, *smallest)
        }
        Measured::SentUpTo(size) => match language {
            Language::English => format!("{size} bytes, the MTU of our interface or route"),
            Language::German => format!("{size} Byte, die MTU unseres Interfaces oder unserer Route"),
        },
        Measured::Place(at) => place(language, *at),
        Measured::Flows { hit, known, ports } => flows(language, *hit, *known, ports.as_ref()),
        Measured::Message(message) => message_value(language, family, message),
        Measured::NoMessage { others_arrive } => match (language, others_arrive) {
            (Language::English, false) => format!("no {message} arrived"),
            (Language::English, true) => {
                format!("no {message} arrived, though \"time exceeded\" from there does")
            }
            (Language::German, false) => format!("keine Meldung {message} eingetroffen"),
            (Language::German, true) => {
                format!("keine Meldung {message} eingetroffen, „time exceeded“ von dort dagegen schon")
            }
        },
    }
}

fn endpoint(language: Language, target: &str, port: u16) -> String {
    match language {
        Language::English => format!("{target}, port {port}"),
        Language::German => format!("{target}, Port {port}"),
    }
}

/// `: answered at 1400 bytes 8 of 8, at 1401 bytes 0 of 8`.
fn all_counts(language: Language, counts: &[SizeEvidence]) -> String {
    let unit = bytes(language);
    let count = |SizeEvidence { size, sent, answered }: &SizeEvidence| match language {
        Language::English => format!("at {size} {unit} {answered} of {sent}"),
        Language::German => format!("bei {size} {unit} {answered} von {sent}"),
    };
    let all: Vec<String> = counts.iter().map(count).collect();
    let answered = match language {
        Language::English => "answered",
        Language::German => "beantwortet",
    };
    if all.is_empty() { String::new() } else { format!(": {answered} {}", all.join(", ")) }
}

fn probed(language: Language, probes: u32, milliseconds: Option<u64>, by: Carrier) -> String {
    let over = match (language, by) {
        (Language::English, Carrier::Connection) if milliseconds.is_none() => {
            "the sizes over one TCP connection to each, in turn"
        }
        (Language::German, Carrier::Connection) if milliseconds.is_none() => {
            "die Größen abwechselnd über je eine TCP-Verbindung"
        }
        (Language::English, Carrier::Connection) => "the sizes over one TCP connection, in turn",
        (Language::English, Carrier::Syns) => "the sizes in SYN packets with data, a connection each",
        (Language::English, Carrier::Pings) => "the sizes as pings, in turn",
        (Language::German, Carrier::Connection) => "die Größen abwechselnd über eine TCP-Verbindung",
        (Language::German, Carrier::Syns) => "die Größen in SYN-Paketen mit Daten, je eine Verbindung",
        (Language::German, Carrier::Pings) => "die Größen abwechselnd als Pings",
    };
    let time = milliseconds.map_or_else(String::new, |milliseconds| format!(" in {milliseconds} ms"));
    match language {
        Language::English => format!("{probes} packets{time}; {over}"),
        Language::German => format!("{probes} Pakete{time}; {over}"),
    }
}

fn our_address(language: Language, source: IpAddr, is_behind_nat: bool) -> String {
    match (language, is_behind_nat) {
        (Language::English | Language::German, false) => source.to_string(),
        (Language::English, true) => format!("{source}, behind NAT: you see another address"),
        (Language::German, true) => format!("{source}, hinter NAT: Sie sehen eine andere Adresse"),
    }
}

fn nothing_in_between(language: Language) -> &'static str {
    match language {
        Language::English => " (sizes in between were not tried)",
        Language::German => " (Größen dazwischen wurden nicht probiert)",
    }
}

fn dont_fragment(language: Language, is_set: bool) -> &'static str {
    match (language, is_set) {
        (Language::English, true) => "set by your server",
        (Language::English, false) => "not set",
        (Language::German, true) => "von Ihrem Server gesetzt",
        (Language::German, false) => "nicht gesetzt",
    }
}

fn size_and_evidence(language: Language, size: PacketSize, evidence: Option<SizeEvidence>) -> String {
    let answered = evidence.map_or_else(String::new, |SizeEvidence { answered, sent, .. }| match language {
        Language::English => format!(" ({answered} of {sent} answered)"),
        Language::German => format!(" ({answered} von {sent} beantwortet)"),
    });
    format!("{size} {}{answered}", bytes(language))
}

/// `203.0.113.6, by ICMP type 3 code 13 ("administratively prohibited"), 47 times`.
fn refusal(language: Language, family: Family, by: Option<IpAddr>, how: RejectedBy, count: Option<u32>) -> String {
    let answer = match (language, how) {
        (Language::English, RejectedBy::Reset) => "a reset of the connection".into(),
        (Language::German, RejectedBy::Reset) => "einem Abbruch der Verbindung (RST)".into(),
        (_, RejectedBy::Icmp(code)) => {
            let words = quoted(language, unreachable(family, code));
            match (language, family) {
                (Language::English, Family::V4) => format!("ICMP type 3 code {code} ({words})"),
                (Language::English, Family::V6) => format!("ICMPv6 type 1 code {code} ({words})"),
                (Language::German, Family::V4) => format!("ICMP Typ 3 Code {code} ({words})"),
                (Language::German, Family::V6) => format!("ICMPv6 Typ 1 Code {code} ({words})"),
            }
        }
    };
    match language {
        Language::English => {
            let who = by.map_or_else(|| "the target, or somebody in its name".into(), |by| by.to_string());
            let count = count.map_or_else(String::new, |count| format!(", {count} times"));
            format!("{who}, by {answer}{count}")
        }
        Language::German => {
            let who = by.map_or_else(|| "das Ziel oder jemand in seinem Namen".into(), |by| by.to_string());
            let count = count.map_or_else(String::new, |count| format!(", {count}-mal"));
            format!("{who}, mit {answer}{count}")
        }
    }
}

fn smallest_refused(language: Language, smallest: PacketSize) -> String {
    match language {
        Language::English => format!("; the smallest such packet had {smallest} bytes"),
        Language::German => format!("; das kleinste solche Paket hatte {smallest} Byte"),
    }
}

fn flows(language: Language, hit: usize, known: usize, ports: Option<&(String, String)>) -> String {
    match (language, ports) {
        (Language::English, None) => format!("{hit} of {known} are hit"),
        (Language::English, Some((lost, spared))) => {
            format!("{hit} of {known} are hit; source ports hit: {lost}; not hit: {spared}")
        }
        (Language::German, None) => format!("{hit} von {known} betroffen"),
        (Language::German, Some((lost, spared))) => {
            format!("{hit} von {known} betroffen; betroffene Quellports: {lost}; nicht betroffene: {spared}")
        }
    }
}

fn message_value(language: Language, family: Family, message: &PtbReport) -> String {
    let name = quoted(language, ptb_name(family));
    let remark = match (language, message.fault) {
        (language, Some(fault)) => ptb_fault::in_letter(language, fault),
        (_, None) if message.reached_kernel => "",
        (Language::English, None) => ", dropped by our own firewall",
        (Language::German, None) => ", verworfen von unserer eigenen Firewall",
    };
    let about = match (language, message.about) {
        (_, Method::Tcp) => "",
        (Language::English, Method::Icmp) => ", about an echo request",
        (Language::German, Method::Icmp) => ", zu einer Echo-Anfrage",
    };
    let (from, mtu) = (message.from, message.mtu);
    match language {
        Language::English => format!("{name} from {from}, MTU {mtu}{about}{remark}"),
        Language::German => format!("{name} von {from}, MTU {mtu}{about}{remark}"),
    }
}
