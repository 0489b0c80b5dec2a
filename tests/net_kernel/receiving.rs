//! Silent ports, capture, ICMP behind the firewall.

use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use pmtu_probe::net::capture::{Capture, Checksum, LARGEST_CAPTURE, OnWire, Received};
use pmtu_probe::net::icmp::{IcmpSockets, LARGEST_ERROR};
use pmtu_probe::net::sender::Sender;
use pmtu_probe::net::silent::SilentPorts;
use pmtu_probe::net::{Ours, PortBlock};

use crate::lab::{HERE4, HERE6, Lab, THERE4, THERE6, in_namespaces, ip, sh};
use crate::packets::{TcpFlags, TcpWatch, echo, inject, ptb, tcp, udp};

pub(crate) const IDENT: u16 = 0x5151;
/// Longer than a veth pair needs, short enough for a test that waits for nothing.
const QUIET: Duration = Duration::from_millis(300);

pub(crate) const PAIRS: [(&str, &str); 2] = [(HERE4, THERE4), (HERE6, THERE6)];

pub(crate) fn ours(ports: PortBlock) -> Ours {
    Ours { ports, echo_ident: IDENT }
}

fn block() -> PortBlock {
    PortBlock::new(40_000, 8).expect("a block")
}

/// Every packet until none comes for a while.
pub(crate) async fn drain(capture: &Capture) -> Vec<(Received, Vec<u8>)> {
    let mut buffer = vec![0; LARGEST_CAPTURE];
    let mut found = Vec::new();
    while let Ok(received) = tokio::time::timeout(QUIET, capture.recv(&mut buffer)).await {
        let received = received.expect("the capture works");
        found.push((received, received.bytes(&buffer).to_vec()));
    }
    found
}

/// Every ICMP message that passes the firewall until none comes for a while.
async fn drain_icmp(sockets: &IcmpSockets) -> Vec<(IpAddr, Vec<u8>)> {
    let mut buffer = vec![0; LARGEST_ERROR];
    let mut found = Vec::new();
    while let Ok(received) = tokio::time::timeout(QUIET, sockets.recv(&mut buffer)).await {
        let received = received.expect("the sockets work");
        found.push((received.from, received.message.to_vec()));
    }
    found
}

fn from_peer(lab: &Lab, to: IpAddr, packets: Vec<Vec<u8>>) {
    lab.peer(move || packets.iter().for_each(|packet| inject(packet, to)));
}

#[test]
fn a_silent_port_answers_an_unexpected_syn_ack_with_nothing() {
    in_namespaces("receiving::a_silent_port_answers_an_unexpected_syn_ack_with_nothing", async |lab| {
        let silent = SilentPorts::reserve(8).expect("ports");
        let capture = Capture::open(ours(silent.block())).expect("a capture");
        for (here, there) in PAIRS.map(|(here, there)| (ip(here), ip(there))) {
            let answers = |port| {
                let packet = tcp((there, 25), (here, port), 0, TcpFlags::SynAck);
                lab.peer(move || {
                    let watch = TcpWatch::open(there);
                    inject(&packet, here);
                    watch.segments(QUIET)
                })
            };
            let resets = answers(silent.block().last() + 1);
            assert_eq!(resets.len(), 1, "{there}: a port that nobody has is answered");
            assert_eq!(resets[0][13] & 0x04, 0x04, "{there}: with RST");
            for port in [silent.block().first(), silent.block().last()] {
                assert_eq!(answers(port), Vec::<Vec<u8>>::new(), "{there}: port {port}");
            }
            let seen = drain(&capture).await;
            assert_eq!(seen.len(), 2, "{there}: the capture sees what the silent ports dropped");
        }
    });
}

