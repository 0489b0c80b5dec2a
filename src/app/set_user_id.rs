//! Whether the program may open files by the rights of its user.

use crate::net::privilege;

/// Whether the program is set-user-ID: it could open files that its user may not.
pub(super) fn is_in_force() -> bool {
    privilege::is_set_user_id()
}
