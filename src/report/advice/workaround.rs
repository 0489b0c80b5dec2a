//! Workarounds on this host until the path is repaired: it sends no packets that the path drops.

use super::case::Case;
use crate::model::{AddressReport, Advice, Family, PacketSize, Who};
use crate::report::words::shell_word;

/// `net.ipv4.tcp_min_snd_mss`: Linux takes no smaller MSS from a peer.
const SMALLEST_MSS: u16 = 48;

/// All workarounds, the narrowest first.
pub(super) fn all(case: &Case<'_>) -> Vec<Advice> {
    let size = case.working_size();
    let clamp = size.and_then(|size| clamp_what_we_send(case, size));
    let route = size.and_then(|size| route(case, size));
    clamp.into_iter().chain(route).chain(mtu_probing(case)).collect()
}

/// TCP sends segments as large as the MSS in the peer's SYN allows, so that option is lowered as it comes in.
fn clamp_what_we_send(case: &Case<'_>, size: PacketSize) -> Option<Advice> {
    let mss = size.to_mss(case.family());
    (mss >= SMALLEST_MSS).then(|| Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Until the path is repaired, make TCP send at most {size} bytes to {these}, by lowering the MSS that \
             the other side announces. It changes new connections with {these} only, and is gone after a reboot.",
            these = case.this_address()
        ),
        commands: clamp("input", "saddr", case, mss),
    })
}

/// Whether the advice for the way there has given the address a route of its own. A second one would replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostRouteUse {
    Free,
    Taken,
}

impl HostRouteUse {
    pub(super) fn of(advice: &[Advice]) -> Self {
        let mut commands = advice.iter().flat_map(|advice| &advice.commands);
        if commands.any(|command| command.contains(" route replace ")) { Self::Taken } else { Self::Free }
    }
}

/// The MSS in our own SYN or SYN-ACK is what limits the peer.
pub(super) fn all_for_the_way_back(case: &Case<'_>, size: PacketSize, route: HostRouteUse) -> Vec<Advice> {
    let mss = size.to_mss(case.family());
    let route = announcing_routes(case, mss).filter(|_| route == HostRouteUse::Free);
    [clamp_what_they_send(case, size, mss), clamp_by_iptables(case, mss)].into_iter().chain(route).collect()
}

fn clamp_what_they_send(case: &Case<'_>, size: PacketSize, mss: u16) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Until the way back is repaired, ask for packets of at most {size} bytes, by lowering the MSS that this \
             host announces to {these}, whichever side connects. It changes new connections with {these} \
             only, and is gone after a reboot. Mail from other servers of theirs needs the same for their addresses.",
            these = case.this_address()
        ),
        commands: clamp("output", "daddr", case, mss),
    }
}

/// TCPMSS never raises an MSS.
fn clamp_by_iptables(case: &Case<'_>, mss: u16) -> Advice {
    let program = match case.family() {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    let rule = |verb: &str, report: &AddressReport| {
        let address = report.address;
        format!(
            "{program} -t mangle {verb} OUTPUT -p tcp -d {address} --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {mss}"
        )
    };
    let commands = case.reports().map(|report| rule("-A", report));
    Advice {
        is_alternative: true,
        lasting: Vec::new(),
        who: Who::You,
        text: format!("Or the same with {program}."),
        commands: commands.chain(case.reports().map(|report| undo(&rule("-D", report)))).collect(),
    }
}

/// No advice if the route has an MTU of its own, because a second host route would replace it.
fn announcing_routes(case: &Case<'_>, mss: u16) -> Option<Advice> {
    let is_free = |report: &AddressReport| report.here.route_mtu.is_none() && !report.here.route_is_for_one;
    let routes = host_routes(case).filter(|_| case.reports().all(is_free))?;
    Some(Advice {
        is_alternative: true,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Or give {} a route with a fixed MSS to announce, without any firewall. It no longer follows changes of the \
             network, and is gone after a reboot.",
            case.this_address()
        ),
        commands: replace_routes(&routes, &format!("advmss {mss}")),
    })
}

