//! The pairs of interfaces that the links between the nodes are.

use crate::names::{Side, WireEnd, hardware_address, interface_name, member_number, wire_interface};
use crate::plan::{Plan, PlannedLink};
use crate::scenario_file::Node;
use crate::state::{Lab, Place};

/// The namespaces of a lab.
pub(crate) fn places(plan: &Plan) -> Vec<Place> {
    let nodes = Node::ALL.map(Place::Node).into_iter();
    nodes.chain(plan.wires().next().map(|_| Place::Wires)).collect()
}

/// Commands for `ip -batch` that make the interfaces of all links.
pub(crate) fn commands(lab: &Lab, plan: &Plan) -> Vec<String> {
    (1..).zip(&plan.links).flat_map(|(number, link)| of_link(lab, number, link)).collect()
}

fn of_link(lab: &Lab, number: usize, link: &PlannedLink) -> Vec<String> {
    let (near, far) = (Place::Node(Node::ALL[number - 1]), Place::Node(Node::ALL[number]));
    let end = |place, number, end, mtu| {
        format!("netns {} address {} mtu {mtu}", lab.namespace(place), hardware_address(number, end))
    };
    let pair = |member: usize, near_mtu, far_mtu| {
        let number = member_number(number, member);
        let near = end(near, number, Side::TowardsS.end(), near_mtu);
        let far = end(far, number, Side::TowardsC.end(), far_mtu);
        let [e0, e1] = [Side::TowardsC, Side::TowardsS].map(|side| interface_name(side, member));
        (format!("{e1} {near}"), format!("{e0} {far}"))
    };
    let (near, far) = pair(0, link.mtu, link.far_mtu);
    let mut commands = if link.is_wire() {
        let inside = format!("netns {} mtu 65535", lab.namespace(Place::Wires));
        let [a, b] = [WireEnd::A, WireEnd::B].map(|end| wire_interface(number, end));
        vec![joined(&near, &format!("{a} {inside}")), joined(&format!("{b} {inside}"), &far)]
    } else {
        vec![joined(&near, &far)]
    };
    for (member, mtu) in (1..).zip(&link.parallel) {
        let (near, far) = pair(member, *mtu, *mtu);
        commands.push(joined(&near, &far));
    }
    commands
}

fn joined(one: &str, other: &str) -> String {
    let (name, rest) = other.split_once(' ').unwrap_or((other, ""));
    format!("link add {one} type veth peer name {name} {rest}")
}
