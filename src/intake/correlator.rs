//! Correlates events: sizes with mails, mails with peers, sessions with both. Its memory is bounded for any input.

use std::cmp::Reverse;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::model::{Delays, Grade, MailFlow, OwnStalls, Peer, Reading, Reason, StallStage, Suspect, Suspects};

use super::bytes::{address, is_own};
use super::counts::{PeerCounts, StallCounts, StalledMail};
use super::event::{LineContext, MailEvent, PeerRef, Stall};
use super::grade::grade;
use super::mails::{MailTable, hash};
use super::peers::{PeerIdentity, PeerKey, PeerTable};
use super::pending::{MailSession, PendingTable, UnresolvedStall};

/// What all lines so far tell.
pub(super) struct Correlator {
    mails: MailTable,
    peers: PeerTable,
    unresolved: PendingTable<UnresolvedStall>,
    sessions: PendingTable<MailSession>,
    /// The number given to the last mail without a name.
    nameless: u64,
    /// Stalls at programs of this host.
    own: Option<OwnStalls>,
}

impl Default for Correlator {
    fn default() -> Self {
        let (unresolved, sessions) = (PendingTable::new(), PendingTable::new());
        Self { mails: MailTable::new(), peers: PeerTable::default(), unresolved, sessions, nameless: 0, own: None }
    }
}

impl Correlator {
    /// Takes note of an event. Events come in the order of time.
    pub(super) fn note(&mut self, event: &MailEvent<'_>, context: &LineContext<'_>) {
        let key = |name: &[u8]| hash(&[context.host, name]);
        match *event {
            MailEvent::Begun { mail, client } => {
                let known = self.mails.touch(key(mail));
                (known.client, known.is_abandoned) = (client.address, false);
            }
            MailEvent::Received { mail, size, recipients, client } => {
                if let Some(client) = client {
                    self.named_client(key(mail), mail, client, context);
                }
                let client = client.and_then(|client| client.address);
                self.received(key(mail), size, recipients, client, context);
            }
            MailEvent::Sent { mail, relay } => {
                self.unresolved.remove(key(mail));
                self.sent(key(mail), relay, context);
            }
            MailEvent::Stalled(stall) => self.stalled(&stall, None, context),
            MailEvent::EndedByRelay { stall, begun } => {
                if let Some(waited) = context.stamp.minutes_of_a_server(begun) {
                    self.stalled(&stall, Some(waited), context);
                }
            }
            MailEvent::UnresolvedStall { mail, relay, stage } => {
                self.hold_stall(key(mail), UnresolvedStall::new(mail, relay, stage, context));
            }
            MailEvent::Deferred { mail, relay, domain, seconds } => {
                if let Some(unresolved) = self.unresolved.remove(key(mail)) {
                    self.deferred(&unresolved, mail, relay, domain, seconds, context);
                }
            }
            MailEvent::Opened { session, flow, peer } => {
                self.sessions.insert(key(session), MailSession::new(flow, peer));
            }
            MailEvent::Connected { session } => {
                if let Some(session) = self.sessions.get_mut(key(session)) {
                    session.is_up = true;
                }
            }
            MailEvent::ReceivedIn { session, mail, size, recipients } => {
                let session = self.sessions.get_mut(key(session));
                let client = session.and_then(|session| {
                    session.has_mail = true;
                    session.address
                });
                self.received(key(mail), size, recipients, client, context);
            }
            MailEvent::TimedOut { session } => self.timed_out(key(session), context),
            MailEvent::StalledIn { session, mail, domain } => self.stalled_in(key(session), mail, domain, context),
        }
    }

    fn received(&mut self, mail: u64, size: u64, recipients: u64, client: Option<IpAddr>, context: &LineContext<'_>) {
        let known = self.mails.touch(mail);
        known.size = Some(u32::try_from(size).unwrap_or(u32::MAX));
        known.recipients = u16::try_from(recipients).unwrap_or(u16::MAX);
        if known.is_abandoned {
            return;
        }
        // A queue manager names a mail again at every attempt, but the mail came in only once.
        if let Some(client) = known.client.take().or(client).filter(|client| !is_own(*client)) {
            let identity = PeerIdentity::Address(client);
            self.peers.passed(Self::peer_key(MailFlow::Incoming, identity, context), mail, size);
        }
    }

