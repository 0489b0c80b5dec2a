//! This host's own firewall, asked only when a verdict accuses it.

use std::cell::{OnceCell, RefCell};
use std::sync::mpsc;
use std::time::Duration;

use super::random;
use crate::examine;
use crate::firewall::{Message, Rules, SynAck};
use crate::model::{AddressReport, Blockers, Cause, ClampRule, Family, HoleHere, OwnLimit, RulesetText};
use crate::net::ruleset::RulesetReader;

/// Reads and parses the rules once, whatever number of addresses they concern.
pub(super) struct HostFirewall {
    reader: RefCell<Option<RulesetReader>>,
    rules: OnceCell<Result<Rules, String>>,
}

/// Parsing is given as long as reading: the event loop waits for both, once in a run.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Routers whose messages are led through the rules; those of one host meet the same rule.
const MOST_MESSAGES: usize = 4;

impl HostFirewall {
    /// Gets ready to read. To be called while the privilege is there.
    pub(super) fn watch() -> Self {
        Self { reader: RefCell::new(Some(RulesetReader::start())), rules: OnceCell::new() }
    }

    /// What drops the messages that reached the interface and went no further.
    pub(super) fn blockers(&self, report: &AddressReport) -> Blockers {
        if report.examined.cause != Some(Cause::LocalFirewall) {
            return Blockers::NotSought;
        }
        match self.rules.get_or_init(|| self.read()) {
            Ok(rules) => rules.blockers(&messages(report)),
            Err(reason) => Blockers::Unreadable(reason.clone()),
        }
    }

    /// Looks for a clamp where one would change the verdict: this host's TCP alone cannot tell it from what somebody remembers.
    pub(super) fn note_clamp(&self, report: &mut AddressReport) {
        if !examine::may_be_clamped_here(&report.examined) {
            return;
        }
        let Some(packet) = syn_ack(report) else { return };
        let Ok(rules) = self.rules.get_or_init(|| self.read()) else { return };
        if let Some(mss) = rules.certain_clamp(&packet) {
            let family = Family::of(report.address);
            report.examined = examine::clamped_here(report.examined.clone(), mss, family);
        }
    }

    /// What lowers the MSS that the server announces, where something does.
    pub(super) fn clamps(&self, report: &AddressReport) -> Vec<ClampRule> {
        let Some(HoleHere::SendsLess { by: OwnLimit::Clamp { mss }, .. }) = report.examined.reason.here else {
            return Vec::new();
        };
        let Some(packet) = syn_ack(report) else { return Vec::new() };
        match self.rules.get_or_init(|| self.read()) {
            Ok(rules) => rules.clamps(&packet, mss),
            Err(_) => Vec::new(),
        }
    }

    fn read(&self) -> Result<Rules, String> {
        let reader = self.reader.take().ok_or_else(|| "they were read before".to_owned())?;
        let text = reader.read(random::seed()).map_err(|error| error.to_string())?;
        parse_in_time(text, PATIENCE)
    }
}

/// A host that is too slow for its rules still gets its report. The thread ends by itself: what it reads has an end.
fn parse_in_time(text: RulesetText, patience: Duration) -> Result<Rules, String> {
    let (done, rules) = mpsc::channel();
    let parse = move || done.send(Rules::read(text));
    std::thread::Builder::new().spawn(parse).map_err(|error| format!("no thread can be started: {error}"))?;
    let too_slow = |_| format!("they take longer than {} ms to be read through", patience.as_millis());
    rules.recv_timeout(patience).map_err(too_slow)?.map_err(|error| error.to_string())
}

fn syn_ack(report: &AddressReport) -> Option<SynAck<'_>> {
    let (from, port, interface) = (report.address, report.port, report.here.interface.as_deref());
    report.here.source.map(|to| SynAck { from, port, to, interface })
}

fn messages(report: &AddressReport) -> Vec<Message<'_>> {
    let Some(to) = report.here.source else { return Vec::new() };
    let dropped = report.examined.ptb.iter().filter(|ptb| !ptb.reached_kernel);
    let message = |ptb: &crate::model::PtbReport| Message {
        from: ptb.from,
        to,
        interface: report.here.interface.as_deref(),
        mtu: ptb.mtu,
    };
    dropped.map(message).take(MOST_MESSAGES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_too_slow_for_its_rules_says_so() {
        let element = |number: u32| format!("\"{}\"", std::net::Ipv4Addr::from(number));
        let elements: Vec<String> = (0..100_000).map(element).collect();
        let set =
            format!(r#"{{"set": {{"family": "ip", "table": "f", "name": "s", "elem": [{}]}}}}"#, elements.join(","));
        let text = RulesetText { nft_json: format!(r#"{{"nftables": [{set}]}}"#), ..RulesetText::default() };
        let error = parse_in_time(text.clone(), Duration::ZERO).err();
        assert_eq!(error.as_deref(), Some("they take longer than 0 ms to be read through"));
        assert!(parse_in_time(text, Duration::from_mins(1)).is_ok());
    }
}
