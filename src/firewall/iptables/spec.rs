//! One line of iptables-save: does it match, and where does it lead?

use std::iter::Peekable;
use std::net::IpAddr;

use crate::firewall::message::{ArrivingPtb, Tracking, is_in};
use crate::firewall::steps::Steps;
use crate::firewall::syn_ack::{SynAck, has_flags};
use crate::firewall::truth::Truth;
use crate::firewall::walk::ChainId;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    tests: Box<[Test]>,
    pub(super) target: Option<RuleTarget>,
}

/// `-j` or `-g`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleTarget {
    Accept,
    Drop,
    Return,
    SetsMss,
    /// A chain, if there is one of that name; else a target that everything passes.
    Chain {
        chain: ChainId,
        is_goto: bool,
    },
}

/// An option, and whether a `!` stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Test {
    is_negated: bool,
    of: Look,
}

/// What an option looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Protocol(Protocol),
    Source(IpAddr, u8),
    Destination(IpAddr, u8),
    InInterface(Box<str>),
    /// On arrival there is no way out yet.
    OutInterface(Box<str>),
    SourcePort(u16, u16),
    /// The mask and the flags of it that are set.
    Flags(Box<[Box<str>; 2]>),
    Icmp {
        kind: Option<u8>,
        code: Option<u8>,
    },
    State {
        related: bool,
        invalid: bool,
        untracked: bool,
    },
    /// Known of a message, and unknown of a SYN-ACK.
    OfMessage(bool),
    /// Naming a module whose options are read matches.
    Module {
        of_message: bool,
        of_syn_ack: bool,
    },
    Always,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    All,
    Icmp,
    Icmpv6,
    Tcp,
    Other,
}

impl Spec {
    /// Whether a message matches.
    pub(super) fn of_message(&self, arrival: &ArrivingPtb<'_>, steps: &Steps) -> Truth {
        self.by(steps, |test| of_message(test, arrival))
    }

    /// The same for a SYN-ACK.
    pub(super) fn of_syn_ack(&self, packet: &SynAck<'_>, steps: &Steps) -> Truth {
        self.by(steps, |test| of_syn_ack(test, packet))
    }

    fn by(&self, steps: &Steps, holds: impl Fn(&Look) -> Truth) -> Truth {
        let mut truth = Truth::Yes;
        for test in &self.tests {
            let holds = holds(&test.of);
            truth = truth.and(if test.is_negated { holds.not() } else { holds });
            if truth == Truth::No || !steps.take() {
                break;
            }
        }
        truth
    }

    /// The bytes that it takes beside itself, roughly.
    pub(super) fn size(&self) -> u64 {
        (self.tests.len() * (size_of::<Test>() + 8) + 16) as u64
    }
}

/// Reads the words after `-A CHAIN`. What stands behind the target tells about the target.
pub(super) fn read(words: &[String], chain: &mut dyn FnMut(&str) -> ChainId) -> Spec {
    let (mut tests, mut is_negated) = (Vec::new(), false);
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        if word == "!" {
            is_negated = true;
            continue;
        }
        if let "-j" | "-g" | "--jump" | "--goto" = word {
            let target = words.next().map(|name| target(name, word.contains('g'), chain));
            return Spec { tests: tests.into(), target };
        }
        let values = if word == "--comment" { words.next().into_iter().collect() } else { values(&mut words) };
        let of = option(word, &values);
        if of != Look::Always || is_negated {
            tests.push(Test { is_negated, of });
        }
        is_negated = false;
    }
    Spec { tests: tests.into(), target: None }
}

fn target(name: &str, is_goto: bool, chain: &mut dyn FnMut(&str) -> ChainId) -> RuleTarget {
    match name {
        // The program that reads the queue decides, not a rule.
        "ACCEPT" | "QUEUE" | "NFQUEUE" => RuleTarget::Accept,
        "DROP" | "REJECT" => RuleTarget::Drop,
        "RETURN" => RuleTarget::Return,
        "TCPMSS" => RuleTarget::SetsMss,
        name => RuleTarget::Chain { chain: chain(name), is_goto },
    }
}

