//! What the kernel's routing tables say.

use std::time::Duration;

use pmtu_probe::model::{CachedPathMtu, Family, FirstHop, KernelSettings, PacketSize, RouteMtu};
use pmtu_probe::net::icmp::IcmpSockets;
use pmtu_probe::net::interface::Interface;
use pmtu_probe::net::route::{Route, RouteQuery, Routes};
use pmtu_probe::net::settings::{kernel_min_pmtu, kernel_settings};
use pmtu_probe::net::{NetError, Ours, PortBlock};
use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::{HERE4, HERE6, Lab, THERE4, THERE6, in_namespaces, ip, sh};
use crate::packets::{echo, inject, ptb};
use crate::sending::teach_path_mtu;

const IDENT: u16 = 0x5151;

fn to(destination: &str) -> RouteQuery {
    RouteQuery { destination: ip(destination), source: None, interface: None }
}

async fn route(routes: &Routes, destination: &str) -> Route {
    routes.lookup(to(destination)).await.expect("a route")
}

#[expect(clippy::unnecessary_wraps, reason = "to compare with what may be unknown")]
fn size(bytes: u32) -> Option<PacketSize> {
    Some(PacketSize::new(bytes))
}

fn cached_mtu(route: &Route) -> Option<PacketSize> {
    route.cached.map(|cached| cached.mtu)
}

#[test]
fn a_neighbour_is_reached_over_the_link() {
    in_namespaces("routing::a_neighbour_is_reached_over_the_link", async |_| {
        let routes = Routes::open().expect("routes");
        for (here, there) in [(HERE4, THERE4), (HERE6, THERE6)] {
            let route = route(&routes, there).await;
            assert_eq!(route.interface.as_ref().map(|interface| interface.name.as_str()), Some("here"));
            assert_eq!(route.source, Some(ip(here)));
            assert_eq!((route.gateway, route.first_hop), (None, FirstHop::Target));
            assert_eq!((route.interface_mtu, route.route_mtu, route.cached), (size(1500), None, None));
            assert_eq!((route.local_mtu(), route.kernel_path_mtu()), (size(1500), size(1500)));
        }
    });
}

/// While an interface comes up, the route of the link may be missing: then the default route is all that matches.
#[test]
fn a_link_local_address_is_a_neighbour_whatever_route_matches() {
    in_namespaces("routing::a_link_local_address_is_a_neighbour_whatever_route_matches", async |_| {
        sh("ip route add default via 10.9.1.2");
        sh("ip -6 route add default via fd09::2");
        sh("ip -6 route del fe80::/64 dev here || true");
        let routes = Routes::open().expect("routes");
        let index = Interface::by_name("here").expect("the interface").index;
        for address in ["169.254.7.7", "fe80::7"] {
            let query = RouteQuery { interface: Some(index), ..to(address) };
            let route = routes.lookup(query).await.expect("a route");
            assert_eq!(route.first_hop, FirstHop::Target, "{address}");
        }
    });
}

#[test]
fn this_host_is_local_and_loopback_is_large() {
    in_namespaces("routing::this_host_is_local_and_loopback_is_large", async |_| {
        let routes = Routes::open().expect("routes");
        // The interface carries 65,536 bytes; an IPv4 header cannot say so.
        for (own, mtu) in [("127.0.0.1", 65_535), ("::1", 65_536), (HERE4, 65_535), (HERE6, 65_536)] {
            let route = route(&routes, own).await;
            assert_eq!(route.first_hop, FirstHop::ThisHost, "{own}");
            assert_eq!(route.local_mtu(), size(mtu), "{own}");
        }
    });
}

