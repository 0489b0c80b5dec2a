//! A path in words: what `tests/scenarios/*.toml` say, with types and defaults.
//!
//! Every scenario is the same chain `c - r1 - r2 - r3 - s`: client, three routers, mail server. A file says only what
//! differs from a healthy path with an MTU of 1500. The simulator and the kernel lab build their networks from the same
//! files, and both compare with the same `[expect]`, which follows from the path and never from what the program prints.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "several test programs include this file, and none uses all of it"
)]

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[path = "boxes.rs"]
mod boxes;
#[path = "expect.rs"]
mod expect;
#[path = "middlebox/mod.rs"]
pub mod middlebox;
#[path = "network.rs"]
mod network;
#[path = "place.rs"]
mod place;
#[path = "random.rs"]
mod random;

pub use boxes::load_boxes;
pub use expect::{Cause, Expect, Outcome, Reverse, ReverseVerdict, Verdict};
pub use middlebox::{Forgery, QuoteChange};
pub use network::{
    HTTPS_PORT, Hash, Kind, LARGE_ECHO, Link, Node, Peer, Port, PtbBehaviour, Resets, Router, Routers, SMTP_PORT,
    Stack, TakesTcp, Tls, Welcome, Window,
};
pub use place::{
    Found, FoundHop, Place, Placing, Point, is_visible, judge_place, missing_hops, place, places, wrong_hops,
};
pub use random::Random;

/// One scenario file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name of the file without its extension.
    #[serde(skip)]
    pub name: String,
    /// One sentence: what the path does.
    pub about: String,
    /// The families in which the scenario exists.
    #[serde(default = "both_families")]
    pub families: Vec<Family>,
    /// The worlds it runs in.
    #[serde(default = "both_worlds")]
    pub worlds: Vec<World>,
    /// Why it does not run in the other world; required if one is left out.
    pub worlds_why: Option<String>,
    /// This host, `c`.
    #[serde(default)]
    pub host: Host,
    /// The links in order: c-r1, r1-r2, r2-r3, r3-s. Missing ones have defaults; see [`Scenario::link`].
    #[serde(default)]
    pub link: Vec<Link>,
    /// What the routers do.
    #[serde(default)]
    pub router: Routers,
    /// The mail server, `s`.
    #[serde(default)]
    pub peer: Peer,
    /// What must come out.
    pub expect: Expect,
}

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    V4,
    V6,
}

/// Where a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum World {
    /// The simulator.
    Sim,
    /// Network namespaces on a real kernel.
    Netns,
}

/// This host: its interface MTU is the MTU of the first link.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Host {
    /// Its own firewall.
    pub firewall: HostFirewall,
    /// A path MTU that its kernel has cached for the peer, though the path no longer justifies it.
    pub cached_pmtu: Option<u32>,
    /// Its firewall lowers the MSS of a SYN-ACK that comes in to what makes packets of this size. A packet socket still sees the
    /// one that the peer sent.
    pub clamp_mss_for: Option<u32>,
    /// Its firewall does the same with SYNs that go out.
    pub announce_for: Option<u32>,
    /// A route to the peer has this MTU, locked.
    pub route_mtu: Option<u32>,
    /// A route to the peer makes TCP announce the MSS for packets of this size (`advmss`).
    pub route_advmss_for: Option<u32>,
    /// `net.ipv4.tcp_mtu_probing`.
    pub mtu_probing: u8,
    /// `net.ipv4.ip_no_pmtu_disc`.
    pub no_pmtu_disc: u8,
    /// The `--method` to use.
    pub method: Method,
    /// The `--flows` to use.
    pub flows: Option<u16>,
    /// Whether it examines as it does in a list, where the first flight is two packets. No file says so: every file runs both ways.
    #[serde(skip)]
    pub in_list: bool,
}

/// What the host's own firewall does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostFirewall {
    /// Lets everything in.
    #[default]
    Open,
    /// Drops PTBs after the interface and before the kernel uses them.
    DropPtb,
    /// The same for those that quote TCP.
    DropPtbAboutTcp,
    /// Rejects connections to the server's port on their way out.
    RejectPort,
    /// The same, and answers them by a RST in the server's name.
    ResetPort,
}

/// What the JSON document has to say of the server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortState {
    Open,
    Refused,
    Filtered,
    ForbiddenHere,
}

