//! `--json=FILE`, for all formats whose file is replaced in one step: whole or not at all, wherever the caller may write.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cases::{assert_one_line_error, spawn, up, wait_until_running};
use super::lab::{finish, program, run, with_labs};
use super::scenario::Family;

const HOLE: &str = "10.0.4.2";

/// A user of sudo owns the directory, and the program has given its rights up when the report comes.
#[test]
fn the_file_is_written_where_the_caller_of_sudo_can_write_and_text_stays_on_stdout() {
    with_labs("documents::the_file_is_written_where_the_caller_of_sudo_can_write_and_text_stays_on_stdout", || {
        let lab = up("silent_router", Family::V4, &[]);
        let folder = lab.folder().join("home");
        fs::create_dir(&folder).unwrap();
        chown(&folder, Some(65534), Some(65534)).unwrap();
        let file = folder.join("out.json");
        fs::write(&file, "what was there before").unwrap();
        let ran = lab.probe(&[&format!("--json={}", file.display()), HOLE]);
        assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
        assert!(ran.stdout.contains(HOLE) && ran.stdout.contains("What to do"), "{}", ran.stdout);
        assert_eq!(document(&file)["addresses"][0]["verdict"], "black_hole");
        assert_eq!(names(&folder), ["out.json"]);
        lab.down().unwrap();
    });
}

/// Reports tell of a network: who reads them is a matter of the umask. Metrics are for node_exporter, which is another user.
#[test]
fn outputs_have_the_modes_that_the_umask_leaves() {
    with_labs("documents::outputs_have_the_modes_that_the_umask_leaves", || {
        let lab = up("clear", Family::V4, &[]);
        let folder = lab.folder().join("out");
        for (umask, expected) in [("027", 0o640), ("077", 0o600), ("022", 0o644)] {
            fs::create_dir(&folder).unwrap();
            let line = format!(
                "cd {}; umask {umask}; echo {HOLE} >list
                 {program} --json=one.json --html one.html --junit one.xml --prometheus one.prom --pcapng one.pcapng {HOLE} >text
                 {program} -q --targets list --jsonl many.jsonl --track many.track --prometheus many.prom >>text
                 {program} -q --targets list --track many.track >>text",
                folder.display(),
                program = program().display()
            );
            let ran = run(lab.command("c", "bash").args(["-euc", &line]));
            assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
            let mut modes: Vec<(String, u32)> = names(&folder)
                .into_iter()
                .filter(|name| !["list", "text"].contains(&name.as_str()))
                .map(|name| {
                    let mode = folder.join(&name).metadata().unwrap().permissions().mode() & 0o7777;
                    (name, mode)
                })
                .collect();
            modes.sort();
            let wanted = [
                ("many.jsonl", expected),
                ("many.prom", 0o644),
                ("many.track", expected),
                ("many.track.previous", expected),
                ("one.html", expected),
                ("one.json", expected),
                ("one.pcapng", expected),
                ("one.prom", 0o644),
                ("one.xml", expected),
            ];
            let wanted: Vec<(String, u32)> = wanted.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect();
            assert_eq!(modes, wanted, "umask {umask}");
            fs::remove_dir_all(&folder).unwrap();
        }
        lab.down().unwrap();
    });
}

/// The results of `--track` change places at the end as well.
#[test]
fn results_that_are_tracked_change_places_where_the_caller_of_sudo_can_write() {
    with_labs("documents::results_that_are_tracked_change_places_where_the_caller_of_sudo_can_write", || {
        let lab = up("silent_router", Family::V4, &[]);
        let folder = lab.folder().join("home");
        fs::create_dir(&folder).unwrap();
        let (list, results) = (folder.join("list"), folder.join("results.jsonl"));
        fs::write(&list, HOLE).unwrap();
        chown(&folder, Some(65534), Some(65534)).unwrap();
        let arguments = ["-q", "--targets", list.to_str().unwrap(), "--track", results.to_str().unwrap()];
        for (told, left) in
            [("new: ", vec!["list", "results.jsonl"]), ("", vec!["list", "results.jsonl", "results.jsonl.previous"])]
        {
            let ran = lab.probe(&arguments);
            assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
            assert_eq!(
                ran.stderr.contains("new: ") || ran.stderr.contains("changed: "),
                !told.is_empty(),
                "{}",
                ran.stderr
            );
            assert_eq!(document(&results)["addresses"][0]["verdict"], "black_hole");
            let mut found = names(&folder);
            found.sort_unstable();
            assert_eq!(found, left);
        }
        lab.down().unwrap();
    });
}

