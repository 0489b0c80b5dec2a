//! The breakages by name, as nftables rules of table `inet lab`.
//!
//! A router's e0 looks to c, its e1 to s. The order of Linux is the order that the scenarios mean: arrival (prerouting), TTL, MTU of
//! the next link, forward, own packets (output).

use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};

use crate::names::{Side, interface_name};

const PTB4: &str = "icmp type destination-unreachable icmp code frag-needed";
const PTB6: &str = "icmpv6 type packet-too-big";
const NEIGHBOUR_DISCOVERY: &str = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert";

/// What is broken on one node.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[command(rename_all = "snake_case")]
pub(crate) enum Breakage {
    /// The router sends no PTB of its own ("no ip unreachables").
    PtbSilent,
    /// Its PTBs state this MTU.
    PtbMtu { mtu: u32 },
    /// At most so many PTBs a second, burst 1.
    PtbLimit { per_second: u32 },
    /// Its PTBs carry a wrong checksum.
    PtbBadChecksum,
    /// PTBs of others end here.
    PtbFiltered,
    /// PTBs of others that quote TCP end here.
    PtbAboutTcpFiltered,
    /// On c or s: the host's own firewall drops PTBs.
    HostDropsPtb,
    /// The same for those that quote TCP.
    HostDropsPtbAboutTcp,
    /// On c: the host's own firewall rejects connections to the server's port.
    HostRejectsPort,
    /// On c: the same by a RST in the server's name.
    HostResetsPort,
    /// Echo requests and replies end here.
    DropEcho,
    /// Echo in larger packets ends here.
    DropLargeEcho { larger_than: u32 },
    /// Time exceeded ends here, forwarded or its own.
    DropTimeExceeded,
    /// It says no time exceeded of its own.
    Hidden,
    /// Every forwarded ICMP message and its own errors; neighbour discovery goes on.
    DropAllIcmp,
    /// Forwarded packets that are larger, DF or not, with nobody to blame.
    DropLarger { larger_than: u32 },
    /// DF of packets from c's side is cleared before the MTU of the next link counts.
    ClearDf,
    /// IPv4 fragments that arrive, and packets that would have to be fragmented here.
    DropFragments { mtu_e0: u32, mtu_e1: u32 },
    /// Lowers the MSS option; Linux never raises it.
    ClampMss { ipv4: u32, ipv6: u32 },
    /// On c: the host's own firewall lowers the MSS option of SYN-ACKs that come in.
    HostClampsMss { ipv4: u32, ipv6: u32 },
    /// On c: the same with SYNs that go out.
    HostAnnounces { ipv4: u32, ipv6: u32 },
    /// SYNs that carry data.
    DropSynData,
    /// Only new SYNs to the server's port from c's side, and what belongs to those connections.
    Stateful,
    /// Segments without SYN in larger packets, by direction.
    DropAbove { to_e0: u32, to_e1: u32 },
    /// Packets from c's side leave with the router's own address.
    Nat,
    /// TCP to the server's port ends here, at a relay (`pmtu-lab relay`) that listens on this port.
    TakeTcp { relay: u16 },
    /// TCP to the server's port is answered by resets.
    ResetTcp,
    /// SYNs to the server's port are answered here, with this MSS; what follows them goes on to the server.
    SynProxy { mss: u16 },
    /// Notes in sets member_0, member_1, ... the client ports seen on each of so many parallel links.
    NoteMembers { count: usize },
    /// On s: nobody there.
    Dead,
    /// On s: its port is silent.
    PortFiltered,
    /// On s: its firewall says by ICMP that its port is administratively prohibited.
    PortProhibited,
    /// On s: everything but the handshake states a window of 0.
    ZeroWindow,
    /// On s: deaf until so many milliseconds after the first packet of each visitor.
    SlowToAnswer { ms: u32 },
    /// On s: an MX whose firewall admits its own port and nothing else.
    OnlySmtp,
}

/// The words of a breakage are read as a command line is.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_subcommand = true)]
struct Words {
    #[command(subcommand)]
    breakage: Breakage,
}

