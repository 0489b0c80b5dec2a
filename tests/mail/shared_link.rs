//! What cures one server cures all behind the same link. Two servers stand there and only one is examined; the first advice, typed as
//! printed and where printed, lets mail to both pass, and undone, mail to both stalls again.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::firewall::Layout;
use super::lab::{Lab, run};
use super::message::Message;
use super::mx::Running;
use super::needs;
use super::postfix::Postfix;
use super::rows::Row;
use super::scenario::{Family, Node};
use super::sender::{MAIN_CF, MASTER_CF};
use super::state::{State, forget};
use super::world::World;
use super::{must_be_without_faults, run_all, verify};

/// A live path without loss never pauses for as long.
const PATIENCE: Duration = Duration::from_secs(5);
const DOMAINS: [&str; 2] = ["examined.example.com", "other.example.com"];
const UNDO: &str = "# undo: ";
const OR_WITH: &str = "# or with ";

struct Case {
    name: &'static str,
    scenario: &'static str,
    family: Family,
    setup: Setup,
    first: First,
    /// The node that is the gateway, where the second advice is typed.
    on_the_gateway: Option<&'static str>,
}

/// What the lab lacks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setup {
    Nothing,
    /// This host's firewall as in Debian's example.
    Firewall,
    /// This host sends all its mail through a tunnel to r2.
    Tunnel,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// Typed on this host.
    Here,
    /// This host is a container, and it is typed on the machine that runs it.
    OnTheMachine,
}

const CASES: [Case; 7] = [
    Case {
        name: "PPPoE router",
        scenario: "pppoe_1492_silent",
        family: Family::V4,
        setup: Setup::Nothing,
        first: First::Here,
        on_the_gateway: Some("r1"),
    },
    Case {
        name: "PPPoE router",
        scenario: "pppoe_1492_silent",
        family: Family::V6,
        setup: Setup::Nothing,
        first: First::Here,
        on_the_gateway: Some("r1"),
    },
    Case {
        name: "own gateway",
        scenario: "drop_by_size_at_r1",
        family: Family::V4,
        setup: Setup::Nothing,
        first: First::Here,
        on_the_gateway: Some("r1"),
    },
    Case {
        name: "tunnel to a VPS",
        scenario: "pppoe_1492_silent",
        family: Family::V4,
        setup: Setup::Tunnel,
        first: First::Here,
        on_the_gateway: Some("r2"),
    },
    Case {
        name: "container",
        scenario: "pppoe_1492_silent",
        family: Family::V4,
        setup: Setup::Nothing,
        first: First::OnTheMachine,
        on_the_gateway: None,
    },
    Case {
        name: "container",
        scenario: "pppoe_1492_silent",
        family: Family::V6,
        setup: Setup::Nothing,
        first: First::OnTheMachine,
        on_the_gateway: None,
    },
    Case {
        name: "local firewall",
        scenario: "ptb_dropped_by_this_host",
        family: Family::V4,
        setup: Setup::Firewall,
        first: First::Here,
        on_the_gateway: None,
    },
];

#[test]
fn the_first_advice_cures_mail_to_every_server_behind_the_link() {
    check_those_with(|case| case.setup != Setup::Tunnel && case.first == First::Here);
}

/// Typed on the machine that runs it. Needs what `netns-scripts/systems.sh` unpacks.
#[test]
fn the_first_advice_cures_mail_to_a_container() {
    check_those_with(|case| case.first == First::OnTheMachine);
}

/// Needs `/dev/net/tun`.
#[test]
fn the_first_advice_cures_mail_to_every_server_behind_a_tunnel() {
    check_those_with(|case| case.setup == Setup::Tunnel);
}

fn check_those_with(wanted: impl Fn(&Case) -> bool) {
    needs::check_postfix();
    let cases = CASES.iter().filter(|case| wanted(case)).collect();
    let rows =
        run_all(cases, |case: &&Case| Row::of(format!("{} {}", case.name, case.family), "black_hole", |_| check(case)));
    must_be_without_faults(&rows);
}

fn check(case: &Case) -> Result<(), String> {
    let lab = Lab::up(case.scenario, case.family, &["--mx", "none"])?;
    let servers = second_server(&lab, case.family);
    match case.setup {
        Setup::Nothing => {}
        Setup::Firewall => Layout::Nft.set(&lab, case.family),
        Setup::Tunnel => tunnel(&lab),
    }
    let _mx = Running::start_for(&lab, &DOMAINS.join(", "))?;
    let postfix = Postfix::start(&lab, "c", &main_cf(&servers), MASTER_CF)?;
    let bench = Bench { lab: &lab, postfix };
    bench.both("stalled", "at first")?;
    let address = bench.verdict(&servers[0])?;
    let list = address["advice"].as_array().cloned().unwrap_or_default();
    match case.first {
        First::Here => bench.cures(&list[0], "you", "c")?,
        First::OnTheMachine => bench.cures_from_outside(&servers[0], case.family)?,
    }
    if let Some(gateway) = case.on_the_gateway {
        bench.cures(&list[1], "your_network", gateway)?;
        bench.serves_one_alone(&list)?;
    }
    drop(bench);
    lab.down()
}

