//! Leads events together: sizes to mails, mails to peers, sessions to both. Bounded in memory, whatever comes.

mod waiting;

use std::net::IpAddr;

use jiff::Timestamp;

use crate::model::{Delays, Grade, MailFlow, Peer, Reading, Reason, Stage, Suspect, Suspects};

use super::bytes::{address, is_own};
use super::event::{Event, PeerRef, Stall};
use super::grade::grade;
use super::mails::{Mails, hash};
use super::peers::{Key, Peers, Place};
use super::stamp::Stamp;
use super::tally::{Stalled, Stalls, Tally};

use waiting::{Hung, Session, Waiting};

/// Where and when an event was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) host: &'a [u8],
    pub(super) stamp: Stamp,
    /// The line to be shown.
    pub(super) line: &'a [u8],
}

/// Everything that has been read so far.
pub(super) struct Ledger {
    mails: Mails,
    peers: Peers,
    hung: Waiting<Hung>,
    sessions: Waiting<Session>,
    /// Stands in for the names of mails that have none.
    nameless: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        let (hung, sessions) = (Waiting::new(), Waiting::new());
        Self { mails: Mails::new(), peers: Peers::default(), hung, sessions, nameless: 0 }
    }
}

impl Ledger {
    /// Takes note of an event. They come in the order of time.
    pub(super) fn note(&mut self, event: &Event<'_>, context: &Context<'_>) {
        let key = |name: &[u8]| hash(&[context.host, name]);
        match *event {
            Event::Begun { mail, client } => self.mails.touch(key(mail)).client = client.address,
            Event::Received { mail, size, recipients, client } => {
                let client = client.and_then(|client| client.address);
                self.received(key(mail), size, recipients, client, context);
            }
            Event::Sent { mail, relay } => {
                self.hung.remove(key(mail));
                self.sent(key(mail), relay, context);
            }
            Event::Stalled(stall) => self.stalled(&stall, None, context),
            Event::Hung { mail, relay, stage } => self.hang(key(mail), Hung::new(mail, relay, stage, context)),
            Event::Deferred { mail, relay, domain, seconds } => {
                if let Some(hung) = self.hung.remove(key(mail)) {
                    self.deferred(&hung, mail, relay, domain, seconds, context);
                }
            }
            Event::Opened { session, flow, peer } => {
                self.sessions.insert(key(session), Session::new(flow, peer));
            }
            Event::Connected { session } => {
                if let Some(session) = self.sessions.get_mut(key(session)) {
                    session.is_up = true;
                }
            }
            Event::ReceivedIn { session, mail, size, recipients } => {
                let session = self.sessions.get_mut(key(session));
                let client = session.and_then(|session| {
                    session.has_mail = true;
                    session.address
                });
                self.received(key(mail), size, recipients, client, context);
            }
            Event::TimedOut { session } => self.timed_out(key(session), context),
            Event::StalledIn { session, mail, domain } => self.stalled_in(key(session), mail, domain, context),
        }
    }

    fn received(&mut self, mail: u64, size: u64, recipients: u64, client: Option<IpAddr>, context: &Context<'_>) {
        let known = self.mails.touch(mail);
        known.size = Some(u32::try_from(size).unwrap_or(u32::MAX));
        known.recipients = u16::try_from(recipients).unwrap_or(u16::MAX);
        // A queue manager names a mail again at every attempt; it came in once.
        if let Some(client) = known.client.take().or(client).filter(|client| !is_own(*client)) {
            let place = Place::Address(client);
            self.peers.passed(Self::peer_key(MailFlow::Incoming, place, context), mail, size);
        }
    }

    fn sent(&mut self, mail: u64, relay: PeerRef<'_>, context: &Context<'_>) {
        let size = self.mails.get(mail).and_then(|mail| mail.size);
        let address = relay.address.filter(|address| !is_own(*address));
        if let Some((size, address)) = size.zip(address) {
            let key = Self::peer_key(MailFlow::Outgoing, Place::Address(address), context);
            self.peers.passed(key, mail, size.into());
        }
    }

    fn stalled(&mut self, stall: &Stall<'_>, waited: Option<f64>, context: &Context<'_>) {
        if stall.peer.address.is_some_and(is_own) {
            return;
        }
        let mail = stall.mail.map(|name| hash(&[context.host, name]));
        let known = mail.and_then(|mail| self.mails.get(mail)).copied().unwrap_or_default();
        // What a client's mail has of a size is that of another mail: its name is used again.
        let size = known.size.filter(|_| stall.flow == MailFlow::Outgoing).map(u64::from).or(stall.size);
        self.nameless += 1;
        let stalled = Stalled {
            stage: stall.stage,
            mail: mail.unwrap_or(self.nameless),
            size,
            recipients: known.recipients,
            domain: stall.domain,
            delays: stall.delays,
            waited: waited.or(stall.delays.map(|delays: Delays| delays.sending)),
            stamp: context.stamp,
            line: context.line,
        };
        let name = stall.peer.name;
        let place = stall.peer.address.map_or_else(|| Place::Name(hash(&[&name.to_ascii_lowercase()])), Place::Address);
        let key = Self::peer_key(stall.flow, place, context);
        self.peers.stalled(key, name, stall.peer.port, context.host, &stalled);
    }

