//! Which rule of this host lowers the MSS that a server announces, on its way from the interface to this host's TCP?
//!
//! A rule that looks at something of other packets is left out; one whose tests are not all understood may be the one.

use super::rules::Rules;
use super::syn_ack::SynAck;
use crate::model::{ClampRule, RulesetText};

/// The rules that may lower it to `mss`, read for this one question.
pub fn find_clamps(rules: &RulesetText, packet: &SynAck<'_>, mss: u16) -> Vec<ClampRule> {
    Rules::read(rules.clone()).map(|rules| rules.clamps(packet, mss)).unwrap_or_default()
}

/// The lowest MSS that a rule sets for certain, whatever the server announces.
pub fn certain_clamp(rules: &RulesetText, packet: &SynAck<'_>) -> Option<u16> {
    Rules::read(rules.clone()).ok()?.certain_clamp(packet)
}

/// Rules that a report shows.
const MOST: usize = 20;

impl Rules {
    /// The rules that may lower it to `mss`.
    pub fn clamps(&self, packet: &SynAck<'_>, mss: u16) -> Vec<ClampRule> {
        let clamps = self.all_clamps(packet).into_iter();
        clamps.filter(|clamp| clamp.mss.is_none_or(|set| set == mss)).take(MOST).collect()
    }

    /// The lowest MSS that a rule sets for certain, whatever the server announces.
    pub fn certain_clamp(&self, packet: &SynAck<'_>) -> Option<u16> {
        self.all_clamps(packet).into_iter().filter(|clamp| clamp.is_certain).filter_map(|clamp| clamp.mss).min()
    }

    /// None where the rules are too many: what is not known to the end is not said.
    fn all_clamps(&self, packet: &SynAck<'_>) -> Vec<ClampRule> {
        let found = self.within_steps(|steps| {
            let by_nft = self.nft.iter().flat_map(|nft| nft.clamps(packet, steps));
            let by_iptables = self.iptables.iter().flat_map(|saved| saved.clamps(packet, steps));
            by_nft.chain(by_iptables).collect()
        });
        found.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::model::SavedTables;

    const NFT: &str = r#"{"nftables": [
        {"table": {"family": "inet", "name": "own", "handle": 1}},
        {"chain": {"family": "inet", "table": "own", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": -150}},
        {"chain": {"family": "inet", "table": "own", "name": "out", "handle": 2, "type": "filter", "hook": "output", "prio": -150}},
        {"rule": {"family": "inet", "table": "own", "chain": "in", "handle": 3, "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "192.0.2.25"}},
            {"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": 1360}}]}},
        {"rule": {"family": "inet", "table": "own", "chain": "in", "handle": 4, "expr": [
            {"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv6"}},
            {"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": 1340}}]}},
        {"rule": {"family": "inet", "table": "own", "chain": "out", "handle": 5, "expr": [
            {"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": 1360}}]}}]}"#;
    const IPTABLES: &str = "*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.0.2.25/32 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1350
