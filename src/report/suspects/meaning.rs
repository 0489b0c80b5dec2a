//! The meaning of a verdict for the mail that made a peer suspect.

use super::words;
use crate::model::{
    AddressReport, Advice, Cause, Direction, Examined, Finding, MailFlow, MaskedBy, PacketSize, Reverse,
    ReverseVerdict, Suspect, Verdict,
};
use crate::report::advice::ask_for_small_packets;
use crate::report::comes_in_elsewhere;
use crate::report::layout::{Width, push_line, wrap};
use crate::report::printable::printable;
use crate::report::words::{address_with_zone, reverse_reason};

/// A suspect, and what its examination brought.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The suspect.
    pub suspect: &'a Suspect,
    /// One for each of its addresses.
    pub reports: Vec<&'a AddressReport>,
    /// Why an address could not be examined.
    pub error: Option<String>,
}

impl Answer<'_> {
    /// Whether the way on which its mail stalls is still unknown.
    pub fn is_open(&self) -> bool {
        self.reports.is_empty() || self.reports.iter().any(|report| meaning(self.suspect, report).0 == Weight::Open)
    }

    /// What to say of each address.
    pub(in crate::report) fn lines(&self) -> Vec<Line> {
        let name = words::peer(&self.suspect.peer);
        let way = match self.suspect.flow {
            MailFlow::Outgoing => "mail to",
            MailFlow::Incoming => "mail from",
        };
        if self.reports.is_empty() {
            let why = self.error.as_deref().unwrap_or("it was not examined");
            return vec![Line { text: format!("{way} {name}: could not be examined: {why}"), trial: None }];
        }
        let line = |report: &&AddressReport| {
            let address = match self.suspect.peer.address {
                Some(_) => String::new(),
                None => format!(" {}", address_with_zone(report.address, report.zone.as_deref())),
            };
            let text = format!("{way} {name}{address}: {}", meaning(self.suspect, report).1);
            let is_beyond_reach = self.suspect.flow == MailFlow::Incoming && cannot_be_seen(report);
            Line { text, trial: is_beyond_reach.then(|| ask_for_small_packets(report)).flatten() }
        };
        self.reports.iter().map(line).collect()
    }
}

/// The sentence for one address, and a trial if nothing could be seen.
pub(in crate::report) struct Line {
    pub(in crate::report) text: String,
    pub(in crate::report) trial: Option<Advice>,
}

/// Whether the way back was asked for, and there was nothing to see of it: many a host that sends mail takes none.
pub fn cannot_be_seen(report: &AddressReport) -> bool {
    let examined = &report.examined;
    let never_stood = examined.reverse.verdict == ReverseVerdict::Inconclusive && examined.peer_mss.is_none();
    examined.direction.is_reverse() && (never_stood || examined.reverse.verdict == ReverseVerdict::Untested)
}

/// What stands above the lines.
pub(in crate::report) const TITLE: &str = "What that means for the mail";

/// One line for each suspect and address, wrapped to this width.
pub fn meanings(answers: &[Answer<'_>], width: Width) -> String {
    let mut out = format!("{TITLE}\n");
    for Line { text, trial } in answers.iter().flat_map(Answer::lines) {
        for line in wrap(width, &printable(&text), "  - ", "    ") {
            push_line(&mut out, &line);
        }
        if let Some(Advice { text, commands, .. }) = trial {
            for line in wrap(width, &printable(&text), "    ", "    ") {
                push_line(&mut out, &line);
            }
            for command in commands {
                push_line(&mut out, &printable(&format!("      {command}")));
            }
        }
    }
    out
}

/// How a verdict bears on a suspicion, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Confirmed,
    Partly,
    Open,
    Refuted,
}

fn meaning(suspect: &Suspect, report: &AddressReport) -> (Weight, String) {
    let (there, back) = (there(report), back(suspect.flow, report));
    match suspect.direction() {
        Direction::Reverse => back,
        Direction::Both if back.0 < there.0 => back,
        Direction::Forward | Direction::Both => there,
    }
}

const LOOK_ELSEWHERE: &str = "packets are not why it stalled, unless the path was repaired since or another of several \
                              parallel paths has the hole; look at the receiving server: its load, its content filters, \
                              its log";

