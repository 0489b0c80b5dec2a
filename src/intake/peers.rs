//! All peers and what is counted of them, within limits.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::MailFlow;

use super::tally::{Stalled, Stalls, Tally};

/// Peers at which nothing stalls. When there are more, all of them are forgotten and counted anew.
const HEALTHY: usize = 40_000;
/// Peers of each flow at which something stalls.
const FAILING: usize = 4096;

/// Which peer, as which host sees it: another host may have another path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) logged_by: u64,
    pub(super) flow: MailFlow,
    pub(super) place: Place,
}

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Address(IpAddr),
    /// The hash of a name, where no address was logged.
    Name(u64),
}

/// The peers.
#[derive(Default)]
pub(super) struct Peers {
    tallies: HashMap<Key, Tally>,
    failing: [usize; 2],
    pub(super) forgotten: u64,
}

impl Peers {
    pub(super) fn passed(&mut self, key: Key, mail: u64, size: u64) {
        if let Some(tally) = self.tallies.get_mut(&key) {
            return tally.passed(mail, size);
        }
        let failing: usize = self.failing.iter().sum();
        if self.tallies.len() - failing >= HEALTHY {
            self.tallies.retain(|_, tally| tally.stalls.is_some());
        }
        self.tallies.entry(key).or_default().passed(mail, size);
    }

    pub(super) fn stalled(&mut self, key: Key, name: &[u8], port: Option<u16>, logged_by: &[u8], stall: &Stalled<'_>) {
        if !stall.counts() {
            return;
        }
        let count = &mut self.failing[usize::from(key.flow == MailFlow::Incoming)];
        let is_new = self.tallies.get(&key).is_none_or(|tally| tally.stalls.is_none());
        if is_new && *count >= FAILING {
            self.forgotten += 1;
            return;
        }
        *count += usize::from(is_new);
        let tally = self.tallies.entry(key).or_default();
        let stalls = tally.stalls.get_or_insert_with(|| Box::new(Stalls::new(name, logged_by, stall)));
        stalls.port = stalls.port.or(port);
        stalls.add(stall);
    }

    pub(super) fn into_failing(self) -> impl Iterator<Item = (Key, Tally)> {
        self.tallies.into_iter().filter(|(_, tally)| tally.stalls.is_some())
    }
}
