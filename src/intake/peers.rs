//! All peers and what is counted of them, within limits.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::MailFlow;

use super::counts::{PeerCounts, StallCounts, StalledMail};

/// Peers at which nothing stalls. When there are more, all of them are dropped and counted anew.
const HEALTHY: usize = 40_000;
/// Peers of each flow at which something stalls.
const FAILING: usize = 4096;

/// Which peer, as which host sees it: another host may have another path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PeerKey {
    pub(super) logged_by: u64,
    pub(super) flow: MailFlow,
    pub(super) identity: PeerIdentity,
}

/// What a peer is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PeerIdentity {
    Address(IpAddr),
    /// The hash of a name, where no address was logged.
    Name(u64),
}

/// The peers.
#[derive(Default)]
pub(super) struct PeerTable {
    counts: HashMap<PeerKey, PeerCounts>,
    failing: [usize; 2],
    pub(super) forgotten: u64,
}

impl PeerTable {
    pub(super) fn passed(&mut self, key: PeerKey, mail: u64, size: u64) {
        if let Some(counts) = self.counts.get_mut(&key) {
            return counts.passed(mail, size);
        }
        let failing: usize = self.failing.iter().sum();
        if self.counts.len() - failing >= HEALTHY {
            self.counts.retain(|_, counts| counts.stalls.is_some());
        }
        self.counts.entry(key).or_default().passed(mail, size);
    }

    pub(super) fn stalled(
        &mut self,
        key: PeerKey,
        name: &[u8],
        port: Option<u16>,
        logged_by: &[u8],
        stall: &StalledMail<'_>,
    ) {
        if !stall.counts() {
            return;
        }
        let failing = &mut self.failing[usize::from(key.flow == MailFlow::Incoming)];
        let is_new = self.counts.get(&key).is_none_or(|counts| counts.stalls.is_none());
        if is_new && *failing >= FAILING {
            self.forgotten += 1;
            return;
        }
        *failing += usize::from(is_new);
        let counts = self.counts.entry(key).or_default();
        let stalls = counts.stalls.get_or_insert_with(|| Box::new(StallCounts::new(logged_by, stall)));
        stalls.name(name);
        stalls.port = stalls.port.or(port);
        stalls.add(stall);
    }

    pub(super) fn into_failing(self) -> impl Iterator<Item = (PeerKey, PeerCounts)> {
        self.counts.into_iter().filter(|(_, counts)| counts.stalls.is_some())
    }
}
