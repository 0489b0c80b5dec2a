//! What may be opened from now on (landlock(7)). A kernel without it leaves that to users and capabilities.

use std::os::fd::{AsFd, BorrowedFd};

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::kept::Kept;

/// What this version knows of. An older kernel enforces what it can.
const KNOWN: ABI = ABI::V6;

/// Where the C library's resolver and its modules have their files, what the kernel tells, and what configures this host. Not: the
/// homes of users, logs, queues of mail, temporary files.
const SYSTEM: [&str; 15] = [
    "/dev/null",
    "/dev/urandom",
    "/etc",
    // Links that may lead elsewhere: a rule is about the file at their end.
    "/etc/hosts",
    "/etc/localtime",
    "/etc/resolv.conf",
    "/gnu/store",
    "/lib",
    "/lib64",
    "/nix/store",
    "/proc",
    "/run",
    "/sys",
    "/usr",
    "/var/lib/sss",
];

/// Where programs are, and what they are made of.
const PROGRAMS: [&str; 8] =
    ["/bin", "/gnu/store", "/lib", "/lib64", "/nix/store", "/run/current-system", "/sbin", "/usr"];

/// Nothing is written, made or started any more, and only files of the system are read. What is open stays open.
pub(super) fn only_read_what_resolvers_read(kept: &mut Kept) {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    note(kept, restrict(|rules| rules.add_rules(path_beneath_rules(SYSTEM, reading))));
}

/// The same for a child that starts programs of the system.
pub(super) fn only_read_what_programs_read(kept: &mut Kept) {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let rules = |rules: RulesetCreated| {
        rules
            .add_rules(path_beneath_rules(SYSTEM, reading))?
            .add_rules(path_beneath_rules(PROGRAMS, reading | AccessFs::Execute))?
            .add_rules(path_beneath_rules(["/dev/null"], reading | AccessFs::WriteFile))
    };
    note(kept, restrict(rules));
}

/// Files may be made, written, renamed and removed in this directory; nothing else is opened.
pub(super) fn only_write_below(directory: BorrowedFd<'_>, kept: &mut Kept) {
    let writing =
        AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    note(kept, restrict(|rules| rules.add_rule(PathBeneath::new(directory.as_fd(), writing))));
}

fn restrict(
    allow: impl FnOnce(RulesetCreated) -> Result<RulesetCreated, RulesetError>,
) -> Result<RestrictionStatus, RulesetError> {
    let everything: BitFlags<AccessFs> = AccessFs::from_all(KNOWN);
    let rules = Ruleset::default().handle_access(everything)?.scope(Scope::AbstractUnixSocket)?.create()?;
    allow(rules)?.restrict_self()
}

fn note(kept: &mut Kept, outcome: Result<RestrictionStatus, RulesetError>) {
    match outcome {
        Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
            kept.note("this kernel has no Landlock, so files are protected by their permissions alone");
        }
        Ok(_) => {}
        Err(error) => kept.note(format!("Landlock: {error}")),
    }
}
