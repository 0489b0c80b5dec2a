//! One lab with many paths: s has thousands of addresses, and what becomes of large packets on their way there depends on the address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::cases::up;
use super::lab::Lab;
use super::scenario::{Family, Node};

/// What becomes of packets above 1400 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// They pass.
    Clear,
    /// They vanish.
    Hole,
    /// They are refused by a true message.
    Told,
}

impl Path {
    pub(crate) const ALL: [Self; 3] = [Self::Clear, Self::Hole, Self::Told];

    /// An address of s behind this path: 10.64.A.B, 10.65.A.B, 10.66.A.B, and the same in IPv6.
    pub(crate) fn address(self, family: Family, a: u8, b: u8) -> IpAddr {
        let path = self as u8;
        match family {
            Family::V4 => Ipv4Addr::new(10, 64 + path, a, b).into(),
            Family::V6 => Ipv6Addr::new(0xfd64 + u16::from(path), 0, 0, 0, 0, 0, a.into(), b.into()).into(),
        }
    }

    /// Whether a verdict says what the path is.
    pub(crate) fn is_told_by(self, address: &Value) -> bool {
        let told = (address["verdict"].as_str().unwrap_or_default(), address["path_mtu"].as_u64());
        match self {
            Self::Clear => told == ("clear", Some(1500)),
            Self::Hole => told == ("black_hole", Some(1400)),
            Self::Told => told == ("discoverable", Some(1400)),
        }
    }
}

/// The two numbers that chose an address.
pub(crate) fn numbers(address: IpAddr) -> (u8, u8) {
    match address {
        IpAddr::V4(address) => (address.octets()[2], address.octets()[3]),
        IpAddr::V6(address) => (address.octets()[13], address.octets()[15]),
    }
}

/// Brings the lab up. A round trip takes 10 ms.
pub(crate) fn with_paths(mx: &str) -> Lab {
    let lab = up("clear", Family::V4, &["--mx", mx, "--delay", "5"]);
    lab.shell("s", "ip route add local 10.64.0.0/14 dev lo; ip -6 route add local fd64::/14 dev lo");
    for (node, next) in [("c", Node::R1), ("r1", Node::R2), ("r2", Node::R3), ("r3", Node::S)] {
        let [v4, v6] = [Family::V4, Family::V6].map(|family| next.near_address(family));
        lab.shell(node, &format!("ip route add 10.64.0.0/14 via {v4}; ip -6 route add fd64::/14 via {v6}"));
    }
    let [v4, v6] = [Family::V4, Family::V6].map(|family| Node::R3.near_address(family));
    lab.shell(
        "r2",
        &format!(
            "nft 'add table inet hole; add chain inet hole forward {{ type filter hook forward priority 0; }}
                  add rule inet hole forward ip daddr 10.65.0.0/16 meta length > 1400 drop
                  add rule inet hole forward ip6 daddr fd65::/16 meta length > 1400 drop'
             ip route add 10.66.0.0/16 via {v4} mtu lock 1400; ip -6 route add fd66::/16 via {v6} mtu lock 1400
             echo 0 >/proc/sys/net/ipv6/icmp/ratelimit; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
             echo 100000 >/proc/sys/net/ipv4/icmp_msgs_per_sec || true"
        ),
    );
    lab
}
