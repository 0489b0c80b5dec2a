//! What may be opened from now on (landlock(7)). A kernel without it leaves that to users and capabilities.

use std::os::fd::{AsFd, BorrowedFd};

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::kept::Kept;

/// What this version knows of. An older kernel enforces what it can.
const KNOWN: ABI = ABI::V6;

/// What the C library's resolver and its modules read, whatever `/etc/nsswitch.conf` names, and what tells which program configures an
/// interface. A rule about a link is one about the file at its end, which may be anywhere.
const OF_RESOLVERS: [&str; 31] = [
    "/dev/null",
    "/dev/urandom",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/mdns.allow",
    "/etc/network",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/services",
    "/gnu/store",
    "/lib",
    "/lib64",
    "/nix/store",
    "/proc",
    "/run/NetworkManager",
    "/run/connman",
    "/run/network",
    "/run/nscd",
    "/run/resolvconf",
    "/run/systemd",
    "/sys/devices/system/cpu",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/var/lib/sss",
];

/// What the programs that list rules read: names of protocols, services and groups beside.
const OF_PROGRAMS: [&str; 4] = ["/dev/null", "/etc", "/proc", "/run"];

/// Where programs are, and what they are made of.
const PROGRAMS: [&str; 8] =
    ["/bin", "/gnu/store", "/lib", "/lib64", "/nix/store", "/run/current-system", "/sbin", "/usr"];

/// Nothing is written, made or started any more, and only what resolvers need is read. What is open stays open.
pub(super) fn only_read_what_resolvers_read(kept: &mut Kept) {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    note(kept, restrict(|rules| rules.add_rules(path_beneath_rules(OF_RESOLVERS, reading))));
}

/// The same for a child that starts programs of the system.
pub(super) fn only_read_what_programs_read(kept: &mut Kept) {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let rules = |rules: RulesetCreated| {
        rules
            .add_rules(path_beneath_rules(OF_PROGRAMS, reading))?
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

/// Files below these directories are read; nothing else is opened.
pub(super) fn only_read_below(directories: &[BorrowedFd<'_>], kept: &mut Kept) {
    // A name that has become that of a directory is told as such.
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let rules = directories.iter().map(|directory| Ok(PathBeneath::new(directory.as_fd(), reading)));
    note(kept, restrict(|created| created.add_rules(rules)));
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
