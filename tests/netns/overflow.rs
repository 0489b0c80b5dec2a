//! A real overflow of the capture: the program does not run while a flood comes for one of its ports, and the kernel drops what its
//! buffer of 32 MiB does not hold (`PACKET_STATISTICS`).

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Protocol, Socket, Type};

use super::cases::spawn;
use super::faults::is_long;
use super::lab::{Lab, finish, with_labs};
use super::paths::{Path, with_paths};
use super::scenario::Family;
use super::verify;

#[test]
fn what_the_capture_could_not_hold_is_no_silence() {
    with_labs("overflow::what_the_capture_could_not_hold_is_no_silence", || {
        let lab = with_paths("");
        let rounds = if is_long() { 8 } else { 1 };
        let (mut overflows, mut inconclusive) = (0, 0);
        for round in 0..rounds {
            for (path, family) in [
                (Path::Hole, Family::V4),
                (Path::Clear, Family::V6),
                (Path::Told, Family::V4),
                (Path::Hole, Family::V6),
            ] {
                if !is_long() && path == Path::Told {
                    continue;
                }
                let address = path.address(family, 7, round + 1);
                let (document, stderr) = flooded(&lab, address, path);
                let verdict = &document["addresses"][0];
                overflows += usize::from(stderr.contains("this host dropped "));
                let is_doubt = verdict["verdict"] == "inconclusive"
                    && verdict["reason"].as_str().is_some_and(|reason| reason.starts_with("this host dropped packets"));
                inconclusive += usize::from(is_doubt);
                println!("{path:?} {family}: {} {}; {}", verdict["verdict"], verdict["reason"], stderr.trim());
                assert!(
                    is_doubt || path.is_told_by(verdict),
                    "{path:?} {family}: {} {}",
                    verdict["verdict"],
                    verdict["reason"]
                );
            }
        }
        println!("{overflows} overflows, {inconclusive} inconclusive");
        assert!(overflows > 0, "nothing was dropped, so nothing was shown");
        lab.down().unwrap();
    });
}

/// Runs, is stopped once the server sees its connection, is flooded, and goes on.
fn flooded(lab: &Lab, address: IpAddr, path: Path) -> (serde_json::Value, String) {
    let port = || {
        let log = fs::read_to_string(lab.folder().join("mx.log")).unwrap_or_default();
        let peers = log.lines().filter_map(|line| line.strip_prefix("connect ")?.split_once(' '));
        peers
            .filter_map(|(number, peer)| Some((number.parse::<usize>().ok()?, peer.trim().parse::<SocketAddr>().ok()?)))
            .next_back()
    };
    let before = port().map_or(0, |(number, _)| number);
    let child = spawn(lab, &["--json", "--direction", "forward", &address.to_string()]);
    let pid = Pid::from_child(&child);
    let deadline = Instant::now() + Duration::from_secs(10);
    let client = loop {
        match port().filter(|(number, _)| *number > before) {
            Some((_, client)) => break client,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
        assert!(Instant::now() < deadline, "{path:?} {address}: no connection");
    };
    let _ = kill_process(pid, Signal::STOP);
    lab.inside("r1", || flood(address, client));
    let _ = kill_process(pid, Signal::CONT);
    let ran = finish(child);
    (verify::document(&ran).unwrap_or_else(|fault| panic!("{fault}")), ran.stderr)
}

/// Segments of 1400 bytes that the server might have sent, more than the buffer holds.
fn flood(from: IpAddr, to: SocketAddr) {
    const COUNT: u32 = 60_000;
    let domain = if from.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    // IPPROTO_RAW: with an IP header of our own.
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(255))).expect("root may open a raw socket");
    let mut packet = match (from, to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            [&[0x45, 0, 0x05, 0x78, 0, 0, 0x40, 0, 60, 6, 0, 0][..], &from.octets(), &to.octets()].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            [&[0x60, 0, 0, 0, 0x05, 0x50, 6, 60][..], &from.octets(), &to.octets()].concat()
        }
        _ => panic!("one family"),
    };
    let tcp = packet.len();
    packet.extend(
        [&25_u16.to_be_bytes()[..], &to.port().to_be_bytes(), &[0; 8], &[0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]].concat(),
    );
    packet.resize(1400, b'x');
    let destination = SocketAddr::new(to.ip(), 0).into();
    for number in 0..COUNT {
        packet[tcp + 4..tcp + 8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        let _ = socket.send_to(&packet, &destination);
    }
}
