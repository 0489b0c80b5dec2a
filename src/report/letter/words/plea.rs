//! What is asked for.

use super::terms::{message, quoted};
use crate::model::{Blocker, Family, PacketSize};
use crate::report::language::Language;
use crate::report::letter::plea::Plea;

pub(in crate::report::letter) fn plea(language: Language, family: Family, plea: Plea<'_>) -> String {
    match language {
        Language::English => english(family, plea),
        Language::German => german(family, plea),
    }
}

fn english(family: Family, plea: Plea<'_>) -> String {
    let message = message(Language::English, family);
    match plea {
        Plea::CompareOneLink => "Please compare the MTU at both ends of that link, switches and tunnels between them \
                                 included, and look for a device that drops packets by their size."
            .into(),
        Plea::StopRefusing => format!(
            "Please look for a rule that goes by the length of packets, on whoever answers so and on a firewall that may speak in \
             its name, and take it out. Where the limit is meant, let {message} be sent in place of that answer: it states the \
             size that passes."
        ),
        Plea::CompareParallelPaths => {
            "Please compare the MTU of all next hops of equal cost and of all members of bundled links.".into()
        }
        Plea::FindFragmentFilter => {
            "Please look for a firewall that drops fragments, and compare the MTU at both ends of \
                                     each link; we will do the same here."
                .into()
        }
        Plea::SendMessage => format!(
            "Please make sure that the router before the smaller link sends {message}, and that no firewall on the way \
             back drops it. These rules for a Linux firewall admit error messages and nothing else; with nftables:"
        ),
        Plea::CorrectChecksum { from } => format!(
            "Please look for a NAT or a firewall that changes ICMP messages from {from} without correcting the checksum: \
             every receiver drops them."
        ),
        Plea::CorrectMtu { from, stated, truth } => {
            let truth = true_mtu(Language::English, truth);
            format!(
                "Please make {from} state {truth} in place of {stated}. Often it is a tunnel whose overhead is not \
                 deducted, or an MTU set by hand."
            )
        }
        Plea::AdmitBeforeRule(Blocker { place, rule, is_certain, .. }) => format!(
            "The rule that {} it is \"{rule}\" ({place}). These commands admit error messages before it:",
            if *is_certain { "does" } else { "probably does" }
        ),
        Plea::AdmitHere => {
            format!("Please admit {message} and the other ICMP errors on our mail server. With nftables:")
        }
        Plea::LetMessageOut => format!(
            "The way there ends at the same size in our network, so it is likely our router that has to tell the server. \
             Please make sure that it sends {message}, and that no firewall of ours drops it on its way out. {}",
            rules_for_linux(Language::English)
        ),
        Plea::LetMessageIn { .. } => format!(
            "Please let {message} in, from any router on the way: on the server, and in every firewall in front of it. {}",
            rules_for_linux(Language::English)
        ),
    }
}

