//! A SYN-ACK on its way into this host, as rules that may lower its MSS see it.

use std::net::IpAddr;

/// The SYN-ACK whose MSS is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynAck<'a> {
    /// The server.
    pub from: IpAddr,
    /// Its port.
    pub port: u16,
    /// This host.
    pub to: IpAddr,
    /// The interface that it arrives at, if that is known.
    pub interface: Option<&'a str>,
}

/// The flags of a SYN-ACK, as nft writes them; iptables writes them in capitals.
pub(super) const FLAGS: [&str; 2] = ["syn", "ack"];

impl SynAck<'_> {
    pub(super) fn family(&self) -> &'static str {
        if self.from.is_ipv4() { "ip" } else { "ip6" }
    }

    /// Whether a chain of this family sees it.
    pub(super) fn is_of(&self, family: &str) -> bool {
        ["inet", "netdev", self.family()].contains(&family)
    }
}

/// Whether a test of some flags holds: of those in the mask, the wanted ones are set and no others.
pub(super) fn has_flags(mask: &[&str], wanted: &[&str]) -> bool {
    let is_set = |flag: &str| FLAGS.iter().any(|own| own.eq_ignore_ascii_case(flag));
    let is_wanted = |flag: &str| wanted.iter().any(|one| one.eq_ignore_ascii_case(flag));
    wanted.iter().all(|flag| is_set(flag)) && mask.iter().all(|flag| is_set(flag) == is_wanted(flag))
}
