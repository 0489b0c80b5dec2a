//! Monitoring systems themselves run the program on real kernel paths, and understand what it says: Icinga 2, Nagios, the agent of
//! Zabbix, tools and the library of the monitoring plugins. And what is expected of an address, through the program.
//!
//! `monitored` needs root and what `netns-scripts/monitoring.sh` unpacks; fails without.

#[path = "monitoring/expected.rs"]
mod expected;
#[path = "netns/lab.rs"]
#[allow(dead_code, reason = "shared with the scenario tests, which use more of it")]
mod lab;
#[path = "monitoring/monitored.rs"]
mod monitored;
#[path = "monitoring/plugin.rs"]
mod plugin;
#[path = "common/scenario.rs"]
mod scenario;
#[path = "monitoring/world.rs"]
mod world;

use lab::Lab;
use scenario::Family;

/// The target in every lab, in IPv4.
const SERVER: &str = "10.0.4.2";

fn up(scenario: &str) -> Lab {
    Lab::up(scenario, Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"))
}
