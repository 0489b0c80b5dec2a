//! The socket filters. The kernel decides which packets are ours, so other traffic costs this program nothing.
//!
//! An ICMP error is ours if the packet that it quotes carries one of our source ports or our echo identifier.

use libc::{
    ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE, ARPHRD_PPP, ARPHRD_SIT, ARPHRD_TUNNEL, ARPHRD_TUNNEL6, SKF_AD_HATYPE,
    SKF_AD_OFF, SKF_AD_PKTTYPE, SKF_AD_PROTOCOL, SKF_NET_OFF,
};

use super::bpf::{ACCEPT, Assembler, DROP, FilterProgram, Label, NEXT};
use super::ours::{Ours, PortBlock};

const ETH_P_IP: u32 = libc::ETH_P_IP as u32;
const ETH_P_IPV6: u32 = libc::ETH_P_IPV6 as u32;
const TCP: u32 = libc::IPPROTO_TCP as u32;
const ICMP: u32 = libc::IPPROTO_ICMP as u32;
const ICMPV6: u32 = libc::IPPROTO_ICMPV6 as u32;
const FRAGMENT_HEADER: u32 = libc::IPPROTO_FRAGMENT as u32;

/// Hop-by-hop options, routing, fragment, destination options (RFC 8200, section 4).
const EXTENSION_HEADERS: [u32; 4] = [0, 43, FRAGMENT_HEADER, 60];

const IPV4_OFFSET_MASK: u32 = 0x1fff;
const IPV6_HEADER: u32 = 40;
const IPV6_OFFSET_MASK: u32 = 0xfff8;
const IPV6_FRAGMENT_HEADER: u32 = 8;
/// Of linux/if_arp.h; the libc crate lacks it.
const ARPHRD_RAWIP: u16 = 519;

const ETHERNET_HEADER: u32 = 14;
const ETHERNET_TYPE: u32 = 12;

/// For a packet socket whose data begin at the link's header, if the link has one.
///
/// Admits what arrives (not what leaves, nor what is meant for other hosts on a shared link): TCP to our ports, echo
/// replies with our identifier, ICMP errors about our packets. Later fragments have no ports, so all that carry TCP or ICMP
/// are admitted. Other IPv6 extension headers are not read, because no answer to our packets has one.
pub(super) fn capture(ours: Ours) -> FilterProgram {
    let mut code = Assembler::default();
    code.load_word(pseudo(SKF_AD_PKTTYPE)).if_equal(u32::from(libc::PACKET_OTHERHOST), DROP, NEXT).if_equal(
        u32::from(libc::PACKET_OUTGOING),
        DROP,
        NEXT,
    );
    index_ip_header(&mut code);
    code.label("ip").load_word(pseudo(SKF_AD_PROTOCOL));
    code.if_equal(ETH_P_IP, "ipv4", NEXT).if_equal(ETH_P_IPV6, "ipv6", DROP);
    ipv4(&mut code, ours);
    code.label("ipv6").load_indexed_byte(6).if_equal(FRAGMENT_HEADER, "fragment6", NEXT);
    ipv6_payload(&mut code, IPV6_HEADER, ["not tcp6", "no echo reply6", "quote6 is not tcp"], ours);
    fragment6(&mut code, ours);
    code.finish()
}

/// Sets X to the place of the IP header, and ends at the label "ip".
///
/// `SKF_NET_OFF` is that place on any link. But before Linux 6.16 loads from there do not reach into the pages in which
/// drivers leave most of a packet, such as what a longer ICMP error quotes. So the usual links have their place by number.
fn index_ip_header(code: &mut Assembler) {
    code.load_word(pseudo(SKF_AD_HATYPE));
    for framed in [ARPHRD_ETHER, ARPHRD_LOOPBACK] {
        code.if_equal(u32::from(framed), "framed", NEXT);
    }
    for bare in [ARPHRD_NONE, ARPHRD_PPP, ARPHRD_RAWIP, ARPHRD_TUNNEL, ARPHRD_TUNNEL6, ARPHRD_SIT] {
        code.if_equal(u32::from(bare), "bare", NEXT);
    }
    code.index(SKF_NET_OFF.cast_unsigned()).go_to("ip");
    // If the interface leaves a VLAN tag in place, the type and the IP header come later.
    code.label("framed").load_half(ETHERNET_TYPE);
    code.if_equal(ETH_P_IP, "behind a frame", NEXT).if_equal(ETH_P_IPV6, "behind a frame", "by the kernel");
    code.label("behind a frame").index(ETHERNET_HEADER).go_to("ip");
    code.label("by the kernel").index(SKF_NET_OFF.cast_unsigned()).go_to("ip");
    code.label("bare").index(0);
}