impl Breakage {
    /// `NAME ARGUMENTS`, as `--filter` has them behind the node.
    pub(crate) fn from_words(words: &str) -> Result<Self, String> {
        match Words::try_parse_from(words.split_whitespace()) {
            Ok(parsed) => Ok(parsed.breakage),
            Err(error) => Err(format!("unknown filter or wrong arguments: {words}\n{error}")),
        }
    }

    /// The commands for `nft -f -`, for a server on this port. They go into the table and the chains of [`table`].
    pub(crate) fn rules(&self, port: u16) -> Vec<String> {
        match *self {
            Self::PtbSilent => about_ptbs("output", "counter drop"),
            Self::PtbMtu { mtu } => vec![
                // nftables mends the checksum.
                rule("output", &format!("{PTB4} counter icmp mtu set {mtu}")),
                rule("output", &format!("{PTB6} counter icmpv6 mtu set {mtu}")),
            ],
            Self::PtbLimit { per_second } => {
                about_ptbs("output", &format!("limit rate over {per_second}/second burst 1 packets counter drop"))
            }
            Self::PtbBadChecksum => vec![
                rule("output", &format!("{PTB4} counter icmp checksum set 0xbad")),
                rule("output", &format!("{PTB6} counter icmpv6 checksum set 0xbad")),
            ],
            Self::PtbFiltered => about_ptbs("forward", "counter drop"),
            Self::PtbAboutTcpFiltered => about_tcp("forward"),
            Self::HostDropsPtbAboutTcp => about_tcp("input"),
            Self::HostDropsPtb => about_ptbs("input", "counter drop"),
            Self::HostRejectsPort => vec![rule("output", &format!("tcp dport {port} counter reject"))],
            Self::HostResetsPort => {
                vec![rule("output", &format!("tcp dport {port} counter reject with tcp reset"))]
            }
            Self::DropEcho => drop_echo(""),
            Self::DropLargeEcho { larger_than } => drop_echo(&format!("meta length gt {larger_than} ")),
            Self::DropTimeExceeded => [drop_time_exceeded("forward"), drop_time_exceeded("output")].concat(),
            Self::Hidden => drop_time_exceeded("output"),
            Self::DropAllIcmp => drop_all_icmp(),
            Self::DropLarger { larger_than } => {
                vec![rule("forward", &format!("meta length gt {larger_than} counter drop"))]
            }
            Self::ClearDf => {
                vec![rule("arrival", "iifname e0 ip frag-off & 0x4000 != 0 counter ip frag-off set 0")]
            }
            Self::DropFragments { mtu_e0, mtu_e1 } => drop_fragments(mtu_e0, mtu_e1),
            Self::ClampMss { ipv4, ipv6 } => both_clamps("forward", ipv4, ipv6),
            Self::HostClampsMss { ipv4, ipv6 } => both_clamps("input", ipv4, ipv6),
            Self::HostAnnounces { ipv4, ipv6 } => both_clamps("output", ipv4, ipv6),
            Self::DropSynData => drop_syn_data(),
            Self::Stateful => stateful(port),
            // Such firewalls judge segments, so they join fragments first, as connection tracking does.
            Self::DropAbove { to_e0, to_e1 } => {
                vec![rule("forward", "ct state new counter"), drop_above("e0", to_e0), drop_above("e1", to_e1)]
            }
            Self::Nat => vec![
                "add chain inet lab source_nat { type nat hook postrouting priority 100; }".into(),
                rule("source_nat", "oifname e1 counter masquerade"),
            ],
            Self::TakeTcp { relay } => vec![
                "add chain inet lab take { type nat hook prerouting priority -100; }".into(),
                rule("take", &format!("iifname e0 tcp dport {port} counter redirect to :{relay}")),
            ],
            Self::ResetTcp => {
                vec![rule("forward", &format!("iifname e0 tcp dport {port} counter reject with tcp reset"))]
            }
            Self::SynProxy { mss } => syn_proxy(port, mss),
            Self::NoteMembers { count } => (0..count).flat_map(|member| note_member(member, port)).collect(),
            Self::Dead => vec![rule("arrival", "counter drop"), rule("output", "counter drop")],
            Self::PortFiltered => vec![rule("input", &format!("tcp dport {port} counter drop"))],
            Self::PortProhibited => {
                vec![rule("input", &format!("tcp dport {port} counter reject with icmpx admin-prohibited"))]
            }
            Self::ZeroWindow => {
                let segments = format!("tcp sport {port} tcp flags & syn == 0");
                vec![rule("output", &format!("{segments} counter tcp window set 0"))]
            }
            Self::SlowToAnswer { ms } => [slow_to_answer("ip", "ipv4", ms), slow_to_answer("ip6", "ipv6", ms)].concat(),
            Self::OnlySmtp => only_smtp(port),
        }
    }
}

