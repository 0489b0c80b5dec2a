//! Debian's monitoring systems, laid over `/usr`, `/etc` and `/var` in a mount namespace without being installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::lab::{Lab, program};

/// Run by root, with the folder of the packages in `$systems` and the program in `$program`. `/mnt` is for what a script writes.
const WORLD: &str = r#"
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for folder in usr etc var; do
    mkdir -p "/mnt/$folder/new" "/mnt/$folder/work"
    mount -t overlay overlay -o "lowerdir=$systems/$folder:/$folder,upperdir=/mnt/$folder/new,workdir=/mnt/$folder/work" "/$folder"
done
mount -t tmpfs tmpfs /run
mkdir /run/icinga2
export ICINGA2_USER=root ICINGA2_GROUP=root
ldconfig
ln -sf "$program" /usr/bin/pmtu-probe
for name in icinga2 nagios4 zabbix_agentd perl; do
    command -v $name >/dev/null || { echo "no $name, neither installed nor in $systems: rm -r it and run netns-scripts/monitoring.sh" >&2; exit 8; }
done
# Nagios wants somebody to be told; nobody is.
cat >/mnt/contact.cfg <<END
define contact {
    contact_name                    nobody
    host_notifications_enabled      0
    service_notifications_enabled   0
    host_notification_period        pmtu-always
    service_notification_period     pmtu-always
    host_notification_commands      check_pmtu
    service_notification_commands   check_pmtu
}
END
patiently() {
    tries=600
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "waited too long for: $*" >&2; exit 9; }
        sleep 0.05
    done
}
"#;

/// Runs a script there, in c of a lab if there is one; every command has to succeed. Returns what it prints.
pub(crate) fn in_world(lab: Option<&Lab>, script: &str) -> String {
    let script = format!("{WORLD}\n{script}");
    let mut shell = lab.map_or_else(|| Command::new("unshare"), |lab| lab.command("c", "unshare"));
    shell.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script]);
    shell.env("systems", systems()).env("program", program()).env("docs", docs());
    let output = shell.output().expect("unshare (util-linux) is needed");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {stderr}\n{script}\n{stdout}", output.status);
    stdout.into_owned()
}

pub(crate) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/monitoring")
}

fn systems() -> PathBuf {
    let beside_the_build = || {
        let target = Path::new(env!("CARGO_BIN_EXE_pmtu-probe")).ancestors().nth(2);
        target.expect("the program is in the target directory").join("monitoring")
    };
    let folder = std::env::var_os("PMTU_MONITORING").map_or_else(beside_the_build, PathBuf::from);
    assert!(
        folder.join("etc").exists(),
        "{} is missing: run ./netns-scripts/monitoring.sh as root, which unpacks Debian's packages there",
        folder.display()
    );
    folder
}
