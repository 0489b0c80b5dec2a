//! The receiving host: a real mail server, which delivers to a mailbox of one file per message.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::chain::{self, Chain};
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

const NGINX_CONF: &str = "daemon off;
user nobody nogroup;
worker_processes 1;
pid FOLDER/pid;
error_log FOLDER/error.log info;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    server {
        listen 443 ssl;
        listen [::]:443 ssl;
        server_name mx.example.com;
        ssl_certificate CHAIN;
        ssl_certificate_key KEY;
        return 200;
    }
}
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
    logs: Vec<PathBuf>,
    child: Option<Child>,
}

impl Running {
    /// On s, without TLS. Waits until it listens.
    pub(crate) fn start(mx: Mx, lab: &Lab) -> Result<Self, String> {
        Self::start_on_s(mx, lab, None)
    }

    /// On s, with STARTTLS. Waits until it listens.
    pub(crate) fn start_with_tls(mx: Mx, lab: &Lab, chain: &Chain) -> Result<Self, String> {
        Self::start_on_s(mx, lab, Some(chain))
    }

    fn start_on_s(mx: Mx, lab: &Lab, chain: Option<&Chain>) -> Result<Self, String> {
        match mx {
            Mx::Postfix => start_postfix(lab, "s", &chain.map(Chain::main_cf).unwrap_or_default()),
            Mx::Exim | Mx::OpenSmtpd => {
                let running = start_unpacked(mx, lab, chain)?;
                wait_until_it_listens(lab, 25, &running).map(|()| running)
            }
        }
    }

    /// Postfix on c, for the mail of s. Its smtpd gives up on a client that sends nothing for so long.
    pub(crate) fn start_on_c(lab: &Lab, patience: Duration) -> Result<Self, String> {
        start_postfix(lab, "c", &format!("smtpd_timeout = {}s\n", patience.as_secs()))
    }

    /// Postfix on s, with further lines of main.cf.
    pub(crate) fn start_postfix_with(lab: &Lab, main_cf: &str) -> Result<Self, String> {
        start_postfix(lab, "s", main_cf)
    }

    /// Postfix on s, for mail to these domains.
    pub(crate) fn start_for(lab: &Lab, domains: &str) -> Result<Self, String> {
        start_postfix(lab, "s", &format!("virtual_mailbox_domains = {domains}\n"))
    }

    /// Postfix on any node, with further lines of main.cf.
    pub(crate) fn start_postfix_on(lab: &Lab, node: &'static str, main_cf: &str) -> Result<Self, String> {
        start_postfix(lab, node, main_cf)
    }

    /// Where messages arrive, in the form of maildir.
    pub(crate) fn mailbox(&self) -> &Path {
        &self.mailbox
    }

    /// All that it wrote.
    pub(crate) fn log(&self) -> String {
        self.logs.iter().filter_map(|log| fs::read_to_string(log).ok()).collect()
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

fn start_postfix(lab: &Lab, node: &'static str, more_main_cf: &str) -> Result<Running, String> {
    let folder = lab.folder().join(format!("postfix-{node}"));
    let mail = folder.join("mail");
    owned_by_nobody(&mail)?;
    // The later of two lines counts.
    let main_cf = format!("{POSTFIX_MAIN_CF}{more_main_cf}");
    Postfix::start(lab, node, &main_cf, &format!("{POSTFIX_MASTER_CF}{}", chain::MASTER_CF))?;
    Ok(Running { mailbox: mail.join("box"), logs: vec![folder.join("maillog")], child: None })
}

/// A server that is not installed runs in a root of its own: this machine's programs and libraries, and nothing else of it.
fn start_unpacked(mx: Mx, lab: &Lab, chain: Option<&Chain>) -> Result<Running, String> {
    let [root, mail, logs] = ["root", "mail", "mx-logs"].map(|name| lab.folder().join(name));
    for folder in [&root, &logs] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    owned_by_nobody(&mail)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/own_root.sh");
    let mut command = lab.command("s", "bash");
    command.arg(script).args([&root, &mail, &logs, &needs::other_servers()]).arg(mx.to_string());
    let output = logs.join("output");
    let child = start_with_output(command.args(chain.map(Chain::folder)), &output)?;
    let written = ["mainlog", "rejectlog", "paniclog"].map(|name| logs.join(name));
    Ok(Running { mailbox: mail.join("box"), logs: [vec![output], written.to_vec()].concat(), child: Some(child) })
}

fn start_with_output(command: &mut Command, output: &Path) -> Result<Child, String> {
    let file = fs::File::create(output).map_err(|error| format!("{}: {error}", output.display()))?;
    let errors = file.try_clone().map_err(|error| error.to_string())?;
    command.stdout(Stdio::from(file)).stderr(errors).spawn().map_err(|error| error.to_string())
}

fn wait_until_it_listens(lab: &Lab, port: u16, running: &Running) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while lab.shell("s", &format!("ss -Hltn 'sport = :{port}'")).is_empty() {
        if Instant::now() > deadline {
            return Err(format!("the server does not listen; it says: {}", running.log()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// nginx on s, with TLS on port 443.
pub(crate) fn start_nginx(lab: &Lab, chain: &Chain) -> Result<Running, String> {
    let folder = lab.folder().join("nginx");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let conf = NGINX_CONF
        .replace("FOLDER", &folder.display().to_string())
        .replace("CHAIN", &chain.certificates().display().to_string())
        .replace("KEY", &chain.key().display().to_string());
    let (conf_file, log) = (folder.join("nginx.conf"), folder.join("error.log"));
    fs::write(&conf_file, conf).map_err(|error| format!("{}: {error}", conf_file.display()))?;
    let mut command = lab.command("s", needs::other_servers().join("usr/sbin/nginx"));
    command.arg("-e").arg(&log).arg("-p").arg(&folder).arg("-c").arg(&conf_file);
    let output = folder.join("output");
    let child = start_with_output(&mut command, &output)?;
    let running = Running { mailbox: folder, logs: vec![output, log], child: Some(child) };
    wait_until_it_listens(lab, 443, &running).map(|()| running)
}

fn owned_by_nobody(folder: &Path) -> Result<(), String> {
    let made = fs::create_dir_all(folder).and_then(|()| std::os::unix::fs::chown(folder, Some(65534), Some(65534)));
    made.map_err(|error| format!("{}: {error}", folder.display()))
}
