//! Compares what the program says and leaves behind with what the scenario expects.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jsonschema::Validator;
use serde_json::Value;

use super::lab::{Lab, Ran};
use super::scenario::{
    self, Family, Forgery, Found, FoundHop, HostFirewall, Kind, Link, Method, Node, Outcome, Placing, Point,
    PtbBehaviour, Resets, Reverse, ReverseVerdict, Scenario, Welcome, Window,
};

/// The contract that every document keeps.
static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../docs/report.schema.json")).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
});

/// Every way in which a run differs from what it should be.
pub(crate) type Faults = Vec<String>;

/// Runs the program over one scenario in one family.
pub(crate) fn scenario_case(scenario: &Scenario, family: Family) -> Faults {
    timed_case(scenario, family).0
}

/// The same, and how long the run took.
pub(crate) fn timed_case(scenario: &Scenario, family: Family) -> (Faults, Duration) {
    let options = [&["--stack", scenario.peer.stack.word()], delay(scenario, family)].concat();
    let lab = match Lab::up(&scenario.name, family, &options) {
        Ok(lab) => lab,
        Err(error) => return (vec![error], Duration::ZERO),
    };
    let before = Traces::of(&lab, family);
    let begin = Instant::now();
    let ran = lab.probe(&probe_arguments(scenario, family).iter().map(String::as_str).collect::<Vec<_>>());
    let took = begin.elapsed();
    let (member, mut faults) = match member_of_the_connection(&lab, scenario) {
        Ok(member) => (member, Faults::new()),
        Err(fault) => (0, vec![fault]),
    };
    let mut expected = scenario.expect.outcome_over(member, family);
    if scenario.is_lossy() && document(&ran).is_ok_and(|document| document["addresses"][0]["cause"].is_null()) {
        // Loss may take what proves a cause.
        expected.cause.clear();
    }
    faults.extend(outcome(&ran, &expected, family));
    faults.extend(wrong_port(&ran, scenario));
    match placing(&ran, scenario, member, family) {
        Some(Placing::Wrong(fault)) => faults.push(fault),
        // Loss may take what names a hop. The simulator counts how often all is said that can be seen.
        Some(Placing::Vague(fault)) if !expected.may_be_inconclusive && !scenario.is_lossy() => faults.push(fault),
        Some(_) | None => {}
    }
    faults.extend(wrong_hops(&ran, scenario, member, family));
    faults.extend(Traces::of(&lab, family).faults_since(&before, ptb_may_reach_the_kernel(scenario)));
    faults.extend(politeness(&lab.mail_log(), manners_of(scenario, family)));
    faults.extend(lab.down().err());
    (faults, took)
}

/// What is said of the port, and is not true. Nothing may be said only where packets are lost.
fn wrong_port(ran: &Ran, scenario: &Scenario) -> Option<String> {
    let found = document(ran).ok()?["addresses"][0]["port_state"].clone();
    let expected = scenario.port_state().map(scenario::PortState::word);
    let is_lossy = scenario.is_lossy();
    let is_true = found.as_str() == expected || (found.is_null() && is_lossy);
    (!is_true).then(|| format!("port_state {found}, not {expected:?}"))
}

/// 20 ms for a round trip where a place has to be found: nobody rations or delays the messages that name it more than a
/// kernel does by itself.
fn delay(scenario: &Scenario, family: Family) -> &'static [&'static str] {
    let has_wires = scenario.links().iter().any(Link::needs_wire);
    let has_place = (0..2).any(|member| scenario.expect.outcome_over(member, family).first_lost_size.is_some());
    // Link 2 may have others beside it; then link 3 has none.
    match (has_place && !has_wires, scenario.parallel_link()) {
        (false, _) => &[],
        (true, Some(1)) => &["--wire", "3 --delay-ms 10 --back-delay-ms 10"],
        (true, _) => &["--delay", "10"],
    }
}

/// How true and how good the place of a run is; `None` where nothing is lost, or where c itself refuses what is.
pub(crate) fn placing(ran: &Ran, scenario: &Scenario, member: usize, family: Family) -> Option<Placing> {
    let address = &document(ran).ok()?["addresses"][0];
    let places = scenario::places(scenario, member, size(&address["first_lost_size"])?);
    let location = &address["location"];
    let point = |point: &Value| -> Option<Point> {
        let named = point["address"].as_str()?.parse().ok()?;
        Some((point["ttl"].as_u64().and_then(|ttl| u8::try_from(ttl).ok()), named))
    };
    let (last, next) = (point(&location["last_hop"]), point(&location["next_hop"]));
    let mut senders = address["ptb"].as_array().into_iter().flatten().map(|ptb| &ptb["from"]);
    let last_speaks =
        location["last_hop"]["ttl"].is_null() && senders.any(|from| *from == location["last_hop"]["address"]);
    let found = Found { last, next, rests_on_ptb: last.is_some() && last_speaks };
    scenario::judge_place(&places, found, scenario, family)
}

