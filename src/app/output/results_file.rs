//! The file of results of `--jsonl`: one line for each target as it ends, added to what `--resume` holds.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::app::earlier_results::{EarlierResults, Extent, ResultsFileError, refuse_set_user_id};
use crate::app::output_file;
use crate::app::stderr::complain;

/// Where result lines go.
pub(super) struct ResultsFile(Box<dyn Write>);

impl ResultsFile {
    /// Opens it, and reads what the run goes on from. To be called before privileges are given up.
    pub(super) fn open(path: &Path, resume: Option<&Path>) -> Result<(Self, EarlierResults), ResultsFileError> {
        refuse_set_user_id(&[path])?;
        match resume {
            Some(resume) if same_file(path, resume) => Self::append(path),
            Some(resume) => {
                let earlier = EarlierResults::read(resume)?;
                Ok((Self::create(path)?, earlier))
            }
            None => Ok((Self::create(path)?, EarlierResults::default())),
        }
    }

    /// Writes a line, at once and in one piece.
    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        self.0.write_all(line.as_bytes())?;
        self.0.flush()
    }

    fn create(path: &Path) -> Result<Self, ResultsFileError> {
        if path.as_os_str() == "-" {
            return Ok(Self(Box::new(io::stdout())));
        }
        let failed = |source| ResultsFileError::Io { option: "--jsonl", path: path.to_owned(), source };
        let file = output_file::open(path, OpenOptions::new().append(true)).map_err(failed)?;
        let file = Locked::new(file, path)?;
        if file.0.metadata().map_err(failed)?.len() > 0 {
            return Err(ResultsFileError::NotEmpty(path.to_owned()));
        }
        Ok(Self(Box::new(file)))
    }

    fn append(path: &Path) -> Result<(Self, EarlierResults), ResultsFileError> {
        let failed = |source| ResultsFileError::Io { option: "--jsonl", path: path.to_owned(), source };
        let file = output_file::open(path, OpenOptions::new().read(true)).map_err(failed)?;
        let file = Locked::new(file, path)?;
        let mut earlier = EarlierResults::default();
        let Extent { whole, half } = earlier.take_in(&file.0, path)?;
        if !half.is_empty() {
            save_beside(path, &half)?;
            file.0.set_len(whole).map_err(failed)?;
        }
        (&file.0).seek(SeekFrom::Start(whole)).map_err(failed)?;
        Ok((Self(Box::new(file)), earlier))
    }
}

/// A line that the end of its run cut short makes room for the next one. Nothing is thrown away, so it goes to a file beside.
fn save_beside(path: &Path, half: &[u8]) -> Result<(), ResultsFileError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".half");
    let beside = PathBuf::from(name);
    let written = output_file::open(&beside, OpenOptions::new().append(true))
        .and_then(|mut file| file.write_all(&[half, b"\n"].concat()).and_then(|()| file.sync_all()));
    written.map_err(|source| ResultsFileError::Beside { path: path.to_owned(), beside: beside.clone(), source })?;
    complain(&format!(
        "the last line of {} was cut short by the end of its run; it is in {} now, and its target is examined again",
        path.display(),
        beside.display()
    ));
    Ok(())
}

fn same_file(a: &Path, b: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    a == b || identity(a).is_some_and(|one| identity(b) == Some(one))
}

/// A file that no other run writes to. The lock ends with the value, and with the process however that ends.
struct Locked(File);

impl Locked {
    fn new(file: File, path: &Path) -> Result<Self, ResultsFileError> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::AGAIN) => Err(ResultsFileError::Busy(path.to_owned())),
            // A file system without locks is no reason to stop.
            _ => Ok(Self(file)),
        }
    }
}

impl Drop for Locked {
    /// Closing is not enough: a child has the file too until it starts its program, and the lock would live on in it.
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Write for Locked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::target_key::TargetKey;

    const ADDRESS: &str = r#"{"host":"a","address":"192.0.2.1","port":25,"verdict":"black_hole","cause":"no_ptb","path_mtu":1400,"location":null,"ptb":[],"reverse":{"verdict":"untested","path_mtu":null},"a_later_key":1}"#;

    fn line(target: &str) -> String {
        format!(
            "{{\"schema\":\"pmtu-probe/1\",\"target\":\"{target}\",\"started\":null,\"exit_code\":2,\"addresses\":[{ADDRESS}]}}\n"
        )
    }

