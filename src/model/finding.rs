//! What is remarkable beside a verdict.

use std::net::IpAddr;
use std::time::Duration;

use super::rejection::Rejection;
use super::size::{PacketSize, Ttl};

/// A remarkable fact beside the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finding {
    /// A PTB stated MTU 0.
    PtbMtuZero,
    /// A PTB stated less than the path carries.
    PtbMtuTooLow,
    /// A PTB stated less than the kernel's minimum.
    PtbBelowMinimum,
    /// A PTB stated a size that cannot work.
    PtbMtuTooHigh,
    /// A PTB carried a wrong checksum.
    PtbBadChecksum,
    /// PTBs about echo requests reach this host's kernel, and none about the TCP packets that vanish.
    TcpPtbMissing,
    /// A PTB quotes another length than was sent: something on the way changes headers.
    PtbQuoteAltered,
    /// A PTB has the connection's ports, and quotes an address or a number that this host never sent: kernels ignore it.
    PtbQuoteUnknown,
    /// A PTB came from an address that others would drop as a source.
    PtbFromPrivateAddress,
    /// The kernel's cached path MTU is smaller than what the path carries now.
    StaleKernelPmtu,
    /// The MSS in the peer's SYN-ACK is smaller than this host's own.
    MssClamped,
    /// The peer did not offer SACK: sizes were probed one at a time.
    NoSack,
    /// The TCP port is closed: a RST answered the SYN.
    PortClosed,
    /// The TCP port gave no answer at all, while the host answered otherwise.
    PortFiltered,
    /// In place of a greeting the server refuses service.
    TurnedAway {
        /// The code of its reply.
        code: u16,
    },
    /// The server closes the connection without a word.
    HungUp,
    /// Small echo requests were not answered.
    EchoUnanswered,
    /// Large echo requests were lost although TCP packets of the size pass.
    LargeEchoFiltered,
    /// Echo requests pass at a size at which TCP segments vanish.
    EchoPassesLarger,
    /// Segments above the peer's MSS vanish although the path carries the size.
    SegmentsAboveMssDropped,
    /// The router limits its PTBs: only some of the probes drew one.
    PtbRateLimited,
    /// DF was cleared on the way, as seen in a quoted header.
    DfCleared,
    /// IPv4 fragments are dropped on the path.
    FragmentsDropped,
    /// Somebody answers large packets by an ICMP "unreachable" or by a reset, neither of which TCP takes for "too big".
    LargeRejected(Rejection),
    /// The peer reset the connection during the examination.
    ConnectionReset,
    /// The peer never sent an SMTP greeting while the connection was open.
    NoGreeting,
    /// The peer's receive window closed.
    ZeroWindow,
    /// Small packets were lost too: the path loses packets of any size.
    PacketLoss,
    /// The address answered only after several tries.
    SlowToAnswer,
    /// A local firewall rule refused some probes on the way out.
    SendRefusedByFirewall,
    /// Large packets vanish on some flows only: one of several parallel paths has a hole.
    HoleOnSomeFlows,
    /// The router where large packets end does send other ICMP errors, and they arrive.
    OnlyPtbMissing,
    /// The MTU set on the route is smaller than what the path carries: a workaround that outlived its fault.
    RouteMtuBelowPath,
    /// The route's MTU is locked, or the kernel locked its cached one: DF is not set, and PTBs change nothing.
    PathMtuLocked,
    /// `ip_no_pmtu_disc` keeps this kernel from path MTU discovery.
    PmtudDisabledHere,
    /// `tcp_mtu_probing` lets this kernel's TCP find its way out of a black hole after some seconds.
    TcpMtuProbingOn,
    /// The run ended while the server's large packets were missing: whether it would have found its way out is not known.
    RecoveryWatchedBriefly {
        /// For how long it was watched.
        watched: Duration,
    },
    /// The run itself may have taught the server the path MTU: its MSS is small for some minutes, and mail passes.
    ServerWasTaught,
    /// What this host's own TCP would send was not learnt: a clamp of its firewall would not show.
    OwnTcpUnknown,
    /// Something nearer than the target answers TCP in its place.
    TcpEndsAtHop {
        /// Its distance.
        hop: Ttl,
    },
    /// Something nearer than the target answers SYNs; what follows them, the target answers itself.
    SynProxy {
        /// Its distance.
        hop: Ttl,
    },
    /// Segments are acknowledged far sooner than SYNs and echo requests are answered.
    AcksTooSoon,
    /// The server sends without DF: routers cut its packets, and it needs no PTB.
    PeerWithoutDf,
    /// The server lowered its packets when told to: PTBs reach it.
    PeerObeysPtb {
        /// The MTU that it was told.
        told: PacketSize,
    },
    /// The server went on with large packets although told to lower them: something on its side drops PTBs.
    PeerIgnoresPtb {
        /// The MTU that it was told.
        told: PacketSize,
    },
    /// This host forwards for others whose links carry larger packets than its way out: they were not examined.
    InsideNotExamined,
    /// This host's address is private, so connections that come in take another way than the answers to its own.
    IncomingNotExamined,
    /// Many were examined at once, which may keep a router from answering: so it was examined again, alone, and that counts.
    AskedAlone,
    /// The verdict is that of others: a router rations its messages, and each of them was told when asked alone.
    ToldAsOthers {
        /// The router.
        hop: IpAddr,
        /// How many were told.
        told: u32,
    },
    /// The place is that of others whose large packets end at the same size.
    PlaceShared {
        /// How many examinations found it.
        others: u32,
    },
    /// The path MTU is what a kind of link or tunnel leaves: a hint, no proof.
    SizeSuggests(Tunnel),
}

/// A kind of link or tunnel that takes its share of every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tunnel {
    /// `PPPoE`.
    Pppoe,
    /// IP in `IPv4`: IPIP, 6in4, 6rd.
    Ipip,
    /// `GRE`.
    Gre,
    /// `IPv4` in `IPv6`: DS-Lite.
    DsLite,
    /// L2TP.
    L2tp,
    /// VLAN tags or MPLS labels that a switch does not allow for.
    Tags,
    /// VXLAN or Geneve.
    Vxlan,
    /// IPsec ESP.
    Ipsec,
    /// `WireGuard`.
    Wireguard,
    /// A VPN whose round MTU somebody set by hand.
    Vpn,
    /// The network of a cloud provider.
    Cloud,
    /// A mobile network's GTP tunnel.
    Mobile,
    /// The smallest MTU of IPv6, set to be on the safe side.
    Ipv6Minimum,
    /// A jumbo network meets one with ordinary frames.
    Ethernet,
}
