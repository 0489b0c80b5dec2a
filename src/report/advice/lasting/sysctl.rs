//! Settings of the kernel: a file of our own, which is read after nearly all others.

use super::file::remove;

pub(super) fn setting(name: &str, value: u8) -> Vec<String> {
    vec![format!("echo {name}={value} >{FILE}"), undo()]
}

pub(super) fn undo() -> String {
    remove(FILE)
}

const FILE: &str = "/etc/sysctl.d/zz-pmtu-probe.conf";
