//! What is to be typed on routers, on firewalls and on the machine that a container runs on, typed there: real kernels in namespaces.
//!
//! Needs `unshare`, `nft`, `ip`, `iptables`, `ping`, `lsns` and `nsenter`, and root or user namespaces; fails without.

use std::process::{Command, Output};

use pmtu_probe::model::{AddressReport, Container, InnerKind, InnerLink, Who};
use pmtu_probe::report::advise;

use super::commands::linux;
use super::fixtures::{V4, V6, back_hole, between, ip, no_ptb, size};

/// `a` - `f` - `r` - `b`: `f` is a firewall, `r` the router before a link of 1400 bytes.
const PATH: &str = "
mount -t tmpfs none /run
mkdir /run/netns
for n in a f r b; do ip netns add $n; ip -n $n link set lo up; done
link() {
    ip link add one0 netns $1 type veth peer name two0 netns $2
    for end in \"$1 one0 $3.1 $4::1\" \"$2 two0 $3.2 $4::2\"; do
        set -- $end
        d=l${3%.*}; ip -n $1 link set $2 name $d
        ip -n $1 address add $3/24 dev $d; ip -n $1 address add $4/64 dev $d nodad; ip -n $1 link set $d up
    done
}
link a f 10.0.1 fd00:1
link f r 10.0.2 fd00:2
link r b 10.0.3 fd00:3
ip -n r link set l10.0.3 mtu 1400
for way in 'a 10.0.1.2 fd00:1::2' 'b 10.0.3.1 fd00:3::1'; do
    set -- $way
    ip -n $1 route add default via $2; ip -n $1 -6 route add default via $3
