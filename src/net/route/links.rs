//! This host's links: of which kind each is, and behind which of them others sit, for whom it forwards.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage};

use crate::model::{Family, InnerKind, InnerLink, LinkKind, PacketSize};

/// What the kernel tells of its links. Empty if it does not.
#[derive(Default)]
pub struct Links {
    /// The bridges, veths, taps and tunnels that are up, with what this host forwards from them.
    pub inner: Vec<InnerLink>,
    kinds: HashMap<u32, LinkKind>,
}

impl Links {
    /// The kind of the interface with this index.
    pub fn kind(&self, index: u32) -> Option<LinkKind> {
        self.kinds.get(&index).copied()
    }
}

pub(super) async fn links(handle: &rtnetlink::Handle, patience: Duration) -> Links {
    let links = handle.link().get().execute().try_collect::<Vec<_>>();
    let Ok(Ok(links)) = tokio::time::timeout(patience, links).await else { return Links::default() };
    let kinds = links.iter().filter_map(|link| Some((link.header.index, kind_of_way_out(link)?)));
    Links { inner: links.iter().filter_map(inner_link).collect(), kinds: kinds.collect() }
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

/// The kind of a link that packets leave by. The other end of a veth that is in this namespace as well is no machine of its own.
pub(super) fn kind_of_way_out(message: &LinkMessage) -> Option<LinkKind> {
    let ends_elsewhere = message.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::LinkNetNsId(_)));
    match (kind_word(message), message.header.link_layer_type) {
        (Some(InfoKind::Veth | InfoKind::Netkit), _) if ends_elsewhere => Some(LinkKind::Veth),
        (_, LinkLayerType::Ppp) => Some(LinkKind::Ppp),
        (Some(InfoKind::Wireguard), _) => Some(LinkKind::WireGuard),
        (Some(InfoKind::Tun), _) => Some(LinkKind::Tun),
        (Some(_), _) if kind(message) == Some(InnerKind::Tunnel) => Some(LinkKind::Tunnel),
        (_, LinkLayerType::Ether) => Some(LinkKind::Ethernet),
        _ => None,
    }
}

fn kind_word(message: &LinkMessage) -> Option<&InfoKind> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.iter().find_map(|info| match info {
            LinkInfo::Kind(kind) => Some(kind),
            _ => None,
        }),
        _ => None,
    })
}

fn kind(message: &LinkMessage) -> Option<InnerKind> {
    match kind_word(message)? {
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
