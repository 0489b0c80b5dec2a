//! Whether a connection that stands still will go on, by what its path does and by what its kernel sends.

use super::words::{called, time};
use crate::model::{
    AddressReport, Afterwards, BackwardStall, Examined, Finding, ForwardStall, PacketSize, ReverseVerdict, Stall,
    StalledConnection, Verdict,
};
use crate::report::layout::{Width, push_line, wrap};
use crate::report::printable::printable;
use crate::report::words::reverse_reason;

/// A stalled connection, and what the examination of its peer brought.
#[derive(Clone, Debug)]
pub struct ConnectionAnswer<'a> {
    /// The connection.
    pub connection: &'a StalledConnection,
    /// The examination of its peer.
    pub report: Option<&'a AddressReport>,
    /// Why there is none.
    pub error: Option<String>,
    /// What became of it meanwhile.
    pub afterwards: Afterwards,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands still until it times out.
    Stays,
    /// It will go on by itself, after a while.
    Recovers,
    /// Its packets pass now: it goes on with the next of them.
    Fits,
    /// It has gone on while its peer was examined.
    GoneOn,
    /// It ended while its peer was examined.
    Ended,
    /// The path does not explain it.
    Unexplained,
    /// The path could not be judged.
    Open,
}

impl Outcome {
    /// The word of the JSON contract.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::Recovers => "recovers",
            Self::Fits => "fits",
            Self::GoneOn => "gone_on",
            Self::Ended => "ended",
            Self::Unexplained => "unexplained",
            Self::Open => "open",
        }
    }
}

/// What stands above the lines.
pub(in crate::report) const TITLE: &str = "What that means for the connections";

impl ConnectionAnswer<'_> {
    /// Whether the way on which it stalls is still unknown.
    pub fn is_open(&self) -> bool {
        self.judge().0 == Outcome::Open
    }

    /// What becomes of it, and why. The advice stands above.
    pub fn judge(&self) -> (Outcome, String) {
        self.judge_with("what stands above")
    }

    /// The same where no advice is shown.
    pub(in crate::report) fn judge_alone(&self) -> (Outcome, String) {
        let connection = self.connection;
        let zone = connection.zone.as_ref().map_or_else(String::new, |zone| format!("%{zone}"));
        let target = format!("[{}{zone}]:{}", connection.peer.ip(), connection.service_port());
        self.judge_with(&format!("what `pmtu-probe {target}` advises"))
    }

    fn judge_with(&self, advice: &str) -> (Outcome, String) {
        let Some(report) = self.report else {
            let why = self.error.as_deref().unwrap_or("it was not examined");
            return (Outcome::Open, format!("its peer could not be examined: {why}"));
        };
        let (outcome, text) = match &self.connection.stall {
            Stall::Forward(stall) => forward(self.connection, &self.by_now(stall), report, advice),
            Stall::Backward(stall) => backward(stall, report, advice),
        };
        match self.afterwards {
            Afterwards::GoneOn => (Outcome::GoneOn, format!("it has gone on meanwhile; before, {text}")),
            Afterwards::Ended => (Outcome::Ended, format!("it has ended meanwhile; before, {text}")),
            Afterwards::StandsStill { .. } | Afterwards::Unknown => (outcome, text),
        }
    }

    /// The examination took its time.
    fn by_now(&self, stall: &ForwardStall) -> ForwardStall {
        match self.afterwards {
            Afterwards::StandsStill { next_in: Some(next_in) } => ForwardStall { next_in, ..*stall },
            _ => *stall,
        }
    }

    /// Whether the same is to be said of both.
    fn is_like(&self, other: &Self) -> bool {
        let packet = |answer: &Self| match answer.connection.stall {
            Stall::Forward(stall) => Some(stall.packet),
            Stall::Backward(_) => None,
        };
        let key = |answer: &Self| {
            let connection = answer.connection;
            (connection.peer.ip(), connection.service_port(), connection.direction(), packet(answer), answer.judge().0)
        };
        key(self) == key(other)
    }

    pub(in crate::report) fn line(&self) -> String {
        format!("{}: {}", called(self.connection), self.judge().1)
    }
}

