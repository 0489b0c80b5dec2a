//! One line of iptables-save: does it match, and where does it lead?

use std::iter::Peekable;
use std::net::IpAddr;

use crate::firewall::message::{ArrivingPtb, is_in};
use crate::firewall::syn_ack::{SynAck, has_flags};
use crate::firewall::truth::Truth;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) truth: Truth,
    pub(super) target: Option<RuleTarget>,
}

/// `-j` or `-g`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleTarget {
    pub(super) name: String,
    pub(super) is_goto: bool,
}

/// Reads the words after `-A CHAIN`. What stands behind the target tells about the target.
pub(super) fn read(words: &[String], arrival: &ArrivingPtb<'_>) -> Spec {
    read_by(words, |name, values| option(name, values.first().copied().unwrap_or_default(), arrival))
}

/// The same for a SYN-ACK.
pub(super) fn read_for_syn_ack(words: &[String], packet: &SynAck<'_>) -> Spec {
    read_by(words, |name, values| option_of_syn_ack(name, values, packet))
}

fn read_by(words: &[String], holds: impl Fn(&str, &[&str]) -> Truth) -> Spec {
    let (mut truth, mut negated) = (Truth::Yes, false);
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        if word == "!" {
            negated = true;
            continue;
        }
        if let "-j" | "-g" | "--jump" | "--goto" = word {
            let is_goto = word.contains('g');
            let target = words.next().map(|name| RuleTarget { name: name.to_owned(), is_goto });
            return Spec { truth, target };
        }
        let values = if word == "--comment" { words.next().into_iter().collect() } else { values(&mut words) };
        let holds = holds(word, &values);
        truth = truth.and(if negated { holds.not() } else { holds });
        negated = false;
    }
    Spec { truth, target: None }
}

/// The words that belong to an option.
fn values<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Vec<&'a str> {
    std::iter::from_fn(|| words.next_if(|word| *word != "!" && !word.starts_with('-'))).collect()
}

fn option(name: &str, value: &str, arrival: &ArrivingPtb<'_>) -> Truth {
    match name {
        "-p" => protocol(value, arrival),
        "-s" => network(arrival.message.from, value),
        "-d" => network(arrival.message.to, value),
        "-i" => arrival.message.interface.map_or(Truth::Unknown, |own| is_name(own, value)),
        // On arrival there is no way out yet.
        "-o" => is_name("", value),
        // A PTB is no fragment. Ports are of TCP and UDP, whose `-p` has said no.
        "-f" | "--dport" | "--sport" | "--dports" | "--sports" | "--ports" | "--tcp-flags" | "--tcp-option" => {
            Truth::No
        }
        "-c" | "--comment" => Truth::Yes,
        "-m" => module(value),
        "--icmp-type" | "--icmpv6-type" => icmp_type(value, arrival),
        "--ctstate" | "--state" => {
            value.split(',').any(|state| state.eq_ignore_ascii_case(arrival.tracking.word())).into()
        }
        "--dst-type" => value.split(',').any(|kind| kind == "LOCAL").into(),
        "--pkt-type" => (value == "unicast").into(),
        _ => Truth::Unknown,
    }
}

fn option_of_syn_ack(name: &str, values: &[&str], packet: &SynAck<'_>) -> Truth {
    match (name, values) {
        ("-p", [value]) => matches!(*value, "tcp" | "6" | "all" | "0").into(),
        ("-s", [value]) => network(packet.from, value),
        ("-d", [value]) => network(packet.to, value),
        ("-i", [value]) => packet.interface.map_or(Truth::Unknown, |own| is_name(own, value)),
        ("--sport", [value]) => port(packet.port, value),
        ("--tcp-flags", [mask, wanted]) => has_flags(&flags(mask), &flags(wanted)).into(),
        ("-m", ["tcp" | "comment"]) | ("-c" | "--comment", _) => Truth::Yes,
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
fn port(own: u16, text: &str) -> Truth {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&own).into(),
        _ => Truth::Unknown,
    }
}

/// Modules whose options are read above: naming them matches.
fn module(name: &str) -> Truth {
    let known = ["icmp", "icmp6", "conntrack", "state", "comment", "addrtype", "pkttype", "tcp", "udp", "multiport"];
    if known.contains(&name) { Truth::Yes } else { Truth::Unknown }
}

fn protocol(value: &str, arrival: &ArrivingPtb<'_>) -> Truth {
    let own: &[&str] = if arrival.is_v4() { &["icmp", "1"] } else { &["ipv6-icmp", "icmpv6", "58"] };
    (own.contains(&value) || matches!(value, "all" | "0")).into()
}

fn network(address: IpAddr, text: &str) -> Truth {
    let (network, length) = text.split_once('/').unwrap_or((text, ""));
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let length = if length.is_empty() { Ok(whole) } else { length.parse() };
    match (network.parse(), length) {
        (Ok(network), Ok(length)) => is_in(address, network, length).into(),
        // A mask with holes.
        _ => Truth::Unknown,
    }
}

fn is_name(own: &str, pattern: &str) -> Truth {
    pattern.strip_suffix('+').map_or(own == pattern, |start| own.starts_with(start)).into()
}

/// `TYPE` or `TYPE/CODE` in numbers, as iptables-save writes them.
fn icmp_type(value: &str, arrival: &ArrivingPtb<'_>) -> Truth {
    if matches!(value, "any" | "255") {
        return Truth::Yes;
    }
    let (kind, code) = value.split_once('/').map_or((value, None), |(kind, code)| (kind, Some(code)));
    let is = |text: &str, own: u64| text.parse::<u64>().map_or(Truth::Unknown, |number| (number == own).into());
    is(kind, arrival.icmp_type()).and(code.map_or(Truth::Yes, |code| is(code, arrival.icmp_code())))
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

    fn check(v6: bool, line: &str) -> Spec {
        let (from, to) = if v6 { ("fd00::9", "fd00::1") } else { ("192.0.2.9", "10.0.0.1") };
        let parse = |text: &str| text.parse().expect("an address");
        let message = Message { from: parse(from), to: parse(to), interface: Some("eth0"), mtu: 1400 };
        read(&words(line), &ArrivingPtb { message, tracking: Tracking::Related })
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
            assert_eq!(check(v6, line).truth, expected, "{line}");
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
            assert_eq!(read_for_syn_ack(&words(line), &packet).truth, expected, "{line}");
        }
    }

    #[test]
    fn the_target_ends_the_matches() {
        let target = |name: &str, is_goto| Some(RuleTarget { name: name.into(), is_goto });
        assert_eq!(check(false, "-j REJECT --reject-with icmp-port-unreachable").target, target("REJECT", false));
        assert_eq!(check(false, "-g inner").target, target("inner", true));
        assert_eq!(check(false, "-j").target, None);
    }
}
