//! Addresses, neighbours and routes of a node: `10.0.LINK.END/24` and `fd00:0:0:LINK::END/64`.

use crate::names::{Side, hardware_address, interface_name, member_number};
use crate::plan::Plan;
use crate::scenario_file::{Node, Stack};

const LINKS: usize = 4;

/// Commands for `ip -batch` inside a node.
pub(crate) fn commands(plan: &Plan, node: Node) -> Vec<String> {
    let writer = Writer { plan, has_ipv6: plan.has_ipv6() };
    // The node stands between link `near` and link `near + 1`; c and s have only one of them.
    let near = node.distance();
    let far = near + 1;
    // A route's MTU: forwarding honours it, and the interface takes all that comes the other way.
    let back = if near > 0 { plan.links[near - 1].back_mtu.map(|mtu| format!(" mtu {mtu}")) } else { None };
    let mut commands = vec!["link set lo up".to_owned()];
    if node == Node::S && plan.stack != Stack::Linux {
        // The addresses belong to the foreign stack.
        return vec![format!("link set {} up", interface_name(Side::TowardsC, 0))];
    }
    if near > 0 {
        commands.extend(writer.interfaces(Side::TowardsC, near));
    }
    if far <= LINKS {
        commands.extend(writer.interfaces(Side::TowardsS, far));
    }
    let options = back.as_deref().unwrap_or_default();
    commands.extend((1..near).flat_map(|link| writer.route_back(link, near, options)));
    commands.extend((far + 1..=LINKS).flat_map(|link| writer.route_onward(link, far)));
    if let Some(options) = &back {
        commands.extend(writer.neighbourhood(near, options));
    }
    // Hosts have a default route, as hosts do.
    commands.extend(match node {
        Node::C => writer.default_route("10.0.1.2", "fd00:0:0:1::2"),
        Node::S => writer.default_route("10.0.4.1", "fd00:0:0:4::1"),
        Node::R1 | Node::R2 | Node::R3 => Vec::new(),
    });
    if let (Node::C, Some(metrics)) = (node, &plan.route_metrics) {
        let gateway = if plan.peer.is_ipv4() { "10.0.1.2" } else { "fd00:0:0:1::2" };
        commands.push(format!("route add {} via {gateway} {metrics}", plan.peer));
    }
    commands
}

struct Writer<'a> {
    plan: &'a Plan,
    has_ipv6: bool,
}

impl Writer<'_> {
    /// A command for each family that the path has.
    fn both(&self, v4: String, v6: String) -> Vec<String> {
        if self.has_ipv6 { vec![v4, v6] } else { vec![v4] }
    }

    /// How many links lie beside a link.
    fn others_beside(&self, link: usize) -> usize {
        self.plan.links[link - 1].parallel.len()
    }

    /// The interfaces of a link and of those beside it.
    fn interfaces(&self, side: Side, link: usize) -> Vec<String> {
        let members = 0..=self.others_beside(link);
        let interface = |member| self.interface(&interface_name(side, member), member_number(link, member), side.end());
        members.flat_map(interface).collect()
    }

    fn interface(&self, name: &str, number: usize, own_end: u8) -> Vec<String> {
        let other_end = 3 - own_end;
        let neighbour = format!("lladdr {} dev {name} nud permanent", hardware_address(number, other_end));
        let addresses = self.both(
            format!("addr add 10.0.{number}.{own_end}/24 dev {name}"),
            format!("addr add fd00:0:0:{number}::{own_end}/64 dev {name} nodad"),
        );
        let neighbours = self.both(
            format!("neigh add 10.0.{number}.{other_end} {neighbour}"),
            format!("neigh add fd00:0:0:{number}::{other_end} {neighbour}"),
        );
        [addresses, vec![format!("link set {name} up")], neighbours].concat()
    }

    /// Towards c, over link `near`.
    fn route_back(&self, link: usize, near: usize, options: &str) -> Vec<String> {
        self.both(
            format!("route add 10.0.{link}.0/24 via 10.0.{near}.1{options}"),
            format!("route add fd00:0:0:{link}::/64 via fd00:0:0:{near}::1{options}"),
        )
    }

    /// Towards s, over link `far`, or over it and those beside it.
    fn route_onward(&self, link: usize, far: usize) -> Vec<String> {
        self.both(
            format!("route add 10.0.{link}.0/24 {}", self.ways("10.0.", far, ".2")),
            format!("route add fd00:0:0:{link}::/64 {}", self.ways("fd00:0:0:", far, "::2")),
        )
    }

    fn ways(&self, before: &str, link: usize, after: &str) -> String {
        let others = self.others_beside(link);
        if others == 0 {
            return format!("via {before}{link}{after}");
        }
        let hop = |member| format!("nexthop via {before}{}{after}", member_number(link, member));
        (0..=others).map(hop).collect::<Vec<_>>().join(" ")
    }

    /// The same options for the network that is just behind e0.
    fn neighbourhood(&self, near: usize, options: &str) -> Vec<String> {
        self.both(
            format!("route replace 10.0.{near}.0/24 dev e0 proto kernel scope link src 10.0.{near}.2{options}"),
            format!("route replace fd00:0:0:{near}::/64 dev e0 proto kernel metric 256{options}"),
        )
    }

    fn default_route(&self, v4: &str, v6: &str) -> Vec<String> {
        self.both(format!("route add default via {v4}"), format!("route add default via {v6}"))
    }
}
