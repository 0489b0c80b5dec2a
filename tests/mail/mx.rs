//! The receiving host: a real mail server on s, which delivers to a mailbox of one file per message.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::needs;
use super::postfix::Postfix;

const POSTFIX_MAIN_CF: &str = "myhostname = mx.example.com
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_auth_destination, reject
virtual_alias_maps =
virtual_mailbox_domains = mx.example.com
virtual_mailbox_base = FOLDER/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
";
const POSTFIX_MASTER_CF: &str = "smtp inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

/// Which mail server receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mx {
    Postfix,
    Exim,
    OpenSmtpd,
}

impl fmt::Display for Mx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Postfix => "postfix",
            Self::Exim => "exim",
            Self::OpenSmtpd => "opensmtpd",
        })
    }
}

/// A mail server that runs. It ends with this value or with its lab.
pub(crate) struct Running {
    mailbox: PathBuf,
    child: Option<Child>,
}

impl Running {
    /// Waits until it listens.
    pub(crate) fn start(mx: Mx, lab: &Lab) -> Result<Self, String> {
        match mx {
            Mx::Postfix => start_postfix(lab),
            Mx::Exim | Mx::OpenSmtpd => {
                let running = start_unpacked(mx, lab)?;
                wait_until_it_listens(mx, lab).map(|()| running)
            }
        }
    }

    /// Where messages arrive, in the form of maildir.
    pub(crate) fn mailbox(&self) -> &Path {
        &self.mailbox
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start_postfix(lab: &Lab) -> Result<Running, String> {
    let mail = lab.folder().join("postfix-s/mail");
    owned_by_nobody(&mail)?;
    Postfix::start(lab, "s", POSTFIX_MAIN_CF, POSTFIX_MASTER_CF)?;
    Ok(Running { mailbox: mail.join("box"), child: None })
}

/// A server that is not installed runs in a root of its own: this machine's programs and libraries, and nothing else of it.
fn start_unpacked(mx: Mx, lab: &Lab) -> Result<Running, String> {
    let (root, mail) = (lab.folder().join("root"), lab.folder().join("mail"));
    fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    owned_by_nobody(&mail)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/own_root.sh");
    let log = lab.folder().join("mx.log");
    let log = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let mut command: Command = lab.command("s", "bash");
    command.arg(script).args([&root, &mail, &needs::other_servers()]).arg(mx.to_string());
    let errors = log.try_clone().map_err(|error| error.to_string())?;
    let child = command.stdout(Stdio::from(log)).stderr(errors).spawn().map_err(|error| error.to_string())?;
    Ok(Running { mailbox: mail.join("box"), child: Some(child) })
}

fn wait_until_it_listens(mx: Mx, lab: &Lab) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !lab.shell("s", "ss -Hltn 'sport = :25'").contains(":25") {
        if Instant::now() > deadline {
            let log = fs::read_to_string(lab.folder().join("mx.log")).unwrap_or_default();
            return Err(format!("{mx} does not listen; it says: {log}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn owned_by_nobody(folder: &Path) -> Result<(), String> {
    let made = fs::create_dir_all(folder).and_then(|()| std::os::unix::fs::chown(folder, Some(65534), Some(65534)));
    made.map_err(|error| format!("{}: {error}", folder.display()))
}
