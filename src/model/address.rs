//! Which addresses reach the whole Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether packets from this address are forwarded everywhere: the attribute "Globally Reachable" of the registries of
/// RFC 6890, as RFC 8190 corrects it. Multicast and reserved addresses are never a source.
///
/// Addresses for documentation (RFC 5737, RFC 3849) count as reachable: examples use them in place of public ones.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

/// Whether an address is one that container networks give their gateways by default: Docker's and Podman's networks, those of
/// Kubernetes. A server in a container sees it in the place of a client whose
/// connection a proxy took, or whose address was rewritten on the way in.
pub fn is_container_gateway(address: IpAddr) -> bool {
    let IpAddr::V4(address) = address.to_canonical() else { return false };
    let octets = address.octets();
    // 172.17.0.0/16 and its successors, then 192.168.0.0/16 in parts of /20, but for the first, which homes have.
    let is_of_docker = matches!(octets, [172, 17..=31, 0, 1])
        || matches!(octets, [192, 168, third, 1] if third >= 16 && third % 16 == 0);
    let is_of_podman = matches!(octets, [10, 88 | 89, _, 1]);
    // k3s; flannel.
    let is_of_kubernetes = matches!(octets, [10, 42 | 244, _, 1]);
    is_of_docker || is_of_podman || is_of_kubernetes
}

/// Whether an address is one that container networks give out by default: those of [`is_container_gateway`], for all their members.
pub fn is_of_container_network(address: IpAddr) -> bool {
    let IpAddr::V4(address) = address.to_canonical() else { return false };
    matches!(address.octets(), [172, 17..=31, ..] | [10, 42 | 88 | 89 | 244, ..])
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let octets = address.octets();
    // "This network", loopback, multicast (RFC 5771) and reserved (RFC 1112, section 4).
    let is_no_source = matches!(octets, [0 | 127 | 224.., ..]);
    // RFC 6598.
    let is_shared = matches!(octets, [100, 64..=127, ..]);
    // IETF protocol assignments, but for two anycast addresses (RFC 7723, RFC 8155).
    let is_assigned = matches!(octets, [192, 0, 0, last] if !matches!(last, 9 | 10));
    // RFC 2544.
    let is_for_benchmarks = matches!(octets, [198, 18 | 19, ..]);
    let is_local = address.is_private() || address.is_link_local();
    !(is_no_source || is_shared || is_assigned || is_for_benchmarks || is_local)
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let is_no_source = address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.to_ipv4_mapped().is_some();
    // RFC 6666.
    let is_discarded = matches!(segments, [0x0100, 0, 0, 0, ..]);
    // RFC 5180.
    let is_for_benchmarks = matches!(segments, [0x2001, 0x0002, 0, ..]);
    // Deprecated by RFC 3879.
    let is_site_local = matches!(segments, [0xfec0..=0xfeff, ..]);
    let is_local = address.is_unique_local() || address.is_unicast_link_local() || is_site_local;
    !(is_no_source || is_discarded || is_for_benchmarks || is_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[&str], expected: bool) {
        for address in addresses {
            assert_eq!(is_global(address.parse().expect("an address")), expected, "{address}");
        }
    }

    #[test]
    fn special_addresses_are_not_global() {
        check(&["0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "169.254.1.1"], false);
        check(&["172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.1.1", "198.18.0.1", "198.19.255.255"], false);
        check(&["224.0.0.1", "240.0.0.1", "255.255.255.255"], false);
        check(&["::", "::1", "::ffff:8.8.8.8", "100::1", "2001:2::1", "fc00::1", "fd00::1"], false);
        check(&["fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1"], false);
    }

    #[test]
    fn their_neighbours_are_global() {
        check(&["8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.0.0.1"], true);
        check(&["169.253.0.1", "172.15.0.1", "172.32.0.1", "192.0.0.9", "192.0.1.1", "192.167.0.1"], true);
        check(&["198.17.0.1", "198.20.0.1", "223.255.255.255"], true);
        check(&["2001:2:1::1", "2001:3::1", "100:0:0:1::1", "2a00::1", "64:ff9b::1", "fbff::1"], true);
    }

    #[test]
    fn gateways_of_container_networks_are_known_by_their_defaults() {
        for gateway in ["172.17.0.1", "172.18.0.1", "172.31.0.1", "192.168.16.1", "10.88.0.1", "10.42.3.1"] {
            assert!(is_container_gateway(gateway.parse().expect("an address")), "{gateway}");
        }
        for other in ["172.16.0.1", "172.17.0.2", "192.168.0.1", "192.168.1.1", "10.0.0.1", "192.0.2.1", "fd00::1"] {
            assert!(!is_container_gateway(other.parse().expect("an address")), "{other}");
        }
    }

    #[test]
    fn addresses_of_examples_stand_for_global_ones() {
        check(&["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"], true);
    }
}