/// X: the place of the IPv4 header.
fn ipv4(code: &mut Assembler, ours: Ours) {
    code.label("ipv4").load_indexed_half(6).if_bits(IPV4_OFFSET_MASK, NEXT, "begins here");
    code.load_indexed_byte(9).if_equal(TCP, ACCEPT, NEXT).if_equal(ICMP, ACCEPT, DROP);
    code.label("begins here").load_indexed_byte(9).if_equal(TCP, NEXT, "not tcp");
    code.index_behind_ipv4_header().load_indexed_half(2);
    if_ours(code, ours.ports);
    code.label("not tcp").if_equal(ICMP, NEXT, DROP);
    icmpv4(code, ours);
}

/// X: the place of the IPv4 header.
fn icmpv4(code: &mut Assembler, ours: Ours) {
    code.index_behind_ipv4_header().load_indexed_byte(0).if_equal(0, NEXT, "no echo reply");
    code.load_indexed_half(4).if_equal(u32::from(ours.echo_ident), ACCEPT, DROP);
    code.label("no echo reply");
    icmpv4_error(code, ours);
}

/// X: the place of the IPv6 header. Loaded: the number of the header at `at`, which is TCP, ICMPv6 or foreign.
fn ipv6_payload(code: &mut Assembler, at: u32, labels: [Label; 3], ours: Ours) {
    let [not_tcp, no_echo_reply, quote_is_not_tcp] = labels;
    code.if_equal(TCP, NEXT, not_tcp).load_indexed_half(at + 2);
    if_ours(code, ours.ports);
    code.label(not_tcp).if_equal(ICMPV6, NEXT, DROP);
    code.load_indexed_byte(at).if_equal(129, NEXT, no_echo_reply);
    code.load_indexed_half(at + 4).if_equal(u32::from(ours.echo_ident), ACCEPT, DROP);
    code.label(no_echo_reply);
    icmpv6_error(code, at, quote_is_not_tcp, ours);
}

/// X: the place of the IPv6 header, which a fragment header follows.
fn fragment6(code: &mut Assembler, ours: Ours) {
    code.label("fragment6").load_indexed_half(IPV6_HEADER + 2).if_bits(IPV6_OFFSET_MASK, NEXT, "begins here6");
    code.load_indexed_byte(IPV6_HEADER).if_equal(TCP, ACCEPT, NEXT).if_equal(ICMPV6, ACCEPT, DROP);
    let labels = ["not tcp in fragment", "no echo reply in fragment", "quote in fragment is not tcp"];
    code.label("begins here6").load_indexed_byte(IPV6_HEADER);
    ipv6_payload(code, IPV6_HEADER + IPV6_FRAGMENT_HEADER, labels, ours);
}

/// For a raw ICMP socket, whose data begin at the IPv4 header.
pub(super) fn kernel_icmpv4(ours: Ours) -> FilterProgram {
    let mut code = Assembler::default();
    code.index(0);
    icmpv4(&mut code, ours);
    code.finish()
}

/// For a raw ICMPv6 socket, whose data begin at the ICMPv6 header.
pub(super) fn kernel_icmpv6(ours: Ours) -> FilterProgram {
    let mut code = Assembler::default();
    code.index(0).load_indexed_byte(0).if_equal(129, NEXT, "no echo reply6");
    code.load_indexed_half(4).if_equal(u32::from(ours.echo_ident), ACCEPT, DROP);
    code.label("no echo reply6");
    icmpv6_error(&mut code, 0, "quote6 is not tcp", ours);
    code.finish()
}