#[test]
fn a_learnt_path_mtu_is_told_from_a_configured_one() {
    in_namespaces("routing::a_learnt_path_mtu_is_told_from_a_configured_one", async |lab| {
        // As advertised by a router, an IPv6 route may expire and have an MTU at once, and yet nobody learnt it.
        sh(&format!("ip route add 10.77.0.0/16 via {THERE4} mtu 1400"));
        sh(&format!("ip route add 10.78.0.0/16 via {THERE4} mtu lock 1380"));
        sh(&format!("ip -6 route add fd77::/64 via {THERE6} mtu 1400 expires 600"));
        let routes = Routes::open().expect("routes");
        let configured = |mtu, locked| Some(RouteMtu { mtu: PacketSize::new(mtu), locked });
        for (far, expected) in [("10.77.0.1", (1400, false)), ("10.78.0.1", (1380, true)), ("fd77::1", (1400, false))] {
            let route = route(&routes, far).await;
            assert_eq!(route.route_mtu, configured(expected.0, expected.1), "{far}");
            assert_eq!(route.cached, None, "{far}");
            assert_eq!(route.local_mtu(), size(expected.0), "{far}");
        }
        for (here, far, mtu) in [(HERE4, "10.77.0.1", 1400), (HERE6, "fd77::1", 1400)] {
            teach_path_mtu(&lab, ip(here), ip(far), 1300);
            let route = route(&routes, far).await;
            assert_eq!(cached_mtu(&route), size(1300), "{far}");
            assert_eq!(route.route_mtu, configured(mtu, false), "{far}: the learnt value hides it, but it is there");
            assert_eq!((route.local_mtu(), route.kernel_path_mtu()), (size(1400), size(1300)), "{far}");
        }
        for (here, there) in [(HERE4, THERE4), (HERE6, THERE6)] {
            teach_path_mtu(&lab, ip(here), ip(there), 1300);
            let route = route(&routes, there).await;
            assert_eq!((route.route_mtu, cached_mtu(&route)), (None, size(1300)), "{there}");
        }
    });
}

#[test]
fn a_learnt_path_mtu_tells_how_long_it_is_believed() {
    in_namespaces("routing::a_learnt_path_mtu_tells_how_long_it_is_believed", async |lab| {
        for family in ["ipv4", "ipv6"] {
            sh(&format!("echo 97 > /proc/sys/net/{family}/route/mtu_expires"));
        }
        let routes = Routes::open().expect("routes");
        for (here, there) in [(HERE4, THERE4), (HERE6, THERE6)] {
            teach_path_mtu(&lab, ip(here), ip(there), 1300);
            let cached = route(&routes, there).await.cached.expect("a learnt path MTU");
            let left = cached.expires_in.expect("it expires");
            // Learnt a moment ago, on a machine that may be busy.
            assert!((Duration::from_secs(80)..=Duration::from_secs(97)).contains(&left), "{there}: {left:?}");
            assert!(!cached.locked, "{there}");
        }
    });
}

#[test]
fn what_states_less_than_the_minimum_locks_the_path_mtu_at_it() {
    in_namespaces("routing::what_states_less_than_the_minimum_locks_the_path_mtu_at_it", async |lab| {
        sh("echo 600 > /proc/sys/net/ipv4/route/min_pmtu");
        let routes = Routes::open().expect("routes");
        for (stated, mtu, locked) in [(601, 601, false), (599, 600, true)] {
            teach_path_mtu(&lab, ip(HERE4), ip(THERE4), stated);
            let cached = route(&routes, THERE4).await.cached;
            let found = cached.map(|CachedPathMtu { mtu, locked, .. }| (mtu, locked));
            assert_eq!(found, Some((PacketSize::new(mtu), locked)), "stated {stated}");
        }
        // RFC 8201, section 4: discarded. Older kernels stay at the minimum instead. None locks.
        teach_path_mtu(&lab, ip(HERE6), ip(THERE6), 1000);
        let cached = route(&routes, THERE6).await.cached.map(|CachedPathMtu { mtu, locked, .. }| (mtu, locked));
        assert!(cached.is_none() || cached == Some((PacketSize::new(1280), false)), "{cached:?}");
    });
}

