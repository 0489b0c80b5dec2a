//! What this host can do by itself until the path is repaired: send no packets that the path swallows.

use std::net::IpAddr;

use super::Case;
use crate::model::{Advice, Family, PacketSize, Who};
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
        who: Who::You,
        text: format!(
            "Until the path is repaired, make TCP send at most {size} bytes to this address, by lowering the MSS that \
             the other side announces. It changes new connections with this address only, and is gone after a reboot."
        ),
        commands: clamp("input", "saddr", case.address(), mss),
    })
}

/// The MSS in our own SYN is what limits the peer.
pub(super) fn clamp_what_they_send(case: &Case<'_>, size: PacketSize) -> Advice {
    Advice {
        who: Who::You,
        text: format!(
            "Until the way back is repaired, ask for packets of at most {size} bytes, by lowering the MSS that this \
             host announces to this address. It changes new connections with this address only, and is gone after a \
             reboot."
        ),
        commands: clamp("output", "daddr", case.address(), size.to_mss(case.family())),
    }
}

/// A table of its own: added twice it stays one, and one command removes it. nft only ever lowers an MSS.
fn clamp(hook: &str, side: &str, address: IpAddr, mss: u16) -> Vec<String> {
    let ip = match address {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ip6",
    };
    vec![
        "nft add table inet pmtu_clamp".into(),
        format!("nft add chain inet pmtu_clamp {hook} '{{ type filter hook {hook} priority -150; }}'"),
        format!(
            "nft add rule inet pmtu_clamp {hook} {ip} {side} {address} tcp flags syn tcp option maxseg size set {mss}"
        ),
        undo("nft delete table inet pmtu_clamp"),
    ]
}

/// A host route with a locked MTU works for every protocol. IPv6 ignores an MTU below 1280 (RFC 8200, section 5).
fn route(case: &Case<'_>, size: PacketSize) -> Option<Advice> {
    let interface = shell_word(case.host.interface.as_deref()?);
    if case.family() == Family::V6 && size < Family::V6.minimum_mtu() {
        return None;
    }
    let (ip, length, side_effect) = match case.family() {
        Family::V4 => ("ip", 32, "IPv4 packets then go without don't-fragment"),
        Family::V6 => ("ip -6", 128, "larger UDP packets are fragmented here"),
    };
    let address = case.address();
    let via = case.host.gateway.map_or_else(String::new, |gateway| format!("via {gateway} "));
    let source = case.host.source.filter(|source| address.is_ipv4() && source.is_ipv4());
    // The route of today may prefer a source address; IPv6 chooses it otherwise (RFC 6724).
    let source = source.map_or_else(String::new, |source| format!("src {source} "));
    Some(Advice {
        who: Who::You,
        text: format!(
            "Or give this address a route with a fixed MTU, which serves all protocols. It no longer follows changes \
             of the network, {side_effect}, and it is gone after a reboot."
        ),
        commands: vec![
            format!("{ip} route replace {address}/{length} {via}dev {interface} {source}mtu lock {size}"),
            undo(&format!("{ip} route del {address}/{length}")),
        ],
    })
}

/// Pointless where it is on already.
fn mtu_probing(case: &Case<'_>) -> Option<Advice> {
    let before = case.host.settings.tcp_mtu_probing.unwrap_or(0);
    (before == 0).then(|| Advice {
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
    format!("# undo: {command}")
}
