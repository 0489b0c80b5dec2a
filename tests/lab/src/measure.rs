//! What a command takes: wall clock, processor time, peak memory. Read from `/proc` while it runs, so no other tool is needed.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to print it; the command has stdout and stderr.
    #[arg(long)]
    to: PathBuf,
    /// End it by SIGKILL after so many milliseconds.
    #[arg(long)]
    kill_after_ms: Option<u64>,
    /// The command.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

const INTERVAL: Duration = Duration::from_millis(10);

/// Prints "WALL_MS USER_MS SYSTEM_MS PEAK_KIB EXIT"; a command that was killed has exit 137.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let [program, rest @ ..] = &arguments.command[..] else { return Err(io::ErrorKind::InvalidInput.into()) };
    let begin = Instant::now();
    let mut child = Command::new(program).args(rest).spawn()?;
    let mut seen = Seen::default();
    let status = loop {
        // A child that has ended keeps its times until it is waited for, but not its memory.
        seen.look(child.id());
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if arguments.kill_after_ms.is_some_and(|limit| begin.elapsed() >= Duration::from_millis(limit)) {
            child.kill()?;
        }
        thread::sleep(INTERVAL);
    };
    let (wall, code) = (begin.elapsed().as_millis(), status.code().unwrap_or(137));
    let Seen { user, system, peak } = seen;
    fs::write(&arguments.to, format!("{wall} {user} {system} {peak} {code}\n"))
}

/// Milliseconds and KiB.
#[derive(Default)]
struct Seen {
    user: u64,
    system: u64,
    peak: u64,
}

impl Seen {
    fn look(&mut self, pid: u32) {
        if let Some((user, system)) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().as_deref().and_then(times) {
            (self.user, self.system) = (user, system);
        }
        if let Some(peak) = fs::read_to_string(format!("/proc/{pid}/status")).ok().as_deref().and_then(peak) {
            self.peak = self.peak.max(peak);
        }
    }
}

/// proc(5): the fields behind the command's name, which may hold anything but ends in the last parenthesis.
fn times(stat: &str) -> Option<(u64, u64)> {
    /// `_SC_CLK_TCK` is 100 on every Linux.
    const MS_PER_TICK: u64 = 10;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut next = || Some(fields.next()?.parse::<u64>().ok()? * MS_PER_TICK);
    Some((next()?, next()?))
}

fn peak(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_proc_5_describes() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194560 9 0 0 0 12 34 0 0 20 0 1 0 100 1 1";
        assert_eq!(times(stat), Some((120, 340)));
        assert_eq!(peak("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n"), Some(1234));
        assert_eq!(peak("Name:\tx\n"), None);
    }
}
