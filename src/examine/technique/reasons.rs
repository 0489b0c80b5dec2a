//! Reasons that more than one technique gives.

/// The user's choice of method leaves it out.
pub(crate) const NOT_ASKED_FOR: &str = "not asked for";
