//! Runs the corpus of the fuzz targets through the same checks on a stable compiler.

#[path = "fuzz/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

#[test]
fn packets() {
    run("packet", checks::packet);
}

#[test]
fn tcp_options() {
    run("tcp_options", checks::tcp_options);
}

#[test]
fn quotes() {
    run("quote", checks::quote);
}

/// Corpus files say themselves which one failed: the name is printed before its check runs.
fn run(target: &str, check: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files = 0;
    for entry in fs::read_dir(&directory).expect("a corpus directory") {
        let path = entry.expect("a directory entry").path();
        println!("{}", path.display());
        check(&fs::read(&path).expect("a readable file"));
        files += 1;
    }
    assert!(files >= 6, "{files} files in {}", directory.display());
}
