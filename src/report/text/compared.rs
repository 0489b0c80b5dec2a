//! What an address owes to others of the same list.

use crate::model::Finding;

/// In a sentence; `None`: it owes them nothing.
pub(super) fn compared(finding: Finding) -> Option<String> {
    Some(match finding {
        Finding::AskedAlone => {
            "Many addresses were examined at once, which may keep a router from answering: this one was examined again, alone, and \
             that counts."
                .into()
        }
        Finding::ToldAsOthers { hop, told } => format!(
            "The router {hop} rations its messages: each of {told} addresses behind it that were asked alone was told, and so is a mail \
             server. This address was not asked alone."
        ),
        Finding::PlaceShared { others: 1 } => {
            "Where large packets end is known from another address whose packets end at the same size.".into()
        }
        Finding::PlaceShared { others } => {
            format!("Where large packets end is known from {others} other addresses whose packets end at the same size.")
        }
        _ => return None,
    })
}