impl PortState {
    /// The word in the JSON document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Filtered => "filtered",
            Self::ForbiddenHere => "forbidden_here",
        }
    }
}

/// The probing method asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    #[default]
    Auto,
    Tcp,
    Icmp,
}

impl Scenario {
    /// The link with this index: 0 is c-r1, 3 is r3-s.
    pub fn link(&self, index: usize) -> Link {
        self.link.get(index).cloned().unwrap_or_default()
    }

    /// The four links in order.
    pub fn links(&self) -> [Link; 4] {
        std::array::from_fn(|index| self.link(index))
    }

    /// Replaces the links.
    pub fn set_links(&mut self, links: [Link; 4]) {
        self.link = links.into();
    }

    /// The routers in order, with the nodes they are.
    pub fn routers(&self) -> [(Node, &Router); 3] {
        [(Node::R1, &self.router.r1), (Node::R2, &self.router.r2), (Node::R3, &self.router.r3)]
    }

    /// The index of the link that has others beside it.
    pub fn parallel_link(&self) -> Option<usize> {
        self.link.iter().position(|link| !link.parallel.is_empty())
    }

    /// The addresses by which c may hear of a node: one, or one of each parallel link that ends there. A router answers from the
    /// interface that it answers through (IPv4 of Linux) or that the packet came in by (IPv6).
    pub fn names(&self, node: Node, family: Family) -> Vec<IpAddr> {
        let mut names = vec![node.near_address(family)];
        if let Some(link) = self.parallel_link().filter(|link| link + 1 == node.distance()) {
            let others = 1..=self.link(link).parallel.len();
            names.extend(others.map(|n| network::parallel_address(family, link, n)));
        }
        names
    }

    /// The port of the server: TLS from the first byte is no mail.
    pub fn port(&self) -> u16 {
        if self.peer.tls == Tls::Implicit { 443 } else { SMTP_PORT }
    }

    /// What becomes of a connection to the server's port, as the parts of the path have it; `None`: nobody asks, or nobody is there.
    pub fn port_state(&self) -> Option<PortState> {
        match (self.host.firewall, self.peer.port) {
            _ if self.host.method == Method::Icmp => None,
            (HostFirewall::RejectPort | HostFirewall::ResetPort, _) => Some(PortState::ForbiddenHere),
            _ if !self.peer.alive => None,
            _ if self.routers().iter().any(|(_, router)| router.takes_tcp == TakesTcp::Resets) => {
                Some(PortState::Refused)
            }
            (_, Port::Open) => Some(PortState::Open),
            (_, Port::Closed) => Some(PortState::Refused),
            (_, Port::Filtered | Port::Prohibited) => Some(PortState::Filtered),
        }
    }

    /// Whether the scenario runs in this world.
    pub fn runs_in(&self, world: World) -> bool {
        self.worlds.contains(&world)
    }

    /// Whether packets are lost by chance somewhere.
    pub fn is_lossy(&self) -> bool {
        self.links().iter().any(Link::is_lossy)
    }
}

fn both_families() -> Vec<Family> {
    vec![Family::V4, Family::V6]
}

fn both_worlds() -> Vec<World> {
    vec![World::Sim, World::Netns]
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        })
    }
}

/// The folder of the scenario files. The package that includes this file is the whole project or a part of it.
pub fn folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = here.ancestors().map(|folder| folder.join("tests/scenarios"));
    folders.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| here.join("tests/scenarios"))
}

/// Every scenario, by name. The error names the file and what is wrong in it.
pub fn load_all() -> Result<Vec<Scenario>, String> {
    let folder = folder();
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| load_file(path)).collect()
}

/// The scenario with this name, or in the file with this path.
pub fn load(name_or_path: &str) -> Result<Scenario, String> {
    let path = Path::new(name_or_path);
    if let Some(of_a_box) = boxes::load_box(name_or_path) {
        of_a_box
    } else if path.extension().is_some_and(|extension| extension == "toml") {
        load_file(path)
    } else {
        load_file(&folder().join(format!("{name_or_path}.toml")))
    }
}

