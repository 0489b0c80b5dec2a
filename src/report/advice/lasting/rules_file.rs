//! Files of rules: that of `nftables.service`, and those that iptables' rules are saved in.

use super::super::icmp_errors::nft_match;
use super::super::undo::undo;
use crate::model::Family;
use crate::report::words::shell_word;

/// The table as it is now, in place of an older copy of it. The same line once more takes out what is undone since.
pub(super) fn keep_table(table: &str, file: &str) -> Vec<String> {
    let file = shell_word(file);
    let keep = format!(
        "sed -i '/^table inet {table} {{$/,/^}}$/d' {file}; nft list table inet {table} 2>/dev/null >>{file} || true"
    );
    vec![keep.clone(), undo(&keep)]
}

/// The same where nothing loads the file yet.
pub(super) fn keep_table_and_enable(table: &str, file: &str) -> Vec<String> {
    let mut commands = keep_table(table, file);
    commands.insert(1, "systemctl enable nftables".into());
    commands.push(undo("systemctl disable nftables"));
    commands
}

/// Only its admin knows where in it.
pub(super) fn admit_in_nft(family: Family, file: &str) -> Vec<String> {
    let [protocol, types] = nft_match(family);
    vec![
        format!("# to keep it, write this line into {file}, in front of the one that drops:"),
        format!("# {protocol} type {types} accept"),
    ]
}

/// All rules as they are now. The same once more after an undo.
pub(super) fn save(family: Family, file: &str) -> Vec<String> {
    let save = match (file, family) {
        ("/etc/iptables/rules.v4", _) => "netfilter-persistent save".to_owned(),
        (_, Family::V4) => format!("iptables-save >{}", shell_word(file)),
        (_, Family::V6) => format!("ip6tables-save >{}", shell_word(&file.replace("iptables", "ip6tables"))),
    };
    vec![save.clone(), undo(&save)]
}
