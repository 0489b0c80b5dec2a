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
    /// Names of its own, in more than one hook and table.
    Own,
    Iptables,
}

impl Layout {
    /// The layouts in which this host can have the fault.
    pub(crate) fn of(scenario: &Scenario) -> &'static [Self] {
        match scenario.host.firewall {
            HostFirewall::Open | HostFirewall::DropPtbAboutTcp | HostFirewall::RejectPort | HostFirewall::ResetPort => {
                &[Self::Lab]
            }
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
            (Self::Own, _) => {
                "nft add table ip mine
                 nft add chain ip mine early '{ type filter hook prerouting priority raw; policy accept; }'
                 nft add rule ip mine early icmp type destination-unreachable drop
                 nft add table ip6 mine
                 nft add chain ip6 mine early '{ type filter hook prerouting priority raw; policy accept; }'
                 nft add rule ip6 mine early icmpv6 type packet-too-big drop
                 nft add table inet more
                 nft add chain inet more arrivals '{ type filter hook input priority 10; policy accept; }'
                 nft add rule inet more arrivals icmp type destination-unreachable drop
                 nft add rule inet more arrivals icmpv6 type packet-too-big drop"
            }
            (Self::Iptables, Family::V4) => "iptables -A INPUT -p icmp --icmp-type fragmentation-needed -j DROP",
            (Self::Iptables, Family::V6) => "ip6tables -A INPUT -p ipv6-icmp --icmpv6-type packet-too-big -j DROP",
        };
        lab.shell("c", &format!("nft flush ruleset\n{rules}"));
    }

    /// Whether the advice is meant for it. Where the program cannot read the rules, it admits in all chains of nftables, and under a
    /// condition in the chain INPUT of iptables.
    pub(crate) fn is_meant_by(self, advice: &Advice) -> bool {
        match self {
            _ if advice.has("nft -e insert rule") => self != Self::Iptables,
            _ if advice.has("tables -I INPUT ") => self == Self::Iptables,
            _ => true,
        }
    }
}
