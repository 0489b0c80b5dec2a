//! Rules that let exactly the ICMP errors pass that a host must not drop (RFC 4890, section 4.3.1; the same in IPv4).

use std::net::IpAddr;

use crate::model::{Family, needed_errors};

/// The comment that marks the rule in nft's listing, so that the undo finds it.
const COMMENT: &str = "pmtu-probe";

/// Where an nft rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Before(u64),
    Start,
    End,
}

/// `chain` is family, table and chain, as in `inet filter input`.
pub(super) fn with_nft(chain: [&str; 3], position: Position, family: Family) -> Vec<String> {
    if !chain.iter().all(|name| is_plain(name)) {
        return Vec::new();
    }
    let chain = chain.join(" ");
    let icmp = match family {
        Family::V4 => "icmp",
        Family::V6 => "icmpv6",
    };
    let kinds = needed_errors(family).join(", ");
    let place = match position {
        Position::Before(handle) => format!("insert rule {chain} handle {handle}"),
        Position::Start => format!("insert rule {chain}"),
        Position::End => format!("add rule {chain}"),
    };
    let delete = format!("/comment \"{COMMENT}\"/ {{ print \"delete rule {chain} handle \" $NF }}");
    vec![
        format!("nft {place} {icmp} type {{ {kinds} }} accept comment {COMMENT}"),
        format!("# undo: nft -a list chain {chain} | awk '{delete}' | nft -f -"),
    ]
}

/// `number`: before the rule of this number; `None`: after the last one.
pub(super) fn with_iptables(
    program: &str,
    table: &str,
    chain: &str,
    number: Option<usize>,
    family: Family,
) -> Vec<String> {
    if !(is_plain(program) && is_plain(table) && is_plain(chain)) {
        return Vec::new();
    }
    let table = if table == "filter" { String::new() } else { format!(" -t {table}") };
    let (protocol, option) = match family {
        Family::V4 => ("icmp", "--icmp-type"),
        Family::V6 => ("ipv6-icmp", "--icmpv6-type"),
    };
    let kinds = needed_errors(family);
    let rule = |kind: &str| format!("-p {protocol} {option} {kind} -j ACCEPT");
    let at = number.map_or_else(|| format!("-A {chain}"), |number| format!("-I {chain} {number}"));
    let admit = kinds.iter().map(|kind| format!("{program}{table} {at} {}", rule(kind)));
    let undo = kinds.iter().map(|kind| format!("# undo: {program}{table} -D {chain} {}", rule(kind)));
    admit.chain(undo).collect()
}

/// Takes a rule out again, or the table if it holds nothing else.
pub(super) fn without_nft(chain: [&str; 3], handle: u64, is_alone: bool) -> Vec<String> {
    if !chain.iter().all(|name| is_plain(name)) {
        return Vec::new();
    }
    let [family, table, name] = chain;
    vec![if is_alone {
        format!("nft delete table {family} {table}")
    } else {
        format!("nft delete rule {family} {table} {name} handle {handle}")
    }]
}

/// Takes an address out of the named set that a rule looks at, or the table away if it holds no other.
pub(super) fn out_of_set(set: [&str; 3], address: IpAddr, is_alone: bool) -> Vec<String> {
    if !set.iter().all(|name| is_plain(name)) {
        return Vec::new();
    }
    let [family, table, name] = set;
    vec![if is_alone {
        format!("nft delete table {family} {table}")
    } else {
        format!("nft delete element {family} {table} {name} '{{ {address} }}'")
    }]
}

/// Takes a rule of table `mangle` out again. `rule`: the line as iptables-save prints it.
pub(super) fn without_iptables(program: &str, rule: &str) -> Vec<String> {
    let is_plain_rule =
        !rule.contains(['"', '\'', '\\', '`', '$', ';', '&', '|', '<', '>', '(', ')', '*', '?', '#', '\n']);
    let rest = rule.strip_prefix("-A ").filter(|_| is_plain(program) && is_plain_rule);
    rest.map(|rest| format!("{program} -t mangle -D {rest}")).into_iter().collect()
}

/// Whether a name means itself to a shell and to nft. Others are possible, so without quotes nothing is said.
fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':' | '+');
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain)
}
