//! The facts about this host that matter for the path: interface, route, cached path MTU, unusual settings.

use std::time::Duration;

use super::row::EvidenceRow;
use crate::model::{AddressReport, CachedPathMtu, HoleHere, HostFacts, KernelSettings, PacketSize, Verdict};

/// One row: the interface, what is set or remembered, and settings that are not the default.
pub(super) fn row(report: &AddressReport) -> EvidenceRow {
    let parts: Vec<String> = [interface(report)].into_iter().chain(unusual_parts(report)).collect();
    EvidenceRow::new(LABEL, parts.join("; "))
}

/// The same without the interface; `None`: all is as usual.
pub(super) fn unusual_row(report: &AddressReport) -> Option<EvidenceRow> {
    let mut parts = unusual_parts(report);
    // The verdict says of itself what this host's TCP makes of it.
    if matches!(report.examined.reason.here, Some(HoleHere::Searches(_))) {
        parts.retain(|part| !part.starts_with(MTU_PROBING));
    }
    (!parts.is_empty()).then(|| EvidenceRow::new(LABEL, parts.join("; ")))
}

const LABEL: &str = "this host";
const MTU_PROBING: &str = "tcp_mtu_probing";

fn unusual_parts(report: &AddressReport) -> Vec<String> {
    let here = &report.here;
    let mut parts = Vec::new();
    if let Some(route) = here.route_mtu {
        parts.push(format!("its route keeps to {} bytes{}", route.mtu, if route.locked { ", locked" } else { "" }));
    }
    parts.extend(remembered(report));
    parts.extend(unusual(&here.settings, report.address.is_ipv4()));
    parts
}

/// Everything that is known.
pub(super) fn detail_rows(here: &HostFacts) -> Vec<EvidenceRow> {
    let route = here.interface.as_ref().map(|interface| {
        let via = here.gateway.map_or_else(|| "on the link".into(), |gateway| format!("via {gateway}"));
        let source = here.source.map_or_else(String::new, |source| format!(", from {source}"));
        EvidenceRow::new("route", format!("{via} dev {interface}{source}"))
    });
    let settings = settings(&here.settings);
    route.into_iter().chain((!settings.is_empty()).then(|| EvidenceRow::new("kernel", settings.join(", ")))).collect()
}

fn interface(report: &AddressReport) -> String {
    let here = &report.here;
    let mtu = here.interface_mtu.unwrap_or(report.examined.local_mtu);
    let name = match (&here.interface, here.source) {
        (Some(interface), Some(source)) => format!("{interface} ({source}), "),
        (Some(interface), None) => format!("{interface}, "),
        (None, Some(source)) => format!("{source}, "),
        (None, None) => String::new(),
    };
    format!("{name}MTU {mtu}")
}

fn remembered(report: &AddressReport) -> Option<String> {
    let words = |mtu: PacketSize| format!("its kernel remembers that {mtu} bytes pass");
    match (report.here.cached, report.examined.kernel_path_mtu) {
        (Some(cached), _) => {
            let lock = if cached.locked { ", locked" } else { "" };
            Some(format!("{}{lock}{}{}", words(cached.mtu), expiry(cached), meanwhile(report, cached)))
        }
        (None, Some(known)) => (known < report.examined.local_mtu).then(|| words(known)),
        (None, None) => None,
    }
}

/// A hole that the kernel avoids while it remembers: an admin may wonder why mail goes out.
fn meanwhile(report: &AddressReport, cached: CachedPathMtu) -> &'static str {
    let avoids = report.examined.path_mtu.is_some_and(|path| cached.mtu <= path);
    if avoids && report.examined.verdict == Verdict::BlackHole { ", and mail passes until it forgets" } else { "" }
}

/// ", for 9 min 12 s more", if it is known.
pub(super) fn expiry(cached: CachedPathMtu) -> String {
    cached.expires_in.map_or_else(String::new, |left| format!(", for {} more", read_aloud(left)))
}

fn unusual(settings: &KernelSettings, is_ipv4: bool) -> Vec<String> {
    let set =
        |name: &str, value: Option<u8>| value.filter(|value| *value != 0).map(|value| format!("{name} is {value}"));
    let disc = set("ip_no_pmtu_disc", settings.no_pmtu_disc).filter(|_| is_ipv4);
    disc.into_iter().chain(set(MTU_PROBING, settings.tcp_mtu_probing)).collect()
}

fn settings(settings: &KernelSettings) -> Vec<String> {
    let rows = [
        ("ip_no_pmtu_disc", settings.no_pmtu_disc.map(|value| value.to_string())),
        (MTU_PROBING, settings.tcp_mtu_probing.map(|value| value.to_string())),
        ("tcp_base_mss", settings.tcp_base_mss.map(|value| value.to_string())),
        ("min_pmtu", settings.min_pmtu.map(|value| value.to_string())),
        ("mtu_expires", settings.mtu_expires.map(read_aloud)),
    ];
    rows.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect()
}

/// `45 s`, `9 min 12 s`, `10 min`.
pub(super) fn read_aloud(duration: Duration) -> String {
    let (minutes, seconds) = (duration.as_secs() / 60, duration.as_secs() % 60);
    match (minutes, seconds) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_minutes_and_seconds() {
        let rows = [(0, "0 s"), (59, "59 s"), (60, "1 min"), (552, "9 min 12 s")];
        for (seconds, words) in rows {
            assert_eq!(read_aloud(Duration::from_secs(seconds)), words);
        }
    }
}
