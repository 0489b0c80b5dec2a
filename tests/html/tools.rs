//! Files for a test, and what is encoded for transport.

use std::path::{Path, PathBuf};

use crate::cases::Case;

/// A folder below `target/`, where pages, screenshots and prints stay to be looked at.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("html").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The page as a file, as a ticket has it.
pub(crate) fn file_of(case: &Case, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{}.html", case.name));
    std::fs::write(&path, &case.html).unwrap();
    path
}

/// What `netns-scripts/browser.sh` installs from npm.
pub(crate) fn from_npm(path: &str) -> PathBuf {
    let root = std::env::var_os("PMTU_PAGE_TOOLS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page-tools"), PathBuf::from);
    let path = root.join("node_modules").join(path);
    assert!(path.exists(), "{} is not here: netns-scripts/browser.sh installs it", path.display());
    path
}

/// RFC 4648, section 4.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = ALPHABET.iter().position(|of| *of == letter).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}
