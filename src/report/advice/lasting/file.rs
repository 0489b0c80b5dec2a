//! Files of our own in the folders of others.

use super::super::host_route::HostRoute;
use super::super::undo::undo;
use crate::report::words::{quoted, shell_word};

/// The command that writes these lines, and how to take it back.
pub(super) fn write(lines: &[String], file: &str) -> [String; 2] {
    let words = lines.iter().map(|line| quoted(line)).collect::<Vec<_>>().join(" ");
    [format!("printf '%s\\n' {words} >{}", shell_word(file)), remove(file)]
}

/// How to take it back, done twice or not.
pub(super) fn remove(file: &str) -> String {
    undo(&format!("rm -f {}", shell_word(file)))
}

/// What files for these routes are called: by the first one. Letters, digits and `-` alone, or run-parts passes it by.
pub(super) fn name_of(routes: &[HostRoute]) -> Option<String> {
    let address = routes.first()?.address.to_string();
    Some(format!("pmtu-{}", address.replace([':', '.'], "-")))
}

/// What those for the interface are called.
pub(super) const NAME_OF_MTU: &str = "pmtu-mtu";
