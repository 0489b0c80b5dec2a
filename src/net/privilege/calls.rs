//! Which system calls are admitted from now on (seccomp(2)). Others fail with `ENOSYS`, as on a kernel that does not have them: C
//! libraries then take an older one.

use super::kept::Kept;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
pub(super) use filter::{admit_reading_files, admit_reading_links, admit_the_event_loop, admit_writing_files};

/// The crate knows no others.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(super) fn admit_the_event_loop(kept: &mut Kept) -> bool {
    kept.note("no filter for system calls is known for this architecture");
    false
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(super) fn admit_writing_files(kept: &mut Kept) -> bool {
    admit_the_event_loop(kept)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(super) fn admit_reading_files(kept: &mut Kept) -> bool {
    admit_the_event_loop(kept)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(super) fn admit_reading_links(kept: &mut Kept) -> bool {
    admit_the_event_loop(kept)
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod filter {
    use std::collections::BTreeMap;

    use libc::{c_int, c_long};
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    use super::Kept;

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// What every process of this program does: memory, threads, time, signals to itself, descriptors that it has.
    const COMMON: &[c_long] = &[
        libc::SYS_brk,
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_copy_file_range,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_fcntl,
        libc::SYS_fdatasync,
        libc::SYS_flock,
        libc::SYS_fstat,
        libc::SYS_fsync,
        libc::SYS_ftruncate,
        libc::SYS_futex,
        libc::SYS_getegid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_lseek,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_newfstatat,
        libc::SYS_pread64,
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sendfile,
        libc::SYS_sigaltstack,
        libc::SYS_splice,
        libc::SYS_statx,
        libc::SYS_tgkill,
        libc::SYS_write,
        libc::SYS_writev,
    ];

    /// What the event loop, the resolver and its threads do beside.
    const EVENT_LOOP: &[c_long] = &[
        libc::SYS_bind,
        libc::SYS_capget,
        libc::SYS_close_range,
        libc::SYS_connect,
        libc::SYS_dup,
        libc::SYS_dup3,
        libc::SYS_epoll_create1,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_pwait,
        libc::SYS_epoll_pwait2,
        libc::SYS_eventfd2,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_fadvise64,
        libc::SYS_fstatfs,
        libc::SYS_getcpu,
        libc::SYS_getcwd,
        libc::SYS_getdents64,
        libc::SYS_getgroups,
        libc::SYS_getpeername,
        libc::SYS_getppid,
        libc::SYS_getresgid,
        libc::SYS_getresuid,
        libc::SYS_getrusage,
        libc::SYS_getsockname,
        libc::SYS_getsockopt,
        libc::SYS_gettimeofday,
        libc::SYS_membarrier,
        libc::SYS_pipe2,
        libc::SYS_ppoll,
        libc::SYS_pselect6,
        libc::SYS_readlinkat,
        libc::SYS_recvfrom,
        libc::SYS_recvmmsg,
        libc::SYS_recvmsg,
        libc::SYS_rseq,
        libc::SYS_sched_getaffinity,
        libc::SYS_sendmmsg,
        libc::SYS_sendmsg,
        libc::SYS_sendto,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_setsockopt,
        libc::SYS_shutdown,
        libc::SYS_statfs,
        libc::SYS_sysinfo,
        libc::SYS_uname,
        libc::SYS_wait4,
        libc::SYS_waitid,
    ];

    /// How files in one directory come and go.
    const WRITING: &[c_long] = &[libc::SYS_fchmod, libc::SYS_openat, libc::SYS_renameat2, libc::SYS_unlinkat];

    /// How the links of a directory are read.
    const LINKS: &[c_long] = &[libc::SYS_getdents64, libc::SYS_readlinkat];
    #[cfg(target_arch = "x86_64")]
    const OLDER_LINKS: &[c_long] = &[libc::SYS_getdents, libc::SYS_readlink];
    #[cfg(not(target_arch = "x86_64"))]
    const OLDER_LINKS: &[c_long] = &[];

    /// The older forms of some of these, which newer architectures never had.
    #[cfg(target_arch = "x86_64")]
    const OLDER: &[c_long] = &[
        libc::SYS_access,
        libc::SYS_arch_prctl,
        libc::SYS_dup2,
        libc::SYS_epoll_create,
        libc::SYS_epoll_wait,
        libc::SYS_eventfd,
        libc::SYS_getdents,
        libc::SYS_getpgrp,
        libc::SYS_getrlimit,
        libc::SYS_lstat,
        libc::SYS_pipe,
        libc::SYS_poll,
        libc::SYS_readlink,
        libc::SYS_select,
        libc::SYS_stat,
        libc::SYS_time,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const OLDER: &[c_long] = &[];

    #[cfg(target_arch = "x86_64")]
    const OLDER_WRITING: &[c_long] = &[libc::SYS_rename, libc::SYS_renameat];
    #[cfg(target_arch = "aarch64")]
    const OLDER_WRITING: &[c_long] = &[libc::SYS_renameat];
    #[cfg(target_arch = "riscv64")]
    const OLDER_WRITING: &[c_long] = &[];

    /// Returns whether the filter is in force.
    pub(in super::super) fn admit_the_event_loop(kept: &mut Kept) -> bool {
        apply(event_loop(), kept)
    }

    fn event_loop() -> Result<Rules, BackendError> {
        let mut rules = always(&[COMMON, EVENT_LOOP, OLDER]);
        rules.extend([
            (libc::SYS_clone, vec![threads()?]),
            (libc::SYS_ioctl, requests()?),
            // The child that reads the firewall's rules may have to be ended.
            (libc::SYS_kill, vec![rule([is(1, libc::SIGKILL)?])?]),
            (libc::SYS_openat, vec![rule([only_reads(2)?])?]),
            (libc::SYS_prctl, names()?),
            (libc::SYS_prlimit64, vec![questions_about_limits()?]),
            (libc::SYS_socket, sockets()?),
            (libc::SYS_socketpair, vec![rule([is(0, libc::AF_UNIX)?])?]),
        ]);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, vec![rule([only_reads(1)?])?]);
        Ok(rules)
    }

    /// The same for a child that writes files.
    pub(in super::super) fn admit_writing_files(kept: &mut Kept) -> bool {
        apply(Ok(always(&[COMMON, WRITING, OLDER_WRITING])), kept)
    }

    /// The same for a child that reads files.
    pub(in super::super) fn admit_reading_files(kept: &mut Kept) -> bool {
        apply(reading(&[COMMON]), kept)
    }

    /// The same for a child that reads links, and short files beside.
    pub(in super::super) fn admit_reading_links(kept: &mut Kept) -> bool {
        apply(reading(&[COMMON, LINKS, OLDER_LINKS]), kept)
    }

    fn reading(lists: &[&[c_long]]) -> Result<Rules, BackendError> {
        let mut rules = always(lists);
        rules.insert(libc::SYS_openat, vec![rule([only_reads(2)?])?]);
        Ok(rules)
    }

    fn apply(rules: Result<Rules, BackendError>, kept: &mut Kept) -> bool {
        let program = rules.and_then(|rules| {
            let architecture = std::env::consts::ARCH.try_into()?;
            let other = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
            BpfProgram::try_from(SeccompFilter::new(rules, other, SeccompAction::Allow, architecture)?)
        });
        let applied = program.map_err(seccompiler::Error::from).and_then(|program| seccompiler::apply_filter(&program));
        if let Err(error) = &applied {
            kept.note(format!("system calls are not filtered: {error}"));
        }
        applied.is_ok()
    }

    fn always(lists: &[&[c_long]]) -> Rules {
        lists.iter().copied().flatten().map(|&call| (call, Vec::new())).collect()
    }

    /// Threads, but no processes.
    fn threads() -> Result<SeccompRule, BackendError> {
        let flags = bits(libc::CLONE_THREAD | libc::CLONE_VM);
        rule([condition(0, SeccompCmpOp::MaskedEq(flags), flags)?])
    }

    /// For reading alone.
    fn only_reads(argument: u8) -> Result<SeccompCondition, BackendError> {
        let changes = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
        condition(argument, SeccompCmpOp::MaskedEq(bits(changes)), bits(libc::O_RDONLY))
    }

    /// What C libraries ask of terminals, sockets and interfaces. The table of a watch sets the modes of its terminal (`TCSETS`), and gives
    /// it back as it was. Nothing that types into a terminal (`TIOCSTI`).
    #[allow(clippy::unnecessary_cast, reason = "musl has other types for them")]
    fn requests() -> Result<Vec<SeccompRule>, BackendError> {
        let known = [
            libc::FIOCLEX as u64,
            libc::FIONBIO as u64,
            libc::FIONREAD as u64,
            libc::TCGETS as u64,
            libc::TCGETS2 as u64,
            libc::TCSETS as u64,
            libc::TCSETS2 as u64,
            libc::TIOCGWINSZ as u64,
            libc::SIOCGIFINDEX as u64,
            libc::SIOCGIFMTU as u64,
            libc::SIOCGIFNAME as u64,
        ];
        known.into_iter().map(|request| rule([condition(1, SeccompCmpOp::Eq, request)?])).collect()
    }

    /// Names of threads and of memory.
    fn names() -> Result<Vec<SeccompRule>, BackendError> {
        [libc::PR_SET_NAME, libc::PR_SET_VMA, libc::PR_CAPBSET_READ, libc::PR_GET_DUMPABLE]
            .into_iter()
            .map(|option| rule([is(0, option)?]))
            .collect()
    }

    /// Limits are asked for, and not set.
    fn questions_about_limits() -> Result<SeccompRule, BackendError> {
        rule([SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?])
    }

    /// TCP and UDP, the sockets of name services, and questions to the kernel. Nothing that `CAP_NET_RAW` serves.
    fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
        /// Without the flags `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
        const KIND: u64 = 0xf;
        let kind = |kind: c_int| condition(1, SeccompCmpOp::MaskedEq(KIND), bits(kind));
        Ok(vec![
            rule([is(0, libc::AF_INET)?, kind(libc::SOCK_STREAM)?])?,
            rule([is(0, libc::AF_INET)?, kind(libc::SOCK_DGRAM)?])?,
            rule([is(0, libc::AF_INET6)?, kind(libc::SOCK_STREAM)?])?,
            rule([is(0, libc::AF_INET6)?, kind(libc::SOCK_DGRAM)?])?,
            rule([is(0, libc::AF_UNIX)?])?,
            rule([is(0, libc::AF_NETLINK)?, is(2, libc::NETLINK_ROUTE)?])?,
        ])
    }

    fn is(argument: u8, value: c_int) -> Result<SeccompCondition, BackendError> {
        condition(argument, SeccompCmpOp::Eq, bits(value))
    }

    fn bits(value: c_int) -> u64 {
        value.cast_unsigned().into()
    }

    /// The kernel looks at 32 bits of what is an `int`.
    fn condition(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompCondition, BackendError> {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value)
    }

    fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
        SeccompRule::new(conditions.into())
    }
}