/// The words that belong to an option.
fn values<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Vec<&'a str> {
    std::iter::from_fn(|| words.next_if(|word| *word != "!" && !word.starts_with('-'))).collect()
}

fn option(name: &str, values: &[&str]) -> Look {
    match (name, values) {
        ("-p", [value]) => Look::Protocol(protocol(value)),
        ("-s", [value]) => network(value).map_or(Look::Unknown, |(to, length)| Look::Source(to, length)),
        ("-d", [value]) => network(value).map_or(Look::Unknown, |(to, length)| Look::Destination(to, length)),
        ("-i", [value]) => Look::InInterface((*value).into()),
        ("-o", [value]) => Look::OutInterface((*value).into()),
        ("--sport", [value]) => port(value).map_or(Look::OfMessage(false), |(a, b)| Look::SourcePort(a, b)),
        ("--tcp-flags", [mask, wanted]) => Look::Flags(Box::new([(*mask).into(), (*wanted).into()])),
        // A PTB is no fragment. Ports are of TCP and UDP, whose `-p` has said no.
        ("-f" | "--dport" | "--sport" | "--dports" | "--sports" | "--ports" | "--tcp-flags" | "--tcp-option", _) => {
            Look::OfMessage(false)
        }
        ("-c" | "--comment", _) => Look::Always,
        ("-m", [value]) => module(value),
        ("--icmp-type" | "--icmpv6-type", [value]) => icmp_type(value),
        ("--ctstate" | "--state", [value]) => {
            let has = |state: Tracking| value.split(',').any(|word| word.eq_ignore_ascii_case(state.word()));
            let [related, invalid, untracked] = [Tracking::Related, Tracking::Invalid, Tracking::Untracked].map(has);
            Look::State { related, invalid, untracked }
        }
        ("--dst-type", [value]) => Look::OfMessage(value.split(',').any(|kind| kind == "LOCAL")),
        ("--pkt-type", [value]) => Look::OfMessage(*value == "unicast"),
        _ => Look::Unknown,
    }
}

fn of_message(test: &Look, arrival: &ArrivingPtb<'_>) -> Truth {
    let own = if arrival.is_v4() { Protocol::Icmp } else { Protocol::Icmpv6 };
    match test {
        Look::Protocol(protocol) => (*protocol == own || *protocol == Protocol::All).into(),
        Look::Source(network, length) => is_in(arrival.message.from, *network, u32::from(*length)).into(),
        Look::Destination(network, length) => is_in(arrival.message.to, *network, u32::from(*length)).into(),
        Look::InInterface(name) => arrival.message.interface.map_or(Truth::Unknown, |own| is_name(own, name)),
        Look::OutInterface(name) => is_name("", name),
        Look::SourcePort(..) | Look::Flags(_) => Truth::No,
        Look::Icmp { kind, code } => {
            let is = |wanted: &Option<u8>, own: u64| wanted.is_none_or(|wanted| u64::from(wanted) == own);
            (is(kind, arrival.icmp_type()) && is(code, arrival.icmp_code())).into()
        }
        Look::State { related, invalid, untracked } => match arrival.tracking {
            Tracking::Related => (*related).into(),
            Tracking::Invalid => (*invalid).into(),
            Tracking::Untracked => (*untracked).into(),
        },
        Look::OfMessage(holds) => (*holds).into(),
        Look::Module { of_message: true, .. } | Look::Always => Truth::Yes,
        Look::Module { .. } | Look::Unknown => Truth::Unknown,
    }
}

