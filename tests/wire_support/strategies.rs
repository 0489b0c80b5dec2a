//! Packets at random: every kind that `emit` accepts.

use std::net::IpAddr;

use bytes::Bytes;
use pmtu_probe::model::{
    Body, Echo, Flags, IcmpError, IcmpErrorKind, IpHeader, Packet, PacketSize, Quote, QuotedTransport, SackBlocks,
    Segment, SeqNumber, Ttl,
};
use proptest::prelude::*;

/// A packet of either family that exists on a wire.
pub(crate) fn packet() -> impl Strategy<Value = Packet> {
    any::<bool>().prop_flat_map(|v6| (header(v6), body(v6)).prop_map(|(ip, body)| Packet { ip, body }))
}

/// An IPv4 packet, for fragmenting.
pub(crate) fn packet_v4() -> impl Strategy<Value = Packet> {
    (header(false), body(false)).prop_map(|(ip, body)| Packet { ip, body })
}

fn header(v6: bool) -> impl Strategy<Value = IpHeader> {
    (address(v6), address(v6), any::<u8>(), any::<bool>(), any::<u16>()).prop_map(
        move |(source, destination, ttl, dont_fragment, id)| IpHeader {
            source,
            destination,
            ttl: Ttl(ttl),
            dont_fragment: v6 || dont_fragment,
            id,
        },
    )
}

fn address(v6: bool) -> BoxedStrategy<IpAddr> {
    if v6 { any::<[u8; 16]>().prop_map(IpAddr::from).boxed() } else { any::<[u8; 4]>().prop_map(IpAddr::from).boxed() }
}

fn body(v6: bool) -> impl Strategy<Value = Body> {
    prop_oneof![
        segment().prop_map(Body::Tcp),
        echo().prop_map(Body::EchoRequest),
        echo().prop_map(Body::EchoReply),
        error(v6).prop_map(Body::Error),
    ]
}

fn segment() -> impl Strategy<Value = Segment> {
    let fields = (any::<u16>(), any::<u16>(), any::<u32>(), any::<u32>(), flags(), any::<u16>());
    let options = (any::<Option<u16>>(), any::<bool>(), sack(), any::<Option<(u32, u32)>>());
    (fields, options, prop::collection::vec(any::<u8>(), 0..1600))
        .prop_map(|((source, destination, seq, ack, flags, window), options, payload)| {
            let (mss, sack_permitted, sack, timestamps) = options;
            Segment {
                window,
                mss,
                sack_permitted,
                sack,
                timestamps,
                payload: Bytes::from(payload),
                ..Segment::new(source, destination, SeqNumber(seq), SeqNumber(ack), flags)
            }
        })
        .prop_filter("more options than a header holds", |segment| segment.options_len() <= 40)
}

fn flags() -> impl Strategy<Value = Flags> {
    any::<[bool; 5]>().prop_map(|[syn, ack, psh, rst, fin]| Flags { syn, ack, psh, rst, fin })
}

fn sack() -> impl Strategy<Value = SackBlocks> {
    prop::collection::vec(any::<(u32, u32)>(), 0..=4).prop_map(|edges| {
        let mut blocks = SackBlocks::default();
        for (left, right) in edges {
            blocks.push(SeqNumber(left), SeqNumber(right));
        }
        blocks
    })
}

fn echo() -> impl Strategy<Value = Echo> {
    (any::<u16>(), any::<u16>(), 0..9000_u32).prop_map(|(ident, seq, payload_len)| Echo { ident, seq, payload_len })
}

fn error(v6: bool) -> impl Strategy<Value = IcmpError> {
    let mtu = if v6 { 0..=u32::MAX } else { 0..=u32::from(u16::MAX) };
    let code = any::<u8>().prop_filter("4 is a PTB in IPv4", move |code| v6 || *code != 4);
    let kind = prop_oneof![
        mtu.prop_map(|mtu| IcmpErrorKind::Ptb { mtu }),
        Just(IcmpErrorKind::TimeExceeded),
        code.prop_map(|code| IcmpErrorKind::Unreachable { code }),
    ];
    (kind, quote(v6), any::<bool>()).prop_map(|(kind, quote, checksum_ok)| IcmpError { kind, quote, checksum_ok })
}

fn quote(v6: bool) -> impl Strategy<Value = Quote> {
    let size = if v6 { 40..=65_575_u32 } else { 0..=65_535 };
    (header(v6), size, transport()).prop_map(|(ip, size, transport)| Quote {
        mss: None,
        source: ip.source,
        destination: ip.destination,
        size: PacketSize::new(size),
        dont_fragment: ip.dont_fragment,
        id: ip.id,
        ttl: ip.ttl,
        transport,
    })
}

fn transport() -> impl Strategy<Value = QuotedTransport> {
    prop_oneof![
        (any::<u16>(), any::<u16>(), any::<u32>()).prop_map(|(source_port, destination_port, seq)| {
            QuotedTransport::Tcp { source_port, destination_port, seq: SeqNumber(seq) }
        }),
        (any::<u16>(), any::<u16>()).prop_map(|(ident, seq)| QuotedTransport::Echo { ident, seq }),
        any::<u8>().prop_map(QuotedTransport::Other),
    ]
}
