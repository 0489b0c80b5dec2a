//! Who a run goes on as that root started: uid 0 owns root's files without any capability.

use rustix::process::{Gid, Uid, geteuid, getgid, getuid};
use rustix::thread::{set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::kept::Kept;

/// `nobody` and its group, on every Linux: the kernel's own number for users without one.
const NOBODY: u32 = 65_534;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct User {
    uid: Uid,
    gid: Gid,
}

/// Becomes the user who asked for this run, else `nobody`. Capabilities go with that. Who is not root stays who it is.
pub(super) fn leave_root(kept: &mut Kept) {
    if !geteuid().is_root() {
        return;
    }
    if candidates().into_iter().any(become_user) {
        return;
    }
    // A user namespace may know no other user, and its root owns nothing outside.
    kept.note("no other user can be had, so uid 0 stays");
}

/// The same, but the permitted capabilities stay.
pub(super) fn leave_root_but_keep_capabilities(kept: &mut Kept) {
    let _ = set_keep_capabilities(true);
    leave_root(kept);
    let _ = set_keep_capabilities(false);
}

/// The user of a set-user-ID program, the caller of sudo or pkexec, `nobody`: in this order.
fn candidates() -> Vec<User> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let real = (getuid().as_raw(), getgid().as_raw());
    let named = [
        Some(real),
        number("SUDO_UID").zip(number("SUDO_GID")),
        number("PKEXEC_UID").map(|uid| (uid, NOBODY)),
        Some((NOBODY, NOBODY)),
    ];
    named.into_iter().flatten().filter_map(user).collect()
}

/// Root is nobody to become, and -1 leaves an id as it is.
fn user((uid, gid): (u32, u32)) -> Option<User> {
    let is_other = |id| id != 0 && id != u32::MAX;
    (is_other(uid) && is_other(gid)).then(|| User { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid) })
}

fn become_user(User { uid, gid }: User) -> bool {
    // Some containers forbid this one alone.
    let _ = set_thread_groups(&[]);
    set_thread_res_gid(gid, gid, gid).and_then(|()| set_thread_res_uid(uid, uid, uid)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_nobody_to_become() {
        for (uid, gid) in [(0, 0), (0, 1000), (1000, 0), (u32::MAX, 1), (1, u32::MAX)] {
            assert_eq!(user((uid, gid)), None, "{uid}:{gid}");
        }
        assert!(user((1000, 1000)).is_some());
    }

    #[test]
    fn nobody_comes_last_and_is_always_there() {
        let last = *candidates().last().expect("a candidate");
        assert_eq!((last.uid.as_raw(), last.gid.as_raw()), (NOBODY, NOBODY));
    }
}
