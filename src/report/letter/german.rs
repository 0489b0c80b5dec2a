//! The letter in German.

mod back;

use super::Block;
use super::facts::{Complaint, Facts, Measured};
use crate::model::{AddressReport, Family, PacketSize, PtbFault, PtbReport, SizeEvidence, Ttl, Verdict, Who};
use crate::report::place::{Place, Point};
use crate::report::words::address_with_zone;

/// Why an address gets no letter.
pub(super) fn no_letter(address: &AddressReport) -> String {
    let why = match address.examined.verdict {
        _ if !address.examined.direction.is_forward() => back::reverse_is_fine(address),
        Verdict::Unreachable => "die Adresse antwortet nicht",
        Verdict::Inconclusive => "die Belege reichen nicht aus",
        Verdict::Clear => "der Pfad trägt Pakete voller Größe",
        Verdict::Discoverable | Verdict::Masked | Verdict::BlackHole => "Path MTU Discovery funktioniert",
    };
    format!("{}: kein Brief, denn {why}.", address_with_zone(address.address, address.zone.as_deref()))
}

pub(super) fn letter(facts: &Facts<'_>) -> Vec<Block> {
    let mut blocks = vec![
        Block::Header(vec![("An", recipient(facts)), ("Betreff", subject(facts))]),
        Block::Prose("Sehr geehrte Damen und Herren,".into()),
        Block::Prose(opening(facts)),
        Block::Prose(format!("Gemessen haben wir das mit pmtu-probe {}:", env!("CARGO_PKG_VERSION"))),
        Block::Table(facts.measured().iter().map(|measured| row(measured, facts)).collect()),
        Block::Prose(back::sizes(facts)),
        Block::Prose(effect(facts)),
    ];
    blocks.extend(request(facts));
    blocks.push(Block::Prose(back::verify(facts)));
    blocks.push(Block::Code(vec![facts.verification()]));
    blocks.push(Block::Close("Mit freundlichen Grüßen", "[Ihr Name]"));
    blocks
}

fn recipient(facts: &Facts<'_>) -> String {
    let at = facts.place.map(|place| format!(" ({})", place_words(place)));
    match facts.who {
        Who::You => "die Administratoren unseres eigenen Mailservers".into(),
        Who::YourNetwork => {
            format!("die Administratoren unseres eigenen Netzes oder unseren Provider{}", at.unwrap_or_default())
        }
        Who::TheirSide => format!("die Administratoren von {}", facts.target()),
        Who::Unknown => match facts.place {
            Some(place) => {
                format!("den Betreiber des Netzes {} (whois nennt, wem die Adressen gehören)", place_words(place))
            }
            None => format!("die Administratoren von {} oder eines Netzes auf dem Weg dorthin", facts.target()),
        },
    }
}

fn place_words(place: Place) -> String {
    match place {
        Place::At(point) => format!("bei {}", point_words(point)),
        Place::Between { last, next, .. } => format!("zwischen {} und {}", point_words(last), point_words(next)),
    }
}

/// In the dative.
fn point_words(point: Point) -> String {
    match point {
        Point::Here => "unserem Mailserver".into(),
        Point::Hop(Some(Ttl(ttl)), address) => format!("Hop {ttl} ({address})"),
        Point::Hop(None, address) => address.to_string(),
        Point::Target => "dem Ziel".into(),
    }
}

fn subject(facts: &Facts<'_>) -> String {
    let target = facts.target_address();
    let above = facts.passes().map_or_else(|| "Große Pakete".into(), |size| format!("Pakete über {size} Byte"));
    match facts.complaint {
        Complaint::Silent | Complaint::Mismatch => format!("{above} an {target} gehen verloren"),
        Complaint::SomeFlows => format!("{above} an {target} gehen auf manchen Pfaden verloren"),
        Complaint::WrongMessages => {
            format!("Unbrauchbare Meldung „{}“ auf dem Weg zu {target}", facts.message_name())
        }
        Complaint::SurvivableMessages => {
            format!("Falsche MTU in „{}“ auf dem Weg zu {target}", facts.message_name())
        }
        Complaint::OurFirewall => format!("Unsere Firewall verwirft „{}“", facts.message_name()),
        Complaint::WayBack => format!("{} von {target} an uns gehen verloren", back::large(facts)),
        Complaint::WayBackStalls => format!("{} von {target} an uns stocken", back::large(facts)),
        Complaint::Unheeded => format!("{target} beachtet „{}“ nicht", facts.message_name()),
    }
}

