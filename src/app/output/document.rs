//! A document that goes out whole: to stdout, or to a file that is replaced in one step.

use std::io;
use std::path::{Path, PathBuf};

use super::format::{FormatArgument, OpenError, is_dash};
use super::stdout;
use crate::app::set_user_id;
use crate::net::publish::{PrepareError, Readers, WholeFile};

/// Where a document goes.
pub(crate) enum Document {
    Stdout,
    File(WholeFile),
}

/// The file of a document cannot be written.
#[derive(Debug, thiserror::Error)]
enum DocumentError {
    #[error("cannot write {}: {source}; name another file for --{option}", path.display())]
    Open { option: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is no ordinary file, and --{option} would replace it; name another file for --{option}", path.display())]
    NoFile { option: &'static str, path: PathBuf },
    /// A set-user-ID program would overwrite files that its user may not touch.
    #[error("--{0} with a file is refused where the program is set-user-ID: use sudo, or setcap as --help shows")]
    SetUserId(&'static str),
}

impl Document {
    /// Makes sure that it can be written. The option is named without its dashes.
    pub(crate) fn open(argument: &FormatArgument, option: &'static str, readers: Readers) -> Result<Self, OpenError> {
        match argument.file() {
            Some(path) if !is_dash(path) => Ok(Self::File(prepare(path, option, readers).map_err(OpenError::new)?)),
            _ => Ok(Self::Stdout),
        }
    }

    /// Puts the document where it belongs. A file that holds an earlier one holds this one from then on.
    pub(crate) fn put(&mut self, words: &str) -> io::Result<()> {
        match self {
            Self::Stdout => stdout::print(words),
            // A file has no reader that may go: its errors are those of the disk.
            Self::File(file) => file
                .publish(words.as_bytes())
                .map_err(|error| io::Error::other(format!("{}: {error}", file.path().display()))),
        }
    }

    /// Whether it stays where it is put.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

fn prepare(path: &Path, option: &'static str, readers: Readers) -> Result<WholeFile, DocumentError> {
    if set_user_id::is_in_force() {
        return Err(DocumentError::SetUserId(option));
    }
    WholeFile::prepare(path, readers).map_err(|error| match error {
        PrepareError::NoFile => DocumentError::NoFile { option, path: path.to_owned() },
        PrepareError::Io(source) => DocumentError::Open { option, path: path.to_owned(), source },
    })
}
