//! `--jsonl` and `--resume`: one line for each target as it ends, and what was done before.
//!
//! A line is written in one piece and ends in a line feed. So whatever stands behind the last line feed was cut short by the
//! end of its run; it is removed, and its target examined again.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Deserialize;

use super::key::Key;
use super::tally::Tally;

/// A file of results that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum LedgerError {
    /// It cannot be opened, read or written.
    #[error("cannot use the results {}: {source}; name another file for {option}", path.display())]
    Io {
        /// The option that names it.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Results of an earlier run would be lost.
    #[error("{} holds results already; add --resume {} to go on with them, or name another file", .0.display(), .0.display())]
    NotEmpty(PathBuf),
    /// Another run writes to it.
    #[error("another run writes to {} at the moment; wait for its end, or name another file for --jsonl", .0.display())]
    Busy(PathBuf),
    /// Something else than results.
    #[error("line {line} of {} is no result of this program; is that the right file for --resume?", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// From 1 on.
        line: u64,
    },
    /// A set-user-ID program would touch files that its user may not.
    #[error("--jsonl FILE and --resume are refused where the program is set-user-ID: use sudo, or \"--jsonl - >FILE\"")]
    SetUserId,
}

/// Where result lines go, and which targets have theirs.
pub(in super::super) struct Ledger {
    out: Option<Box<dyn Write>>,
    held: HashSet<Key>,
    before: Tally,
}

/// As much of a result line as matters here.
#[derive(Deserialize)]
struct Held {
    schema: String,
    target: String,
    exit_code: u8,
    addresses: Vec<HeldAddress>,
}

#[derive(Deserialize)]
struct HeldAddress {
    verdict: String,
}

impl Ledger {
    /// Opens the files. To be called before privileges are given up.
    pub(in super::super) fn open(jsonl: Option<&Path>, resume: Option<&Path>) -> Result<Self, LedgerError> {
        let mut ledger = Self { out: None, held: HashSet::new(), before: Tally::default() };
        let named = [jsonl, resume].into_iter().flatten().any(|path| !is_stdout(path));
        if named && rustix::process::getuid() != rustix::process::geteuid() {
            return Err(LedgerError::SetUserId);
        }
        match (jsonl, resume) {
            (None, None) => {}
            (None, Some(resume)) => ledger.read_only(resume)?,
            (Some(jsonl), Some(resume)) if same_file(jsonl, resume) => ledger.append(jsonl)?,
            (Some(jsonl), resume) => {
                if let Some(resume) = resume {
                    ledger.read_only(resume)?;
                }
                ledger.create(jsonl)?;
            }
        }
        Ok(ledger)
    }

    /// Whether a target has its line.
    pub(super) fn holds(&self, key: Key) -> bool {
        self.held.contains(&key)
    }

    /// What the lines of earlier runs say.
    pub(super) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.before)
    }

    /// Writes a line, at once and in one piece.
    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(line.as_bytes())?;
        out.flush()
    }

    fn create(&mut self, path: &Path) -> Result<(), LedgerError> {
        if is_stdout(path) {
            self.out = Some(Box::new(io::stdout()));
            return Ok(());
        }
        let failed = |source| LedgerError::Io { option: "--jsonl", path: path.to_owned(), source };
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
        lock(&file, path)?;
        if file.metadata().map_err(failed)?.len() > 0 {
            return Err(LedgerError::NotEmpty(path.to_owned()));
        }
        self.out = Some(Box::new(file));
        Ok(())
    }

    fn append(&mut self, path: &Path) -> Result<(), LedgerError> {
        let failed = |source| LedgerError::Io { option: "--jsonl", path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        lock(&file, path)?;
        let whole = self.take_in(&file, path)?;
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::Start(whole))).map_err(failed)?;
        self.out = Some(Box::new(file));
        Ok(())
    }

    /// A file that is not there yet holds nothing: the first run of a loop looks like the others.
    fn read_only(&mut self, path: &Path) -> Result<(), LedgerError> {
        match File::open(path) {
            Ok(file) => self.take_in(&file, path).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(LedgerError::Io { option: "--resume", path: path.to_owned(), source }),
        }
    }

    /// Returns the length up to the end of the last whole line.
    fn take_in(&mut self, file: &File, path: &Path) -> Result<u64, LedgerError> {
        let failed = |source| LedgerError::Io { option: "--resume", path: path.to_owned(), source };
        let (mut reader, mut line, mut number, mut whole) = (BufReader::new(file), Vec::new(), 0, 0);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(failed)?;
            if line.pop() != Some(b'\n') {
                return Ok(whole);
            }
            number += 1;
            whole += length as u64;
            let held = serde_json::from_slice::<Held>(&line).ok();
            let held = held.filter(|held| held.schema == crate::report::json::SCHEMA);
            let held = held.ok_or_else(|| LedgerError::Foreign { path: path.to_owned(), line: number })?;
            if self.held.insert(Key::of(&held.target)) {
                self.before.add(held.exit_code, held.addresses.iter().map(|address| address.verdict.as_str()));
            }
        }
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn same_file(a: &Path, b: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    a == b || identity(a).is_some_and(|one| identity(b) == Some(one))
}

