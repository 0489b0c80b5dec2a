//! Large packets end at this host's own link, or at the next hop of its route: every path that leaves there has the same limit.

use super::case::Case;
use super::owner;
use super::workaround::undo;
use crate::model::{Advice, Cause, Family, Who};
use crate::report::place::place_of;
use crate::report::words::shell_word;

/// One MTU for all paths. `None`: large packets end elsewhere, or a repair on this host is the cure. Both families use the
/// interface, so it does not go below the least MTU of IPv6 (RFC 8200, section 5).
pub(super) fn lower_the_interface(case: &Case<'_>) -> Option<Advice> {
    let size = case.examined().path_mtu.filter(|size| *size >= Family::V6.minimum_mtu())?;
    let before = case.host.interface_mtu.filter(|before| *before > size)?;
    let is_shared = owner::is_at_next_hop(case) && case.examined().cause != Some(Cause::LocalFirewall);
    let interface = shell_word(case.host.interface.as_deref().filter(|_| is_shared)?);
    let place = place_of(case.report)?.words();
    Some(Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Large packets vanish {place}. All paths over that link have the same limit, and so close to this host that may be \
             every path. Lower the MTU of this host's interface to {size}: that cures all of them at once, both ways. It acts on \
             all traffic of the interface, this network included, and is gone after a reboot. If other paths carry more, use \
             what follows instead."
        ),
        commands: vec![
            format!("ip link set dev {interface} mtu {size}"),
            undo(&format!("ip link set dev {interface} mtu {before}")),
        ],
    })
}
