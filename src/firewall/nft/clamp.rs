//! Rules that set the MSS of a SYN-ACK.

use super::compare::{Sets, compare};
use super::fact::Fact;
use super::names::{NONE, PROTOCOLS};
use super::term::Term;
use crate::firewall::syn_ack::{FLAGS, SynAck, has_flags};
use crate::firewall::truth::Truth;

/// What a rule sets the MSS to; `None`: it does not set it. It need not be a number.
pub(super) fn sets_mss(expression: &[Term]) -> Option<&Term> {
    expression.iter().filter_map(|statement| statement.get("mangle")).find_map(|mangle| {
        let option = mangle.get("key").and_then(|key| key.get("tcp option")).and_then(|option| option.get("name"));
        mangle.get("value").filter(|_| option.and_then(Term::as_str) == Some("maxseg"))
    })
}

/// A number as an MSS.
pub(super) fn as_mss(value: &Term) -> Option<u16> {
    u16::try_from(value.as_u64()?).ok()
}

/// The named set in which a rule looks for the source of the packet.
pub(super) fn set_of_sources(expression: &[Term]) -> Option<&str> {
    let matches = expression.iter().filter_map(|statement| statement.get("match"));
    let mut sources = matches.filter(|inside| {
        let field = inside.get("left").and_then(|left| left.get("payload"));
        field.is_some_and(|field| field.text("field") == "saddr") && inside.text("op") != "!="
    });
    sources.find_map(|inside| inside.get("right")?.as_str()?.strip_prefix('@'))
}

/// Whether a rule may end the way of packets through its chain, or lead them to another.
pub(super) fn leads_away(expression: &[Term]) -> bool {
    let kinds = expression.iter().filter_map(Term::entry).map(|(kind, _)| kind);
    let ends = ["accept", "drop", "reject", "queue", "return", "jump", "goto", "vmap", "xt"];
    kinds.into_iter().any(|kind| ends.contains(&kind))
}

/// Whether what a rule says before its statements holds for the packet.
pub(super) fn concerns<'a>(expression: &[Term], packet: &SynAck<'a>, sets: &Sets<'_, 'a>) -> Truth {
    Truth::all(expression.iter().map(|statement| {
        let Some((kind, inside)) = statement.entry() else {
            return Truth::Unknown;
        };
        match kind {
            "match" => holds(inside, packet, sets),
            "mangle" | "counter" | "log" | "comment" => Truth::Yes,
            _ => Truth::Unknown,
        }
    }))
}

fn holds<'a>(inside: &Term, packet: &SynAck<'a>, sets: &Sets<'_, 'a>) -> Truth {
    let (Some(left), Some(right)) = (inside.get("left"), inside.get("right")) else { return Truth::Unknown };
    let operator = inside.get("op").and_then(Term::as_str).unwrap_or("==");
    if let Some(masked) = left.get("&").and_then(Term::as_list) {
        return match masked {
            [field, mask] if is_flags(field) && operator == "==" => has_flags(&words(mask), &words(right)).into(),
            _ => Truth::Unknown,
        };
    }
    if is_flags(left) {
        // Without a mask: any of the flags is set.
        let is_any = words(right).iter().any(|flag| FLAGS.contains(flag));
        return if operator == "in" { is_any.into() } else { Truth::Unknown };
    }
    compare(&fact(left, packet), operator, right, sets)
}

fn fact<'a>(left: &Term, packet: &SynAck<'a>) -> Fact<'a> {
    if let Some(meta) = left.get("meta") {
        let is_v4 = packet.from.is_ipv4();
        return match meta.text("key") {
            "l4proto" => Fact::Number(6, PROTOCOLS),
            "nfproto" => Fact::Word(if is_v4 { &["ipv4"] } else { &["ipv6"] }),
            "protocol" => Fact::Word(if is_v4 { &["ip"] } else { &["ip6"] }),
            "iifname" | "iif" => packet.interface.map_or(Fact::Unknown, Fact::Name),
            _ => Fact::Unknown,
        };
    }
    let Some(payload) = left.get("payload") else { return Fact::Unknown };
    match (payload.text("protocol"), payload.text("field")) {
        ("ip" | "ip6" | "icmp" | "icmpv6", _) if payload.text("protocol") != packet.family() => Fact::Absent,
        ("udp" | "udplite" | "sctp" | "dccp", _) => Fact::Absent,
        ("ip" | "ip6", "saddr") => Fact::Address(packet.from),
        ("ip" | "ip6", "daddr") => Fact::Address(packet.to),
        ("ip", "protocol") | ("ip6", "nexthdr") => Fact::Number(6, PROTOCOLS),
        ("tcp" | "th", "sport") => Fact::Number(packet.port.into(), NONE),
        _ => Fact::Unknown,
    }
}

fn is_flags(left: &Term) -> bool {
    left.get("payload").is_some_and(|field| field.text("protocol") == "tcp" && field.text("field") == "flags")
}

/// One word, several, or several joined by `|`.
fn words(value: &Term) -> Vec<&str> {
    value.get("|").unwrap_or(value).words()
}