/// The lock ends with the process, however that ends.
fn lock(file: &File, path: &Path) -> Result<(), LedgerError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::AGAIN) => Err(LedgerError::Busy(path.to_owned())),
        // A file system without locks is no reason to stop.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(target: &str) -> String {
        format!(
            "{{\"schema\":\"pmtu-probe/1\",\"target\":\"{target}\",\"exit_code\":2,\"addresses\":[{{\"verdict\":\"black_hole\",\"x\":1}}]}}\n"
        )
    }

    /// A file that is gone when the test is.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pmtu-probe-ledger-{}-{name}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            Self(path)
        }

        fn fill(&self, content: &[u8]) {
            std::fs::write(&self.0, content).expect("a scratch file");
        }

        fn content(&self) -> String {
            std::fs::read_to_string(&self.0).expect("the scratch file")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn holds(ledger: &Ledger, target: &str) -> bool {
        ledger.holds(Key::of(target))
    }

    #[test]
    fn wherever_a_run_was_killed_whole_lines_stay_and_the_rest_goes() {
        let scratch = Scratch::new("killed");
        let (whole, last) = (line("a") + &line("b"), line("c"));
        for cut in 0..last.len() {
            scratch.fill((whole.clone() + &last[..cut]).as_bytes());
            let mut ledger = Ledger::open(Some(&scratch.0), Some(&scratch.0)).expect("results");
            assert!(holds(&ledger, "a") && holds(&ledger, "B.") && !holds(&ledger, "c"), "cut at {cut}");
            ledger.write(&line("c")).expect("a line");
            drop(ledger);
            assert_eq!(scratch.content(), whole.clone() + &last, "cut at {cut}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_holds_nothing() {
        let scratch = Scratch::new("new");
        assert!(!holds(&Ledger::open(None, Some(&scratch.0)).expect("nothing"), "a"));
        let mut ledger = Ledger::open(Some(&scratch.0), Some(&scratch.0)).expect("a new file");
        ledger.write(&line("a")).expect("a line");
        assert_eq!(scratch.content(), line("a"), "flushed");
    }

    #[test]
    fn results_are_never_overwritten() {
        let scratch = Scratch::new("full");
        scratch.fill(line("a").as_bytes());
        let error = Ledger::open(Some(&scratch.0), None).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("holds results already; add --resume"), "{error}");
        assert_eq!(scratch.content(), line("a"));
    }

    #[test]
    fn two_runs_do_not_write_to_one_file() {
        let scratch = Scratch::new("two");
        let first = Ledger::open(Some(&scratch.0), Some(&scratch.0)).expect("the first");
        assert!(matches!(Ledger::open(Some(&scratch.0), Some(&scratch.0)), Err(LedgerError::Busy(_))));
        drop(first);
        assert!(Ledger::open(Some(&scratch.0), Some(&scratch.0)).is_ok());
    }

    #[test]
    fn other_files_are_left_as_they_are() {
        let scratch = Scratch::new("foreign");
        for content in [line("a") + "127.0.0.1 localhost\n", "\u{0}\n".into(), line("a").replace("probe/1", "probe/9")]
        {
            scratch.fill(content.as_bytes());
            let error = Ledger::open(Some(&scratch.0), Some(&scratch.0)).err();
            assert!(matches!(error, Some(LedgerError::Foreign { .. })), "{content:?}: {error:?}");
            assert_eq!(scratch.content(), content);
        }
    }

    #[test]
    fn results_elsewhere_are_read_and_not_touched() {
        let (old, new) = (Scratch::new("old"), Scratch::new("fresh"));
        old.fill((line("a") + "{\"half").as_bytes());
        let ledger = Ledger::open(Some(&new.0), Some(&old.0)).expect("two files");
        assert!(holds(&ledger, "a"));
        assert_eq!(old.content(), line("a") + "{\"half");
    }
}
