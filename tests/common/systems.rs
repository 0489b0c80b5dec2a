//! Debian's packages that configure hosts, unpacked by `netns-scripts/systems.sh`, and a world to run them in.

use std::path::PathBuf;

/// What makes such a host, inside new namespaces for mounts and processes.
pub(crate) const WORLD: &str = include_str!("world.sh");

/// Functions for scripts that run there.
pub(crate) const WORDS: &str = include_str!("world_words.sh");

/// The folder with the unpacked packages.
pub(crate) fn folder() -> PathBuf {
    let folder = std::env::var_os("PMTU_SYSTEMS").map_or_else(beside_the_build, PathBuf::from);
    assert!(
        folder.join("etc").exists(),
        "{} is missing: run ./netns-scripts/systems.sh as root, which unpacks Debian's packages there",
        folder.display()
    );
    folder
}

/// Test programs are in `target/PROFILE/deps`.
fn beside_the_build() -> PathBuf {
    let program = std::env::current_exe().expect("the path of this program");
    program.ancestors().nth(3).expect("a folder of cargo's").join("systems")
}