#[test]
fn silent_ports_are_taken_in_both_families_and_free_after_drop() {
    in_namespaces("receiving::silent_ports_are_taken_in_both_families_and_free_after_drop", async |_| {
        let silent = SilentPorts::reserve(24).expect("ports");
        let block = silent.block();
        assert_eq!(block.ports().count(), 24);
        assert!(silent.has_ipv6());
        let can_bind = |port| ["127.0.0.1", "::1"].map(|own| std::net::TcpListener::bind((ip(own), port)).is_ok());
        for port in block.ports() {
            assert_eq!(can_bind(port), [false, false], "port {port} while held");
        }
        drop(silent);
        for port in block.ports() {
            assert_eq!(can_bind(port), [true, true], "port {port} after drop");
        }
    });
}

#[test]
fn the_capture_admits_what_is_ours_and_nothing_else() {
    in_namespaces("receiving::the_capture_admits_what_is_ours_and_nothing_else", async |lab| {
        let capture = Capture::open(ours(block())).expect("a capture");
        for (here, there) in PAIRS.map(|(here, there)| (ip(here), ip(there))) {
            let probe = |port| tcp((here, port), (there, 25), 1500, TcpFlags::Ack);
            let wanted = vec![
                tcp((there, 25), (here, 40_000), 0, TcpFlags::Ack),
                tcp((there, 25), (here, 40_007), 1500, TcpFlags::Ack),
                echo(there, here, true, IDENT),
                ptb(there, here, 1400, &probe(40_003)),
                ptb(there, here, 1400, &echo(here, there, false, IDENT)),
            ];
            let foreign = vec![
                tcp((there, 25), (here, 39_999), 0, TcpFlags::Ack),
                tcp((there, 25), (here, 40_008), 0, TcpFlags::Ack),
                udp((there, 53), (here, 40_003), 100),
                echo(there, here, true, IDENT + 1),
                echo(there, here, false, IDENT),
                ptb(there, here, 1400, &probe(50_000)),
                ptb(there, here, 1400, &udp((here, 40_003), (there, 53), 1500)),
                ptb(there, here, 1400, &echo(here, there, false, 7)),
            ];
            from_peer(&lab, here, [foreign.clone(), wanted.clone(), foreign].concat());
            let seen = drain(&capture).await;
            assert_eq!(seen.len(), wanted.len(), "{there}");
            for ((received, bytes), wanted) in seen.iter().zip(&wanted) {
                assert_eq!(bytes.len(), wanted.len(), "{there}");
                // The kernel fills in IPv4's id and checksum: compare what comes behind the header.
                let header = if there.is_ipv4() { 20 } else { 40 };
                assert_eq!(bytes[header..], wanted[header..], "{there}");
                assert_eq!((received.checksum, received.on_wire), (Checksum::Ready, OnWire::Whole), "{there}");
            }
        }
        assert_eq!(capture.overflowed().expect("statistics"), 0);
    });
}

#[test]
fn our_own_packets_on_their_way_out_are_not_captured_but_arrive_once_on_loopback() {
    let name = "receiving::our_own_packets_on_their_way_out_are_not_captured_but_arrive_once_on_loopback";
    in_namespaces(name, async |_| {
        let capture = Capture::open(ours(block())).expect("a capture");
        let sender = Sender::open(None).expect("a sender");
        let send = |packet: &[u8], to| sender.send(packet, to, 0).expect("it leaves");
        send(&tcp((ip(HERE4), 25), (ip(THERE4), 40_002), 0, TcpFlags::Ack), ip(THERE4));
        send(&tcp((ip(HERE6), 25), (ip(THERE6), 40_002), 0, TcpFlags::Ack), ip(THERE6));
        assert_eq!(drain(&capture).await.len(), 0, "outgoing");
        for own in ["127.0.0.1", "::1", HERE4, HERE6].map(ip) {
            send(&tcp((own, 25), (own, 40_002), 60_000, TcpFlags::Ack), own);
            let seen = drain(&capture).await;
            assert_eq!(seen.len(), 1, "{own}");
            assert_eq!(seen[0].0.len, 60_000, "{own}");
        }
    });
}

