//! The sending host: Debian's Exim on c, unpacked, which finds its way by MX records.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::message::SENDER;
use super::needs;

/// Debian's retry rule and log selector. Exim comes with 5 min for both time limits of data, which `PATIENCE` replaces.
const CONF: &str = "primary_hostname = client.example.com
exim_path = /exim4
log_file_path = /logs/%slog
log_selector = +smtp_protocol_error +smtp_syntax_error
host_lookup =
local_interfaces = 127.0.0.1
keep_environment =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
mx:
  driver = dnslookup
  transport = remote_smtp
begin transports
remote_smtp:
  driver = smtp
  data_timeout = PATIENCE
  final_timeout = PATIENCE
begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h
";

/// One that runs. It ends with this value or with its lab.
pub(crate) struct Exim<'a> {
    lab: &'a Lab,
    logs: PathBuf,
    child: Child,
}

impl<'a> Exim<'a> {
    /// Waits until it listens on the loopback interface.
    pub(crate) fn start(lab: &'a Lab, patience: Duration) -> Result<Self, String> {
        let folder = lab.folder().join("exim-c");
        let [root, mail, logs, settings] = ["root", "mail", "logs", "settings"].map(|name| folder.join(name));
        let text = |error: std::io::Error| error.to_string();
        for part in [&root, &mail, &logs, &settings.join("exim4")] {
            fs::create_dir_all(part).map_err(text)?;
        }
        let files = [
            ("exim4/exim4.conf", CONF.replace("PATIENCE", &format!("{}s", patience.as_secs()))),
            ("resolv.conf", "nameserver 127.0.0.1\n".to_owned()),
            ("services", "smtp 25/tcp\n".to_owned()),
        ];
        for (name, content) in files {
            fs::write(settings.join(name), content).map_err(text)?;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/own_root.sh");
        let mut command = lab.command("c", "bash");
        command.arg(script).args([&root, &mail, &logs, &needs::other_servers()]).args(["exim", ""]).arg(&settings);
        let exim = Self { lab, child: start(&mut command, &logs)?, logs };
        let deadline = Instant::now() + Duration::from_secs(20);
        while lab.shell("c", "ss -Hltn 'sport = :25'").is_empty() {
            if Instant::now() > deadline {
                return Err(format!("Exim does not listen; it says: {}", exim.log()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(exim)
    }

    /// Hands a message to it, which it tries to deliver at once.
    pub(crate) fn submit(&self, recipient: &str, message: &str) -> Result<(), String> {
        self.lab.inside("c", || talk(recipient, message)).map_err(|error| format!("{error}: {}", self.log()))
    }

    pub(crate) fn log(&self) -> String {
        let logs = ["output", "mainlog", "paniclog"].map(|name| self.logs.join(name));
        logs.iter().filter_map(|log| fs::read_to_string(log).ok()).collect()
    }
}

impl Drop for Exim<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(command: &mut Command, logs: &std::path::Path) -> Result<Child, String> {
    let output = fs::File::create(logs.join("output")).map_err(|error| error.to_string())?;
    let errors = output.try_clone().map_err(|error| error.to_string())?;
    command.stdout(Stdio::from(output)).stderr(errors).spawn().map_err(|error| error.to_string())
}

/// One message by SMTP (RFC 5321). No line of it begins with a dot.
fn talk(recipient: &str, message: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect("127.0.0.1:25")?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let envelope = [
        format!("HELO client.example.com\r\nMAIL FROM:<{SENDER}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n"),
        format!("{}\r\n.\r\nQUIT\r\n", message.replace('\n', "\r\n")),
    ];
    let mut said = Vec::new();
    for (part, replies_to_it) in envelope[0].split_inclusive("\r\n").chain([envelope[1].as_str()]).zip([2, 1, 1, 1, 2])
    {
        stream.write_all(part.as_bytes())?;
        for _ in 0..replies_to_it {
            let mut line = String::new();
            replies.read_line(&mut line)?;
            said.push(line);
        }
    }
    if said.iter().all(|line| line.starts_with(['2', '3'])) {
        Ok(())
    } else {
        Err(std::io::Error::other(said.concat()))
    }
}
