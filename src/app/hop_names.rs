//! `--names`: when the verdicts stand, the DNS is asked about the hops, while the connections are closed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::{HopNames, Report};
use crate::resolve::Resolver;

/// The longest that a report waits for names.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for the addresses, then asks about all of them side by side.
pub(super) async fn look_up(addresses: oneshot::Receiver<Vec<IpAddr>>) -> HopNames {
    // A run that ends without a report needs no names.
    let addresses = addresses.await.unwrap_or_default();
    Resolver::of_system().describe(&addresses, PATIENCE).await
}

/// The hops of a report and the ends of the place where large packets end.
pub(super) fn addresses(report: &Report) -> Vec<IpAddr> {
    let mut addresses = BTreeSet::new();
    for one in &report.addresses {
        let location = one.examined.location.iter().flat_map(|location| [&location.last_hop, &location.next_hop]);
        addresses.extend(location.flatten().map(|point| point.address));
        addresses.extend(one.examined.hops.iter().filter_map(|hop| hop.address));
        addresses.remove(&one.address);
    }
    addresses.into_iter().collect()
}

/// Gives a report its names.
pub(super) fn add(report: &mut Report, names: &HopNames) {
    for one in &mut report.addresses {
        one.names = names.clone();
    }
}
