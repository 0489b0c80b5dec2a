//! The first link is a tunnel or PPP: its MTU is part of a configuration that both ends have.

use super::link::{Link, SHARED};
use crate::model::{Advice, LinkKind, Who};

/// Lowers it on this side.
pub(super) fn lower(link: &Link<'_>, kind: LinkKind) -> Advice {
    let Link { size, interface, .. } = link;
    let (what, how) = match kind {
        LinkKind::WireGuard => (
            "a WireGuard tunnel",
            Some(format!("MTU = {size} below [Interface] in /etc/wireguard/{interface}.conf, at both ends")),
        ),
        LinkKind::Tun => (
            "a tunnel",
            Some(format!(
                "in a configuration of OpenVPN: tun-mtu {size}, at both ends; in others, their setting of that kind"
            )),
        ),
        LinkKind::Ppp => {
            ("a PPP link", Some(format!("mtu {size} and mru {size} in the file of this link in /etc/ppp/peers")))
        }
        LinkKind::Tunnel | LinkKind::Ethernet | LinkKind::Veth => ("a tunnel", None),
    };
    Advice {
        is_alternative: false,
        lasting: how.map(|how| format!("# to keep it: {how}")).into_iter().collect(),
        who: Who::You,
        text: format!(
            "{SHARED} It is {what}. Lower its MTU to {size} on this host: that cures mail to every server behind it, both ways. It acts on \
             all traffic of {interface}, and is gone when the link is set up anew."
        ),
        commands: link.commands(),
    }
}