    /// The address of a client whose mail stalled.
    fn named_client(&mut self, key: u64, mail: &[u8], client: PeerRef<'_>, context: &LineContext<'_>) {
        let is_waiting = |stall: &mut UnresolvedStall| stall.flow() == MailFlow::Incoming;
        if !self.unresolved.get_mut(key).is_some_and(is_waiting) {
            return;
        }
        if let Some(unresolved) = self.unresolved.remove(key) {
            let stall = Stall::new(MailFlow::Incoming, client, unresolved.stage);
            let context = LineContext { line: &unresolved.line, stamp: unresolved.stamp, ..*context };
            self.stalled(&Stall { mail: Some(mail), ..stall }, None, &context);
        }
    }

    fn sent(&mut self, mail: u64, relay: PeerRef<'_>, context: &LineContext<'_>) {
        let size = self.mails.get(mail).and_then(|mail| mail.size);
        let address = relay.address.filter(|address| !is_own(*address));
        if let Some((size, address)) = size.zip(address) {
            let key = Self::peer_key(MailFlow::Outgoing, PeerIdentity::Address(address), context);
            self.peers.passed(key, mail, size.into());
        }
    }

    fn stalled(&mut self, stall: &Stall<'_>, waited: Option<f64>, context: &LineContext<'_>) {
        if let Some(address) = stall.peer.address.filter(|address| is_own(*address)) {
            let first = OwnStalls { stalls: 0, address, port: stall.peer.port };
            self.own.get_or_insert(first).stalls += 1;
            return;
        }
        let mail = stall.mail.map(|name| hash(&[context.host, name]));
        if let Some(mail) = mail.filter(|_| stall.flow == MailFlow::Incoming) {
            self.mails.touch(mail).is_abandoned = true;
        }
        let known = mail.and_then(|mail| self.mails.get(mail)).copied().unwrap_or_default();
        // A known size of a client's mail is that of another mail, because names are used again.
        let size = known.size.filter(|_| stall.flow == MailFlow::Outgoing).map(u64::from).or(stall.size);
        self.nameless += 1;
        let stalled = StalledMail {
            stage: stall.stage,
            mail: mail.unwrap_or(self.nameless),
            size,
            recipients: known.recipients,
            domain: stall.domain,
            delays: stall.delays,
            waited: waited.or(stall.waited).or(stall.delays.map(|delays: Delays| delays.sending)),
            stamp: context.stamp,
            line: context.line,
        };
        let name = stall.peer.name;
        let identity = stall
            .peer
            .address
            .map_or_else(|| PeerIdentity::Name(hash(&[&name.to_ascii_lowercase()])), PeerIdentity::Address);
        let key = Self::peer_key(stall.flow, identity, context);
        // The port of a client is that of one connection, and nothing listens there.
        let port = stall.peer.port.filter(|_| stall.flow == MailFlow::Outgoing);
        self.peers.stalled(key, name, port, context.host, &stalled);
    }

    fn hold_stall(&mut self, mail: u64, unresolved: UnresolvedStall) {
        // One mail may stall at several relays before its record is written.
        let earlier = self.unresolved.remove(mail);
        let evicted = self.unresolved.insert(mail, unresolved);
        for unresolved in earlier.into_iter().chain(evicted) {
            self.stalled_at_name(&unresolved);
        }
    }

    fn deferred(
        &mut self,
        unresolved: &UnresolvedStall,
        mail: &[u8],
        relay: PeerRef<'_>,
        domain: Option<&[u8]>,
        seconds: Option<f64>,
        context: &LineContext<'_>,
    ) {
        if !relay.name.eq_ignore_ascii_case(&unresolved.relay) {
            return self.stalled_at_name(unresolved);
        }
        if unresolved.stage == StallStage::LostInBody && seconds.is_none_or(|waited| waited < super::postfix::LONG_WAIT)
        {
            return;
        }
        let stall = Stall::new(MailFlow::Outgoing, relay, unresolved.stage);
        let context = LineContext { line: &unresolved.line, ..*context };
        self.stalled(&Stall { mail: Some(mail), domain, ..stall }, seconds, &context);
    }

