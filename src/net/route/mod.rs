//! What this host's kernel would do with a packet: interface, source address, MTUs, cached path MTU.
//!
//! The questions go through rtnetlink. An answer of another kernel version that does not decode counts as unknown and is not
//! an error. Then a connected UDP socket gives at least the source address.

mod address;
mod answer;
#[doc(hidden)]
pub mod fuzz;
mod links;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::route::{RouteAttribute, RouteFlags, RouteMessage, RouteType};
use rtnetlink::RouteMessageBuilder;
use tokio::task::JoinHandle;

use super::NetError;
use super::interface::Interface;
use crate::model::{CachedPathMtu, Family, FirstHop, PacketSize, RouteMtu};
pub use address::InterfaceAddress;
use answer::{
    gateway, has_gateway, is_broadcast, is_default, is_for_one, is_link_local, is_local, learnt_mtu, metric_advmss,
    metric_mtu, outgoing, own_address, source,
};
pub use links::Links;

/// A kernel answers at once. rtnetlink drops an answer that does not decode, so that answer never comes.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to the kernel's routing tables.
pub struct Routes {
    handle: rtnetlink::Handle,
    connection: JoinHandle<()>,
}

/// Where a packet is to go, and what the user fixed about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteQuery {
    /// The destination.
    pub destination: IpAddr,
    /// The source address if the user names one. It decides the route where `ip rule` looks at it.
    pub source: Option<IpAddr>,
    /// The outgoing interface if the user names one, and always for a link-local destination.
    pub interface: Option<u32>,
}

/// The kernel's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The outgoing interface. `None`: unknown.
    pub interface: Option<Interface>,
    /// The address that packets leave from. `None`: unknown.
    pub source: Option<IpAddr>,
    /// The next router. `None`: on the link, or unknown.
    pub gateway: Option<IpAddr>,
    /// What stands at the end of the first link.
    pub first_hop: FirstHop,
    /// What the interface carries in this family. `None`: unknown.
    pub interface_mtu: Option<PacketSize>,
    /// The `mtu` that somebody set on the route, or that a router advertised.
    pub route_mtu: Option<RouteMtu>,
    /// The `advmss` that somebody set on the route.
    pub route_advmss: Option<u16>,
    /// Whether the route with these leads to the destination alone.
    pub is_for_one: bool,
    /// The path MTU that the kernel learnt from a PTB and has cached.
    pub cached: Option<CachedPathMtu>,
}

impl Route {
    /// The largest packet that this host sends on the route when no path MTU is cached.
    pub fn local_mtu(&self) -> Option<PacketSize> {
        let route = self.route_mtu.map(|route| route.mtu);
        [self.interface_mtu, route].into_iter().flatten().min()
    }

    /// The path MTU that the kernel assumes now.
    pub fn kernel_path_mtu(&self) -> Option<PacketSize> {
        [self.local_mtu(), self.cached.map(|cached| cached.mtu)].into_iter().flatten().min()
    }
}

impl Routes {
    /// Connects. Needs no privilege, but a tokio runtime with timers around it.
    pub fn open() -> Result<Self, NetError> {
        let (connection, handle, _) =
            rtnetlink::new_connection().map_err(NetError::socket("open a socket", "routing tables"))?;
        Ok(Self { handle, connection: tokio::spawn(connection) })
    }

    /// The route that TCP would take.
    ///
    /// Like TCP, it asks twice if the user names no source: rules like `ip rule add from ADDRESS` see the source address
    /// only once a first route has chosen it.
    pub async fn lookup(&self, query: RouteQuery) -> Result<Route, NetError> {
        let first = match self.ask(query, RouteFlags::empty()).await {
            Ok(message) => message,
            Err(Unanswered::NoRoute) => return Err(self.why_no_route(query).await),
            Err(Unanswered::Unknown) => return by_udp_socket(query),
        };
        if is_broadcast(&first) {
            return Err(NetError::Broadcast { destination: query.destination });
        }
        let as_tcp = RouteQuery { source: query.source.or(source(&first)), ..query };
        let message =
            if as_tcp == query { first } else { self.ask(as_tcp, RouteFlags::empty()).await.unwrap_or(first) };
        Ok(self.describe(as_tcp, &message).await)
    }

