//! Mail that passes beside mail that stalls.

use super::Meaning;

pub(super) fn meanings() -> Vec<Meaning> {
    Vec::new()
}
