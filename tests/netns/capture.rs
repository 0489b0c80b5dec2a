//! `--pcapng` and the transcript of `-v`: what they tell of a run is compared with its JSON document and with the path.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pcap_parser::pcapng::{Block, EnhancedPacketBlock, OptionCode, PcapNGOption, parse_block_le};
use pcap_parser::traits::PcapNGPacketBlock;
use rustix::process::{Pid, Signal, kill_process};

use super::cases::{assert_one_line_error, only_address, spawn, up, wait_until_running};
use super::lab::{finish, program, run, with_labs};
use super::scenario::{Family, Node};

#[test]
fn a_capture_and_a_transcript_tell_the_story_of_a_black_hole() {
    with_labs("capture::a_capture_and_a_transcript_tell_the_story_of_a_black_hole", || {
        for family in [Family::V4, Family::V6] {
            let lab = up("silent_router", family, &["--delay", "5"]);
            let file = lab.folder().join("story.pcapng");
            let target = Node::S.near_address(family).to_string();
            let ran = lab.probe(&["--json", "-v", "--pcapng", file.to_str().unwrap(), &target]);
            let address = only_address(&ran);
            assert_eq!(address["verdict"], "black_hole", "{address}");
            let packets = packets(&fs::read(&file).unwrap());

            let probes = packets.iter().filter(|packet| packet.is_outbound && packet.is_a_probe()).count();
            assert_eq!(Some(probes as u64), address["probes_sent"].as_u64(), "each probe is there once");
            check_each(&packets);
            check_the_story(&packets, family);
            check_transcript(&ran.stderr, &packets);
            tcpdump_understands(&file, packets.len());
            lab.down().unwrap();
        }
    });
}

#[test]
fn a_ptb_is_in_the_capture_and_the_transcript_follows_it_past_the_firewall() {
    with_labs("capture::a_ptb_is_in_the_capture_and_the_transcript_follows_it_past_the_firewall", || {
        for family in [Family::V4, Family::V6] {
            for (scenario, passes) in [("ptb_1400", true), ("ptb_dropped_by_this_host", false)] {
                let lab = up(scenario, family, &[]);
                let file = lab.folder().join("ptb.pcapng");
                let target = Node::S.near_address(family).to_string();
                let ran = lab.probe(&["-v", "--pcapng", file.to_str().unwrap(), &target]);
                let name = if family == Family::V4 { "fragmentation needed" } else { "packet too big" };
                let told = format!("{name}, MTU 1400, from {} about ", Node::R2.near_address(family));
                let packets = packets(&fs::read(&file).unwrap());
                assert!(packets.iter().any(|packet| !packet.is_outbound && packet.comment.starts_with(&told)));
                let lines: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(&told)).collect();
                assert!(!lines.is_empty(), "{}", ran.stderr);
                let behind = lines.iter().any(|line| line.ends_with(": passed this host's firewall"));
                assert_eq!(behind, passes, "{scenario} {family}: {}", lines.join("\n"));
                lab.down().unwrap();
            }
        }
    });
}

#[test]
fn an_ended_run_leaves_a_readable_capture() {
    with_labs("capture::an_ended_run_leaves_a_readable_capture", || {
        for signal in [Signal::INT, Signal::KILL] {
            // A round trip takes 300 ms, so at half of that the handshake and the echo requests are out.
            let lab = up("silent_router", Family::V4, &["--delay", "150"]);
            let file = lab.folder().join("cut.pcapng");
            let child = spawn(&lab, &["--pcapng", file.to_str().unwrap(), "10.0.4.2"]);
            wait_until_running(&lab);
            std::thread::sleep(Duration::from_millis(700));
            kill_process(Pid::from_child(&child), signal).unwrap();
            finish(child);
            let packets = packets(&fs::read(&file).unwrap());
            assert!(packets.iter().any(Packet::is_a_syn), "{signal:?}: {} packets", packets.len());
            check_each(&packets);
            lab.down().unwrap();
        }
    });
}