    /// Whether the address belongs to this host, for `--source`.
    pub async fn require_our_address(&self, address: IpAddr, interface: Option<u32>) -> Result<(), NetError> {
        let query = RouteQuery { destination: address, source: None, interface };
        let by_route = self.ask(query, RouteFlags::empty()).await.is_ok_and(|message| is_local(&message));
        // A link-local address is "local" on its own interface only, and the route to it needs the interface named.
        let ours = by_route || self.interface_addresses(interface).await?.iter().any(|own| own.address == address);
        if ours { Ok(()) } else { Err(NetError::NotOurAddress { address }) }
    }

    /// The addresses of an interface, or of all.
    pub async fn interface_addresses(&self, interface: Option<u32>) -> Result<Vec<InterfaceAddress>, NetError> {
        let failed = |reason: String| NetError::Netlink { subject: "the addresses of this host", reason };
        let mut request = self.handle.address().get();
        if let Some(index) = interface {
            request = request.set_link_index_filter(index);
        }
        let messages = tokio::time::timeout(PATIENCE, request.execute().try_collect::<Vec<_>>()).await;
        let messages =
            messages.map_err(|_| failed("no answer".to_owned()))?.map_err(|error| failed(error.to_string()))?;
        Ok(messages.iter().filter_map(own_address).collect())
    }

    /// What the kernel tells of this host's links.
    pub async fn links(&self) -> Links {
        links::links(&self.handle, PATIENCE).await
    }

    async fn ask(&self, query: RouteQuery, flags: RouteFlags) -> Result<RouteMessage, Unanswered> {
        let mut answers = Box::pin(self.handle.route().get(request(query, flags)).execute());
        match tokio::time::timeout(PATIENCE, answers.next()).await {
            Ok(Some(Ok(message))) => refuse_unreachable(message),
            Ok(Some(Err(rtnetlink::Error::NetlinkError(error)))) => Err(unanswered(-error.raw_code())),
            Ok(Some(Err(_)) | None) | Err(_) => Err(Unanswered::Unknown),
        }
    }

    async fn describe(&self, query: RouteQuery, message: &RouteMessage) -> Route {
        let family = Family::of(query.destination);
        let interface = outgoing(message).and_then(|index| Interface::by_index(index).ok());
        let cached = learnt_mtu(message, family);
        let route_advmss = metric_advmss(message);
        // A learnt value hides that of the route, which only the routing table still has.
        let configured = if cached.is_some() || route_advmss.is_some() || metric_mtu(message).is_some() {
            self.ask(query, RouteFlags::FibMatch).await.ok()
        } else {
            None
        };
        let route_mtu = match cached {
            Some(_) => configured.as_ref().and_then(metric_mtu),
            None => metric_mtu(message),
        };
        Route {
            first_hop: self.first_hop(query, message).await,
            interface_mtu: interface.as_ref().and_then(|interface| interface.mtu(family)),
            interface,
            source: query.source.or(source(message)),
            gateway: gateway(message),
            route_mtu,
            route_advmss,
            is_for_one: configured.is_some_and(|route| is_for_one(&route)),
            cached,
        }
    }

    /// A default route without a gateway leads into a tunnel, and the target is hardly its other end.
    async fn first_hop(&self, query: RouteQuery, message: &RouteMessage) -> FirstHop {
        if is_local(message) {
            return FirstHop::ThisHost;
        }
        // While an interface comes up, only the default route may match.
        if is_link_local(query.destination) {
            return FirstHop::Target;
        }
        let is_default = async || self.ask(query, RouteFlags::FibMatch).await.is_ok_and(|route| is_default(&route));
        if has_gateway(message) || is_default().await { FirstHop::Router } else { FirstHop::Target }
    }

    /// The kernel's error is the same whether the destination or the source address is to blame.
    async fn why_no_route(&self, query: RouteQuery) -> NetError {
        match query.source {
            Some(address) => match self.require_our_address(address, query.interface).await {
                Err(error) => error,
                Ok(()) => no_route(query),
            },
            None => no_route(query),
        }
    }
}

