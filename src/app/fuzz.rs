//! The readers of this layer as functions of bytes, for `tests/fuzz` alone.

use std::path::Path;

use super::earlier_results::EarlierResults;
use super::known_states::KnownStates;
use super::list::target_list;
use super::{merge, suspects, track};
use crate::model::Suspect;
use crate::resolve::Target;

/// What stands on the lines of a list of targets; `None`: nothing that can be read. Comments are left out.
pub fn target_list(bytes: &[u8]) -> Vec<(u64, Option<String>)> {
    target_list::texts(bytes)
}

/// What `--resume` makes of a file: the length of its whole lines, and what comes after them. `None`: the file is refused.
pub fn resumed(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let extent = EarlierResults::default().take_in(bytes, Path::new("results")).ok()?;
    Some((extent.whole, extent.half))
}

/// Whether `--known` takes a file.
pub fn is_known(bytes: &[u8]) -> bool {
    KnownStates::read_from(bytes, Path::new("results")).is_ok()
}

/// What `--merge` prints of a file, in words and as JSON. `None`: the file is refused.
pub fn merged(bytes: &[u8]) -> Option<(String, String)> {
    merge::of_bytes(bytes)
}

/// What `--track` tells of two lines. `None`: one of them is refused.
pub fn tracked(before: &[u8], now: &[u8]) -> Option<Vec<String>> {
    track::told(before, now)
}

/// What is examined because of a suspect, where the user names this port. `None`: nothing.
pub fn target_of_suspect(suspect: &Suspect, port: u16) -> Option<Target> {
    suspects::target_of(suspect, port).ok()
}
