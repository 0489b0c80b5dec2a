//! The way back on real kernels, beyond what a scenario file can say: against a witness in the network, with offloads on, with
//! loss, and by the clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cases::only_address;
use super::lab::{Lab, Seen, with_labs};
use super::scenario::{Family, Node};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
const PORT: u16 = 25;

/// r3 says nothing about packets towards c that are too large for it.
const HOLE: &str = "about = 'towards c, large packets vanish at r3'
[[link]]
[[link]]
[[link]]
BACK
[router.r3]
ptb = 'silent'
[peer]
tls = 'starttls'
mtu_probing = PROBING
[expect]
verdict = 'clear'
path_mtu = 1500
[expect.reverse]
verdict = 'black_hole'
path_mtu = SIZE
";

#[test]
fn a_server_recovers_when_a_witness_sees_it_recover() {
    with_labs("reverse::a_server_recovers_when_a_witness_sees_it_recover", || {
        std::thread::scope(|scope| {
            for family in FAMILIES {
                scope.spawn(move || recovers(family));
            }
        });
    });
}

fn recovers(family: Family) {
    let lab = hole(1400, true, family, &["--delay", "10"]);
    let witness = lab.witness("c", "e1");
    let address = both_ways(&lab, family);
    let seen = recovery(&witness.packets());
    let seen = seen.unwrap_or_else(|| panic!("{family}: nothing recovered before the run ended: {address}"));
    assert_eq!(address["reverse"]["verdict"], "recovers", "{family}: {address}");
    let told = address["reverse"]["recovered_after_ms"].as_f64().expect("a time");
    println!("{family}: told {told} ms, seen {seen} ms");
    assert!((told - seen).abs() <= 0.2 * seen, "{family}: told {told} ms, seen {seen} ms");
    lab.down().unwrap();
}

/// On the connection that waited longest: milliseconds from the client hello to the beginning of the answer to it.
fn recovery(packets: &[Seen]) -> Option<f64> {
    let mut hellos = BTreeMap::new();
    let mut answers = BTreeMap::new();
    for (at, segment) in packets.iter().filter_map(|seen| Some((seen.at, Segment::parse(&seen.bytes)?))) {
        let is_client_hello = matches!(segment.data, [0x16, 3, _, _, _, 1, ..]);
        if segment.to == PORT && is_client_hello {
            hellos.entry(segment.from).or_insert((at, segment.acknowledges));
        }
        let awaited = hellos.get(&segment.to).filter(|(_, next)| segment.from == PORT && segment.sequence == *next);
        if let (Some((asked, _)), false) = (awaited, segment.data.is_empty()) {
            answers.entry(segment.to).or_insert((at - asked) * 1000.0);
        }
    }
    answers.into_values().reduce(f64::max)
}

struct Segment<'a> {
    from: u16,
    to: u16,
    sequence: u32,
    acknowledges: u32,
    data: &'a [u8],
}

impl<'a> Segment<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let is_v4 = packet.first()? >> 4 == 4;
        let (protocol, length) = if is_v4 { (packet[9], 20) } else { (packet[6], 40) };
        let whole = u16::from_be_bytes(packet.get(if is_v4 { 2..4 } else { 4..6 })?.try_into().ok()?);
        let whole = usize::from(whole) + if is_v4 { 0 } else { 40 };
        // A short frame is padded.
        let tcp = packet.get(length..whole.min(packet.len())).filter(|_| protocol == 6)?;
        let word = |at: usize| Some(u16::from_be_bytes(tcp.get(at..at + 2)?.try_into().ok()?));
        let long = |at: usize| Some(u32::from_be_bytes(tcp.get(at..at + 4)?.try_into().ok()?));
        let data = tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?;
        Some(Self { from: word(0)?, to: word(2)?, sequence: long(4)?, acknowledges: long(8)?, data })
    }
}

#[test]
fn merged_segments_are_not_taken_for_packets() {
    with_labs("reverse::merged_segments_are_not_taken_for_packets", || {
        std::thread::scope(|scope| {
            for family in FAMILIES {
                for (size, verdict) in [(1500, "clear"), (1400, "black_hole")] {
                    scope.spawn(move || with_offloads(size, verdict, family));
                }
            }
        });
    });
}

fn with_offloads(size: u32, verdict: &str, family: Family) {
    let lab = hole(size, false, family, &["--offloads"]);
    let witness = lab.witness("c", "e1");
    let address = both_ways(&lab, family);
    let largest = witness.packets().iter().map(|seen| seen.bytes.len()).max();
    let back = &address["reverse"];
    assert_eq!((&back["verdict"], &back["path_mtu"]), (&verdict.into(), &size.into()), "{family} {size}: {address}");
    assert_eq!((&address["verdict"], &address["path_mtu"]), (&"clear".into(), &1500.into()), "{family}: {address}");
    assert!(largest > Some(1500), "{family} {size}: no segments were merged, so this shows nothing");
    lab.down().unwrap();
}

