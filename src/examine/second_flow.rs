//! Examinations of other flows, one after the other, for an address behind parallel paths: further sessions beside the first,
//! over the same outbox.

use std::sync::Arc;

use crate::model::{Direction, Event, Meaning, MethodChoice, Outgoing, Plan, SeqNumber, Timestamp};

use super::closing::Closing;
use super::forward::{Decision, Forward, Visits};
use super::judge::{Record, VisitedFlow, judge};
use super::outbox::Outbox;

/// The other flows that were examined, and the one that is.
#[derive(Debug, Default)]
pub(super) struct SecondFlows {
    /// Their source ports, and how they fared.
    visited: Vec<VisitedFlow>,
    /// The first one on which large packets vanish.
    worse: Option<Box<Record>>,
    current: Option<Current>,
}

#[derive(Debug)]
enum Current {
    Examining(Box<Forward>),
    /// The verdict stands, the connection is being closed.
    Closing(Closing),
}

/// Each is a connection that the server logs.
const MOST: usize = 2;

impl SecondFlows {
    /// Begins with the flow from this port.
    pub(super) fn begin(&mut self, plan: &Plan, port: u16, outbox: &mut Outbox, now: Timestamp) {
        self.visited.push(VisitedFlow::unknown(port));
        let plan = Plan {
            local_ports: vec![port],
            flow_ports: Vec::new(),
            direction: Direction::Forward,
            method: MethodChoice::Tcp,
            ..plan.clone()
        };
        let iss = SeqNumber(outbox.random() as u32);
        self.current = Some(Current::Examining(Box::new(Forward::new(Arc::new(plan), iss, now))));
    }

    pub(super) fn visits(&self) -> Visits<'_> {
        Visits {
            visited: &self.visited,
            is_waiting: matches!(self.current, Some(Current::Examining(_))),
            may_begin: self.current.is_none() && self.visited.len() < MOST,
        }
    }

    /// Whether every connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.current.is_none()
    }

    /// What they found, for the record of the first.
    pub(super) fn found(&self) -> (Vec<VisitedFlow>, Option<Box<Record>>) {
        (self.visited.clone(), self.worse.clone())
    }

    /// Moves the current one on, as far as it goes without new events.
    pub(super) fn advance(&mut self, outbox: &mut Outbox, now: Timestamp) {
        let is_over = match &mut self.current {
            Some(Current::Examining(forward)) => {
                let alone = Visits { visited: &[], is_waiting: false, may_begin: false };
                if forward.advance(alone, outbox, now) == Decision::Conclude {
                    self.conclude(outbox, now);
                }
                false
            }
            Some(Current::Closing(closing)) => closing.advance(outbox, now),
            None => false,
        };
        if is_over {
            self.current = None;
        }
    }

    fn conclude(&mut self, outbox: &mut Outbox, now: Timestamp) {
        let Some(Current::Examining(mut forward)) = self.current.take() else { return };
        let record = forward.conclude(outbox, now);
        let is_hit = self.visited.last_mut().is_some_and(|visited| visited.conclude(&judge(&record)));
        if is_hit && self.worse.is_none() {
            self.worse = Some(Box::new(record));
        }
        let mut closing = Closing::new(forward, now);
        self.current = (!closing.advance(outbox, now)).then_some(Current::Closing(closing));
    }

    /// Concludes from what is known and closes in a hurry.
    pub(super) fn interrupt(&mut self, outbox: &mut Outbox, now: Timestamp) {
        if matches!(self.current, Some(Current::Examining(_))) {
            self.conclude(outbox, now);
        }
        if let Some(Current::Closing(closing)) = &mut self.current {
            closing.hurry(now);
        }
    }

    pub(super) fn poll(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        match self.current.as_mut()? {
            Current::Examining(forward) => forward.poll(outbox, now),
            Current::Closing(closing) => closing.poll(outbox, now),
        }
    }

    pub(super) fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        match self.current.as_ref()? {
            Current::Examining(forward) => forward.next_timeout(now),
            Current::Closing(closing) => closing.next_timeout(now),
        }
    }

    pub(super) fn receive(&mut self, event: &Event, outbox: &mut Outbox, now: Timestamp) -> Meaning {
        match &mut self.current {
            Some(Current::Examining(forward)) => forward.receive(event, outbox, now),
            Some(Current::Closing(closing)) => closing.receive(event, outbox, now),
            None => Meaning::Stray,
        }
    }
}
