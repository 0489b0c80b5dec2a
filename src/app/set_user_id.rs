//! Whether the program may open files by the rights of its user.

/// Whether the program is set-user-ID: it could open files that its user may not.
pub(super) fn is_in_force() -> bool {
    rustix::process::getuid() != rustix::process::geteuid()
}
