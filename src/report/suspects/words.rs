//! Evidence in words.

use crate::model::{
    Delays, Direction, Grade, LogTime, MailFlow, OwnStalls, PassedWhen, Peer, Reading, ReadingKind, Reason, StallStage,
    Suspect,
};

/// How much was read, and from when to when.
pub(super) fn read(reading: &Reading) -> String {
    let lines = match reading.kind {
        ReadingKind::Log => count(reading.lines, "line of log", "lines of log"),
        ReadingKind::Queue => count(reading.lines, "message of the queue", "messages of the queue"),
    };
    match (reading.first, reading.last) {
        (Some(first), Some(last)) if first != last => format!("{lines} from {first} to {last}"),
        (Some(at), _) => format!("{lines} of {at}"),
        _ => lines,
    }
}

/// Stalls that no path explains.
pub(super) fn own(own: &OwnStalls) -> String {
    let OwnStalls { stalls, address, port } = *own;
    let place = peer(&Peer { name: None, address: Some(address), port });
    format!(
        "{} left out: at {place}, which is a program of this host, such as a content filter, and no path leads there. Look at \
         its log.",
        count(stalls, "stall is", "stalls are")
    )
}

/// What to call a peer: name, address and an unusual port.
pub(super) fn peer(peer: &Peer) -> String {
    let mut words: Vec<String> = peer.name.iter().cloned().collect();
    words.extend(peer.address.map(|address| address.to_string()));
    words.extend(peer.port.filter(|port| *port != 25).map(|port| format!("port {port}")));
    if words.is_empty() { "unknown peer".to_owned() } else { words.join(" ") }
}

/// One address of several, and its grade.
pub(super) fn row(suspect: &Suspect) -> String {
    let address = suspect.peer.address.map_or_else(|| "not logged".to_owned(), |address| address.to_string());
    let port = suspect.peer.port.filter(|port| *port != 25).map(|port| format!(" port {port}"));
    format!("{address}{}: {}", port.unwrap_or_default(), grade(suspect.grade))
}

/// A grade in one word.
pub(super) fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Classic => "classic",
        Grade::Likely => "likely",
        Grade::Possible => "possible",
    }
}

/// What is said of it, by grade and by flow.
pub(super) fn headline(suspect: &Suspect) -> &'static str {
    match (suspect.grade, suspect.flow) {
        (Grade::Classic, MailFlow::Outgoing) => "classic: large mail stalls, smaller mail passes",
        (Grade::Classic, MailFlow::Incoming) => "classic: mail from there stalls, smaller mail passes",
        (Grade::Likely, MailFlow::Outgoing) => "likely: mail stalls",
        (Grade::Likely, MailFlow::Incoming) => "likely: mail from there stalls",
        (Grade::Possible, MailFlow::Outgoing) => "possible: the signs are weak or contradict each other",
        (Grade::Possible, MailFlow::Incoming) => "possible: mail from there, and weak or contradicting signs",
    }
}

/// Who sends, and which way is to be examined.
pub(super) fn way(suspect: &Suspect) -> &'static str {
    match (suspect.flow, suspect.direction()) {
        (MailFlow::Outgoing, Direction::Forward) => "we send to it; the way there is to be examined",
        (MailFlow::Outgoing, Direction::Reverse) => "we send to it; the way back is to be examined",
        (MailFlow::Outgoing, Direction::Both) => "we send to it; both ways are to be examined",
        (MailFlow::Incoming, Direction::Both) => "it sends to us; both ways are to be examined",
        (MailFlow::Incoming, _) => "it sends to us; the way from there is to be examined",
    }
}

/// Said of a client address that stands for many.
pub(super) const HIDDEN_SENDER: &str = "not known: this is the address of a container network's gateway, which stands in the log in the place of every client. Let \
     the mail server see the real one, for example by host networking, or in Docker without the userland proxy and with IPv6 \
     enabled for the network; until then such lines tell nobody apart";

/// One piece of evidence as a sentence.
pub(super) fn reason(reason: &Reason) -> String {
    match *reason {
        Reason::Stalled { stage: StallStage::TlsHandshake, mails } => {
            format!("{} timed out", count(mails.into(), "TLS handshake", "TLS handshakes"))
        }
        Reason::Stalled { stage, mails } => format!("{} {}", self::mails(mails), stage_words(stage)),
        Reason::StuckSizes { smallest, largest, .. } if smallest == largest => {
            format!("size of what stalled: {}", sizes(smallest, largest))
        }
        Reason::StuckSizes { smallest, largest, .. } => format!("sizes of what stalled: {}", sizes(smallest, largest)),
        Reason::Waited(time) => format!("the longest transmission in vain took {:.0} s", time.as_secs_f64()),
        Reason::SmallPassed { mails, largest } => {
            format!("small mail passed: {}, up to {largest} bytes", self::mails(mails))
        }
        Reason::SmallStalled { mails } => {
            format!("against it: {} of less than a packet stalled as well", self::mails(mails))
        }
        Reason::LargePassed { mails, smallest, largest, when } => {
            format!(
                "against it: {} of several packets ({}) passed {}",
                self::mails(mails),
                sizes(smallest, largest),
                passed_when(when)
            )
        }
        Reason::PrivateAddress { container, filter_port } => private_address(container, filter_port),
    }
}

fn sizes(smallest: u64, largest: u64) -> String {
    if smallest == largest { format!("{smallest} bytes") } else { format!("{smallest} to {largest} bytes") }
}

fn passed_when(when: PassedWhen) -> &'static str {
    match when {
        PassedWhen::Before => "before; a hole would swallow them as well, a slow filter or line only larger ones",
        PassedWhen::Between => "since the first stall, and mail stalled again",
        PassedWhen::After => "since the last stall",
    }
}

fn private_address(container: bool, filter_port: Option<u16>) -> String {
    let which = if container { "a private one that container networks give out" } else { "a private one" };
    match filter_port {
        Some(port) => format!(
            "against it: its address is {which} and port {port} is none of a mail server's: probably a content filter, and one \
             that is slow looks the same"
        ),
        None => format!("its address is {which}: the path is inside this network, or a tunnel"),
    }
}

fn stage_words(stage: StallStage) -> &'static str {
    match stage {
        StallStage::Body => "timed out in the message body",
        StallStage::EndOfData => "timed out at the end of data",
        StallStage::Data => "timed out after DATA; next to nothing of it was here, where the log says how much",
        StallStage::LostInBody => "ended in the body, when the other side hung up after a long wait",
        StallStage::GaveUp => {
            "given up by the other side, which says that it timed out; a queue does not tell after what wait, and a server that \
             is busy may say the same"
        }
        StallStage::Session => "timed out while connected; the log does not say where",
        StallStage::ManyRecipients => "with many recipients timed out before the body",
        StallStage::TlsHandshake => "timed out in the TLS handshake",
    }
}

/// From when to when mail stalled.
pub(super) fn times(suspect: &Suspect) -> Option<String> {
    let (first, last) = (suspect.first.as_ref()?, suspect.last.as_ref()?);
    let text = LogTime::to_string;
    Some(if first == last { text(first) } else { format!("{} to {}", text(first), text(last)) })
}

/// The four delays of Postfix.
pub(super) fn delays(delays: &Delays) -> String {
    let Delays { before_queue, in_queue, connecting, sending } = delays;
    format!("{before_queue} s before the queue, {in_queue} s in it, {connecting} s connecting, {sending} s sending")
}

fn mails(number: u32) -> String {
    count(number.into(), "mail", "mails")
}

/// A number with its noun.
pub(super) fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}
