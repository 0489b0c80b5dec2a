//! `nft -a list ruleset`: the words of the rules, and what older versions leave out of their JSON.

use std::collections::BTreeMap;

/// The listing, by family and table.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    tables: BTreeMap<(String, String), ListedTable>,
}

#[derive(Clone, Debug, Default)]
struct ListedTable {
    /// By handle.
    rules: BTreeMap<u64, Box<str>>,
    /// By chain.
    hooks: BTreeMap<String, String>,
    is_dormant: bool,
}

/// Nobody reads on in a rule that is longer, with a set of thousands in it.
const LONGEST: usize = 600;

impl Listing {
    pub(super) fn read(text: &str) -> Self {
        let mut listing = Self::default();
        let mut table = &mut ListedTable::default();
        let (mut chain, mut rule) = (None::<String>, String::new());
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next(), &chain) {
                (Some("table"), Some(family), Some(name), _) if !line.starts_with('\t') => {
                    table = listing.tables.entry((family.to_owned(), name.to_owned())).or_default();
                }
                (Some("flags"), Some(flag), _, None) if flag.starts_with("dormant") => table.is_dormant = true,
                (Some("flags"), _, Some(flag), None) if flag.starts_with("dormant") => table.is_dormant = true,
                (Some("chain"), Some(name), _, None) => chain = Some(name.to_owned()),
                (Some("}"), None, _, Some(_)) if line == "\t}" => chain = None,
                (Some("type"), _, _, Some(name)) if line.ends_with(';') => {
                    let hook: Vec<&str> = line.split_whitespace().collect();
                    table.hooks.insert(name.clone(), hook.join(" "));
                }
                (.., Some(_)) => table.add_line(line.trim(), &mut rule),
                _ => {}
            }
        }
        listing
    }

    pub(super) fn rule(&self, family: &str, table: &str, handle: u64) -> Option<&str> {
        self.table(family, table)?.rules.get(&handle).map(|rule| &**rule)
    }

    /// `type filter hook ingress device "eth0" priority filter; policy accept;`
    pub(super) fn hook(&self, family: &str, table: &str, chain: &str) -> Option<&str> {
        self.table(family, table)?.hooks.get(chain).map(String::as_str)
    }

    /// Whether the table is switched off.
    pub(super) fn is_dormant(&self, family: &str, table: &str) -> bool {
        self.table(family, table).is_some_and(|table| table.is_dormant)
    }

    fn table(&self, family: &str, table: &str) -> Option<&ListedTable> {
        self.tables.get(&(family.to_owned(), table.to_owned()))
    }
}

impl ListedTable {
    /// Long sets go over several lines; a rule ends with its handle.
    fn add_line(&mut self, line: &str, rule: &mut String) {
        let end = line.rsplit_once("# handle ").filter(|(before, _)| before.is_empty() || before.ends_with(' '));
        let handle = end.and_then(|(_, handle)| handle.trim().parse().ok());
        let words = end.filter(|_| handle.is_some()).map_or(line, |(words, _)| words);
        for word in words.split_whitespace() {
            if rule.len() > LONGEST {
                break;
            }
            if !rule.is_empty() {
                rule.push(' ');
            }
            rule.push_str(word);
        }
        if let Some(handle) = handle {
            if rule.len() > LONGEST {
                shorten(rule);
            }
            self.rules.insert(handle, std::mem::take(rule).into());
        }
    }
}

fn shorten(rule: &mut String) {
    let end = rule.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST).last().unwrap_or_default();
    rule.truncate(end);
    rule.push_str(" …");
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
