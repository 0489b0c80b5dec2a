//! The kernel settings of the nodes, as files under `/proc/sys`.

use serde::{Deserialize, Serialize};

use crate::scenario_file::{Hash, Node, Scenario, Stack};

/// A file under `/proc/sys`, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) file: String,
    pub(crate) value: String,
}

impl Setting {
    fn new(file: impl Into<String>, value: u32) -> Self {
        Self { file: file.into(), value: value.to_string() }
    }
}

/// What every node of this kind has.
pub(crate) fn ordinary(node: Node) -> Vec<Setting> {
    let router = [Setting::new("net/ipv4/ip_forward", 1), Setting::new("net/ipv6/conf/all/forwarding", 1)];
    let all = [
        Setting::new("net/ipv4/conf/all/rp_filter", 0),
        Setting::new("net/ipv4/conf/default/rp_filter", 0),
        Setting::new("net/ipv6/conf/e0/accept_dad", 0),
        Setting::new("net/ipv6/conf/e1/accept_dad", 0),
        Setting::new("net/ipv6/conf/default/accept_dad", 0),
    ];
    // Ends are hosts, not routers.
    let is_router = !matches!(node, Node::C | Node::S);
    is_router.then_some(router).into_iter().flatten().chain(all).collect()
}

/// What of a scenario is a setting.
pub(crate) fn settings(scenario: &Scenario) -> Vec<(Node, Setting)> {
    let peer = &scenario.peer;
    let of_peer = [
        (peer.sack, "net/ipv4/tcp_sack", 0),
        (peer.dsack, "net/ipv4/tcp_dsack", 0),
        (peer.echo, "net/ipv4/icmp_echo_ignore_all", 1),
        (peer.echo, "net/ipv6/icmp/echo_ignore_all", 1),
        // IPv4 settings that hold for TCP over IPv6 as well, but for DF, which IPv6 does not have.
        (!peer.mtu_probing, "net/ipv4/tcp_mtu_probing", 1),
        (peer.dont_fragment, "net/ipv4/ip_no_pmtu_disc", 1),
    ];
    let unusual = of_peer.into_iter().filter(|(is_usual, _, _)| !is_usual);
    let mut settings: Vec<_> = unusual.map(|(_, file, value)| (Node::S, Setting::new(file, value))).collect();
    if peer.stack != Stack::Linux {
        settings.push((Node::S, Setting::new("net/ipv6/conf/all/disable_ipv6", 1)));
    }
    let of_host = [
        (scenario.host.mtu_probing, "net/ipv4/tcp_mtu_probing"),
        (scenario.host.no_pmtu_disc, "net/ipv4/ip_no_pmtu_disc"),
    ];
    let set = of_host.into_iter().filter(|(value, _)| *value > 0);
    settings.extend(set.map(|(value, file)| (Node::C, Setting::new(file, value.into()))));
    if let Some(index) = scenario.parallel_link() {
        let policy = match scenario.link(index).hash {
            Hash::Addresses => 0,
            Hash::Ports => 1,
        };
        let spreader = scenario.routers()[index - 1].0;
        for family in ["ipv4", "ipv6"] {
            settings.push((spreader, Setting::new(format!("net/{family}/fib_multipath_hash_policy"), policy)));
        }
    }
    settings
}
