//! What each method and technique did.

use crate::model::{Method, MethodReason, MethodReport, MethodStatus, Technique as Name};

use super::super::technique::{TechniqueRecord, Uses};
use super::record::Record;

/// One entry for each technique, and before it those that it tried in another way. `carrier`: whose answers carry the verdict.
pub(super) fn methods(record: &Record, carrier: Option<Name>) -> Vec<MethodReport> {
    let mut methods = Vec::new();
    for technique in &record.techniques {
        methods.extend(technique.history.iter().cloned());
        let log = technique.search.log();
        // Small requests alone, as lists send them, look for no size.
        let has_looked = log.probes().iter().any(|probe| probe.size > record.plan.min_size);
        methods.push(MethodReport {
            method: if technique.uses == Uses::Icmp { Method::Icmp } else { Method::Tcp },
            technique: technique.name,
            status: status(record, technique, carrier),
            sent: log.sent(),
            answered: log.total_answered(),
            path_mtu: log.largest_answered().filter(|_| has_looked),
        });
    }
    methods
}

fn status(record: &Record, technique: &TechniqueRecord, carrier: Option<Name>) -> MethodStatus {
    let log = technique.search.log();
    match technique.unusable {
        Some(MethodReason::NotAskedFor) => MethodStatus::Skipped(MethodReason::NotAskedFor),
        Some(why) if carrier != Some(technique.name) => MethodStatus::Unusable(why),
        _ if log.total_answered() > 0 => MethodStatus::Used,
        _ if log.sent() == 0 && technique.uses == Uses::Syns && record.flows.is_some() => {
            MethodStatus::Skipped(MethodReason::OnlyForFlows)
        }
        _ if log.sent() == 0 => MethodStatus::Skipped(MethodReason::NotNeeded),
        _ => MethodStatus::Unusable(MethodReason::Unanswered),
    }
}