/// Reads and checks one file.
pub fn load_file(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    parse(&name, &text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads and checks the text of a file.
pub fn parse(name: &str, text: &str) -> Result<Scenario, String> {
    let mut scenario: Scenario = toml::from_str(text).map_err(|error| error.to_string())?;
    name.clone_into(&mut scenario.name);
    scenario.peer.adopt(scenario.peer.stack);
    check(&scenario)?;
    Ok(scenario)
}

/// What the types cannot express.
fn check(scenario: &Scenario) -> Result<(), String> {
    if scenario.link.len() > 4 {
        return Err("there are only four links".into());
    }
    if scenario.families.is_empty() || scenario.worlds.is_empty() {
        return Err("families and worlds must not be empty".into());
    }
    if (scenario.worlds.len() < 2) != scenario.worlds_why.is_some() {
        return Err("worlds_why belongs to a scenario that leaves out a world".into());
    }
    for link in &scenario.link {
        if [link.loss, link.duplicate, link.reorder].iter().any(|p| !(0.0..=1.0).contains(p)) {
            return Err("a probability lies between 0 and 1".into());
        }
        if link.mtu < 1280 && scenario.families.contains(&Family::V6) {
            return Err("IPv6 has no links below 1280 (RFC 8200, section 5)".into());
        }
    }
    let disagrees =
        |link: &Link| link.far_mtu.is_some_and(|far| far >= link.mtu || far < 1280 || !link.parallel.is_empty());
    if scenario.link.iter().any(disagrees) {
        return Err("far_mtu is smaller than mtu, IPv6 fits into it, and the link is alone".into());
    }
    let adds_options = |link: &Link| link.middlebox.quotes == QuoteChange::Options;
    if scenario.link.iter().any(adds_options) && scenario.families.contains(&Family::V6) {
        return Err("options in the header are for IPv4".into());
    }
    check_back(scenario)?;
    check_parallel(scenario)?;
    let members = scenario.parallel_link().map_or(1, |index| scenario.link(index).members().len());
    (0..members).try_for_each(|member| {
        let outcomes = scenario.families.iter().map(|family| scenario.expect.outcome_over(member, *family));
        outcomes.into_iter().try_for_each(|outcome| expect::check(&outcome))
    })
}

/// What is small on the way back alone.
fn check_back(scenario: &Scenario) -> Result<(), String> {
    let least = if scenario.families.contains(&Family::V6) { 1280 } else { 68 };
    for (index, link) in scenario.link.iter().enumerate() {
        let Some(back) = link.back_mtu else { continue };
        if index == 3 {
            return Err("back_mtu on the last link would be the server's own MTU".into());
        }
        if back >= link.mtu || back < least || link.far_mtu.is_some() || !link.parallel.is_empty() {
            return Err("back_mtu is smaller than mtu, the family fits into it, and the link has no far_mtu".into());
        }
    }
    if scenario.peer.stack != Stack::Linux && (scenario.peer.tls != Tls::None || scenario.peer.port != Port::Open) {
        return Err("a foreign stack has one port, and no TLS".into());
    }
    if !scenario.peer.dont_fragment && !scenario.families.contains(&Family::V4) {
        return Err("dont_fragment = false is for IPv4".into());
    }
    Ok(())
}

/// Parallel links exist where both worlds can build them.
fn check_parallel(scenario: &Scenario) -> Result<(), String> {
    let Some(index) = scenario.parallel_link() else {
        return if scenario.expect.members() == 0 { Ok(()) } else { Err("expect.over needs parallel links".into()) };
    };
    let link = scenario.link(index);
    let needs_sides = |router: &Router| {
        router.stateful || router.nat || router.drop_fragments || router.clear_df || router.drop_above_mss
    };
    let [left, right] = [index.wrapping_sub(1), index].map(|router| scenario.routers().get(router).copied());
    let (Some((_, left)), Some((_, right))) = (left, right) else {
        return Err("parallel links lie between two routers".into());
    };
    if scenario.link.iter().filter(|link| !link.parallel.is_empty()).count() > 1 {
        return Err("only one link has others beside it".into());
    }
    if link.parallel.iter().any(|mtu| *mtu > link.mtu || *mtu < 1280) {
        return Err("parallel links are not larger than the first, and IPv6 fits into them".into());
    }
    if link.needs_wire() || needs_sides(left) || needs_sides(right) {
        return Err("nothing that knows directions stands at parallel links".into());
    }
    if scenario.expect.members() != link.members().len() {
        return Err("expect.over has one entry for each parallel link".into());
    }
    Ok(())
}