/// Whoever knows addresses and ports can send more than any disk holds: what the run sent is in the file nevertheless, and it says
/// that others are not.
#[test]
fn a_flood_fills_a_part_of_the_capture_at_most() {
    with_labs("capture::a_flood_fills_a_part_of_the_capture_at_most", || {
        for (scenario, family) in [("box_flood_of_segments_hole", Family::V4), ("box_flood_of_ptbs_hole", Family::V6)] {
            let lab = up(scenario, family, &[]);
            let file = lab.folder().join("flood.pcapng");
            let target = Node::S.near_address(family).to_string();
            let ran = lab.probe(&["--json", "--pcapng", file.to_str().unwrap(), "--pcapng-limit", "1M", &target]);
            let address = only_address(&ran);
            assert_eq!(address["verdict"], "black_hole", "{address}");
            let bytes = fs::read(&file).unwrap();
            assert!(bytes.len() <= 1 << 20, "{scenario}: {} bytes", bytes.len());
            let (packets, statistics) = packets_and_statistics(&bytes);
            let [first, last] = &statistics[..] else {
                panic!("{scenario}: {} blocks of statistics", statistics.len())
            };
            assert_eq!(first.left_out, 1, "it is told where it begins");
            assert_eq!(last.written, packets.len() as u64, "{scenario}");
            assert!(
                last.left_out > 100 && last.received == last.written + last.left_out,
                "{scenario}: {}",
                last.left_out
            );
            let told = format!("{} packets are ", last.left_out);
            assert!(last.comment.starts_with(&told) && last.comment.ends_with("--pcapng-limit 1M"), "{}", last.comment);
            assert!(ran.stderr.contains(&format!("{told}not in ")), "{}", ran.stderr);
            check_each(&packets);
            let probes = packets.iter().filter(|packet| packet.is_outbound && packet.is_a_probe()).count();
            assert_eq!(Some(probes as u64), address["probes_sent"].as_u64(), "{scenario}: each probe is there once");
            lab.down().unwrap();
        }
    });
}

#[test]
fn a_full_disk_ends_the_capture_and_not_the_examination() {
    with_labs("capture::a_full_disk_ends_the_capture_and_not_the_examination", || {
        let lab = up("silent_router", Family::V4, &[]);
        let file = lab.folder().join("full.pcapng");
        // Sixteen pages of 4096 bytes for more than a hundred packets, most of them of 1400 bytes.
        let line = format!(
            "mkdir {0}.d; mount -t tmpfs -o size=64k none {0}.d; status=0
             {1} --json --pcapng {0}.d/x 10.0.4.2 || status=$?; cp {0}.d/x {0}; umount {0}.d; exit $status",
            file.display(),
            program().display()
        );
        let ran = run(lab.command("c", "bash").args(["-euc", &line]));
        assert_eq!(ran.status.code(), Some(2), "the verdict counts: {}", ran.stderr);
        assert_eq!(only_address(&ran)["verdict"], "black_hole");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("No space left on device"), "{}", ran.stderr);
        check_each(&packets(&fs::read(&file).unwrap()));
        lab.down().unwrap();
    });
}

#[test]
fn a_capture_that_cannot_be_written_is_one_line_before_anything_is_sent() {
    with_labs("capture::a_capture_that_cannot_be_written_is_one_line_before_anything_is_sent", || {
        let lab = up("clear", Family::V4, &[]);
        for file in ["/nowhere/at/all.pcapng", "/dev/full", "/dev/stdout", "/"] {
            assert_one_line_error(&lab.probe(&["--pcapng", file, "10.0.4.2"]));
        }
        assert!(!lab.mail_log().contains("connect "), "{}", lab.mail_log());
        lab.down().unwrap();
    });
}

/// sudo makes a root of whoever calls it, and without its capabilities root may not write into that user's directory.
#[test]
fn root_can_write_where_the_caller_of_sudo_can() {
    with_labs("capture::root_can_write_where_the_caller_of_sudo_can", || {
        let lab = up("clear", Family::V4, &[]);
        let folder = lab.folder().join("home");
        fs::create_dir(&folder).unwrap();
        // A user namespace of one user knows no other: this test needs root.
        std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).unwrap();
        let file = folder.join("mine.pcapng");
        let ran = lab.probe(&["--pcapng", file.to_str().unwrap(), "10.0.4.2"]);
        assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
        assert!(!packets(&fs::read(&file).unwrap()).is_empty());
        lab.down().unwrap();
    });
}

/// A packet of a capture.
struct Packet {
    /// Nanoseconds since 1970.
    at: u64,
    bytes: Vec<u8>,
    is_outbound: bool,
    comment: String,
}

