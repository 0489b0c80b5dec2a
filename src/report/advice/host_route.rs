//! A route to one address only, as today's leads there.

use std::net::IpAddr;

use super::case::Case;
use super::undo::undo;
use crate::model::{AddressReport, Family, PacketSize};
use crate::report::words::shell_word;

/// The route, but for what it is to change.
#[derive(Clone, Debug)]
pub(super) struct HostRoute {
    pub(super) address: IpAddr,
    pub(super) gateway: Option<IpAddr>,
    /// Its name as the kernel has it.
    pub(super) interface: String,
    source: Option<IpAddr>,
}

/// What the route is to change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Metric {
    /// The MTU, locked.
    Mtu(PacketSize),
    /// The MSS that this host announces.
    Advmss(u16),
}

impl HostRoute {
    /// `None`: through which interface is not known.
    pub(super) fn of(report: &AddressReport) -> Option<Self> {
        let here = &report.here;
        // The route of today may prefer a source address; IPv6 chooses it otherwise (RFC 6724).
        let source = here.source.filter(|source| report.address.is_ipv4() && source.is_ipv4());
        Some(Self { address: report.address, gateway: here.gateway, interface: here.interface.clone()?, source })
    }

    /// A route for each address. `None`: through which interface is not known.
    pub(super) fn of_all(case: &Case<'_>) -> Option<Vec<Self>> {
        case.reports().map(Self::of).collect()
    }

    pub(super) fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// The address with the length of a whole one.
    pub(super) fn destination(&self) -> String {
        format!("{}/{}", self.address, if self.family() == Family::V4 { 32 } else { 128 })
    }

    pub(super) fn replace(&self, metric: Metric) -> String {
        let via = self.gateway.map_or_else(String::new, |gateway| format!("via {gateway} "));
        let source = self.source.map_or_else(String::new, |source| format!(" src {source}"));
        let metric = match metric {
            Metric::Mtu(size) => format!("mtu lock {size}"),
            Metric::Advmss(mss) => format!("advmss {mss}"),
        };
        let (ip, to, dev) = (self.ip(), self.destination(), shell_word(&self.interface));
        format!("{ip} route replace {to} {via}dev {dev}{source} {metric}")
    }

    pub(super) fn delete(&self) -> String {
        format!("{} route del {}", self.ip(), self.destination())
    }

    fn ip(&self) -> &'static str {
        match self.family() {
            Family::V4 => "ip",
            Family::V6 => "ip -6",
        }
    }
}

/// The commands for all of them, and how to take them back.
pub(super) fn replace_all(routes: &[HostRoute], metric: Metric) -> Vec<String> {
    let replace = routes.iter().map(|route| route.replace(metric));
    replace.chain(routes.iter().map(|route| undo(&route.delete()))).collect()
}