#[test]
fn a_run_without_a_result_says_why_in_the_file_too() {
    with_labs("documents::a_run_without_a_result_says_why_in_the_file_too", || {
        let lab = up("clear", Family::V4, &[]);
        let file = lab.folder().join("none.json");
        let ran = lab.probe(&["-I", "nowhere0", &format!("--json={}", file.display()), HOLE]);
        assert_eq!(ran.status.code(), Some(3));
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        let document = document(&file);
        assert_eq!((&document["exit_code"], document["errors"].as_array().map(Vec::len)), (&3.into(), Some(1)));
        lab.down().unwrap();
    });
}

/// The page of a real run: verdict, place and letter, beside the text.
#[test]
fn the_page_tells_what_the_text_tells() {
    with_labs("documents::the_page_tells_what_the_text_tells", || {
        let lab = up("silent_router", Family::V4, &[]);
        let file = lab.folder().join("report.html");
        let ran = lab.probe(&["--html", &file.display().to_string(), HOLE]);
        assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
        let page = fs::read_to_string(&file).unwrap();
        let headline = ran.stdout.lines().next().unwrap();
        assert!(page.contains(&format!("<title>{headline}</title>")), "{headline}\n{page}");
        let place = ran.stdout.lines().find_map(|line| line.trim().strip_prefix("where ")).unwrap().trim();
        assert!(page.contains(place), "{place}\n{page}");
        assert!(page.contains("Sehr geehrte Damen und Herren"), "{page}");
        lab.down().unwrap();
    });
}

/// Ctrl-C reaches the child that publishes as well as the program.
#[test]
fn what_is_known_at_an_interruption_is_published_and_nothing_after_a_kill() {
    with_labs("documents::what_is_known_at_an_interruption_is_published_and_nothing_after_a_kill", || {
        for (signal, is_published) in [(Signal::INT, true), (Signal::KILL, false)] {
            let lab = up("silent_router", Family::V4, &["--delay", "150"]);
            let folder = lab.folder().join("out");
            fs::create_dir(&folder).unwrap();
            let file = folder.join("cut.json");
            fs::write(&file, "\"before\"").unwrap();
            let child = spawn(&lab, &[&format!("--json={}", file.display()), HOLE]);
            wait_until_running(&lab);
            std::thread::sleep(Duration::from_millis(700));
            for process in lab.processes("c").lines() {
                if let Some(pid) = process.trim().parse().ok().and_then(Pid::from_raw)
                    && (signal == Signal::INT || pid == Pid::from_child(&child))
                {
                    let _ = kill_process(pid, signal);
                }
            }
            finish(child);
            let found = document(&file);
            assert_eq!(found["schema"] == "pmtu-probe/1", is_published, "{signal:?}: {found}");
            // The child of a killed program needs a moment to see that it is alone.
            for _ in 0..50 {
                if lab.processes("c").trim().is_empty() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            assert_eq!(lab.processes("c").trim(), "", "{signal:?}");
            assert_eq!(names(&folder), ["cut.json"], "{signal:?}");
            lab.down().unwrap();
        }
    });
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was_and_is_one_line() {
    with_labs("documents::a_full_disk_leaves_the_file_as_it_was_and_is_one_line", || {
        let lab = up("silent_router", Family::V4, &[]);
        let folder = lab.folder().join("full");
        let line = format!(
            "mkdir {0}; mount -t tmpfs -o size=8k none {0}; echo '\"before\"' >{0}/x; status=0
             {1} --json={0}/x {HOLE} || status=$?; ls -A {0} >&2; cat {0}/x >&2; umount {0}; exit $status",
            folder.display(),
            program().display()
        );
        let ran = run(lab.command("c", "bash").args(["-euc", &line]));
        assert!(ran.stdout.contains(HOLE), "the text is printed: {}", ran.stdout);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!((lines.len(), lines[1], lines[2]), (3, "x", "\"before\""), "{}", ran.stderr);
        assert!(lines[0].contains("No space left on device") && lines[0].contains("/full/x"), "{}", lines[0]);
        assert_eq!(ran.status.code(), Some(3), "a report that is lost is told");
        lab.down().unwrap();
    });
}

#[test]
fn what_cannot_be_replaced_is_one_line_before_anything_is_sent() {
    with_labs("documents::what_cannot_be_replaced_is_one_line_before_anything_is_sent", || {
        let lab = up("clear", Family::V4, &[]);
        for file in ["/nowhere/at/all.json", "/dev/full", "/dev/stdout", "/", "/proc/self/environ"] {
            assert_one_line_error(&lab.probe(&[&format!("--json={file}"), HOLE]));
        }
        assert!(!lab.mail_log().contains("connect "), "{}", lab.mail_log());
        lab.down().unwrap();
    });
}

fn document(file: &Path) -> Value {
    let bytes = fs::read(file).unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    entries.collect()
}
