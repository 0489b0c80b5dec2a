//! This host's firewall drops the ICMP errors that PMTUD lives on.

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
        text: "Admit ICMP errors in this host's firewall and run pmtu-probe again. With nftables: if \"nft list \
               ruleset\" names the input chain otherwise, put its name for \"inet filter input\". It admits error \
               messages only. Undo: delete the rule by its handle (nft -a list ruleset). To keep it, add it to \
               /etc/nftables.conf."
            .into(),
        commands: vec![format!("nft insert rule inet filter input {rule} accept")],
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
    Advice {
        who: Who::You,
        text: format!(
            "With {program} instead of nft, the same. Undo: the same lines with -D for -I. To keep them, save the \
             rules ({program}-save)."
        ),
        commands: types
            .iter()
            .map(|kind| format!("{program} -I INPUT -p {protocol} {option} {kind} -j ACCEPT"))
            .collect(),
    }
}
