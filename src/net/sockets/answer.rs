//! Reads the answers of the kernel.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use netlink_packet_core::{NetlinkBuffer, Parseable};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{InetResponse, InetResponseHeader, Timer};
use netlink_packet_sock_diag::{
    SOCK_DIAG_BY_FAMILY, TCP_CLOSE_WAIT, TCP_CLOSING, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_LAST_ACK,
    TCP_LISTEN, TCPI_OPT_TIMESTAMPS,
};

use crate::model::{TcpInfo, TcpSocket, TcpState, TcpTimer};

/// `NLMSG_ERROR` and `NLMSG_DONE` of linux/netlink.h.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const HEADER: usize = 16;

/// What a piece of a dump leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// More pieces follow.
    GoesOn,
    /// It was the last one.
    Done,
    /// The kernel refuses, with this error.
    Failed(i32),
}

/// Adds the sockets of one piece of a dump. One that does not decode is left out.
pub(super) fn read(bytes: &[u8], sequence: u32, found: &mut Vec<TcpSocket>) -> Answer {
    let mut rest = bytes;
    while let Ok(message) = NetlinkBuffer::new_checked(rest) {
        let length = message.length() as usize;
        let payload = rest.get(HEADER..length).unwrap_or_default();
        match message.message_type() {
            // Not the answer to this question.
            _ if message.sequence_number() != sequence => {}
            DONE => return Answer::Done,
            ERROR => return Answer::Failed(error_code(payload)),
            SOCK_DIAG_BY_FAMILY => found.extend(InetResponse::parse(payload).ok().map(|response| socket(&response))),
            _ => {}
        }
        // Messages are aligned to 4 bytes, and none is shorter than its header.
        let next = length.max(HEADER).next_multiple_of(4);
        rest = rest.get(next..).unwrap_or_default();
    }
    Answer::GoesOn
}

/// A negative errno, or 0, which is no answer to a dump.
fn error_code(payload: &[u8]) -> i32 {
    let code = payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    code.checked_neg().filter(|code| *code > 0).unwrap_or(libc::EIO)
}

fn socket(response: &InetResponse) -> TcpSocket {
    let InetResponse { header, nlas } = response;
    let id = &header.socket_id;
    let end = |address: IpAddr, port: u16| match address.to_canonical() {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, id.interface_id).into()
        }
        address => SocketAddr::new(address, port),
    };
    TcpSocket {
        cookie: u64::from_ne_bytes(id.cookie),
        inode: header.inode,
        local: end(id.source_address, id.source_port),
        peer: end(id.destination_address, id.destination_port),
        state: state(header.state),
        timer: timer(header),
        unread: header.recv_queue,
        unacknowledged: header.send_queue,
        receive_memory: nlas.iter().find_map(|nla| match nla {
            Nla::MemInfo(memory) => Some(memory.receive_queue),
            _ => None,
        }),
        info: nlas.iter().find_map(|nla| match nla {
            Nla::TcpInfo(bytes) => tcp_info(bytes),
            _ => None,
        }),
    }
}

fn state(number: u8) -> TcpState {
    match number {
        TCP_ESTABLISHED => TcpState::Established,
        TCP_FIN_WAIT1 | TCP_CLOSING | TCP_LAST_ACK => TcpState::Closing,
        TCP_FIN_WAIT2 => TcpState::HalfClosed,
        TCP_CLOSE_WAIT => TcpState::PeerClosed,
        TCP_LISTEN => TcpState::Listening,
        _ => TcpState::Other,
    }
}

fn timer(header: &InetResponseHeader) -> TcpTimer {
    match header.timer {
        Some(Timer::Retransmit(left, _)) => TcpTimer::Retransmit(left),
        Some(Timer::Probe(_)) => TcpTimer::ZeroWindow,
        _ => TcpTimer::Other,
    }
}