/// What is not true of the hops of a run.
pub(crate) fn wrong_hops(ran: &Ran, scenario: &Scenario, member: usize, family: Family) -> Faults {
    let Ok(document) = document(ran) else { return Faults::new() };
    let address = &document["addresses"][0];
    let hop = |hop: &Value| FoundHop {
        ttl: hop["ttl"].as_u64().and_then(|ttl| u8::try_from(ttl).ok()).unwrap_or_default(),
        address: hop["address"].as_str().and_then(|address| address.parse().ok()),
        largest_answered: size(&hop["largest_answered"]),
    };
    let hops: Vec<FoundHop> = address["hops"].as_array().into_iter().flatten().map(hop).collect();
    let lost = size(&address["first_lost_size"]);
    let lost = lost.and_then(|lost| Some((lost, scenario::place(scenario, member, lost)?)));
    scenario::wrong_hops(&hops, lost, scenario, family)
}

fn size(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|size| u32::try_from(size).ok())
}

/// Of parallel links, the one over which the first connection ran, as the router in front noted it.
fn member_of_the_connection(lab: &Lab, scenario: &Scenario) -> Result<usize, String> {
    if scenario.parallel_link().is_none() {
        return Ok(0);
    }
    let flows = lab.flows(scenario);
    if let Some((port, members)) = flows.iter().find(|(_, members)| members.len() > 1) {
        return Err(format!("one flow, port {port}, was spread over the parallel links {members:?}"));
    }
    let port = lab.first_port(&flows).ok_or("the mail server saw no connection")?;
    let members = flows.get(&port).ok_or_else(|| format!("no router saw port {port}, only {flows:?}"))?;
    members.first().copied().ok_or_else(|| format!("port {port} took no link"))
}

/// `--json`, the method, the directions, the port and the address.
pub(crate) fn probe_arguments(scenario: &Scenario, family: Family) -> Vec<String> {
    let method = match scenario.host.method {
        Method::Auto => "auto",
        Method::Tcp => "tcp",
        Method::Icmp => "icmp",
    };
    let direction = if scenario.expect.outcome(family).reverse.is_some() { "both" } else { "forward" };
    let port = scenario.port().to_string();
    let options = ["--json", "--method", method, "--direction", direction, "--port", &port];
    let mut arguments = options.map(str::to_owned).to_vec();
    arguments.push(Node::S.near_address(family).to_string());
    arguments
}

/// The JSON document of a run, or what is wrong with it.
pub(crate) fn document(ran: &Ran) -> Result<Value, String> {
    let told = || format!("exit code {:?}, stderr: {}", ran.status.code(), ran.stderr.trim());
    let document: Value = serde_json::from_str(&ran.stdout)
        .map_err(|error| format!("stdout is not one JSON document ({error}); {}", told()))?;
    let faults: Vec<String> = SCHEMA.iter_errors(&document).map(|fault| fault.to_string()).collect();
    if faults.is_empty() { Ok(document) } else { Err(format!("breaks the schema: {}; {}", faults.join("; "), told())) }
}

/// The run as a whole: one address, and an exit code that agrees with the document.
pub(crate) fn outcome(ran: &Ran, expected: &Outcome, family: Family) -> Faults {
    let document = match document(ran) {
        Ok(document) => document,
        Err(fault) => return vec![fault],
    };
    let Some([address]) = document["addresses"].as_array().map(Vec::as_slice) else {
        return vec!["not exactly one address in the document".into()];
    };
    let mut faults = address_outcome(address, expected, family);
    let exit_code = ran.status.code().map(i64::from);
    if document["exit_code"].as_i64() != exit_code {
        faults.push(format!("exit code {exit_code:?}, but the document says {}", document["exit_code"]));
    }
    let is_doubtful = is_permitted_doubt(address, expected) || is_permitted_doubt_of_the_way_back(address, expected);
    if !is_doubtful && exit_code != Some(expected.exit_code.into()) {
        faults.push(format!("exit code {exit_code:?} instead of {}", expected.exit_code));
    }
    faults
}