/// The table and its chains. `before_fragments` runs before connection tracking joins fragments (priority -400).
pub(crate) fn table() -> Vec<String> {
    let chains = [
        ("before_fragments", "prerouting", -500),
        ("arrival", "prerouting", -300),
        ("input", "input", 0),
        ("forward", "forward", 0),
        ("output", "output", 0),
    ];
    let chain = |(name, hook, priority)| {
        format!("add chain inet lab {name} {{ type filter hook {hook} priority {priority}; }}")
    };
    std::iter::once("add table inet lab".to_owned()).chain(chains.map(chain)).collect()
}

fn rule(chain: &str, words: &str) -> String {
    format!("add rule inet lab {chain} {words}")
}

fn about_ptbs(chain: &str, what: &str) -> Vec<String> {
    [PTB4, PTB6].map(|ptb| rule(chain, &format!("{ptb} {what}"))).into()
}

/// The protocol of the quoted header stands in its byte 9 (IPv4) or 6 (IPv6), and the quote behind 8 bytes of ICMP.
fn about_tcp(chain: &str) -> Vec<String> {
    [(PTB4, 8 + 9), (PTB6, 8 + 6)]
        .map(|(ptb, byte)| rule(chain, &format!("{ptb} @th,{},8 6 counter drop", 8 * byte)))
        .into()
}

fn drop_echo(only: &str) -> Vec<String> {
    ["icmp", "icmpv6"]
        .map(|icmp| rule("forward", &format!("{only}{icmp} type {{ echo-request, echo-reply }} counter drop")))
        .into()
}

fn drop_time_exceeded(chain: &str) -> Vec<String> {
    ["icmp", "icmpv6"].map(|icmp| rule(chain, &format!("{icmp} type time-exceeded counter drop"))).into()
}

fn drop_all_icmp() -> Vec<String> {
    const ICMP_ERRORS: &str =
        "icmp type { destination-unreachable, source-quench, redirect, time-exceeded, parameter-problem }";
    const ICMPV6_ERRORS: &str = "icmpv6 type < 128";
    let no_neighbour_discovery = format!("icmpv6 type != {{ {NEIGHBOUR_DISCOVERY}, nd-redirect }}");
    vec![
        rule("forward", "meta l4proto icmp counter drop"),
        rule("forward", &format!("meta l4proto ipv6-icmp {no_neighbour_discovery} counter drop")),
        rule("output", &format!("{ICMP_ERRORS} counter drop")),
        rule("output", &format!("{ICMPV6_ERRORS} counter drop")),
    ]
}

fn drop_fragments(mtu_e0: u32, mtu_e1: u32) -> Vec<String> {
    let too_large = |interface, mtu| {
        rule("forward", &format!("oifname {interface} meta length gt {mtu} ip frag-off & 0x4000 == 0 counter drop"))
    };
    vec![
        rule("before_fragments", "ip frag-off & 0x3fff != 0 counter drop"),
        too_large("e0", mtu_e0),
        too_large("e1", mtu_e1),
    ]
}

fn both_clamps(chain: &str, ipv4: u32, ipv6: u32) -> Vec<String> {
    vec![clamp_mss(chain, "ipv4", ipv4), clamp_mss(chain, "ipv6", ipv6)]
}

fn clamp_mss(chain: &str, family: &str, mss: u32) -> String {
    rule(chain, &format!("meta nfproto {family} tcp flags syn counter tcp option maxseg size set {mss}"))
}

