//! Firewalls drop the ICMP errors that PMTUD lives on: this host's own, or those on the way.

use super::case::Case;
use super::firewalld;
use super::icmp_errors::{iptables, iptables_rules};
use super::lasting;
use super::systems::admit_on_this_host;
use super::undo::undo;
use crate::model::{Advice, Blocker, Blockers, Cause, Family, FirewallManager, HostSystems, Who};
use crate::report::words::shell_word;

/// The repair on this host: before the rule that drops the message if it is known, else in the usual place.
pub(super) fn repair(case: &Case<'_>) -> Vec<Advice> {
    match &case.host.blockers {
        Blockers::Found(blockers) => {
            let mut advice: Vec<Advice> = blockers.iter().map(|blocker| admit_before(blocker, case)).collect();
            if advice.iter().any(|advice| advice.commands.is_empty()) {
                advice.extend(admit_errors(case));
            }
            advice
        }
        Blockers::NotSought => admit_errors(case),
        Blockers::Unreadable(reason) => {
            [look_for_the_rule(case, reason)].into_iter().chain(admit_errors(case)).collect()
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

fn admit_before(blocker: &Blocker, case: &Case<'_>) -> Advice {
    let systems = &case.host.systems;
    let which = format!(
        "This host's own firewall {} the message: {}, \"{}\".",
        if blocker.is_certain { "drops" } else { "probably drops" },
        blocker.place,
        blocker.rule
    );
    if systems.firewall == Some(FirewallManager::Firewalld) && blocker.place.contains("inet firewalld") {
        return in_firewalld(&which, blocker, case);
    }
    let dropped = lasting::what_drops_a_rule(systems);
    let lasting = lasting::admission(case.family(), systems);
    let unless = if lasting.is_empty() { " unless its configuration has it as well" } else { "" };
    Advice {
        is_alternative: false,
        lasting,
        who: Who::You,
        text: format!(
            "{which} Admit ICMP errors before that, then run pmtu-probe again. It lets in error messages only, and {dropped}{unless}."
        ),
        commands: blocker.remedy.clone(),
    }
}

/// firewalld's own rules: foreign ones in its table are refused, or gone after a reload.
fn in_firewalld(which: &str, blocker: &Blocker, case: &Case<'_>) -> Advice {
    let (text, commands, lasting) = if blocker.rule.contains("fib saddr") {
        (
            "It drops what comes from an address that is routed elsewhere, as a router on the way may be. Switch that check off for \
             IPv6, then run pmtu-probe again. It stays so after a reboot.",
            firewalld::without_reverse_path_filter(),
            Vec::new(),
        )
    } else {
        (
            "Admit ICMP errors in the zone, then run pmtu-probe again. It lets in error messages only, and is gone after a reboot or a \
             reload of firewalld.",
            firewalld::admit_in_zone(case.family(), case.host.interface.as_deref(), firewalld::FOR_NOW),
            lasting::in_zone(case.family(), case.host.interface.as_deref()),
        )
    };
    Advice { is_alternative: false, lasting, who: Who::You, text: format!("{which} {text}"), commands }
}

/// By a program that this host has.
pub(super) fn list_all_rules(case: &Case<'_>) -> &'static str {
    if case.host.systems.has_nft { "nft list ruleset" } else { saved_rules(case.family()) }
}

fn saved_rules(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables-save",
        Family::V6 => "ip6tables-save",
    }
}

fn look_for_the_rule(case: &Case<'_>, reason: &str) -> Advice {
    let save = saved_rules(case.family());
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
        commands: case
            .host
            .systems
            .has_nft
            .then_some("nft list ruleset")
            .into_iter()
            .chain([save])
            .map(str::to_owned)
            .collect(),
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

/// Where such rules usually stand, by what fills this host's firewall.
fn admit_errors(case: &Case<'_>) -> Vec<Advice> {
    let (family, systems) = (case.family(), &case.host.systems);
    match systems.firewall {
        Some(FirewallManager::Firewalld) => vec![with_firewalld(family, systems)],
        Some(FirewallManager::Nftables) => vec![with_nft(family, systems)],
        Some(FirewallManager::Ufw | FirewallManager::Iptables) => vec![with_iptables(family, systems)],
        None if !systems.has_nft => vec![with_iptables(family, systems)],
        None => {
            let other = with_iptables(family, systems);
            let text = format!("Or the same with {}, where that is what fills the firewall.", iptables(family));
            vec![with_nft(family, systems), Advice { is_alternative: true, text, ..other }]
        }
    }
}

const ADMIT: &str = "Admit ICMP errors in this host's firewall, then run pmtu-probe again.";

fn usual(text: String, commands: Vec<String>, lasting: Vec<String>) -> Advice {
    Advice { is_alternative: false, lasting, who: Who::You, text, commands }
}

fn with_nft(family: Family, systems: &HostSystems) -> Advice {
    let text = format!(
        "{ADMIT} This is for nftables, whatever its chains are called: it prints each rule that it inserts. It admits error messages \
         only, and {}.",
        lasting::what_drops_a_rule(systems)
    );
    usual(text, admit_on_this_host(family), lasting::admission(family, systems))
}

fn with_iptables(family: Family, systems: &HostSystems) -> Advice {
    let rules = Rules::of_input(family).iptables;
    let removals = rules.iter().map(|rule| undo(&rule.replace(" -I ", " -D "))).collect::<Vec<_>>();
    let text = format!("{ADMIT} It admits error messages only, and {}.", lasting::what_drops_a_rule(systems));
    usual(text, rules.into_iter().chain(removals).collect(), lasting::admission(family, systems))
}

fn with_firewalld(family: Family, systems: &HostSystems) -> Advice {
    let text = format!("{ADMIT} It admits error messages only, and is gone after a reboot or a reload of firewalld.");
    usual(text, firewalld::admit(family, firewalld::FOR_NOW), lasting::admission(family, systems))
}

/// Rules that admit exactly the ICMP errors that must not be dropped (RFC 4890, 4.3.1; the same kinds in IPv4).
pub(crate) struct Rules {
    /// For nftables.
    pub(crate) nft: String,
    /// For iptables or ip6tables.
    pub(crate) iptables: Vec<String>,
}

impl Rules {
    /// In the chains of a host that what arrives has to pass.
    pub(crate) fn of_input(family: Family) -> Self {
        let program = iptables(family);
        Self {
            nft: admit_on_this_host(family).into_iter().take(1).collect(),
            iptables: iptables_rules(family).iter().map(|rule| format!("{program} -I INPUT {rule}")).collect(),
        }
    }
}