/// One address of a document.
pub(crate) fn address_outcome(address: &Value, expected: &Outcome, family: Family) -> Faults {
    if is_permitted_doubt(address, expected) {
        return Faults::new();
    }
    let mut faults = Faults::new();
    let mut differs = |what: &str, found: &Value, wanted: Value| {
        if *found != wanted {
            faults.push(format!("{what} {found} instead of {wanted}"));
        }
    };
    differs("verdict", &address["verdict"], expected.verdict.word().into());
    differs("path_mtu", &address["path_mtu"], expected.path_mtu.into());
    differs("first_lost_size", &address["first_lost_size"], expected.first_lost_size.into());
    if let Some(wanted) = &expected.masked_by {
        differs("masked_by", &address["masked_by"], wanted.as_str().into());
    }
    if let Some(node) = expected.located_at {
        let wanted = node.near_address(family).to_string();
        differs("last_hop", &address["location"]["last_hop"]["address"], wanted.into());
    }
    let cause = &address["cause"];
    let is_expected = expected.cause.iter().any(|wanted| *cause == wanted.word());
    if !(is_expected || expected.cause.is_empty() && cause.is_null()) {
        faults.push(format!("cause {cause} instead of {:?}", expected.cause));
    }
    let found = address["findings"].as_array().cloned().unwrap_or_default();
    for finding in &expected.findings {
        if !found.iter().any(|found| found == finding.as_str()) {
            faults.push(format!("finding {finding} is missing among {}", address["findings"]));
        }
    }
    if !faults.is_empty() {
        faults.push(format!("its reason: {}", address["reason"]));
    }
    if !is_permitted_doubt_of_the_way_back(address, expected) {
        faults.extend(way_back(&address["reverse"], expected.reverse.as_ref()));
    }
    faults
}

/// What is wrong with the verdict on the way back.
fn way_back(reverse: &Value, expected: Option<&Reverse>) -> Faults {
    // Nobody asked, or the server offers nothing that could be drawn out of it.
    let unasked = Reverse {
        verdict: ReverseVerdict::Untested,
        path_mtu: None,
        at_most: true,
        may_be_inconclusive: false,
        or: None,
    };
    let is_asked = expected.is_some();
    let expected = expected.unwrap_or(&unasked);
    let mut faults = Faults::new();
    let is_right =
        [Some(expected.verdict), expected.or].into_iter().flatten().any(|one| reverse["verdict"] == one.word());
    if !is_right {
        faults.push(format!("reverse.verdict {} instead of {}", reverse["verdict"], expected.verdict.word()));
    }
    let found = size(&reverse["path_mtu"]);
    let is_right = match (found, expected.path_mtu) {
        (found, Some(wanted)) if expected.at_most => found.is_none_or(|found| found <= wanted),
        _ => found == expected.path_mtu || !is_asked,
    };
    if !is_right {
        let bound = if expected.at_most { "at most " } else { "" };
        faults.push(format!("reverse.path_mtu {found:?} instead of {bound}{:?}", expected.path_mtu));
    }
    if reverse["recovered_after_ms"].is_null() == (reverse["verdict"] == "recovers") {
        faults.push(format!("{} after {} ms", reverse["verdict"], reverse["recovered_after_ms"]));
    }
    if !faults.is_empty() {
        faults.push(format!("the reason for the way back: {}", reverse["reason"]));
    }
    faults
}

fn is_permitted_doubt_of_the_way_back(address: &Value, expected: &Outcome) -> bool {
    expected.reverse.as_ref().is_some_and(|reverse| reverse.may_be_inconclusive)
        && address["reverse"]["verdict"] == "inconclusive"
}

fn is_permitted_doubt(address: &Value, expected: &Outcome) -> bool {
    expected.may_be_inconclusive && address["verdict"] == "inconclusive"
}

/// What a run could leave behind on its host.
pub(crate) struct Traces {
    /// Its route to the peer, with the path MTU, then its firewall rules.
    kernel: String,
    processes: String,
}

impl Traces {
    /// What is there now.
    pub(crate) fn of(lab: &Lab, family: Family) -> Self {
        let peer = Node::S.near_address(family);
        // The time to expiry runs on by itself.
        let lines = format!("ip route get {peer} | sed -E 's/expires [0-9]+sec//'; nft --stateless list ruleset");
        Self { kernel: lab.shell("c", &lines), processes: lab.processes("c") }
    }

