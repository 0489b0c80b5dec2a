//! Turns a scenario file into what the shell scripts need: a plan of plain shell assignments.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

#[path = "../../common/scenario.rs"]
mod file;

use file::{
    Family, Hash, HostFirewall, Kind, LARGE_ECHO, Link, Node, Peer, Port, PtbBehaviour, Resets, Scenario, Tls, Window,
    World,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// All scenarios that run on real kernels.
    List,
    /// The file of one.
    Show {
        /// Its name or file.
        scenario: String,
    },
    /// Its plan as shell assignments.
    Env {
        /// Its name or file.
        scenario: String,
        /// The family of the mail server's address: v4 or v6.
        #[arg(value_parser = family)]
        family: Family,
    },
}

fn family(text: &str) -> Result<Family, String> {
    match text {
        "v4" | "4" => Ok(Family::V4),
        "v6" | "6" => Ok(Family::V6),
        _ => Err("expected v4 or v6".into()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let text = match &arguments.command {
        Command::List => list(),
        Command::Show { scenario } => show(scenario),
        Command::Env { scenario, family } => env(scenario, *family),
    };
    print!("{}", text.map_err(io::Error::other)?);
    Ok(())
}

fn list() -> Result<String, String> {
    let mut text = String::new();
    for scenario in file::load_all()?.iter().filter(|scenario| scenario.runs_in(World::Netns)) {
        let families: Vec<String> = scenario.families.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "{:32} {:6} {}", scenario.name, families.join(","), scenario.about);
    }
    Ok(text)
}

fn show(scenario: &str) -> Result<String, String> {
    let given = Path::new(scenario);
    let path =
        if given.extension().is_some() { given.into() } else { file::folder().join(given).with_extension("toml") };
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn env(scenario: &str, family: Family) -> Result<String, String> {
    let scenario = file::load(scenario)?;
    if !scenario.families.contains(&family) {
        return Err(format!("{} does not exist in {family}", scenario.name));
    }
    let links = scenario.links();
    let mut plan = Plan::default();
    plan.value("LAB_SCENARIO", &scenario.name);
    plan.value("LAB_ABOUT", &scenario.about);
    plan.value("LAB_FAMILY", &family.to_string());
    plan.value("LAB_PEER", &Node::S.near_address(family).to_string());
    plan.value("LAB_CACHED_PMTU", &scenario.host.cached_pmtu.map(|mtu| mtu.to_string()).unwrap_or_default());
    plan.value("LAB_EXIT_CODE", &scenario.expect.outcome(family).exit_code.to_string());
    plan.value("LAB_PORT", &scenario.port().to_string());
    plan.value("LAB_MX", &mail_server(&scenario));
    plan.list("LAB_MTUS", &links.each_ref().map(|link| link.mtu.to_string()));
    plan.list("LAB_FAR_MTUS", &links.each_ref().map(|link| link.far_mtu.unwrap_or(link.mtu).to_string()));
    plan.list("LAB_BACK_MTUS", &links.each_ref().map(|link| words(link.back_mtu.as_slice())));
    plan.list("LAB_PARALLEL", &links.each_ref().map(|link| words(&link.parallel)));
    plan.list("LAB_WIRES", &links.each_ref().map(wire));
    plan.list("LAB_FILTERS", &filters(&scenario)?);
    plan.list("LAB_SYSCTLS", &sysctls(&scenario));
    Ok(plan.0)
}

/// Shell assignments.
#[derive(Default)]
struct Plan(String);

impl Plan {
    fn value(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.0, "{name}={}", quoted(value));
    }

    fn list(&mut self, name: &str, values: &[String]) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        let _ = writeln!(self.0, "{name}=({})", values.join(" "));
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn words(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Options for `pmtu-lab wire`; empty for a link that needs none.
fn wire(link: &Link) -> String {
    if !link.needs_wire() {
        return String::new();
    }
    let values = [
        ("delay-ms", link.delay_ms.unwrap_or_default()),
        ("jitter-ms", link.jitter_ms),
        ("loss", link.loss),
        ("duplicate", link.duplicate),
        ("reorder", link.reorder),
        ("reorder-ms", link.reorder_ms),
    ];
    let both_ways = values.iter().flat_map(|(name, value)| ["", "back-"].map(|way| format!("--{way}{name} {value}")));
    both_ways.collect::<Vec<_>>().join(" ")
}

/// Options for `pmtu-lab mx`, or `none`.
fn mail_server(scenario: &Scenario) -> String {
    let peer = &scenario.peer;
    if !peer.alive || peer.port != Port::Open {
        return "none".into();
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
    if peer.window == Window::Zero {
        options.push("--zero-window".into());
    }
    options.extend(encryption(peer, scenario.port()));
    if peer.bytes_per_second > 0 {
        options.push(format!("--bytes-per-second {}", peer.bytes_per_second));
    }
    options.join(" ")
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

fn sysctls(scenario: &Scenario) -> Vec<String> {
    let peer = &scenario.peer;
    let mut settings = Vec::new();
    let mut off = |wanted: bool, setting: &str| {
        if !wanted {
            settings.push(format!("s {setting}"));
        }
    };
    off(peer.sack, "net/ipv4/tcp_sack=0");
    off(peer.dsack, "net/ipv4/tcp_dsack=0");
    off(peer.echo, "net/ipv4/icmp_echo_ignore_all=1");
    off(peer.echo, "net/ipv6/icmp/echo_ignore_all=1");
    // IPv4 settings that hold for TCP over IPv6 as well, but for DF, which IPv6 does not have.
    off(!peer.mtu_probing, "net/ipv4/tcp_mtu_probing=1");
    off(peer.dont_fragment, "net/ipv4/ip_no_pmtu_disc=1");
    if let Some(index) = scenario.parallel_link() {
        let policy = match scenario.link(index).hash {
            Hash::Addresses => 0,
            Hash::Ports => 1,
        };
        let spreader = scenario.routers()[index - 1].0;
        for family in ["ipv4", "ipv6"] {
            settings.push(format!("{spreader} net/{family}/fib_multipath_hash_policy={policy}"));
        }
    }
    settings
}

/// `NODE FILTER ARGUMENTS`, by the names of `netns-scripts/filters.sh`.
fn filters(scenario: &Scenario) -> Result<Vec<String>, String> {
    check(scenario)?;
    let mut filters = Vec::new();
    if scenario.host.firewall == HostFirewall::DropPtb {
        filters.push("c host_drops_ptb".to_owned());
    }
    for index in 0..3 {
        let node = scenario.routers()[index].0;
        filters.extend(router_filters(scenario, index).into_iter().map(|filter| format!("{node} {filter}")));
    }
    filters.extend(peer_filters(scenario)?.into_iter().map(|filter| format!("s {filter}")));
    Ok(filters)
}

/// What no kernel can be told.
fn check(scenario: &Scenario) -> Result<(), String> {
    if scenario.routers().iter().any(|(_, router)| router.errors_left.is_some()) {
        return Err("a kernel starts with its whole burst of errors".into());
    }
    if scenario.link(3).back_mtu.is_some() {
        return Err("on the last link no router stands in front of packets towards c".into());
    }
    Ok(())
}

fn router_filters(scenario: &Scenario, index: usize) -> Vec<String> {
    let router = scenario.routers()[index].1;
    let links = scenario.links();
    let mut filters = Vec::new();
    let mut add = |wanted: bool, filter: String| {
        if wanted {
            filters.push(filter);
        }
    };
    if scenario.parallel_link() == Some(index + 1) {
        // First: what passes is noted, whatever later rules say.
        add(true, format!("note_members {}", links[index + 1].members().len()));
    }
    add(router.ptb == PtbBehaviour::Silent, "ptb_silent".into());
    add(router.ptb_bad_checksum, "ptb_bad_checksum".into());
    add(!router.forward_ptb, "ptb_filtered".into());
    add(router.hidden, "hidden".into());
    add(router.clear_df, "clear_df".into());
    let towards_c = links[index].back_mtu.unwrap_or(u32::MAX).min(links[index].mtu);
    add(router.drop_fragments, format!("drop_fragments {towards_c} {}", links[index + 1].mtu));
    add(router.drop_syn_data, "drop_syn_data".into());
    for kind in &router.drop {
        add(true, kind_filter(*kind));
    }
    add(router.ptb_mtu.is_some(), format!("ptb_mtu {}", router.ptb_mtu.unwrap_or_default()));
    add(router.ptb_per_second.is_some(), format!("ptb_limit {}", router.ptb_per_second.unwrap_or_default()));
    add(router.drop_larger.is_some(), format!("drop_larger {}", router.drop_larger.unwrap_or_default()));
    let clamp = router.clamp_mss_for.unwrap_or_default();
    let (v4, v6) = (clamp.saturating_sub(40), clamp.saturating_sub(60));
    add(router.clamp_mss_for.is_some(), format!("clamp_mss {v4} {v6}"));
    let (to_c, to_s) = announced_limits(scenario, index);
    add(router.drop_above_mss, format!("drop_above {to_c} {to_s}"));
    add(router.nat, "nat".into());
    // Last: what it admits, no later rule may drop.
    add(router.stateful, "stateful".into());
    filters
}

fn kind_filter(kind: Kind) -> String {
    match kind {
        Kind::Echo => "drop_echo".into(),
        Kind::LargeEcho => format!("drop_large_echo {LARGE_ECHO}"),
        Kind::TimeExceeded => "drop_time_exceeded".into(),
        Kind::AllIcmp => "drop_all_icmp".into(),
    }
}

/// The packet sizes behind the MSS that c and s announce, as they pass this router: their link's MTU, or what a clamp between
/// them and this router left of it.
fn announced_limits(scenario: &Scenario, index: usize) -> (u32, u32) {
    let links = scenario.links();
    let clamps = scenario.routers().map(|(_, router)| router.clamp_mss_for.unwrap_or(u32::MAX));
    let smallest = |own: u32, clamps: &[u32]| clamps.iter().copied().fold(own, u32::min);
    (smallest(links[0].mtu, &clamps[..=index]), smallest(links[3].mtu, &clamps[index..]))
}

fn peer_filters(scenario: &Scenario) -> Result<Vec<String>, String> {
    let peer = &scenario.peer;
    if peer.old_data_ignored {
        return Err("no ordinary kernel ignores old data".into());
    }
    let mut filters = Vec::new();
    if peer.drops_ptb {
        filters.push("host_drops_ptb".into());
    }
    if peer.answers_after_ms > 0 {
        filters.push(format!("slow_to_answer {}", peer.answers_after_ms));
    }
    if peer.window == Window::Zero {
        filters.push("zero_window".into());
    }
    if peer.port == Port::Filtered {
        filters.push("port_filtered".into());
    }
    if !peer.alive {
        filters.push("dead".into());
    }
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_this_world_has_a_plan() {
        for scenario in file::load_all().unwrap().iter().filter(|scenario| scenario.runs_in(World::Netns)) {
            for family in &scenario.families {
                env(&scenario.name, *family).unwrap();
            }
        }
    }

    #[test]
    fn a_clamp_bounds_what_is_announced_behind_it() {
        let text = "about = 'x'\n[router.r2]\nclamp_mss_for = 1400\n[expect]\nverdict = 'clear'\npath_mtu = 1500\n";
        let scenario = file::parse("x", text).unwrap();
        assert_eq!(announced_limits(&scenario, 0), (1500, 1400));
        assert_eq!(announced_limits(&scenario, 1), (1400, 1400));
        assert_eq!(announced_limits(&scenario, 2), (1400, 1500));
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("c's"), r"'c'\''s'");
    }
}