fn there(report: &AddressReport) -> (Weight, String) {
    let examined = &report.examined;
    if !examined.direction.is_forward() {
        return (Weight::Open, "the way there was not examined; leave out --direction".into());
    }
    if examined.takes_no_connections() && examined.verdict != Verdict::BlackHole {
        return (
            Weight::Open,
            "its port takes no connections now, so no mail gets through, of whatever size; what stands above says what to \
             try"
                .into(),
        );
    }
    match examined.verdict {
        Verdict::BlackHole => (Weight::Confirmed, hole(examined)),
        Verdict::Recovers => (
            Weight::Partly,
            format!(
                "packets above{} vanish on the way there, but this host's TCP finds a size that passes: large mail stalls, then \
                 passes, unless either side gives up before; do what stands above, then flush the queue",
                bytes(examined.path_mtu)
            ),
        ),
        Verdict::Masked if examined.masked_by == Some(MaskedBy::ThisHost) => (
            Weight::Partly,
            format!(
                "packets above{} vanish on the way there, which explains mail that stalled before; now this host works around \
                 it, so flush the queue, and have the path repaired",
                bytes(examined.path_mtu)
            ),
        ),
        Verdict::Masked => (
            Weight::Partly,
            "PMTU discovery is broken on the path, but the MSS lets mail pass now; mail stalls if that MSS is not kept \
             to, so have the path repaired"
                .into(),
        ),
        Verdict::Clear | Verdict::Discoverable
            if !report.inner_links_not_examined().is_empty() && !examined.findings.contains(&Finding::HoleOnSomeFlows) =>
        {
            (Weight::Open, inside(report))
        }
        Verdict::Discoverable => (
            Weight::Refuted,
            format!("the path is fine, its smaller size{} is told to this host; {LOOK_ELSEWHERE}", of(examined.path_mtu)),
        ),
        Verdict::Clear if examined.findings.contains(&Finding::HoleOnSomeFlows) => (
            Weight::Partly,
            "one of several parallel paths has a black hole: some connections stall, others do not; do what stands above"
                .into(),
        ),
        Verdict::Clear => (Weight::Refuted, format!("the path is fine; {LOOK_ELSEWHERE}")),
        Verdict::Unreachable => (
            Weight::Open,
            "not even small packets are answered now, so the path cannot be judged; try again when the server is up"
                .into(),
        ),
        Verdict::Inconclusive => (Weight::Open, "no verdict; what stands above says what to try".into()),
    }
}

/// Whose mail it was, no log says.
fn inside(report: &AddressReport) -> String {
    let links = report.inner_links_not_examined();
    let names: Vec<&str> = links.iter().take(3).map(|link| link.name.as_str()).collect();
    format!(
        "the path is fine for mail that this host itself sends. If it came from behind {}, where packets are larger than this \
         host's way out takes, it may stall all the same: that was not examined, and what stands above says how to",
        names.join(", ")
    )
}

fn hole(examined: &Examined) -> String {
    let who = match examined.cause {
        Some(Cause::LocalFirewall) => ", because of this host's own firewall",
        _ => "",
    };
    format!(
        "black hole confirmed: packets above{} vanish on the way there{who}; do what stands above, then flush the queue",
        bytes(examined.path_mtu)
    )
}

fn back(flow: MailFlow, report: &AddressReport) -> (Weight, String) {
    let reverse = &report.examined.reverse;
    if !report.examined.direction.is_reverse() {
        return (Weight::Open, "the way from there was not examined; give --direction both".into());
    }
    match reverse.verdict {
        ReverseVerdict::BlackHole => (
            Weight::Confirmed,
            format!("black hole confirmed: large packets from there do not arrive{}; do what stands above", up_to(reverse)),
        ),
        ReverseVerdict::Recovers => (
            Weight::Partly,
            "large packets from there vanish, but it finds a size that passes after a while: mail is late, or given up \
             by a sender without that patience; do what stands above"
                .into(),
        ),
        ReverseVerdict::Clear | ReverseVerdict::Discoverable
            if flow == MailFlow::Incoming && comes_in_elsewhere(report) =>
        {
            let what = "large packets from there arrive in answer to this host's own connections. Its mail comes in to a \
                        private address, through a port forwarding, a VPS or a tunnel: that path was not examined, so ask \
                        the sender to run pmtu-probe towards the public address";
            (Weight::Open, what.into())
        }
        ReverseVerdict::Clear | ReverseVerdict::Discoverable => {
            let elsewhere = match flow {
                MailFlow::Outgoing => LOOK_ELSEWHERE,
                MailFlow::Incoming => {
                    "packets are not why it stalled, unless the path was repaired since or differs by connection; look \
                     at this host's load and filters, and ask the sender for its log"
                }
            };
            (Weight::Refuted, format!("large packets from there arrive, that path is fine; {elsewhere}"))
        }
        _ if cannot_be_seen(report) => (Weight::Open, not_from_here(flow, report)),
        ReverseVerdict::Untested | ReverseVerdict::Inconclusive => (Weight::Open, "no verdict on the way from there; see above".into()),
    }
}

/// Many clients only send.
fn not_from_here(flow: MailFlow, report: &AddressReport) -> String {
    let why = &report.examined.reverse.reason;
    let why = why.as_ref().map_or_else(|| "it sends no large packets".into(), reverse_reason);
    match flow {
        MailFlow::Outgoing => format!("the way from there could not be examined from here: {why}"),
        MailFlow::Incoming => format!(
            "could not be examined from here: {why} at its port {}. Ask the sender to run pmtu-probe towards this host, \
             which examines the same way. Or see whether its mail arrives in small packets:",
            report.port
        ),
    }
}

fn bytes(size: Option<PacketSize>) -> String {
    size.map_or_else(|| " a certain size".into(), |size| format!(" {size} bytes"))
}

fn of(size: Option<PacketSize>) -> String {
    size.map_or_else(String::new, |size| format!(" of {size} bytes"))
}

fn up_to(reverse: &Reverse) -> String {
    reverse.path_mtu.map_or_else(String::new, |size| format!(", those of {size} bytes do"))
}
