//! Debian's Postfix with all its state below one folder, for the sender and for the MX.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::lab::{Lab, run};

pub(crate) const POSTFIX: &str = "/usr/sbin/postfix";

/// Starts the master daemon itself and waits until it listens: `postfix start` does the same after checks that take a second.
const START: &str = "chown postfix ../data
install -d -o postfix -m 700 active bounce corrupt defer deferred flush hold incoming private saved trace
install -d -o postfix -g postdrop -m 710 public
install -d -o postfix -g postdrop -m 730 maildrop
install -d pid
$(postconf -h daemon_directory)/master -w";

/// What both ends need. The queue manager tries nothing again by itself: only a flush does.
const COMMON_MAIN_CF: &str = "compatibility_level = 3.6
queue_directory = FOLDER/spool
data_directory = FOLDER/data
maillog_file = FOLDER/maillog
maillog_file_prefixes = FOLDER
inet_interfaces = all
inet_protocols = all
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
disable_dns_lookups = yes
minimal_backoff_time = 1h
maximal_backoff_time = 1h
";

/// One instance in one node of a lab. Its processes end with the lab at the latest.
pub(crate) struct Postfix<'a> {
    lab: &'a Lab,
    node: &'static str,
    folder: PathBuf,
}

impl<'a> Postfix<'a> {
    pub(crate) fn start(lab: &'a Lab, node: &'static str, main_cf: &str, master_cf: &str) -> Result<Self, String> {
        let folder = lab.folder().join(format!("postfix-{node}"));
        let postfix = Self { lab, node, folder };
        for part in ["config", "spool", "data"] {
            let part = postfix.folder.join(part);
            fs::create_dir_all(&part).map_err(|error| format!("{}: {error}", part.display()))?;
        }
        postfix.write("master.cf", master_cf)?;
        postfix.write("main.cf", &format!("{COMMON_MAIN_CF}{main_cf}"))?;
        postfix.command(&format!("cd {}/spool\n{START}", postfix.folder.display()))?;
        Ok(postfix)
    }

    /// Waits until there is something to find.
    pub(crate) fn wait<T>(
        &self,
        limit: Duration,
        what: &str,
        mut find: impl FnMut() -> Option<T>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(found) = find() {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(format!("waited too long for {what}; the log:\n{}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join("config").join(name);
        let text = text.replace("FOLDER", &self.folder.display().to_string());
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a shell command in the node, where Postfix's own commands mean this instance, and returns what it prints.
    pub(crate) fn command(&self, line: &str) -> Result<String, String> {
        let mut command = self.lab.command(self.node, "bash");
        let ran = run(command.args(["-euc", line]).env("MAIL_CONFIG", self.folder.join("config")));
        if ran.status.success() { Ok(ran.stdout) } else { Err(format!("{line}: {} {}", ran.stderr.trim(), self.log())) }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("maillog")).unwrap_or_default()
    }
}