    /// What is not as it was.
    pub(crate) fn faults_since(&self, before: &Self, a_ptb_may_have_passed: bool) -> Faults {
        let mut faults = Faults::new();
        let route_and_rules = |traces: &Self| {
            let at = traces.kernel.find("table ").unwrap_or(traces.kernel.len());
            (traces.kernel[..at].to_owned(), traces.kernel[at..].to_owned())
        };
        let ((route, rules), (route_before, rules_before)) = (route_and_rules(self), route_and_rules(before));
        if !a_ptb_may_have_passed && route != route_before {
            faults.push(format!("the kernel's route changed from {route_before:?} to {route:?}"));
        }
        if rules != rules_before {
            faults.push("firewall rules changed".into());
        }
        if !self.processes.trim().is_empty() && self.processes != before.processes {
            faults.push(format!("processes are left: {}", self.processes.trim()));
        }
        faults
    }
}

/// Whether a router that sends PTBs stands in front of a link smaller than the first one, and nothing on the way back drops them.
fn ptb_may_reach_the_kernel(scenario: &Scenario) -> bool {
    let links = scenario.links();
    let routers = scenario.routers();
    let is_mute = |kinds: &[Kind]| kinds.contains(&Kind::AllIcmp);
    let sends = |index: usize| {
        let router = routers[index].1;
        let smallest = links[index + 1].members().into_iter().min();
        smallest < Some(links[0].mtu) && router.ptb == PtbBehaviour::Send && !is_mute(&router.drop)
    };
    let passes = |index: usize| routers[index].1.forward_ptb && !is_mute(&routers[index].1.drop);
    // In IPv6 a kernel believes every PTB about an echo request.
    let is_forged = links.iter().any(|link| link.middlebox.forges.contains(&Forgery::Ptbs));
    let is_open = scenario.host.firewall != HostFirewall::DropPtb;
    is_open && (is_forged || (0..3).any(|index| sends(index) && (0..index).all(passes)))
}

/// What the mail server can ask of a visitor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Nothing beyond few connections and harmless commands: the end of a conversation may be late or lost.
    Harmless,
    /// Nothing is left open, though what stalls cannot be closed politely.
    Gone,
    /// Every connection is closed politely.
    Goodbye,
}

fn manners_of(scenario: &Scenario, family: Family) -> Manners {
    let peer = &scenario.peer;
    let talks = peer.greeting
        && peer.greeting_after_ms == 0
        && peer.resets == Resets::Never
        && peer.welcome == Welcome::Ready
        && peer.window == Window::Normal
        && peer.bytes_per_second == 0;
    let back = scenario.expect.outcome(family).reverse.map(|reverse| reverse.verdict);
    let stalls =
        matches!(back, Some(ReverseVerdict::BlackHole | ReverseVerdict::Recovers | ReverseVerdict::Inconclusive));
    let breaks = scenario.links().iter().any(|link| link.middlebox.breaks_connections());
    match talks && !breaks && !scenario.is_lossy() {
        false => Manners::Harmless,
        true if stalls => Manners::Gone,
        true => Manners::Goodbye,
    }
}

/// A mail server must see little and nothing unkind: few connections, harmless commands, QUIT or `close_notify` at the end.
pub(crate) fn politeness(log: &str, manners: Manners) -> Faults {
    const HARMLESS: [&str; 7] = ["EHLO", "HELO", "NOOP", "HELP", "RSET", "STARTTLS", "QUIT"];
    /// Four at most that examine both ways, and one of this host's own TCP.
    const FEW: usize = 5;
    let mut faults = Faults::new();
    let mut open = BTreeSet::new();
    let mut connections = 0;
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let (Some(word), Some(number)) = (words.next(), words.next()) else { continue };
        match word {
            "connect" => {
                connections += 1;
                open.insert(number);
            }
            "command" if !words.next().is_some_and(|verb| HARMLESS.contains(&verb.to_ascii_uppercase().as_str())) => {
                faults.push(format!("the mail server heard: {}", line.escape_debug()));
            }
            // After its own alert the server closes, and there is nothing more to say.
            "quit" | "close" | "alert" => {
                open.remove(number);
            }
            "lost" | "reset" if manners != Manners::Goodbye => {
                open.remove(number);
            }
            "lost" => faults.push(format!("the mail server noted: {line}")),
            _ => {}
        }
    }
    if connections > FEW {
        faults.push(format!("{connections} connections"));
    }
    if manners != Manners::Harmless && !open.is_empty() {
        faults.push(format!("of {connections} connections, {} without an end", open.len()));
    }
    faults
}