    /// Counts a stall of which no line gives the address.
    fn stalled_at_name(&mut self, unresolved: &UnresolvedStall) {
        if unresolved.stage == StallStage::LostInBody {
            return;
        }
        let peer = PeerRef { name: &unresolved.relay, address: address(&unresolved.relay), port: None };
        let stall = Stall { mail: Some(&unresolved.mail), ..Stall::new(unresolved.flow(), peer, unresolved.stage) };
        let context = LineContext { host: &unresolved.host, stamp: unresolved.stamp, line: &unresolved.line };
        self.stalled(&stall, None, &context);
    }

    fn timed_out(&mut self, session: u64, context: &LineContext<'_>) {
        if let Some(session) = self.sessions.remove(session)
            && session.flow == MailFlow::Incoming
            && !session.has_mail
        {
            let stall = Stall::new(session.flow, session.peer(), StallStage::Session);
            self.stalled(&stall, None, context);
        }
    }

    fn stalled_in(&mut self, session: u64, mail: &[u8], domain: Option<&[u8]>, context: &LineContext<'_>) {
        // No size matters before the connection is open.
        let Some(session) = self.sessions.get_mut(session).filter(|session| session.is_up).cloned() else { return };
        let stall = Stall::new(session.flow, session.peer(), StallStage::Session);
        self.stalled(&Stall { mail: Some(mail), domain, ..stall }, None, context);
    }

    fn peer_key(flow: MailFlow, identity: PeerIdentity, context: &LineContext<'_>) -> PeerKey {
        PeerKey { logged_by: hash(&[context.host]), flow, identity }
    }

    /// The peers that all lines together suggest.
    pub(super) fn suspects(mut self, reading: Reading, now: Timestamp) -> Suspects {
        for unresolved in self.unresolved.drain() {
            self.stalled_at_name(&unresolved);
        }
        let reading = Reading { forgotten: self.peers.forgotten, own: self.own, ..reading };
        let mut list: Vec<Suspect> =
            self.peers.into_failing().filter_map(|(key, counts)| suspect(key, counts, now)).collect();
        let newest = list.iter().filter_map(|suspect| suspect.last).map(|last| last.order()).max();
        let rank = |suspect: &Suspect| rank(suspect, newest);
        list.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| sort_key(a).cmp(&sort_key(b))));
        Suspects::new(list, reading)
    }
}

fn suspect(key: PeerKey, counts: PeerCounts, now: Timestamp) -> Option<Suspect> {
    let address = match key.identity {
        PeerIdentity::Address(address) => Some(address),
        PeerIdentity::Name(_) => None,
    };
    let (grade, reasons) = grade(key.flow, address, &counts)?;
    let stalls: StallCounts = *counts.stalls?;
    let mut names = stalls.names.into_iter();
    Some(Suspect {
        flow: key.flow,
        peer: Peer { name: names.next(), address, port: stalls.port },
        also_named: names.collect(),
        logged_by: Some(stalls.logged_by).filter(|host| !host.is_empty()),
        domains: stalls.domains,
        grade,
        reasons,
        first: stalls.first.read(now),
        last: stalls.last.read(now),
        delays: stalls.sample.delays,
        phrases: stalls.phrases,
        sample: stalls.sample.line,
    })
}

/// Sorts the strongest grade first, then the peer at which mail stalled last, to a day, then the one that delays most mail.
fn rank(suspect: &Suspect, newest: Option<DateTime>) -> (Grade, Reverse<i64>, u32) {
    let mails = suspect.reasons.iter().map(|reason| match reason {
        Reason::Stalled { mails, .. } => *mails,
        _ => 0,
    });
    let age = newest.zip(suspect.last).map_or(0, |(newest, last)| newest.duration_since(last.order()).as_hours() / 24);
    (suspect.grade, Reverse(age), mails.sum())
}

fn sort_key(suspect: &Suspect) -> (MailFlow, &Peer, Option<&String>) {
    (suspect.flow, &suspect.peer, suspect.logged_by.as_ref())
}
