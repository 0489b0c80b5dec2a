//! Lets c's kernel learn a path MTU that the path then loses: the first link is small for a moment. Lets s's kernel learn one that the
//! path keeps: an honest r3 tells it.

use std::io;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::namespace::{output_of, within};
use crate::plan::Plan;
use crate::poke;
use crate::scenario_file::{Family, Node};
use crate::state::{Lab, Place};

const PATIENCE: Duration = Duration::from_secs(3);
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

pub(crate) fn teach(lab: &Lab, plan: &Plan) -> io::Result<()> {
    teach_client(lab, plan)?;
    let Some(mtu) = plan.server_remembers else { return Ok(()) };
    let client = Node::C.near_address(plan.family);
    within(lab, Place::Node(Node::S), || learn(client, plan.links[3].mtu, mtu))
}

fn teach_client(lab: &Lab, plan: &Plan) -> io::Result<()> {
    let Some(mtu) = plan.cached_pmtu else { return Ok(()) };
    route_of_r1(lab, plan, Some(mtu))?;
    within(lab, Place::Node(Node::C), || learn(plan.peer, plan.links[0].mtu, mtu))?;
    route_of_r1(lab, plan, None)
}

fn route_of_r1(lab: &Lab, plan: &Plan, mtu: Option<u32>) -> io::Result<()> {
    let (network, gateway) = match plan.family {
        Family::V4 => ("10.0.4.0/24", "10.0.2.2"),
        Family::V6 => ("fd00:0:0:4::/64", "fd00:0:0:2::2"),
    };
    let mtu = mtu.map(|mtu| mtu.to_string());
    let mut arguments = vec!["route", "replace", network, "via", gateway];
    arguments.extend(mtu.iter().flat_map(|mtu| ["mtu", mtu]));
    within(lab, Place::Node(Node::R1), || output_of("ip", &arguments)).map(drop)
}

fn learn(peer: IpAddr, link: u32, mtu: u32) -> io::Result<()> {
    let (name, wanted) = (peer.to_string(), format!("mtu {mtu}"));
    let begin = Instant::now();
    loop {
        // The kernel refuses the packet once it has learned.
        let _ = poke::send(peer, link as usize);
        if output_of("ip", &["route", "get", &name])?.contains(&wanted) {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("waited too long for the kernel to learn a path MTU of {mtu}")));
        }
        thread::sleep(BETWEEN_TRIES);
    }
}