/// A second address of s, in the same network.
fn second_server(lab: &Lab, family: Family) -> [String; 2] {
    let first = Node::S.near_address(family).to_string();
    let (second, length) = match family {
        Family::V4 => ("10.0.4.3", "24"),
        Family::V6 => ("fd00:0:0:4::3", "64 nodad"),
    };
    let (address, flags) = length.split_once(' ').unwrap_or((length, ""));
    lab.shell("s", &format!("ip address add {second}/{address} dev e0 {flags}"));
    [first, second.to_owned()]
}

fn main_cf(servers: &[String; 2]) -> String {
    let transports = DOMAINS.iter().zip(servers).map(|(domain, server)| format!("{{ {domain} = smtp:[{server}] }}"));
    let seconds = PATIENCE.as_secs();
    format!(
        "{MAIN_CF}transport_maps = inline:{{ {} }}\nsmtp_data_xfer_timeout = {seconds}s\nsmtp_data_done_timeout = {seconds}s\n",
        transports.collect::<Vec<_>>().join(", ")
    )
}

/// IP in UDP with DF, between c and r2; its MTU says 1500, and the path below carries less.
fn tunnel(lab: &Lab) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/tunnel.pl");
    for (node, own, other) in [("c", "10.0.1.1", "10.0.2.2"), ("r2", "10.0.2.2", "10.0.1.1")] {
        lab.shell(node, &format!("setsid perl {script} {own} {other} >/dev/null 2>&1 </dev/null &"));
    }
    for (node, address) in [("c", "10.9.0.1"), ("r2", "10.9.0.2")] {
        lab.shell(
            node,
            &format!(
                "for i in $(seq 100); do ip link show tun0 >/dev/null 2>&1 && break; sleep 0.05; done
                 ip address add {address}/24 dev tun0; ip link set tun0 mtu 1500 up"
            ),
        );
    }
    lab.shell("c", "ip route replace 10.0.4.0/24 via 10.9.0.2 dev tun0");
    lab.shell("r3", "ip route add 10.9.0.0/24 via 10.0.3.1");
}

struct Bench<'a> {
    lab: &'a Lab,
    postfix: Postfix<'a>,
}