#[test]
fn a_checksum_that_was_never_computed_is_marked() {
    in_namespaces("receiving::a_checksum_that_was_never_computed_is_marked", async |lab| {
        let capture = Capture::open(ours(block())).expect("a capture");
        // A kernel's own SYN crosses a virtual link without a checksum. Nobody listens here: it is refused at once.
        let connected = lab.peer(|| TcpStream::connect((ip(HERE4), 40_004)).is_ok());
        assert!(!connected);
        let seen = drain(&capture).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].0.checksum, Checksum::NotReady);
    });
}

#[test]
fn a_packet_that_passes_two_interfaces_is_one_packet() {
    in_namespaces("receiving::a_packet_that_passes_two_interfaces_is_one_packet", async |lab| {
        sh("ip link add bridge0 type bridge && ip address flush dev here && ip link set here master bridge0");
        sh(&format!("ip address add {HERE4}/24 dev bridge0 && ip link set bridge0 up && ping -c1 -W5 {THERE4}"));
        let capture = Capture::open(ours(block())).expect("a capture");
        let ack = tcp((ip(THERE4), 25), (ip(HERE4), 40_000), 0, TcpFlags::Ack);
        from_peer(&lab, ip(HERE4), vec![ack; 3]);
        assert_eq!(drain(&capture).await.len(), 3, "three equal packets, each on the bridge and on its port");
    });
}

#[test]
fn a_ptb_that_the_firewall_drops_is_captured_but_does_not_reach_the_kernel() {
    let name = "receiving::a_ptb_that_the_firewall_drops_is_captured_but_does_not_reach_the_kernel";
    in_namespaces(name, async |lab| {
        let capture = Capture::open(ours(block())).expect("a capture");
        let sockets = IcmpSockets::open(ours(block())).expect("sockets");
        let errors = |(here, there): (IpAddr, IpAddr)| {
            (here, there, ptb(there, here, 1400, &tcp((here, 40_003), (there, 25), 1500, TcpFlags::Ack)))
        };
        let errors = PAIRS.map(|(here, there)| errors((ip(here), ip(there))));

        for (here, there, error) in errors.clone() {
            from_peer(&lab, here, vec![error]);
            let captured = drain(&capture).await;
            let behind = drain_icmp(&sockets).await;
            assert_eq!((captured.len(), behind.len()), (1, 1), "{there}: no firewall yet");
            assert_eq!(behind[0].0, there);
            let header = if there.is_ipv4() { 20 } else { 40 };
            assert_eq!(behind[0].1, captured[0].1[header..], "{there}: the two views can be compared");
        }

        sh("nft add table inet wall");
        sh("nft 'add chain inet wall input { type filter hook input priority 0; policy accept; }'");
        sh("nft add rule inet wall input icmp type destination-unreachable drop");
        sh("nft add rule inet wall input icmpv6 type packet-too-big drop");
        for (here, there, error) in errors {
            from_peer(&lab, here, vec![error]);
            assert_eq!(drain(&capture).await.len(), 1, "{there}: in front of the firewall");
            assert_eq!(drain_icmp(&sockets).await.len(), 0, "{there}: behind the firewall");
        }
    });
}

#[test]
fn a_flood_of_foreign_errors_leaves_room_for_ours() {
    in_namespaces("receiving::a_flood_of_foreign_errors_leaves_room_for_ours", async |lab| {
        let capture = Capture::open(ours(block())).expect("a capture");
        let sockets = IcmpSockets::open(ours(block())).expect("sockets");
        for (here, there) in PAIRS.map(|(here, there)| (ip(here), ip(there))) {
            let about = |port| ptb(there, here, 1400, &tcp((here, port), (there, 25), 1500, TcpFlags::Ack));
            let (foreign, own) = (about(50_000), about(40_000));
            from_peer(&lab, here, [vec![foreign; 20_000], vec![own]].concat());
            assert_eq!(drain_icmp(&sockets).await.len(), 1, "{there}");
            assert_eq!(drain(&capture).await.len(), 1, "{there}");
        }
        assert_eq!(capture.overflowed().expect("statistics"), 0);
    });
}

