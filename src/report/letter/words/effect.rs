//! What the fault does to mail.

use super::terms::message;
use crate::model::Family;
use crate::report::language::Language;
use crate::report::letter::effect::Effect;

pub(in crate::report::letter) fn effect(language: Language, family: Family, effect: Effect) -> String {
    let relies = relies(language, family);
    let effect = match language {
        Language::English => english(effect),
        Language::German => german(effect),
    };
    match effect {
        Sentence::Alone(sentence) => sentence.into(),
        Sentence::After(sentence) => format!("{relies} {sentence}"),
        Sentence::None => relies,
    }
}

/// What is said, and whether it follows on what mail servers rely on.
enum Sentence {
    Alone(&'static str),
    After(String),
    None,
}

/// What mail servers rely on.
fn relies(language: Language, family: Family) -> String {
    let message = message(language, family);
    match (language, family) {
        (Language::English, Family::V4) => format!(
            "Mail servers send packets of full size that must not be fragmented, and learn from {message} that a link \
             is smaller."
        ),
        (Language::English, Family::V6) => {
            format!("IPv6 routers do not fragment. Mail servers learn from {message} that a link is smaller.")
        }
        (Language::German, Family::V4) => format!(
            "Mailserver senden Pakete voller Größe, die nicht fragmentiert werden dürfen, und erfahren durch {message}, \
             dass ein Abschnitt des Weges weniger zulässt."
        ),
        (Language::German, Family::V6) => format!(
            "IPv6-Router fragmentieren nicht. Mailserver erfahren durch {message}, dass ein Abschnitt des Weges weniger \
             zulässt."
        ),
    }
}

fn english(effect: Effect) -> Sentence {
    const THEN: &str = "short messages get through, longer ones hang until the connection times out, and are tried again for \
                        days";
    let hangs = format!("the same packet is sent again and again: {THEN}");
    let others_hang = format!("Any other sender sends the same packet again and again: {THEN}");
    Sentence::After(match effect {
        Effect::SendersGuess => {
            "If the size is wrong, senders have to guess, or send smaller packets than they could.".into()
        }
        Effect::MssProtectsMail { mss } => format!(
            "At present mail gets through only because an MSS of {mss} keeps TCP packets small. Whatever does not have \
             this protection, such as UDP and IPsec, loses its large packets."
        ),
        Effect::OthersHang => format!(
            "Our own mail server sends only smaller packets at present, so its mail gets through. \
             {others_hang}."
        ),
        Effect::StallsHere => format!(
            "Our own mail server looks for a smaller size by itself, so its mail gets through after a stall. \
             {others_hang}."
        ),
        Effect::NoRouterNotices => format!("Where no router notices, nobody can send it, and {hangs}."),
        Effect::HangsOnSomeFlows => {
            format!("On the flows that are hit it does not arrive, and {hangs}. The next attempt may be lucky.")
        }
        Effect::Hangs => format!("Where no such message arrives, or a wrong one, {hangs}."),
        Effect::HangsRefused => format!(
            "An answer of another kind states no size, so it does not tell a sender to use smaller packets. Where it does not end \
             the connection, {hangs}."
        ),
        Effect::HangsInFragments => {
            return Sentence::Alone(
                "Routers may cut these packets to pieces, so no message about their size is missing. Short messages get \
                 through, longer ones hang until the connection times out; our log then says \"timeout after DATA\".",
            );
        }
        Effect::Stalls => "Without it each connection stalls until the server tries smaller packets by itself. That costs \
                           time with every longer message, and whenever your server shows its certificates."
            .into(),
        Effect::NoneNow => return Sentence::None,
        Effect::AnswersHang => {
            "Without it, your server sends the same packet again and again: small answers get here, larger ones hang, and \
             so does TLS where its certificates come in large packets."
                .into()
        }
        Effect::MailFromThereHangs => {
            "Without it, your server sends the same packet again and again: short messages to us get through, longer ones \
             hang until the connection times out, and are tried again for days. Our log then says \"timeout after DATA\". \
             Where your server's certificates come in large packets, TLS hangs too when we deliver mail to you."
                .into()
        }
    })
}

fn german(effect: Effect) -> Sentence {
    let hangs = "sendet der Server dasselbe Paket immer wieder: Kurze Nachrichten kommen an, längere bleiben hängen, bis \
                 die Verbindung abläuft, und werden noch tagelang erneut versucht";
    let hangs_there = "wird dasselbe Paket immer wieder gesendet: Kurze Nachrichten kommen an, längere bleiben hängen, bis die \
                       Verbindung abläuft, und werden noch tagelang erneut versucht";
    Sentence::After(match effect {
        Effect::SendersGuess => {
            "Stimmt die gemeldete Größe nicht, muss der Absender raten oder sendet kleinere Pakete als nötig.".into()
        }
        Effect::MssProtectsMail { mss } => format!(
            "Derzeit kommen Mails nur deshalb an, weil eine MSS von {mss} die TCP-Pakete klein hält. Was diesen Schutz \
             nicht hat, etwa UDP oder IPsec, verliert seine großen Pakete."
        ),
        Effect::OthersHang => format!(
            "Unser eigener Mailserver sendet derzeit nur kleinere Pakete, deshalb kommen seine Mails an. Bei jedem anderen \
             Absender {hangs_there}."
        ),
        Effect::StallsHere => format!(
            "Unser eigener Mailserver sucht von sich aus eine kleinere Größe, deshalb kommen seine Mails mit Verzögerung an. Bei \
             jedem anderen Absender {hangs_there}."
        ),
        Effect::NoRouterNotices => {
            format!("Bemerkt kein Router das Problem, kann auch keiner es melden. Dann {hangs}.")
        }
        Effect::HangsOnSomeFlows => format!(
            "Auf den betroffenen Pfaden bleibt die Meldung aus. Dann {hangs}. Der nächste Versuch kann wieder Glück haben."
        ),
        Effect::Hangs => format!("Ohne brauchbare Meldung {hangs}."),
        Effect::HangsRefused => format!(
            "Eine Antwort anderer Art nennt keine Größe und veranlasst keinen Absender, kleinere Pakete zu senden. Wo sie die \
             Verbindung nicht beendet, {hangs}."
        ),
        Effect::HangsInFragments => {
            return Sentence::Alone(
                "Router dürften diese Pakete fragmentieren, es fehlt also keine Meldung über ihre Größe. Kurze Nachrichten \
                 kommen an, längere bleiben hängen, bis die Verbindung abläuft; in unserem Log steht dann „timeout after \
                 DATA“.",
            );
        }
        Effect::Stalls => {
            "Ohne die Meldung stockt jede Verbindung, bis der Server von sich aus kleinere Pakete versucht. Das kostet bei \
             jeder längeren Nachricht Zeit, und jedes Mal, wenn Ihr Server seine Zertifikate vorlegt."
                .into()
        }
        Effect::NoneNow => return Sentence::None,
        Effect::AnswersHang => {
            "Ohne die Meldung sendet Ihr Server dasselbe Paket immer wieder: Kleine Antworten kommen hier an, größere \
             bleiben hängen, und ebenso TLS, wo die Zertifikate in großen Paketen kommen."
                .into()
        }
        Effect::MailFromThereHangs => {
            "Ohne die Meldung sendet Ihr Server dasselbe Paket immer wieder: Kurze Nachrichten an uns kommen an, längere \
             bleiben hängen, bis die Verbindung abläuft, und werden noch tagelang erneut versucht. In unserem Log steht \
             dann „timeout after DATA“. Wo die Zertifikate Ihres Servers in großen Paketen kommen, bleibt ebenso TLS \
             hängen, wenn wir Ihnen Mails zustellen."
                .into()
        }
    })
}