impl Bench<'_> {
    /// A large mail to each server comes to this end.
    fn both(&self, wanted: &'static str, when: &str) -> Result<(), String> {
        let fates = self.fates()?;
        if fates == [wanted; 2] {
            Ok(())
        } else {
            Err(format!("{when}: mail to the servers is {fates:?}, not {wanted}"))
        }
    }

    /// What a large mail to each server comes to.
    fn fates(&self) -> Result<[&'static str; 2], String> {
        forget(self.lab);
        let seen = self.postfix.log().lines().count();
        let file = self.postfix.folder().join("large");
        fs::write(&file, Message::large().text()).map_err(|error| error.to_string())?;
        let submit = DOMAINS
            .map(|domain| format!("sendmail -i -f admin@client.example.com someone@{domain} <{}", file.display()));
        self.postfix.command(&submit.join("\n"))?;
        let mut fates = ["lost otherwise"; 2];
        for (fate, domain) in fates.iter_mut().zip(DOMAINS) {
            let to = format!("to=<someone@{domain}>");
            let line = self.postfix.wait(Duration::from_secs(40), &format!("mail to {domain}"), || {
                let log = self.postfix.log();
                let line = log.lines().skip(seen).find(|line| line.contains(&to) && line.contains(" status="));
                line.map(str::to_owned)
            })?;
            if line.contains(" status=sent ") {
                *fate = "sent";
            } else if line.contains("timed out while sending") {
                *fate = "stalled";
            }
        }
        Ok(fates)
    }

    /// One server is examined, the other is not.
    fn verdict(&self, server: &str) -> Result<Value, String> {
        forget(self.lab);
        let address =
            verify::document(&self.lab.probe(&["--json", "--direction", "forward", server]))?["addresses"][0].clone();
        if address["verdict"] == "black_hole" {
            Ok(address)
        } else {
            Err(format!("the program says {}", address["verdict"]))
        }
    }

    /// Each way to do it on Linux by itself: nftables, iptables.
    fn cures(&self, advice: &Value, who: &str, node: &str) -> Result<(), String> {
        if advice["who"] != who {
            return Err(format!("not for {who}: {advice}"));
        }
        for way in ways(&strings(&advice["commands"])) {
            // The first rule of iptables makes a table, which stays.
            let of =
                |program| format!("{program} -t mangle -A FORWARD -j RETURN; {program} -t mangle -D FORWARD -j RETURN");
            self.lab.shell(node, &["iptables", "ip6tables"].map(of).join("\n"));
            let before = State::of_node(self.lab, node);
            let what = format!("with {:?} in {node}", way[0]);
            self.type_in(node, &way)?;
            self.both("sent", &what)?;
            self.type_in(node, &undo(&way))?;
            forget(self.lab);
            let differences = before.differences(&State::of_node(self.lab, node));
            if !differences.is_empty() {
                return Err(format!("{what}: the undo leaves {}", differences.join("; ")));
            }
            self.both("stalled", &format!("{what} undone"))?;
        }
        Ok(())
    }

    /// What is for the address that was examined helps no other one: so the cures above are told from it.
    fn serves_one_alone(&self, list: &[Value]) -> Result<(), String> {
        let commands = |advice: &Value| strings(&advice["commands"]);
        let clamp = list.iter().map(commands).find(|commands| commands.concat().contains("@ip"));
        let clamp = clamp.ok_or("no clamp for the address alone")?;
        self.type_in("c", &clamp)?;
        let fates = self.fates()?;
        self.type_in("c", &undo(&clamp))?;
        if fates == ["sent", "stalled"] { Ok(()) } else { Err(format!("with a clamp for one address: {fates:?}")) }
    }

    fn type_in(&self, node: &str, lines: &[String]) -> Result<(), String> {
        for line in lines {
            let ran = run(self.lab.command(node, "sh").args(["-c", line]));
            if !ran.status.success() {
                return Err(format!("fails as printed in {node}: {line}: {}", ran.stderr));
            }
        }
        Ok(())
    }

    /// c is a container, and r1 the machine that forwards for it. What is typed there is: the MTU, in sight of the container's processes
    /// alone, for every server; and the clamp, for the one that was examined. That one can be typed inside as well.
    fn cures_from_outside(&self, server: &str, family: Family) -> Result<(), String> {
        forget(self.lab);
        let address = World::start(self.lab, "c", "touch /run/.containerenv")?.ask(server)?;
        let list = address["advice"].as_array().cloned().unwrap_or_default();
        let first = strings(&list[0]["commands"]);
        let source = Node::C.far_address(family).to_string();
        self.on_the_machine(&first, &source)?;
        self.both("sent", "typed on the machine")?;
        self.on_the_machine(&undo(&first), &source)?;
        self.both("stalled", "undone on the machine")?;
        for (words, node) in [("on the machine that this container runs on", "r1"), ("inside this container", "c")] {
            let says = |advice: &&Value| advice["text"].as_str().is_some_and(|text| text.contains(words));
            let clamp = list.iter().find(says).ok_or_else(|| format!("no advice {words}: {list:?}"))?;
            let commands = strings(&clamp["commands"]);
            let before = State::of_node(self.lab, node);
            self.type_in(node, &commands)?;
            let fates = self.fates()?;
            if fates != ["sent", "stalled"] {
                return Err(format!("with a clamp for one address, {words}: {fates:?}"));
            }
            self.type_in(node, &undo(&commands))?;
            let differences = before.differences(&State::of_node(self.lab, node));
            if !differences.is_empty() {
                return Err(format!("{words}: the undo leaves {}", differences.join("; ")));
            }
            self.both("stalled", &format!("undone {words}"))?;
        }
        Ok(())
    }

    fn on_the_machine(&self, lines: &[String], source: &str) -> Result<(), String> {
        let container = self.lab.namespace("c");
        let script = format!(
            "nsenter --net={container} sleep 20 & until nsenter -t $! -n ip -o address | grep -q ' {source}/'; do sleep 0.02; done\n\
             {}\nkill $!",
            lines.join("\n")
        );
        let options = ["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script];
        let ran = run(Command::new("unshare").args(options));
        if ran.status.success() { Ok(()) } else { Err(format!("on the machine: {script}: {}", ran.stderr)) }
    }
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|line| line.as_str().map(str::to_owned)).collect()
}

/// What the comments say.
fn undo(commands: &[String]) -> Vec<String> {
    commands.iter().filter_map(|line| line.strip_prefix(UNDO)).map(str::to_owned).collect()
}

/// The commands with nftables, and those with iptables, if there are any.
fn ways(commands: &[String]) -> Vec<Vec<String>> {
    let mut ways: Vec<Vec<String>> = vec![Vec::new()];
    for command in commands {
        if command.starts_with(OR_WITH) {
            if !command.contains("iptables") {
                break;
            }
            ways.push(Vec::new());
        } else if let Some(way) = ways.last_mut() {
            way.push(command.clone());
        }
    }
    ways
}
