//! A file of `--track` that cannot be used.

use std::io;
use std::path::PathBuf;

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum TrackError {
    /// It, or what stands beside it, cannot be opened, read or written.
    #[error("cannot use {}: {source}; name another file for --track", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run has it.
    #[error("another run tracks its results in {} at the moment; wait for its end", .0.display())]
    Busy(PathBuf),
    /// Something else than results.
    #[error("line {line} of {} is no result of this program; is that the right file for --track?", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// From 1 on.
        line: u64,
    },
    /// A set-user-ID program would touch files that its user may not.
    #[error("--track is refused where the program is set-user-ID: use sudo")]
    SetUserId,
}