/// X: the place of the ICMP header. Loaded: the ICMP type. Admits types 3 and 11 about a packet of ours.
fn icmpv4_error(code: &mut Assembler, ours: Ours) {
    code.if_equal(3, "quote", NEXT).if_equal(11, "quote", DROP);
    // We send no IPv4 options. If a router added some, the ports are elsewhere, so user space decides.
    code.label("quote").load_indexed_byte(8).if_equal(0x45, NEXT, ACCEPT);
    code.load_indexed_byte(8 + 9).if_equal(TCP, NEXT, "quote is not tcp");
    code.load_indexed_half(8 + 20);
    if_ours(code, ours.ports);
    code.label("quote is not tcp").if_equal(ICMP, NEXT, DROP);
    code.load_indexed_half(8 + 20 + 4).if_equal(u32::from(ours.echo_ident), ACCEPT, DROP);
}

/// X + `icmp`: the place of the ICMPv6 header. Loaded: the ICMPv6 type. Admits types 1, 2 and 3 about a packet of ours.
fn icmpv6_error(code: &mut Assembler, icmp: u32, quote_is_not_tcp: Label, ours: Ours) {
    let quote = icmp + 8;
    code.if_at_least(1, NEXT, DROP).if_more(3, DROP, NEXT);
    code.load_indexed_byte(quote + 6).if_equal(TCP, NEXT, quote_is_not_tcp);
    code.load_indexed_half(quote + IPV6_HEADER);
    if_ours(code, ours.ports);
    // Something on the way may have put headers into our packet, as a translator does (RFC 7915), so user space decides.
    code.label(quote_is_not_tcp);
    for header in EXTENSION_HEADERS {
        code.if_equal(header, ACCEPT, NEXT);
    }
    code.if_equal(ICMPV6, NEXT, DROP);
    code.load_indexed_half(quote + IPV6_HEADER + 4).if_equal(u32::from(ours.echo_ident), ACCEPT, DROP);
}

/// Loaded: a port. Admits or drops the packet.
fn if_ours(code: &mut Assembler, ports: PortBlock) {
    code.if_at_least(u32::from(ports.first()), NEXT, DROP).if_more(u32::from(ports.last()), DROP, ACCEPT);
}

