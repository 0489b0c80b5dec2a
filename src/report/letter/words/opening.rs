//! What is wrong, in a sentence or two.

use super::terms::target;
use crate::report::language::Language;
use crate::report::letter::complaint::Complaint;
use crate::report::letter::facts::LetterFacts;

pub(in crate::report::letter) fn opening(language: Language, facts: &LetterFacts<'_>) -> String {
    let target = target(language, facts);
    match (language, facts.complaint) {
        (Language::English, Complaint::Silent) => format!(
            "Large packets on their way from our mail server to {target} vanish, and no message tells the sender about \
             it: a path MTU discovery black hole."
        ),
        (Language::English, Complaint::Mismatch) => format!(
            "Large packets on their way from our mail server to {target} vanish, even those that routers may fragment. \
             So no router refuses them: it looks as if the two ends of one link disagreed about its MTU, or as if \
             something dropped packets by their size."
        ),
        (Language::English, Complaint::Refused) => format!(
            "Somebody on the way from our mail server to {target}, or the server itself, answers large packets by a refusal, and \
             small ones never: a filter that goes by size. No sender understands from such an answer that its packets are too big."
        ),
        (Language::English, Complaint::WrongMessages) => format!(
            "On the way from our mail server to {target}, packets are reported to be too big in a way that no sender \
             can act on. Path MTU discovery does not work there."
        ),
        (Language::English, Complaint::SurvivableMessages) => format!(
            "On the way from our mail server to {target}, a wrong MTU is reported for packets that are too big. Mail \
             still gets through."
        ),
        (Language::English, Complaint::SomeFlows) => format!(
            "Some connections from our mail server to {target} lose all their large packets, others lose none. It looks \
             as if one of several parallel paths carried only smaller packets."
        ),
        (Language::English, Complaint::OurFirewall) => format!(
            "The firewall of our mail server drops messages that the server needs in order to deliver large mail to \
             {target}."
        ),
        (Language::English, Complaint::WayBack) => format!(
            "Large packets on their way from {target} to our mail server vanish, and nothing makes the sender use \
             smaller ones: a path MTU discovery black hole."
        ),
        (Language::English, Complaint::WayBackStalls) => format!(
            "Large packets on their way from {target} to our mail server vanish. The sender goes on with smaller ones \
             only after a while: nothing tells it, it finds out by itself."
        ),
        (Language::English, Complaint::Unheeded) => format!(
            "The server {target} goes on with large packets although it is told that they are too big. Mail from there \
             will hang wherever a path to the receiver is smaller than usual."
        ),
        (Language::German, Complaint::Silent) => format!(
            "große Pakete unseres Mailservers an {target} gehen unterwegs verloren, ohne dass der Absender davon erfährt: \
             ein „Path MTU Discovery Black Hole“."
        ),
        (Language::German, Complaint::Mismatch) => format!(
            "große Pakete unseres Mailservers an {target} gehen unterwegs verloren, auch solche, die ein Router \
             fragmentieren dürfte. Kein Router weist sie also ab: Vermutlich sind die beiden Enden einer Verbindung auf \
             verschiedene MTUs eingestellt, oder ein Gerät verwirft Pakete nach ihrer Größe."
        ),
        (Language::German, Complaint::Refused) => format!(
            "auf dem Weg von unserem Mailserver zu {target}, oder auf dem Server selbst, werden große Pakete mit einer Absage \
             beantwortet, kleine nie: Ein Filter richtet sich nach der Größe. Kein Absender versteht aus einer solchen Antwort, \
             dass seine Pakete zu groß sind."
        ),
        (Language::German, Complaint::WrongMessages) => format!(
            "auf dem Weg von unserem Mailserver zu {target} werden zu große Pakete so gemeldet, dass kein Absender etwas \
             damit anfangen kann. Path MTU Discovery funktioniert dort nicht."
        ),
        (Language::German, Complaint::SurvivableMessages) => format!(
            "auf dem Weg von unserem Mailserver zu {target} wird für zu große Pakete eine falsche MTU gemeldet. Mails \
             kommen trotzdem an."
        ),
        (Language::German, Complaint::SomeFlows) => format!(
            "manche Verbindungen unseres Mailservers zu {target} verlieren alle großen Pakete, andere keines. Vermutlich \
             trägt einer von mehreren parallelen Pfaden nur kleinere Pakete."
        ),
        (Language::German, Complaint::OurFirewall) => format!(
            "die Firewall unseres Mailservers verwirft Meldungen, die der Server braucht, um große Mails an {target} \
             zuzustellen."
        ),
        (Language::German, Complaint::WayBack) => format!(
            "große Pakete von {target} an unseren Mailserver gehen unterwegs verloren, und nichts veranlasst den \
             Absender, kleinere zu senden: ein „Path MTU Discovery Black Hole“."
        ),
        (Language::German, Complaint::WayBackStalls) => format!(
            "große Pakete von {target} an unseren Mailserver gehen unterwegs verloren. Erst nach einer Weile geht der \
             Absender zu kleineren über: Niemand meldet es ihm, er findet es selbst heraus."
        ),
        (Language::German, Complaint::Unheeded) => format!(
            "der Server {target} sendet weiter große Pakete, obwohl ihm gemeldet wird, dass sie zu groß sind. Mails von \
             dort bleiben überall hängen, wo ein Pfad zum Empfänger kleiner ist als üblich."
        ),
    }
}
