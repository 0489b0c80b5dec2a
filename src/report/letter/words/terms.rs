//! Terms that several sentences share.

use crate::model::{Family, Ttl};
use crate::report::language::Language;
use crate::report::letter::facts::{LetterFacts, plain, with_host};
use crate::report::place::{Place, Point};

/// Whom it is about: the table has all of them.
pub(super) fn target(language: Language, facts: &LetterFacts<'_>) -> String {
    format!("{}{}", with_host(facts.address), and_others(language, facts))
}

/// The same without the host's name.
pub(super) fn target_address(language: Language, facts: &LetterFacts<'_>) -> String {
    format!("{}{}", plain(facts.address), and_others(language, facts))
}

fn and_others(language: Language, facts: &LetterFacts<'_>) -> &'static str {
    match language {
        _ if facts.others.is_empty() => "",
        Language::English => " and others",
        Language::German => " u. a.",
    }
}

/// The message that has to pass: name, type, RFC.
pub(super) fn message(language: Language, family: Family) -> &'static str {
    match (language, family) {
        (Language::English, Family::V4) => "ICMP type 3 code 4 (\"fragmentation needed\", RFC 1191)",
        (Language::English, Family::V6) => "ICMPv6 type 2 (\"packet too big\", RFC 8201)",
        (Language::German, Family::V4) => "ICMP Typ 3 Code 4 („fragmentation needed“, RFC 1191)",
        (Language::German, Family::V6) => "ICMPv6 Typ 2 („packet too big“, RFC 8201)",
    }
}

/// A name of the protocol, in the quotation marks of the language.
pub(super) fn quoted(language: Language, name: &str) -> String {
    match language {
        Language::English => format!("\"{name}\""),
        Language::German => format!("„{name}“"),
    }
}

/// The unit of sizes.
pub(super) fn bytes(language: Language) -> &'static str {
    match language {
        Language::English => "bytes",
        Language::German => "Byte",
    }
}

/// Where large packets end, after a verb.
pub(super) fn place(language: Language, place: Place) -> String {
    match (language, place) {
        (Language::English, place) => place.words(),
        (Language::German, Place::At(point)) => format!("bei {}", german_point(point)),
        (Language::German, Place::Between { last, next, .. }) => {
            format!("zwischen {} und {}", german_point(last), german_point(next))
        }
    }
}

/// In the dative.
fn german_point(point: Point) -> String {
    match point {
        Point::Here => "unserem Mailserver".into(),
        Point::Hop(Some(Ttl(ttl)), address) => format!("Hop {ttl} ({address})"),
        Point::Hop(None, address) => address.to_string(),
        Point::Target => "dem Ziel".into(),
    }
}
