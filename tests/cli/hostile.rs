//! What a terminal would act on never reaches it, whoever wrote it: names of files, arguments, variables, logs, results.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Erases the screen, sets its title, rings, goes back, begins lines of its own, reorders, hides.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{8}\r\n\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{2028}\u{85}\u{7f}\u{feff}";

/// A folder with a hostile name, in which files with hostile names are.
struct Folder(PathBuf);

impl Folder {
    fn new(of: &str) -> Self {
        let mut name = OsString::from(format!("pmtu-probe-hostile-{of}-{}", std::process::id()));
        name.push(HOSTILE);
        // Names are bytes.
        name.push(OsString::from_vec(vec![0x9b, b'2', b'J', 0xff]));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a scratch folder");
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> OsString {
        let path = self.0.join(format!("{name}{HOSTILE}"));
        fs::write(&path, content).expect("a scratch file");
        path.into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Control characters but line ends, marks that reorder or hide text, and ends of lines that are none.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Runs the program, which has to end with a word, and none that steers.
fn check(arguments: &[&OsStr], variables: &[(&str, &str)]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pmtu-probe"));
    command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    let ran = command.output().expect("the program runs");
    for output in [&ran.stdout, &ran.stderr] {
        let text = std::str::from_utf8(output).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        assert!(!text.contains(steers), "{arguments:?} {variables:?}: {text:?}");
    }
    assert!(!(ran.stdout.is_empty() && ran.stderr.is_empty()), "{arguments:?} says nothing");
    if ran.status.code() == Some(3) && ran.stdout.is_empty() && arguments.iter().all(|one| *one != "-v") {
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(
            said.lines().filter(|line| line.starts_with("pmtu-probe: ")).count(),
            said.lines().count(),
            "{said:?}"
        );
    }
}

#[test]
fn arguments_and_variables_are_shown_as_they_are_typed() {
    let hostile = OsString::from(HOSTILE);
    let with = |before: &str| {
        let mut argument = OsString::from(before);
        argument.push(&hostile);
        argument
    };
    // The value in an argument of its own, behind `=`, and where no value belongs.
    for option in [
        "port",
        "max-size",
        "min-size",
        "interface",
        "source",
        "timeout",
        "rate",
        "expect",
        "expect-mtu",
        "warning",
        "critical",
        "flows",
        "concurrency",
        "shard",
        "since",
        "until",
        "color",
        "advice",
        "method",
        "direction",
        "letter",
        "format",
        "generate",
        "pcapng-limit",
        "no-such-option",
        "list-only",
        "json",
        "hostname",
    ] {
        let alone = format!("--{option}");
        check(&[alone.as_ref(), &hostile, "--merge".as_ref(), "/nowhere".as_ref()], &[]);
        check(&[&with(&format!("--{option}=")), "--merge".as_ref(), "/nowhere".as_ref()], &[]);
        check(&["--format".as_ref(), "nagios".as_ref(), &with(&format!("--{option}="))], &[]);
        check(&["--format".as_ref(), "checkmk".as_ref(), &with(&format!("--{option}="))], &[]);
    }
    for argument in [with(""), with("-"), with("--"), with("-p"), with("a@"), with("mx.example.com")] {
        check(&[&argument, "--port".as_ref(), "no".as_ref()], &[]);
    }
    let nowhere = ["--merge".as_ref(), OsStr::new("/nowhere")];
    for variable in ["RUST_LOG", "COLUMNS", "TERM", "NO_COLOR", "TZ"] {
        check(&nowhere, &[(variable, HOSTILE.trim_matches('\0'))]);
        check(&["-vvv".as_ref(), nowhere[0], nowhere[1]], &[(variable, HOSTILE)]);
    }
    let list = ["--targets", "/nowhere", "--shard", "auto"].map(OsStr::new);
    for variable in [
        "JOB_COMPLETION_INDEX",
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_COUNT",
        "PARALLEL_SEQ",
        "NOMAD_ALLOC_INDEX",
        "PMTU_SHARDS",
    ] {
        check(&list, &[(variable, HOSTILE)]);
        check(&list, &[(variable, HOSTILE), ("PMTU_SHARDS", "3"), ("JOB_COMPLETION_INDEX", "1")]);
    }
}

#[test]
fn names_of_files_are_shown_and_not_acted_on() {
    let folder = Folder::new("names");
    let missing: OsString = folder.0.join("no").join(HOSTILE).into();
    let is_folder: OsString = folder.0.clone().into();
    let target = OsStr::new("192.0.2.1");
    for path in [&missing, &is_folder] {
        for option in ["--targets", "--from-log", "--merge"] {
            check(&[option.as_ref(), path], &[]);
        }
        for option in ["--known", "--pcapng", "--html", "--junit", "--prometheus"] {
            check(&[option.as_ref(), path, "-t".as_ref(), "0.01".as_ref(), target], &[]);
        }
        let mut json = OsString::from("--json=");
        json.push(path);
        check(&[&json, "-t".as_ref(), "0.01".as_ref(), target], &[]);
        for option in ["--jsonl", "--resume", "--track"] {
            check(&["--targets".as_ref(), "/dev/null".as_ref(), option.as_ref(), path], &[]);
        }
    }
    let foreign = folder.file("foreign", "no results\n");
    let half = folder.file("half", "{\"schema\":\"pmtu-probe/1\",\"tar");
    for file in [&foreign, &half] {
        check(&["--merge".as_ref(), file], &[]);
        check(&["--known".as_ref(), file, "-t".as_ref(), "0.01".as_ref(), target], &[]);
        for option in ["--jsonl", "--resume", "--track"] {
            check(&["--targets".as_ref(), "/dev/null".as_ref(), option.as_ref(), file], &[]);
        }
        check(&["--targets".as_ref(), "/dev/null".as_ref(), "--jsonl".as_ref(), file, "--resume".as_ref(), file], &[]);
    }
    let list = folder.file("list", format!("a b {}\n\u{1b}[2J\u{202e}\n", HOSTILE.replace(['\r', '\n'], "")));
    check(&["--targets".as_ref(), &list], &[]);
}

#[test]
fn what_logs_and_results_hold_is_shown_and_not_acted_on() {
    let folder = Folder::new("contents");
    let line = HOSTILE.replace(['\r', '\n', '\u{2028}', '\u{85}'], "");
    let stuck = format!(
        "Nov  4 05:40:00 m{line} postfix/qmgr[1]: 4A1B2C4D5E: from=<a{line}@b.example>, size=90000, nrcpt=1 (queue active)\n\
         Nov  4 05:43:00 m{line} postfix/smtp[2]: 4A1B2C4D5E: to=<u@c{line}.example>, relay=mx{line}.c.example[192.0.2.1]:25, \
         delay=180, delays=0/0/0/180, dsn=4.4.2, status=deferred (conversation with mx{line}.c.example[192.0.2.1] timed out \
         while sending message body)\n\
         ?? {line} conversation with mx{line}[192.0.2.7] timed out while sending message body\n"
    );
    let log = folder.file("log", stuck);
    for more in [&[][..], &["-q"], &["--json"], &["-v"]] {
        let mut arguments = vec!["--from-log".as_ref(), log.as_os_str(), "--list-only".as_ref()];
        arguments.extend(more.iter().map(OsStr::new));
        check(&arguments, &[]);
    }
    let json_text = HOSTILE.chars().fold(String::new(), |text, c| text + &format!("\\u{:04x}", c as u32));
    let result = format!(
        "{{\"schema\":\"pmtu-probe/1\",\"target\":\"{json_text}\",\"vantage\":\"{json_text}\",\"addresses\":[{{}}]}}\n"
    );
    let results = folder.file("results", result);
    check(&["--merge".as_ref(), &results], &[]);
    let raw = folder.file(
        "raw",
        [b"{\"schema\":\"pmtu-probe/1\",\"target\":\"\x1b[2J\x9b".as_slice(), HOSTILE.as_bytes(), b"\"}\n"].concat(),
    );
    check(&["--merge".as_ref(), &raw], &[]);
    assert!(log.as_bytes().contains(&0x9b), "names are bytes");
}
