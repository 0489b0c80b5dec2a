//! What the DNS says of addresses: the name (PTR), whether that leads back, and the autonomous system that announces the address
//! (the zones `origin.asn.cymru.com` and `origin6.asn.cymru.com` of Team Cymru).

use std::fmt::Write;
use std::net::IpAddr;

use futures_util::future::{join, join_all};
use tokio::time::Instant;

use super::dns::{Dns, absolute, text};
use crate::model::{Family, HopName, HopNames, PointerName, is_global};

/// Addresses that are asked about: three paths at their longest, or a hundred as they usually are.
const MOST_ADDRESSES: usize = 192;
/// Names of one address that are looked at: one is shown.
const MOST_NAMES: usize = 4;

/// Asks about all of them side by side. What has not come by then is not known.
pub(super) async fn look_up(dns: &Dns, addresses: &[IpAddr], deadline: Instant) -> HopNames {
    let ask = async |address: &IpAddr| {
        let (name, asn) = join(name(dns, *address, deadline), asn(dns, *address, deadline)).await;
        (*address, HopName { name, asn })
    };
    join_all(addresses.iter().take(MOST_ADDRESSES).map(ask)).await.into_iter().collect()
}

/// The first name that leads back, or the first.
async fn name(dns: &Dns, address: IpAddr, deadline: Instant) -> Option<PointerName> {
    let asked = absolute(&format!("{}.{}", reversed(address), arpa(address))).ok()?;
    let mut names = dns.pointers(&asked, deadline).await.ok()?.records;
    names.sort_unstable();
    names.truncate(MOST_NAMES);
    let family = Family::of(address);
    let leads_back =
        async |name| dns.addresses(name, family, deadline).await.is_ok_and(|found| found.records.contains(&address));
    let confirmed = join_all(names.iter().map(leads_back)).await.into_iter().position(|leads_back| leads_back);
    let name = names.get(confirmed.unwrap_or(0))?;
    Some(PointerName { text: text(name), is_confirmed: confirmed.is_some() })
}

/// Nobody else is told of addresses that are not public.
async fn asn(dns: &Dns, address: IpAddr, deadline: Instant) -> Option<u32> {
    if !is_global(address) {
        return None;
    }
    let zone = if address.is_ipv4() { "origin.asn.cymru.com" } else { "origin6.asn.cymru.com" };
    let asked = absolute(&format!("{}.{zone}", reversed(address))).ok()?;
    let texts = dns.texts(&asked, deadline).await.ok()?.records;
    texts.iter().find_map(|text| origin(text))
}

/// `64500 | 192.0.2.0/24 | US | arin | 2010-01-01`; of several systems the first.
fn origin(text: &[u8]) -> Option<u32> {
    let first = text.split(|byte| matches!(byte, b' ' | b'|')).next()?;
    let digits = std::str::from_utf8(first).ok().filter(|first| first.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|asn| *asn > 0)
}

fn arpa(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "in-addr.arpa" } else { "ip6.arpa" }
}

/// The bytes of an IPv4 address, the half bytes of an IPv6 address, the last one first (RFC 1035, section 3.5; RFC 3596, 2.5).
fn reversed(address: IpAddr) -> String {
    let mut labels = String::new();
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            // Writing into a String cannot fail.
            let _ = write!(labels, "{d}.{c}.{b}.{a}");
        }
        IpAddr::V6(address) => {
            for (index, byte) in address.octets().iter().rev().enumerate() {
                let dot = if index == 0 { "" } else { "." };
                let _ = write!(labels, "{dot}{:x}.{:x}", byte & 0xf, byte >> 4);
            }
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_about_backwards() {
        let reversed = |text: &str| reversed(text.parse().expect("an address"));
        assert_eq!(reversed("192.0.2.25"), "25.2.0.192");
        // 32 half bytes, of which 8 in front and 2 at the end are not 0.
        assert_eq!(reversed("2001:db8::25"), format!("5.2.{}8.b.d.0.1.0.0.2", "0.".repeat(22)));
    }

    #[test]
    fn an_origin_is_a_number_in_front() {
        let rows: [(&[u8], Option<u32>); 9] = [
            (b"64500 | 192.0.2.0/24 | US | arin | 2010-01-01", Some(64_500)),
            (b"64500 64501 | 192.0.2.0/24 | US | arin | ", Some(64_500)),
            (b"4200000000 | 192.0.2.0/24", Some(4_200_000_000)),
            (b"64500", Some(64_500)),
            (b"0 | 192.0.2.0/24", None),
            (b"99999999999 | x", None),
            (b"+1 | x", None),
            (b"\x1b[2J | x", None),
            (b"", None),
        ];
        for (text, expected) in rows {
            assert_eq!(origin(text), expected, "{:?}", String::from_utf8_lossy(text));
        }
    }
}
