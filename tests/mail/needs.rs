//! What real mail needs: root, and mail servers that are there.

use std::fs;
use std::path::{Path, PathBuf};

/// Fails where something is missing: a test that did nothing must not look like one that passed.
pub(crate) fn check() {
    let missing = [missing_for_postfix(), missing_others()].concat();
    assert!(missing.is_empty(), "missing: {}", missing.join("; "));
}

/// The same for what needs no other server.
pub(crate) fn check_postfix() {
    let missing = missing_for_postfix();
    assert!(missing.is_empty(), "missing: {}", missing.join("; "));
}

fn missing_for_postfix() -> Vec<String> {
    let mut missing = Vec::new();
    // Mail servers change to users of their own, and a user namespace of one user has no others.
    let has_other_users = fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.trim_end().ends_with(" 1"));
    if !rustix::process::geteuid().is_root() || !has_other_users {
        missing.push("root (sudo)".to_owned());
    }
    if !Path::new(super::postfix::POSTFIX).exists() {
        missing.push("Debian's package postfix".into());
    }
    if !Path::new("/usr/bin/openssl").exists() {
        missing.push("Debian's package openssl".into());
    }
    missing
}

fn missing_others() -> Vec<String> {
    let mut missing = Vec::new();
    for server in ["exim4", "smtpd", "nginx"] {
        let program = other_servers().join("usr/sbin").join(server);
        if !program.exists() {
            missing.push(format!("{}, which ./netns-scripts/mail.sh fetches", program.display()));
        }
    }
    missing
}

/// Exim and OpenSMTPD, unpacked: as packages they exclude Postfix and each other. And nginx, which as a package would start.
pub(crate) fn other_servers() -> PathBuf {
    if let Some(folder) = std::env::var_os("PMTU_MAIL_SERVERS") {
        return folder.into();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_pmtu-probe"));
    program.ancestors().nth(2).expect("cargo puts programs two folders deep").join("mail-servers")
}