fn german(family: Family, plea: Plea<'_>) -> String {
    let message = message(Language::German, family);
    match plea {
        Plea::CompareOneLink => {
            "Bitte vergleichen Sie die MTU an beiden Enden dieser Verbindung, auch auf Switches und \
                                 Tunneln dazwischen, und suchen Sie nach einem Gerät, das Pakete nach ihrer Größe \
                                 verwirft."
                .into()
        }
        Plea::StopRefusing => format!(
            "Bitte suchen Sie auf dem Gerät, das so antwortet, und auf einer Firewall, die in seinem Namen antworten kann, nach \
             einer Regel, die nach der Länge der Pakete geht, und entfernen Sie sie. Ist die Grenze gewollt, dann lassen Sie statt \
             dieser Antwort {message} senden: Diese Meldung nennt die Größe, die ankommt."
        ),
        Plea::CompareParallelPaths => "Bitte vergleichen Sie die MTU aller gleichwertigen Next Hops (ECMP) und aller \
                                       Mitglieder gebündelter Leitungen (LAG)."
            .into(),
        Plea::FindFragmentFilter => {
            "Bitte suchen Sie nach einer Firewall, die Fragmente verwirft, und vergleichen Sie \
                                     die MTU an beiden Enden jeder Verbindung; wir tun hier dasselbe."
                .into()
        }
        Plea::SendMessage => format!(
            "Bitte sorgen Sie dafür, dass der Router vor dem engeren Abschnitt {message} sendet und keine Firewall auf \
             dem Rückweg die Meldung verwirft. Die folgenden Regeln für eine Linux-Firewall lassen Fehlermeldungen durch \
             und sonst nichts; mit nftables:"
        ),
        Plea::CorrectChecksum { from } => format!(
            "Bitte suchen Sie nach einem NAT oder einer Firewall, die ICMP-Meldungen von {from} verändert, ohne die \
             Prüfsumme anzupassen: Jeder Empfänger verwirft sie."
        ),
        Plea::CorrectMtu { from, stated, truth } => {
            let truth = true_mtu(Language::German, truth);
            format!(
                "Bitte sorgen Sie dafür, dass {from} statt {stated} als MTU {truth} meldet. Oft ist es ein Tunnel, dessen \
                 Overhead nicht abgezogen wird, oder eine von Hand gesetzte MTU."
            )
        }
        Plea::AdmitBeforeRule(Blocker { place, rule, is_certain, .. }) => format!(
            "Verantwortlich ist {}die Regel {} ({place}). Diese Befehle lassen Fehlermeldungen vor ihr durch:",
            if *is_certain { "" } else { "wahrscheinlich " },
            quoted(Language::German, rule)
        ),
        Plea::AdmitHere => format!(
            "Bitte lassen Sie auf unserem Mailserver {message} und die übrigen ICMP-Fehlermeldungen zu. Mit nftables:"
        ),
        Plea::LetMessageOut => format!(
            "Der Hinweg endet bei derselben Größe in unserem Netz; wahrscheinlich ist es also unser Router, der dem Server \
             Bescheid geben muss. Bitte sorgen Sie dafür, dass er {message} sendet und keine unserer Firewalls die Meldung \
             auf dem Weg nach draußen verwirft. {}",
            rules_for_linux(Language::German)
        ),
        Plea::LetMessageIn { .. } => format!(
            "Bitte lassen Sie {message} zu, und zwar von jedem Router auf dem Weg: auf dem Server und in jeder Firewall \
             vor ihm. {}",
            rules_for_linux(Language::German)
        ),
    }
}

fn true_mtu(language: Language, truth: Option<PacketSize>) -> String {
    match (language, truth) {
        (_, Some(size)) => size.to_string(),
        (Language::English, None) => "the size that its link takes".into(),
        (Language::German, None) => "die Größe, die sein nächster Abschnitt trägt,".into(),
    }
}

fn rules_for_linux(language: Language) -> &'static str {
    match language {
        Language::English => "These rules for Linux admit error messages and nothing else; with nftables:",
        Language::German => {
            "Die folgenden Regeln für Linux lassen Fehlermeldungen durch und sonst nichts; mit nftables:"
        }
    }
}

pub(in crate::report::letter) fn or_with_iptables(language: Language) -> &'static str {
    match language {
        Language::English => "or with iptables:",
        Language::German => "oder mit iptables:",
    }
}

pub(in crate::report::letter) fn other_systems(language: Language, family: Family) -> String {
    let types = match (language, family) {
        (Language::English, Family::V4) => "ICMP types 3, 11 and 12",
        (Language::English, Family::V6) => "ICMPv6 types 1 to 4",
        (Language::German, Family::V4) => "die ICMP-Typen 3, 11 und 12",
        (Language::German, Family::V6) => "die ICMPv6-Typen 1 bis 4",
    };
    match language {
        Language::English => format!(
            "On other systems, the interface must send unreachables, and access lists and control-plane filters must \
             permit {types}, without rationing them to nothing."
        ),
        Language::German => format!(
            "Auf anderen Systemen muss das Interface Unreachables senden, und Access-Listen sowie Filter der Control \
             Plane müssen {types} durchlassen, ohne sie zu stark zu drosseln."
        ),
    }
}

pub(in crate::report::letter) fn until_then(language: Language) -> &'static str {
    match language {
        Language::English => {
            "Until then, this setting lets a Linux server find a size that passes by itself, after a stall of some \
             seconds:"
        }
        Language::German => {
            "Bis dahin hilft diese Einstellung: Ein Linux-Server findet damit von sich aus eine Größe, die ankommt, \
             nachdem die Verbindung einige Sekunden gestockt hat:"
        }
    }
}