#[test]
fn loss_makes_no_hole_on_the_way_back() {
    with_labs("reverse::loss_makes_no_hole_on_the_way_back", || {
        let runs = std::env::var("PMTU_NETNS_LOSS_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3);
        let (mut doubts, mut wrong) = (0, Vec::new());
        for family in FAMILIES {
            let wire = "2 --delay-ms 10 --back-delay-ms 10 --loss 0.05 --back-loss 0.05";
            let lab = hole(1500, false, family, &["--wire", wire]);
            for run in 0..runs {
                let address = both_ways(&lab, family);
                match (address["verdict"].as_str(), address["reverse"]["verdict"].as_str()) {
                    (Some("clear"), Some("clear")) => {}
                    (Some("clear" | "inconclusive"), Some("clear" | "inconclusive" | "untested")) => {
                        println!("{family} run {run}: {} / {}", address["verdict"], address["reverse"]);
                        doubts += 1;
                    }
                    _ => wrong.push(format!("{family} run {run}: {address}")),
                }
            }
            lab.down().unwrap();
        }
        println!("{} runs, {doubts} in doubt, {} wrong", 2 * runs, wrong.len());
        assert!(wrong.is_empty(), "{} of {} runs are wrong:\n{}", wrong.len(), 2 * runs, wrong.join("\n"));
        assert!(doubts <= 1.max(2 * runs / 20), "{doubts} of {} runs in doubt", 2 * runs);
    });
}

#[test]
fn a_healthy_path_takes_less_than_two_seconds() {
    const RUNS: usize = 5;
    const LIMIT: Duration = Duration::from_secs(2);
    with_labs("reverse::a_healthy_path_takes_less_than_two_seconds", || {
        for family in FAMILIES {
            let lab = hole(1500, false, family, &["--delay", "10"]);
            let mut times: Vec<Duration> = Vec::new();
            for _ in 0..RUNS {
                let start = Instant::now();
                // What a user gets without options.
                let address = only_address(&lab.probe(&["--json", &Node::S.near_address(family).to_string()]));
                times.push(start.elapsed());
                assert_eq!(address["reverse"]["verdict"], "clear", "{family}: {address}");
            }
            times.sort();
            println!("{family}: {times:?}");
            assert!(times[RUNS / 2] < LIMIT, "{family}: {times:?}");
            lab.down().unwrap();
        }
    });
}

/// The message that the server is told about a packet of its own is true, so a server heeds it unless something drops it.
#[test]
fn a_server_that_is_told_obeys_unless_its_firewall_drops_the_message() {
    with_labs("reverse::a_server_that_is_told_obeys_unless_its_firewall_drops_the_message", || {
        std::thread::scope(|scope| {
            for family in FAMILIES {
                for (size, verdict) in [(1500, "clear"), (1400, "black_hole")] {
                    scope.spawn(move || told(size, verdict, family, &["--delay", "10"], "peer_obeys_ptb"));
                    let deaf = ["--delay", "10", "--filter", "s host_drops_ptb"];
                    scope.spawn(move || told(size, verdict, family, &deaf, "peer_ignores_ptb"));
                }
            }
        });
    });
}

fn told(size: u32, verdict: &str, family: Family, options: &[&str], finding: &str) {
    let lab = hole(size, false, family, options);
    let address = only_address(&lab.probe(&["--json", "--ptb-test", &Node::S.near_address(family).to_string()]));
    let reverse = &address["reverse"];
    assert_eq!((&reverse["verdict"], &reverse["path_mtu"]), (&verdict.into(), &size.into()), "{family}: {address}");
    let findings: Vec<&Value> = address["findings"].as_array().expect("a list").iter().collect();
    let about_ptb = |finding: &&&Value| finding.as_str().is_some_and(|word| word.starts_with("peer_"));
    let found: Vec<&&Value> = findings.iter().filter(about_ptb).collect();
    assert_eq!(found, [&&Value::from(finding)], "{family}, {size}: {address}");
    let log = lab.mail_log();
    assert!(!log.contains("MAIL"), "{log}");
    lab.down().unwrap();
}

/// A path whose way back carries packets of this size.
fn hole(size: u32, probing: bool, family: Family, options: &[&str]) -> Lab {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    // The other links carry this much.
    let back = if size < 1500 { format!("back_mtu = {size}") } else { String::new() };
    let text = HOLE.replace("BACK", &back).replace("SIZE", &size.to_string()).replace("PROBING", &probing.to_string());
    let name = format!("pmtu-way-back-{}-{}.toml", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, text).expect("the file of a path can be written");
    let lab = Lab::up(&file.display().to_string(), family, options);
    std::fs::remove_file(&file).expect("the file is there");
    lab.unwrap_or_else(|error| panic!("{error}"))
}

fn both_ways(lab: &Lab, family: Family) -> Value {
    only_address(&lab.probe(&["--json", "--direction", "both", &Node::S.near_address(family).to_string()]))
}
