//! The plan of a lab: what the scenario says, and what the command line adds. It is noted when a lab comes up.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::breakage::Breakage;
use crate::faults::faults;
use crate::scenario_file::{Family, Link, Node, Peer, Port, Resets, Scenario, Stack, Tls, Welcome, Window};
use crate::settings::{Setting, settings};

/// All that is needed to build the network and to tell about it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) scenario: String,
    pub(crate) about: String,
    pub(crate) family: Family,
    /// The address and the port of the mail server.
    pub(crate) peer: IpAddr,
    pub(crate) port: u16,
    /// What the program's exit code should be on this path.
    pub(crate) exit_code: u8,
    /// A path MTU that c's kernel learns before the path loses the router that told it.
    pub(crate) cached_pmtu: Option<u32>,
    /// A path MTU that s's kernel learns from r3.
    pub(crate) server_remembers: Option<u32>,
    /// Metrics of a route of c to the mail server alone.
    pub(crate) route_metrics: Option<String>,
    /// Whose TCP/IP the server has.
    pub(crate) stack: Stack,
    /// Options of `pmtu-lab mx`. `None`: there is no server.
    pub(crate) mail_server: Option<String>,
    /// From c to s.
    pub(crate) links: [PlannedLink; 4],
    pub(crate) faults: Vec<(Node, Breakage)>,
    pub(crate) settings: Vec<(Node, Setting)>,
    /// Whether segments may be merged and cut late, as network cards do.
    pub(crate) offloads: bool,
}

/// A link, with what its network interfaces and its wire are told.
#[derive(Serialize, Deserialize)]
pub(crate) struct PlannedLink {
    /// Of the interface nearer to c, and of the one nearer to s.
    pub(crate) mtu: u32,
    pub(crate) far_mtu: u32,
    /// For packets towards c alone.
    pub(crate) back_mtu: Option<u32>,
    /// The MTUs of the links beside it.
    pub(crate) parallel: Vec<u32>,
    /// Options of `pmtu-lab wire`. None: there is no wire, one interface is the other's peer.
    pub(crate) wire: Vec<String>,
}

impl Plan {
    /// The plan of a scenario, as its file has it.
    pub(crate) fn new(scenario: &Scenario, family: Family) -> Result<Self, String> {
        if !scenario.families.contains(&family) {
            return Err(format!("{} does not exist in {family}", scenario.name));
        }
        Ok(Self {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            family,
            peer: Node::S.near_address(family),
            port: scenario.port(),
            exit_code: scenario.expect.outcome(family).exit_code,
            cached_pmtu: scenario.host.cached_pmtu,
            server_remembers: scenario.peer.remembers,
            route_metrics: route_metrics(scenario, family),
            stack: scenario.peer.stack,
            mail_server: mail_server(scenario),
            links: links(scenario),
            faults: faults(scenario)?,
            settings: settings(scenario),
            offloads: false,
        })
    }

    /// IPv6 has no links below 1280 (RFC 8200, section 5).
    pub(crate) fn has_ipv6(&self) -> bool {
        self.links.iter().all(|link| link.mtu >= 1280)
    }

    /// The links that are wires, with their numbers from 1.
    pub(crate) fn wires(&self) -> impl Iterator<Item = (usize, &PlannedLink)> {
        (1..).zip(&self.links).filter(|(_, link)| link.is_wire())
    }
}

/// No kernel ignores old data, so a box in front of s drops it.
fn links(scenario: &Scenario) -> [PlannedLink; 4] {
    let mut links = scenario.links().map(PlannedLink::from);
    if scenario.peer.old_data_ignored {
        links[3].wire.push("--drop-old-data".into());
    }
    links
}

impl PlannedLink {
    pub(crate) fn is_wire(&self) -> bool {
        !self.wire.is_empty()
    }
}

impl From<Link> for PlannedLink {
    fn from(link: Link) -> Self {
        Self {
            mtu: link.mtu,
            far_mtu: link.far_mtu.unwrap_or(link.mtu),
            back_mtu: link.back_mtu,
            wire: wire(&link),
            parallel: link.parallel,
        }
    }
}

/// Options for `pmtu-lab wire`; none for a link that needs none.
fn wire(link: &Link) -> Vec<String> {
    if !link.needs_wire() {
        return Vec::new();
    }
    let values = [
        ("delay-ms", link.delay_ms.unwrap_or_default()),
        ("jitter-ms", link.jitter_ms),
        ("loss", link.loss),
        ("duplicate", link.duplicate),
        ("reorder", link.reorder),
        ("reorder-ms", link.reorder_ms),
    ];
    let both_ways = |(name, value)| ["", "back-"].map(|way| [format!("--{way}{name}"), f64::to_string(value)]);
    let mut options: Vec<String> =
        values.iter().map(|(name, value)| (name, value)).flat_map(both_ways).flatten().collect();
    if !link.middlebox.is_idle()
        && let Ok(middlebox) = serde_json::to_string(&link.middlebox)
    {
        options.extend(["--middlebox".to_owned(), middlebox]);
    }
    options
}

/// `mtu lock 1400`, `advmss 1360`.
fn route_metrics(scenario: &Scenario, family: Family) -> Option<String> {
    let headers = if family == Family::V4 { 40 } else { 60 };
    let mtu = scenario.host.route_mtu.map(|mtu| format!("mtu lock {mtu}"));
    let advmss = scenario.host.route_advmss_for.map(|size| format!("advmss {}", size - headers));
    let metrics: Vec<String> = mtu.into_iter().chain(advmss).collect();
    (!metrics.is_empty()).then(|| metrics.join(" "))
}

/// Options for `pmtu-lab mx`.
fn mail_server(scenario: &Scenario) -> Option<String> {
    let peer = &scenario.peer;
    if !peer.alive || peer.port != Port::Open {
        return None;
    }
    let mut options = vec![format!("--greeting-delay-ms {}", peer.greeting_after_ms)];
    if !peer.greeting {
        options.push("--no-greeting".into());
    }
    match peer.resets {
        Resets::Never => {}
        Resets::AfterHandshake => options.push("--reset accept".into()),
        Resets::AfterGreeting => options.push("--reset greeting".into()),
    }
    match peer.welcome {
        Welcome::Ready => {}
        Welcome::TurnedAway => options.push("--turn-away 421".into()),
        Welcome::HungUp => options.push("--hang-up".into()),
    }
    if peer.window == Window::Zero {
        options.push("--zero-window".into());
    }
    options.extend(encryption(peer, scenario.port()));
    if peer.bytes_per_second > 0 {
        options.push(format!("--bytes-per-second {}", peer.bytes_per_second));
    }
    Some(options.join(" "))
}

fn encryption(peer: &Peer, port: u16) -> Option<String> {
    let how = match peer.tls {
        Tls::None => return None,
        Tls::Starttls => "starttls",
        Tls::Refused => "refused",
        Tls::Alert => "alert",
        Tls::Implicit => "implicit",
    };
    Some(format!("--port {port} --tls {how} --flight {}", peer.flight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario_file::{World, load, load_all};

    #[test]
    fn every_scenario_of_this_world_has_a_plan() {
        for scenario in load_all().unwrap().iter().filter(|scenario| scenario.runs_in(World::Netns)) {
            for family in &scenario.families {
                Plan::new(scenario, *family).unwrap();
            }
        }
    }

    #[test]
    fn a_plan_survives_its_note() {
        let plan = Plan::new(&load("silent_router").unwrap(), Family::V6).unwrap();
        let note = serde_json::to_string(&plan).unwrap();
        let read: Plan = serde_json::from_str(&note).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), note);
    }
}