fn opening(facts: &Facts<'_>) -> String {
    let target = facts.target();
    match facts.complaint {
        Complaint::Silent => format!(
            "große Pakete unseres Mailservers an {target} gehen unterwegs verloren, ohne dass der Absender davon erfährt: \
             ein „Path MTU Discovery Black Hole“."
        ),
        Complaint::Mismatch => format!(
            "große Pakete unseres Mailservers an {target} gehen unterwegs verloren, auch solche, die ein Router \
             fragmentieren dürfte. Kein Router weist sie also ab: Vermutlich sind die beiden Enden einer Verbindung auf \
             verschiedene MTUs eingestellt, oder ein Gerät verwirft Pakete nach ihrer Größe."
        ),
        Complaint::WrongMessages => format!(
            "auf dem Weg von unserem Mailserver zu {target} werden zu große Pakete so gemeldet, dass kein Absender etwas \
             damit anfangen kann. Path MTU Discovery funktioniert dort nicht."
        ),
        Complaint::SurvivableMessages => format!(
            "auf dem Weg von unserem Mailserver zu {target} wird für zu große Pakete eine falsche MTU gemeldet. Mails \
             kommen trotzdem an."
        ),
        Complaint::SomeFlows => format!(
            "manche Verbindungen unseres Mailservers zu {target} verlieren alle großen Pakete, andere keines. Vermutlich \
             trägt einer von mehreren parallelen Pfaden nur kleinere Pakete."
        ),
        Complaint::OurFirewall => format!(
            "die Firewall unseres Mailservers verwirft Meldungen, die der Server braucht, um große Mails an {target} \
             zuzustellen."
        ),
        Complaint::WayBack => format!(
            "große Pakete von {target} an unseren Mailserver gehen unterwegs verloren, und nichts veranlasst den \
             Absender, kleinere zu senden: ein „Path MTU Discovery Black Hole“."
        ),
        Complaint::WayBackStalls => format!(
            "große Pakete von {target} an unseren Mailserver gehen unterwegs verloren. Erst nach einer Weile geht der \
             Absender zu kleineren über: Niemand meldet es ihm, er findet es selbst heraus."
        ),
        Complaint::Unheeded => format!(
            "der Server {target} sendet weiter große Pakete, obwohl ihm gemeldet wird, dass sie zu groß sind. Mails von \
             dort bleiben überall hängen, wo ein Pfad zum Empfänger kleiner ist als üblich."
        ),
    }
}

fn row(measured: &Measured<'_>, facts: &Facts<'_>) -> (&'static str, String) {
    match measured {
        Measured::From { source, behind_nat } => {
            let nat = if *behind_nat { ", hinter NAT: Sie sehen eine andere Adresse" } else { "" };
            ("von", format!("{source}{nat}"))
        }
        Measured::To { target, port } => ("an", format!("{target}, Port {port}")),
        Measured::Sender { target, port } => ("von", format!("{target}, Port {port}")),
        Measured::Receiver { source, behind_nat } => {
            let nat = if *behind_nat { ", hinter NAT: Sie sehen eine andere Adresse" } else { "" };
            ("an", format!("{source}{nat}"))
        }
        Measured::Announced(mss) => ("unsere MSS", format!("{mss}")),
        Measured::Arrives(size) => ("kommt an", format!("{size} Byte")),
        Measured::NeverArrives { size, is_bound } => {
            let bound = if *is_bound { " (Größen dazwischen wurden nicht probiert)" } else { "" };
            ("geht verloren", format!("{size} Byte{bound}"))
        }
        Measured::DontFragment(set) => ("DF", if *set { "von Ihrem Server gesetzt" } else { "nicht gesetzt" }.into()),
        Measured::RecoversAfter(seconds) => ("stockt", format!("etwa {seconds} s")),
        Measured::ToldTwice(mtu) => (
            "ICMP",
            format!(
                "„{}“ mit MTU {mtu} an den Server gesendet, bezogen auf ein solches Paket: ohne Wirkung",
                facts.message_name()
            ),
        ),
        Measured::ThereToo(size, place) => {
            let at = place.map_or_else(String::new, |place| format!(", {}", place_words(place)));
            ("Hinweg", format!("endet ebenfalls bei {size} Byte{at}"))
        }
        Measured::When(when) => ("wann", when.clone()),
        Measured::Passes(size, evidence) => ("kommt an", size_words(*size, *evidence)),
        Measured::TooBig(size, evidence) => ("zu groß", size_words(*size, *evidence)),
        Measured::Vanishes(size, evidence) => ("geht verloren", size_words(*size, *evidence)),
        Measured::SentUpTo(size) => {
            ("gesendet bis", format!("{size} Byte, die MTU unseres Interfaces oder unserer Route"))
        }
        Measured::Place(place) => ("wo", place_words(*place)),
        Measured::Flows { hit, known, ports: None } => ("Flows", format!("{hit} von {known} betroffen")),
        Measured::Flows { hit, known, ports: Some((lost, spared)) } => {
            ("Flows", format!("{hit} von {known} betroffen; betroffene Quellports: {lost}; nicht betroffene: {spared}"))
        }
        Measured::Message(message) => ("ICMP", message_words(facts, message)),
        Measured::NoMessage { others_arrive } => {
            let only = if *others_arrive { ", „time exceeded“ von dort dagegen schon" } else { "" };
            ("ICMP", format!("keine Meldung „{}“ eingetroffen{only}", facts.message_name()))
        }
    }
}

