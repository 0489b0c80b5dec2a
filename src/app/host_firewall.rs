//! This host's own firewall, asked only when a verdict accuses it.

use std::cell::{OnceCell, RefCell};

use super::random;
use crate::firewall::{self, Message, SynAck};
use crate::model::{AddressReport, Blockers, Cause, ClampRule, HoleHere, OwnLimit, RulesetText};
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

    /// What lowers the MSS that the server announces, where something does.
    pub(super) fn clamps(&self, report: &AddressReport) -> Vec<ClampRule> {
        let Some(HoleHere::SendsLess { by: OwnLimit::Clamp { mss }, .. }) = report.examined.reason.here else {
            return Vec::new();
        };
        let Some(to) = report.here.source else { return Vec::new() };
        match self.rules.get_or_init(|| self.read()) {
            Ok(rules) => firewall::find_clamps(rules, SynAck { from: report.address, to }, mss),
            Err(_) => Vec::new(),
        }
    }

    fn read(&self) -> Result<RulesetText, String> {
        let reader = self.reader.take().ok_or_else(|| "they were read before".to_owned())?;
        reader.read(random::seed()).map_err(|error| error.to_string())
    }
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
