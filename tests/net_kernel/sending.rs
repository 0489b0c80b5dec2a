//! The raw sender and the privilege it needs.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use caps::{CapSet, Capability};
use pmtu_probe::model::Refusal;
use pmtu_probe::net::privilege;
use pmtu_probe::net::sender::{SendError, Sender};
use pmtu_probe::net::{NetError, Ours, PortBlock};

use crate::lab::{HERE4, HERE6, THERE4, THERE6, in_namespaces, ip, sh};
use crate::packets::{TcpFlags, TcpWatch, inject, plain_raw_socket, ptb, tcp, udp};

const QUIET: Duration = Duration::from_millis(300);
const EMSGSIZE: i32 = 90;
const EPERM: i32 = 1;

#[expect(clippy::needless_pass_by_value, reason = "reads best around the call")]
fn refusal(result: Result<(), SendError>) -> Option<Refusal> {
    match result {
        Err(SendError::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

fn ack(from: &str, to: &str, size: usize) -> Vec<u8> {
    tcp((ip(from), 40_000), (ip(to), 25), size, TcpFlags::Ack)
}

/// Makes this host's kernel learn a path MTU, as a router on the path would.
pub(crate) fn teach_path_mtu(lab: &crate::lab::Lab, here: IpAddr, there: IpAddr, mtu: u16) {
    let socket = std::net::UdpSocket::bind((here, 0)).expect("a UDP socket");
    socket.connect((there, 9)).expect("a destination");
    let port = socket.local_addr().expect("its address").port();
    let about = udp((here, port), (there, 9), 1500);
    lab.peer(move || inject(&ptb(there, here, mtu, &about), here));
    std::thread::sleep(Duration::from_millis(50));
}

#[test]
fn a_cached_path_mtu_does_not_stop_a_probe() {
    in_namespaces("sending::a_cached_path_mtu_does_not_stop_a_probe", async |lab| {
        let sender = Sender::open(None).expect("a sender");
        for (here, there) in [(HERE4, THERE4), (HERE6, THERE6)] {
            teach_path_mtu(&lab, ip(here), ip(there), 1300);
            let packet = ack(here, there, 1400);
            let plain = plain_raw_socket(ip(there));
            let refused = plain.send_to(&packet, &SocketAddr::from((ip(there), 0)).into()).expect_err("refused");
            assert_eq!(refused.raw_os_error(), Some(EMSGSIZE), "{there}: without the option the cache stops it");
            let (there, sent) = (ip(there), packet.clone());
            let watch = lab.peer(move || TcpWatch::open(there));
            sender.send(&packet, there, 0).expect("it leaves");
            let arrived = lab.peer(move || watch.segments(QUIET));
            let header = if there.is_ipv4() { 20 } else { 40 };
            assert_eq!(arrived, [sent[header..].to_vec()], "{there}: whole and in one piece");
        }
    });
}

#[test]
fn a_packet_larger_than_the_interface_is_too_big_and_harms_no_later_one() {
    let name = "sending::a_packet_larger_than_the_interface_is_too_big_and_harms_no_later_one";
    in_namespaces(name, async |_| {
        let sender = Sender::open(None).expect("a sender");
        for (here, there) in [(HERE4, THERE4), (HERE6, THERE6)] {
            for _ in 0..1000 {
                assert_eq!(refusal(sender.send(&ack(here, there, 1501), ip(there), 0)), Some(Refusal::TooBig));
            }
            sender.send(&ack(here, there, 1500), ip(there), 0).expect("it leaves");
        }
    });
}

#[test]
fn refusals_are_told_apart() {
    in_namespaces("sending::refusals_are_told_apart", async |_| {
        let sender = Sender::open(None).expect("a sender");
        let far = [(HERE4, "192.0.2.1"), (HERE6, "2001:db8::1")];
        for (here, far) in far {
            assert_eq!(refusal(sender.send(&ack(here, far, 100), ip(far), 0)), Some(Refusal::NoRoute), "{far}");
        }
        let malformed = sender.send(&[0; 3], ip(THERE4), 0);
        assert!(matches!(malformed, Err(SendError::Failed(NetError::Send { .. }))), "{malformed:?}");

        sh("nft add table inet wall");
        sh("nft 'add chain inet wall output { type filter hook output priority 0; policy accept; }'");
        sh("nft add rule inet wall output tcp dport 25 drop");
        for (here, there) in [(HERE4, THERE4), (HERE6, THERE6)] {
            assert_eq!(refusal(sender.send(&ack(here, there, 100), ip(there), 0)), Some(Refusal::Forbidden), "{there}");
        }
        sh("nft delete table inet wall");

        // A queue for one packet that lets next to nothing through.
        sh("tc qdisc add dev here root tbf rate 8bit burst 2000 limit 2000");
        for (here, there) in [(HERE4, THERE4), (HERE6, THERE6)] {
            let packet = ack(here, there, 1400);
            let outcomes: Vec<_> = (0..8).map(|_| refusal(sender.send(&packet, ip(there), 0))).collect();
            assert!(outcomes.contains(&Some(Refusal::Busy)), "{there}: {outcomes:?}");
        }
    });
}

#[test]
fn a_packet_is_routed_by_the_source_it_names() {
    in_namespaces("sending::a_packet_is_routed_by_the_source_it_names", async |_| {
        let (second4, second6) = ("10.9.1.11", "fd09::11");
        sh(&format!("ip address add {second4}/24 dev here"));
        sh(&format!("ip address add {second6}/64 dev here nodad"));
        for (version, second) in [("-4", second4), ("-6", second6)] {
            sh(&format!("ip {version} route add unreachable default table 100"));
            sh(&format!("ip {version} rule add from {second} lookup 100"));
        }
        let sender = Sender::open(None).expect("a sender");
        for (first, second, there) in [(HERE4, second4, THERE4), (HERE6, second6, THERE6)] {
            sender.send(&ack(first, there, 100), ip(there), 0).expect("the main table has a route");
            assert_eq!(
                refusal(sender.send(&ack(second, there, 100), ip(there), 0)),
                Some(Refusal::NoRoute),
                "{second}"
            );
        }
    });
}

#[test]
fn a_sender_stays_on_the_interface_it_is_bound_to() {
    in_namespaces("sending::a_sender_stays_on_the_interface_it_is_bound_to", async |lab| {
        let there = ip(THERE4);
        let watch = lab.peer(move || TcpWatch::open(there));
        let bound = Sender::open(Some("here")).expect("a sender");
        bound.send(&ack(HERE4, THERE4, 100), there, 0).expect("it leaves");
        assert_eq!(lab.peer(move || watch.segments(QUIET)).len(), 1);
        let missing = Sender::open(Some("nowhere0"));
        assert!(matches!(missing, Err(NetError::NoInterface { .. })), "{missing:?}");
    });
}

#[test]
fn open_sockets_outlive_the_privilege_and_new_ones_fail() {
    in_namespaces("sending::open_sockets_outlive_the_privilege_and_new_ones_fail", async |_| {
        caps::drop(None, CapSet::Effective, Capability::CAP_NET_RAW).expect("lowered");
        privilege::require_raw_sockets().expect("raised again, as it is permitted");
        let sender = Sender::open(None).expect("a sender");

        privilege::give_up().expect("dropped");

        let status = std::fs::read_to_string("/proc/thread-self/status").expect("readable");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert!(status.contains(&format!("{set}:\t0000000000000000\n")), "{status}");
        }
        sender.send(&ack(HERE4, THERE4, 100), ip(THERE4), 0).expect("an open socket works on");
        let source = match Sender::open(None) {
            Err(NetError::Socket { source, .. }) => source,
            other => panic!("a new raw socket: {other:?}"),
        };
        // The filter of system calls comes before the question for the capability, where the kernel has it.
        assert!(matches!(source.raw_os_error(), Some(EPERM | libc::ENOSYS)), "{source}");
        let ours = Ours { ports: PortBlock::new(40_000, 1).expect("a block"), echo_ident: 1 };
        assert!(pmtu_probe::net::capture::Capture::open(ours).is_err(), "a new packet socket");
        let missing = privilege::require_raw_sockets().expect_err("gone");
        assert!(missing.to_string().contains("setcap cap_net_raw+ep"), "{missing}");
    });
}
