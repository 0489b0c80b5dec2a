//! Makes a fresh namespace a node of the path: settings, offloads, addresses, rules.

use std::fs;
use std::io;
use std::path::Path;

use crate::addresses;
use crate::breakage::table;
use crate::names::{Side, WireEnd, interface_name, wire_interface};
use crate::namespace::{because, feed, output_of};
use crate::plan::Plan;
use crate::scenario_file::Node;
use crate::settings::{Setting, ordinary};

/// Configures a node. The calling thread is in its namespace.
pub(crate) fn configure(plan: &Plan, node: Node) -> io::Result<()> {
    let own = plan.settings.iter().filter(|(of, _)| *of == node).map(|(_, setting)| setting.clone());
    ordinary(node).into_iter().chain(own).try_for_each(|setting| apply(&setting))?;
    for (side, link) in [(Side::TowardsC, node.distance()), (Side::TowardsS, node.distance() + 1)] {
        set_offloads(plan, side, link)?;
    }
    feed("ip", &["-batch", "-"], &addresses::commands(plan, node))?;
    let rules = rules(plan, node);
    if rules.is_empty() { Ok(()) } else { feed("nft", &["-f", "-"], &rules) }
}

/// Configures the namespace that the wires run in: their ends are up and silent. The calling thread is there.
pub(crate) fn configure_wires(plan: &Plan) -> io::Result<()> {
    apply(&Setting { file: "net/ipv6/conf/all/disable_ipv6".into(), value: "1".into() })?;
    let ends = plan.wires().flat_map(|(link, _)| [WireEnd::A, WireEnd::B].map(|end| wire_interface(link, end)));
    for interface in ends {
        output_of("ethtool", &["-K", &interface, "tx", "off"])?;
        output_of("ip", &["link", "set", &interface, "up"])?;
    }
    Ok(())
}

/// Writes a setting, if this kernel has it.
fn apply(setting: &Setting) -> io::Result<()> {
    let path = Path::new("/proc/sys").join(&setting.file);
    if !path.exists() {
        return Ok(());
    }
    fs::write(&path, &setting.value).map_err(|error| because(&path.display().to_string(), &error))
}

/// Packets in the lab have their true size and checksum, unless offloads are wanted: then those of a veth are on, and it merges what
/// arrives. The ends of a wire never merge.
fn set_offloads(plan: &Plan, side: Side, link: usize) -> io::Result<()> {
    const ON: &[&str] = &["tx", "on", "tso", "on", "gso", "on", "gro", "on"];
    const OFF: &[&str] = &["tx", "off"];
    let Some(planned) = link.checked_sub(1).and_then(|index| plan.links.get(index)) else { return Ok(()) };
    let features = if plan.offloads && !planned.is_wire() { ON } else { OFF };
    for member in 0..=planned.parallel.len() {
        let interface = interface_name(side, member);
        output_of("ethtool", &[&["-K", &interface], features].concat())?;
    }
    Ok(())
}

/// The table, the chains and the rules of a node; nothing if nothing is broken there.
fn rules(plan: &Plan, node: Node) -> Vec<String> {
    let faults = plan.faults.iter().filter(|(of, _)| *of == node);
    let rules: Vec<String> = faults.flat_map(|(_, breakage)| breakage.rules(plan.port)).collect();
    if rules.is_empty() { rules } else { [table(), rules].concat() }
}
