//! TCP connections of this host: what its kernel tells of each, and those that stand still.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Direction, Family, Grade, PacketSize};

/// A TCP socket as the kernel describes it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// What the kernel knows it by. No two sockets share one, not even one after the other.
    pub cookie: u64,
    /// Its number in the file system of sockets. 0: no process holds it any more.
    pub inode: u32,
    /// This host's end, never an IPv4-mapped address.
    pub local: SocketAddr,
    /// The other end. The scope of a link-local address is the interface that the socket is bound to.
    pub peer: SocketAddr,
    /// What the connection does.
    pub state: TcpState,
    /// The timer that runs.
    pub timer: TcpTimer,
    /// Bytes that arrived in order and were not read yet.
    pub unread: u32,
    /// Bytes that its process wrote and the peer has not acknowledged.
    pub unacknowledged: u32,
    /// Memory that what arrived takes, in order or not. `None`: the kernel does not tell.
    pub receive_memory: Option<u32>,
    /// `struct tcp_info`. `None`: the kernel has none, or an older one.
    pub info: Option<TcpInfo>,
}

/// States of RFC 9293, section 3.3.2, as far as they matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpState {
    /// Data flows both ways.
    Established,
    /// This side has closed, and what it wrote is not acknowledged yet: FIN-WAIT-1, CLOSING, LAST-ACK.
    Closing,
    /// This side has closed, and the peer knows.
    HalfClosed,
    /// The peer has closed.
    PeerClosed,
    /// It waits for connections.
    Listening,
    /// A handshake, or nothing any more.
    Other,
}

/// The timer of a socket (`idiag_timer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpTimer {
    /// Something is sent again when it runs out.
    Retransmit(Duration),
    /// The peer has no room, and is asked for some when it runs out.
    ZeroWindow,
    /// None that matters here.
    Other,
}

/// What `struct tcp_info` tells, of linux/tcp.h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// How often the retransmission timer ran out since the peer acknowledged something new.
    pub retransmits: u8,
    /// How often the timer was doubled.
    pub backoff: u8,
    /// The timer, doubled as often.
    pub rto: Duration,
    /// Bytes of a full segment, TCP options that each has taken off.
    pub snd_mss: u32,
    /// Bytes of a full segment of the peer, by what arrived.
    pub rcv_mss: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Those of them that the peer has nevertheless (SACK).
    pub sacked: u32,
    /// Since when nothing was sent that carries data.
    pub last_data_sent: Duration,
    /// Since when no data arrived in order.
    pub last_data_recv: Duration,
    /// Since when nothing arrived.
    pub last_ack_recv: Duration,
    /// The path MTU that the kernel assumes.
    pub path_mtu: u32,
    /// Segments sent again, over all the time.
    pub total_retrans: u32,
    /// Whether segments carry timestamps.
    pub has_timestamps: bool,
    /// Bytes that the peer has acknowledged; a SYN may count as one.
    pub bytes_acked: u64,
    /// Bytes that arrived in order.
    pub bytes_received: u64,
    /// Bytes that were never sent yet.
    pub notsent_bytes: u32,
    /// Segments with data that arrived.
    pub data_segs_in: u32,
    /// Segments with data that were sent, those sent again included.
    pub data_segs_out: u32,
    /// Segments that the peer has, by its acknowledgments. `None`: before Linux 4.18.
    pub delivered: Option<u32>,
    /// Segments that arrived out of order. `None`: before Linux 5.4.
    pub rcv_ooopack: Option<u32>,
    /// The window that the peer announces. `None`: before Linux 5.4.
    pub snd_wnd: Option<u32>,
}

impl TcpSocket {
    /// The family of its packets.
    pub fn family(&self) -> Family {
        Family::of(self.peer.ip())
    }
}

/// Connections that stand still, the most suspicious first, and how many were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Those that stand still.
    pub list: Vec<StalledConnection>,
    /// All that were looked at.
    pub survey: Survey,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Connections with other hosts.
    pub looked_at: usize,
    /// Connections of this host with itself: no path leads there.
    pub own: usize,
    /// Those whose peer reads slowly: it has no room for more.
    pub waiting_for_room: usize,
    /// Those that send something again and have not done so often enough to tell.
    pub young: usize,
    /// Those that send small segments again: no size explains it.
    pub small: usize,
    /// Those of which the kernel tells too little.
    pub untold: usize,
    /// The ports that were wanted. Empty: all.
    pub ports: Vec<u16>,
}