fn of_syn_ack(test: &Look, packet: &SynAck<'_>) -> Truth {
    match test {
        Look::Protocol(protocol) => matches!(protocol, Protocol::Tcp | Protocol::All).into(),
        Look::Source(network, length) => is_in(packet.from, *network, u32::from(*length)).into(),
        Look::Destination(network, length) => is_in(packet.to, *network, u32::from(*length)).into(),
        Look::InInterface(name) => packet.interface.map_or(Truth::Unknown, |own| is_name(own, name)),
        Look::SourcePort(first, last) => (*first..=*last).contains(&packet.port).into(),
        Look::Flags(both) => has_flags(&flags(&both[0]), &flags(&both[1])).into(),
        Look::Module { of_syn_ack: true, .. } | Look::Always => Truth::Yes,
        _ => Truth::Unknown,
    }
}

/// `SYN,RST`, `ALL` or `NONE`.
fn flags(text: &str) -> Vec<&str> {
    match text {
        "ALL" => vec!["FIN", "SYN", "RST", "PSH", "ACK", "URG"],
        "NONE" => Vec::new(),
        text => text.split(',').collect(),
    }
}

/// `25` or `25:587`.
fn port(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Modules whose options are read above.
fn module(name: &str) -> Look {
    let known = ["icmp", "icmp6", "conntrack", "state", "comment", "addrtype", "pkttype", "tcp", "udp", "multiport"];
    match (known.contains(&name), ["tcp", "comment"].contains(&name)) {
        (true, true) => Look::Always,
        (of_message, of_syn_ack) => Look::Module { of_message, of_syn_ack },
    }
}

fn protocol(value: &str) -> Protocol {
    match value {
        "all" | "0" => Protocol::All,
        "icmp" | "1" => Protocol::Icmp,
        "ipv6-icmp" | "icmpv6" | "58" => Protocol::Icmpv6,
        "tcp" | "6" => Protocol::Tcp,
        _ => Protocol::Other,
    }
}

/// `None`: a mask with holes.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (network, length) = text.split_once('/').unwrap_or((text, ""));
    let network: IpAddr = network.parse().ok()?;
    let whole = if network.is_ipv4() { 32 } else { 128 };
    Some((network, if length.is_empty() { whole } else { length.parse().ok()? }))
}

fn is_name(own: &str, pattern: &str) -> Truth {
    pattern.strip_suffix('+').map_or(own == pattern, |start| own.starts_with(start)).into()
}

/// `TYPE` or `TYPE/CODE` in numbers, as iptables-save writes them.
fn icmp_type(value: &str) -> Look {
    if matches!(value, "any" | "255") {
        return Look::Icmp { kind: None, code: None };
    }
    let (kind, code) = value.split_once('/').map_or((value, None), |(kind, code)| (kind, Some(code)));
    match (kind.parse(), code.map(str::parse)) {
        (Ok(kind), None) => Look::Icmp { kind: Some(kind), code: None },
        (Ok(kind), Some(Ok(code))) => Look::Icmp { kind: Some(kind), code: Some(code) },
        _ => Look::Unknown,
    }
}

/// What `--set-mss` says.
pub(super) fn sets_mss(line: &str) -> Option<u16> {
    let words = words(line);
    let at = words.iter().position(|word| word == "--set-mss")?;
    words.get(at + 1)?.parse().ok()
}

