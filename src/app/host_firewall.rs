//! This host's own firewall, asked only when a verdict accuses it.

use std::cell::{OnceCell, RefCell};

use super::random;
use crate::examine;
use crate::firewall::{self, Message, SynAck};
use crate::model::{AddressReport, Blockers, Cause, ClampRule, Family, HoleHere, OwnLimit, RulesetText};
use crate::net::ruleset::RulesetReader;

/// Reads the rules once, whatever number of addresses they concern.
pub(super) struct HostFirewall {
    reader: RefCell<Option<RulesetReader>>,
    rules: OnceCell<Result<RulesetText, String>>,
}

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
            Ok(rules) => firewall::find(rules, &messages(report)),
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
        if let Some(mss) = firewall::certain_clamp(rules, &packet) {
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
            Ok(rules) => firewall::find_clamps(rules, &packet, mss),
            Err(_) => Vec::new(),
        }
    }

    fn read(&self) -> Result<RulesetText, String> {
        let reader = self.reader.take().ok_or_else(|| "they were read before".to_owned())?;
        reader.read(random::seed()).map_err(|error| error.to_string())
    }
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
