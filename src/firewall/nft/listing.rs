//! `nft -a list ruleset`: the words of the rules, and what older versions leave out of their JSON.

use std::collections::{BTreeMap, BTreeSet};

/// The listing, by family, table and then handle or chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    rules: BTreeMap<(String, String, u64), String>,
    hooks: BTreeMap<(String, String, String), String>,
    dormant: BTreeSet<(String, String)>,
}

impl Listing {
    pub(super) fn read(text: &str) -> Self {
        let mut listing = Self::default();
        let mut table = (String::new(), String::new());
        let (mut chain, mut rule) = (None, String::new());
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match (&words[..], &chain) {
                (["table", family, name, ..], _) if !line.starts_with('\t') => {
                    table = ((*family).to_owned(), (*name).to_owned());
                }
                (["flags", flags @ ..], None) if flags.iter().any(|flag| flag.starts_with("dormant")) => {
                    listing.dormant.insert(table.clone());
                }
                (["chain", name, ..], None) => chain = Some((*name).to_owned()),
                (["}"], Some(_)) if line == "\t}" => chain = None,
                (["type", ..], Some(name)) if line.ends_with(';') => {
                    let place = (table.0.clone(), table.1.clone(), name.clone());
                    listing.hooks.insert(place, words.join(" "));
                }
                (_, Some(_)) => listing.add_line(&table, &words, &mut rule),
                _ => {}
            }
        }
        listing
    }

    /// Long sets go over several lines; a rule ends with its handle.
    fn add_line(&mut self, table: &(String, String), words: &[&str], rule: &mut String) {
        let (words, handle) = match words {
            [words @ .., "#", "handle", handle] => (words, handle.parse().ok()),
            words => (words, None),
        };
        if !rule.is_empty() && !words.is_empty() {
            rule.push(' ');
        }
        rule.push_str(&words.join(" "));
        if let Some(handle) = handle {
            self.rules.insert((table.0.clone(), table.1.clone(), handle), std::mem::take(rule));
        }
    }

    pub(super) fn rule(&self, family: &str, table: &str, handle: u64) -> Option<&str> {
        self.rules.get(&(family.to_owned(), table.to_owned(), handle)).map(String::as_str)
    }

    /// `type filter hook ingress device "eth0" priority filter; policy accept;`
    pub(super) fn hook(&self, family: &str, table: &str, chain: &str) -> Option<&str> {
        self.hooks.get(&(family.to_owned(), table.to_owned(), chain.to_owned())).map(String::as_str)
    }

    /// Whether the table is switched off.
    pub(super) fn is_dormant(&self, family: &str, table: &str) -> bool {
        self.dormant.contains(&(family.to_owned(), table.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hooks_and_flags_are_found() {
        let text = "table inet f { # handle 3\n\tflags dormant\n\n\tset s { # handle 2\n\t\ttype ipv4_addr\n\t}\n\n\
                    \tchain y { # handle 1\n\t\ttype filter hook ingress device \"lo\" priority filter; policy accept;\n\
                    \t\tip saddr { 10.0.0.1,\n\t\t\t   10.0.0.2 } drop # handle 7\n\t\tcounter packets 0 bytes 0 # handle 8\n\
                    \t}\n}\ntable ip6 f { # handle 4\n\tchain y { # handle 1\n\t\tdrop # handle 7\n\t}\n}\n";
        let listing = Listing::read(text);
        assert_eq!(listing.rule("inet", "f", 7), Some("ip saddr { 10.0.0.1, 10.0.0.2 } drop"));
        assert_eq!(listing.rule("inet", "f", 8), Some("counter packets 0 bytes 0"));
        assert_eq!(listing.rule("ip6", "f", 7), Some("drop"));
        assert_eq!(listing.rule("inet", "f", 2), None, "a set");
        assert!(listing.is_dormant("inet", "f") && !listing.is_dormant("ip6", "f"));
        let hook = listing.hook("inet", "f", "y").expect("a hook");
        assert!(hook.contains("device \"lo\""), "{hook}");
    }
}