impl Drop for Routes {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Why there is no route to describe.
enum Unanswered {
    NoRoute,
    Unknown,
}

fn request(query: RouteQuery, flags: RouteFlags) -> RouteMessage {
    let mut message = match query.destination {
        IpAddr::V4(address) => RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(address, 32).build(),
        IpAddr::V6(address) => RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(address, 128).build(),
    };
    if let Some(source) = query.source {
        message.header.source_prefix_length = if source.is_ipv4() { 32 } else { 128 };
        message.attributes.push(RouteAttribute::Source(source.into()));
    }
    if let Some(index) = query.interface {
        message.attributes.push(RouteAttribute::Oif(index));
    }
    message.header.flags = flags;
    message
}

/// IPv6 answers with a route that says "unreachable" where IPv4 answers with an error.
fn refuse_unreachable(message: RouteMessage) -> Result<RouteMessage, Unanswered> {
    match message.header.kind {
        RouteType::Unreachable | RouteType::BlackHole | RouteType::Prohibit | RouteType::Throw => {
            Err(Unanswered::NoRoute)
        }
        _ => Ok(message),
    }
}

fn unanswered(errno: i32) -> Unanswered {
    match errno {
        libc::ENETUNREACH
        | libc::EHOSTUNREACH
        | libc::EACCES
        | libc::EINVAL
        | libc::EAFNOSUPPORT
        | libc::EOPNOTSUPP
        | libc::ENODEV
        | libc::EADDRNOTAVAIL
        | libc::ENETDOWN => Unanswered::NoRoute,
        _ => Unanswered::Unknown,
    }
}

fn no_route(query: RouteQuery) -> NetError {
    let mut via = String::new();
    if let Some(source) = query.source {
        let _ = write!(via, " from {source}");
    }
    if let Some(index) = query.interface {
        let name = Interface::by_index(index).map_or_else(|_| index.to_string(), |interface| interface.name);
        let _ = write!(via, " oif {name}");
    }
    NetError::NoRoute { destination: query.destination, via }
}

/// The route as a connected UDP socket shows it. Connecting sends nothing.
fn by_udp_socket(query: RouteQuery) -> Result<Route, NetError> {
    let unspecified: IpAddr = match query.destination {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let destination = match query.destination {
        IpAddr::V4(address) => SocketAddr::from((address, DISCARD)),
        IpAddr::V6(address) => SocketAddrV6::new(address, DISCARD, 0, query.interface.unwrap_or(0)).into(),
    };
    let own = query.source.unwrap_or(unspecified);
    let socket = UdpSocket::bind((own, 0)).map_err(|_| NetError::NotOurAddress { address: own })?;
    socket.connect(destination).map_err(|_| no_route(query))?;
    let own = socket.local_addr().map_err(NetError::socket("ask for the own address", "routing tables"))?.ip();
    Ok(Route {
        interface: query.interface.and_then(|index| Interface::by_index(index).ok()),
        source: Some(own),
        gateway: None,
        interface_mtu: None,
        // It may be a cached path MTU, but nothing says so.
        route_mtu: socket_mtu(&socket, query.destination).map(|mtu| RouteMtu { mtu, locked: false }),
        route_advmss: None,
        is_for_one: false,
        cached: None,
        first_hop: if own == query.destination { FirstHop::ThisHost } else { FirstHop::Target },
    })
}

/// Any port will do.
const DISCARD: u16 = 9;

fn socket_mtu(socket: &UdpSocket, destination: IpAddr) -> Option<PacketSize> {
    let mtu = match destination {
        IpAddr::V4(_) => rustix::net::sockopt::ip_mtu(socket),
        IpAddr::V6(_) => rustix::net::sockopt::ipv6_mtu(socket),
    };
    mtu.ok().map(PacketSize::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_netlink_a_udp_socket_tells_source_and_mtu() {
        let loopback: IpAddr = "127.0.0.1".parse().expect("an address");
        let query = RouteQuery { destination: loopback, source: None, interface: None };
        let route = by_udp_socket(query).expect("a route");
        assert_eq!((route.source, route.first_hop), (Some(loopback), FirstHop::ThisHost));
        assert_eq!(route.local_mtu(), Some(Family::V4.largest_packet()));
        let foreign = RouteQuery { source: Some("192.0.2.1".parse().expect("an address")), ..query };
        assert!(matches!(by_udp_socket(foreign), Err(NetError::NotOurAddress { .. })));
    }
}