/// A table of its own for each direction, and in it a set for each MSS: one rule serves all addresses, and the undo of one leaves
/// the others. A rule that is pasted twice does no harm. nft only ever lowers an MSS.
fn clamp(hook: &str, side: &str, case: &Case<'_>, mss: u16) -> Vec<String> {
    let (ip, kind) = match case.family() {
        Family::V4 => ("ip", "ipv4_addr"),
        Family::V6 => ("ip6", "ipv6_addr"),
    };
    let addresses = case.reports().map(|report| report.address.to_string()).collect::<Vec<_>>().join(", ");
    let table = if hook == "output" { "pmtu_clamp_back" } else { "pmtu_clamp" };
    let set = format!("{ip}_mss_{mss}");
    vec![
        format!("nft add table inet {table}"),
        format!("nft add set inet {table} {set} '{{ type {kind}; }}'"),
        format!("nft add chain inet {table} {hook} '{{ type filter hook {hook} priority -150; }}'"),
        format!("nft add rule inet {table} {hook} {ip} {side} @{set} tcp flags syn tcp option maxseg size set {mss}"),
        format!("nft add element inet {table} {set} '{{ {addresses} }}'"),
        // The last one takes the table with it.
        undo(&format!(
            "nft delete element inet {table} {set} '{{ {addresses} }}'; nft list table inet {table} | grep -q elements || \
             nft delete table inet {table}"
        )),
    ]
}

/// A host route with a locked MTU works for every protocol. One that is there already is not replaced: its undo would not bring
/// it back. IPv6 ignores an MTU below 1280 (RFC 8200, section 5).
fn route(case: &Case<'_>, size: PacketSize) -> Option<Advice> {
    let routes = host_routes(case).filter(|_| case.reports().all(|report| !report.here.route_is_for_one))?;
    if case.family() == Family::V6 && size < Family::V6.minimum_mtu() {
        return None;
    }
    let side_effect = match case.family() {
        Family::V4 => "IPv4 packets then go without don't-fragment",
        Family::V6 => "larger UDP packets are fragmented here",
    };
    Some(Advice {
        is_alternative: true,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Or give {} a route with a fixed MTU, which serves all protocols. It no longer follows changes \
             of the network, {side_effect}, and it is gone after a reboot.",
            case.this_address()
        ),
        commands: replace_routes(&routes, &format!("mtu lock {size}")),
    })
}

/// A route to one address only, as today's leads there.
struct HostRoute {
    ip: &'static str,
    destination: String,
    way: String,
}

/// A route for each address. `None`: through which interface is not known.
fn host_routes(case: &Case<'_>) -> Option<Vec<HostRoute>> {
    case.reports().map(host_route).collect()
}

fn replace_routes(routes: &[HostRoute], metric: &str) -> Vec<String> {
    routes.iter().map(|route| route.replace(metric)).chain(routes.iter().map(|route| undo(&route.delete()))).collect()
}

/// `None`: through which interface is not known.
fn host_route(report: &AddressReport) -> Option<HostRoute> {
    let (address, here) = (report.address, &report.here);
    let interface = shell_word(here.interface.as_deref()?);
    let (ip, length) = match Family::of(address) {
        Family::V4 => ("ip", 32),
        Family::V6 => ("ip -6", 128),
    };
    let via = here.gateway.map_or_else(String::new, |gateway| format!("via {gateway} "));
    let source = here.source.filter(|source| address.is_ipv4() && source.is_ipv4());
    // The route of today may prefer a source address; IPv6 chooses it otherwise (RFC 6724).
    let source = source.map_or_else(String::new, |source| format!(" src {source}"));
    Some(HostRoute { ip, destination: format!("{address}/{length}"), way: format!("{via}dev {interface}{source}") })
}

/// The command that takes away the route to this address alone.
pub(super) fn delete_route(case: &Case<'_>) -> Option<String> {
    host_route(case.report).map(|route| route.delete())
}

impl HostRoute {
    fn replace(&self, metric: &str) -> String {
        format!("{} route replace {} {} {metric}", self.ip, self.destination, self.way)
    }

    fn delete(&self) -> String {
        format!("{} route del {}", self.ip, self.destination)
    }
}

/// Pointless where it is on already.
fn mtu_probing(case: &Case<'_>) -> Option<Advice> {
    let before = case.host.settings.tcp_mtu_probing.unwrap_or(0);
    (before == 0).then(|| Advice {
        is_alternative: true,
        lasting: Vec::new(),
        who: Who::You,
        text: "Or let TCP search for a working size by itself (RFC 4821). That acts on every connection of this host, \
               IPv6 too, each time after a stall of some seconds, and is gone after a reboot unless a file in \
               /etc/sysctl.d repeats it."
            .into(),
        commands: vec!["sysctl -w net.ipv4.tcp_mtu_probing=1".into(), undo("sysctl -w net.ipv4.tcp_mtu_probing=0")],
    })
}

/// A comment, so that pasting all lines does not undo the first ones.
pub(super) fn undo(command: &str) -> String {
    format!("{UNDO}{command}")
}

/// What such a comment begins with.
pub(super) const UNDO: &str = "# undo: ";