/// The words of a line. Words with blanks stand in double quotes, where a backslash takes a sign as it is.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' if is_quoted => word.get_or_insert_default().extend(signs.next()),
            sign if sign.is_whitespace() && !is_quoted => words.extend(word.take()),
            sign => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::Truth::{No, Unknown, Yes};
    use super::*;
    use crate::firewall::message::{Message, Tracking};

    fn check(v6: bool, line: &str) -> Truth {
        let (from, to) = if v6 { ("fd00::9", "fd00::1") } else { ("192.0.2.9", "10.0.0.1") };
        let parse = |text: &str| text.parse().expect("an address");
        let message = Message { from: parse(from), to: parse(to), interface: Some("eth0"), mtu: 1400 };
        spec(line).of_message(&ArrivingPtb { message, tracking: Tracking::Related }, &Steps::new(100))
    }

    fn spec(line: &str) -> Spec {
        read(&words(line), &mut |_| ChainId(7))
    }

    #[test]
    fn words_may_be_quoted() {
        assert_eq!(words(r#"a  "b c" "d\"e" "" f"#), ["a", "b c", "d\"e", "", "f"]);
    }

    #[test]
    fn matches_are_read() {
        for (v6, line, expected) in [
            (false, "", Yes),
            (false, "-p icmp -m icmp --icmp-type 3", Yes),
            (false, "-p icmp -m icmp --icmp-type 3/4", Yes),
            (false, "-p icmp -m icmp --icmp-type 3/1", No),
            (false, "-p icmp -m icmp ! --icmp-type 8", Yes),
            (false, "-p icmp -m icmp --icmp-type 8", No),
            (false, "-p tcp -m tcp --dport 22", No),
            (false, "! -p tcp", Yes),
            (true, "-p ipv6-icmp -m icmp6 --icmpv6-type 2", Yes),
            (true, "-p ipv6-icmp -m icmp6 --icmpv6-type 1", No),
            (true, "-s fd00::/8 -i eth+", Yes),
            (false, "-s 192.0.2.9/32 -i eth0", Yes),
            (false, "! -s 10.0.0.0/8 -d 10.0.0.1/32 ! -i lo", Yes),
            (false, "-s 10.0.0.0/255.0.255.0", Unknown),
            (false, "-o eth0", No),
            (false, "-f", No),
            (false, "-m conntrack --ctstate RELATED,ESTABLISHED", Yes),
            (false, "-m conntrack --ctstate ESTABLISHED", No),
            (false, "-m state --state INVALID", No),
            (false, "-m comment --comment \"-p tcp\"", Yes),
            (false, "-m comment --comment -x", Yes),
            (false, "-m comment --comment ! -s 10.0.0.0/8", No),
            (false, "-m limit --limit 1/sec --limit-burst 3", Unknown),
            (false, "-m set --match-set banned src", Unknown),
            (false, "-p tcp -m set --match-set banned src", No),
            (false, "-m addrtype --dst-type LOCAL", Yes),
            (false, "-m addrtype --dst-type BROADCAST", No),
        ] {
            assert_eq!(check(v6, line), expected, "{line}");
        }
    }

    #[test]
    fn matches_are_read_for_a_syn_ack() {
        let parse = |text: &str| text.parse().expect("an address");
        let packet = SynAck { from: parse("192.0.2.9"), port: 25, to: parse("10.0.0.1"), interface: Some("eth0") };
        for (line, expected) in [
            ("-s 192.0.2.9/32 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS", Yes),
            ("-s 192.0.2.8/32 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS", No),
            ("-p tcp -m tcp --sport 25 --tcp-flags SYN SYN", Yes),
            ("-p tcp -m tcp --sport 443 --tcp-flags SYN SYN", No),
            ("-p tcp -m tcp --sport 1:1023", Yes),
            ("-p tcp -m tcp --tcp-flags SYN,ACK SYN", No),
            ("-p tcp -m tcp --tcp-flags ALL SYN,ACK", Yes),
            ("-i eth+ -p tcp", Yes),
            ("! -i eth0 -p tcp", No),
            ("-p udp", No),
            ("-p tcp -m tcpmss --mss 1400:1500", Unknown),
            ("-p tcp -m mark --mark 0x1", Unknown),
        ] {
            assert_eq!(spec(line).of_syn_ack(&packet, &Steps::new(100)), expected, "{line}");
        }
    }

    #[test]
    fn the_target_ends_the_matches() {
        let chain = ChainId(7);
        assert_eq!(spec("-j REJECT --reject-with icmp-port-unreachable").target, Some(RuleTarget::Drop));
        assert_eq!(spec("-g inner").target, Some(RuleTarget::Chain { chain, is_goto: true }));
        assert_eq!(spec("-j inner").target, Some(RuleTarget::Chain { chain, is_goto: false }));
        assert_eq!(spec("-j").target, None);
    }
}