impl Packet {
    fn new(block: &EnhancedPacketBlock<'_>) -> Self {
        let option = |code| {
            let mut found = block.options.iter().filter(|option| option.code == code);
            let (first, second) = (found.next(), found.next());
            assert!(second.is_none(), "option {code:?} twice");
            first.map(|option| option.value[..usize::from(option.len)].to_vec()).unwrap_or_default()
        };
        let flags = u32::from_le_bytes(option(OptionCode(2)).try_into().expect("flags of four bytes"));
        assert!(matches!(flags & 3, 1 | 2), "a packet comes or goes: flags {flags:#x}");
        assert_eq!(block.caplen, block.origlen, "packets are whole");
        Self {
            at: (u64::from(block.ts_high) << 32) | u64::from(block.ts_low),
            bytes: block.packet_data().to_vec(),
            is_outbound: flags & 3 == 2,
            comment: String::from_utf8(option(OptionCode(1))).expect("comments are UTF-8"),
        }
    }

    fn is_v4(&self) -> bool {
        self.bytes[0] >> 4 == 4
    }

    /// The length that the IP header states.
    fn stated_len(&self) -> usize {
        let word = |at: usize| usize::from(u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]));
        if self.is_v4() { word(2) } else { 40 + word(4) }
    }

    /// Offset in bytes, if it is a fragment.
    fn fragment(&self) -> Option<usize> {
        let field = u16::from_be_bytes([self.bytes[6], self.bytes[7]]);
        (self.is_v4() && field & 0x3fff != 0).then_some(usize::from(field & 0x1fff) * 8)
    }

    fn is_a_syn(&self) -> bool {
        let (protocol, flags) = if self.is_v4() { (self.bytes[9], 33) } else { (self.bytes[6], 53) };
        protocol == 6 && self.fragment().is_none_or(|offset| offset == 0) && self.bytes[flags] & 0x12 == 0x02
    }

    /// What `probes_sent` counts: all that ask a question, the SYN of the connection among them. Fragments are one packet.
    fn is_a_probe(&self) -> bool {
        let asks = self.is_a_syn() || self.comment.starts_with("probe ");
        asks && self.fragment().is_none_or(|offset| offset == 0)
    }
}

/// The packets of a file in which nothing was left out.
fn packets(file: &[u8]) -> Vec<Packet> {
    let (packets, statistics) = packets_and_statistics(file);
    assert_eq!(statistics.len(), 0, "nothing was left out");
    packets
}

/// What a block of statistics says.
struct Statistics {
    received: u64,
    left_out: u64,
    written: u64,
    comment: String,
}

impl Statistics {
    fn new(options: &[PcapNGOption<'_>]) -> Self {
        let option = |code| {
            let found = options.iter().find(|option| option.code == OptionCode(code)).expect("it is told");
            &found.value[..usize::from(found.len)]
        };
        let number = |code| u64::from_le_bytes(option(code).try_into().expect("eight bytes"));
        let comment = String::from_utf8(option(1).to_vec()).expect("UTF-8");
        Self { received: number(4), left_out: number(5), written: number(8), comment }
    }
}

/// A file has to consist of whole blocks: a section, an interface, then packets and statistics.
fn packets_and_statistics(mut file: &[u8]) -> (Vec<Packet>, Vec<Statistics>) {
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let (rest, block) =
            parse_block_le(file).unwrap_or_else(|error| panic!("after {} blocks: {error}", blocks.len()));
        blocks.push(block);
        file = rest;
    }
    let [Block::SectionHeader(_), Block::InterfaceDescription(interface), packets @ ..] = &blocks[..] else {
        panic!("the file begins otherwise")
    };
    assert_eq!(interface.linktype, pcap_parser::Linktype::RAW);
    assert_eq!(interface.ts_resolution(), Some(1_000_000_000));
    let (mut read, mut statistics) = (Vec::new(), Vec::new());
    for block in packets {
        match block {
            Block::EnhancedPacket(block) => read.push(Packet::new(block)),
            Block::InterfaceStatistics(block) => statistics.push(Statistics::new(&block.options)),
            other => panic!("an unexpected block: {other:?}"),
        }
    }
    (read, statistics)
}

fn check_each(packets: &[Packet]) {
    for pair in packets.windows(2) {
        assert!(pair[0].at <= pair[1].at, "time runs forward");
    }
    for packet in packets {
        assert!(!packet.comment.is_empty());
        assert_eq!(packet.stated_len(), packet.bytes.len(), "{}", packet.comment);
        let stated = packet.comment.strip_prefix("probe ").and_then(|rest| rest.split(',').next());
        if let (Some(size), None) = (stated, packet.fragment()) {
            assert_eq!(size, packet.bytes.len().to_string(), "{}", packet.comment);
        }
    }
}

