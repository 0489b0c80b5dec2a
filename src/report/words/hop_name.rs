//! An address on the way, and what the DNS says of it. Strangers write that, so it is cut and never trusted.

use std::net::IpAddr;

use crate::model::HopNames;
use crate::report::printable::printable;

/// `10.0.2.2, r2.example.net, AS64500`; a name that does not lead back is called unconfirmed.
pub(crate) fn with_name(address: IpAddr, names: &HopNames) -> String {
    let Some(known) = names.of(address) else { return address.to_string() };
    let name = known.name.as_ref().map(|name| {
        let doubt = if name.is_confirmed { "" } else { " unconfirmed" };
        format!("{}{doubt}", shortened(&name.text))
    });
    let parts = [Some(address.to_string()), name, known.asn.map(|asn| format!("AS{asn}"))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `10.0.2.2 AS64500`: short enough for a drawing.
pub(crate) fn with_network(address: IpAddr, names: &HopNames) -> String {
    match names.of(address).and_then(|known| known.asn) {
        Some(asn) => format!("{address} AS{asn}"),
        None => address.to_string(),
    }
}

/// A name may be 255 bytes long, and as long again by escapes.
fn shortened(name: &str) -> String {
    const MOST: usize = 64;
    // Letters, digits, hyphens, dots and what the DNS writes for others; no brackets and commas, which are ours.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '\\');
    let tame: String = name.chars().take(MOST).map(|c| if is_plain(c) { c } else { '?' }).collect();
    let dots = if name.chars().count() > MOST { "..." } else { "" };
    format!("{}{dots}", printable(&tame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HopName, PointerName};

    fn words(name: Option<(&str, bool)>, asn: Option<u32>) -> String {
        let address = IpAddr::from([192, 0, 2, 1]);
        let name = name.map(|(text, is_confirmed)| PointerName { text: text.into(), is_confirmed });
        with_name(address, &[(address, HopName { name, asn })].into_iter().collect())
    }

    #[test]
    fn names_follow_the_address() {
        assert_eq!(words(None, None), "192.0.2.1");
        assert_eq!(words(Some(("r1.example.net", true)), Some(64_500)), "192.0.2.1, r1.example.net, AS64500");
        assert_eq!(words(Some(("r1.example.net", false)), None), "192.0.2.1, r1.example.net unconfirmed");
    }

    #[test]
    fn hostile_names_are_tame_and_short() {
        let hostile = "\u{1b}[2J\n), AS1 (\u{202e}".to_owned() + &"x".repeat(300);
        let said = words(Some((&hostile, false)), None);
        assert!(said.starts_with("192.0.2.1, ??2J???") && said.ends_with("x... unconfirmed"), "{said}");
        assert!(said.len() < 100 && !said.contains("AS1 ("), "{said}");
    }
}
