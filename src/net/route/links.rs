//! Links behind which others sit, for whom this host forwards: containers, virtual machines, networks at the end of a tunnel.

use std::time::Duration;

use futures_util::TryStreamExt;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};

use crate::model::{Family, InnerKind, InnerLink, PacketSize};

/// The bridges, veths, taps and tunnels that are up, with what this host forwards from them. Empty if the kernel does not say.
pub(super) async fn inner_links(handle: &rtnetlink::Handle, patience: Duration) -> Vec<InnerLink> {
    let links = handle.link().get().execute().try_collect::<Vec<_>>();
    let Ok(Ok(links)) = tokio::time::timeout(patience, links).await else { return Vec::new() };
    links.iter().filter_map(inner_link).collect()
}

fn inner_link(message: &LinkMessage) -> Option<InnerLink> {
    let is_up = message.header.flags.contains(LinkFlags::Up);
    // A port of a bridge hands everything to the bridge.
    let is_port = message.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::Controller(1..)));
    let kind = kind(message).filter(|_| is_up && !is_port)?;
    let name = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    })?;
    let mtu = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(PacketSize::new(*mtu)),
        _ => None,
    })?;
    let forwards = [Family::V4, Family::V6].map(|family| forwards(&name, family));
    Some(InnerLink { name, kind, mtu, forwards })
}

fn kind(message: &LinkMessage) -> Option<InnerKind> {
    let info = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.iter().find_map(|info| match info {
            LinkInfo::Kind(kind) => Some(kind),
            _ => None,
        }),
        _ => None,
    })?;
    match info {
        InfoKind::Bridge => Some(InnerKind::Bridge),
        InfoKind::Veth | InfoKind::Netkit => Some(InnerKind::Veth),
        InfoKind::Tun => Some(InnerKind::Tap),
        InfoKind::Vxlan
        | InfoKind::Geneve
        | InfoKind::GreTap
        | InfoKind::GreTap6
        | InfoKind::GreTun
        | InfoKind::GreTun6
        | InfoKind::IpIp
        | InfoKind::Ip6Tnl
        | InfoKind::SitTun
        | InfoKind::Vti
        | InfoKind::Vti6
        | InfoKind::Wireguard
        | InfoKind::Xfrm => Some(InnerKind::Tunnel),
        _ => None,
    }
}

/// Whether packets that come in by this link are forwarded: `ip_forward` sets it for every link, and each has its own.
fn forwards(name: &str, family: Family) -> bool {
    let family = if family == Family::V4 { "ipv4" } else { "ipv6" };
    let setting = std::fs::read_to_string(format!("/proc/sys/net/{family}/conf/{name}/forwarding"));
    setting.is_ok_and(|value| !matches!(value.trim(), "" | "0"))
}
