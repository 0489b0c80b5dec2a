//! The hosts file: names that need no DNS (hosts(5)).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::target::Zone;

const SYSTEM_FILE: &str = "/etc/hosts";

/// An address as a hosts file has it.
pub(super) type HostsAddress = (IpAddr, Option<Zone>);

/// Names and their addresses, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Hosts(HashMap<String, Vec<HostsAddress>>);

impl Hosts {
    /// The file of this system. It counts as empty if it cannot be read.
    pub fn of_system() -> Self {
        Self::read(Path::new(SYSTEM_FILE))
    }

    fn read(path: &Path) -> Self {
        Self::parse(&String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()))
    }

    /// Skips lines that do not parse, as other programs do.
    pub fn parse(text: &str) -> Self {
        let mut hosts = HashMap::<String, Vec<HostsAddress>>::new();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(address) = words.next().and_then(address) else { continue };
            for name in words {
                let known = hosts.entry(key(name)).or_default();
                if !known.contains(&address) {
                    known.push(address.clone());
                }
            }
        }
        Self(hosts)
    }

    /// The addresses of a name. `localhost` and all names below it are this host, even if the file says otherwise (RFC 6761,
    /// section 6.3).
    pub(super) fn find(&self, name: &str) -> Option<Vec<HostsAddress>> {
        let key = key(name);
        self.0.get(&key).cloned().or_else(|| is_localhost(&key).then(loopback))
    }
}

fn address(text: &str) -> Option<HostsAddress> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let address: IpAddr = address.parse().ok()?;
    Some((address.to_canonical(), zone.map(Zone::parse).transpose().ok()?))
}

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn is_localhost(key: &str) -> bool {
    key == "localhost" || key.ends_with(".localhost")
}

fn loopback() -> Vec<HostsAddress> {
    vec![(Ipv4Addr::LOCALHOST.into(), None), (Ipv6Addr::LOCALHOST.into(), None)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, name: &str) -> Option<Vec<String>> {
        let found = Hosts::parse(text).find(name)?;
        Some(
            found
                .iter()
                .map(|(address, zone)| format!("{address}{}", zone.as_ref().map_or("", Zone::as_str)))
                .collect(),
        )
    }

    #[test]
    fn names_and_aliases_in_any_case_and_in_the_order_of_the_file() {
        let text = "# the lab\n2001:db8::25\tMX.example.com mx # second\n192.0.2.25 mx.example.com mx.example.com\n";
        assert_eq!(found(text, "mx.Example.com."), Some(vec!["2001:db8::25".into(), "192.0.2.25".into()]));
        assert_eq!(found(text, "mx"), Some(vec!["2001:db8::25".into()]));
        assert_eq!(found(text, "second"), None);
        assert_eq!(found(text, "example.com"), None);
    }

    #[test]
    fn lines_that_say_nothing_are_passed_over() {
        let text =
            "\u{feff}garbage\n192.0.2.300 a\nname 192.0.2.1\n192.0.2.1\n\n192.0.2.2 a\r\nfe80::1%lo a\nfe80::1%/ a";
        assert_eq!(found(text, "a"), Some(vec!["192.0.2.2".into(), "fe80::1lo".into()]));
        assert_eq!(found(text, "garbage"), None);
    }

    #[test]
    fn localhost_is_this_host_even_without_a_file() {
        assert_eq!(found("", "localhost"), Some(vec!["127.0.0.1".into(), "::1".into()]));
        assert_eq!(found("", "mail.LOCALHOST."), Some(vec!["127.0.0.1".into(), "::1".into()]));
        assert_eq!(found("127.0.0.2 localhost", "localhost"), Some(vec!["127.0.0.2".into()]));
        assert_eq!(found("", "notlocalhost"), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_empty_one() {
        assert!(Hosts::read(Path::new("/nonexistent/hosts")).find("mx").is_none());
    }
}
