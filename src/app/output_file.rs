//! Files that a run writes or replaces. They are opened by the rights of root, maybe, in a directory where others can write.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens an ordinary file for writing, and makes it if it is not there. What it holds stays.
///
/// Nothing else is opened: behind a link could stand any file of root's, and a pipe without a reader would wait for ever.
pub(super) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    open_as(path, options.write(true).create(true))
}

/// Opens an ordinary file for reading that the run is going to replace.
pub(super) fn open_former(path: &Path) -> io::Result<File> {
    open_as(path, OpenOptions::new().read(true))
}

fn open_as(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match options.custom_flags(flags).open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(no_file()),
        // A link, a pipe that nobody reads, a socket.
        Err(error) if is_something_else(path) && !is_directory(&error) => Err(no_file()),
        Err(error) => Err(error),
    }
}

fn is_something_else(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file())
}

fn is_directory(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::IsADirectory
}

fn no_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is no ordinary file")
}
