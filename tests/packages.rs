//! The packages, and what they promise: built, installed, used and removed in a Debian of their own by `netns-scripts/packages.sh`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn packages_are_installed_used_and_purged() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("netns-scripts/packages.sh");
    let output = Command::new(script)
        .arg("test")
        .env("PMTU_PROBE", env!("CARGO_BIN_EXE_pmtu-probe"))
        .output()
        .expect("the script runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    println!("{said}");
}

/// Lower than what a dependency asks for is a promise that cannot be kept; higher keeps people away for nothing. Whether the
/// program itself gets along with it, clippy tells (`incompatible_msrv`).
#[test]
fn the_rust_version_is_the_highest_that_a_dependency_asks_for() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let name_of = |package: &Value| package["name"].as_str().unwrap_or_default().to_owned();
    let ours = packages.iter().find(|package| name_of(package) == "pmtu-probe").expect("this package");
    let needed = packages_of(&metadata, ours["id"].as_str().expect("an id"));
    let asked_for = packages.iter().filter(|package| needed.iter().any(|id| *id == package["id"]));
    let highest = asked_for.filter(|package| package["id"] != ours["id"]).max_by_key(|package| version_of(package));
    let highest = highest.expect("dependencies");
    assert!(needed.len() > 50, "{} packages", needed.len());
    assert_eq!(version_of(ours), version_of(highest), "{} asks for it", name_of(highest));
}

fn metadata() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--offline", "--format-version", "1"]);
    cargo.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("metadata")
}

/// What has to be compiled for a user: dependencies for tests alone do not count.
fn packages_of(metadata: &Value, root: &str) -> Vec<String> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let mut found: Vec<String> = vec![root.to_owned()];
    let mut next = 0;
    while let Some(id) = found.get(next).cloned() {
        next += 1;
        let node = nodes.iter().find(|node| node["id"] == id.as_str()).expect("a node");
        for dependency in node["deps"].as_array().expect("dependencies") {
            let kinds = dependency["dep_kinds"].as_array().expect("kinds");
            let id = dependency["pkg"].as_str().expect("an id");
            if kinds.iter().any(|kind| kind["kind"] != "dev") && !found.iter().any(|known| known == id) {
                found.push(id.to_owned());
            }
        }
    }
    found
}

/// (1, 88, 0); (0, 0, 0) where nothing is asked for.
fn version_of(package: &Value) -> (u32, u32, u32) {
    let text = package["rust_version"].as_str().unwrap_or_default();
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    (part(), part(), part())
}