/// One line for each connection, wrapped to this width.
pub fn meanings(answers: &[ConnectionAnswer<'_>], width: Width) -> String {
    let mut out = format!("{TITLE}\n");
    for (at, answer) in answers.iter().enumerate() {
        let is_said = answers.iter().take(at).any(|before| before.is_like(answer));
        let text = if is_said { format!("{}: the same", called(answer.connection)) } else { answer.line() };
        for line in wrap(width, &printable(&text), "  - ", "    ") {
            push_line(&mut out, &line);
        }
    }
    out
}

fn forward(
    connection: &StalledConnection,
    stall: &ForwardStall,
    report: &AddressReport,
    advice: &str,
) -> (Outcome, String) {
    let examined = &report.examined;
    if !examined.direction.is_forward() {
        return (Outcome::Open, "the way there was not examined; leave out --direction".into());
    }
    let next = time(stall.next_in);
    match (examined.verdict, examined.path_mtu) {
        (Verdict::BlackHole | Verdict::Recovers | Verdict::Masked, Some(passes)) if stall.packet > passes => {
            in_a_hole(connection, stall, report, passes, advice)
        }
        (Verdict::Discoverable, Some(passes)) if stall.packet > passes => (
            Outcome::Recovers,
            format!(
                "its packets have {} bytes and the path carries {passes}, which a router tells this host: it goes on in smaller \
                 packets when they are sent again, in {next}",
                stall.packet
            ),
        ),
        (Verdict::BlackHole | Verdict::Recovers | Verdict::Masked | Verdict::Discoverable, Some(passes)) => (
            Outcome::Fits,
            format!(
                "its packets have {} bytes by now, and {passes} pass: it goes on when they are sent again, in {next}, unless \
                 either side gives up before",
                stall.packet
            ),
        ),
        (Verdict::Clear, _) if examined.findings.contains(&Finding::HoleOnSomeFlows) => (
            Outcome::Stays,
            format!(
                "one of several parallel paths has a black hole, and it is probably on that one: it stays until it times out; \
                 do {advice}"
            ),
        ),
        (Verdict::Clear, _) => (
            Outcome::Unexplained,
            format!(
                "packets of {} bytes pass on the way there, so they are not why it stalled, unless the path was repaired \
                 since (then it goes on when they are sent again, in {next}) or another of several parallel paths has a hole",
                examined.path_mtu.unwrap_or(stall.packet)
            ),
        ),
        (Verdict::Unreachable, _) => (
            Outcome::Open,
            "not even small packets are answered now: the peer or the path is down, whatever the size".into(),
        ),
        _ => (Outcome::Open, format!("no verdict; try {advice}")),
    }
}

/// Packets of its size vanish, and whether it goes on is up to this host's TCP.
fn in_a_hole(
    connection: &StalledConnection,
    stall: &ForwardStall,
    report: &AddressReport,
    passes: PacketSize,
    advice: &str,
) -> (Outcome, String) {
    let next = time(stall.next_in);
    let probing = report.here.settings.tcp_mtu_probing;
    let hole = format!(
        "{}: its packets have {} bytes, and all above {passes} vanish on the way there",
        certainty(&report.examined),
        stall.packet
    );
    if let Some(mode @ 1..) = probing {
        let text = format!(
            "{hole}. net.ipv4.tcp_mtu_probing is {mode}, so this host's TCP tries smaller ones after some that were sent in vain \
             (the next in {next}): it recovers, unless either side gives up before"
        );
        return (Outcome::Recovers, text);
    }
    let setting = match probing {
        Some(_) => "net.ipv4.tcp_mtu_probing is 0",
        None => "nothing is known of net.ipv4.tcp_mtu_probing",
    };
    let text = format!(
        "{hole}. The kernel takes the path MTU for {}, no message tells it otherwise, and {setting}: it sends the same again until it \
         times out. {} cures new connections; `sysctl -w net.ipv4.tcp_mtu_probing=1` frees this one as well when it \
         sends again, in {next}",
        connection.path_mtu,
        capitalized(advice)
    );
    (Outcome::Stays, text)
}

fn capitalized(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn certainty(examined: &Examined) -> &'static str {
    match examined.verdict {
        Verdict::BlackHole => "black hole confirmed",
        Verdict::Masked => "the path has a black hole that new connections avoid",
        _ => "the path has a black hole",
    }
}

fn backward(stall: &BackwardStall, report: &AddressReport, advice: &str) -> (Outcome, String) {
    let reverse = &report.examined.reverse;
    if !report.examined.direction.is_reverse() {
        return (Outcome::Open, "the way from there was not examined; give --direction both".into());
    }
    let received = stall.received;
    match reverse.verdict {
        ReverseVerdict::BlackHole => (
            Outcome::Stays,
            format!(
                "black hole confirmed: large packets from there do not arrive{}, and {received} bytes are all that came: it stays \
                 until either side times out, unless the peer's TCP tries smaller ones; {advice} cures new connections",
                reverse.path_mtu.map_or_else(String::new, |size| format!(", those of {size} bytes do"))
            ),
        ),
        ReverseVerdict::Recovers => (
            Outcome::Recovers,
            "large packets from there vanish, but the peer finds a size that passes after a while: it recovers, unless \
             either side gives up before"
                .into(),
        ),
        ReverseVerdict::Clear | ReverseVerdict::Discoverable => (
            Outcome::Unexplained,
            "large packets from there arrive, so they are not why it stalled, unless the path was repaired since or another of \
             several parallel paths has a hole"
                .into(),
        ),
        ReverseVerdict::Untested | ReverseVerdict::Inconclusive => {
            let why = reverse.reason.as_ref().map_or_else(|| "it sends no large packets".into(), reverse_reason);
            (Outcome::Open, format!("the way from there could not be examined from here: {why}"))
        }
    }
}
