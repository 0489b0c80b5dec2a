//! etherparse, which shares no code with `wire`, reads what `emit` writes and computes the same checksums.

mod wire_support;

use std::net::IpAddr;

use etherparse::{
    Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, NetSlice, SlicedPacket, TcpOptionElement, TcpSlice,
    TransportSlice, icmpv4, icmpv6,
};
use pmtu_probe::model::{Body, Echo, IcmpError, IcmpErrorKind, IpHeader, Packet, QuotedTransport, Segment};
use pmtu_probe::wire::emit;
use proptest::prelude::*;

use wire_support::strategies::packet;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn etherparse_reads_the_same_packet(packet in packet()) {
        let mut bytes = Vec::new();
        emit(&packet, &mut bytes).expect("a packet that can exist");
        let sliced = SlicedPacket::from_ip(&bytes).expect("etherparse accepts it");
        check_ip(&packet.ip, bytes.len(), &sliced.net.expect("an IP header"))?;
        check_transport(&packet, &sliced.transport.expect("a transport header"))?;
    }
}

fn check_ip(ours: &IpHeader, len: usize, theirs: &NetSlice<'_>) -> Result<(), TestCaseError> {
    match theirs {
        NetSlice::Ipv4(slice) => {
            let header = slice.header().to_header();
            prop_assert_eq!(header.calc_header_checksum(), header.header_checksum);
            prop_assert_eq!(usize::from(header.total_len), len);
            prop_assert_eq!(IpAddr::from(header.source), ours.source);
            prop_assert_eq!(IpAddr::from(header.destination), ours.destination);
            prop_assert_eq!(header.dont_fragment, ours.dont_fragment);
            prop_assert_eq!(header.identification, ours.id);
            prop_assert_eq!(header.time_to_live, ours.ttl.0);
        }
        NetSlice::Ipv6(slice) => {
            let header = slice.header().to_header();
            prop_assert_eq!(usize::from(header.payload_length) + 40, len);
            prop_assert_eq!(IpAddr::from(header.source), ours.source);
            prop_assert_eq!(IpAddr::from(header.destination), ours.destination);
            prop_assert_eq!(header.flow_label.value(), u32::from(ours.id));
            prop_assert_eq!(header.hop_limit, ours.ttl.0);
        }
        NetSlice::Arp(_) => prop_assert!(false, "not IP"),
    }
    Ok(())
}

fn check_transport(packet: &Packet, theirs: &TransportSlice<'_>) -> Result<(), TestCaseError> {
    match (theirs, &packet.body) {
        (TransportSlice::Tcp(tcp), Body::Tcp(segment)) => check_tcp(&packet.ip, segment, tcp),
        (TransportSlice::Icmpv4(icmp), body) => check_icmp(body, icmp),
        (TransportSlice::Icmpv6(icmp), body) => check_icmpv6(&packet.ip, body, icmp),
        (theirs, ours) => {
            prop_assert!(false, "{theirs:?} is not {ours:?}");
            Ok(())
        }
    }
}

fn check_tcp(ip: &IpHeader, ours: &Segment, theirs: &TcpSlice<'_>) -> Result<(), TestCaseError> {
    let sum = match (ip.source, ip.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            theirs.calc_checksum_ipv4(source.octets(), destination.octets())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            theirs.calc_checksum_ipv6(source.octets(), destination.octets())
        }
        _ => panic!("two families"),
    };
    prop_assert_eq!(sum, Ok(theirs.checksum()));
    prop_assert_eq!(theirs.source_port(), ours.source_port);
    prop_assert_eq!(theirs.destination_port(), ours.destination_port);
    prop_assert_eq!(theirs.sequence_number(), ours.seq.0);
    prop_assert_eq!(theirs.acknowledgment_number(), ours.ack.0);
    prop_assert_eq!(theirs.window_size(), ours.window);
    let flags = (theirs.syn(), theirs.ack(), theirs.psh(), theirs.rst(), theirs.fin());
    prop_assert_eq!(flags, (ours.flags.syn, ours.flags.ack, ours.flags.psh, ours.flags.rst, ours.flags.fin));
    prop_assert!(!theirs.urg() && !theirs.ece() && !theirs.cwr() && !theirs.ns());
    prop_assert_eq!(theirs.payload(), &ours.payload[..]);
    prop_assert_eq!(theirs.options().len(), ours.options_len());
    let options: Vec<_> = theirs.options_iterator().filter(|option| *option != Ok(TcpOptionElement::Noop)).collect();
    prop_assert_eq!(options, options_of(ours));
    Ok(())
}

/// The options in the order promised: MSS, SACK-permitted, timestamps, SACK.
fn options_of<E>(segment: &Segment) -> Vec<Result<TcpOptionElement, E>> {
    let mut options = Vec::new();
    options.extend(segment.mss.map(TcpOptionElement::MaximumSegmentSize));
    options.extend(segment.sack_permitted.then_some(TcpOptionElement::SelectiveAcknowledgementPermitted));
    options.extend(segment.timestamps.map(|(value, echo)| TcpOptionElement::Timestamp(value, echo)));
    let mut blocks = segment.sack.iter().map(|(left, right)| (left.0, right.0));
    if let Some(first) = blocks.next() {
        let rest = [blocks.next(), blocks.next(), blocks.next()];
        options.push(TcpOptionElement::SelectiveAcknowledgement(first, rest));
    }
    options.into_iter().map(Ok).collect()
}

