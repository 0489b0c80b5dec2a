//! The advice for the sending host, run as printed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lab::{Lab, Ran, program, run};
use super::traffic::Way;

const UNDO: &str = "# undo: ";

/// One piece of advice with its commands.
#[derive(Clone, Debug)]
pub(crate) struct Advice {
    commands: Vec<String>,
}

impl Advice {
    /// All that the sending host can run.
    pub(crate) fn of(address: &Value) -> Vec<Self> {
        let advice = address["advice"].as_array().map(Vec::as_slice).unwrap_or_default();
        let strings = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|line| line.as_str().map(str::to_owned)).collect()
        };
        let for_this_host = advice.iter().filter(|advice| advice["who"] == "you");
        let runnable = for_this_host.map(|advice| Self { commands: strings(&advice["commands"]) });
        runnable.filter(|advice| !advice.commands.is_empty()).collect()
    }

    /// What takes back a workaround that is in force: commands that stand there as comments alone.
    pub(crate) fn take_back(address: &Value) -> Option<Self> {
        let is_comment = |advice: &Self| advice.commands.iter().all(|line| line.starts_with(UNDO));
        Self::of(address).into_iter().find(is_comment)
    }

    /// Whether one of these tells to run the same once more.
    pub(crate) fn is_repeated_in(&self, address: &Value) -> bool {
        let runs = |line: &&String| !line.starts_with('#');
        let others: Vec<String> = Self::of(address).into_iter().flat_map(|other| other.commands).collect();
        self.commands.iter().filter(runs).any(|line| others.contains(line))
    }

    /// Pastes the commands, comments included.
    pub(crate) fn apply(&self, lab: &Lab) -> Result<(), String> {
        self.commands.iter().try_for_each(|line| paste(lab, line))
    }

    /// Runs what the comments say.
    pub(crate) fn undo(&self, lab: &Lab) -> Result<(), String> {
        let undo: Vec<&str> = self.commands.iter().filter_map(|line| line.strip_prefix(UNDO)).collect();
        if undo.is_empty() {
            return Err(format!("no undo for: {}", self.commands.join("; ")));
        }
        undo.iter().try_for_each(|line| paste(lab, line))
    }

    /// Which way it is for. What this host announces as its MSS, in its SYN or by its route, limits what the other side sends,
    /// and nothing else (RFC 9293, section 3.7.1).
    pub(crate) fn way(&self) -> Way {
        let announces = self.has("hook output") && self.has("pmtu_clamp") || self.has(" advmss ");
        if announces { Way::Back } else { Way::There }
    }

    /// Whether a command contains this text.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.commands.iter().any(|line| line.contains(text))
    }

    /// A few words that tell it from others.
    pub(crate) fn name(&self) -> &'static str {
        let has = |text: &str| self.has(text);
        match () {
            () if has(" advmss ") => "advmss",
            () if has("pmtu_clamp") && self.way() == Way::Back => "clamp for the way back",
            () if has("pmtu_clamp") => "clamp",
            () if has("mtu lock") => "route",
            () if has("ip link set") => "interface",
            () if has("tcp_mtu_probing") => "mtu_probing",
            () if has("iptables -I") || has("ip6tables -I") => "iptables",
            () if has("nft -e insert rule") => "nft",
            () => "other",
        }
    }
}

/// What the first command prints that the report gives to check its advice.
pub(crate) fn check(lab: &Lab, address: &Value) -> Result<String, String> {
    let line = address["check"]["commands"][0].as_str().ok_or("the report gives no command to check its advice")?;
    Ok(shell(lab, line).stdout)
}

fn shell(lab: &Lab, line: &str) -> Ran {
    let mut shell = lab.command("c", "sh");
    shell.args(["-c", line]).env("PATH", path_with_the_program());
    run(&mut shell)
}

fn paste(lab: &Lab, line: &str) -> Result<(), String> {
    let ran = shell(lab, line);
    if ran.status.success() { Ok(()) } else { Err(format!("fails as printed: {line}: {}", ran.stderr.trim())) }
}

/// Some advice is to run the program again.
fn path_with_the_program() -> OsString {
    let folder = program().parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let others = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&others));
    std::env::join_paths(folders).unwrap_or(others.clone())
}

#[test]
fn only_what_this_host_can_run_is_run() {
    let address = serde_json::json!({ "advice": [
        { "who": "you", "text": "", "commands": ["ip route replace x mtu lock 1400", "# undo: ip route del x"] },
        { "who": "you", "text": "look", "commands": [] },
        { "who": "their_side", "text": "", "commands": ["reboot"] },
    ]});
    let advice = Advice::of(&address);
    assert_eq!(advice.len(), 1);
    assert_eq!(advice[0].name(), "route");
}