#[test]
fn settings_are_those_of_the_network_namespace() {
    in_namespaces("routing::settings_are_those_of_the_network_namespace", async |_| {
        for (name, value) in [
            ("ipv4/ip_no_pmtu_disc", 3),
            ("ipv4/tcp_mtu_probing", 2),
            ("ipv4/tcp_base_mss", 1111),
            ("ipv4/route/min_pmtu", 777),
            ("ipv4/route/mtu_expires", 123),
            ("ipv6/route/mtu_expires", 321),
        ] {
            sh(&format!("echo {value} > /proc/sys/net/{name}"));
        }
        let v4 = KernelSettings {
            no_pmtu_disc: Some(3),
            tcp_mtu_probing: Some(2),
            tcp_base_mss: Some(1111),
            min_pmtu: size(777),
            mtu_expires: Some(Duration::from_secs(123)),
        };
        assert_eq!(kernel_settings(Family::V4), v4);
        let v6 = KernelSettings {
            no_pmtu_disc: None,
            min_pmtu: size(1280),
            mtu_expires: Some(Duration::from_secs(321)),
            ..v4
        };
        assert_eq!(kernel_settings(Family::V6), v6);
    });
}

#[test]
fn no_route_is_an_error_that_names_the_destination() {
    in_namespaces("routing::no_route_is_an_error_that_names_the_destination", async |_| {
        sh("ip route add unreachable 10.77.0.0/16");
        sh("ip route add blackhole 10.78.0.0/16");
        sh("ip route add prohibit 10.79.0.0/16");
        sh("ip -6 route add unreachable fd77::/64");
        sh("ip -6 route add blackhole fd78::/64");
        let routes = Routes::open().expect("routes");
        for far in ["192.0.2.1", "10.77.0.1", "10.78.0.1", "10.79.0.1", "2001:db8::1", "fd77::1", "fd78::1"] {
            let error = routes.lookup(to(far)).await.expect_err(far);
            assert!(matches!(error, NetError::NoRoute { .. }), "{far}: {error}");
            assert!(error.to_string().starts_with(&format!("no route to {far}: ")), "{error}");
        }
    });
}

#[test]
fn the_source_decides_the_route_where_a_rule_says_so() {
    in_namespaces("routing::the_source_decides_the_route_where_a_rule_says_so", async |_| {
        let seconds =
            [("-4", "10.9.1.11", "/24", THERE4, "192.0.2.1"), ("-6", "fd09::11", "/64", THERE6, "2001:db8::1")];
        for (version, second, prefix, via, _) in seconds {
            let nodad = if version == "-6" { "nodad" } else { "" };
            sh(&format!("ip address add {second}{prefix} dev here {nodad}"));
            sh(&format!("ip {version} route add default via {via} dev here"));
            sh(&format!("ip {version} route add default via {via} dev here mtu 1350 table 100"));
            sh(&format!("ip {version} rule add from {second} lookup 100"));
        }
        let routes = Routes::open().expect("routes");
        for ((_, second, _, via, far), first) in seconds.into_iter().zip([HERE4, HERE6]) {
            let by = async |source: &str| {
                routes.lookup(RouteQuery { source: Some(ip(source)), ..to(far) }).await.expect("a route")
            };
            assert_eq!(by(first).await.local_mtu(), size(1500), "{first}");
            let second_route = by(second).await;
            assert_eq!((second_route.local_mtu(), second_route.source), (size(1350), Some(ip(second))));
            assert_eq!(second_route.gateway, Some(ip(via)));
        }

        // TCP looks again once it knows its source: a rule for the first address counts although the user named none.
        sh(&format!("ip rule add from {HERE4} lookup 100"));
        assert_eq!(route(&routes, "192.0.2.1").await.local_mtu(), size(1350));
    });
}

