//! A host with two uplinks: one leads into a black hole, the other straight to the last router.

use serde_json::Value;

use super::lab::{Lab, with_labs};
use super::scenario::{Family, Node};
use super::verify;

#[test]
fn interface_and_source_choose_the_uplink() {
    with_labs("uplinks::interface_and_source_choose_the_uplink", || {
        for family in [Family::V4, Family::V6] {
            let lab = two_uplinks(family);
            let source = second_source(family);
            let peer = Node::S.near_address(family).to_string();
            assert_eq!(verdict(&lab, &[&peer]), "black_hole", "{family}, the default uplink");
            assert_eq!(verdict(&lab, &["-I", "e2", &peer]), "clear", "{family}, -I e2");
            assert_eq!(verdict(&lab, &["--source", source, &peer]), "clear", "{family}, --source {source}");
            assert_eq!(verdict(&lab, &["-I", "e1", &peer]), "black_hole", "{family}, -I e1");
            lab.down().unwrap();
        }
    });
}

fn second_source(family: Family) -> &'static str {
    match family {
        Family::V4 => "10.0.8.1",
        Family::V6 => "fd00:0:0:8::1",
    }
}

/// `silent_router` and a second link from c to r3. Policy routing sends what comes from the second address that way.
fn two_uplinks(family: Family) -> Lab {
    let lab = Lab::up("silent_router", family, &[]).unwrap_or_else(|error| panic!("{error}"));
    let third_router = lab.namespace("r3");
    lab.shell("c", &format!("ip link add e2 type veth peer name e2 netns {third_router}"));
    lab.shell("r3", &format!("{} && ethtool -K e2 tx off >/dev/null", addresses("e2", 2)));
    lab.shell("c", &format!("{} && ethtool -K e2 tx off >/dev/null", addresses("e2", 1)));
    lab.shell(
        "c",
        "ip route add default via 10.0.8.2 dev e2 metric 2000
         ip -6 route add default via fd00:0:0:8::2 dev e2 metric 2000
         ip route add default via 10.0.8.2 dev e2 table 8
         ip -6 route add default via fd00:0:0:8::2 dev e2 table 8
         ip rule add from 10.0.8.1 table 8
         ip -6 rule add from fd00:0:0:8::1 table 8
         ip route del 10.0.4.0/24; ip -6 route del fd00:0:0:4::/64",
    );
    // Neighbour discovery on the new link is over before the first run.
    lab.shell(
        "c",
        "for try in 1 2 3 4 5; do ip -brief link show e2 | grep -q LOWER_UP && exit; sleep 0.1; done; exit 1",
    );
    lab
}

fn addresses(interface: &str, end: u8) -> String {
    format!(
        "echo 0 >/proc/sys/net/ipv6/conf/{interface}/accept_dad
         ip addr add 10.0.8.{end}/24 dev {interface}
         ip addr add fd00:0:0:8::{end}/64 dev {interface} nodad
         ip link set {interface} up"
    )
}

fn verdict(lab: &Lab, arguments: &[&str]) -> Value {
    let ran = lab.probe(&[&["--json"], arguments].concat());
    let document = verify::document(&ran).unwrap_or_else(|fault| panic!("{arguments:?}: {fault}"));
    document["addresses"][0]["verdict"].clone()
}
