//! Addresses that this host has no way to, in one line for each family: a domain may have many of them.

use std::fmt;

use crate::model::Family;
use crate::resolve::ResolvedAddress;

const MOST_SHOWN: usize = 6;

/// Two or more addresses of one family.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) family: Family,
    pub(super) addresses: Vec<ResolvedAddress>,
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
