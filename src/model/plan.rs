//! What to examine and how: the input of one examination.

use std::net::IpAddr;

use super::own_tcp::OwnTcpSetup;
use super::size::{Family, PacketSize, Ttl};

/// Everything that one address's examination needs to know. Built once, never changed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Our address on the path.
    pub source: IpAddr,
    /// The address examined.
    pub destination: IpAddr,
    /// The TCP port examined.
    pub port: u16,
    /// What stands at the end of the first link.
    pub first_hop: FirstHop,
    /// Kernel-silent local ports: the first carries the connection, the last two SYNs with a limited TTL, the others SYN
    /// probes. Never empty.
    pub local_ports: Vec<u16>,
    /// Further kernel-silent local ports: one for each flow that may be compared with the first.
    pub flow_ports: Vec<u16>,
    /// When flows are compared.
    pub flows: FlowChoice,
    /// ICMP echo identifier of this run.
    pub echo_ident: u16,
    /// Which methods may be used.
    pub method: MethodChoice,
    /// What the first flight asks about, and so what the examination costs.
    pub first_flight: FirstFlight,
    /// MTU of the outgoing interface or route.
    pub local_mtu: PacketSize,
    /// Path MTU that this host's kernel assumed for the address before the first probe.
    pub kernel_path_mtu: Option<PacketSize>,
    /// The smallest path MTU this kernel accepts from a PTB (`net.ipv4.route.min_pmtu`; 1280 in IPv6).
    pub kernel_min_pmtu: PacketSize,
    /// Largest size to probe: `local_mtu` unless the user wants less, or the route allows less than the interface.
    pub max_size: PacketSize,
    /// What the interface takes beyond `max_size`, where the route allows less: it shows whether the path carries more.
    pub beyond_route: Option<PacketSize>,
    /// Smallest size to probe.
    pub min_size: PacketSize,
    /// Which directions are examined.
    pub direction: Direction,
    /// How large packets are drawn out of the server.
    pub service: Service,
    /// The name that the server is known by, for the TLS client hello; `None`: only its address is known.
    pub server_name: Option<String>,
    /// Whether the server is sent a PTB about a packet of its own, to see if it obeys.
    pub ptb_test: bool,
    /// Further kernel-silent local ports: one for each connection beside the first that draws packets out of the server.
    pub reverse_ports: Vec<u16>,
    /// What is known of this host's own TCP.
    pub own_tcp: OwnTcpSetup,
    /// Where large packets to others of the same list end, if that may be the place here too.
    pub known_end: Option<KnownEnd>,
    /// Seed for initial sequence numbers and packet ids.
    pub seed: u64,
}

/// The hop where large packets to others end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownEnd {
    /// The largest size that passes there.
    pub passes: PacketSize,
    /// Its distance.
    pub ttl: Ttl,
    /// Its address.
    pub hop: IpAddr,
}

/// What stands at the end of the first link, by the routing table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstHop {
    /// Nothing: the address is this host's own.
    ThisHost,
    /// The target: it is a neighbour, or nothing is known against it.
    #[default]
    Target,
    /// A router. What answers from there is not the target.
    Router,
}

/// Which directions are examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From this host to the server.
    #[default]
    Forward,
    /// From the server to this host.
    Reverse,
    /// Both, the way there first.
    Both,
}

impl Direction {
    /// Whether the way to the server is examined.
    pub fn is_forward(self) -> bool {
        self != Self::Reverse
    }

    /// Whether the way back is examined.
    pub fn is_reverse(self) -> bool {
        self != Self::Forward
    }
}

/// What the server speaks, and so how large packets are drawn out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Service {
    /// SMTP: STARTTLS (RFC 3207), and the certificates that follow.
    #[default]
    Smtp,
    /// SMTP inside TLS from the first byte (RFC 8314).
    SmtpOverTls,
    /// Another protocol inside TLS from the first byte: the certificates of the handshake.
    Tls,
    /// Not known: nothing is said to it.
    Unknown,
}

impl Service {
    /// What the port is registered for.
    pub fn of_port(port: u16) -> Self {
        match port {
            25 | 587 | 2525 => Self::Smtp,
            465 => Self::SmtpOverTls,
            443 | 636 | 853 | 990 | 992..=995 | 5061 | 5671 | 6697 | 8443 => Self::Tls,
            _ => Self::Unknown,
        }
    }
}

impl Plan {
    /// The family of the path.
    pub fn family(&self) -> Family {
        Family::of(self.destination)
    }

    /// The MSS that this host's TCP announces. A larger `advmss` than its packets allow is of no use here.
    pub fn announced_mss(&self) -> u16 {
        let usual = self.local_mtu.to_mss(self.family());
        self.own_tcp.route_advmss.map_or(usual, |mss| mss.min(usual))
    }
}

/// When the decisive sizes are tried on other flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowChoice {
    /// When large packets vanish on the first one.
    #[default]
    WhenHoled,
    /// Always.
    Always,
}

/// What the first flight asks about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FirstFlight {
    /// All sizes that links are known to have, at once: the verdict on one address comes soonest.
    #[default]
    Ladder,
    /// The largest size, and a small one as the control. Whatever else is asked waits until the large one is not answered, and is asked
    /// with as few packets as prove it: many addresses cost little.
    TwoSizes,
}

/// Which probing methods the user allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MethodChoice {
    /// TCP first, ICMP echo as confirmation and last resort.
    #[default]
    Auto,
    /// TCP only.
    Tcp,
    /// ICMP echo only.
    Icmp,
}
