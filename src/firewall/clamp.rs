//! Which rule of this host lowers the MSS that a server announces, on its way from the interface to this host's TCP?
//!
//! What such a rule looks at is compared as far as addresses go: a rule about other addresses is left out.

use std::net::IpAddr;

use serde_json::Value;

use super::iptables::Saved;
use super::message::is_in;
use super::nft;
use crate::model::{ClampRule, RulesetText};

/// The SYN-ACK whose MSS is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynAck {
    /// The server.
    pub from: IpAddr,
    /// This host.
    pub to: IpAddr,
}

/// The rules that may do it.
pub fn find_clamps(rules: &RulesetText, packet: SynAck) -> Vec<ClampRule> {
    let nft = nft::Ruleset::read(&rules.nft_json, &rules.nft_text);
    let by_nft = nft.iter().flat_map(|nft| nft.clamps(packet));
    let by_iptables = rules.iptables.iter().flat_map(|saved| Saved::read(saved).clamps(packet));
    by_nft.chain(by_iptables).collect()
}

impl SynAck {
    fn family(self) -> &'static str {
        if self.from.is_ipv4() { "ip" } else { "ip6" }
    }

    fn nfproto(self) -> &'static str {
        if self.from.is_ipv4() { "ipv4" } else { "ipv6" }
    }

    /// Whether a chain of this family sees it.
    pub(super) fn is_of(self, family: &str) -> bool {
        ["inet", "netdev", self.family()].contains(&family)
    }

    /// Whether a rule of nft speaks of other addresses.
    pub(super) fn is_ruled_out(self, expression: &[Value]) -> bool {
        expression.iter().filter_map(|statement| statement.get("match")).any(|matched| {
            let left = matched.get("left");
            if left.and_then(|left| left.get("meta")).and_then(|meta| meta.get("key")) == Some(&Value::from("nfproto"))
            {
                return matched.get("right").is_some_and(|right| *right != *self.nfproto());
            }
            let payload = left.and_then(|left| left.get("payload"));
            let field = payload.and_then(|payload| payload.get("field")).and_then(Value::as_str);
            let own = match field {
                Some("saddr") => self.from,
                Some("daddr") => self.to,
                _ => return false,
            };
            let is_equal = matched.get("op").and_then(Value::as_str) == Some("==");
            let network = matched.get("right").and_then(network);
            is_equal && network.is_some_and(|(network, length)| !is_in(own, network, length))
        })
    }
}

/// An address or a prefix; sets are left to the reader.
fn network(right: &Value) -> Option<(IpAddr, u32)> {
    if let Some(prefix) = right.get("prefix") {
        let address = prefix.get("addr")?.as_str()?.parse().ok()?;
        return Some((address, u32::try_from(prefix.get("len")?.as_u64()?).ok()?));
    }
    let address: IpAddr = right.as_str()?.parse().ok()?;
    Some((address, if address.is_ipv4() { 32 } else { 128 }))
}

/// Whether a rule of nft sets the MSS.
pub(super) fn sets_mss(expression: &[Value]) -> bool {
    expression.iter().any(|statement| {
        let key = statement.get("mangle").and_then(|mangle| mangle.get("key"));
        let option = key.and_then(|key| key.get("tcp option")).and_then(|option| option.get("name"));
        option.and_then(Value::as_str) == Some("maxseg")
    })
}
