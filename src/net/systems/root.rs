//! The files of this host, or of a folder that stands for one. Nothing here waits long or reads much.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// No file of interest is longer.
const MOST_BYTES: u64 = 64 * 1024;

/// Nor has any folder of interest more files.
const MOST_FILES: usize = 200;

const MOST_LINKS: usize = 8;

pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.at(Path::new(path)).exists()
    }

    pub(super) fn has_one_of(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.has(path))
    }

    /// A link counts even if it leads nowhere: those of systemd lead to where its own root is.
    pub(super) fn has_link(&self, path: &str) -> bool {
        fs::symlink_metadata(self.at(Path::new(path))).is_ok()
    }

    /// The text of an ordinary file, or of its beginning.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let path = self.at(Path::new(path));
        // Whatever else stands there might wait for a writer.
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The texts of the files in a folder whose names end so, by name.
    pub(super) fn texts(&self, folder: &str, end: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.at(Path::new(folder))) else { return Vec::new() };
        let names = entries.take(MOST_FILES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
        names.sort();
        names.iter().filter_map(|name| self.text(&format!("{folder}/{name}"))).collect()
    }

    /// The name of the program that a link leads to in the end.
    pub(super) fn program(&self, path: &str) -> Option<String> {
        let mut path = PathBuf::from(path);
        for _ in 0..MOST_LINKS {
            match fs::read_link(self.at(&path)) {
                Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
                Err(_) if self.at(&path).exists() => {
                    return path.file_name().and_then(OsStr::to_str).map(str::to_owned);
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// An absolute path begins at this root.
    fn at(&self, path: &Path) -> PathBuf {
        let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
        parts.fold(self.0.clone(), |path, part| path.join(part))
    }
}