    /// A file that is gone when the test is, and the one beside it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pmtu-probe-results-{}-{name}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            Self(path)
        }

        fn fill(&self, content: &[u8]) {
            std::fs::write(&self.0, content).expect("a scratch file");
        }

        fn beside(&self) -> PathBuf {
            PathBuf::from(format!("{}.half", self.0.display()))
        }

        fn content(&self) -> String {
            std::fs::read_to_string(&self.0).expect("the scratch file")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
            let _ = std::fs::remove_file(self.beside());
        }
    }

    fn holds(earlier: &EarlierResults, target: &str) -> bool {
        earlier.hold(TargetKey::of(target))
    }

    #[test]
    fn wherever_a_run_was_killed_whole_lines_stay_and_the_rest_goes() {
        let scratch = Scratch::new("killed");
        let (whole, last) = (line("a") + &line("b"), line("c"));
        for cut in 0..last.len() {
            scratch.fill((whole.clone() + &last[..cut]).as_bytes());
            let (mut file, earlier) = ResultsFile::open(&scratch.0, Some(&scratch.0)).expect("results");
            assert!(holds(&earlier, "a") && holds(&earlier, "B.") && !holds(&earlier, "c"), "cut at {cut}");
            file.write(&line("c")).expect("a line");
            drop(file);
            assert_eq!(scratch.content(), whole.clone() + &last, "cut at {cut}");
            let saved = std::fs::read_to_string(scratch.beside()).unwrap_or_default();
            assert_eq!(saved, if cut == 0 { String::new() } else { format!("{}\n", &last[..cut]) }, "cut at {cut}");
            let _ = std::fs::remove_file(scratch.beside());
        }
    }

    #[test]
    fn a_file_that_is_not_there_holds_nothing() {
        let scratch = Scratch::new("new");
        assert!(!holds(&EarlierResults::read(&scratch.0).expect("nothing"), "a"));
        let (mut file, _) = ResultsFile::open(&scratch.0, Some(&scratch.0)).expect("a new file");
        file.write(&line("a")).expect("a line");
        assert_eq!(scratch.content(), line("a"), "flushed");
    }

    #[test]
    fn results_are_never_overwritten() {
        let scratch = Scratch::new("full");
        scratch.fill(line("a").as_bytes());
        let error = ResultsFile::open(&scratch.0, None).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("holds results already; add --resume"), "{error}");
        assert_eq!(scratch.content(), line("a"));
    }

    #[test]
    fn two_runs_do_not_write_to_one_file() {
        let scratch = Scratch::new("two");
        let first = ResultsFile::open(&scratch.0, Some(&scratch.0)).expect("the first");
        assert!(matches!(ResultsFile::open(&scratch.0, Some(&scratch.0)), Err(ResultsFileError::Busy(_))));
        drop(first);
        assert!(ResultsFile::open(&scratch.0, Some(&scratch.0)).is_ok());
    }

    #[test]
    fn the_lock_ends_although_a_child_still_has_the_file() {
        let scratch = Scratch::new("child");
        let file = File::create(&scratch.0).expect("a scratch file");
        let of_a_child = file.try_clone().expect("the same open file");
        drop(Locked::new(file, &scratch.0).expect("the first"));
        assert!(ResultsFile::open(&scratch.0, Some(&scratch.0)).is_ok());
        drop(of_a_child);
    }

    #[test]
    fn other_files_are_left_as_they_are() {
        let scratch = Scratch::new("foreign");
        let foreign = [
            line("a") + "127.0.0.1 localhost\n",
            "\u{0}\n".into(),
            line("a").replace("probe/1", "probe/9"),
            // Without a line feed nothing of it is a whole line, and none of it is ours.
            "x".repeat(100_000),
            "{}".into(),
            "{\"schema\":\"pmtu-probe/9\"".into(),
            line("a") + "no half of ours",
            line("a") + &line("b").replace("\"verdict\":", "verdict"),
            // Ours is no longer JSON from here on.
            line("a") + "{\"schema\":\"pmtu-probe/1\",,",
        ];
        for content in foreign {
            scratch.fill(content.as_bytes());
            for error in [ResultsFile::open(&scratch.0, Some(&scratch.0)).err(), EarlierResults::read(&scratch.0).err()]
            {
                assert!(matches!(error, Some(ResultsFileError::Foreign { .. })), "{content:?}: {error:?}");
            }
            assert_eq!(scratch.content(), content);
            assert!(!scratch.beside().exists());
        }
    }

    /// A line without an end is not read into memory.
    #[test]
    fn a_line_has_a_longest_length() {
        let scratch = Scratch::new("long");
        let file = File::create(&scratch.0).expect("a scratch file");
        (&file).write_all(line("a").as_bytes()).expect("a line");
        file.set_len(1 << 34).expect("a sparse file");
        let error = ResultsFile::open(&scratch.0, Some(&scratch.0)).err();
        assert!(matches!(error, Some(ResultsFileError::TooLong { line: 2, .. })), "{error:?}");
        assert_eq!(scratch.0.metadata().expect("the file").len(), 1 << 34);
    }

    #[test]
    fn links_are_not_followed() {
        let (kept, link) = (Scratch::new("kept"), Scratch::new("link"));
        kept.fill(b"");
        std::os::unix::fs::symlink(&kept.0, &link.0).expect("a link");
        for resume in [None, Some(link.0.as_path())] {
            let error = ResultsFile::open(&link.0, resume).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("it is no ordinary file"), "{error}");
        }
    }

    #[test]
    fn results_elsewhere_are_read_and_not_touched() {
        let (old, new) = (Scratch::new("old"), Scratch::new("fresh"));
        old.fill((line("a") + "{\"schema\":\"pmtu").as_bytes());
        let (_, earlier) = ResultsFile::open(&new.0, Some(&old.0)).expect("two files");
        assert!(holds(&earlier, "a"));
        assert_eq!(old.content(), line("a") + "{\"schema\":\"pmtu");
    }
}
