//! `--from-log` and `--from-queue` up to the list of suspects, which needs no privilege.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const HEALTHY: &str = "\
Nov  4 05:32:43 mail postfix/qmgr[1]: 3A1B2C4D5E: from=<a@b.example>, size=900, nrcpt=1 (queue active)
Nov  4 05:32:44 mail postfix/smtp[2]: 3A1B2C4D5E: to=<u@c.example>, relay=mx.c.example[192.0.2.1]:25, delay=1, \
delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
";
const STUCK: &str = "\
Nov  4 05:40:00 mail postfix/qmgr[1]: 4A1B2C4D5E: from=<a@b.example>, size=90000, nrcpt=1 (queue active)
Nov  4 05:43:00 mail postfix/smtp[2]: 4A1B2C4D5E: to=<u@c.example>, relay=mx.c.example[192.0.2.1]:25, delay=180, \
delays=0/0/0/180, dsn=4.4.2, status=deferred (conversation with mx.c.example[192.0.2.1] timed out while sending \
message body)
";

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pmtu-probe"));
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // A program that does not read it has ended already.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    child.wait_with_output().expect("a child can be waited for")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_no_log_ends_in_one_line() {
    let cases: [(&[&str], &[u8], &str); 5] = [
        (&["--from-log", "/nonexistent/mail.log"], b"", "cannot open the log /nonexistent/mail.log: No such file"),
        (&["--from-log", "/tmp"], b"", "/tmp is a folder"),
        (&["--from-log", "-"], b"", "standard input: empty"),
        (
            &["--from-log", "-"],
            b"Dear Sir,\nno log\n\xff\0",
            "standard input: none of 3 lines can be read as one of Postfix",
        ),
        (&["--from-log", "-"], b"\x1f\x8b\x08\0", "the log standard input is gzip, but truncated or damaged"),
    ];
    for (arguments, input, expected) in cases {
        let ran = run(&[arguments, &["--list-only"]].concat(), input);
        let said = text(&ran.stderr);
        assert_eq!((ran.status.code(), text(&ran.stdout).as_str()), (Some(3), ""), "{arguments:?}: {said}");
        assert!(said.starts_with(&format!("pmtu-probe: {expected}")) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_part_of_a_log_is_read() {
    let log = [HEALTHY, STUCK].concat();
    let list = |arguments: &[&str]| run(&[&["--from-log", "-", "--list-only"], arguments].concat(), log.as_bytes());
    let all = list(&["--since", "2000-01-01"]);
    assert!(all.status.success() && text(&all.stdout).starts_with("1 suspect in "), "{all:?}");
    let none = list(&["--until", "2000-01-01"]);
    assert!(none.status.success() && text(&none.stdout).starts_with("No suspects"), "{none:?}");
    let wrong = list(&["--since", "soon"]);
    let said = text(&wrong.stderr);
    assert_eq!((wrong.status.code(), text(&wrong.stdout).as_str()), (Some(3), ""), "{said}");
    assert!(said.contains("is no moment; give one like today"), "{said}");
}

/// A line that accuses in a form that nobody reads is no good news.
#[test]
fn what_accuses_and_cannot_be_read_is_shown() {
    let log =
        [HEALTHY, "?? stuck: conversation with mx\u{202e}[192.0.2.7] timed out while sending message body\n"].concat();
    let ran = run(&["--from-log", "-", "--list-only"], log.as_bytes());
    let list = text(&ran.stdout);
    assert_eq!((ran.status.code(), text(&ran.stderr).as_str()), (Some(3), ""), "{list}");
    assert!(list.starts_with("No suspects among what can be read of "), "{list}");
    let said = list.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1 line tells of mail that stalls, in a form that cannot be read"), "{list}");
    assert!(said.contains("conversation with mx") && !said.contains('\u{202e}'), "{list}");
}

#[test]
fn suspects_are_listed_without_privilege_and_are_no_fault_of_the_run() {
    let log = [HEALTHY, STUCK].concat();
    let ran = run(&["--from-log", "-", "--list-only"], log.as_bytes());
    let list = text(&ran.stdout);
    assert_eq!((ran.status.code(), text(&ran.stderr).as_str()), (Some(0), ""));
    assert!(list.starts_with("1 suspect in 4 lines of log from "), "{list}");
    assert!(list.contains("\nmx.c.example 192.0.2.1: classic: large mail stalls, smaller mail passes\n"), "{list}");
    let short = run(&["--from-log", "-", "--list-only", "-q"], log.as_bytes());
    assert_eq!(text(&short.stdout), "mx.c.example 192.0.2.1: classic: large mail stalls, smaller mail passes\n");
}

#[test]
fn nobody_is_said_with_what_was_read() {
    let ran = run(&["--from-log", "-", "--list-only"], HEALTHY.as_bytes());
    let said = text(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0));
    assert!(said.starts_with("No suspects: nothing in 2 lines of log from "), "{said}");
    assert!(said.contains("05:32:43") && said.contains("05:32:44"), "{said}");
}

/// A queue manager of one's own is found by MAIL_CONFIG, as by Postfix's own commands.
#[test]
fn the_queue_is_asked_with_the_environment_of_the_caller() {
    let folder = std::env::temp_dir().join(format!("pmtu-probe-postqueue-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let script = folder.join("postqueue");
    std::fs::write(&script, "#!/bin/sh\n[ \"$1\" = -j ] && cat \"$MAIL_CONFIG/list\"\n").expect("a script");
    let listed = include_bytes!("../logs/postqueue.json");
    std::fs::write(folder.join("list"), listed).expect("a list");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("it may be run");
    // A Postfix that is installed would be found first.
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", "mount -t tmpfs tmpfs /usr/sbin && exec \"$@\"", "-"]);
    command.args([env!("CARGO_BIN_EXE_pmtu-probe"), "--from-queue", "--list-only", "-q"]);
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let ran = command.env("PATH", path).env("MAIL_CONFIG", &folder).output();
    let ran = ran.expect("the program starts");
    let _ = std::fs::remove_dir_all(&folder);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    // As its labels say: three likely ones, two possible.
    let list = text(&ran.stdout);
    assert_eq!((list.matches(": likely: ").count(), list.matches(": possible: ").count()), (3, 2), "{list}");
}
