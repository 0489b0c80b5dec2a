//! The firewall of the sending host. The lab's own table has a name that no system uses; the advice is for those that systems use.

use super::advice::Advice;
use super::lab::Lab;
use super::scenario::{Family, HostFirewall, Scenario};

/// Gives c the firewall that this advice is for, with the same fault. Returns whether anything changed.
pub(crate) fn prepare(lab: &Lab, scenario: &Scenario, family: Family, advice: &Advice) -> bool {
    if scenario.host.firewall == HostFirewall::Open {
        return false;
    }
    let rules = match (advice.name(), family) {
        // As in Debian's /etc/nftables.conf.
        ("nft", _) => {
            "nft add table inet filter
             nft add chain inet filter input '{ type filter hook input priority filter; policy accept; }'
             nft add rule inet filter input icmp type destination-unreachable icmp code frag-needed drop
             nft add rule inet filter input icmpv6 type packet-too-big drop"
        }
        ("iptables", Family::V4) => "iptables -A INPUT -p icmp --icmp-type fragmentation-needed -j DROP",
        ("iptables", Family::V6) => "ip6tables -A INPUT -p ipv6-icmp --icmpv6-type packet-too-big -j DROP",
        _ => return false,
    };
    lab.shell("c", &format!("nft flush ruleset\n{rules}"));
    true
}
