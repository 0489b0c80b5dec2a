//! Packets in bytes. Those marked "Linux" were captured on a path of Linux hosts and routers, the others laid out by
//! the RFCs' diagrams; checksums come from neither pnet nor this crate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use pmtu_probe::model::{
    Body, Echo, Flags, IcmpError, IcmpErrorKind, IpHeader, Packet, PacketSize, Quote, QuotedTransport, SackBlocks,
    Segment, SeqNumber, Ttl,
};

use super::{filler, hex};

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 25));
pub(crate) const NEAR_ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(crate) const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
pub(crate) const CLIENT6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10));
pub(crate) const SERVER6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x25));
pub(crate) const NEAR_ROUTER6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1));
pub(crate) const ROUTER6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 1));

/// Bytes and what they mean.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) packet: Packet,
    /// Whether `emit` makes exactly these bytes of the packet.
    pub(crate) ours: bool,
}

pub(crate) fn all() -> Vec<Golden> {
    let mut all = tcp_v4();
    all.extend(tcp_v6());
    all.extend(echo());
    all.extend(errors_v4());
    all.extend(errors_v6());
    all
}

fn tcp_v4() -> Vec<Golden> {
    let mut syn = Segment::new(40000, 25, SeqNumber(0x0102_0304), SeqNumber(0), Flags::SYN);
    syn.mss = Some(1460);
    syn.sack_permitted = true;

    let mut syn_ack = Segment::new(2525, 45206, SeqNumber(0x24cd_c7f4), SeqNumber(0x196e_e150), Flags::SYN_ACK);
    syn_ack.window = 0xfcc0;
    syn_ack.mss = Some(1360);
    syn_ack.sack_permitted = true;
    syn_ack.timestamps = Some((0x9465_dd2d, 0x9564_187e));

    let mut data = Segment::new(58240, 2525, SeqNumber(0x9dfb_9c35), SeqNumber(0xccc8_8c6e), Flags::PSH_ACK);
    data.window = 63;
    data.payload = Bytes::from_static(b"NOOP\r\n");

    let mut dsack = Segment::new(2525, 58240, SeqNumber(0xccc8_8c6e), SeqNumber(0x9dfb_9c3b), Flags::ACK);
    dsack.window = 64;
    dsack.sack = blocks(&[(0x9dfb_9c35, 0x9dfb_9c3b)]);
    vec![
        Golden {
            name: "SYN with MSS and SACK-permitted",
            bytes: hex("45 00 0030 1234 4000 40 06 3c3d c000020a c6336419
                        9c40 0019 01020304 00000000 70 02 ffff f668 0000  0204 05b4  01 01 0402"),
            packet: v4(CLIENT, SERVER, 64, true, 0x1234, Body::Tcp(syn)),
            ours: true,
        },
        Golden {
            name: "SYN-ACK of Linux with timestamps and window scale",
            bytes: hex("45 00 003c 0000 4000 3f 06 4f65 c6336419 c000020a
                        09dd b096 24cdc7f4 196ee150 a0 12 fcc0 9dce 0000
                        0204 0550  0402  080a 9465dd2d 9564187e  01  0303 0a"),
            packet: v4(SERVER, CLIENT, 63, true, 0, Body::Tcp(syn_ack)),
            ours: false,
        },
        Golden {
            name: "data of Linux",
            bytes: hex("45 00 002e 2683 4000 40 06 27f0 c000020a c6336419
                        e380 09dd 9dfb9c35 ccc88c6e 50 18 003f 97c0 0000  4e4f4f500d0a"),
            packet: v4(CLIENT, SERVER, 64, true, 0x2683, Body::Tcp(data)),
            ours: true,
        },
        Golden {
            name: "DSACK of Linux",
            bytes: hex("45 00 0034 44d6 4000 3f 06 0a97 c6336419 c000020a
                        09dd e380 ccc88c6e 9dfb9c3b 80 10 0040 97f1 0000  01 01 050a 9dfb9c35 9dfb9c3b"),
            packet: v4(SERVER, CLIENT, 63, true, 0x44d6, Body::Tcp(dsack)),
            ours: true,
        },
    ]
}

fn tcp_v6() -> Vec<Golden> {
    let mut syn = Segment::new(40000, 25, SeqNumber(0x0102_0304), SeqNumber(0), Flags::SYN);
    syn.mss = Some(1440);
    syn.sack_permitted = true;

    let mut syn_ack = Segment::new(2525, 57990, SeqNumber(0x06d8_e1ac), SeqNumber(0x7a2b_c1f4), Flags::SYN_ACK);
    syn_ack.window = 0xfe30;
    syn_ack.mss = Some(1340);
    syn_ack.sack_permitted = true;
    syn_ack.timestamps = Some((0xf4a6_bf3c, 0xfe74_ce9e));

    let mut dsack = Segment::new(2525, 53922, SeqNumber(0xf2dd_ffbe), SeqNumber(0xb6b4_0d68), Flags::ACK);
    dsack.window = 63;
    dsack.sack = blocks(&[(0xb6b4_0d62, 0xb6b4_0d68)]);
    vec![
        Golden {
            name: "IPv6 SYN with MSS and SACK-permitted",
            bytes: hex("60001234 001c 06 40 20010db8000100000000000000000010 20010db8000200000000000000000025
                        9c40 0019 01020304 00000000 70 02 ffff 872a 0000  0204 05a0  01 01 0402"),
            packet: v6(CLIENT6, SERVER6, 64, 0x1234, Body::Tcp(syn)),
            ours: true,
        },
        Golden {
            name: "IPv6 SYN-ACK of Linux with timestamps and window scale",
            bytes: hex("600abfe1 0028 06 3f 20010db8000200000000000000000025 20010db8000100000000000000000010
                        09dd e286 06d8e1ac 7a2bc1f4 a0 12 fe30 5c8a 0000
                        0204 053c  0402  080a f4a6bf3c fe74ce9e  01  0303 0a"),
            packet: v6(SERVER6, CLIENT6, 63, 0xbfe1, Body::Tcp(syn_ack)),
            ours: false,
        },
        Golden {
            name: "IPv6 DSACK of Linux",
            bytes: hex("6004cf97 0020 06 3f 20010db8000200000000000000000025 20010db8000100000000000000000010
                        09dd d2a2 f2ddffbe b6b40d68 80 10 003f 0268 0000  01 01 050a b6b40d62 b6b40d68"),
            packet: v6(SERVER6, CLIENT6, 63, 0xcf97, Body::Tcp(dsack)),
            ours: false, // a flow label of 20 bits
        },
    ]
}

fn echo() -> Vec<Golden> {
    let body = Echo { ident: 0x1234, seq: 1, payload_len: 16 };
    vec![
        Golden {
            name: "echo request",
            bytes: hex("45 00 002c 0001 4000 40 01 4e79 c000020a c6336419
                        08 00 ad8a 1234 0001  000102030405060708090a0b0c0d0e0f"),
            packet: v4(CLIENT, SERVER, 64, true, 1, Body::EchoRequest(body)),
            ours: true,
        },
        Golden {
            name: "echo reply of Linux",
            bytes: hex("45 00 002c 4713 0000 3f 01 4867 c6336419 c000020a
                        00 00 b58a 1234 0001  000102030405060708090a0b0c0d0e0f"),
            packet: v4(SERVER, CLIENT, 63, false, 0x4713, Body::EchoReply(body)),
            ours: true,
        },
        Golden {
            name: "ICMPv6 echo request",
            bytes: hex("60030327 0018 3a 40 20010db8000100000000000000000010 20010db8000200000000000000000025
                        80 00 d98d 1234 0001  000102030405060708090a0b0c0d0e0f"),
            packet: v6(CLIENT6, SERVER6, 64, 0x0327, Body::EchoRequest(body)),
            ours: false, // a flow label of 20 bits
        },
        Golden {
            name: "ICMPv6 echo reply of Linux",
            bytes: hex("600e650e 0018 3a 3f 20010db8000200000000000000000025 20010db8000100000000000000000010
                        81 00 d88d 1234 0001  000102030405060708090a0b0c0d0e0f"),
            packet: v6(SERVER6, CLIENT6, 63, 0x650e, Body::EchoReply(body)),
            ours: false,
        },
    ]
}

fn errors_v4() -> Vec<Golden> {
    let mut full = hex("45 c0 0240 1d14 0000 40 01 d6dd c0000201 c000020a  03 04 34a4 0000 0514
                        45 00 0515 0002 4000 40 01 498f c000020a c6336419  08 00 1c7e 1234 0002");
    full.extend(filler(576 - full.len()));
    let mut padded = hex("45 00 00a8 0009 0000 fd 01 bf3f cb007101 c000020a  0b 00 5384 00 20 0000
                          45 00 0578 0005 4000 01 06 8824 c000020a c6336419  9c40 0019 01020400");
    padded.resize(20 + 8 + 128, 0);
    padded.extend(hex("20 00 ddf4  0008 01 01 00010101"));
    vec![
        Golden {
            name: "PTB of Linux with a long quote",
            bytes: full,
            packet: v4(
                NEAR_ROUTER,
                CLIENT,
                64,
                false,
                0x1d14,
                error(IcmpErrorKind::Ptb { mtu: 1300 }, quote_v4(1301, 2, 64, echo_transport(2))),
            ),
            ours: false,
        },
        Golden {
            name: "PTB that quotes eight bytes of TCP",
            bytes: hex("45 00 0038 0009 0000 fd 01 bfaf cb007101 c000020a  03 04 5628 0000 0578
                        45 00 0579 0579 4000 3e 06 45af c000020a c6336419  9c40 0019 01020400"),
            packet: v4(
                ROUTER,
                CLIENT,
                253,
                false,
                9,
                error(IcmpErrorKind::Ptb { mtu: 1400 }, quote_v4(1401, 0x0579, 62, tcp_transport())),
            ),
            ours: true,
        },
        Golden {
            name: "time exceeded of Linux",
            bytes: hex("45 c0 0048 1d19 0000 40 01 d8d0 c0000201 c000020a  0b 00 f4ff 0000 0000
                        45 00 002c 0003 4000 01 01 8d77 c000020a c6336419  08 00 ad88 1234 0003
                        000102030405060708090a0b0c0d0e0f"),
            packet: v4(
                NEAR_ROUTER,
                CLIENT,
                64,
                false,
                0x1d19,
                error(IcmpErrorKind::TimeExceeded, quote_v4(44, 3, 1, echo_transport(3))),
            ),
            ours: false,
        },
        Golden {
            name: "time exceeded with an MPLS label (RFC 4884, RFC 4950)",
            bytes: padded,
            packet: v4(
                ROUTER,
                CLIENT,
                253,
                false,
                9,
                error(IcmpErrorKind::TimeExceeded, quote_v4(1400, 5, 1, tcp_transport())),
            ),
            ours: false,
        },
        Golden {
            name: "administratively prohibited, quoting eight bytes of an echo request",
            bytes: hex("45 00 0038 0009 0000 fd 01 bfaf cb007101 c000020a  03 0d e2b9 0000 0000
                        45 00 0578 0005 4000 01 01 8829 c000020a c6336419  08 00 0000 1234 0005"),
            packet: v4(
                ROUTER,
                CLIENT,
                253,
                false,
                9,
                error(IcmpErrorKind::Unreachable { code: 13 }, quote_v4(1400, 5, 1, echo_transport(5))),
            ),
            ours: true,
        },
    ]
}

fn errors_v6() -> Vec<Golden> {
    let mut full = hex("600b0c86 04d8 3a 40 20010db8000100000000000000000001 20010db8000100000000000000000010
                        02 00 9b02 00000514
                        60030327 04ed 3a 40 20010db8000100000000000000000010 20010db8000200000000000000000025
                        80 00 a301 1234 0002");
    full.extend(filler(1280 - full.len()));
    vec![
        Golden {
            name: "ICMPv6 PTB of Linux with a long quote",
            bytes: full,
            packet: v6(
                NEAR_ROUTER6,
                CLIENT6,
                64,
                0x0c86,
                error(IcmpErrorKind::Ptb { mtu: 1300 }, quote_v6(1301, 0x0327, 64, echo_transport(2))),
            ),
            ours: false,
        },
        Golden {
            name: "ICMPv6 PTB that quotes eight bytes of TCP",
            bytes: hex("60000009 0038 3a fd 20010db8000f00000000000000000001 20010db8000100000000000000000010
                        02 00 2e74 00000578
                        60000579 0551 06 3e 20010db8000100000000000000000010 20010db8000200000000000000000025
                        9c40 0019 01020400"),
            packet: v6(
                ROUTER6,
                CLIENT6,
                253,
                9,
                error(IcmpErrorKind::Ptb { mtu: 1400 }, quote_v6(1401, 0x0579, 62, tcp_transport())),
            ),
            ours: true,
        },
        Golden {
            name: "ICMPv6 time exceeded of Linux",
            bytes: hex("6006d37e 0048 3a 40 20010db8000100000000000000000001 20010db8000100000000000000000010
                        03 00 0407 00000000
                        60030327 0018 3a 01 20010db8000100000000000000000010 20010db8000200000000000000000025
                        80 00 d98b 1234 0003  000102030405060708090a0b0c0d0e0f"),
            packet: v6(
                NEAR_ROUTER6,
                CLIENT6,
                64,
                0xd37e,
                error(IcmpErrorKind::TimeExceeded, quote_v6(64, 0x0327, 1, echo_transport(3))),
            ),
            ours: false,
        },
        Golden {
            name: "ICMPv6 time exceeded that quotes eight bytes",
            bytes: hex("60000009 0038 3a fd 20010db8000f00000000000000000001 20010db8000100000000000000000010
                        03 00 13c0 00000000
                        60000005 0550 3a 01 20010db8000100000000000000000010 20010db8000200000000000000000025
                        80 00 0000 1234 0005"),
            packet: v6(
                ROUTER6,
                CLIENT6,
                253,
                9,
                error(IcmpErrorKind::TimeExceeded, quote_v6(1400, 5, 1, echo_transport(5))),
            ),
            ours: true,
        },
        Golden {
            name: "ICMPv6 no route of Linux",
            bytes: hex("6001b375 0048 3a 40 20010db8000100000000000000000001 20010db8000100000000000000000010
                        01 00 c6c8 00000000
                        60014228 0018 3a 40 20010db8000100000000000000000010 20010db8000900000000000000000025
                        80 00 d983 1234 0004  000102030405060708090a0b0c0d0e0f"),
            packet: v6(
                NEAR_ROUTER6,
                CLIENT6,
                64,
                0xb375,
                error(
                    IcmpErrorKind::Unreachable { code: 0 },
                    Quote {
                        mss: None,
                        destination: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0x25)),
                        ..quote_v6(64, 0x4228, 64, echo_transport(4))
                    },
                ),
            ),
            ours: false,
        },
    ]
}

fn v4(source: IpAddr, destination: IpAddr, ttl: u8, dont_fragment: bool, id: u16, body: Body) -> Packet {
    Packet { ip: IpHeader { source, destination, ttl: Ttl(ttl), dont_fragment, id }, body }
}

fn v6(source: IpAddr, destination: IpAddr, hop_limit: u8, id: u16, body: Body) -> Packet {
    v4(source, destination, hop_limit, true, id, body)
}

fn error(kind: IcmpErrorKind, quote: Quote) -> Body {
    Body::Error(IcmpError { kind, quote, checksum_ok: true })
}

fn quote_v4(size: u32, id: u16, ttl: u8, transport: QuotedTransport) -> Quote {
    let size = PacketSize::new(size);
    Quote { source: CLIENT, destination: SERVER, size, dont_fragment: true, id, ttl: Ttl(ttl), transport, mss: None }
}

fn quote_v6(size: u32, id: u16, ttl: u8, transport: QuotedTransport) -> Quote {
    Quote { source: CLIENT6, destination: SERVER6, ..quote_v4(size, id, ttl, transport) }
}

fn tcp_transport() -> QuotedTransport {
    QuotedTransport::Tcp { source_port: 40000, destination_port: 25, seq: SeqNumber(0x0102_0400) }
}

fn echo_transport(seq: u16) -> QuotedTransport {
    QuotedTransport::Echo { ident: 0x1234, seq }
}

fn blocks(edges: &[(u32, u32)]) -> SackBlocks {
    let mut blocks = SackBlocks::default();
    for (left, right) in edges {
        blocks.push(SeqNumber(*left), SeqNumber(*right));
    }
    blocks
}