#[test]
fn only_addresses_of_this_host_serve_as_source() {
    in_namespaces("routing::only_addresses_of_this_host_serve_as_source", async |_| {
        let routes = Routes::open().expect("routes");
        for own in [HERE4, HERE6, "127.0.0.1", "127.0.0.2", "::1"] {
            routes.require_our_address(ip(own), None).await.unwrap_or_else(|error| panic!("{own}: {error}"));
        }
        for foreign in [THERE4, THERE6, "192.0.2.1", "2001:db8::1"] {
            let refused = routes.require_our_address(ip(foreign), None).await;
            assert!(matches!(refused, Err(NetError::NotOurAddress { .. })), "{foreign}: {refused:?}");
        }
        let forged = routes.lookup(RouteQuery { source: Some(ip("192.0.2.9")), ..to(THERE4) }).await;
        assert!(matches!(forged, Err(NetError::NotOurAddress { .. })), "{forged:?}");
        let here = Interface::by_name("here").expect("the interface");
        let addresses = routes.interface_addresses(Some(here.index)).await.expect("addresses");
        for own in [HERE4, HERE6] {
            assert!(addresses.iter().any(|each| each.address == ip(own) && each.interface == here.index), "{own}");
        }
    });
}

#[test]
fn interfaces_are_found_by_name_and_index() {
    in_namespaces("routing::interfaces_are_found_by_name_and_index", async |_| {
        let here = Interface::by_name("here").expect("by name");
        assert_eq!(Interface::find("here").expect("found"), here);
        assert_eq!(Interface::find(&here.index.to_string()).expect("found"), here);
        for missing in ["nowhere0", "4711", "a-name-longer-than-any-interface", ""] {
            let error = Interface::find(missing).expect_err(missing);
            assert!(matches!(error, NetError::NoInterface { .. }), "{missing}: {error}");
        }
        sh("echo 1400 > /proc/sys/net/ipv6/conf/here/mtu");
        assert_eq!((here.mtu(Family::V4), here.mtu(Family::V6)), (size(1500), size(1400)));
        sh("ip link set here mtu 9000");
        assert_eq!(here.mtu(Family::V4), size(9000));
    });
}

#[test]
fn the_smallest_accepted_path_mtu_is_the_kernels() {
    in_namespaces("routing::the_smallest_accepted_path_mtu_is_the_kernels", async |_| {
        assert_eq!(kernel_min_pmtu(Family::V4), PacketSize::new(552));
        sh("echo 600 > /proc/sys/net/ipv4/route/min_pmtu");
        assert_eq!(kernel_min_pmtu(Family::V4), PacketSize::new(600));
        assert_eq!(kernel_min_pmtu(Family::V6), PacketSize::new(1280));
    });
}

/// The PTB about an echo request of ours, which arrives while some raw ICMP socket is open.
fn ptb_about_echo(lab: &Lab) {
    let (here, there) = (ip(HERE4), ip(THERE4));
    let about = echo(here, there, false, IDENT);
    lab.peer(move || inject(&ptb(there, here, 1300, &about), here));
    std::thread::sleep(std::time::Duration::from_millis(50));
}

#[test]
fn listening_for_icmp_leaves_the_ipv4_path_mtu_cache_as_it_was() {
    in_namespaces("routing::listening_for_icmp_leaves_the_ipv4_path_mtu_cache_as_it_was", async |lab| {
        let routes = Routes::open().expect("routes");
        let ours = Ours { ports: PortBlock::new(40_000, 8).expect("a block"), echo_ident: IDENT };
        let sockets = IcmpSockets::open(ours).expect("sockets");
        ptb_about_echo(&lab);
        assert_eq!(route(&routes, THERE4).await.cached, None);
        drop(sockets);
        let _plain = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("a raw socket");
        ptb_about_echo(&lab);
        assert_eq!(cached_mtu(&route(&routes, THERE4).await), size(1300), "an ordinary socket leaves a trace");
    });
}
