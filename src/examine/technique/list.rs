//! The techniques of one flow, in the order in which they are preferred.

use crate::model::{Echo as EchoMessage, Outgoing, PacketSize, Plan, Probe, Segment, Technique as Name, Timestamp};

use super::super::outbox::Outbox;
use super::super::quoted::QuotedKey;
use super::super::rtt::RttEstimator;
use super::super::session::{Arrival, Session};
use super::echo::Echo;
use super::interface::{Heard, Technique, TechniqueRecord, Turn};
use super::real_bytes_search::RealBytesSearch;
use super::retransmit::Retransmit;
use super::syn_data::SynData;
use super::uses::Uses;

/// All techniques.
#[derive(Debug)]
pub(crate) struct Techniques(Vec<Box<dyn Technique>>);

impl Techniques {
    /// One line for each, the preferred one first.
    pub(crate) fn new(plan: &Plan, now: Timestamp) -> Self {
        Self(vec![
            Box::new(Retransmit::new(plan, now)),
            Box::new(SynData::new(plan)),
            Box::new(RealBytesSearch::new(plan)),
            Box::new(Echo::new(plan, now)),
        ])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Technique> + Clone {
        self.0.iter().map(|technique| &**technique)
    }

    pub(crate) fn get(&self, name: Name) -> Option<&dyn Technique> {
        self.iter().find(|technique| technique.name() == name)
    }

    pub(crate) fn get_mut(&mut self, name: Name) -> Option<&mut dyn Technique> {
        self.0.iter_mut().find(|technique| technique.name() == name).map(|technique| &mut **technique as _)
    }

    /// The technique that uses this: the first one that may be of use, else the first.
    pub(crate) fn using(&self, uses: Uses) -> &dyn Technique {
        let all = || self.iter().filter(|technique| technique.uses() == uses);
        let found = all().find(|technique| technique.unusable().is_none()).or_else(|| all().next());
        found.unwrap_or_else(|| unreachable!("each carrier has a technique: see `new`"))
    }

    /// The technique whose segments on the connection speak for the flow: of those with the largest answered size, the first.
    pub(crate) fn over_connection(&self) -> &dyn Technique {
        let largest = |technique: &dyn Technique| technique.search().log().largest_answered();
        let all = self.iter().filter(|technique| technique.uses().is_over_connection());
        let found = all.reduce(|best, next| if largest(next) > largest(best) { next } else { best });
        found.unwrap_or_else(|| unreachable!("some technique uses the connection: see `new`"))
    }

    pub(crate) fn using_mut(&mut self, uses: Uses) -> impl Iterator<Item = &mut Box<dyn Technique>> {
        self.0.iter_mut().filter(move |technique| technique.uses() == uses)
    }

    /// The preferred one that may be of use.
    pub(crate) fn preferred(&self) -> Option<Name> {
        self.iter().find(|technique| technique.unusable().is_none()).map(Technique::name)
    }

    /// The next packet of those that use this.
    pub(crate) fn due(&mut self, uses: Uses, turn: &mut Turn<'_>) -> Option<Outgoing> {
        self.using_mut(uses).find_map(|technique| technique.due(turn))
    }

    pub(crate) fn next_timeout(
        &self,
        rtt: &RttEstimator,
        in_order: Option<PacketSize>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.iter().filter_map(|technique| technique.next_timeout(rtt, in_order, now)).min()
    }

    /// Lets no probe of any other technique leave before an instant.
    pub(crate) fn rest_others(&mut self, name: Name, instant: Timestamp) {
        for other in self.0.iter_mut().filter(|other| other.name() != name) {
            other.search_mut().rest_until(instant);
        }
    }

    /// Gives up the probes whose silence has become meaningful.
    pub(crate) fn settle(&mut self, now: Timestamp, rtt: &RttEstimator) {
        for technique in &mut self.0 {
            technique.settle(now, rtt);
        }
    }

    /// Lets each do what it does before it is known which technique is needed.
    pub(crate) fn prepare(&mut self, plan: &Plan, session: &mut Session, now: Timestamp) {
        for technique in &mut self.0 {
            technique.prepare(plan, session, now);
        }
        self.on_connection(plan, session);
    }

    /// Lets each see how the connection stands.
    pub(crate) fn on_connection(&mut self, plan: &Plan, session: &mut Session) {
        for technique in &mut self.0 {
            technique.on_connection(plan, session);
        }
    }

    pub(crate) fn on_segment(
        &mut self,
        segment: &Segment,
        arrival: Option<Arrival>,
        ip_id: u16,
        heard: &mut Heard<'_>,
    ) -> Option<Probe> {
        self.0.iter_mut().find_map(|technique| technique.on_segment(segment, arrival, ip_id, heard))
    }

    /// An answer named a probe on the connection.
    pub(crate) fn on_name(&mut self, session: &mut Session, has_in_order: bool, plan: &Plan, now: Timestamp) {
        for technique in &mut self.0 {
            technique.on_name(session, has_in_order, plan, now);
        }
    }

    pub(crate) fn on_echo(
        &mut self,
        echo: EchoMessage,
        size: Option<PacketSize>,
        heard: &mut Heard<'_>,
    ) -> Option<Probe> {
        self.0.iter_mut().find_map(|technique| technique.on_echo(echo, size, heard))
    }

    pub(crate) fn hush(&mut self, until: Timestamp) {
        for technique in &mut self.0 {
            technique.hush(until);
        }
    }

    /// A PTB quotes a packet: books the refusal of the probe, if it is one, and takes the MTU that it states for a hint.
    pub(crate) fn refused(&mut self, key: QuotedKey, mtu: u32, now: Timestamp) {
        for technique in self.0.iter_mut().filter(|technique| technique.uses().packets() == key.kind()) {
            let is_of_use = technique.unusable().is_none();
            let search = technique.search_mut();
            search.log_mut().refused(|probe| key.names(&probe.key));
            if is_of_use && search.has_started() {
                search.take_hint(mtu, now);
            }
        }
    }

    /// The interface takes less than its MTU promised.
    pub(crate) fn limit_to(&mut self, most: PacketSize) {
        for technique in &mut self.0 {
            technique.search_mut().limit_to(most);
        }
    }

    /// Whether no probe of ours was ever answered by the target.
    pub(crate) fn nothing_answered(&self) -> bool {
        self.iter().all(|technique| technique.search().log().total_answered() == 0)
    }

    /// Ends what their probes may have left behind at the target.
    pub(crate) fn clean_up(&self, outbox: &mut Outbox) {
        for technique in self.iter() {
            technique.clean_up(outbox);
        }
    }

    /// What they did, for the judge.
    pub(crate) fn records(&self) -> Vec<TechniqueRecord> {
        self.iter().map(<dyn Technique>::record).collect()
    }
}
