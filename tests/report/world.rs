//! A host of its own for a script: namespaces for network, mounts and processes, with Debian's packages.

use std::process::{Command, Output};

#[path = "../common/systems.rs"]
mod systems;

/// The interfaces that advice names.
const LINKS: &str = "
ip link set lo up
ip link add eth0 type veth peer name far0
ip link set eth0 addrgenmode none
ip link set far0 addrgenmode none
ip link set far0 up
";

/// Runs a script there; every command has to succeed.
pub(crate) fn in_world(script: &str) -> String {
    let script = format!("{}{}{LINKS}\n{script}", systems::WORLD, systems::WORDS);
    let mut shell = Command::new("unshare");
    shell.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", &script]);
    let output = shell.env("systems", systems::folder()).output().expect("unshare (util-linux) is needed");
    let Output { status, stdout, stderr } = output;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}: {stderr}\n{script}\n{stdout}");
    stdout.into_owned()
}