fn size_words(size: PacketSize, evidence: Option<SizeEvidence>) -> String {
    let answered = evidence.map_or_else(String::new, |e| format!(" ({} von {} beantwortet)", e.answered, e.sent));
    format!("{size} Byte{answered}")
}

fn message_words(facts: &Facts<'_>, message: &PtbReport) -> String {
    let fault = match message.fault {
        None if message.reached_kernel => "",
        None => ", verworfen von unserer eigenen Firewall",
        Some(PtbFault::StatedSizeLost) => ", aber auch Pakete dieser Größe gehen verloren",
        Some(PtbFault::NotSmaller) => ", nicht kleiner als das gesendete Paket",
        Some(PtbFault::BadChecksum) => ", mit falscher Prüfsumme",
        Some(PtbFault::MtuZero) => ", also gar keine Größe",
        Some(PtbFault::TooLow) => ", obwohl größere Pakete ankommen",
        Some(PtbFault::BelowMinimum) => ", weniger als unser Kernel akzeptiert",
    };
    format!("„{}“ von {}, MTU {}{fault}", facts.message_name(), message.from, message.mtu)
}

/// The message that has to pass, as the RFCs name it.
fn message(facts: &Facts<'_>) -> &'static str {
    match facts.family {
        Family::V4 => "ICMP Typ 3 Code 4 („fragmentation needed“, RFC 1191)",
        Family::V6 => "ICMPv6 Typ 2 („packet too big“, RFC 8201)",
    }
}

fn effect(facts: &Facts<'_>) -> String {
    let message = message(facts);
    let relies = match facts.family {
        Family::V4 => format!(
            "Mailserver senden Pakete voller Größe, die nicht fragmentiert werden dürfen, und erfahren durch {message}, \
             dass ein Abschnitt des Weges weniger zulässt."
        ),
        Family::V6 => format!(
            "IPv6-Router fragmentieren nicht. Mailserver erfahren durch {message}, dass ein Abschnitt des Weges weniger \
             zulässt."
        ),
    };
    if facts.complaint.is_about_the_way_back() {
        return back::effect_back(facts, &relies);
    }
    let hangs = "sendet der Server dasselbe Paket immer wieder: Kurze Nachrichten kommen an, längere bleiben hängen, bis \
                 die Verbindung abläuft, und werden noch tagelang erneut versucht";
    match (facts.complaint, facts.address.examined.peer_mss) {
        (Complaint::SurvivableMessages, _) => format!(
            "{relies} Stimmt die gemeldete Größe nicht, muss der Absender raten oder sendet kleinere Pakete als nötig."
        ),
        (_, Some(mss)) if facts.is_masked() => format!(
            "{relies} Derzeit kommen Mails nur deshalb an, weil eine MSS von {mss} die TCP-Pakete klein hält. Was diesen \
             Schutz nicht hat, etwa UDP oder IPsec, verliert seine großen Pakete."
        ),
        (Complaint::Mismatch, _) => {
            format!("{relies} Bemerkt kein Router das Problem, kann auch keiner es melden. Dann {hangs}.")
        }
        (Complaint::SomeFlows, _) => format!(
            "{relies} Auf den betroffenen Pfaden bleibt die Meldung aus. Dann {hangs}. Der nächste Versuch kann wieder \
             Glück haben."
        ),
        _ => format!("{relies} Ohne brauchbare Meldung {hangs}."),
    }
}

fn request(facts: &Facts<'_>) -> Vec<Block> {
    match facts.complaint {
        Complaint::Silent => admit(facts),
        Complaint::Mismatch => vec![Block::Prose(
            "Bitte vergleichen Sie die MTU an beiden Enden dieser Verbindung, auch auf Switches und Tunneln dazwischen, \
             und suchen Sie nach einem Gerät, das Pakete nach ihrer Größe verwirft."
                .into(),
        )],
        Complaint::SomeFlows => {
            let mut blocks = vec![Block::Prose(
                "Bitte vergleichen Sie die MTU aller gleichwertigen Next Hops (ECMP) und aller Mitglieder gebündelter \
                 Leitungen (LAG)."
                    .into(),
            )];
            blocks.extend(admit(facts));
            blocks
        }
        Complaint::WrongMessages | Complaint::SurvivableMessages => correct(facts),
        Complaint::OurFirewall => admit_here(facts),
        Complaint::WayBack | Complaint::WayBackStalls if facts.peer_cuts() => vec![Block::Prose(
            "Bitte suchen Sie nach einer Firewall, die Fragmente verwirft, und vergleichen Sie die MTU an beiden Enden \
             jeder Verbindung; wir tun hier dasselbe."
                .into(),
        )],
        Complaint::WayBack | Complaint::WayBackStalls | Complaint::Unheeded => back::admit_back(facts),
    }
}

fn admit(facts: &Facts<'_>) -> Vec<Block> {
    let rules = facts.rules();
    let numbers = match facts.family {
        Family::V4 => "die ICMP-Typen 3, 11 und 12",
        Family::V6 => "die ICMPv6-Typen 1 bis 4",
    };
    vec![
        Block::Prose(format!(
            "Bitte sorgen Sie dafür, dass der Router vor dem engeren Abschnitt {} sendet und keine Firewall auf dem \
             Rückweg die Meldung verwirft. Die folgenden Regeln für eine Linux-Firewall lassen Fehlermeldungen durch \
             und sonst nichts; mit nftables:",
            message(facts)
        )),
        Block::Code(vec![rules.nft]),
        Block::Prose("oder mit iptables:".into()),
        Block::Code(rules.iptables),
        Block::Prose(format!(
            "Auf anderen Systemen muss das Interface Unreachables senden, und Access-Listen sowie Filter der Control \
             Plane müssen {numbers} durchlassen, ohne sie zu stark zu drosseln."
        )),
    ]
}

fn correct(facts: &Facts<'_>) -> Vec<Block> {
    let size = facts.passes();
    let truth = size.map_or_else(|| "die Größe, die sein nächster Abschnitt trägt,".into(), |size| format!("{size}"));
    let asked = facts.faulty().into_iter().map(|message| match message.fault {
        Some(PtbFault::BadChecksum) => format!(
            "Bitte suchen Sie nach einem NAT oder einer Firewall, die ICMP-Meldungen von {} verändert, ohne die Prüfsumme \
             anzupassen: Jeder Empfänger verwirft sie.",
            message.from
        ),
        _ => format!(
            "Bitte sorgen Sie dafür, dass {} statt {} als MTU {truth} meldet. Oft ist es ein Tunnel, dessen Overhead nicht \
             abgezogen wird, oder eine von Hand gesetzte MTU.",
            message.from, message.mtu
        ),
    });
    let mut asked: Vec<String> = asked.collect();
    asked.dedup();
    asked.into_iter().map(Block::Prose).collect()
}

fn admit_here(facts: &Facts<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for blocker in facts.blockers() {
        blocks.push(Block::Prose(format!(
            "Verantwortlich ist {}die Regel „{}“ ({}). Diese Befehle lassen Fehlermeldungen vor ihr durch:",
            if blocker.is_certain { "" } else { "wahrscheinlich " },
            blocker.rule,
            blocker.place
        )));
        blocks.push(Block::Code(blocker.remedy.clone()));
    }
    if blocks.is_empty() {
        let rules = facts.rules();
        blocks.push(Block::Prose(format!(
            "Bitte lassen Sie auf unserem Mailserver {} und die übrigen ICMP-Fehlermeldungen zu. Mit nftables:",
            message(facts)
        )));
        blocks.push(Block::Code(vec![rules.nft]));
        blocks.push(Block::Prose("oder mit iptables:".into()));
        blocks.push(Block::Code(rules.iptables));
    }
    blocks
}
