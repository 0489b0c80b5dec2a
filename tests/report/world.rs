//! A host of its own for a script: namespaces for network, mounts and processes, and Debian's packages laid over `/usr` and `/etc`
//! without being installed. `netns-scripts/test.sh` unpacks them.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Run by root, with the folder of the packages in `$systems`.
///
/// Everything that is written goes to memory and ends with the namespaces. The bus asks nobody, and knows no polkit.
const WORLD: &str = r#"
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for folder in usr etc var; do
    mkdir -p "$systems/$folder" "/mnt/$folder/new" "/mnt/$folder/work"
    mount -t overlay overlay -o "lowerdir=$systems/$folder:/$folder,upperdir=/mnt/$folder/new,workdir=/mnt/$folder/work" "/$folder"
done
mount -t tmpfs tmpfs /run
mount -t proc proc /proc
mount -t sysfs -o ro sysfs /sys
ldconfig
for program in dbus-daemon firewalld ufw nmcli netplan ifup netfilter-persistent networkctl perl iptables nft; do
    command -v $program >/dev/null || { echo "no $program, neither installed nor in $systems: rm -r it and run netns-scripts/systems.sh" >&2; exit 8; }
done
ip link set lo up
ip link add eth0 type veth peer name far0
ip link set eth0 addrgenmode none
ip link set far0 addrgenmode none
ip link set far0 up
patiently() {
    tries=400
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "waited too long for: $*" >&2; exit 9; }
        sleep 0.05
    done
}
start_bus() {
    mkdir -p /run/dbus
    cat >/run/dbus/bus.conf <<-END
	<busconfig><listen>unix:path=/run/dbus/system_bus_socket</listen><policy context="default">
	<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
	END
    dbus-daemon --config-file=/run/dbus/bus.conf --fork
}
"#;

/// Runs a script there; every command has to succeed.
pub(crate) fn in_world(script: &str) -> String {
    let script = format!("{WORLD}\n{script}");
    let mut shell = Command::new("unshare");
    shell.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", &script]);
    let output = shell.env("systems", systems()).output().expect("unshare (util-linux) is needed");
    let Output { status, stdout, stderr } = output;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}: {stderr}\n{script}\n{stdout}");
    stdout.into_owned()
}

/// The folder with the unpacked packages.
fn systems() -> PathBuf {
    let folder = std::env::var_os("PMTU_SYSTEMS").map_or_else(beside_the_build, PathBuf::from);
    assert!(
        folder.join("etc").exists(),
        "{} is missing: run ./netns-scripts/systems.sh as root, which unpacks Debian's packages there",
        folder.display()
    );
    folder
}

/// Test programs are in `target/PROFILE/deps`.
fn beside_the_build() -> PathBuf {
    let program = std::env::current_exe().expect("the path of this program");
    program.ancestors().nth(3).expect("a folder of cargo's").join("systems")
}
