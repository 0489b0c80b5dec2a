//! What a letter in German says of the way back.

use super::message;
use crate::model::{AddressReport, ReverseVerdict, Who};
use crate::report::letter::Block;
use crate::report::letter::facts::{Complaint, Facts, MTU_PROBING, WATCHED_SECONDS};

pub(super) fn reverse_is_fine(address: &AddressReport) -> &'static str {
    match address.examined.reverse.verdict {
        ReverseVerdict::Untested => "der Weg hierher ist nicht geprüft",
        ReverseVerdict::Inconclusive => "die Belege reichen nicht aus",
        _ => "große Pakete von dort kommen an",
    }
}

pub(super) fn sizes(facts: &Facts<'_>) -> String {
    if !facts.complaint.is_about_the_way_back() {
        return "Alle Größen meinen ganze IP-Pakete; unter IPv4 waren sie mit Don't-Fragment-Bit (DF) unterwegs."
            .into();
    }
    let from_where = "Wir sehen nur, was hier ankommt, und können daher nicht sagen, an welcher Stelle des Weges Pakete verloren gehen.";
    match facts.complaint {
        Complaint::Unheeded => "Alle Größen meinen ganze IP-Pakete.".into(),
        Complaint::WayBackStalls => format!("Alle Größen meinen ganze IP-Pakete. {from_where}"),
        _ => format!(
            "Alle Größen meinen ganze IP-Pakete. Der Server hat die ganze Zeit auf kleine Pakete geantwortet, und seine \
             Sequenznummern zeigen, dass er gesendet hatte, was fehlt. Gewartet haben wir {WATCHED_SECONDS} Sekunden; \
             über eine Verbindung, für die wir eine kleine MSS angekündigt hatten, kam alles an. {from_where}"
        ),
    }
}

pub(super) fn verify(facts: &Facts<'_>) -> String {
    match facts.complaint {
        Complaint::Unheeded => "Ob der Fehler behoben ist, zeigt der folgende Befehl auf unserem Mailserver: Mit --json \
             sollte er „peer_obeys_ptb“ melden. Wir führen ihn gern für Sie aus; er fordert den Server noch einmal auf, uns \
             kleinere Pakete zu senden:"
            .into(),
        _ => "Ob der Fehler behoben ist, zeigt der folgende Befehl auf unserem Mailserver: Er sollte sich mit Exit-Code 0 \
              beenden. Wir führen ihn gern für Sie aus; auf jedem anderen Linux-Host prüft er den Pfad von dort aus:"
            .into(),
    }
}

/// Packets from there that do not arrive: with the size if it is exact.
pub(super) fn large(facts: &Facts<'_>) -> String {
    let size = facts.address.examined.reverse.path_mtu.filter(|_| facts.limit_is_exact());
    size.map_or_else(|| "Große Pakete".into(), |size| format!("Pakete über {size} Byte"))
}

pub(super) fn effect_back(facts: &Facts<'_>, relies: &str) -> String {
    if facts.peer_cuts() && facts.complaint != Complaint::Unheeded {
        return "Router dürften diese Pakete fragmentieren, es fehlt also keine Meldung über ihre Größe. Kurze Nachrichten \
                kommen an, längere bleiben hängen, bis die Verbindung abläuft; in unserem Log steht dann „timeout after \
                DATA“."
            .into();
    }
    match facts.complaint {
        Complaint::WayBackStalls => format!(
            "{relies} Ohne die Meldung stockt jede Verbindung, bis der Server von sich aus kleinere Pakete versucht. Das \
             kostet bei jeder längeren Nachricht Zeit, und jedes Mal, wenn Ihr Server seine Zertifikate vorlegt."
        ),
        Complaint::Unheeded => relies.into(),
        _ if !facts.is_mail() => format!(
            "{relies} Ohne die Meldung sendet Ihr Server dasselbe Paket immer wieder: Kleine Antworten kommen hier an, \
             größere bleiben hängen, und ebenso TLS, denn die Zertifikate kommen in großen Paketen."
        ),
        _ => format!(
            "{relies} Ohne die Meldung sendet Ihr Server dasselbe Paket immer wieder: Kurze Nachrichten an uns kommen an, \
             längere bleiben hängen, bis die Verbindung abläuft, und werden noch tagelang erneut versucht. In unserem Log \
             steht dann „timeout after DATA“. Auch die Zertifikate Ihres Servers kommen in großen Paketen; daher \
             bleibt TLS ebenso hängen, wenn wir Ihnen Mails zustellen."
        ),
    }
}

/// What tells the target has to reach it.
pub(super) fn admit_back(facts: &Facts<'_>) -> Vec<Block> {
    let rules = facts.rules();
    let please = if facts.who == Who::YourNetwork {
        format!(
            "Der Hinweg endet bei derselben Größe in unserem Netz; wahrscheinlich ist es also unser Router, der dem Server \
             Bescheid geben muss. Bitte sorgen Sie dafür, dass er {} sendet und keine unserer Firewalls die Meldung auf dem \
             Weg nach draußen verwirft.",
            message(facts)
        )
    } else {
        format!(
            "Bitte lassen Sie {} zu, und zwar von jedem Router auf dem Weg: auf dem Server und in jeder Firewall vor ihm.",
            message(facts)
        )
    };
    let mut blocks = vec![
        Block::Prose(format!(
            "{please} Die folgenden Regeln für Linux lassen Fehlermeldungen durch und sonst nichts; mit nftables:"
        )),
        Block::Code(vec![rules.nft]),
        Block::Prose("oder mit iptables:".into()),
        Block::Code(rules.iptables),
    ];
    if facts.complaint == Complaint::WayBack && facts.who == Who::TheirSide {
        blocks.push(Block::Prose(
            "Bis dahin hilft diese Einstellung: Ein Linux-Server findet damit von sich aus eine Größe, die ankommt, \
             nachdem die Verbindung einige Sekunden gestockt hat:"
                .into(),
        ));
        blocks.push(Block::Code(vec![MTU_PROBING.into()]));
    }
    blocks
}
