//! c as a host of its own: the lab's network, and Debian's packages laid over this machine's programs and files.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use super::lab::{Lab, program};
use super::systems;

/// What ends the output of one script.
const END: &str = "=== end:";
/// Root without the marks of a container that this machine may bear itself, such as /.dockerenv.
const ROOT: &str = "
mkdir /mnt/root /mnt/root/mnt
for entry in /*; do
    if [ $entry = /mnt ]; then continue
    elif [ -L $entry ]; then cp -a $entry /mnt/root/
    elif [ -d $entry ]; then mkdir /mnt/root$entry; mount --rbind $entry /mnt/root$entry
    fi
done
exec env -u container chroot /mnt/root sh
";

/// Daemons start within seconds; a machine at work took more than a minute.
const LONGEST_SCRIPT: Duration = Duration::from_secs(240);

/// The host. It ends with this value.
pub(crate) struct World {
    shell: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl World {
    /// `node` gets it, with what this script sets up.
    pub(crate) fn start(lab: &Lab, node: &str, setup: &str) -> Result<Self, String> {
        let mut command = lab.command(node, "unshare");
        let world = format!("{}{ROOT}", systems::WORLD);
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", &world]);
        command.env("systems", systems::folder());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        let mut shell = child.map_err(|error| format!("unshare: {error}"))?;
        let (Some(mut stdin), Some(stdout)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err("no pipes".into());
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        writeln!(stdin, "{}", systems::WORDS).map_err(|error| error.to_string())?;
        let mut world = Self { shell, stdin, lines };
        world.run(setup)?;
        Ok(world)
    }

    /// Runs a script to its end and returns what it prints. Every command has to succeed. What it starts goes on.
    pub(crate) fn run(&mut self, script: &str) -> Result<String, String> {
        let wrapped = format!(
            "( set -eu\n{script}\n) </dev/null >/run/output 2>/run/errors\nstatus=$?\ncat /run/output; \
             [ $status = 0 ] || cat /run/errors; echo; echo '{END}' $status"
        );
        writeln!(self.stdin, "{wrapped}").map_err(|error| format!("the world is gone: {error}"))?;
        let mut output = String::new();
        loop {
            let line = self.lines.recv_timeout(LONGEST_SCRIPT);
            let line = line.map_err(|_| format!("no end of this script: {script}\nso far: {output}"))?;
            match line.strip_prefix(END) {
                Some(status) if status.trim() == "0" => return Ok(output),
                Some(status) => return Err(format!("{script}\nends with{status}: {output}")),
                None => output.extend([&line, "\n"]),
            }
        }
    }

    /// Types commands as printed, comments included. Of a line, its last command tells whether it worked.
    pub(crate) fn paste(&mut self, lines: &[String]) -> Result<(), String> {
        lines.iter().try_for_each(|line| self.run(&format!("set +e\n{line}")).map(drop))
    }

    /// What this program says of an address.
    pub(crate) fn ask(&mut self, address: &str) -> Result<Value, String> {
        let output =
            self.run(&format!("'{}' --json --direction forward {address} || [ $? -lt 3 ]", program().display()))?;
        let document: Value = serde_json::from_str(&output).map_err(|error| format!("{error}: {output}"))?;
        Ok(document["addresses"][0].clone())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
