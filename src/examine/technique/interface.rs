//! What a technique is: a way to draw an answer that tells which size arrived.

use std::fmt;

use crate::model::{
    Echo, MethodReason, MethodReport, Outgoing, PacketSize, Plan, Probe, Segment, Technique as Name, Timestamp,
};

use super::super::outbox::Outbox;
use super::super::rtt::RttEstimator;
use super::super::search::Search;
use super::super::session::{Arrival, Session};
use super::standing::Standing;
use super::uses::Uses;

/// One technique. It writes its own search and the outbox, and knows no other technique.
pub(crate) trait Technique: fmt::Debug + Send {
    fn standing(&self) -> &Standing;

    fn standing_mut(&mut self) -> &mut Standing;

    /// The next packet that is due.
    fn due(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing>;

    /// No probe was answered: tries another way, or rules itself out.
    fn on_nothing(&mut self, turn: &mut Turn<'_>, may_wait_for_greeting: bool);

    fn name(&self) -> Name {
        self.standing().name()
    }

    /// What carries its probes.
    fn uses(&self) -> Uses {
        self.standing().uses()
    }

    fn search(&self) -> &Search {
        self.standing().search()
    }

    fn search_mut(&mut self) -> &mut Search {
        self.standing_mut().search_mut()
    }

    /// Why it is of no use.
    fn unusable(&self) -> Option<MethodReason> {
        self.standing().unusable()
    }

    /// Gives it up for this reason.
    fn rule_out(&mut self, why: MethodReason) {
        self.standing_mut().rule_out(why);
    }

    /// Gives up the probes whose silence has become meaningful.
    fn settle(&mut self, now: Timestamp, rtt: &RttEstimator) {
        self.search_mut().log_mut().settle(now, rtt);
    }

    /// When to ask again without an event.
    fn next_timeout(&self, rtt: &RttEstimator, _in_order: Option<PacketSize>, _now: Timestamp) -> Option<Timestamp> {
        self.search().next_timeout(rtt)
    }

    /// What it sends from the first moment on, before it is known which technique is needed.
    fn prepare(&mut self, _plan: &Plan, _session: &Session, _now: Timestamp) {}

    /// Takes note of how the connection stands.
    fn on_connection(&mut self, _plan: &Plan, _session: &mut Session) {}

    /// Takes in a segment of the target. `arrival`: what it did to the conversation, if it belongs to it.
    fn on_segment(
        &mut self,
        _segment: &Segment,
        _arrival: Option<Arrival>,
        _ip_id: u16,
        _turn: &mut Heard<'_>,
    ) -> Option<Probe> {
        None
    }

    /// Takes in an echo reply in a packet of `size` bytes.
    fn on_echo(&mut self, _echo: Echo, _size: Option<PacketSize>, _turn: &mut Heard<'_>) -> Option<Probe> {
        None
    }

    /// While its outcome is open: changes its way of probing, if another is faster. Returns whether it did.
    fn reconsider(&mut self, _turn: &mut Turn<'_>) -> bool {
        false
    }

    /// From when on its silence is an answer, if packets that left later are answered. `None`: it is not silent.
    fn mute_from(&self, _rtt: &RttEstimator) -> Option<Timestamp> {
        None
    }

    /// Takes no answer without a name for its own until then.
    fn hush(&mut self, _until: Timestamp) {}

    /// An answer named a probe on the connection. `has_in_order`: in-order bytes have been tried on it.
    fn on_name(&mut self, _session: &mut Session, _has_in_order: bool, _plan: &Plan, _now: Timestamp) {}

    /// Ends what its probes may have left behind at the target.
    fn clean_up(&self, _outbox: &mut Outbox) {}

    /// What it tried before, in another way.
    fn history(&self) -> &[MethodReport] {
        &[]
    }
}

/// What a technique works with when it is its turn.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) rtt: &'a RttEstimator,
    pub(crate) session: &'a mut Session,
    pub(crate) outbox: &'a mut Outbox,
    /// While in-order bytes are tried: the size that passes. Answers to their copies name nothing.
    pub(crate) in_order: Option<PacketSize>,
    pub(crate) now: Timestamp,
}

/// What a technique works with when something arrives.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) rtt: &'a mut RttEstimator,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) now: Timestamp,
}

/// What a technique did, for the judge.
#[derive(Clone, Debug)]
pub(crate) struct TechniqueRecord {
    pub(crate) name: Name,
    pub(crate) uses: Uses,
    pub(crate) search: Search,
    pub(crate) unusable: Option<MethodReason>,
    pub(crate) history: Vec<MethodReport>,
}

impl dyn Technique + '_ {
    /// What it did so far.
    pub(crate) fn record(&self) -> TechniqueRecord {
        TechniqueRecord {
            name: self.name(),
            uses: self.uses(),
            search: self.search().clone(),
            unusable: self.unusable(),
            history: self.history().to_vec(),
        }
    }
}