#[test]
fn try_recv_drains_without_waiting() {
    in_namespaces("receiving::try_recv_drains_without_waiting", async |lab| {
        let capture = Capture::open(ours(block())).expect("a capture");
        let sockets = IcmpSockets::open(ours(block())).expect("sockets");
        let (here, there) = (ip(HERE4), ip(THERE4));
        let mut buffer = vec![0; LARGEST_CAPTURE];
        assert_eq!(capture.try_recv(&mut buffer).expect("works"), None);
        assert_eq!(sockets.try_recv(&mut buffer).expect("works"), None);
        let error = ptb(there, here, 1400, &tcp((here, 40_003), (there, 25), 1500, TcpFlags::Ack));
        from_peer(&lab, here, vec![error; 3]);
        let first = tokio::time::timeout(QUIET, capture.recv(&mut buffer)).await;
        assert!(first.is_ok_and(|received| received.is_ok()));
        let mut rest = 0;
        while capture.try_recv(&mut buffer).expect("works").is_some() {
            rest += 1;
        }
        assert_eq!(rest, 2);
        assert!(tokio::time::timeout(QUIET, sockets.recv(&mut buffer)).await.is_ok());
        for _ in 0..2 {
            assert!(sockets.try_recv(&mut buffer).expect("works").is_some());
        }
        assert_eq!(sockets.try_recv(&mut buffer).expect("works"), None);
    });
}

/// The kernel counts them as dropped, whatever they quote, and anybody may send them.
#[test]
fn messages_with_wrong_checksums_are_no_overload() {
    in_namespaces("receiving::messages_with_wrong_checksums_are_no_overload", async |lab| {
        let (here, there) = (ip(HERE6), ip(THERE6));
        let capture = Capture::open(ours(block())).expect("a capture");
        let sockets = IcmpSockets::open(ours(block())).expect("sockets");
        let mut wrong = ptb(there, here, 1400, &tcp((here, 50_000), (there, 25), 1500, TcpFlags::Ack));
        wrong[42] ^= 0xff;
        from_peer(&lab, here, vec![wrong; 5]);
        assert_eq!(drain_icmp(&sockets).await, []);
        let dropped = sockets.dropped().expect("statistics");
        let captured = capture.overflowed().expect("statistics");
        assert_eq!((captured, dropped.by_overload(captured)), (0, 0));
        assert_eq!(dropped.by_overload(1), 5, "the kernel counts each");
    });
}

/// Writes packets, in hexadecimal, to a new tunnel interface: what a VPN or a modem link hands to the kernel.
const INTO_TUNNEL: &str = r#"
    open(my $tunnel, "+<", "/dev/net/tun") or die "tun: $!";
    ioctl($tunnel, 0x400454ca, my $request = pack("a16 s x22", "tunnel", 0x1001)) or die "TUNSETIFF: $!";
    system("ip link set tunnel up") == 0 or die "up";
    syswrite($tunnel, pack("H*", $_)) or die "write: $!" for @ARGV;
"#;

#[test]
fn a_link_without_a_header_is_captured_alike() {
    in_namespaces("receiving::a_link_without_a_header_is_captured_alike", async |_| {
        let capture = Capture::open(ours(block())).expect("a capture");
        let packets = PAIRS.map(|(here, there)| (ip(here), ip(there))).map(|(here, there)| {
            let probe = tcp((here, 40_003), (there, 25), 1500, TcpFlags::Ack);
            let foreign = tcp((there, 25), (here, 50_000), 0, TcpFlags::Ack);
            [tcp((there, 25), (here, 40_000), 1400, TcpFlags::Ack), ptb(there, here, 1400, &probe), foreign]
        });
        let wanted: Vec<Vec<u8>> = packets.iter().flat_map(|[data, error, _]| [data.clone(), error.clone()]).collect();
        let hex = |packet: &Vec<u8>| packet.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let all: Vec<String> = packets.iter().flatten().map(hex).collect();
        sh(&format!("perl -e '{INTO_TUNNEL}' {}", all.join(" ")));
        let seen: Vec<Vec<u8>> = drain(&capture).await.into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(seen, wanted);
    });
}
