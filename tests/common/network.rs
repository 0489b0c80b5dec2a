//! The parts of a path: links, routers, the peer, and the nodes with their addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::Family;
use super::middlebox::Config as Middlebox;

/// A link. Every probability is per packet and holds in each direction on its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// MTU of the interfaces at both ends.
    pub mtu: u32,
    /// Two ends that disagree: the MTU of the interface at the end nearer to s. It takes packets of up to 4 bytes more, as Linux
    /// leaves room for a VLAN tag, and drops larger ones without a word.
    pub far_mtu: Option<u32>,
    /// For packets towards c: the router at the end nearer to s refuses larger ones by PTB, although the link carries `mtu`.
    pub back_mtu: Option<u32>,
    /// MTUs of further links of equal cost beside this one, between the same two routers. The router nearer to c spreads flows
    /// over all of them (ECMP); the way back uses this one alone. It is the largest.
    pub parallel: Vec<u32>,
    /// What makes a flow, where there are parallel links.
    pub hash: Hash,
    /// One-way delay. Not given on any link: the simulator takes 10 ms for the whole round trip, the kernel lab none.
    pub delay_ms: Option<f64>,
    /// Random extra delay of each packet, from 0 to this. Packets keep their order.
    pub jitter_ms: f64,
    /// Probability that a packet is lost.
    pub loss: f64,
    /// Probability that a packet arrives twice.
    pub duplicate: f64,
    /// Probability that a packet is held back by `reorder_ms`, so that later ones overtake it.
    pub reorder: f64,
    /// How long a reordered packet is held back.
    pub reorder_ms: f64,
    /// A box on the link that looks into packets.
    pub middlebox: Middlebox,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            mtu: 1500,
            far_mtu: None,
            back_mtu: None,
            parallel: Vec::new(),
            hash: Hash::default(),
            delay_ms: None,
            jitter_ms: 0.0,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_ms: 0.0,
            middlebox: Middlebox::default(),
        }
    }
}

/// What a router looks at to spread flows: `fib_multipath_hash_policy` of Linux.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// Policy 1: addresses, protocol, and the ports of TCP; echo and fragments have none.
    #[default]
    Ports,
    /// Policy 0: addresses; in IPv6 next header and flow label as well.
    Addresses,
}

impl Link {
    /// The MTUs of all links of equal cost, this one first: the members between which flows are spread.
    pub fn members(&self) -> Vec<u32> {
        [&[self.mtu], self.parallel.as_slice()].concat()
    }

    /// The largest packet that the end nearer to s takes.
    pub fn largest_taken(&self) -> u32 {
        const VLAN_TAG: u32 = 4;
        self.far_mtu.map_or(u32::MAX, |mtu| mtu + VLAN_TAG)
    }

    /// Whether packets are lost by chance, the box on the link included.
    pub fn is_lossy(&self) -> bool {
        self.loss > 0.0 || self.middlebox.is_lossy()
    }

    /// Whether only a user-space wire (or a simulator) can do what the link does.
    pub fn needs_wire(&self) -> bool {
        let is_imperfect = self.jitter_ms > 0.0 || self.loss > 0.0 || self.duplicate > 0.0 || self.reorder > 0.0;
        self.delay_ms.is_some() || is_imperfect || !self.middlebox.is_idle()
    }
}

/// The three routers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routers {
    pub r1: Router,
    pub r2: Router,
    pub r3: Router,
}

