//! The links and tunnels that a path MTU suggests, by their overhead.
//!
//! Many things leave 1400 bytes of 1500. So these are hints for whoever searches, never a ground for a verdict.

use crate::model::{Family, PacketSize, Tunnel};

/// A kind of link or tunnel, and how it comes to the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) tunnel: Tunnel,
    /// Name and arithmetic: `WireGuard over PPPoE (80 + 8 bytes)`.
    pub(crate) words: &'static str,
}

/// Which family's path a row speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Both,
    V4,
    V6,
}

type Row = (u32, On, &'static [Hint]);

const fn hint(tunnel: Tunnel, words: &'static str) -> Hint {
    Hint { tunnel, words }
}

const TAGS_4: Hint = hint(Tunnel::Tags, "one VLAN tag or MPLS label that a switch does not allow for (4 bytes)");
const TAGS_8: Hint = hint(Tunnel::Tags, "two VLAN tags or MPLS labels that a switch does not allow for (8 bytes)");
const TAGS_12: Hint = hint(Tunnel::Tags, "three MPLS labels that a switch does not allow for (12 bytes)");
const ESP: Hint = hint(Tunnel::Ipsec, "an IPsec tunnel (54 to 110 bytes, by cipher)");
const FIXED_VPN: Hint = hint(Tunnel::Vpn, "a VPN with a round MTU set by hand");
const MOBILE: Hint = hint(Tunnel::Mobile, "a mobile network (GTP)");

/// Overheads in bytes: `IPv4` 20, `IPv6` 40, UDP 8, Ethernet inside a tunnel 14.
const ROWS: &[Row] = &[
    // IEEE 802.1Q tag 4; MPLS label 4 (RFC 3032, 2.1).
    (1496, On::Both, &[TAGS_4]),
    // PPPoE 6 + PPP 2 (RFC 2516, 7).
    (1492, On::Both, &[hint(Tunnel::Pppoe, "PPPoE (8 bytes)"), TAGS_8]),
    (1488, On::Both, &[TAGS_12]),
    // IPv4 in IPv4 (RFC 2003), IPv6 in IPv4 (RFC 4213, 3.2): one IPv4 header. 6rd is the latter (RFC 5969).
    (1480, On::V4, &[hint(Tunnel::Ipip, "an IPIP tunnel (20 bytes)")]),
    (1480, On::V6, &[hint(Tunnel::Ipip, "IPv6 in IPv4, as 6in4 and 6rd do (20 bytes)")]),
    // IPv4 20 + GRE 4 (RFC 2784).
    (1476, On::Both, &[hint(Tunnel::Gre, "a GRE tunnel (24 bytes)")]),
    // GRE with a key: 4 more (RFC 2890). 1492 - 20: an IP tunnel over PPPoE.
    (1472, On::V4, &[GRE_KEY, hint(Tunnel::Ipip, "an IPIP tunnel over PPPoE (20 + 8 bytes)")]),
    (1472, On::V6, &[hint(Tunnel::Ipip, "6in4 or 6rd over PPPoE (20 + 8 bytes)"), GRE_KEY]),
    (1468, On::Both, &[hint(Tunnel::Gre, "a GRE tunnel over PPPoE (24 + 8 bytes)")]),
    // IPv4 20 + UDP 8 + L2TPv2 6 to 8 + PPP 2 to 4 (RFC 2661, 3.1 and 8.1).
    (1464, On::Both, &[hint(Tunnel::L2tp, "an L2TP tunnel (36 bytes)")]),
    (1462, On::Both, &[hint(Tunnel::L2tp, "an L2TP tunnel (38 bytes)")]),
    // IPv4 in IPv6: one IPv6 header (RFC 2473; RFC 6333, 5.3). Google Cloud: VPC documentation, "Maximum transmission
    // unit", default 1460.
    (1460, On::V4, &[hint(Tunnel::DsLite, "DS-Lite, IPv4 in IPv6 (40 bytes)"), GOOGLE]),
    (1460, On::V6, &[GOOGLE, hint(Tunnel::L2tp, "an L2TP tunnel (40 bytes)")]),
    // IPv6 40 + GRE 4.
    (1456, On::Both, &[hint(Tunnel::Gre, "a GRE tunnel over IPv6 (44 bytes)")]),
    // NTT's FLET'S services in Japan announce 1454 to PPPoE routers.
    (1454, On::Both, &[hint(Tunnel::Pppoe, "PPPoE on a Japanese FLET'S line (46 bytes)")]),
    (1452, On::V4, &[hint(Tunnel::DsLite, "DS-Lite over PPPoE (40 + 8 bytes)")]),
    // IPv4 20 + UDP 8 + VXLAN 8 + Ethernet 14 (RFC 7348, 5). Geneve without options is the same (RFC 8926, 3.4).
    (1450, On::Both, &[hint(Tunnel::Vxlan, "a VXLAN or Geneve overlay (50 bytes)")]),
    // One 802.1Q tag inside; or ESP, see the test below.
    (1446, On::Both, &[hint(Tunnel::Vxlan, "a VXLAN overlay that carries a VLAN tag (54 bytes)"), ESP]),
    // OVN adds a Geneve option of 8 bytes (OpenStack Neutron, "MTU considerations": 58 bytes).
    (1442, On::Both, &[hint(Tunnel::Vxlan, "a Geneve overlay of OVN or OpenStack (58 bytes)")]),
    // WireGuard's data message takes 32 (WireGuard paper, 5.4.6): over IPv4 60 in all, over IPv6 80.
    (1440, On::Both, &[hint(Tunnel::Wireguard, "WireGuard over IPv4 (60 bytes)")]),
    (1438, On::Both, &[ESP]),
    (1432, On::Both, &[hint(Tunnel::Wireguard, "WireGuard over IPv4 and PPPoE (60 + 8 bytes)")]),
    // VXLAN over IPv6.
    (1430, On::Both, &[hint(Tunnel::Vxlan, "a VXLAN or Geneve overlay over IPv6 (70 bytes)")]),
    (1426, On::Both, &[ESP]),
    (1422, On::Both, &[ESP]),
    // wg-quick(8) takes 80 off whatever the outer family.
    (1420, On::Both, &[hint(Tunnel::Wireguard, "WireGuard's default (80 bytes)")]),
    (1418, On::Both, &[ESP]),
    (1412, On::Both, &[hint(Tunnel::Wireguard, "WireGuard over PPPoE (80 + 8 bytes)")]),
    // Google Cloud VPN documentation, "MTU considerations": payload over an IPv4 gateway with a non-AEAD cipher.
    (1406, On::Both, &[ESP, hint(Tunnel::Cloud, "Google Cloud VPN (54 bytes less than 1460)")]),
    // Cisco, "Resolve IPv4 Fragmentation, MTU, MSS, and PMTUD Issues with GRE and IPsec": set 1400.
    (1400, On::Both, &[hint(Tunnel::Ipsec, "IPsec with GRE, for which 1400 is the common setting"), FIXED_VPN]),
    (1390, On::Both, &[ESP, FIXED_VPN]),
    // 1460 - 80.
    (1380, On::Both, &[hint(Tunnel::Wireguard, "WireGuard inside Google Cloud (80 bytes less than 1460)"), FIXED_VPN]),
    // 3GPP TS 23.060, annex C: terminals should use 1358, which leaves room for GTP and IPsec.
    (1358, On::Both, &[MOBILE]),
    (1360, On::Both, &[MOBILE, FIXED_VPN]),
    (1350, On::Both, &[FIXED_VPN, MOBILE]),
    (1340, On::Both, &[FIXED_VPN, MOBILE]),
    (1320, On::Both, &[FIXED_VPN, MOBILE]),
    (1300, On::Both, &[FIXED_VPN, MOBILE]),
    // RFC 8200, 5. Overlay VPNs such as Tailscale choose it as it fits everywhere.
    (
        1280,
        On::V4,
        &[hint(Tunnel::Vpn, "an overlay VPN that chose the smallest MTU of IPv6, as Tailscale does"), MINIMUM],
    ),
    (1280, On::V6, &[MINIMUM, hint(Tunnel::Vpn, "an overlay VPN such as Tailscale")]),
];

const GRE_KEY: Hint = hint(Tunnel::Gre, "a GRE tunnel with a key (28 bytes)");
const GOOGLE: Hint = hint(Tunnel::Cloud, "a network in Google Cloud (1460 by default)");
const MINIMUM: Hint = hint(Tunnel::Ipv6Minimum, "a tunnel set to the smallest MTU of IPv6");

/// An ordinary Ethernet frame's payload (IEEE 802.3).
const ETHERNET: PacketSize = PacketSize::new(1500);
/// The usual jumbo frame.
const JUMBO: PacketSize = PacketSize::new(9000);

const ORDINARY: &[Hint] = &[hint(Tunnel::Ethernet, "a network with ordinary frames behind one with jumbo frames")];

/// Up to two kinds of link or tunnel that leave packets of this size, the likelier first.
pub(crate) fn hints(family: Family, path_mtu: PacketSize, local_mtu: PacketSize) -> &'static [Hint] {
    if path_mtu >= local_mtu {
        return &[];
    }
    if path_mtu == ETHERNET {
        return ORDINARY;
    }
    let below_jumbo = JUMBO.bytes().checked_sub(path_mtu.bytes()).filter(|_| local_mtu >= JUMBO);
    let of_jumbo = below_jumbo.and_then(|overhead| ETHERNET.bytes().checked_sub(overhead));
    row(family, path_mtu.bytes()).or_else(|| of_jumbo.and_then(|size| row(family, size))).unwrap_or_default()
}

