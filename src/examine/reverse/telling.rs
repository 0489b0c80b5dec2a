//! With `--ptb-test`: the server is told that its packets are too big, and watched.

use std::time::Duration;

use crate::model::{Finding, IcmpError, IpHeader, Timestamp, Ttl};

use super::draw::Fate;
use super::ptb_test::{self, Complaint, PtbTest};
use super::sizes::Trial;
use super::{Reverse, Role, smallest};

/// How long the connection of the test may take in all.
const PATIENCE: Duration = Duration::from_secs(12);

impl Reverse {
    /// Whether a test of PTBs is under way, or begins now.
    pub(super) fn test_ptb(&mut self, now: Timestamp) -> bool {
        let largest = self.first().arrivals().largest();
        let can_tell = self.plan.ptb_test && largest.is_some_and(|largest| largest > ptb_test::TOLD);
        if !can_tell || self.first().arrivals().is_without_df() {
            return false;
        }
        let tested = self.draws.iter_mut().find_map(|(role, draw)| match role {
            Role::PtbTest(test) => Some((test, draw)),
            _ => None,
        });
        let Some((test, draw)) = tested else {
            let trial = Trial { passes: None, size: self.plan.local_mtu };
            return self.open(Role::PtbTest(PtbTest::default()), trial, now);
        };
        let is_open = draw.fate() == Fate::Open;
        draw.hold_acks(draw.has_said_hello() && !test.is_over(now));
        // What was held back is heard before the server is left.
        if is_open && draw.open_for(now) < PATIENCE {
            return true;
        }
        match test.obeys() {
            Some(true) => self.findings.push(Finding::PeerObeysPtb { told: ptb_test::TOLD }),
            Some(false) => self.findings.push(Finding::PeerIgnoresPtb { told: ptb_test::TOLD }),
            None => {}
        }
        false
    }

    /// Whether the server is being told what the router on the way should have told it.
    pub(super) fn complains(&mut self, now: Timestamp) -> bool {
        if let Some(complaint) = &self.complaint {
            let is_over = complaint.is_over(now);
            if is_over {
                self.findings.push(Finding::PeerIgnoresPtb { told: complaint.told() });
            }
            return !is_over;
        }
        let (Some(size), Some(seq), true) = (self.lost, self.first().missing(), self.plan.ptb_test) else {
            return false;
        };
        let mtu = self.passes.unwrap_or(size).max(smallest(self.plan.family()));
        let ports = (self.plan.port, self.first().local_port());
        let (source, destination) = (self.plan.destination, self.plan.source);
        let ip = IpHeader { source, destination, ttl: Ttl::DEFAULT, dont_fragment: true, id: 0 };
        self.complaint = Some(Complaint::new(ip, ports, seq, size, mtu, now));
        true
    }

    pub(super) fn due_complaint(&mut self, now: Timestamp) -> Option<IcmpError> {
        let of_test = self.draws.iter_mut().find_map(|(role, _)| match role {
            Role::PtbTest(test) => test.poll(),
            _ => None,
        });
        of_test.or_else(|| self.complaint.as_mut().filter(|_| self.found.is_none())?.poll(now))
    }
}