/// A router. Order of its work as in Linux: on arrival `clear_df` and the way back through `nat`; then TTL; then the MTU
/// of the next link (PTB or fragments); then the filters for what it forwards; last the way out through `nat`.
/// All filters act in both directions unless stated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "independent faults, as a file lists them")]
pub struct Router {
    /// Whether it sends PTBs of its own.
    pub ptb: PtbBehaviour,
    /// States this MTU in its PTBs instead of the true one, also when the packet was not larger than this.
    pub ptb_mtu: Option<u32>,
    /// Sends at most this many PTBs a second, burst 1.
    pub ptb_per_second: Option<u32>,
    /// It has just sent the one PTB of this second to somebody else; the simulator alone heeds it.
    pub ptb_spent: bool,
    /// Its PTBs carry a wrong ICMP checksum.
    pub ptb_bad_checksum: bool,
    /// `false`: drops PTBs of others that pass through it.
    pub forward_ptb: bool,
    /// How many of the 6 errors that it sends to an address at once are left at the start; the simulator alone heeds it. Whoever
    /// looks twice finds the burst used up.
    pub errors_left: Option<u32>,
    /// It says no time exceeded of its own, and passes that of others.
    pub hidden: bool,
    /// Kinds of packets it drops.
    pub drop: Vec<Kind>,
    /// Silently drops forwarded packets larger than this, both families, DF or not; a fragment counts on its own.
    pub drop_larger: Option<u32>,
    /// IPv4: clears DF of packets from c's side before it looks at the next link's MTU.
    pub clear_df: bool,
    /// Drops IPv4 fragments, also the first one of a packet and those it would have to make itself.
    pub drop_fragments: bool,
    /// Lowers the MSS option of SYN and SYN-ACK to what makes packets of this size (MSS 1360 in IPv4 or 1340 in IPv6
    /// for 1400); never raises it.
    pub clamp_mss_for: Option<u32>,
    /// Drops SYNs that carry data.
    pub drop_syn_data: bool,
    /// From c's side: admits only new SYNs to port 25 and packets that belong to such a connection (sequence numbers
    /// checked against the window, as Linux conntrack does). To c: only packets of those connections and ICMP errors
    /// about them. Its own ICMP errors go out.
    pub stateful: bool,
    /// Drops segments without SYN that are larger than the MSS their receiver announced, as it passed this router.
    pub drop_above_mss: bool,
    /// Source NAT: packets from c's side leave with this router's own address, ports unchanged.
    pub nat: bool,
    /// Whether it answers TCP to the server's port in the server's place.
    pub takes_tcp: TakesTcp,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            ptb: PtbBehaviour::Send,
            ptb_mtu: None,
            ptb_per_second: None,
            ptb_spent: false,
            ptb_bad_checksum: false,
            forward_ptb: true,
            errors_left: None,
            hidden: false,
            drop: Vec::new(),
            drop_larger: None,
            clear_df: false,
            drop_fragments: false,
            clamp_mss_for: None,
            drop_syn_data: false,
            stateful: false,
            drop_above_mss: false,
            nat: false,
            takes_tcp: TakesTcp::default(),
        }
    }
}

/// Whether a router sends PTBs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PtbBehaviour {
    #[default]
    Send,
    Silent,
}

/// What a router makes of TCP to the server's port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesTcp {
    #[default]
    No,
    /// A transparent proxy: it answers as the server would, and carries the bytes there on a connection of its own.
    Proxy,
    /// Every segment is answered by a reset.
    Resets,
}

/// A kind of packet that a router drops, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Forwarded echo requests and replies.
    Echo,
    /// Forwarded echo requests and replies in packets larger than [`LARGE_ECHO`].
    LargeEcho,
    /// Time exceeded, forwarded or its own.
    TimeExceeded,
    /// Every forwarded ICMP message, and its own errors. Neighbour discovery on its links goes on.
    AllIcmp,
    /// Forwarded PTBs that quote TCP.
    PtbAboutTcp,
}

/// Larger echo packets are large.
pub const LARGE_ECHO: u32 = 1200;

/// The mail server: its interface MTU is the MTU of the last link. Otherwise an ordinary Linux host with an SMTP server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "independent habits, as a file lists them")]
pub struct Peer {
    /// `false`: nobody there.
    pub alive: bool,
    /// Whose TCP/IP it has.
    pub stack: Stack,
    /// The SMTP port.
    pub port: Port,
    /// Whether it negotiates SACK.
    pub sack: bool,
    /// Whether it sends D-SACK; without, old data draws a plain ACK.
    pub dsack: bool,
    /// Answers acknowledgments that bring nothing as well, against RFC 9293, 3.10.7.4.
    pub answers_idle_acks: bool,
    /// Gives all its IPv4 packets the same identification.
    pub one_id: bool,
    /// Whether it answers echo requests.
    pub echo: bool,
    /// `false`: accepts connections and never says a word.
    pub greeting: bool,
    /// Greets this long after the handshake.
    pub greeting_after_ms: u32,
    /// When it resets the connection.
    pub resets: Resets,
    /// How it receives a visitor.
    pub welcome: Welcome,
    /// `zero`: states a window of 0 in everything it sends after the SYN-ACK and takes no new data.
    pub window: Window,
    /// Answers nothing at all until this long after the first packet that reaches it.
    pub answers_after_ms: u32,
    /// Silently drops segments whose bytes it has already acknowledged; on a kernel a box in front of it does.
    pub old_data_ignored: bool,
    /// TLS on its port.
    pub tls: Tls,
    /// How many bytes of TLS records it sends in one flight in answer to a client hello, about. An ordinary chain of certificates.
    pub flight: u32,
    /// Says everything at this many bytes a second, one by one; 0: at once.
    pub bytes_per_second: u32,
    /// `net.ipv4.tcp_mtu_probing=1`: after a few time-outs its segments shrink to 1024 bytes.
    pub mtu_probing: bool,
    /// IPv4: `false`: sends without DF (`ip_no_pmtu_disc=1`).
    pub dont_fragment: bool,
    /// Its own firewall drops PTBs before its kernel sees them.
    pub drops_ptb: bool,
    /// A path MTU towards c that its kernel has learnt from an honest r3 before.
    pub remembers: Option<u32>,
}