/// A SYN with data is longer than the IP header and what the data offset says.
fn drop_syn_data() -> Vec<String> {
    let longer = |(family, header): (&str, u32), words: u32| {
        let headers = header + 4 * words;
        let syn = format!("meta nfproto {family} tcp flags syn tcp doff {words}");
        rule("forward", &format!("{syn} meta length gt {headers} counter drop"))
    };
    (5..=15).flat_map(|words| [("ipv4", 20), ("ipv6", 40)].map(|family| longer(family, words))).collect()
}

fn stateful(port: u16) -> Vec<String> {
    let new = format!("iifname e0 tcp dport {port} tcp flags & (fin|syn|rst|ack) == syn ct state new");
    vec![
        rule("forward", "iifname e0 ct state established,related counter accept"),
        rule("forward", &format!("{new} counter accept")),
        rule("forward", "iifname e1 ct state established,related counter accept"),
        rule("forward", "counter drop"),
    ]
}

/// As nft(8) has it: SYNs stay out of connection tracking, so that the proxy sees them and what completes the handshake.
fn syn_proxy(port: u16, mss: u16) -> Vec<String> {
    let to_server = format!("iifname e0 tcp dport {port}");
    vec![
        rule("arrival", &format!("{to_server} tcp flags & (syn|ack) == syn notrack")),
        rule("forward", &format!("{to_server} ct state invalid,untracked synproxy mss {mss} sack-perm")),
        rule("forward", "ct state invalid drop"),
    ]
}

fn drop_above(interface: &str, size: u32) -> String {
    rule("forward", &format!("oifname {interface} tcp flags & syn == 0 meta length gt {size} counter drop"))
}

/// A fragment has no ports to spread it by, not even the first.
fn note_member(member: usize, port: u16) -> Vec<String> {
    let interface = interface_name(Side::TowardsS, member);
    let note = |packet: &str| {
        let segments = format!("oifname {interface} {packet} tcp dport {port}");
        rule("forward", &format!("{segments} add @member_{member} {{ tcp sport }}"))
    };
    vec![
        format!("add set inet lab member_{member} {{ type inet_service; size 4096; flags dynamic; }}"),
        note("ip frag-off & 0x3fff == 0"),
        note("meta nfproto ipv6"),
    ]
}

fn slow_to_answer(ip: &str, family: &str, ms: u32) -> Vec<String> {
    let set = |name, flags| format!("add set inet lab {name}_{ip} {{ type {family}_addr; size 64; flags {flags}; }}");
    let known = format!("{ip} saddr @known_{ip}");
    let note = format!("add @deaf_{ip} {{ {ip} saddr }} add @known_{ip} {{ {ip} saddr }}");
    vec![
        set("known", "dynamic".to_owned()),
        set("deaf", format!("dynamic,timeout; timeout {ms}ms")),
        rule("arrival", &format!("{known} {ip} saddr != @deaf_{ip} counter accept")),
        rule("arrival", &format!("{known} counter drop")),
        rule("arrival", &format!("meta nfproto {family} {note} counter drop")),
    ]
}

fn only_smtp(port: u16) -> Vec<String> {
    [
        "iifname lo accept",
        &format!("tcp dport {port} accept"),
        &format!("{PTB4} accept"),
        &format!("{PTB6} accept"),
        &format!("icmpv6 type {{ {NEIGHBOUR_DISCOVERY} }} accept"),
        "counter drop",
    ]
    .map(|words| rule("input", words))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_a_breakage() {
        assert_eq!(Breakage::from_words("ptb_silent"), Ok(Breakage::PtbSilent));
        assert_eq!(Breakage::from_words(" clamp_mss 1360  1340"), Ok(Breakage::ClampMss { ipv4: 1360, ipv6: 1340 }));
        for wrong in ["", "ptb_loud", "ptb_mtu", "ptb_mtu x", "ptb_silent 1"] {
            assert!(Breakage::from_words(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_breakage_names_the_port_of_the_server() {
        let rules = Breakage::Stateful.rules(443).join("\n");
        assert!(rules.contains("tcp dport 443 ") && !rules.contains("25"), "{rules}");
    }
}
