//! Linux, whatever fills its firewall.

use super::task::ClampBy;
use crate::model::{Family, PacketSize, needed_errors};
use crate::report::advice::icmp_errors::{iptables, iptables_rule, nft_match};
use crate::report::advice::undo::undo;

/// What a comment begins with that says how to keep what was typed.
pub(in crate::report::advice) const KEEP: &str = "# to keep it over a reboot: ";

/// A table of its own, so it needs no knowledge of those that are there.
const CLAMP_TABLE: &str = "pmtu_clamp_forward";

/// Admits ICMP errors in each chain of these hooks: an `accept` in a chain of its own would not overrule the others. Which chains there
/// are, nft says itself. Those of iptables are left to iptables, which would read such a rule as one for all of ICMP and save it so.
pub(super) fn admit(family: Family, hooks: &str) -> Vec<String> {
    let ip = match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    };
    let [icmp, types] = nft_match(family);
    let comment = format!("pmtu-{icmp}");
    vec![
        format!(
            "nft list chains | awk '/^table/{{f=$2;t=$3}} $1==\"chain\"{{c=$2}} f~/^({ip}|inet)$/&&f c!~/^ip6?[A-Z]+$/&&\
             /type filter hook ({hooks})/{{print f,t,c}}' | while read -r f t c; do nft -e insert rule $f $t $c {icmp} type \
             '{types}' accept comment {comment}; done"
        ),
        undo(&format!(
            "nft -a list ruleset | awk '/^table/{{f=$2;t=$3}} $1==\"chain\"{{c=$2}} /comment \"{comment}\"/{{print f,t,c,$NF}}' | \
             while read -r f t c h; do nft delete rule $f $t $c handle $h; done"
        )),
    ]
}

pub(super) fn admit_by_iptables(family: Family, chains: &str) -> Vec<String> {
    let program = iptables(family);
    let (types, rule) = (needed_errors(family).join(" "), iptables_rule(family, "$t"));
    let all = |verb: &str| format!("for c in {chains}; do for t in {types}; do {program} {verb} $c {rule}; done; done");
    vec![all("-I"), undo(&all("-D"))]
}

/// `rt mtu` is the smaller one of the routes to both ends, so one rule serves both ways (net/netfilter/nft_rt.c).
pub(super) fn clamp(family: Family, size: PacketSize, by: ClampBy) -> Vec<String> {
    let (protocol, mss) = (nfproto(family), size.to_mss(family));
    let (rule, note) = match by {
        ClampBy::Route => (
            "tcp flags syn tcp option maxseg size set rt mtu".to_owned(),
            Some(format!("# if the small link is not one of its own: {mss} in place of \"rt mtu\"")),
        ),
        ClampBy::Number => (format!("meta nfproto {protocol} tcp flags syn tcp option maxseg size set {mss}"), None),
    };
    let mut commands = vec![
        format!("nft add table inet {CLAMP_TABLE}"),
        format!("nft add chain inet {CLAMP_TABLE} forward '{{ type filter hook forward priority -150; }}'"),
        format!("nft add rule inet {CLAMP_TABLE} forward {rule}"),
    ];
    commands.extend(note);
    commands.push(format!("{KEEP}nft list table inet {CLAMP_TABLE} >>/etc/nftables.conf"));
    commands.push(undo(&format!("nft delete table inet {CLAMP_TABLE}")));
    commands
}

pub(super) fn clamp_by_iptables(family: Family, size: PacketSize, by: ClampBy) -> Vec<String> {
    let (program, mss) = (iptables(family), size.to_mss(family));
    let to = match by {
        ClampBy::Route => "--clamp-mss-to-pmtu".to_owned(),
        ClampBy::Number => format!("--set-mss {mss}"),
    };
    let rule = |verb: &str| format!("{program} -t mangle {verb} FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS {to}");
    vec![rule("-A"), undo(&rule("-D"))]
}

fn nfproto(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}
