//! Whom a program that is started here may believe.

/// Whose the environment of this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Of somebody who may do all that this process may.
    Trusted,
    /// Of somebody who may do less: it must not choose a program.
    Untrusted,
}
