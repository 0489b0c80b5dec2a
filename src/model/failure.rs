//! What could not be examined, and why.

/// A target, or a part of one, that could not be examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFailure {
    /// The target as the user wrote it, or what the whole run is about.
    pub target: String,
    /// What kind of failure.
    pub kind: FailureKind,
    /// One line for people.
    pub text: String,
}

/// Why something could not be examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// It is no target, whatever the network says.
    BadTarget,
    /// Its name, or a part of what the name leads to, could not be resolved.
    Unresolved,
    /// This host has no way to an address of it.
    NoRoute,
    /// What the user asked for does not fit this host: an interface, a source address, a size.
    BadOption,
    /// The privilege for raw sockets is missing.
    NoPrivilege,
    /// The run was interrupted before.
    Interrupted,
    /// This host's system failed.
    System,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BadTarget,
        Self::Unresolved,
        Self::NoRoute,
        Self::BadOption,
        Self::NoPrivilege,
        Self::Interrupted,
        Self::System,
    ];
}
