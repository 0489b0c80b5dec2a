//! Whether the port takes connections: what became of the SYNs of the first connection.
//!
//! That a SYN stays unanswered is no news where packets are lost. So silence counts only beside echo requests that were
//! answered at the same time, and by the same test that tells sizes from chance.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Family, Filter, PortState, Timestamp};

use super::fisher::{SIGNIFICANCE, Trials, p_value};
use super::session::{Session, TcpState};

/// The SYNs of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct PortWatch {
    sent: Vec<Timestamp>,
    /// Of them, those that this host's own firewall refused.
    forbidden: usize,
    /// Those that an ICMP "destination unreachable" answered.
    refused: usize,
    refusal: Option<Filter>,
    /// What stands between us and the port, once that is certain.
    filter: Option<Filter>,
}

/// Echo requests to compare SYNs with.
#[derive(Clone, Copy, Debug)]
pub(super) struct EchoControls {
    /// Small ones whose fate is settled.
    pub(super) small: Trials,
    /// The round-trip time, if it is known.
    pub(super) rtt: Option<Duration>,
}

/// So many SYNs stay unanswered before their silence counts: Linux itself sends as many within half a minute.
const LEAST_SYNS: u32 = 5;
/// The p to reach where small echo requests are lost too: one silence in so many would be mere loss.
const LOSSY_SIGNIFICANCE: f64 = 1e-4;
/// How long a SYN waits for its answer at least.
const LEAST_WAIT: Duration = Duration::from_millis(600);
/// One refusal may be an accident.
const LEAST_REFUSALS: usize = 2;

impl PortWatch {
    pub(super) fn syn_sent(&mut self, now: Timestamp) {
        self.sent.push(now);
    }

    /// This host's own firewall refused a SYN.
    pub(super) fn syn_forbidden(&mut self) {
        self.forbidden += 1;
    }

    /// An ICMP error other than "too big" answers a SYN.
    pub(super) fn syn_unreachable(&mut self, from: IpAddr, code: u8) {
        self.refused += 1;
        self.refusal = Some(Filter::Icmp { from, code });
    }

    /// Whether this host refuses all SYNs. A RST that its firewall makes up beside that comes from this host as well.
    pub(super) fn is_forbidden(&self, session: &Session) -> bool {
        let is_sure = self.forbidden >= LEAST_REFUSALS || session.state() == TcpState::Refused;
        session.opened().is_none() && self.forbidden > 0 && self.forbidden == self.sent.len() && is_sure
    }

    /// Whether something keeps SYNs from the port, and what. Certainty stays.
    pub(super) fn look_for_filter(&mut self, controls: EchoControls, now: Timestamp) -> Option<Filter> {
        if self.filter.is_none() && controls.small.answered > 0 {
            let refusal = self.refusal.filter(|_| self.refused >= LEAST_REFUSALS);
            self.filter = refusal.or_else(|| self.is_silent(controls, now).then_some(Filter::Silent));
        }
        self.filter
    }

    fn is_silent(&self, controls: EchoControls, now: Timestamp) -> bool {
        let wait = wait(controls.rtt);
        let total = self.sent.iter().filter(|&&at| now >= at + wait).count() as u32;
        let is_lossy = controls.small.answered < controls.small.total;
        let significance = if is_lossy { LOSSY_SIGNIFICANCE } else { SIGNIFICANCE };
        total >= LEAST_SYNS && p_value(controls.small, Trials { total, answered: 0 }) <= significance
    }

    /// When silence alone may change something next.
    pub(super) fn next_timeout(&self, rtt: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
        self.sent.iter().map(|&at| at + wait(rtt)).filter(|&at| at > now).min()
    }

    /// What is known of the port.
    pub(super) fn state(&self, session: &Session, family: Family) -> Option<PortState> {
        if session.opened().is_some() {
            return Some(PortState::Open);
        }
        if self.is_forbidden(session) {
            return Some(PortState::ForbiddenHere);
        }
        if session.state() == TcpState::Refused {
            return Some(PortState::Refused);
        }
        // Said by a firewall, it is true even where nothing else answers.
        self.filter.or(self.refusal.filter(|_| self.is_prohibited(family))).map(PortState::Filtered)
    }

    /// Whether a firewall says that the port is prohibited.
    pub(super) fn is_prohibited(&self, family: Family) -> bool {
        self.refused >= LEAST_REFUSALS && self.refusal.is_some_and(|refusal| is_prohibition(refusal, family))
    }
}

fn wait(rtt: Option<Duration>) -> Duration {
    rtt.map_or(LEAST_WAIT, |rtt| LEAST_WAIT.max(rtt * 2))
}

/// Codes by which a firewall speaks, and not a router that misses the host (RFC 1812, 5.2.7.1; RFC 4443, 3.1).
fn is_prohibition(filter: Filter, family: Family) -> bool {
    match (filter, family) {
        (Filter::Silent, _) => false,
        (Filter::Icmp { code, .. }, Family::V4) => matches!(code, 3 | 9 | 10 | 13),
        (Filter::Icmp { code, .. }, Family::V6) => matches!(code, 1 | 4..=6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_millis(ms))
    }

    fn watch(sent: &[u64]) -> PortWatch {
        PortWatch { sent: sent.iter().map(|&ms| at(ms)).collect(), ..PortWatch::default() }
    }

    fn controls(answered: u32, total: u32) -> EchoControls {
        EchoControls { small: Trials { total, answered }, rtt: Some(Duration::from_millis(20)) }
    }

    /// By hand: 5 SYNs lost beside 12 answered echo requests are 1 in 6188; beside 7 of 12 they are
    /// 1 in 8 or so, which is loss.
    #[test]
    fn silence_is_a_filter_only_where_loss_does_not_explain_it() {
        let sent = [0, 500, 1000, 2000, 3000];
        let silent = Some(Filter::Silent);
        assert_eq!(watch(&sent).look_for_filter(controls(12, 12), at(3600)), silent);
        assert_eq!(watch(&sent).look_for_filter(controls(12, 12), at(3500)), None, "the last SYN has not had its time");
        assert_eq!(watch(&sent).look_for_filter(controls(5, 5), at(3600)), None, "1 in 252");
        assert_eq!(watch(&sent).look_for_filter(controls(7, 12), at(3600)), None);
        assert_eq!(watch(&sent).look_for_filter(controls(0, 12), at(9000)), None, "nobody is there");
    }

    #[test]
    fn what_is_certain_stays_when_controls_are_lost_later() {
        let mut watch = watch(&[0, 500, 1000, 2000, 3000]);
        assert!(watch.look_for_filter(controls(12, 12), at(3600)).is_some());
        assert!(watch.look_for_filter(controls(12, 60), at(3700)).is_some());
    }

    #[test]
    fn one_message_may_be_an_accident() {
        let mut watch = watch(&[0, 500]);
        let from: IpAddr = "192.0.2.1".parse().expect("an address");
        watch.syn_unreachable(from, 13);
        assert_eq!(watch.look_for_filter(controls(1, 1), at(10)), None);
        watch.syn_unreachable(from, 13);
        assert_eq!(watch.look_for_filter(controls(1, 1), at(510)), Some(Filter::Icmp { from, code: 13 }));
    }
}