/// r2 is silent in front of a link of 1400 bytes.
fn check_the_story(packets: &[Packet], family: Family) {
    let count = |is_outbound: bool, start: &str| {
        packets.iter().filter(|packet| packet.is_outbound == is_outbound && packet.comment.starts_with(start)).count()
    };
    let df = if family == Family::V4 { ", DF" } else { "" };
    for size in [1400, 1401] {
        assert!(count(true, &format!("probe {size}{df}, old data, to confirm")) >= 6, "six of each at least");
    }
    assert!(count(true, &format!("probe 1401{df}, real bytes of the conversation, \"EHLO ")) > 0);
    assert!(count(false, "answer to 1400, old data: 1400 bytes pass") >= 6);
    let hop = format!("hop 2 {}: time exceeded for ", Node::R2.near_address(family));
    assert!(count(false, &hop) > 0, "r2 answers");
    let hop = format!("hop 3 {}: time exceeded for ", Node::R3.near_address(family));
    let got_there = packets.iter().filter_map(|packet| packet.comment.strip_prefix(&hop));
    let sizes = got_there.map(|text| text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    assert!(
        sizes.map(|size| size.parse::<u32>().expect("a size")).all(|size| size <= 1400),
        "nothing larger reaches r3"
    );
    // Larger packets pass where a router may cut them, and so do fragments.
    let answers = packets.iter().filter(|packet| !packet.is_outbound).filter_map(|packet| {
        let (size, proved) = packet.comment.strip_prefix("answer to ")?.split_once(',')?;
        Some((size.parse::<u32>().expect("a size"), proved))
    });
    let mut proved: HashMap<bool, Vec<&str>> = HashMap::new();
    for (size, words) in answers {
        proved.entry(size > 1400).or_default().push(words);
    }
    let too_large = proved.get(&true).cloned().unwrap_or_default();
    assert!(too_large.iter().all(|words| words.ends_with("passes where routers may cut it")), "{too_large:?}");
    assert_eq!(too_large.is_empty(), family == Family::V6, "in IPv6 nobody cuts: {too_large:?}");
}

/// One line for each packet but later fragments, then the copies from behind the firewall.
fn check_transcript(transcript: &str, packets: &[Packet]) {
    let lines = |sign: &str| transcript.lines().filter(|line| line.contains(&format!(" ms {sign} "))).count();
    let events = |is_outbound: bool| {
        packets.iter().filter(|p| p.is_outbound == is_outbound && p.fragment().is_none_or(|offset| offset == 0)).count()
    };
    assert_eq!(lines(">"), events(true), "{transcript}");
    assert_eq!(lines("<"), events(false), "{transcript}");
    assert!(transcript.contains(" ms >  1401  probe 1401"), "{transcript}");
    assert!(transcript.contains(" ms <    52  answer to 1400, old data") || transcript.contains(" ms <    72  answer"));
    assert!(transcript.is_ascii() && !transcript.contains('\x1b'), "{transcript}");
}

/// tcpdump verifies lengths and checksums as well.
fn tcpdump_understands(file: &Path, packets: usize) {
    let read = tcpdump().arg("-nnvr").arg(file).output();
    let read = read.unwrap_or_else(|error| panic!("tcpdump: {error}; install it with: apt-get install tcpdump"));
    let (text, complaints) = (String::from_utf8_lossy(&read.stdout), String::from_utf8_lossy(&read.stderr));
    assert!(read.status.success(), "{complaints}");
    assert_eq!(complaints.lines().filter(|line| !line.starts_with("reading from file ")).count(), 0, "{complaints}");
    assert_eq!(text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count(), packets);
    for fault in ["incorrect", "wrong", " bad ", "truncated", "[|ip", "[|tcp", "[|icmp", "invalid"] {
        assert!(!text.contains(fault), "{fault} in\n{text}");
    }
}

/// As root it insists on becoming another user, or root once more. A user namespace of one user permits neither, but one more
/// namespace, in which it is not root.
fn tcpdump() -> Command {
    let is_alone = fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.trim_end().ends_with(" 4294967295"));
    let (program, arguments) = if is_alone {
        ("unshare", ["--user", "--map-user=1000", "--map-group=1000", "tcpdump"].as_slice())
    } else {
        ("tcpdump", ["-Z", "root"].as_slice())
    };
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
