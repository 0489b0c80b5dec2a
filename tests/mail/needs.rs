//! What real mail needs: root, and mail servers that are there.

use std::fs;
use std::path::{Path, PathBuf};

/// Whether the test can run. It fails where something is missing, unless it was left out by name: a test that was skipped must not
/// look like one that passed.
pub(crate) fn are_met(test: &str) -> bool {
    for excuse in ["PMTU_PROBE_SKIP_POSTFIX", "PMTU_PROBE_SKIP_KERNEL"] {
        if std::env::var_os(excuse).is_some_and(|value| value == "1") {
            println!("SKIPPED {test}: {excuse}=1");
            return false;
        }
    }
    let missing = missing();
    assert!(
        missing.is_empty(),
        "missing: {}. PMTU_PROBE_SKIP_POSTFIX=1 leaves out all tests with real mail servers",
        missing.join("; ")
    );
    true
}

fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    // Mail servers change to users of their own, and a user namespace of one user has no others.
    let has_other_users = fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.trim_end().ends_with(" 1"));
    if !rustix::process::geteuid().is_root() || !has_other_users {
        missing.push("root (sudo)".to_owned());
    }
    if !Path::new(super::postfix::POSTFIX).exists() {
        missing.push("Debian's package postfix".into());
    }
    for server in ["exim4", "smtpd"] {
        let program = other_servers().join("usr/sbin").join(server);
        if !program.exists() {
            missing.push(format!("{}, which ./netns-scripts/mail.sh fetches", program.display()));
        }
    }
    missing
}

/// Exim and OpenSMTPD, unpacked: as packages they exclude Postfix and each other.
pub(crate) fn other_servers() -> PathBuf {
    if let Some(folder) = std::env::var_os("PMTU_MAIL_SERVERS") {
        return folder.into();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_pmtu-probe"));
    program.ancestors().nth(2).expect("cargo puts programs two folders deep").join("mail-servers")
}
