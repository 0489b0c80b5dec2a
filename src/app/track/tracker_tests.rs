//! A folder with the results of several runs.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

/// Gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pmtu-probe-track-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a scratch folder");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("results.jsonl")
    }

    fn open(&self) -> Tracker {
        Tracker::open(&self.file()).expect("a tracker")
    }

    /// The content of each file, by the end of its name.
    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(&self.0).expect("the folder").flatten();
        let mut files: Vec<_> = entries
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().replace("results.jsonl", "");
                (name, fs::read_to_string(entry.path()).expect("a file"))
            })
            .collect();
        files.sort();
        files
    }

    /// A whole run over these targets.
    fn run(&self, targets: &[&str]) {
        let mut tracker = self.open();
        for target in targets {
            tracker.result(&report(target)).expect("a line");
        }
        tracker.keep().expect("kept");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn report(target: &str) -> Report {
    Report {
        target: target.into(),
        started: SystemTime::UNIX_EPOCH,
        elapsed: Duration::ZERO,
        addresses: Vec::new(),
        errors: Vec::new(),
        vantage: None,
        ending: None,
    }
}

fn lines(targets: &[&str]) -> String {
    targets.iter().map(|target| json::render_line(&report(target))).collect()
}

fn file(ending: &str, targets: &[&str]) -> (String, String) {
    (ending.into(), lines(targets))
}

#[test]
fn each_run_takes_the_place_of_the_one_before_and_keeps_it() {
    let folder = Folder::new("runs");
    folder.run(&["a"]);
    assert_eq!(folder.files(), [file("", &["a"])]);
    folder.run(&["b"]);
    assert_eq!(folder.files(), [file("", &["b"]), file(".previous", &["a"])]);
    folder.run(&["c"]);
    assert_eq!(folder.files(), [file("", &["c"]), file(".previous", &["b"])]);
}

#[test]
fn a_run_that_ends_early_leaves_the_old_results() {
    let folder = Folder::new("early");
    folder.run(&["a", "b"]);
    let mut tracker = folder.open();
    tracker.result(&report("a")).expect("a line");
    drop(tracker);
    assert_eq!(folder.files(), [file("", &["a", "b"])]);
}

#[test]
fn so_does_one_that_was_killed() {
    let folder = Folder::new("killed");
    folder.run(&["a"]);
    fs::write(folder.0.join("results.jsonl.new"), "{\"schema\":\"pmtu").expect("the rest of a run");
    folder.run(&["b"]);
    assert_eq!(folder.files(), [file("", &["b"]), file(".previous", &["a"])]);
}

#[test]
fn and_one_that_was_killed_between_the_two_names() {
    let folder = Folder::new("between");
    folder.run(&["old"]);
    fs::write(folder.0.join("results.jsonl.new"), lines(&["new"])).expect("the results of a run");
    renameat_with(CWD, folder.0.join("results.jsonl.new"), CWD, folder.file(), RenameFlags::EXCHANGE)
        .expect("exchanged");
    folder.run(&["newest"]);
    assert_eq!(folder.files(), [file("", &["newest"]), file(".previous", &["new"])]);
}

#[test]
fn one_that_could_not_read_its_list_leaves_them_too() {
    let folder = Folder::new("gap");
    folder.run(&["a", "b"]);
    let mut tracker = folder.open();
    tracker.result(&report("a")).expect("a line");
    tracker.note_gap();
    tracker.keep().expect("nothing to keep");
    assert_eq!(folder.files(), [file("", &["a", "b"])]);
}

#[test]
fn a_target_without_a_result_stands_as_before() {
    let folder = Folder::new("stands");
    folder.run(&["a", "b"]);
    let mut tracker = folder.open();
    tracker.stands_as_before("B.").expect("its old line");
    tracker.stands_as_before("c").expect("none");
    tracker.result(&report("a")).expect("a line");
    tracker.keep().expect("kept");
    assert_eq!(folder.files(), [file("", &["b", "a"]), file(".previous", &["a", "b"])]);
}

#[test]
fn two_runs_do_not_share_a_file() {
    let folder = Folder::new("two");
    let first = folder.open();
    assert!(matches!(Tracker::open(&folder.file()), Err(TrackError::Busy(_))), "before the first end");
    drop(first);
    folder.run(&["a"]);
    let second = folder.open();
    assert!(matches!(Tracker::open(&folder.file()), Err(TrackError::Busy(_))));
    drop(second);
    folder.open();
}

#[test]
fn other_files_are_refused_and_left_as_they_are() {
    let folder = Folder::new("foreign");
    for content in
        ["127.0.0.1 localhost\n".into(), lines(&["a"]) + "{\"half", lines(&["a"]).replace("probe/1", "probe/9")]
    {
        fs::write(folder.file(), &content).expect("a file");
        assert!(matches!(Tracker::open(&folder.file()), Err(TrackError::Foreign { .. })), "{content:?}");
        assert_eq!(folder.files(), [(String::new(), content)]);
    }
}

/// A user may have a file of that name, and a link could lead to any file of root's.
#[test]
fn what_stands_beside_is_emptied_only_if_a_run_left_it() {
    let folder = Folder::new("beside");
    let (new, precious) = (folder.0.join("results.jsonl.new"), folder.0.join("precious"));
    fs::write(&new, "precious").expect("a file");
    assert!(matches!(Tracker::open(&folder.file()), Err(TrackError::Foreign { .. })));
    assert_eq!(fs::read_to_string(&new).expect("the file"), "precious");
    fs::rename(&new, &precious).expect("another name");
    std::os::unix::fs::symlink(&precious, &new).expect("a link");
    assert!(matches!(Tracker::open(&folder.file()), Err(TrackError::Io { .. })));
    assert_eq!(fs::read_to_string(&precious).expect("the file"), "precious");
}

/// A line without an end is not read into memory.
#[test]
fn a_line_has_a_longest_length() {
    let folder = Folder::new("long");
    File::create(folder.file()).and_then(|file| file.set_len(1 << 34)).expect("a sparse file");
    assert!(matches!(Tracker::open(&folder.file()), Err(TrackError::Foreign { line: 1, .. })));
}
