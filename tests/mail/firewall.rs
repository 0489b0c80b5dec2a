//! The firewall of the sending host. The lab's own table has a name that no system uses; advice has to help on those that systems use.

use super::advice::Advice;
use super::lab::Lab;
use super::scenario::{Family, HostFirewall, Scenario};

/// How the firewall of c is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As the scenario makes it, if it makes any.
    Lab,
    /// As in Debian's /etc/nftables.conf.
    Nft,
    Iptables,
}

impl Layout {
    /// The layouts in which this host can have the fault.
    pub(crate) fn of(scenario: &Scenario) -> &'static [Self] {
        match scenario.host.firewall {
            HostFirewall::Open | HostFirewall::DropPtbAboutTcp => &[Self::Lab],
            HostFirewall::DropPtb => &[Self::Lab, Self::Nft, Self::Iptables],
        }
    }

    /// Gives c this firewall in place of the one that it has, with the same fault.
    pub(crate) fn set(self, lab: &Lab, family: Family) {
        let rules = match (self, family) {
            (Self::Lab, _) => return,
            (Self::Nft, _) => {
                "nft add table inet filter
                 nft add chain inet filter input '{ type filter hook input priority filter; policy accept; }'
                 nft add rule inet filter input icmp type destination-unreachable icmp code frag-needed drop
                 nft add rule inet filter input icmpv6 type packet-too-big drop"
            }
            (Self::Iptables, Family::V4) => "iptables -A INPUT -p icmp --icmp-type fragmentation-needed -j DROP",
            (Self::Iptables, Family::V6) => "ip6tables -A INPUT -p ipv6-icmp --icmpv6-type packet-too-big -j DROP",
        };
        lab.shell("c", &format!("nft flush ruleset\n{rules}"));
    }

    /// Whether the advice is meant for it. Where the program cannot read the rules, it names the usual places, each under a condition:
    /// Debian's chain for nftables, the chain INPUT for iptables.
    pub(crate) fn is_meant_by(self, advice: &Advice) -> bool {
        match self {
            _ if advice.has("inet filter input") => self == Self::Nft,
            _ if advice.has("tables -I INPUT ") => self == Self::Iptables,
            _ => true,
        }
    }
}
