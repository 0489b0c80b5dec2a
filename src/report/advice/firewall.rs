//! Firewalls drop the ICMP errors that PMTUD lives on: this host's own, or those on the way.

use super::case::Case;
use super::workaround::undo;
use crate::model::{Advice, Blocker, Blockers, Cause, Family, Who};
use crate::report::words::shell_word;

/// The repair on this host: before the rule that drops the message if it is known, else in the usual place.
pub(super) fn repair(case: &Case<'_>) -> Vec<Advice> {
    let family = case.family();
    match &case.host.blockers {
        Blockers::Found(blockers) => {
            let mut advice: Vec<Advice> = blockers.iter().map(admit_before).collect();
            if blockers.iter().any(|blocker| blocker.remedy.is_empty()) {
                advice.extend(admit_errors(family));
            }
            advice
        }
        Blockers::NotSought => admit_errors(family),
        Blockers::Unreadable(reason) => {
            [look_for_the_rule(case, reason)].into_iter().chain(admit_errors(family)).collect()
        }
        Blockers::NoneFound => vec![look_elsewhere(case)],
    }
}

/// Whether this host's own firewall is to blame.
pub(super) fn is_cause(case: &Case<'_>) -> bool {
    case.examined().cause == Some(Cause::LocalFirewall)
}

/// Whether the repair is sure to help, so that no workaround is needed meanwhile.
pub(super) fn is_certain(case: &Case<'_>) -> bool {
    match &case.host.blockers {
        Blockers::Found(blockers) => blockers.iter().all(|blocker| blocker.is_certain && !blocker.remedy.is_empty()),
        Blockers::NotSought => true,
        Blockers::Unreadable(_) | Blockers::NoneFound => false,
    }
}

fn admit_before(blocker: &Blocker) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "This host's own firewall {} the message: {}, \"{}\". Admit ICMP errors before that, then run pmtu-probe \
             again. It lets in error messages only, and is gone after a reboot or a reload of the firewall unless its \
             configuration has it as well.",
            if blocker.is_certain { "drops" } else { "probably drops" },
            blocker.place,
            blocker.rule
        ),
        commands: blocker.remedy.clone(),
    }
}

fn look_for_the_rule(case: &Case<'_>, reason: &str) -> Advice {
    let save = match case.family() {
        Family::V4 => "iptables-save",
        Family::V6 => "ip6tables-save",
    };
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "This host's firewall drops {}, but its rules could not be read ({}). Look for a chain with hook input, \
             prerouting or ingress that drops it, or that has the policy drop and no rule that accepts it.",
            case.ptb_name(),
            reason.trim().trim_end_matches('.')
        ),
        commands: vec!["nft list ruleset".into(), save.into()],
    }
}

/// `rp_filter` drops what comes from an address that is routed elsewhere (RFC 3704); the routers that send PTBs may be.
fn look_elsewhere(case: &Case<'_>) -> Advice {
    let name = case.ptb_name();
    let (what, commands) = match (case.family(), case.host.interface.as_deref()) {
        (Family::V4, interface) => {
            let of = |interface: &str| shell_word(&format!("net/ipv4/conf/{interface}/rp_filter"));
            let interfaces = ["all"].into_iter().chain(interface);
            let read = format!("sysctl {}", interfaces.map(of).collect::<Vec<_>>().join(" "));
            ("strict rp_filter (1, where 2 would do), ", vec![read, "nstat -az TcpExtIPReversePathFilter".into()])
        }
        (Family::V6, _) => ("", vec!["nstat -az Icmp6InErrors".into()]),
    };
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "This host drops {name}, but none of its nftables and iptables rules does. Look at {what}programs attached \
             with tc or XDP, and security software."
        ),
        commands,
    }
}

/// Where such rules usually stand.
fn admit_errors(family: Family) -> Vec<Advice> {
    vec![with_nft(family), with_iptables(family)]
}

fn with_nft(family: Family) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: "Admit ICMP errors in this host's firewall, then run pmtu-probe again. This is for nftables; where \
               \"nft list ruleset\" names the input chain otherwise, put its name for \"inet filter input\". It admits \
               error messages only; to keep it over a reboot, add it to /etc/nftables.conf."
            .into(),
        commands: vec![
            // A rule is deleted by its handle, which nobody knows before: the comment finds it again.
            format!("{} comment pmtu-probe", Rules::of(family, "input").nft),
            undo(
                "nft -a list chain inet filter input | sed -n 's/.* comment \"pmtu-probe\" # handle //p' | \
                 xargs -n 1 nft delete rule inet filter input handle",
            ),
        ],
    }
}

fn with_iptables(family: Family) -> Advice {
    let program = iptables(family);
    let rules = Rules::of(family, "input").iptables;
    let removals = rules.iter().map(|rule| undo(&rule.replace(" -I ", " -D "))).collect::<Vec<_>>();
    Advice {
        is_alternative: true,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Or the same with {program}, where that is what fills the firewall. To keep it over a reboot, save it with \
             {program}-save."
        ),
        commands: rules.into_iter().chain(removals).collect(),
    }
}

/// Rules that admit exactly the ICMP errors that must not be dropped (RFC 4890, 4.3.1; the same kinds in IPv4).
pub(crate) struct Rules {
    /// For nftables, in the table that distributions set up.
    pub(crate) nft: String,
    /// For iptables or ip6tables.
    pub(crate) iptables: Vec<String>,
}

impl Rules {
    /// In the chain of this hook: `input`, `forward` or `output`.
    pub(crate) fn of(family: Family, hook: &str) -> Self {
        let program = iptables(family);
        let rules = iptables_rules(&hook.to_uppercase(), family);
        Self {
            nft: format!("nft insert rule inet filter {hook} {} accept", nft_match(family)),
            iptables: rules.iter().map(|rule| format!("{program} -I {rule}")).collect(),
        }
    }
}

fn nft_match(family: Family) -> &'static str {
    match family {
        Family::V4 => "icmp type { destination-unreachable, time-exceeded, parameter-problem }",
        Family::V6 => "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
    }
}

fn iptables(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

/// Rules without their verb.
fn iptables_rules(chain: &str, family: Family) -> Vec<String> {
    let (protocol, option, types): (_, _, &[&str]) = match family {
        Family::V4 => ("icmp", "--icmp-type", &["destination-unreachable", "time-exceeded", "parameter-problem"]),
        Family::V6 => (
            "ipv6-icmp",
            "--icmpv6-type",
            &["packet-too-big", "destination-unreachable", "time-exceeded", "parameter-problem"],
        ),
    };
    types.iter().map(|kind| format!("{chain} -p {protocol} {option} {kind} -j ACCEPT")).collect()
}
