//! The option itself.

use std::process::Command;

use crate::tools::folder;

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_pmtu-probe")).args(arguments).output().unwrap();
    (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

/// A page of yesterday would tell of another run.
#[test]
fn a_run_that_examines_nothing_leaves_no_page_of_another_one() {
    let file = folder("program").join("report.html");
    std::fs::write(&file, "the page of yesterday").unwrap();
    let (code, complaint) = run(&["-I", "nowhere0", "--html", &file.display().to_string(), "192.0.2.1"]);
    assert_eq!(code, Some(3), "{complaint}");
    let page = std::fs::read_to_string(&file).unwrap();
    let why = complaint.trim().rsplit(": ").next().unwrap_or_default();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("no address was examined"), "{page}");
    assert!(!why.is_empty() && page.contains("Could not be examined"), "{complaint}\n{page}");
}

#[test]
fn a_page_is_a_file_and_of_one_report() {
    let file = folder("program").join("list.html").display().to_string();
    for arguments in [&["--html", "-", "mx"][..], &["--html", &file, "--targets", "-"], &["--html"]] {
        let (code, complaint) = run(arguments);
        assert_eq!((code, complaint.is_empty()), (Some(3), false), "{arguments:?}: {complaint}");
    }
}
