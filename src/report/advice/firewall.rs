//! This host's firewall drops the ICMP errors that PMTUD lives on.

use super::workaround::undo;
use crate::model::{Advice, Family, Who};

/// Rules that admit exactly the ICMP errors that must not be dropped (RFC 4890, 4.3.1; the same kinds in IPv4).
pub(super) fn admit_errors(family: Family) -> Vec<Advice> {
    vec![with_nft(family), with_iptables(family)]
}

fn with_nft(family: Family) -> Advice {
    let rule = match family {
        Family::V4 => "icmp type { destination-unreachable, time-exceeded, parameter-problem }",
        Family::V6 => "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
    };
    Advice {
        who: Who::You,
        text: "Admit ICMP errors in this host's firewall, then run pmtu-probe again. This is for nftables; where \
               \"nft list ruleset\" names the input chain otherwise, put its name for \"inet filter input\". It admits \
               error messages only; to keep it over a reboot, add it to /etc/nftables.conf."
            .into(),
        // A rule can be deleted by its handle alone, which nobody knows before: the comment finds it again.
        commands: vec![
            format!("nft insert rule inet filter input {rule} accept comment pmtu-probe"),
            undo(
                "nft -a list chain inet filter input | sed -n 's/.* comment \"pmtu-probe\" # handle //p' | \
                 xargs -n 1 nft delete rule inet filter input handle",
            ),
        ],
    }
}

fn with_iptables(family: Family) -> Advice {
    let (program, protocol, option, types): (_, _, _, &[&str]) = match family {
        Family::V4 => {
            ("iptables", "icmp", "--icmp-type", &["destination-unreachable", "time-exceeded", "parameter-problem"])
        }
        Family::V6 => (
            "ip6tables",
            "ipv6-icmp",
            "--icmpv6-type",
            &["packet-too-big", "destination-unreachable", "time-exceeded", "parameter-problem"],
        ),
    };
    let line = |action, kind: &str| format!("{program} {action} INPUT -p {protocol} {option} {kind} -j ACCEPT");
    let undo_all = undo(&format!("for kind in {}; do {}; done", types.join(" "), line("-D", "$kind")));
    Advice {
        who: Who::You,
        text: format!("Or the same with {program}. To keep the rules over a reboot, save them with {program}-save."),
        commands: types.iter().map(|kind| line("-I", kind)).chain([undo_all]).collect(),
    }
}
