//! The left side of a match: what the message has there.

use std::net::IpAddr;

use super::names::{ICMP_CODES, ICMP_TYPES, ICMPV6_CODES, ICMPV6_TYPES, NONE, Names, PROTOCOLS};
use super::term::Term;
use crate::firewall::message::ArrivingPtb;

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact<'a> {
    /// Not known here.
    Unknown,
    /// The message has no such thing, so the rule does not match, whatever it compares with.
    Absent,
    /// A name that may be matched by its beginning.
    Name(&'a str),
    /// One thing, with its other names.
    Word(&'static [&'static str]),
    Number(u64, Names),
    Address(IpAddr),
    Tuple(Vec<Fact<'a>>),
}

pub(super) fn fact<'a>(left: &Term, arrival: &ArrivingPtb<'a>) -> Fact<'a> {
    let Some((kind, inside)) = left.entry() else { return Fact::Unknown };
    match kind {
        "meta" => meta(key(inside), arrival),
        "payload" => payload(inside.text("protocol"), inside.text("field"), arrival),
        "ct" if inside.get("dir").is_none() && key(inside) == "state" => state(arrival),
        "fib" => fib(inside),
        "concat" => Fact::Tuple(list(inside).iter().map(|part| fact(part, arrival)).collect()),
        // Arithmetic: of something absent there is no result.
        "&" | "|" | "^" | "<<" | ">>" => match list(inside).first().map(|first| fact(first, arrival)) {
            Some(Fact::Absent) => Fact::Absent,
            _ => Fact::Unknown,
        },
        _ => Fact::Unknown,
    }
}

fn meta<'a>(key: &str, arrival: &ArrivingPtb<'a>) -> Fact<'a> {
    match key {
        "l4proto" => Fact::Number(arrival.protocol(), PROTOCOLS),
        "nfproto" => Fact::Word(if arrival.is_v4() { &["ipv4"] } else { &["ipv6"] }),
        "protocol" => Fact::Word(if arrival.is_v4() { &["ip"] } else { &["ip6"] }),
        "iifname" | "iif" => arrival.message.interface.map_or(Fact::Unknown, Fact::Name),
        // On arrival there is none yet.
        "oifname" | "oif" => Fact::Name(""),
        "pkttype" => Fact::Word(&["host", "unicast"]),
        _ => Fact::Unknown,
    }
}

fn payload<'a>(protocol: &str, field: &str, arrival: &ArrivingPtb<'a>) -> Fact<'a> {
    let message = &arrival.message;
    let is_absent = match protocol {
        "ip" | "icmp" => !arrival.is_v4(),
        "ip6" | "icmpv6" => arrival.is_v4(),
        "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "ah" | "esp" | "comp" | "igmp" | "arp" => true,
        _ => return Fact::Unknown,
    };
    if is_absent {
        return Fact::Absent;
    }
    match (protocol, field) {
        ("ip" | "ip6", "saddr") => Fact::Address(message.from),
        ("ip" | "ip6", "daddr") => Fact::Address(message.to),
        ("ip", "protocol") | ("ip6", "nexthdr") => Fact::Number(arrival.protocol(), PROTOCOLS),
        ("ip", "version") => Fact::Number(4, NONE),
        ("ip6", "version") => Fact::Number(6, NONE),
        ("icmp", "type") => Fact::Number(arrival.icmp_type(), ICMP_TYPES),
        ("icmp", "code") => Fact::Number(arrival.icmp_code(), ICMP_CODES),
        ("icmpv6", "type") => Fact::Number(arrival.icmp_type(), ICMPV6_TYPES),
        ("icmpv6", "code") => Fact::Number(arrival.icmp_code(), ICMPV6_CODES),
        ("icmp" | "icmpv6", "mtu") => Fact::Number(message.mtu.into(), NONE),
        _ => Fact::Unknown,
    }
}

fn state<'a>(arrival: &ArrivingPtb<'a>) -> Fact<'a> {
    use crate::firewall::message::Tracking::{Invalid, Related, Untracked};
    Fact::Word(match arrival.tracking {
        Related => &["related"],
        Invalid => &["invalid"],
        Untracked => &["untracked"],
    })
}

/// The message is for an address of this host; its other looks into the routing tables are not repeated here.
fn fib(inside: &Term) -> Fact<'static> {
    let flags = inside.get("flags").map(Term::words).unwrap_or_default();
    let of_destination = flags.contains(&"daddr") && flags.iter().all(|flag| matches!(*flag, "daddr" | "iif"));
    if of_destination && inside.text("result") == "type" { Fact::Word(&["local"]) } else { Fact::Unknown }
}

fn key(inside: &Term) -> &str {
    inside.as_str().unwrap_or_else(|| inside.text("key"))
}

fn list(inside: &Term) -> &[Term] {
    inside.as_list().unwrap_or_default()
}
