//! A rule that lowers the MSS in the SYNs of certain addresses, in the forms of nft and of iptables.

use std::net::IpAddr;

use super::case::Case;
use super::icmp_errors::iptables;
use super::undo::undo;
use crate::model::{Family, FirewallManager, HostSystems};

/// Where SYNs meet the rule, and whose address they then have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClampPlace {
    /// The other side's SYN on its way in: limits what this host sends.
    Incoming,
    /// This host's SYN on its way out: limits what the other side sends.
    Outgoing,
    /// The other side's SYN on its way to a container of this machine.
    ToContainer,
    /// A container's SYN on its way out.
    FromContainer,
    /// The other side's SYN on its way to somebody for whom this host forwards.
    ToThoseBehind,
    /// The SYN of such a one on its way out.
    FromThoseBehind,
}

impl ClampPlace {
    fn hook(self) -> &'static str {
        match self {
            Self::Incoming => "input",
            Self::Outgoing => "output",
            Self::ToContainer | Self::FromContainer | Self::ToThoseBehind | Self::FromThoseBehind => "forward",
        }
    }

    fn is_theirs(self) -> bool {
        matches!(self, Self::Incoming | Self::ToContainer | Self::ToThoseBehind)
    }
}

/// The rule, for addresses of one family.
#[derive(Clone, Debug)]
pub(super) struct Clamp {
    pub(super) place: ClampPlace,
    pub(super) family: Family,
    addresses: Vec<IpAddr>,
    mss: u16,
}

impl Clamp {
    pub(super) fn new(place: ClampPlace, case: &Case<'_>, mss: u16) -> Self {
        let addresses = case.reports().map(|report| report.address).collect();
        Self { place, family: case.family(), addresses, mss }
    }

    /// The name of the table of its own that nft's form has: the undo of one way leaves the other, and so does that of what serves
    /// those behind this host.
    pub(super) fn table(&self) -> &'static str {
        match self.place {
            ClampPlace::Incoming | ClampPlace::ToContainer => "pmtu_clamp",
            ClampPlace::Outgoing | ClampPlace::FromContainer => "pmtu_clamp_back",
            ClampPlace::ToThoseBehind => "pmtu_clamp_behind",
            ClampPlace::FromThoseBehind => "pmtu_clamp_behind_back",
        }
    }

    /// In the table, a set for each MSS: one rule serves all addresses, and the undo of one leaves the others. A rule that is
    /// pasted twice does no harm. nft only ever lowers an MSS.
    pub(super) fn with_nft(&self) -> Vec<String> {
        let (ip, kind) = match self.family {
            Family::V4 => ("ip", "ipv4_addr"),
            Family::V6 => ("ip6", "ipv6_addr"),
        };
        let side = if self.place.is_theirs() { "saddr" } else { "daddr" };
        let addresses = self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (table, hook, mss) = (self.table(), self.place.hook(), self.mss);
        let set = format!("{ip}_mss_{mss}");
        vec![
            format!("nft add table inet {table}"),
            format!("nft add set inet {table} {set} '{{ type {kind}; }}'"),
            format!("nft add chain inet {table} {hook} '{{ type filter hook {hook} priority -150; }}'"),
            format!(
                "nft add rule inet {table} {hook} {ip} {side} @{set} tcp flags syn tcp option maxseg size set {mss}"
            ),
            format!("nft add element inet {table} {set} '{{ {addresses} }}'"),
            // The last one takes the table with it.
            undo(&format!(
                "nft delete element inet {table} {set} '{{ {addresses} }}'; nft list table inet {table} | \
                 grep -q elements || nft delete table inet {table}"
            )),
        ]
    }

    /// TCPMSS never raises an MSS.
    pub(super) fn with_iptables(&self) -> Vec<String> {
        let program = iptables(self.family);
        let rules = self.iptables_rules();
        let all = |verb: &'static str| rules.iter().map(move |rule| format!("{program} -t mangle {verb} {rule}"));
        all("-A").chain(all("-D").map(|rule| undo(&rule))).collect()
    }

    /// A rule for each address, without the verb: they stand in table `mangle`.
    pub(super) fn iptables_rules(&self) -> Vec<String> {
        let chain = self.place.hook().to_uppercase();
        let side = if self.place.is_theirs() { "-s" } else { "-d" };
        let rule = |address: &IpAddr| {
            let mss = self.mss;
            format!("{chain} -p tcp {side} {address} --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {mss}")
        };
        self.addresses.iter().map(rule).collect()
    }

    /// A word that tells it from others.
    pub(super) fn name(&self) -> String {
        let address = self.addresses.first().map(ToString::to_string).unwrap_or_default();
        format!("{}-{address}-{}", self.place.hook(), self.mss)
    }

    /// In the form that this host can run. `None`: it has no program for it.
    pub(super) fn commands(&self, systems: &HostSystems) -> Option<Vec<String>> {
        match ClampProgram::of(systems)? {
            ClampProgram::Nft => Some(self.with_nft()),
            ClampProgram::Iptables => Some(self.with_iptables()),
        }
    }
}

/// By what this host sets such a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClampProgram {
    Nft,
    Iptables,
}

impl ClampProgram {
    /// What is saved with the other rules comes first, else nft.
    pub(super) fn of(systems: &HostSystems) -> Option<Self> {
        let saves_iptables = systems.firewall == Some(FirewallManager::Iptables);
        match (systems.has_nft, systems.iptables) {
            (true, Some(_)) if saves_iptables => Some(Self::Iptables),
            (true, _) => Some(Self::Nft),
            (false, Some(_)) => Some(Self::Iptables),
            (false, None) => None,
        }
    }
}
