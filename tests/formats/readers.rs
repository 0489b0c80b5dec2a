//! The programs that read the formats.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use pmtu_probe::model::{FailureKind, Report, TargetFailure};

use crate::fixtures::{all, combinations, hostile, report};

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `netns-scripts/readers.sh` puts them.
pub(crate) fn folder() -> PathBuf {
    let target = || std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let folder = std::env::var_os("PMTU_READERS").map_or_else(|| target().join("readers-of-formats"), PathBuf::from);
    assert!(folder.join("versions").exists(), "{} is missing: run netns-scripts/readers.sh", folder.display());
    folder
}

/// A program of an unpacked Debian package.
pub(crate) fn debian(program: &str) -> Command {
    Command::new(folder().join("root/usr/bin").join(program))
}

/// Python with the packages.
pub(crate) fn python<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(folder().join("python/bin/python"));
    command.args(arguments);
    command
}

/// A script that stands beside the tests.
pub(crate) fn script(name: &str) -> PathBuf {
    repository().join("tests/formats").join(name)
}

/// What a reader did with what it got on stdin.
pub(crate) struct Read {
    pub(crate) is_good: bool,
    /// Stdout, then stderr.
    pub(crate) said: String,
}

pub(crate) fn feed(command: &mut Command, input: &str) -> Read {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    // Beside the reading of its output, or two full pipes would wait for each other.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it is written");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, complaints) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() && !said.is_empty() {
        return Read { is_good: complaints.is_empty(), said: if complaints.is_empty() { said } else { complaints } };
    }
    Read { is_good: output.status.success(), said: said + &complaints }
}

/// A folder that is gone when the test is.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        // Tests run side by side, and more than one may use a name.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pmtu-formats-{}-{name}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Text that tries to be something else in each of the formats.
pub(crate) const HOSTILE: [&str; 12] = [
    "<script>alert(1)</script>",
    "</failure></testcase>]]><!--",
    "``` \n\n# title\n<b>",
    "`a` | [x](https://evil.example/) ![y](https://evil.example/z.png)",
    "https://evil.example/ www.evil.example @everyone #1 root@evil.example",
    "\n::error::x\n##[error]y",
    "x # SKIP all\nok 1\n1..0\nBail out!",
    "\"} 1\nevil{x=\"y",
    "a\\\"b\\n",
    "\u{1b}[2J\u{9b}\u{202e}\u{85}\u{2028}\u{feff}\u{ffff}",
    "  ...\n  ---\nx: [1",
    "",
];

/// Every kind of report, and hostile names in each place that others choose.
pub(crate) fn everything() -> Report {
    let mut addresses = all();
    addresses.extend(combinations().into_iter().skip(addresses.len()).step_by(23));
    addresses.push(hostile());
    for (index, text) in HOSTILE.iter().enumerate() {
        for mut address in [hostile(), crate::fixtures::clear("192.0.2.99")] {
            address.target = format!("{text}{index}");
            address.host = format!("{text}{index}");
            address.zone = Some((*text).to_owned());
            addresses.push(address);
        }
    }
    let mut report = report(addresses);
    report.errors = HOSTILE.iter().map(|text| failure(text, FailureKind::Unresolved)).collect();
    report.errors.push(failure("example.com", FailureKind::NoRoute));
    report
}

fn failure(text: &str, kind: FailureKind) -> TargetFailure {
    TargetFailure { target: text.to_owned(), kind, text: format!("cannot resolve {text}") }
}
