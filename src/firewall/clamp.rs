//! Which rule of this host lowers the MSS that a server announces, on its way from the interface to this host's TCP?
//!
//! What such a rule looks at is compared as far as addresses go: a rule about other addresses is left out.

use super::iptables::Saved;
use super::nft;
use super::syn_ack::SynAck;
use crate::model::{ClampRule, RulesetText};

/// The rules that may lower it to `mss`.
pub fn find_clamps(rules: &RulesetText, packet: SynAck, mss: u16) -> Vec<ClampRule> {
    let nft = nft::Ruleset::read(&rules.nft_json, &rules.nft_text);
    let by_nft = nft.iter().flat_map(|nft| nft.clamps(packet));
    let by_iptables = rules.iptables.iter().flat_map(|saved| Saved::read(saved).clamps(packet));
    by_nft.chain(by_iptables).filter(|clamp| clamp.mss.is_none_or(|set| set == mss)).collect()
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
        let rules = RulesetText { nft_json: NFT.into(), nft_text: String::new(), iptables: vec![saved] };
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        let to = if from.contains(':') { "2001:db8::1" } else { "198.51.100.2" };
        let packet = SynAck { from: parse(from), to: parse(to) };
        find_clamps(&rules, packet, mss).into_iter().map(|clamp| (clamp.place, clamp.undo)).collect()
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
