//! Addresses that this host has no way to, in one line for each family: a domain may have many of them.

use std::fmt;

use super::planning::PlanError;
use crate::model::Family;
use crate::resolve::ResolvedAddress;

const MOST_SHOWN: usize = 6;

/// Two or more addresses of one family.
#[derive(Debug)]
pub(super) struct Skipped {
    family: Family,
    addresses: Vec<ResolvedAddress>,
}

/// One address keeps its own error, which says more.
pub(super) fn in_few_lines(skipped: Vec<(ResolvedAddress, PlanError)>) -> Vec<PlanError> {
    let (v4, v6) = skipped.into_iter().partition::<Vec<_>, _>(|(address, _)| address.address.is_ipv4());
    [(Family::V4, v4), (Family::V6, v6)]
        .into_iter()
        .filter_map(|(family, mut all)| {
            if all.len() < 2 {
                return all.pop().map(|(_, error)| error);
            }
            let addresses = all.into_iter().map(|(address, _)| address).collect();
            Some(PlanError::Skipped(Skipped { family, addresses }))
        })
        .collect()
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, digit) = match self.family {
            Family::V4 => ("IPv4", 4),
            Family::V6 => ("IPv6", 6),
        };
        write!(f, "skipped, as this host has no {version} route to them (`ip -{digit} route` lists what it has): ")?;
        for (index, each) in self.addresses.iter().take(MOST_SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let of = if each.host == each.address.to_string() { String::new() } else { format!(" of {}", each.host) };
            write!(f, "{comma}{}{of}", each.address)?;
        }
        match self.addresses.len().saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(host: &str, address: &str) -> (ResolvedAddress, PlanError) {
        let address = address.parse().expect("an address");
        let resolved = ResolvedAddress { host: host.into(), preference: Some(10), address, zone: None };
        (resolved, PlanError::NoSource(address))
    }

    fn lines(skipped: Vec<(ResolvedAddress, PlanError)>) -> Vec<String> {
        in_few_lines(skipped).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_address_keeps_its_own_error() {
        assert_eq!(lines(vec![]), [""; 0]);
        let one = PlanError::NoSource("192.0.2.1".parse().expect("an address")).to_string();
        assert_eq!(lines(vec![skipped("mx.test", "192.0.2.1")]), [one]);
    }

    #[test]
    fn more_make_a_line_for_each_family() {
        let line = |digit: u8, rest: &str| {
            format!(
                "skipped, as this host has no IPv{digit} route to them (`ip -{digit} route` lists what it has): {rest}"
            )
        };
        let mixed = vec![
            skipped("a.test", "2001:db8::1"),
            skipped("192.0.2.1", "192.0.2.1"),
            skipped("b.test", "2001:db8::2"),
            skipped("a.test", "192.0.2.2"),
        ];
        let expected =
            [line(4, "192.0.2.1, 192.0.2.2 of a.test"), line(6, "2001:db8::1 of a.test, 2001:db8::2 of b.test")];
        assert_eq!(lines(mixed), expected);
        let many = (1..=9).map(|n| skipped("a.test", &format!("2001:db8::{n}"))).collect();
        assert!(lines(many)[0].ends_with("2001:db8::6 of a.test and 3 more"));
    }
}
