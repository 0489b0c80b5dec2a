//! The name of this host, so that results of several hosts can be told apart.

/// As the kernel has it; a container may have one of its own.
pub(super) fn name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
