//! firewalld's own commands, each for now or for good.
//!
//! Its direct rules go to iptables, in front of its own. It leaves a table of nft alone that is not its own.

use super::clamp::Clamp;
use super::icmp_errors::iptables_rules;
use super::undo::undo;
use crate::model::{Family, needed_errors};
use crate::report::words::shell_word;

/// Without a word, a command acts until the next reload.
pub(super) const FOR_NOW: &str = "";

/// The word that makes a command one for good. It then acts from the next reload on.
pub(super) const FOR_GOOD: &str = "--permanent ";

/// A clamp that lasts. For now, a table of nft serves.
pub(super) fn clamp(clamp: &Clamp) -> Vec<String> {
    let rules = clamp.iptables_rules().into_iter().filter_map(|rule| {
        let (chain, rest) = rule.split_once(' ')?;
        Some(format!("mangle {chain} 0 {rest}"))
    });
    let rules = rules.collect::<Vec<_>>();
    let [add, remove] = direct_lines(clamp.family, FOR_GOOD, &rules);
    // Since the last restart or reload, it acts.
    let [_, remove_now] = direct_lines(clamp.family, FOR_NOW, &rules);
    [add, remove_now, remove].concat()
}

/// Whether a line ends what acts now, and leaves what lasts.
pub(super) fn is_for_now(line: &str) -> bool {
    line.contains("firewall-cmd --direct ")
}

/// In front of the direct rules that others made: smaller numbers come first.
pub(super) fn admit(family: Family, when: &str) -> Vec<String> {
    let rules = iptables_rules(family).into_iter().map(|rule| format!("filter INPUT -100 {rule}"));
    direct(family, when, &rules.collect::<Vec<_>>())
}

fn direct(family: Family, when: &str, rules: &[String]) -> Vec<String> {
    direct_lines(family, when, rules).concat()
}

/// The rules, and how to take them back.
fn direct_lines(family: Family, when: &str, rules: &[String]) -> [Vec<String>; 2] {
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let all = |verb: &'static str| {
        rules.iter().map(move |rule| format!("firewall-cmd {when}--direct {verb} {family} {rule}"))
    };
    [all("--add-rule").collect(), all("--remove-rule").map(|line| undo(&line)).collect()]
}

/// In front of the other rules of the interface's zone.
pub(super) fn admit_in_zone(family: Family, interface: Option<&str>, when: &str) -> Vec<String> {
    let zone = interface.map_or_else(String::new, |interface| {
        format!(
            "--zone=$(firewall-cmd --get-zone-of-interface={} 2>/dev/null || firewall-cmd --get-default-zone) ",
            shell_word(interface)
        )
    });
    let all = |verb: &'static str| {
        let zone = &zone;
        needed_errors(family).iter().map(move |kind| {
            format!("firewall-cmd {when}{zone}{verb}='rule priority=-100 icmp-type name={kind} accept'")
        })
    };
    all("--add-rich-rule").chain(all("--remove-rich-rule").map(|line| undo(&line))).collect()
}

/// It drops IPv6 packets by the address they come from, before anything can admit them.
pub(super) fn without_reverse_path_filter() -> Vec<String> {
    let set = |value: &str| {
        format!(
            "sed -i 's/^IPv6_rpfilter=.*/IPv6_rpfilter={value}/' /etc/firewalld/firewalld.conf; firewall-cmd --reload"
        )
    };
    vec![set("no"), undo(&set("yes"))]
}
