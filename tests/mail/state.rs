//! What decides the size of c's packets: firewall rules, routes, kernel settings, interface MTUs.

use super::lab::Lab;

/// One state, line by line.
#[derive(PartialEq, Eq)]
pub(crate) struct State(Vec<String>);

impl State {
    /// What is there now. Counters and the learned path MTUs do not belong to it; see [`forget`].
    pub(crate) fn of(lab: &Lab) -> Self {
        Self::of_node(lab, "c")
    }

    /// The same in another node.
    pub(crate) fn of_node(lab: &Lab, node: &str) -> Self {
        let commands = "nft --stateless list ruleset
            ip route show table all; ip -6 route show table all; ip rule; ip -6 rule
            ip -o link | grep -o '^[^<]*\\|mtu [0-9]*'
            cd /proc/sys/net && grep -rs . ipv4 ipv6";
        // Settings that only root may write can be unreadable, which grep reports in its status.
        let text = lab.shell(node, &format!("{commands} || true"));
        Self(text.lines().filter(|line| !line.contains("route/flush")).map(str::to_owned).collect())
    }

    /// What is in one and not in the other.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let missing = |here: &'static str, a: &Self, b: &Self| {
            let only: Vec<String> =
                a.0.iter().filter(|line| !b.0.contains(line)).map(|line| format!("{here} {line}")).collect();
            only
        };
        let mut differences = missing("-", self, other);
        differences.extend(missing("+", other, self));
        if differences.is_empty() && self != other {
            differences.push("the same lines in another order or number".into());
        }
        differences
    }
}

/// Makes the kernels of both ends forget what they learned: path MTUs, and what TCP remembers of its peers. The MX too: in IPv6, Linux
/// announces no larger MSS than the path MTU that it learned for the way back, and that hides a hole on the way there.
pub(crate) fn forget(lab: &Lab) {
    for end in ["c", "s"] {
        lab.shell(end, "ip route flush cache; ip -6 route flush cache; ip tcp_metrics flush");
    }
}
