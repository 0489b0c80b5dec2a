//! The input of all advice: one address as this host sees it.

use std::net::IpAddr;

use crate::model::{AddressReport, Examined, Family, Finding, HostFacts, PacketSize, Verdict};
use crate::report::words::{address_with_zone, ptb_type, shell_word};

/// One address and this host; or several addresses of one family with the same fault, of which one stands for all.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) report: &'a AddressReport,
    pub(super) host: &'a HostFacts,
    others: &'a [&'a AddressReport],
}

impl<'a> Case<'a> {
    pub(super) fn of(report: &'a AddressReport) -> Self {
        Self::of_all(report, &[])
    }

    /// `others`: they are alike in all but their address.
    pub(super) fn of_all(report: &'a AddressReport, others: &'a [&'a AddressReport]) -> Self {
        Self { report, host: &report.here, others }
    }

    /// All addresses that it is about.
    pub(super) fn reports(&self) -> impl Iterator<Item = &'a AddressReport> {
        std::iter::once(self.report).chain(self.others.iter().copied())
    }

    /// How sentences name what the commands are about.
    pub(super) fn this_address(&self) -> &'static str {
        if self.others.is_empty() { "this address" } else { "these addresses" }
    }

    /// The address, or that there are several.
    pub(super) fn name(&self) -> String {
        if self.others.is_empty() { self.address().to_string() } else { "the addresses above".into() }
    }

    pub(super) fn has(&self, finding: Finding) -> bool {
        self.examined().findings.contains(&finding)
    }

    pub(super) fn examined(&self) -> &'a Examined {
        &self.report.examined
    }

    pub(super) fn address(&self) -> IpAddr {
        self.report.address
    }

    pub(super) fn family(&self) -> Family {
        Family::of(self.report.address)
    }

    /// The largest packet known to pass; where the verdict is about a flow that is spared, on the others.
    pub(super) fn working_size(&self) -> Option<PacketSize> {
        let examined = self.examined();
        let spared = examined.verdict == Verdict::Clear;
        let on_others = examined.flows.as_ref().filter(|flows| spared && flows.hit() > 0).map(|flows| flows.sizes.0);
        on_others.or(examined.path_mtu)
    }

    /// The ICMP message that must pass, as firewall admins know it.
    pub(super) fn ptb_name(&self) -> &'static str {
        ptb_type(self.family())
    }

    /// The address as it can be pasted; its zone comes from the kernel but is quoted all the same.
    pub(super) fn target(&self) -> String {
        shell_word(&address_with_zone(self.address(), self.report.zone.as_deref()))
    }

    fn targets(&self) -> String {
        let target = |report: &AddressReport| shell_word(&address_with_zone(report.address, report.zone.as_deref()));
        self.reports().map(target).collect::<Vec<_>>().join(" ")
    }

    /// `ip` takes the zone as a word of its own.
    pub(super) fn route_get(&self) -> String {
        let zone = self.report.zone.as_deref().map(|zone| format!(" oif {}", shell_word(zone)));
        format!("ip route get {}{}", self.address(), zone.unwrap_or_default())
    }

    /// This program on the same addresses and port.
    pub(super) fn command(&self, options: &str) -> String {
        let port = if self.report.port == 25 { String::new() } else { format!("-p {} ", self.report.port) };
        format!("pmtu-probe {options} {port}{}", self.targets())
    }

    /// This program on the same addresses, where the port does not matter.
    pub(super) fn command_for_path(&self, options: &str) -> String {
        format!("pmtu-probe {options} {}", self.targets())
    }
}