fn check_icmp(ours: &Body, theirs: &Icmpv4Slice<'_>) -> Result<(), TestCaseError> {
    let right = theirs.icmp_type().calc_checksum(theirs.payload()) == theirs.checksum();
    prop_assert_eq!(right, !matches!(ours, Body::Error(IcmpError { checksum_ok: false, .. })));
    match (theirs.icmp_type(), ours) {
        (Icmpv4Type::EchoRequest(header), Body::EchoRequest(echo))
        | (Icmpv4Type::EchoReply(header), Body::EchoReply(echo)) => {
            check_echo(*echo, (header.id, header.seq), theirs.payload())
        }
        (kind, Body::Error(error)) => {
            let expected = match error.kind {
                IcmpErrorKind::Ptb { mtu } => {
                    Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::FragmentationNeeded {
                        next_hop_mtu: mtu as u16,
                    })
                }
                IcmpErrorKind::TimeExceeded => Icmpv4Type::TimeExceeded(icmpv4::TimeExceededCode::TtlExceededInTransit),
                IcmpErrorKind::Unreachable { code } => {
                    prop_assert_eq!((theirs.type_u8(), theirs.code_u8(), theirs.bytes5to8()), (3, code, [0; 4]));
                    return check_quote(error, theirs.payload());
                }
            };
            prop_assert_eq!(kind, expected);
            check_quote(error, theirs.payload())
        }
        (kind, ours) => {
            prop_assert!(false, "{kind:?} is not {ours:?}");
            Ok(())
        }
    }
}

fn check_icmpv6(ip: &IpHeader, ours: &Body, theirs: &Icmpv6Slice<'_>) -> Result<(), TestCaseError> {
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (ip.source, ip.destination) else { panic!("not IPv6") };
    let right = theirs.is_checksum_valid(source.octets(), destination.octets());
    prop_assert_eq!(right, !matches!(ours, Body::Error(IcmpError { checksum_ok: false, .. })));
    match (theirs.icmp_type(), ours) {
        (Icmpv6Type::EchoRequest(header), Body::EchoRequest(echo))
        | (Icmpv6Type::EchoReply(header), Body::EchoReply(echo)) => {
            check_echo(*echo, (header.id, header.seq), theirs.payload())
        }
        (kind, Body::Error(error)) => {
            let expected = match error.kind {
                IcmpErrorKind::Ptb { mtu } => Icmpv6Type::PacketTooBig { mtu },
                IcmpErrorKind::TimeExceeded => Icmpv6Type::TimeExceeded(icmpv6::TimeExceededCode::HopLimitExceeded),
                IcmpErrorKind::Unreachable { code } => {
                    prop_assert_eq!((theirs.type_u8(), theirs.code_u8(), theirs.bytes5to8()), (1, code, [0; 4]));
                    return check_quote(error, theirs.payload());
                }
            };
            prop_assert_eq!(kind, expected);
            check_quote(error, theirs.payload())
        }
        (kind, ours) => {
            prop_assert!(false, "{kind:?} is not {ours:?}");
            Ok(())
        }
    }
}

fn check_echo(ours: Echo, (id, seq): (u16, u16), payload: &[u8]) -> Result<(), TestCaseError> {
    prop_assert_eq!((id, seq), (ours.ident, ours.seq));
    prop_assert_eq!(payload.len(), ours.payload_len as usize);
    Ok(())
}

fn check_quote(ours: &IcmpError, bytes: &[u8]) -> Result<(), TestCaseError> {
    let quote = &ours.quote;
    let (ip, size, protocol, transport) = if quote.source.is_ipv4() {
        let (header, rest) = etherparse::Ipv4Header::from_slice(bytes).expect("a quoted IPv4 header");
        prop_assert_eq!(header.calc_header_checksum(), header.header_checksum);
        prop_assert_eq!(header.dont_fragment, quote.dont_fragment);
        prop_assert_eq!((header.identification, header.time_to_live), (quote.id, quote.ttl.0));
        let ends = (IpAddr::from(header.source), IpAddr::from(header.destination));
        (ends, u32::from(header.total_len), header.protocol.0, rest)
    } else {
        let (header, rest) = etherparse::Ipv6Header::from_slice(bytes).expect("a quoted IPv6 header");
        prop_assert_eq!((header.flow_label.value(), header.hop_limit), (quote.id.into(), quote.ttl.0));
        let ends = (IpAddr::from(header.source), IpAddr::from(header.destination));
        (ends, u32::from(header.payload_length) + 40, header.next_header.0, rest)
    };
    prop_assert_eq!(ip, (quote.source, quote.destination));
    prop_assert_eq!(size, quote.size.bytes());
    match quote.transport {
        QuotedTransport::Tcp { source_port, destination_port, seq } => {
            let mut expected = Vec::from(source_port.to_be_bytes());
            expected.extend(destination_port.to_be_bytes());
            expected.extend(seq.0.to_be_bytes());
            prop_assert_eq!((protocol, transport), (6, &expected[..]));
        }
        QuotedTransport::Echo { ident, seq } => {
            let (number, kind) = if quote.source.is_ipv4() { (1, 8) } else { (58, 128) };
            prop_assert_eq!((protocol, transport[0], transport.len()), (number, kind, 8));
            prop_assert_eq!(&transport[4..], [ident.to_be_bytes(), seq.to_be_bytes()].concat());
        }
        QuotedTransport::Other(number) => prop_assert_eq!(protocol, number),
    }
    Ok(())
}