-A INPUT -s 192.0.2.26/32 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1350
-A OUTPUT -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1350
COMMIT
";

    fn found(from: &str, mss: u16) -> Vec<(String, Vec<String>)> {
        let saved = SavedTables { program: "iptables".into(), in_nftables: false, text: IPTABLES.into() };
        let rules = RulesetText { nft_json: NFT.into(), iptables: vec![saved], ..RulesetText::default() };
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        let to = if from.contains(':') { "2001:db8::1" } else { "198.51.100.2" };
        let packet = SynAck { from: parse(from), port: 25, to: parse(to), interface: Some("eth0") };
        find_clamps(&rules, &packet, mss).into_iter().map(|clamp| (clamp.place, clamp.undo)).collect()
    }

    /// Rules of one chain, and the lowest MSS that they set for certain.
    fn certain(hook: &str, rules: &[&str]) -> Option<u16> {
        let head = format!(
            r#"{{"table": {{"family": "inet", "name": "own", "handle": 1}}}},
            {{"chain": {{"family": "inet", "table": "own", "name": "in", "handle": 1, "type": "filter", "hook": "{hook}", "prio": -150}}}}"#
        );
        let rule = |(at, rule): (usize, &&str)| {
            format!(
                r#"{{"rule": {{"family": "inet", "table": "own", "chain": "in", "handle": {at}, "expr": [{rule}]}}}}"#
            )
        };
        let rules: Vec<String> = std::iter::once(head).chain(rules.iter().enumerate().map(rule)).collect();
        let nft_json = format!(r#"{{"nftables": [{}]}}"#, rules.join(","));
        let rules = RulesetText { nft_json, ..RulesetText::default() };
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        let packet = SynAck { from: parse("192.0.2.25"), port: 25, to: parse("198.51.100.2"), interface: Some("eth0") };
        certain_clamp(&rules, &packet)
    }

    #[test]
    fn a_clamp_is_certain_where_all_is_known_that_leads_to_it() {
        const CLAMP: &str =
            r#"{"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": 1360}}"#;
        let from = |address: &str| {
            format!(
                r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "ip", "field": "saddr"}}}}, "right": "{address}"}}}}"#
            )
        };
        let sport = |port: u16| {
            format!(
                r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "tcp", "field": "sport"}}}}, "right": {port}}}}}"#
            )
        };
        let flags =
            r#"{"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "syn"}}"#;
        let masked = r#"{"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, {"|": ["syn", "rst"]}]}, "right": "syn"}}"#;
        let only_syn = r#"{"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]}, "right": "syn"}}"#;
        let mark = r#"{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 7}}"#;
        let accept = format!(r#"{}, {{"accept": null}}"#, sport(25));
        let accept_others = format!(r#"{}, {{"accept": null}}"#, sport(443));
        let by_route = r#"{"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": {"rt": {"key": "mtu"}}}}"#;
        let with = |parts: &[&str]| parts.join(", ");
        for (hook, rules, expected) in [
            ("input", vec![with(&[&from("192.0.2.25"), flags, CLAMP])], Some(1360)),
            ("prerouting", vec![with(&[masked, r#"{"counter": {"packets": 0, "bytes": 0}}"#, CLAMP])], Some(1360)),
            ("input", vec![with(&[&from("192.0.2.26"), flags, CLAMP])], None),
            ("input", vec![with(&[&sport(443), CLAMP])], None),
            ("input", vec![with(&[&sport(25), CLAMP])], Some(1360)),
            ("input", vec![with(&[only_syn, CLAMP])], None),
            ("input", vec![with(&[mark, CLAMP])], None),
            ("input", vec![accept, with(&[CLAMP])], None),
            ("input", vec![accept_others, with(&[CLAMP])], Some(1360)),
            ("input", vec![by_route.to_owned()], None),
            ("output", vec![with(&[CLAMP])], None),
        ] {
            let texts: Vec<&str> = rules.iter().map(String::as_str).collect();
            assert_eq!(certain(hook, &texts), expected, "{hook} {rules:?}");
        }
    }

    /// As this program advises it: the undo of one address leaves the others, and that of the last leaves nothing.
    #[test]
    fn an_address_is_taken_out_of_a_set_of_them() {
        let undo = |elements: &str| {
            let nft_json = format!(
                r#"{{"nftables": [
                {{"table": {{"family": "inet", "name": "pmtu_clamp", "handle": 1}}}},
                {{"set": {{"family": "inet", "table": "pmtu_clamp", "name": "ip_mss_1360", "type": "ipv4_addr", "elem": [{elements}]}}}},
                {{"chain": {{"family": "inet", "table": "pmtu_clamp", "name": "input", "handle": 2, "type": "filter", "hook": "input", "prio": -150}}}},
                {{"rule": {{"family": "inet", "table": "pmtu_clamp", "chain": "input", "handle": 4, "expr": [
                    {{"match": {{"op": "==", "left": {{"payload": {{"protocol": "ip", "field": "saddr"}}}}, "right": "@ip_mss_1360"}}}},
                    {{"mangle": {{"key": {{"tcp option": {{"name": "maxseg", "field": "size"}}}}, "value": 1360}}}}]}}}}]}}"#
            );
            let rules = RulesetText { nft_json, ..RulesetText::default() };
            let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
            let (from, to) = (parse("192.0.2.25"), parse("198.51.100.2"));
            let packet = SynAck { from, port: 25, to, interface: Some("eth0") };
            find_clamps(&rules, &packet, 1360).into_iter().flat_map(|clamp| clamp.undo).collect::<Vec<_>>()
        };
        let one = "nft delete element inet pmtu_clamp ip_mss_1360 '{ 192.0.2.25 }'";
        assert_eq!(undo(r#""192.0.2.24", "192.0.2.25""#), [one]);
        assert_eq!(undo(r#""192.0.2.25""#), ["nft delete table inet pmtu_clamp"]);
        assert_eq!(undo(r#""192.0.2.24""#), [""; 0]);
    }

    #[test]
    fn the_rule_of_this_family_address_and_mss_is_named() {
        let nft = |handle| {
            ("table inet own, chain in".to_owned(), vec![format!("nft delete rule inet own in handle {handle}")])
        };
        assert_eq!(found("192.0.2.25", 1360), [nft(3)]);
        assert_eq!(found("2001:db8::25", 1340), [nft(4)]);
        assert_eq!(found("192.0.2.26", 1360), []);
        let undo = "iptables -t mangle -D INPUT -s 192.0.2.25/32 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1350";
        assert_eq!(
            found("192.0.2.25", 1350),
            [("iptables table mangle, chain INPUT".to_owned(), vec![undo.to_owned()])]
        );
    }
}
