//! A SYN-ACK on its way into this host, as rules that may lower its MSS see it.

use std::net::IpAddr;

use serde_json::Value;

use super::message::is_in;

/// The SYN-ACK whose MSS is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynAck {
    /// The server.
    pub from: IpAddr,
    /// This host.
    pub to: IpAddr,
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

/// What a rule of nft sets the MSS to; `None`: it does not set it. It need not be a number.
pub(super) fn sets_mss(expression: &[Value]) -> Option<&Value> {
    expression.iter().filter_map(|statement| statement.get("mangle")).find_map(|mangle| {
        let option = mangle.get("key").and_then(|key| key.get("tcp option")).and_then(|option| option.get("name"));
        mangle.get("value").filter(|_| option.and_then(Value::as_str) == Some("maxseg"))
    })
}

/// A number as an MSS.
pub(super) fn as_mss(value: &Value) -> Option<u16> {
    u16::try_from(value.as_u64()?).ok()
}
