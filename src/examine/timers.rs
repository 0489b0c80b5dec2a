//! The deadlines of the way there, by name. Whoever compares the clock with one asks here, so none is missing from the wake-up.

use std::time::Duration;

use crate::model::Timestamp;

use super::rtt::RttEstimator;
use super::session::Session;

/// An instant at which waiting alone changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deadline {
    /// An address that an ICMP error explains counts as unreachable.
    ExplainedSilence,
    /// The same where the error concerns the port alone: echo may still be answered.
    PortExplained,
    /// A silence is an answer, even if the run is cut short.
    SilenceTells,
    /// An address that stayed silent counts as unreachable.
    Unreachable,
    /// Echo replies, which tell how far away the target is, are not awaited any longer where TCP has its verdict.
    EchoAwaited,
    /// The same where packets are lost: until the last small request beside TCP is answered.
    EchoAwaitedLossy,
    /// The same where all that TCP has is refusals: they may come from nearer than the target.
    EchoBesideRefusals,
    /// Other techniques have waited for a greeting long enough.
    GreetingGrace,
    /// A greeting is not awaited any longer when nothing else can confirm a hole.
    GreetingNeeded,
    /// A server that owes a reply is asked by other techniques as well.
    ServerStuck,
    /// A PTB about what is lost comes too late to wait for it.
    LatePtb,
    /// SYNs have looked for the size in vain: the connection looks for it by itself.
    SynsLook,
    /// This host's own TCP is asked, even if the hole is not proven yet.
    OwnTcpAsked,
}

/// The deadlines as they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timers {
    started: Timestamp,
    opened: Timestamp,
    last_word: Timestamp,
    /// How long a server that owes a reply may take for it.
    server_patience: Duration,
    since: Since,
    rtt: Duration,
}

/// When something began that is not awaited for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since {
    /// The packet was sent first about which a PTB is due.
    ptb_due: Timestamp,
    /// SYNs began to look for the size.
    syns_look: Timestamp,
}

impl Since {
    pub(super) fn with_ptb_due(self, ptb_due: Timestamp) -> Self {
        Self { ptb_due, ..self }
    }

    pub(super) fn with_syns_look(self, syns_look: Timestamp) -> Self {
        Self { syns_look, ..self }
    }
}

/// A PTB may come so long, or three round trips, after the first packet of its size was lost; that is half a round trip after it
/// was sent, at the most (design, section 3, honesty rule c).
const PTB_PATIENCE: Duration = Duration::from_millis(600);

impl Deadline {
    const ALL: [Self; 13] = [
        Self::ExplainedSilence,
        Self::PortExplained,
        Self::SilenceTells,
        Self::Unreachable,
        Self::EchoAwaited,
        Self::EchoAwaitedLossy,
        Self::EchoBesideRefusals,
        Self::GreetingGrace,
        Self::GreetingNeeded,
        Self::ServerStuck,
        Self::LatePtb,
        Self::SynsLook,
        Self::OwnTcpAsked,
    ];
}

impl Timers {
    pub(super) fn new(started: Timestamp, session: &Session, since: Since, rtt: &RttEstimator) -> Self {
        let opened = session.opened().unwrap_or(started);
        // A reply that was lost comes again after a second or more (RFC 6298, 2.4), and after twice as long if it is lost once more.
        let server_patience = Duration::from_secs(if session.is_missing_words() { 5 } else { 2 });
        Self { started, opened, last_word: session.last_word(), server_patience, since, rtt: rtt.or_guess() }
    }

    /// When a deadline is.
    fn at(&self, deadline: Deadline) -> Timestamp {
        match deadline {
            Deadline::ExplainedSilence => self.started + Duration::from_millis(1500),
            Deadline::PortExplained => self.started + Duration::from_secs(4),
            // Some seven SYNs and a dozen and a half of echo requests.
            Deadline::SilenceTells => self.started + Duration::from_secs(5),
            // The SYN of this host's own TCP may have to come three times, and a run has half a minute unless the user gives it more.
            Deadline::Unreachable | Deadline::OwnTcpAsked => self.started + Duration::from_secs(10),
            // Well within the time of a verdict on a clear path.
            Deadline::EchoAwaited => self.started + self.rtt * 5 / 2 + Duration::from_millis(10),
            Deadline::EchoBesideRefusals => self.started + Duration::from_millis(600),
            Deadline::EchoAwaitedLossy => self.started + self.rtt * 5 / 2 + Duration::from_secs(1),
            Deadline::GreetingGrace => self.opened + Duration::from_millis(300).max(self.rtt * 3),
            // The delays of postscreen and Exim are 6 s and less.
            Deadline::GreetingNeeded => self.opened + Duration::from_secs(12),
            Deadline::LatePtb => self.since.ptb_due + self.rtt / 2 + PTB_PATIENCE.max(self.rtt * 3),
            Deadline::SynsLook => self.since.syns_look + Duration::from_secs(1).max(self.rtt * 12),
            Deadline::ServerStuck => self.last_word + self.server_patience.max(self.rtt * 4),
        }
    }

    pub(super) fn is_over(&self, deadline: Deadline, now: Timestamp) -> bool {
        now >= self.at(deadline)
    }

    /// The next deadline that is still to come.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        Deadline::ALL.into_iter().map(|deadline| self.at(deadline)).filter(|&at| at > now).min()
    }
}