/// A connection that stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StalledConnection {
    /// What the kernel knows it by.
    pub cookie: u64,
    /// Its number among the sockets.
    pub inode: u32,
    /// This host's end.
    pub local: SocketAddr,
    /// The other end.
    pub peer: SocketAddr,
    /// The name of the interface, where the peer's address is link-local.
    pub zone: Option<String>,
    /// Who opened it.
    pub opener: Opener,
    /// Who holds it.
    pub holder: Holder,
    /// How good the evidence is.
    pub grade: Grade,
    /// What stands still.
    pub stall: Stall,
    /// Bytes of a full segment that this host sends.
    pub mss: u32,
    /// The packet that such a segment makes.
    pub full_packet: PacketSize,
    /// The path MTU that the kernel assumes.
    pub path_mtu: PacketSize,
    /// Bytes that the peer had acknowledged at the last look, to tell later whether it has gone on.
    pub acknowledged: u64,
    /// Bytes that had arrived in order.
    pub received: u64,
}

/// What became of a stalled connection meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Nobody could look.
    #[default]
    Unknown,
    /// It stands still as before.
    StandsStill {
        /// When it sends again.
        next_in: Option<Duration>,
    },
    /// Something new was acknowledged, or came.
    GoneOn,
    /// There is no such connection any more.
    Ended,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// This host: somebody listens at the peer's port.
    ThisHost,
    /// The peer: somebody listens at this host's port.
    Peer,
}

/// Who holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A process.
    Process {
        /// Its number.
        pid: u32,
        /// Its name. It may hold anything, and must be escaped before it reaches a terminal.
        name: String,
        /// How many others hold it as well.
        others: usize,
    },
    /// A process that this program may not see.
    Unreadable,
    /// Nobody: its process has closed it, and the kernel goes on with what is left.
    Nobody,
}

/// What stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// What this host sends does not arrive.
    Forward(ForwardStall),
    /// What the peer sends does not arrive.
    Backward(BackwardStall),
}

/// What this host sends again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardStall {
    /// For how long, from the doubled timers.
    pub since: Duration,
    /// Bytes that its process wrote and the peer does not have.
    pub waiting: u32,
    /// Those of them that were sent.
    pub in_flight: u32,
    /// In so many segments.
    pub segments: u32,
    /// The size of the larger ones of them.
    pub segment: u32,
    /// The packet that such a segment makes.
    pub packet: PacketSize,
    /// Smaller segments behind them that the peer has.
    pub sacked: u32,
    /// How often the timer ran out in vain.
    pub retransmissions: u8,
    /// When it runs out next.
    pub next_in: Duration,
    /// Since when nothing at all arrived from the peer.
    pub silent_for: Duration,
    /// Whether segments of this size were acknowledged before.
    pub history: History,
}

/// Whether large segments passed before on the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// No payload was acknowledged: only the handshake passed.
    Nothing,
    /// Payload was acknowledged, and less than one full segment of it.
    OnlySmall {
        /// How many bytes.
        bytes: u64,
    },
    /// Segments of middling size on average.
    Unclear,
    /// Full segments were acknowledged.
    Large,
}

/// What does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackwardStall {
    /// For how long.
    pub since: Duration,
    /// What shows it.
    pub sign: BackwardSign,
    /// Bytes that came before.
    pub received: u64,
    /// In so many segments.
    pub segments: u32,
}

/// What shows that something does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackwardSign {
    /// A later segment is here, and an earlier one is missing.
    Gap {
        /// Memory that the later ones take.
        held: u32,
    },
    /// This host has asked for something, and the answer, which fills packets, does not come.
    NoAnswer,
    /// This host has asked the client to go on, and it does not.
    NoRequest,
}

impl StalledConnection {
    /// Which way of the path has to be examined.
    pub fn direction(&self) -> Direction {
        match self.stall {
            Stall::Forward(_) => Direction::Forward,
            Stall::Backward(_) => Direction::Reverse,
        }
    }

    /// What became of it, by what the kernel tells now of the socket that it knows by the same cookie.
    pub fn afterwards(&self, now: Option<&TcpSocket>) -> Afterwards {
        match (now.map(|socket| socket.state), now.and_then(|socket| socket.info.as_ref())) {
            (None | Some(TcpState::Other), _) => Afterwards::Ended,
            (_, None) => Afterwards::Unknown,
            (_, Some(info)) => {
                let has_gone_on = match self.stall {
                    Stall::Forward(_) => info.bytes_acked != self.acknowledged,
                    Stall::Backward(_) => info.bytes_received != self.received,
                };
                let next_in = now.and_then(|socket| match socket.timer {
                    TcpTimer::Retransmit(left) => Some(left),
                    _ => None,
                });
                if has_gone_on { Afterwards::GoneOn } else { Afterwards::StandsStill { next_in } }
            }
        }
    }

    /// For how long it stands still.
    pub fn since(&self) -> Duration {
        match self.stall {
            Stall::Forward(ForwardStall { since, .. }) | Stall::Backward(BackwardStall { since, .. }) => since,
        }
    }

    /// The port at which somebody listens: the peer's, or of a connection that the peer opened this host's.
    pub fn service_port(&self) -> u16 {
        match self.opener {
            Opener::ThisHost => self.peer.port(),
            Opener::Peer => self.local.port(),
        }
    }
}
