//! Runs `postqueue -j` within limits of time and length.

use std::io::{ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::environment::Environment;
use crate::intake::IntakeError;

/// Postfix lists a queue of a hundred thousand mails in one or two seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Enough for half a million mails.
const LIMIT: u64 = 256 << 20;
const LONGEST_COMPLAINT: u64 = 4096;

/// Where Postfix is on Linux, and then the search path, if its owner is who runs this.
const FOLDERS: [&str; 4] = ["/usr/sbin/", "/usr/local/sbin/", "/usr/bin/", ""];

/// Where a Postfix that is not in its usual place has its configuration. Postfix itself does not believe everybody.
const CONFIGURATION: &str = "MAIL_CONFIG";

/// What the program prints. `environment`: whether this process's environment comes from who has its rights.
pub(super) fn postqueue(program: &str, environment: Environment) -> Result<Vec<u8>, IntakeError> {
    let folders = FOLDERS.iter().filter(|folder| environment == Environment::Trusted || !folder.is_empty());
    let mut missing = Err(IntakeError::NoPostqueue);
    for folder in folders {
        missing = run(prepare(Command::new(format!("{folder}{program}")).arg("-j"), environment), PATIENCE);
        if missing != Err(IntakeError::NoPostqueue) {
            break;
        }
    }
    missing
}

/// Of this process's environment, what the program gets.
fn prepare(command: &mut Command, environment: Environment) -> &mut Command {
    let given = |name| std::env::var_os(name).filter(|_| environment == Environment::Trusted);
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", given("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()));
    if let Some(folder) = given(CONFIGURATION) {
        command.env(CONFIGURATION, folder);
    }
    command
}

fn run(command: &mut Command, patience: Duration) -> Result<Vec<u8>, IntakeError> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => IntakeError::NoPostqueue,
        _ => IntakeError::PostqueueStart(error.to_string()),
    })?;
    let read = outputs(&mut child).and_then(|outputs| finish(&mut child, &outputs, patience));
    // It has ended, or it must end now.
    let _ = child.kill();
    let _ = child.wait();
    read
}

/// The two outputs, each of them whole when it ends.
struct Outputs {
    list: mpsc::Receiver<Vec<u8>>,
    complaint: mpsc::Receiver<Vec<u8>>,
}

fn outputs(child: &mut Child) -> Result<Outputs, IntakeError> {
    let gone = || IntakeError::PostqueueFailed("its output is gone".to_owned());
    let (stdout, stderr) = child.stdout.take().zip(child.stderr.take()).ok_or_else(gone)?;
    Ok(Outputs { list: collect(stdout, LIMIT), complaint: collect(stderr, LONGEST_COMPLAINT) })
}

fn collect(from: impl Read + Send + 'static, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (done, output) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = from.take(limit + 1).read_to_end(&mut text);
        let _ = done.send(text);
    });
    output
}

fn finish(child: &mut Child, outputs: &Outputs, patience: Duration) -> Result<Vec<u8>, IntakeError> {
    let slow = |_| IntakeError::PostqueueSlow(patience);
    let list = outputs.list.recv_timeout(patience).map_err(slow)?;
    if list.len() as u64 > LIMIT {
        return Err(IntakeError::PostqueueFailed(format!("the queue is longer than {} MiB", LIMIT >> 20)));
    }
    let complaint = outputs.complaint.recv_timeout(patience).map_err(slow)?;
    let status = end(child, patience).ok_or(IntakeError::PostqueueSlow(patience))?;
    if status.success() {
        Ok(list)
    } else {
        Err(IntakeError::PostqueueFailed(last_line(&complaint, &status.to_string())))
    }
}

/// Waits for a program that has closed its outputs. It has nothing left to do, but it may still not end.
fn end(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    const STEP: Duration = Duration::from_millis(2);
    for _ in 0..=patience.as_millis() / STEP.as_millis() {
        match child.try_wait() {
            Ok(None) => thread::sleep(STEP),
            ended => return ended.ok().flatten(),
        }
    }
    None
}

/// The last line of the error output, which is the fatal one. The lines before it are warnings.
fn last_line(complaint: &[u8], otherwise: &str) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(otherwise);
    line.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_said() {
        for environment in [Environment::Trusted, Environment::Untrusted] {
            assert_eq!(postqueue("no-such-postqueue", environment), Err(IntakeError::NoPostqueue));
        }
    }

    #[test]
    fn the_environment_of_others_is_not_passed_on() {
        let seen = |environment| {
            let mut command = Command::new("/usr/bin/env");
            let printed = run(prepare(&mut command, environment), Duration::from_secs(20)).expect("env runs");
            String::from_utf8(printed).expect("text")
        };
        assert_eq!(seen(Environment::Untrusted).lines().count(), 2, "{}", seen(Environment::Untrusted));
        assert!(seen(Environment::Untrusted).contains("PATH=/usr/sbin:"));
        let own = std::env::var("PATH").expect("cargo sets it");
        assert!(seen(Environment::Trusted).contains(&format!("PATH={own}")));
        assert!(!seen(Environment::Trusted).contains("CARGO"));
    }

    fn shell(script: &str, patience: Duration) -> Result<Vec<u8>, IntakeError> {
        run(Command::new("/bin/sh").args(["-c", script]), patience)
    }

    #[test]
    fn outputs_and_failures_are_told_apart() {
        let patience = Duration::from_secs(20);
        assert_eq!(shell("printf '{}\\n'; echo warning >&2", patience), Ok(b"{}\n".to_vec()));
        let down =
            shell("echo 'postqueue: fatal: Queue report unavailable - mail system is down' >&2; exit 69", patience);
        let words = "postqueue: fatal: Queue report unavailable - mail system is down";
        assert_eq!(down, Err(IntakeError::PostqueueFailed(words.to_owned())));
        assert_eq!(shell("exit 3", patience), Err(IntakeError::PostqueueFailed("exit status: 3".to_owned())));
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let patience = Duration::from_millis(200);
        assert_eq!(shell("exec sleep 600", patience), Err(IntakeError::PostqueueSlow(patience)));
        assert_eq!(shell("exec >&- 2>&-; exec sleep 600", patience), Err(IntakeError::PostqueueSlow(patience)));
    }

    #[test]
    fn the_fatal_line_is_the_last() {
        assert_eq!(
            last_line(b"postqueue: warning: x\npostqueue: fatal: y\x1b[31m\n\n", "code 1"),
            "postqueue: fatal: y?[31m"
        );
        assert_eq!(last_line(b"", "exit status: 1"), "exit status: 1");
    }
}