    fn hang(&mut self, mail: u64, hung: Hung) {
        // One mail may hang at several relays before its record is written.
        let earlier = self.hung.remove(mail);
        let evicted = self.hung.insert(mail, hung);
        for hung in earlier.into_iter().chain(evicted) {
            self.hung_at_name(&hung);
        }
    }

    fn deferred(
        &mut self,
        hung: &Hung,
        mail: &[u8],
        relay: PeerRef<'_>,
        domain: Option<&[u8]>,
        seconds: Option<f64>,
        context: &Context<'_>,
    ) {
        if !relay.name.eq_ignore_ascii_case(&hung.relay) {
            return self.hung_at_name(hung);
        }
        if hung.stage == Stage::LostInBody && seconds.is_none_or(|waited| waited < super::postfix::LONG_WAIT) {
            return;
        }
        let stall = Stall::new(MailFlow::Outgoing, relay, hung.stage);
        let context = Context { line: &hung.line, ..*context };
        self.stalled(&Stall { mail: Some(mail), domain, ..stall }, seconds, &context);
    }

    /// No record tells the address.
    fn hung_at_name(&mut self, hung: &Hung) {
        if hung.stage == Stage::LostInBody {
            return;
        }
        let peer = PeerRef { name: &hung.relay, address: address(&hung.relay), port: None };
        let stall = Stall { mail: Some(&hung.mail), ..Stall::new(MailFlow::Outgoing, peer, hung.stage) };
        let context = Context { host: &hung.host, stamp: hung.stamp, line: &hung.line };
        self.stalled(&stall, None, &context);
    }

    fn timed_out(&mut self, session: u64, context: &Context<'_>) {
        if let Some(session) = self.sessions.remove(session)
            && session.flow == MailFlow::Incoming
            && !session.has_mail
        {
            let stall = Stall::new(session.flow, session.peer(), Stage::Session);
            self.stalled(&stall, None, context);
        }
    }

    fn stalled_in(&mut self, session: u64, mail: &[u8], domain: Option<&[u8]>, context: &Context<'_>) {
        // Before the connection stands, no size matters.
        let Some(session) = self.sessions.get_mut(session).filter(|session| session.is_up).cloned() else { return };
        let stall = Stall::new(session.flow, session.peer(), Stage::Session);
        self.stalled(&Stall { mail: Some(mail), domain, ..stall }, None, context);
    }

    fn peer_key(flow: MailFlow, place: Place, context: &Context<'_>) -> Key {
        Key { logged_by: hash(&[context.host]), flow, place }
    }

    /// Whom all of it accuses.
    pub(super) fn suspects(mut self, reading: Reading, now: Timestamp) -> Suspects {
        for hung in self.hung.drain() {
            self.hung_at_name(&hung);
        }
        let reading = Reading { forgotten: self.peers.forgotten, ..reading };
        let mut list: Vec<Suspect> =
            self.peers.into_failing().filter_map(|(key, tally)| suspect(key, tally, now)).collect();
        list.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| identity(a).cmp(&identity(b))));
        Suspects { list, reading }
    }
}

fn suspect(key: Key, tally: Tally, now: Timestamp) -> Option<Suspect> {
    let (grade, reasons) = grade(key.flow, &tally)?;
    let stalls: Stalls = *tally.stalls?;
    let address = match key.place {
        Place::Address(address) => Some(address),
        Place::Name(_) => None,
    };
    // A relay that was given by its address has that for a name.
    let is_name =
        |name: &String| !matches!(name.as_str(), "" | "unknown" | "<unknown>") && name.parse::<IpAddr>().is_err();
    let name = Some(stalls.name).filter(is_name);
    Some(Suspect {
        flow: key.flow,
        peer: Peer { name, address, port: stalls.port },
        logged_by: Some(stalls.logged_by).filter(|host| !host.is_empty()),
        domains: stalls.domains,
        grade,
        reasons,
        first: stalls.first.read(now),
        last: stalls.last.read(now),
        delays: stalls.sample.delays,
        sample: stalls.sample.line,
    })
}

/// The strongest first, then the one that holds up most mail.
fn rank(suspect: &Suspect) -> (Grade, u32) {
    let mails = suspect.reasons.iter().map(|reason| match reason {
        Reason::Stalled { mails, .. } => *mails,
        _ => 0,
    });
    (suspect.grade, mails.sum())
}

fn identity(suspect: &Suspect) -> (MailFlow, &Peer, Option<&String>) {
    (suspect.flow, &suspect.peer, suspect.logged_by.as_ref())
}
