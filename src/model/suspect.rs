//! Peers whose mail, according to a log or a queue, looks as if the path to them dropped large packets.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::{Direction, SilentForm, is_container_gateway};

/// The suspects in a log or a queue, and how much of it was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suspects {
    /// The strongest first, and behind it the other addresses of the same peer.
    pub list: Vec<Suspect>,
    /// What was read.
    pub reading: Reading,
}

impl Suspects {
    /// Takes suspects in the order of their rank.
    pub fn new(ranked: Vec<Suspect>, reading: Reading) -> Self {
        let mut ranked: Vec<Option<Suspect>> = ranked.into_iter().map(Some).collect();
        let order: Vec<usize> = same_peers(&ranked.iter().flatten().collect::<Vec<_>>()).concat();
        Self { list: order.into_iter().filter_map(|at| ranked.get_mut(at)?.take()).collect(), reading }
    }

    /// The suspects by peer: addresses that share a name are one server. Each has a path of its own, and so a row and a grade.
    pub fn peers(&self) -> Vec<Vec<&Suspect>> {
        let all: Vec<&Suspect> = self.list.iter().collect();
        let rows = |group: Vec<usize>| group.into_iter().filter_map(|at| all.get(at).copied()).collect();
        same_peers(&all).into_iter().map(rows).collect()
    }
}

/// Which suspects are the same peer, by their places: the groups, and what is in each, in the order of their first member.
fn same_peers(all: &[&Suspect]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_name: HashMap<_, usize> = HashMap::new();
    for (at, suspect) in all.iter().enumerate() {
        let keys = || suspect.names().map(|name| (suspect.flow, &suspect.logged_by, name.to_ascii_lowercase()));
        let mut known: Vec<usize> = keys().filter_map(|key| by_name.get(&key).copied()).collect();
        known.sort_unstable();
        known.dedup();
        let home = known.first().copied().unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        // A suspect with several names may join groups.
        for &other in known.iter().skip(1) {
            let moved = std::mem::take(&mut groups[other]);
            groups[home].extend(moved);
            by_name.values_mut().filter(|group| **group == other).for_each(|group| *group = home);
        }
        groups[home].push(at);
        by_name.extend(keys().map(|key| (key, home)));
    }
    groups.retain(|group| !group.is_empty());
    for group in &mut groups {
        group.sort_unstable();
    }
    groups
}

/// How much was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Lines of a log, or messages of a queue.
    pub lines: u64,
    /// Those that a mail server wrote.
    pub mail_lines: u64,
    /// Lines longer than any that a mail server writes. They were skipped.
    pub overlong: u64,
    /// Lines that accuse somebody, in a form that no reader understands.
    pub unread: u64,
    /// The first of them, cut. It is unescaped and must be escaped before it reaches a terminal.
    pub unread_line: Option<String>,
    /// The first form that was recognised and names no reason.
    pub silent: Option<SilentForm>,
    /// Stalls at peers beyond the number that is kept. They were skipped.
    pub forgotten: u64,
    /// Stalls at a program of this host. No path leads there, so they accuse nobody.
    pub own: Option<OwnStalls>,
    /// What the lines are.
    pub kind: ReadingKind,
    /// The oldest time read.
    pub first: Option<LogTime>,
    /// The newest time read.
    pub last: Option<LogTime>,
}

/// Stalls at a loopback address: a content filter, for example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnStalls {
    /// How often mail stalled there.
    pub stalls: u64,
    /// Where the first of them was.
    pub address: IpAddr,
    /// Its port, where the log has it.
    pub port: Option<u16>,
}

/// Where suspects come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadingKind {
    /// Lines of a log.
    #[default]
    Log,
    /// Messages of a queue.
    Queue,
}

impl Reading {
    /// Takes note of a time that something was written at.
    pub fn saw(&mut self, time: LogTime) {
        let is_first = self.first.is_none_or(|first| time.order() < first.order());
        let is_last = self.last.is_none_or(|last| time.order() >= last.order());
        if is_first {
            self.first = Some(time);
        }
        if is_last {
            self.last = Some(time);
        }
    }
}

/// One peer under suspicion.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Who sends to whom.
    pub flow: MailFlow,
    /// The other side.
    pub peer: Peer,
    /// Some of the other names under which the log has the same address.
    pub also_named: Vec<String>,
    /// The host that wrote the log, where the log names it.
    pub logged_by: Option<String>,
    /// Some domains of the recipients, sorted; empty for incoming mail.
    pub domains: Vec<String>,
    /// How good the evidence is.
    pub grade: Grade,
    /// What the grade rests on, the stalls first.
    pub reasons: Vec<Reason>,
    /// When the first mail stalled.
    pub first: Option<LogTime>,
    /// When the last mail stalled.
    pub last: Option<LogTime>,
    /// The delays of the mail in the line that is shown.
    pub delays: Option<Delays>,
    /// Words to look for in the log: those in which it tells of the stalls.
    pub phrases: Vec<&'static str>,
    /// A line of the log as evidence. It is unescaped and must be escaped before it reaches a terminal.
    pub sample: String,
}

