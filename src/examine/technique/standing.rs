//! What every technique has: a name, what carries its probes, a search, and whether it is of use.

use crate::model::{MethodReason, Technique as Name};

use super::super::search::Search;
use super::uses::Uses;

/// How a technique stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    name: Name,
    uses: Uses,
    search: Search,
    unusable: Option<MethodReason>,
}

impl Standing {
    /// `unusable`: why it is of no use from the start.
    pub(super) fn new(name: Name, uses: Uses, search: Search, unusable: Option<MethodReason>) -> Self {
        Self { name, uses, search, unusable }
    }

    pub(super) fn name(&self) -> Name {
        self.name
    }

    pub(super) fn uses(&self) -> Uses {
        self.uses
    }

    pub(super) fn search(&self) -> &Search {
        &self.search
    }

    pub(super) fn search_mut(&mut self) -> &mut Search {
        &mut self.search
    }

    pub(super) fn unusable(&self) -> Option<MethodReason> {
        self.unusable
    }

    pub(super) fn rule_out(&mut self, why: MethodReason) {
        self.unusable = Some(why);
    }

    /// Begins anew with another search, for the same probes or for others.
    pub(super) fn begin_anew(&mut self, name: Name, search: Search) {
        self.name = name;
        self.search = search;
    }
}