fn pseudo(field: libc::c_int) -> u32 {
    (SKF_AD_OFF + field).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::super::bpf::interpreter::{Metadata, admits};
    use super::*;

    const IDENT: u16 = 0x5151;

    fn ours() -> Ours {
        Ours { ports: PortBlock::new(40_000, 24).expect("a valid block"), echo_ident: IDENT }
    }

    fn v4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 1];
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        packet.extend(payload);
        packet
    }

    fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, next_header, 64];
        packet.extend([0x20; 32]);
        packet.extend(payload);
        packet
    }

    fn tcp(source: u16, destination: u16) -> Vec<u8> {
        [&source.to_be_bytes()[..], &destination.to_be_bytes(), &[0; 16]].concat()
    }

    fn echo(kind: u8, ident: u16) -> Vec<u8> {
        [&[kind, 0, 0, 0][..], &ident.to_be_bytes(), &[0, 1]].concat()
    }

    fn error(kind: u8, quoted: &[u8]) -> Vec<u8> {
        [&[kind, 4, 0, 0, 0, 0, 5, 120][..], quoted].concat()
    }

    /// Every kind of link: what the kernel says of it, and what stands before the IP header.
    fn links(protocol: u32) -> Vec<(Metadata, Vec<u8>)> {
        let host = Metadata { protocol, packet_type: u32::from(libc::PACKET_HOST), ..Metadata::default() };
        let [high, low] = (protocol as u16).to_be_bytes();
        let frame = [&[0x45; 12][..], &[high, low]].concat();
        let tagged = [&[0x45; 12][..], &[0x81, 0, 0, 7], &[high, low]].concat();
        [
            (libc::ARPHRD_ETHER, frame.clone()),
            (libc::ARPHRD_LOOPBACK, frame),
            (libc::ARPHRD_ETHER, tagged),
            (libc::ARPHRD_PPP, vec![]),
            (libc::ARPHRD_NONE, vec![]),
            (libc::ARPHRD_INFINIBAND, vec![0x45; 4]),
        ]
        .map(|(hardware, link)| {
            let network = link.len() as u32;
            (Metadata { hardware: u32::from(hardware), network, ..host }, link)
        })
        .into()
    }

    fn arrives(protocol: u32, packet: &[u8]) -> bool {
        let program = capture(ours());
        let mut outcomes = links(protocol)
            .into_iter()
            .map(|(meta, link)| (meta.hardware, admits(&program, meta, &[&link, packet].concat())));
        let (_, first) = outcomes.next().expect("a link");
        for (hardware, other) in outcomes {
            assert_eq!(other, first, "a link of type {hardware} differs from Ethernet");
        }
        first
    }

    #[test]
    fn capture_admits_tcp_to_our_ports_only() {
        for (port, expected) in [(39_999, false), (40_000, true), (40_023, true), (40_024, false)] {
            assert_eq!(arrives(0x0800, &v4(6, 0x4000, &tcp(25, port))), expected, "IPv4 port {port}");
            assert_eq!(arrives(0x86dd, &v6(6, &tcp(25, port))), expected, "IPv6 port {port}");
        }
        assert!(!arrives(0x0800, &v4(17, 0x4000, &tcp(25, 40_000))), "UDP");
        assert!(!arrives(0x0806, &v4(6, 0x4000, &tcp(25, 40_000))), "ARP");
        assert!(!arrives(0x86dd, &v6(17, &tcp(25, 40_000))), "UDP in IPv6");
    }

    #[test]
    fn capture_finds_the_ports_behind_ipv4_options() {
        let mut packet = v4(6, 0, &[]);
        packet[0] = 0x46;
        packet.extend([1, 1, 1, 0]);
        packet.extend(tcp(25, 40_001));
        assert!(arrives(0x0800, &packet));
    }

    #[test]
    fn capture_admits_our_first_fragments_and_all_later_ones_of_tcp_and_icmp() {
        assert!(arrives(0x0800, &v4(6, 0x2000, &tcp(25, 40_000))));
        assert!(!arrives(0x0800, &v4(6, 0x2000, &tcp(25, 50_000))), "a foreign port");
        for (protocol, expected) in [(6, true), (1, true), (17, false)] {
            assert_eq!(arrives(0x0800, &v4(protocol, 0x00b9, &[0; 8])), expected, "protocol {protocol}, the last");
            assert_eq!(arrives(0x0800, &v4(protocol, 0x20b9, &[0; 8])), expected, "protocol {protocol}, not the last");
        }
        let fragment = |next, offset: u16, payload: &[u8]| {
            v6(44, &[&[next, 0][..], &offset.to_be_bytes(), &[0, 0, 0, 9], payload].concat())
        };
        for more in [0, 1] {
            assert!(arrives(0x86dd, &fragment(6, more, &tcp(25, 40_000))));
            assert!(!arrives(0x86dd, &fragment(6, more, &tcp(25, 50_000))), "a foreign port");
            assert!(arrives(0x86dd, &fragment(58, more, &echo(129, IDENT))));
            assert!(!arrives(0x86dd, &fragment(58, more, &echo(129, IDENT + 1))), "another program's ping");
            assert!(!arrives(0x86dd, &fragment(17, more, &tcp(25, 40_000))), "UDP");
            for (next, expected) in [(6, true), (58, true), (17, false)] {
                assert_eq!(arrives(0x86dd, &fragment(next, 0x05a8 | more, &[0; 8])), expected, "next header {next}");
            }
        }
    }

    #[test]
    fn capture_admits_only_what_arrives_for_this_host() {
        let packet = v4(6, 0x4000, &tcp(25, 40_000));
        for (packet_type, expected) in
            [(libc::PACKET_HOST, true), (libc::PACKET_OTHERHOST, false), (libc::PACKET_OUTGOING, false)]
        {
            for (meta, link) in links(0x0800) {
                let meta = Metadata { packet_type: u32::from(packet_type), ..meta };
                let admitted = admits(&capture(ours()), meta, &[&link[..], &packet].concat());
                assert_eq!(admitted, expected, "packet type {packet_type}");
            }
        }
    }

    #[test]
    fn capture_admits_replies_to_our_echo_requests_only() {
        assert!(arrives(0x0800, &v4(1, 0, &echo(0, IDENT))));
        assert!(!arrives(0x0800, &v4(1, 0, &echo(0, IDENT + 1))), "another program's ping");
        assert!(!arrives(0x0800, &v4(1, 0, &echo(8, IDENT))), "a request");
        assert!(arrives(0x86dd, &v6(58, &echo(129, IDENT))));
        assert!(!arrives(0x86dd, &v6(58, &echo(129, IDENT + 1))));
        assert!(!arrives(0x86dd, &v6(58, &echo(128, IDENT))));
        assert!(!arrives(0x86dd, &v6(58, &echo(135, IDENT))), "neighbour solicitation");
    }

    /// (protocol of the outer packet, whole packet, raw socket's view, admitted?)
    fn errors() -> Vec<(&'static str, u32, Vec<u8>, bool)> {
        let quoted4 = v4(6, 0x4000, &tcp(40_003, 25));
        let quoted6 = v6(6, &tcp(40_003, 25));
        let mut with_options = quoted4.clone();
        with_options[0] = 0x46;
        vec![
            ("frag needed", 0x0800, v4(1, 0, &error(3, &quoted4)), true),
            ("time exceeded", 0x0800, v4(1, 0, &error(11, &quoted4)), true),
            ("redirect", 0x0800, v4(1, 0, &error(5, &quoted4)), false),
            ("8 bytes quoted", 0x0800, v4(1, 0, &error(3, &quoted4[..28])), true),
            ("foreign TCP", 0x0800, v4(1, 0, &error(3, &v4(6, 0, &tcp(50_000, 25)))), false),
            ("about DNS", 0x0800, v4(1, 0, &error(3, &v4(17, 0, &tcp(40_003, 53)))), false),
            ("our echo", 0x0800, v4(1, 0, &error(3, &v4(1, 0, &echo(8, IDENT)))), true),
            ("foreign echo", 0x0800, v4(1, 0, &error(3, &v4(1, 0, &echo(8, 7)))), false),
            ("quoted with options", 0x0800, v4(1, 0, &error(3, &with_options)), true),
            ("quote cut short", 0x0800, v4(1, 0, &error(3, &quoted4[..20])), false),
            ("too big", 0x86dd, v6(58, &error(2, &quoted6)), true),
            ("unreachable", 0x86dd, v6(58, &error(1, &quoted6)), true),
            ("time exceeded 6", 0x86dd, v6(58, &error(3, &quoted6)), true),
            ("parameter problem", 0x86dd, v6(58, &error(4, &quoted6)), false),
            ("quoted with hop-by-hop options 6", 0x86dd, v6(58, &error(2, &v6(0, &[6, 0, 0, 0, 0, 0, 0, 0]))), true),
            ("foreign TCP 6", 0x86dd, v6(58, &error(2, &v6(6, &tcp(50_000, 25)))), false),
            ("our echo 6", 0x86dd, v6(58, &error(2, &v6(58, &echo(128, IDENT)))), true),
            ("foreign echo 6", 0x86dd, v6(58, &error(2, &v6(58, &echo(128, 7)))), false),
        ]
    }

    #[test]
    fn capture_admits_errors_about_our_packets_only() {
        for (name, protocol, packet, expected) in errors() {
            assert_eq!(arrives(protocol, &packet), expected, "{name}");
        }
    }

    #[test]
    fn the_raw_icmp_sockets_admit_the_same_errors_as_the_capture() {
        for (name, protocol, packet, expected) in errors() {
            let admitted = match protocol {
                0x0800 => admits(&kernel_icmpv4(ours()), Metadata::default(), &packet),
                _ => admits(&kernel_icmpv6(ours()), Metadata::default(), &packet[40..]),
            };
            assert_eq!(admitted, expected, "{name}");
        }
    }

    #[test]
    fn no_truncation_is_admitted_that_lacks_the_deciding_field() {
        let whole = v4(6, 0x4000, &tcp(25, 40_000));
        for length in 0..24 {
            assert!(!arrives(0x0800, &whole[..length]), "{length} bytes");
        }
    }
}