/// `struct tcp_info` grows with the kernels: what an older one does not have ends its bytes.
fn tcp_info(bytes: &[u8]) -> Option<TcpInfo> {
    let byte = |at: usize| bytes.get(at).copied();
    let u32_at = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_ne_bytes(*bytes));
    let u64_at = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u64::from_ne_bytes(*bytes));
    let micros = |at: usize| u32_at(at).map(|micros| Duration::from_micros(micros.into()));
    let millis = |at: usize| u32_at(at).map(|millis| Duration::from_millis(millis.into()));
    Some(TcpInfo {
        retransmits: byte(2)?,
        backoff: byte(4)?,
        has_timestamps: byte(5)? & TCPI_OPT_TIMESTAMPS != 0,
        rto: micros(8)?,
        snd_mss: u32_at(16)?,
        rcv_mss: u32_at(20)?,
        unacked: u32_at(24)?,
        sacked: u32_at(28)?,
        last_data_sent: millis(44)?,
        last_data_recv: millis(52)?,
        last_ack_recv: millis(56)?,
        path_mtu: u32_at(60)?,
        total_retrans: u32_at(100)?,
        bytes_acked: u64_at(120)?,
        bytes_received: u64_at(128)?,
        notsent_bytes: u32_at(144)?,
        data_segs_in: u32_at(152)?,
        data_segs_out: u32_at(156)?,
        delivered: u32_at(192),
        rcv_ooopack: u32_at(224),
        snd_wnd: u32_at(228),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux 6.18 has of a connection to 10.91.2.12:9000 whose full segments vanish.
    const ONE_DUMP: &[u8] = include_bytes!("../../../tests/fuzz/corpus/sockets/hole");

    fn of(bytes: &[u8]) -> (Answer, Vec<TcpSocket>) {
        let mut found = Vec::new();
        let sequence = bytes.get(8..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        (read(bytes, sequence, &mut found), found)
    }

    /// As `ss` showed the same connection at the same moment: 83984 bytes waiting, 62264 of them never sent, 15 segments of 1448 under
    /// way, 3.5 s after the first: by then the timer has run out after 0.2, 0.6, 1.4 and 3.1 s.
    #[test]
    fn a_connection_is_read_as_ss_shows_it() {
        let (answer, found) = of(ONE_DUMP);
        let [socket] = &found[..] else { panic!("{found:?}") };
        assert_eq!(answer, Answer::GoesOn);
        assert_eq!(
            (socket.peer, socket.local.ip()),
            ("10.91.2.12:9000".parse().expect("an end"), [10, 91, 1, 1].into())
        );
        assert_eq!((socket.state, socket.unread, socket.unacknowledged), (TcpState::Established, 0, 83_984));
        assert!(matches!(socket.timer, TcpTimer::Retransmit(left) if left < Duration::from_secs(4)), "{socket:?}");
        assert!(socket.inode > 0 && socket.cookie > 0 && socket.receive_memory == Some(0), "{socket:?}");
        let info = socket.info.expect("tcp_info");
        assert_eq!((info.snd_mss, info.path_mtu, info.unacked, info.notsent_bytes), (1448, 1500, 15, 62_264));
        assert_eq!((info.bytes_acked, info.bytes_received, info.data_segs_in), (25, 11, 1));
        assert_eq!((info.retransmits, info.backoff, info.has_timestamps), (4, 4, true));
        assert_eq!((info.snd_wnd, info.delivered, info.rcv_mss), (Some(65_536), Some(5), 536));
    }

    #[test]
    fn an_address_of_ipv4_is_one_by_whatever_socket() {
        let (_, found) = of(include_bytes!("../../../tests/fuzz/corpus/sockets/server"));
        let [listening, server] = &found[..] else { panic!("{found:?}") };
        assert_eq!((listening.state, listening.local.port()), (TcpState::Listening, 9002));
        assert_eq!(server.local, "10.91.2.13:9002".parse().expect("an end"));
        assert!(server.peer.is_ipv4(), "{server:?}");
    }

    #[test]
    fn an_answer_of_another_question_is_none() {
        let mut found = Vec::new();
        assert_eq!((read(ONE_DUMP, 77, &mut found), found.len()), (Answer::GoesOn, 0));
    }

    #[test]
    fn an_older_kernel_tells_less() {
        let mut info = vec![0_u8; 248];
        info[228..232].copy_from_slice(&65_536_u32.to_ne_bytes());
        let newest = tcp_info(&info).expect("all of it");
        assert_eq!((newest.snd_wnd, newest.delivered), (Some(65_536), Some(0)));
        let linux_4_9 = tcp_info(&info[..192]).expect("enough");
        assert_eq!((linux_4_9.snd_wnd, linux_4_9.delivered), (None, None));
        assert_eq!(tcp_info(&info[..104]), None, "Linux 3");
    }

    #[test]
    fn a_refusal_names_its_reason() {
        let mut error = vec![36, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        error.extend((-libc::ENOENT).to_ne_bytes());
        error.extend([0; 16]);
        assert_eq!(of(&error).0, Answer::Failed(libc::ENOENT));
        error[16..20].copy_from_slice(&i32::MIN.to_ne_bytes());
        assert_eq!(of(&error).0, Answer::Failed(libc::EIO), "no errno is that");
    }

    #[test]
    fn a_length_of_nothing_ends() {
        assert_eq!(of(&[0; 64]).0, Answer::GoesOn);
    }
}
