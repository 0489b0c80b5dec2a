//! All addresses under watch: how each stands, and when it may be asked again.
//!
//! Targets that lead to one address share its examinations. Between two rounds of an address lies a minute, whatever its port.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::standing::Standing;
use super::terms::{LEAST_PAUSE, Number, TargetId};
use crate::model::{Sighting, Timestamp, WatchedAddress};

/// Where a target leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub at: WatchedAddress,
    /// What to call it: `mx1.example.com 192.0.2.25`.
    pub label: String,
}

/// When an address can have its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Now.
    Now,
    /// It is having one.
    Running,
    /// It had one a short while ago, which serves as well.
    Had,
    /// From this moment on.
    From(Timestamp),
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) label: String,
    pub(super) standing: Standing,
    /// The examination that is under way or ordered.
    pub(super) running: Option<Number>,
    /// When its last round began.
    pub(super) began: Option<Timestamp>,
    /// When a target led to it last.
    pub(super) wanted: Timestamp,
    /// For which target.
    began_for: Option<TargetId>,
    /// Examinations so far.
    pub(super) turns: u64,
    /// Targets whose round waits for it.
    waited_for_by: Vec<TargetId>,
}

#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: HashMap<WatchedAddress, Known>,
    /// When the last round of each began, whatever the port.
    began: HashMap<(IpAddr, u32), Timestamp>,
    /// What was told of some before this watch began, until a target leads there.
    former: HashMap<WatchedAddress, Sighting>,
}

impl Addresses {
    /// What was told before this watch began.
    pub(super) fn remember(&mut self, former: HashMap<WatchedAddress, Sighting>) {
        self.former = former;
    }

    /// A target leads to it, and waits for its round.
    pub(super) fn want(&mut self, place: &Place, whose: TargetId, now: Timestamp) {
        let former = &mut self.former;
        let known = self.known.entry(place.at.clone()).or_insert_with(|| Known {
            label: place.label.clone(),
            standing: former.remove(&place.at).map(Standing::known).unwrap_or_default(),
            running: None,
            began: None,
            began_for: None,
            wanted: now,
            turns: 0,
            waited_for_by: Vec::new(),
        });
        known.wanted = now;
        known.waited_for_by.push(whose);
    }

    /// Its round is over. Returns who has waited for it.
    pub(super) fn end(&mut self, at: &WatchedAddress) -> Vec<TargetId> {
        self.known.get_mut(at).map(|known| std::mem::take(&mut known.waited_for_by)).unwrap_or_default()
    }

    /// When the address can have a round for this target. What was found for another one serves in its place while it is younger than
    /// `fresh`.
    pub(super) fn turn(&self, at: &WatchedAddress, whose: TargetId, fresh: Duration, now: Timestamp) -> Turn {
        let Some(known) = self.known.get(at) else { return Turn::Now };
        if known.running.is_some() {
            return Turn::Running;
        }
        let is_of_another = known.began_for != Some(whose);
        if is_of_another && known.began.is_some_and(|began| now.since(began) < fresh) {
            return Turn::Had;
        }
        match self.began.get(&(at.address, at.scope_id)) {
            Some(began) if now.since(*began) < LEAST_PAUSE => Turn::From(*began + LEAST_PAUSE),
            _ => Turn::Now,
        }
    }

    /// Its round begins for this target.
    pub(super) fn begin_round(&mut self, at: &WatchedAddress, whose: TargetId) {
        if let Some(known) = self.known.get_mut(at) {
            known.began_for = Some(whose);
        }
    }

    /// An examination of it is ordered. Returns how many there were before.
    pub(super) fn begin(&mut self, at: &WatchedAddress, number: Number, now: Timestamp) -> u64 {
        self.began.insert((at.address, at.scope_id), now);
        let Some(known) = self.known.get_mut(at) else { return 0 };
        (known.running, known.began) = (Some(number), Some(now));
        known.turns += 1;
        known.turns - 1
    }

    pub(super) fn get(&self, at: &WatchedAddress) -> Option<&Known> {
        self.known.get(at)
    }

    pub(super) fn get_mut(&mut self, at: &WatchedAddress) -> Option<&mut Known> {
        self.known.get_mut(at)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&WatchedAddress, &Known)> {
        self.known.iter()
    }

    /// Forgets what no target has led to for so long. Returns it.
    pub(super) fn forget(&mut self, after: Duration, now: Timestamp) -> Vec<(WatchedAddress, Known)> {
        self.began.retain(|_, began| now.since(*began) < LEAST_PAUSE);
        let is_over = |known: &Known| {
            known.running.is_none() && known.waited_for_by.is_empty() && now.since(known.wanted) > after
        };
        self.known.extract_if(|_, known| is_over(known)).collect()
    }
}
