//! ufw: what it has no words for stands in `/etc/ufw/before.rules` and `before6.rules`, which are read at each start and reload.

use super::super::clamp::Clamp;
use super::super::icmp_errors::{iptables, iptables_rules};
use super::super::undo::undo;
use crate::model::Family;
use crate::report::words::quoted;

/// A section of its own for the table. A reload adds the rules once more, which changes nothing.
pub(super) fn clamp(clamp: &Clamp) -> Vec<String> {
    let file = file(clamp.family);
    let mark = format!("# {MARK} {}", clamp.name());
    let rules = clamp.iptables_rules().into_iter().map(|rule| format!("-A {rule}"));
    let lines = [mark.clone(), "*mangle".into()].into_iter().chain(rules).chain(["COMMIT".into()]);
    let words = lines.map(|line| quoted(&line)).collect::<Vec<_>>().join(" ");
    // A restart and each reload have set the rule once.
    let program = iptables(clamp.family);
    let ends = clamp
        .iptables_rules()
        .into_iter()
        .map(|rule| undo(&format!("while {program} -t mangle -D {rule} 2>/dev/null; do :; done")));
    let append = format!("printf '%s\\n' {words} >>{file}");
    [append, undo(&format!("sed -i '/^{mark}$/,/^COMMIT$/d' {file}"))].into_iter().chain(ends).collect()
}

/// In front of all rules of its own.
pub(super) fn admit(family: Family) -> Vec<String> {
    let (file, chain) = match family {
        Family::V4 => (file(family), "ufw-before-input"),
        Family::V6 => (file(family), "ufw6-before-input"),
    };
    let append = iptables_rules(family).into_iter().map(|rule| {
        let rule = rule.replace(" -j ", &format!(" -m comment --comment {MARK} -j "));
        format!("sed -i '/^# End required lines/a -A {chain} {rule}' {file}")
    });
    // Since a restart or a reload, they act.
    append.chain([undo(&format!("sed -i '/--comment {MARK} /d' {file}")), undo("ufw reload")]).collect()
}

const MARK: &str = "pmtu-probe";

fn file(family: Family) -> &'static str {
    match family {
        Family::V4 => "/etc/ufw/before.rules",
        Family::V6 => "/etc/ufw/before6.rules",
    }
}
