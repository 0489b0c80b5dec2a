//! Where the targets of a watch come from, and the new editions of a list.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;

use rustix::io::Errno;

use crate::app::error::RunError;
use crate::app::list::target_list::{self, ListError};
use crate::app::plan::WatchSource;
use crate::app::set_user_id;
use crate::app::target_key::TargetKey;
use crate::net::reread::Rereadable;
use crate::resolve::Target;

/// Bytes and targets of a list that is watched: all of it is kept in memory.
const MOST_BYTES: u64 = 4 << 20;
const MOST_TARGETS: usize = 20_000;

/// The targets, and how to get them anew.
pub(super) struct Source {
    edition: Edition,
    file: Option<Rereadable>,
}

/// A list as it was at a time.
#[derive(Debug, Default)]
pub(super) struct Edition {
    /// Each once.
    pub(super) targets: Vec<String>,
    /// What is wrong with it, by line.
    pub(super) faults: Vec<String>,
}

impl Source {
    /// Reads the targets. To be called before privileges are given up.
    pub(super) fn open(source: &WatchSource) -> Result<Self, RunError> {
        let (edition, file) = match source {
            WatchSource::Named(targets) => (Edition { targets: targets.clone(), faults: Vec::new() }, None),
            WatchSource::List(path) if path.as_os_str() == "-" => {
                let mut bytes = Vec::new();
                let read = io::stdin().take(MOST_BYTES + 1).read_to_end(&mut bytes);
                read.map_err(|error| failed(path, error))?;
                if bytes.len() as u64 > MOST_BYTES {
                    return Err(failed(path, Errno::FBIG.into()).into());
                }
                (Edition::of(&bytes), None)
            }
            WatchSource::List(_) if set_user_id::is_in_force() => return Err(ListError::SetUserId.into()),
            WatchSource::List(path) => {
                let mut file = Rereadable::prepare(path, MOST_BYTES).map_err(|error| failed(path, error))?;
                let bytes = file.read().map_err(|error| failed(path, error))?;
                (Edition::of(&bytes), Some(file))
            }
        };
        if edition.targets.is_empty() {
            let text = "the list holds no target; write one per line".to_owned();
            return Err(RunError::NothingToExamine { text, failures: Vec::new() });
        }
        Ok(Self { edition, file })
    }

    /// The targets as they were read at the start, and the file that holds them.
    pub(super) fn into_parts(self) -> (Edition, Option<Rereadable>) {
        (self.edition, self.file)
    }
}

/// Reads a list once more. The error is a line for people.
pub(super) fn read_again(file: &mut Rereadable) -> Result<Edition, String> {
    let bytes = file.read().map_err(|error| failed(file.path(), error).to_string())?;
    let edition = Edition::of(&bytes);
    if edition.targets.is_empty() {
        return Err(format!("the list {} holds no target", file.path().display()));
    }
    Ok(edition)
}

impl Edition {
    fn of(bytes: &[u8]) -> Self {
        let (mut edition, mut seen) = (Self::default(), HashSet::new());
        for (number, text) in target_list::texts(bytes) {
            let text = match text.map(|text| text.parse::<Target>().map(|_| text)) {
                Some(Ok(text)) => text,
                Some(Err(error)) => {
                    edition.faults.push(format!("line {number} of the list is no target: {error}"));
                    continue;
                }
                None => {
                    edition
                        .faults
                        .push(format!("line {number} of the list is no target; write one host or address per line"));
                    continue;
                }
            };
            if edition.targets.len() == MOST_TARGETS {
                edition.faults.push(format!(
                    "the list is longer than {MOST_TARGETS} targets; line {number} and those after it are left out"
                ));
                break;
            }
            if seen.insert(TargetKey::of(&text)) {
                edition.targets.push(text);
            }
        }
        edition
    }
}

fn failed(path: &Path, source: io::Error) -> ListError {
    // What `Rereadable` says of a pipe or a device.
    let is_no_file = source.raw_os_error() == Some(Errno::INVAL.raw_os_error());
    let source = if is_no_file { io::Error::other("it is no ordinary file") } else { source };
    ListError::Open { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_each_target_once_and_its_faults_by_line() {
        let edition =
            Edition::of(b"# mine\nmx.example.com\n\nMX.example.com.\n192.0.2.1 # old\nno target at all\n\xff\n");
        assert_eq!(edition.targets, ["mx.example.com", "192.0.2.1"]);
        let [first, second] = &edition.faults[..] else { panic!("{:?}", edition.faults) };
        assert!(first.starts_with("line 6 of the list is no target: "), "{first}");
        assert!(second.starts_with("line 7 of the list is no target"), "{second}");
    }

    #[test]
    fn a_list_has_a_longest_length() {
        let list: Vec<String> = (0..MOST_TARGETS + 2).map(|n| format!("mx{n}.example.com")).collect();
        let edition = Edition::of(list.join("\n").as_bytes());
        assert_eq!((edition.targets.len(), edition.faults.len()), (MOST_TARGETS, 1));
    }
}
