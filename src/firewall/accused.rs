//! The accusation of a rule.

use super::walk::Suspicion;
use crate::model::Blocker;

/// A rule or a policy that may drop the message, and how likely it does.
#[derive(Clone, Debug)]
pub(super) struct AccusedRule {
    pub(super) blocker: Blocker,
    pub(super) suspicion: Suspicion,
}