/// What the server's port offers in TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// No STARTTLS in the reply to EHLO.
    #[default]
    None,
    /// STARTTLS, and a handshake that works.
    Starttls,
    /// STARTTLS is offered, and refused with 454.
    Refused,
    /// STARTTLS is accepted, and every client hello is answered by a fatal alert.
    Alert,
    /// TLS from the first byte on the port; no SMTP. The port is 443.
    Implicit,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            alive: true,
            stack: Stack::Linux,
            port: Port::Open,
            sack: true,
            dsack: true,
            answers_idle_acks: false,
            one_id: false,
            echo: true,
            greeting: true,
            greeting_after_ms: 0,
            resets: Resets::Never,
            welcome: Welcome::Ready,
            window: Window::Normal,
            answers_after_ms: 0,
            old_data_ignored: false,
            tls: Tls::None,
            flight: 3400,
            bytes_per_second: 0,
            mtu_probing: false,
            dont_fragment: true,
            drops_ptb: false,
            remembers: None,
        }
    }
}

/// A TCP/IP. On a kernel it owns the server's address, with a small SMTP dialogue above it; the simulator plays its habits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stack {
    /// The kernel's.
    #[default]
    Linux,
    Smoltcp,
    Lwip,
    Gvisor,
}

impl Stack {
    /// All that are not the kernel's.
    pub const FOREIGN: [Self; 3] = [Self::Smoltcp, Self::Lwip, Self::Gvisor];

    /// The word in a scenario file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Smoltcp => "smoltcp",
            Self::Lwip => "lwip",
            Self::Gvisor => "gvisor",
        }
    }
}

/// What a SYN to the SMTP port meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    #[default]
    Open,
    /// RST.
    Closed,
    /// Silence.
    Filtered,
    /// The host's firewall answers by ICMP: communication administratively prohibited.
    Prohibited,
}

/// When the peer resets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resets {
    #[default]
    Never,
    /// As soon as the handshake is complete, in place of the greeting.
    AfterHandshake,
    /// Right after the greeting.
    AfterGreeting,
}

/// How the server receives a visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Welcome {
    /// A greeting, and a conversation.
    #[default]
    Ready,
    /// 421 in place of the greeting, and the connection is closed.
    TurnedAway,
    /// The connection is closed without a word.
    HungUp,
}

/// The receive window of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    #[default]
    Normal,
    Zero,
}

/// A node of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    C,
    R1,
    R2,
    R3,
    S,
}

impl Node {
    /// All of them, from c to s.
    pub const ALL: [Self; 5] = [Self::C, Self::R1, Self::R2, Self::R3, Self::S];

    /// Hops from c.
    pub fn distance(self) -> usize {
        self as usize
    }

    /// The address on the side of c, which is the one c sees; c itself has only the other side.
    pub fn near_address(self, family: Family) -> IpAddr {
        match self {
            Self::C => self.far_address(family),
            _ => address(family, self.distance() - 1, 2),
        }
    }

    /// The address on the side of s; s itself has only the near side.
    pub fn far_address(self, family: Family) -> IpAddr {
        match self {
            Self::S => self.near_address(family),
            _ => address(family, self.distance(), 1),
        }
    }
}

/// The address of the end nearer to s on the n-th of the links beside a link: 10.0.12.2 for the first one beside link 2.
pub(super) fn parallel_address(family: Family, link: usize, n: usize) -> IpAddr {
    let number = link as u16 + 1 + 10 * n as u16;
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, number as u8, 2).into(),
        // The digits as they stand: link 12 is fd00:0:0:12::/64.
        Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, number / 10 * 16 + number % 10, 0, 0, 0, 2).into(),
    }
}

/// The address on link 0..=3: end 1 is nearer to c, end 2 to s. `10.0.LINK+1.END/24` or `fd00:0:0:LINK+1::END/64`.
fn address(family: Family, link: usize, end: u8) -> IpAddr {
    let subnet = link as u8 + 1;
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, subnet, end).into(),
        Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, subnet.into(), 0, 0, 0, end.into()).into(),
    }
}

/// The port that the mail server listens on.
pub const SMTP_PORT: u16 = 25;
/// The port of a server with TLS from the first byte.
pub const HTTPS_PORT: u16 = 443;

impl Peer {
    /// Gives it this TCP/IP, with those of its habits that are also keys.
    pub fn adopt(&mut self, stack: Stack) {
        self.stack = stack;
        self.sack &= stack != Stack::Lwip;
        // None of them knows RFC 2883.
        self.dsack &= stack == Stack::Linux;
        self.dont_fragment &= matches!(stack, Stack::Linux | Stack::Smoltcp);
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        if self.tls == Tls::Implicit { HTTPS_PORT } else { SMTP_PORT }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["c", "r1", "r2", "r3", "s"][self.distance()])
    }
}
