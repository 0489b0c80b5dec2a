//! What the DNS says of addresses on the way. Whoever has the address writes its name, so it proves nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Names and networks by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HopNames(BTreeMap<IpAddr, HopName>);

/// What is known of one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HopName {
    /// Its name.
    pub name: Option<PointerName>,
    /// The number of the autonomous system that announces it.
    pub asn: Option<u32>,
}

/// The name that a PTR record gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerName {
    /// As the DNS writes it, in ASCII.
    pub text: String,
    /// Whether the name leads back to the address.
    pub is_confirmed: bool,
}

impl HopNames {
    /// What is known of the address.
    pub fn of(&self, address: IpAddr) -> Option<&HopName> {
        self.0.get(&address)
    }
}

/// What is not known needs no entry.
impl FromIterator<(IpAddr, HopName)> for HopNames {
    fn from_iter<I: IntoIterator<Item = (IpAddr, HopName)>>(all: I) -> Self {
        let known = all.into_iter().filter(|(_, name)| *name != HopName::default());
        Self(known.collect())
    }
}