done
ip -n f route add default via 10.0.2.2; ip -n f -6 route add default via fd00:2::2
ip -n r route add default via 10.0.2.1; ip -n r -6 route add default via fd00:2::1
for n in f r; do ip netns exec $n sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; done
state() {
    for n in f r; do
        ip netns exec $n nft --stateless list ruleset 2>/dev/null | awk '/^table ip6? filter/{skip=1} !skip{print} /^}/{skip=0}'
        for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
            ip netns exec $n $save 2>/dev/null | grep ^-A || true
        done
    done
}
is_told() {
    ip -n a route flush cache; ip -n a -6 route flush cache
    ip netns exec a ping -M do -c 1 -W 0.4 -s $1 $2 2>&1 | grep -qE 'mtu ?= ?1400'
}
# A busy machine may be late once.
must_be_told() { for i in 1 2 3 4 5 6 7 8 9 10; do is_told $1 $2 && return; sleep 0.1; done; echo \"no message: $3\"; state; return 1; }
must_not_be_told() { is_told $1 $2 || return 0; echo \"a message: $3\"; state; return 1; }
";

/// Each drops what a router has to say, or what passes: on `r` in the chain of its own messages, on `f` in that of others.
struct Firewall {
    name: &'static str,
    /// For `output` on `r`, and with the other words for `forward` on `f`.
    rules: &'static str,
    by_iptables: bool,
}

const FIREWALLS: [Firewall; 6] = [
    Firewall {
        name: "as in Debian's nftables.conf",
        rules: "nft add table inet filter
            nft add chain inet filter HOOK '{ type filter hook HOOK priority filter; policy accept; }'
            nft add rule inet filter HOOK icmp type destination-unreachable drop
            nft add rule inet filter HOOK icmpv6 type packet-too-big drop",
        by_iptables: false,
    },
    Firewall {
        name: "names of its own, several tables",
        rules: "nft add table ip mine
            nft add chain ip mine way_out '{ type filter hook HOOK priority 10; policy drop; }'
            nft add rule ip mine way_out icmp type echo-request accept
            nft add table ip6 mine
            nft add chain ip6 mine way_out '{ type filter hook HOOK priority 10; policy drop; }'
            nft add rule ip6 mine way_out icmpv6 type != packet-too-big accept
            nft add table inet more
            nft add chain inet more second '{ type filter hook HOOK priority 20; policy accept; }'
            nft add rule inet more second icmp type destination-unreachable drop
            nft add rule inet more second icmpv6 type packet-too-big drop",
        by_iptables: false,
    },
    Firewall {
        name: "rationed to nothing",
        rules: "nft add table inet filter
            nft add chain inet filter HOOK '{ type filter hook HOOK priority filter; policy accept; }'
            nft add rule inet filter HOOK icmp type destination-unreachable limit rate over 1/day burst 1 packets drop
            nft add rule inet filter HOOK icmpv6 type packet-too-big limit rate over 1/day burst 1 packets drop",
        by_iptables: false,
    },
    Firewall {
        name: "iptables",
        rules: "iptables -A CHAIN -p icmp --icmp-type fragmentation-needed -j DROP
            ip6tables -A CHAIN -p ipv6-icmp --icmpv6-type packet-too-big -j DROP",
        by_iptables: true,
    },
    Firewall {
        name: "iptables-legacy",
        rules: "iptables() { iptables-legacy \"$@\"; }; ip6tables() { ip6tables-legacy \"$@\"; }
            iptables -A CHAIN -p icmp --icmp-type fragmentation-needed -j DROP
            ip6tables -A CHAIN -p ipv6-icmp --icmpv6-type packet-too-big -j DROP",
        by_iptables: true,
    },
    Firewall {
        name: "iptables, and nft beside it",
        rules: "iptables -A CHAIN -p icmp --icmp-type fragmentation-needed -j DROP
            ip6tables -A CHAIN -p ipv6-icmp --icmpv6-type packet-too-big -j DROP
            nft add table inet guard
            nft add chain inet guard watch '{ type filter hook HOOK priority 5; policy accept; }'
            nft add rule inet guard watch icmp type destination-unreachable drop
            nft add rule inet guard watch icmpv6 type packet-too-big drop",
        by_iptables: true,
    },
];

/// Typed on the router and on the firewall, the message arrives; undone, it does not, and all is as it was.
#[test]
fn a_silent_router_speaks_and_a_firewall_lets_it_pass() {
    std::thread::scope(|scope| {
        for firewall in &FIREWALLS {
            scope.spawn(|| speaks_and_passes(firewall));
        }
    });
}

fn speaks_and_passes(firewall: &Firewall) {
    for (address, target, payload) in [(V4, "10.0.3.2", 1472), (V6, "fd00:3::2", 1452)] {
        let asked = advise(&no_ptb(address)).pop().unwrap();
        assert_ne!(asked.who, Who::You);
        let (commands, undo) = typed(&asked.commands, firewall);
        let rules = |hook: &str| firewall.rules.replace("HOOK", hook).replace("CHAIN", &hook.to_uppercase());
        for (node, hook) in [("r", "output"), ("f", "forward")] {
            let script = format!(
                "{PATH}
                     must_be_told {payload} {target} 'on the healthy path'
                     inside() {{ ip netns exec {node} sh -ec \"$1\"; }}
                     inside \"$(cat <<'END'\n{}\nEND\n)\" 2>/dev/null
                     is_told {payload} {target} || true
                     must_not_be_told {payload} {target} 'behind the firewall'
                     state >/run/before
                     inside \"$(cat <<'END'\n{commands}\nEND\n)\"
                     must_be_told {payload} {target} 'typed'
                     inside \"$(cat <<'END'\n{undo}\nEND\n)\"
                     must_not_be_told {payload} {target} 'undone'
                     state >/run/after
                     diff /run/before /run/after",
                rules(hook)
            );
            run(&script, &format!("{}, {hook}, {address}", firewall.name));
        }
    }
}

/// The lines for this firewall, and their undo. iptables-legacy is what `iptables` is where nothing else is installed.
fn typed(commands: &[String], firewall: &Firewall) -> (String, String) {
    let commands = linux(commands);
    let nft = commands.iter().take_while(|command| !command.starts_with("# or with ")).count();
    let mut chosen = commands[..nft].to_vec();
    if firewall.by_iptables {
        chosen.extend_from_slice(&commands[nft..]);
    }
    let undo: Vec<&str> = chosen.iter().filter_map(|command| command.strip_prefix("# undo: ")).collect();
    let (mut lines, mut undo) = (chosen.join("\n"), undo.join("\n"));
    if firewall.name.contains("legacy") {
        for text in [&mut lines, &mut undo] {
            *text = text.replace("iptables -", "iptables-legacy -").replace("ip6tables -", "ip6tables-legacy -");
        }
    }
    (lines, undo)
}

/// Where no chain is there, nothing is to be done, and nothing fails.
#[test]
fn without_any_firewall_nothing_happens() {
    for address in [V4, V6] {
        let asked = advise(&no_ptb(address)).pop().unwrap();
        let (commands, undo) = typed(&asked.commands, &FIREWALLS[0]);
        let shown = run(&format!("{commands}\n{undo}\nnft list ruleset"), address);
        assert_eq!(shown.trim(), "", "{address}");
    }
}

/// What is for those behind a host acts on their connections with that address, both ways: `a` sits behind `f`, and `b` has one address
/// that is clamped and one that is not.
#[test]
fn those_behind_a_host_are_clamped() {
    const CONNECT: &str = "
        ip netns exec b perl -MIO::Socket::IP -e '
            my $s = IO::Socket::IP->new(LocalHost => $ARGV[0], LocalPort => 25, Listen => 9, V6Only => 1) or die $@;
            my @c; push @c, $s->accept while 1' ANY & server=$!
        mss() {
            ip netns exec a perl -MIO::Socket::IP -e '
                for (1 .. 50) { last if $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 25); select undef, undef, undef, 0.1 }
                sleep 60' $1 & client=$!
            for i in $(seq 100); do
                for n in a b; do ip netns exec $n ss -Htin state established '( dport = :25 or sport = :25 )' | grep -o ' mss:[0-9]*' >/run/$n || true; done
                [ -s /run/a ] && [ -s /run/b ] && break; sleep 0.1
            done
            echo $2 a$(tr -d ' ' </run/a) b$(tr -d ' ' </run/b); kill $client; wait $client 2>/dev/null || true
        }
        ";
    for (address, clamped, free, any) in [(V4, "10.0.3.2", "10.0.3.3", "0.0.0.0"), (V6, "fd00:3::2", "fd00:3::3", "::")]
    {
        for (mut report, end) in [(no_ptb(address), "a"), (back_hole(address), "b")] {
            report.address = ip(clamped);
            let link =
                InnerLink { name: "docker0".into(), kind: InnerKind::Bridge, mtu: size(1500), forwards: [true; 2] };
            report.here.inner_links = vec![link];
            let advice = advise(&report);
            let clamp = advice.iter().find(|advice| advice.text.contains("those behind docker0")).unwrap();
            let undo = clamp.commands.iter().find_map(|command| command.strip_prefix("# undo: ")).unwrap();
            let (length, nodad) = if address == V4 { (24, "") } else { (64, "nodad") };
            let script = format!(
                "{PATH}
                 ip -n r link set l10.0.3 mtu 1500
                 ip -n b address add {free}/{length} dev l10.0.3 {nodad}
                 {}
                 mss {clamped} before
                 ip netns exec f sh -ec \"$(cat <<'END'\n{}\nEND\n)\"
                 mss {clamped} clamped
                 mss {free} free
                 ip netns exec f sh -ec \"$(cat <<'END'\n{undo}\nEND\n)\"
                 mss {clamped} undone
                 ip netns exec f nft list ruleset
                 kill $server",
                CONNECT.replace("ANY", any),
                clamp.commands.join("\n")
            );
            let shown = run(&script, address);
            println!("{shown}");
            let of = |which: &str| -> u32 {
                let row = shown.lines().find(|line| line.starts_with(which)).unwrap_or_else(|| panic!("{shown}"));
                let word = row.split_whitespace().find_map(|word| word.strip_prefix(&format!("{end}mss:")));
                word.and_then(|mss| mss.parse().ok()).unwrap_or_else(|| panic!("{row}"))
            };
            // Timestamps take 12 bytes of each segment.
            let headers = if address == V4 { 52 } else { 72 };
            assert_eq!(
                ["before", "clamped", "free", "undone"].map(of),
                [1500, 1400, 1500, 1500].map(|size| size - headers)
            );
            assert!(!shown.contains("table"), "{shown}");
        }
    }
}

/// On the machine that runs it, the container with this address gets the MTU, and no other one.
#[test]
fn a_container_gets_its_mtu_from_outside() {
    const MACHINE: &str = "
        ip link set lo up
        ip link add docker0 type bridge; ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up
        container() {
            unshare --net sleep 60 & eval $1=$!
            until [ \"$(readlink /proc/$!/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.02; done
            ip link add veth$1 type veth peer name eth0 netns $!; ip link set veth$1 master docker0 up
            nsenter -t $! -n ip address add $2/16 dev eth0; nsenter -t $! -n ip address add $3/64 dev eth0 nodad
            nsenter -t $! -n ip link set eth0 up
        }
        container one 172.17.0.2 fd00::2
        container two 172.17.0.22 fd00::22
        shown() { for c in $one $two; do nsenter -t $c -n ip -o link show eth0 | grep -o 'mtu [0-9]*'; done; }
        ";
    for (address, source) in [(V4, "172.17.0.2"), (V6, "fd00::2")] {
        let mut report = at_the_gateway(address);
        report.here.systems.container = Some(Container::Docker);
        report.here.source = Some(ip(source));
        let first = advise(&report).remove(0);
        let undo: Vec<&str> = first.commands.iter().filter_map(|command| command.strip_prefix("# undo: ")).collect();
        let script =
            format!("{MACHINE}\n{}\nshown\n{}\nshown\nkill $one $two", first.commands.join("\n"), undo.join("\n"));
        let shown = run(&script, address);
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>().join(" "), "mtu 1400 mtu 1500 mtu 1500 mtu 1500");
    }
}

/// What is put into the file loads as it is.
#[test]
fn the_clamp_of_a_gateway_is_kept() {
    for address in [V4, V6] {
        let clamp = advise(&at_the_gateway(address)).remove(1);
        let lines: Vec<&str> =
            clamp.commands.iter().map(String::as_str).take_while(|line| !line.starts_with("# or with ")).collect();
        let kept = lines.iter().find_map(|line| line.strip_prefix("# to keep it over a reboot: ")).unwrap();
        let undo = lines.iter().find_map(|line| line.strip_prefix("# undo: ")).unwrap();
        let script = format!(
            "mount -t tmpfs none /run; echo 'table inet mine {{ }}' >/run/nftables.conf
             {}\n{kept}\n{undo}\nnft list tables; echo =; nft -f /run/nftables.conf; nft list tables; nft list ruleset | grep -q maxseg",
            lines.join("\n")
        );
        let shown = run(&script.replace("/etc/nftables.conf", "/run/nftables.conf"), address);
        assert_eq!(shown, "=\ntable inet mine\ntable inet pmtu_clamp_forward\n", "{address}");
    }
}

/// Large packets end between the gateway and the hop behind it.
pub(super) fn at_the_gateway(address: &str) -> AddressReport {
    let mut report = no_ptb(address);
    let (first, second) = if address == V4 { ("198.51.100.1", "203.0.113.2") } else { ("fe80::1", "2001:db8:2::2") };
    report.examined.location = Some(between((1, first), (2, second)));
    report
}

/// Runs a script in namespaces that end with it: network, mounts, processes.
fn run(script: &str, what: &str) -> String {
    let script = format!("set -e\n{script}");
    let options = ["--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let output = Command::new("unshare").args(options).args(["sh", "-c", &script]).output();
    let Output { status, stdout, stderr } = output.expect("unshare (util-linux) is needed");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{what}: {status}: {stdout}\n{stderr}\n{script}");
    stdout.into_owned()
}
