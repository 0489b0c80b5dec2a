//! A host that forwards for containers: what holds for it does not hold for them, and it says so. Real connections from both.

use super::cases::{only_address, up};
use super::lab::{Lab, program, run, with_labs};
use super::scenario::{Family, Node};

/// c is a host with containers: a bridge with 1500 bytes, a way out with 1450, masquerade. Behind r2 the path carries 1450 as
/// well, and its router is silent towards c: a host that announces more hangs.
const HOST: &str = "about = 'towards c, packets above 1450 vanish at r3; the MTU of c is 1450'
[[link]]
mtu = 1450
[[link]]
[[link]]
back_mtu = 1450
[router.r3]
ptb = 'silent'
[peer]
tls = 'starttls'
[expect]
verdict = 'clear'
path_mtu = 1450
[expect.reverse]
verdict = 'clear'
path_mtu = 1450
";

const CONTAINER: &str = "
ip link add docker0 type bridge
ip link set docker0 up mtu 1500
ip link add inner type veth peer name eth0 netns NAME
ip link set inner up master docker0
ip address add 172.17.0.1/16 dev docker0
ip -6 address add fd17::1/64 dev docker0 nodad
ip -n NAME link set lo up
ip -n NAME link set eth0 up
ip -n NAME address add 172.17.0.2/16 dev eth0
ip -n NAME address add fd17::2/64 dev eth0 nodad
ip -n NAME route add default via 172.17.0.1
ip -n NAME -6 route add default via fd17::1
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
nft add table inet nat
nft add chain inet nat out '{ type nat hook postrouting priority 100; }'
nft add rule inet nat out ip saddr 172.17.0.0/16 oifname e1 masquerade
nft add rule inet nat out ip6 saddr fd17::/64 oifname e1 masquerade";

/// A container, gone with this value.
struct Container(String);

impl Container {
    fn start(lab: &Lab) -> Self {
        let name = format!("{}-box", lab.namespace("c").rsplit('/').next().unwrap_or_default());
        // Here, so that whatever runs in the lab sees it.
        let made = std::process::Command::new("ip").args(["netns", "add", &name]).status();
        assert!(made.is_ok_and(|status| status.success()), "no namespace for the container");
        let container = Self(name);
        lab.shell("c", &CONTAINER.replace("NAME", &container.0));
        container
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = std::process::Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

#[test]
fn a_host_with_containers_promises_nothing_for_their_mail() {
    with_labs("inside::a_host_with_containers_promises_nothing_for_their_mail", || {
        for family in [Family::V4, Family::V6] {
            let path = std::env::temp_dir().join(format!("pmtu-inside-{}-{family}.toml", std::process::id()));
            std::fs::write(&path, HOST).unwrap();
            let lab = up(path.to_str().unwrap(), family, &["--delay", "5"]);
            std::fs::remove_file(&path).unwrap();
            let target = Node::S.near_address(family).to_string();
            let before = lab.probe(&["-q", &target]).stdout;
            assert!(before.contains("mail of any size gets through"), "no container yet: {before}");
            let container = Container::start(&lab);
            let address = only_address(&lab.probe(&["--json", &target]));
            assert_eq!(
                (&address["verdict"], &address["reverse"]["verdict"]),
                (&"clear".into(), &"clear".into()),
                "{address}"
            );
            let findings = address["findings"].as_array().cloned().unwrap_or_default();
            assert!(findings.contains(&"inside_not_examined".into()), "{family}: {findings:?}");
            let text: String = lab.probe(&[&target]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            let first = "clear: packets of 1450 bytes pass, mail of any size from this host itself gets through";
            assert!(text.contains(first), "{text}");
            assert!(text.contains("This host forwards for docker0 (bridge, MTU 1500), where packets"), "{text}");
            let command =
                format!("`nsenter -t PID -n pmtu-probe {target}`, or `ip netns exec NAME pmtu-probe {target}`");
            assert!(text.contains(&command), "{text}");

            // What the advice leads to: from inside, the hole is seen, and real connections agree with both. They come first, as
            // an examination may leave the server's kernel with a message about the path.
            assert!(handshake(&lab, None, &target), "{family}: TLS from the host itself works");
            assert!(!handshake(&lab, Some(&container.0), &target), "{family}: TLS from the container hangs");
            let mut inside = lab.command("c", "ip");
            inside.args(["netns", "exec", &container.0]).arg(program()).args(["--json", &target]);
            let inside = only_address(&run(&mut inside));
            assert_eq!(inside["reverse"]["verdict"], "black_hole", "{family}: {inside}");
            log_of_the_host(&lab, &target);
            drop(container);
            lab.down().unwrap();
        }
    });
}

/// Whether STARTTLS and its certificates get through within five seconds, by the kernel's own TCP.
fn handshake(lab: &Lab, container: Option<&str>, target: &str) -> bool {
    let host = if target.contains(':') { format!("[{target}]") } else { target.to_owned() };
    let line = format!("timeout 5 openssl s_client -connect {host}:25 -starttls smtp </dev/null 2>&1");
    let mut command = lab.command("c", if container.is_some() { "ip" } else { "bash" });
    if let Some(name) = container {
        command.args(["netns", "exec", name, "bash"]);
    }
    command.args(["-c", &line]);
    let output = command.output().expect("openssl starts");
    String::from_utf8_lossy(&output.stdout).contains("BEGIN CERTIFICATE")
}

/// The log does not say whether the mail came from a container.
fn log_of_the_host(lab: &Lab, target: &str) {
    let stall = format!(
        "Nov 24 15:10:53 client postfix/smtp[9676]: AC6D417C163: to=<a@example.com>, relay=mx.example.com[{target}]:25, delay=305, \
         delays=0.01/0/0/305, dsn=4.4.2, status=deferred (conversation with mx.example.com[{target}] timed out while sending \
         message body)\n"
    );
    let log = lab.folder().join("maillog");
    std::fs::write(&log, stall.repeat(3)).unwrap();
    let ran = lab.probe(&["--from-log", log.to_str().unwrap()]);
    let text: String = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("the path is fine for mail that this host itself sends. If it came from behind docker0"),
        "{text}"
    );
    assert!(!text.contains("packets are not why it stalled"), "{text}");
    assert_eq!(ran.status.code(), Some(3), "whose mail it was is not known: {text}");
}

/// Large pings die with their replies, in the hole that was just proven on the way back.
#[test]
fn a_hole_on_the_way_back_is_no_filter_on_large_pings() {
    with_labs("inside::a_hole_on_the_way_back_is_no_filter_on_large_pings", || {
        let lab = up("reverse_hole", Family::V4, &["--delay", "5", "--filter", "r2 drop_fragments 1500 1500"]);
        let address = only_address(&lab.probe(&["--json", "10.0.4.2"]));
        assert_eq!(address["reverse"]["verdict"], "black_hole", "{address}");
        let findings = address["findings"].as_array().cloned().unwrap_or_default();
        assert!(!findings.contains(&"large_echo_filtered".into()), "{findings:?}");
        lab.down().unwrap();
        // Where the way back is healthy, it is a filter, and is called one.
        let lab = up("large_echo_filtered", Family::V4, &["--delay", "5"]);
        let address = only_address(&lab.probe(&["--json", "10.0.4.2"]));
        let findings = address["findings"].as_array().cloned().unwrap_or_default();
        assert!(findings.contains(&"large_echo_filtered".into()), "{findings:?}");
        lab.down().unwrap();
    });
}