fn row(family: Family, size: u32) -> Option<&'static [Hint]> {
    let fits = |on: On| match on {
        On::Both => true,
        On::V4 => family == Family::V4,
        On::V6 => family == Family::V6,
    };
    ROWS.iter().find(|(mtu, on, _)| *mtu == size && fits(*on)).map(|(.., hints)| *hints)
}

/// The kind's name where the size says nothing of how it comes about.
pub(crate) fn name(tunnel: Tunnel) -> &'static str {
    match tunnel {
        Tunnel::Pppoe => "PPPoE",
        Tunnel::Ipip => "an IPIP or 6in4 tunnel",
        Tunnel::Gre => "a GRE tunnel",
        Tunnel::DsLite => "DS-Lite",
        Tunnel::L2tp => "an L2TP tunnel",
        Tunnel::Tags => "VLAN tags or MPLS labels that a switch does not allow for",
        Tunnel::Vxlan => "a VXLAN or Geneve overlay",
        Tunnel::Ipsec => "an IPsec tunnel",
        Tunnel::Wireguard => "WireGuard",
        Tunnel::Vpn => "a VPN with a round MTU",
        Tunnel::Cloud => "a cloud provider's network",
        Tunnel::Mobile => "a mobile network",
        Tunnel::Ipv6Minimum => "a tunnel set to the smallest MTU of IPv6",
        Tunnel::Ethernet => "a network with ordinary frames behind one with jumbo frames",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(family: Family, path_mtu: u32, local_mtu: u32) -> Vec<Tunnel> {
        let found = hints(family, PacketSize::new(path_mtu), PacketSize::new(local_mtu));
        found.iter().map(|hint| hint.tunnel).collect()
    }

    #[test]
    fn headers_add_up_to_what_is_missing() {
        let (v4, v6, udp, ethernet, pppoe) = (20, 40, 8, 14, 8);
        let rows = [
            (pppoe, Tunnel::Pppoe),
            (v4, Tunnel::Ipip),
            (v4 + 4, Tunnel::Gre),
            (v4 + 4 + 4, Tunnel::Gre),
            (v4 + 4 + pppoe, Tunnel::Gre),
            (v6 + 4, Tunnel::Gre),
            (v4 + udp + 6 + 2, Tunnel::L2tp),
            (v4 + udp + 8 + 2, Tunnel::L2tp),
            (v6, Tunnel::DsLite),
            (v6 + pppoe, Tunnel::DsLite),
            (v4 + udp + 8 + ethernet, Tunnel::Vxlan),
            (v4 + udp + 8 + ethernet + 4, Tunnel::Vxlan),
            (v4 + udp + 8 + 8 + ethernet, Tunnel::Vxlan),
            (v6 + udp + 8 + ethernet, Tunnel::Vxlan),
            (v4 + udp + 32, Tunnel::Wireguard),
            (v6 + udp + 32, Tunnel::Wireguard),
            (v4 + udp + 32 + pppoe, Tunnel::Wireguard),
            (v6 + udp + 32 + pppoe, Tunnel::Wireguard),
        ];
        for (overhead, tunnel) in rows {
            assert!(kinds(Family::V4, 1500 - overhead, 1500).contains(&tunnel), "{overhead} {tunnel:?}");
        }
    }

    /// RFC 4303, 2: SPI and sequence number 8, IV, payload padded to the cipher's block with two bytes of trailer, ICV.
    #[test]
    fn esp_leaves_what_its_padding_allows() {
        let inner = |outer: u32, nat: u32, iv: u32, block: u32, icv: u32| {
            (1500 - outer - nat - 8 - iv - icv) / block * block - 2
        };
        let mut sizes: Vec<u32> = Vec::new();
        for outer in [20, 40] {
            for nat in [0, 8] {
                sizes.push(inner(outer, nat, 16, 16, 12)); // AES-CBC, HMAC-SHA1-96 (RFC 3602, RFC 2404)
                sizes.push(inner(outer, nat, 16, 16, 16)); // AES-CBC, HMAC-SHA-256-128 (RFC 4868)
                sizes.push(inner(outer, nat, 16, 16, 32)); // AES-CBC, HMAC-SHA-512-256 (RFC 4868)
                sizes.push(inner(outer, nat, 8, 4, 16)); // AES-GCM (RFC 4106)
            }
        }
        for size in &sizes {
            assert!(kinds(Family::V4, *size, 1500).contains(&Tunnel::Ipsec), "{size}");
        }
        for (size, _, hints) in ROWS.iter().filter(|(_, _, hints)| hints.contains(&ESP)) {
            assert!(sizes.contains(size), "{size} {hints:?}");
        }
    }

    #[test]
    fn a_hint_needs_a_bottleneck() {
        assert_eq!(kinds(Family::V4, 1492, 1492), []);
        assert_eq!(kinds(Family::V4, 1500, 1500), []);
        assert_eq!(kinds(Family::V4, 1443, 1500), []);
    }

    #[test]
    fn a_jumbo_network_has_tunnels_too() {
        assert_eq!(kinds(Family::V4, 1500, 9000), [Tunnel::Ethernet]);
        assert_eq!(kinds(Family::V4, 8950, 9000), [Tunnel::Vxlan]);
        assert_eq!(kinds(Family::V4, 8920, 9001), [Tunnel::Wireguard]);
        assert_eq!(kinds(Family::V4, 1420, 9000), [Tunnel::Wireguard]);
    }

    #[test]
    fn the_family_decides_where_a_size_has_two_stories() {
        assert_eq!(kinds(Family::V4, 1460, 1500), [Tunnel::DsLite, Tunnel::Cloud]);
        assert_eq!(kinds(Family::V6, 1460, 1500), [Tunnel::Cloud, Tunnel::L2tp]);
    }

    #[test]
    fn each_size_has_one_row_per_family_and_two_hints_at_most() {
        for family in [Family::V4, Family::V6] {
            for (size, ..) in ROWS {
                let fits = |on: On| on == On::Both || (on == On::V4) == (family == Family::V4);
                assert!(ROWS.iter().filter(|(other, on, _)| other == size && fits(*on)).count() <= 1, "{size}");
            }
        }
        assert!(ROWS.iter().all(|(.., hints)| (1..=2).contains(&hints.len())));
    }
}