/// A relay or a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// The host name, unless it is unknown.
    pub name: Option<String>,
    /// The address, unless only the name was logged.
    pub address: Option<IpAddr>,
    /// The port of a relay.
    pub port: Option<u16>,
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailFlow {
    /// We send to a relay.
    Outgoing,
    /// A client sends to us.
    Incoming,
}

/// How good the evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Something stalls that large packets would explain, among other things.
    Possible,
    /// Mail stalls in its body, and nothing speaks for another reason.
    Likely,
    /// Large mail stalls in its body, and smaller mail to the same relay, or from the same client, passes.
    Classic,
}

/// Where a conversation stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StallStage {
    /// Ours timed out while it sent the body.
    Body,
    /// Ours timed out while it waited for the answer to the body.
    EndOfData,
    /// A client timed out in its body, and hardly any of it had arrived.
    Data,
    /// The other side closed the connection in the body, after so long a wait that it must have timed out.
    LostInBody,
    /// The other side said at the end of data that it timed out, and nobody knows after what wait.
    GaveUp,
    /// Some time-out of a connected session: the log does not say where.
    Session,
    /// A time-out in the commands before the body, of a mail with so many recipients that they fill packets.
    ManyRecipients,
    /// A time-out in the TLS handshake.
    TlsHandshake,
}

/// One piece of the evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// So many mails stalled at this stage.
    Stalled {
        /// Where.
        stage: StallStage,
        /// How many mails.
        mails: u32,
    },
    /// The sizes of the mails that stalled, where they are known.
    StuckSizes {
        /// How many are known.
        mails: u32,
        /// The smallest.
        smallest: u64,
        /// The largest.
        largest: u64,
    },
    /// The longest transmission that came to nothing.
    Waited(Duration),
    /// Small mails passed: smaller than any that stalled, and than several packets.
    SmallPassed {
        /// How many.
        mails: u32,
        /// The largest of them.
        largest: u64,
    },
    /// Against it: mails that fit into one packet stalled as well.
    SmallStalled {
        /// How many.
        mails: u32,
    },
    /// Against it: mails of several packets passed, though a hole would swallow them as well.
    LargePassed {
        /// How many.
        mails: u32,
        /// The smallest of them.
        smallest: u64,
        /// The largest of them.
        largest: u64,
        /// When.
        when: PassedWhen,
    },
    /// The address is private: of the same network, of a container, or behind a tunnel.
    PrivateAddress {
        /// Whether container networks give out such addresses.
        container: bool,
        /// The port, if it is none of a mail server. Against it: a content filter that is slow looks the same.
        filter_port: Option<u16>,
    },
}

/// When mail passed, as seen from the mail that stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedWhen {
    /// Before the first stall, and only larger mail stalled then.
    Before,
    /// After the first stall and before the last.
    Between,
    /// After the last stall.
    After,
}

/// The four delays that Postfix logs, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    /// Before the queue manager.
    pub before_queue: f64,
    /// In the queue.
    pub in_queue: f64,
    /// Connecting, with EHLO and TLS.
    pub connecting: f64,
    /// Sending the message.
    pub sending: f64,
}

/// A time as a log states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTime {
    /// Date and time of day.
    pub civil: DateTime,
    /// The distance to UTC, which the old form of syslog leaves out.
    pub offset: Option<Offset>,
}

impl Suspect {
    /// All names that the log has of it.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.peer.name.iter().chain(&self.also_named)
    }

    /// Whether the log names a gateway of a container network in the place of the client that sent.
    pub fn hides_the_sender(&self) -> bool {
        self.flow == MailFlow::Incoming && self.peer.address.is_some_and(is_container_gateway)
    }

    /// Which way of the path has to be examined.
    pub fn direction(&self) -> Direction {
        let stalled = |wanted: StallStage| {
            self.reasons.iter().any(|reason| matches!(reason, Reason::Stalled { stage, .. } if *stage == wanted))
        };
        match self.flow {
            // Either side's part of a handshake may fill a packet.
            _ if stalled(StallStage::TlsHandshake) => Direction::Both,
            MailFlow::Outgoing => Direction::Forward,
            MailFlow::Incoming => Direction::Reverse,
        }
    }
}

impl LogTime {
    /// The value that times are compared by. Without an offset the time counts as UTC.
    pub fn order(&self) -> DateTime {
        let utc = self.offset.and_then(|offset| offset.to_timestamp(self.civil).ok());
        utc.map_or(self.civil, |instant| Offset::UTC.to_datetime(instant))
    }
}

impl fmt::Display for LogTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.civil.date(), self.civil.time().strftime("%H:%M:%S"))?;
        match self.offset {
            Some(offset) if offset == Offset::UTC => f.write_str(" UTC"),
            Some(offset) => write!(f, " {offset}"),
            None => Ok(()),
        }
    }
}
