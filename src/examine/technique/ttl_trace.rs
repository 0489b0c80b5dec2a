//! Probes with a limited TTL: on the flow of the connection while there is one, else echo requests.

use crate::model::{Echo, Meaning, Outgoing, PacketSize, Plan, Probe, Purpose, Technique as Name, Timestamp};

use super::super::fisher::Trials;
use super::super::random::first_echo;
use super::super::rtt::RttEstimator;
use super::super::search::ProbeKey;
use super::super::session::{RangeUser, Session};
use super::hop_search::{Answerer, HopSearch};
use super::interface::Turn;

/// The trace, once it has begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct TtlTrace {
    search: Option<HopSearch>,
    /// A pair of sizes is known at present: the search goes on.
    is_led: bool,
    echoes: u16,
}

/// A size that passes and a larger one that is lost.
type Bracket = (PacketSize, PacketSize);

/// The numbers of TTL-limited echo requests begin so far from those of the sized ones.
const FIRST_ECHO: u16 = 0x4000;

impl TtlTrace {
    /// Follows the search: begins with the first bracket that it `may_begin` with, turns to the exact pair once it is
    /// known, and starts anew when chance had taken a smaller size.
    pub(crate) fn follow(
        &mut self,
        (bracket, pair): (Option<Bracket>, Option<Bracket>),
        controls: impl Fn(PacketSize) -> Trials,
        may_begin: impl Fn(Bracket) -> bool,
        session: &mut Session,
        plan: &Plan,
        (now, rtt): (Timestamp, &RttEstimator),
    ) {
        self.is_led = pair.is_some();
        let Some((passes, lost)) = pair.or(bracket) else { return };
        if let (Some(search), Some((passes, lost))) = (&mut self.search, pair) {
            if search.refine(passes, lost) {
                return search.advance(now, rtt, controls(passes));
            }
            self.search = None;
            session.forget_ranges(RangeUser::Trace);
        } else if self.search.is_some() {
            return;
        }
        if may_begin((passes, lost)) {
            self.search = Some(HopSearch::new(passes, lost, session.arrived_with()).planned(plan));
        }
    }

    /// The verdict depends on the place.
    pub(crate) fn be_patient(&mut self) {
        if let Some(search) = &mut self.search {
            search.be_patient();
        }
    }

    /// The search for the hop.
    pub(crate) fn search(&self) -> Option<&HopSearch> {
        self.search.as_ref()
    }

    /// Whether echo requests were sent in place of segments: they may take another path.
    pub(crate) fn used_echo(&self) -> bool {
        self.echoes > 0
    }

    pub(crate) fn is_over(&self) -> bool {
        self.search.as_ref().is_none_or(HopSearch::is_over)
    }

    pub(crate) fn next_timeout(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let search = self.search.as_ref()?;
        search.next_probe().map(|_| Timestamp::ZERO).or_else(|| search.due(rtt).filter(|_| self.is_led))
    }

    /// The next probe, over the connection by old bytes of this kind, or else by echo.
    pub(crate) fn due(&mut self, over_connection: Option<Name>, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let search = self.search.as_mut()?;
        let (ttl, size) = search.next_probe()?;
        let family = turn.plan.family();
        let technique = over_connection.unwrap_or(Name::Echo);
        let meaning = Meaning::Probe(Probe { technique, size, purpose: Purpose::Trace(ttl) });
        let (key, mut outgoing) = if let Some(bytes) = over_connection {
            let (start, end, segment) = turn.session.old_segment(size.tcp_payload(family), bytes, RangeUser::Trace)?;
            (ProbeKey::Range { start, end }, turn.outbox.tcp(segment, meaning))
        } else {
            self.echoes += 1;
            let seq = first_echo(turn.plan).wrapping_add(FIRST_ECHO + self.echoes);
            let payload_len = size.bytes().saturating_sub(family.echo_headers());
            let echo = Echo { ident: turn.plan.echo_ident, seq, payload_len };
            (ProbeKey::Echo(seq), turn.outbox.echo(echo, meaning))
        };
        outgoing.packet.ip.ttl = ttl;
        search.launched(key, turn.now);
        Some(outgoing)
    }

    /// Takes an answer to the probe that a key names.
    pub(crate) fn answered(
        &mut self,
        answerer: Answerer,
        over_connection: Option<Name>,
        now: Timestamp,
        is_it: impl Fn(&ProbeKey) -> bool,
    ) -> Option<Probe> {
        let (ttl, size) = self.search.as_mut()?.answered(answerer, now, is_it)?;
        Some(Probe { technique: over_connection.unwrap_or(Name::Echo), size, purpose: Purpose::Trace(ttl) })
    }

    /// The size of its probe that a key names.
    pub(crate) fn size_of(&self, is_it: impl Fn(&ProbeKey) -> bool) -> Option<PacketSize> {
        self.search.as_ref()?.size_of(is_it)
    }
}
