//! What keeps a workaround that is in force over a reboot, and how it is taken out of there.
//!
//! Nobody knows whether it was made to last. Where it was not, the same commands change nothing.

use super::clamp::Clamp;
use super::firewalld;
use super::host_route::{HostRoute, Metric};
use super::lasting::{self, KEPT_BY};
use super::undo::UNDO;
use crate::model::{FirewallManager, HostSystems};

/// A clamp that this program advised.
pub(super) fn clamp(clamp: &Clamp, systems: &HostSystems) -> Vec<String> {
    let lines = lasting::clamp(clamp, systems).into_iter();
    // What acts now is taken out by another command, and firewalld cannot do it once more.
    only_the_undo(lines.filter(|line| !firewalld::is_for_now(line)).collect())
}

/// A clamp of somebody else: only he knows where he wrote it.
pub(super) fn others_clamp(systems: &HostSystems) -> Vec<String> {
    let file = match (systems.firewall, systems.rules_file.as_deref()) {
        (Some(FirewallManager::Nftables | FirewallManager::Iptables | FirewallManager::Ufw), Some(file)) => file,
        _ => "a file that is loaded at the start",
    };
    vec![format!("# and out of {file}, if it stands there")]
}

/// Routes that this program advised.
pub(super) fn routes(routes: &[HostRoute], metric: Metric, systems: &HostSystems) -> Vec<String> {
    only_the_undo(lasting::routes(routes, metric, systems))
}

/// The MTU of a route that leads to more than one address.
pub(super) fn others_route(systems: &HostSystems) -> Vec<String> {
    vec![format!("# if it comes back, see what sets it: {}", lasting::who_sets_routes(systems))]
}

/// A setting of the kernel, by its name with dots.
pub(super) fn setting(name: &str, systems: &HostSystems) -> Vec<String> {
    if lasting::starts_anew(systems) {
        return vec![format!("# and start the container without --sysctl {name}")];
    }
    vec![format!("# if a file keeps it ({}):", search(name)), lasting::undo_of_settings()]
}

/// A setting that this program never advises.
pub(super) fn others_setting(name: &str) -> Vec<String> {
    vec![format!("# if it comes back: {}", search(name))]
}

/// Files that may set it.
fn search(name: &str) -> String {
    format!("grep -rs {} /etc/sysctl.*", name.rsplit('.').next().unwrap_or(name))
}

/// Under words that say who may keep it.
fn only_the_undo(kept: Vec<String>) -> Vec<String> {
    let by = kept.first().and_then(|line| line.strip_prefix(KEPT_BY)).map(|by| format!("# if it is kept, by {by}"));
    let undo: Vec<String> = kept.into_iter().filter(|line| line.starts_with(UNDO)).collect();
    by.filter(|_| !undo.is_empty()).into_iter().chain(undo).collect()
}
