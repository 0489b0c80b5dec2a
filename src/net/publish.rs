//! Files that are written whole or not at all: beside the file of that name, then renamed over it.
//!
//! A small child does that, since the rename comes at the end of a run: by then this process has no right left to write into
//! the directory of another user. The child keeps the rights to files alone, knows one directory and one name, and ends when the
//! pipe closes, however this process ends. What arrives only in part is never published.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, fsync, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, waitpid};

use super::{privilege, sys};

/// A file that appears whole.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    /// `None` only while it is dropped.
    contents: Option<PipeWriter>,
    outcomes: PipeReader,
    child: Pid,
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Something else has its name: a link, a device, a pipe.
    #[error("it is no ordinary file")]
    NoFile,
    /// Its directory is not there, or may not be written to; or the name is that of a directory.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whom the umask leaves.
    ByUmask,
    /// Everybody: collectors run as users of their own.
    All,
}

impl WholeFile {
    /// Makes sure that the file can be written, and leaves what is there as it is. To be called before privileges are given up and
    /// before other threads exist.
    ///
    /// # Errors
    /// The directory is not there or not writable, or something else than a file has that name.
    pub fn prepare(path: &Path, readers: Readers) -> Result<Self, PrepareError> {
        let place = Place::of(path, readers)?;
        let (commands, contents) = io::pipe()?;
        let (mut outcomes, answers) = io::pipe()?;
        let child = sys::fork_child(|| serve(&place, commands, answers))?;
        let first = receive_outcome(&mut outcomes);
        let file = Self { path: path.to_owned(), contents: Some(contents), outcomes, child };
        match first {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Err(PrepareError::NoFile),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(file),
        }
    }

    /// The path as the user wrote it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file by these bytes, in one step.
    ///
    /// # Errors
    /// The disk is full, or the directory has gone. The file is then as it was.
    pub fn publish(&mut self, bytes: &[u8]) -> io::Result<()> {
        let contents = self.contents.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let sent = contents.write_all(&(bytes.len() as u64).to_le_bytes()).and_then(|()| contents.write_all(bytes));
        match (sent, receive_outcome(&mut self.outcomes)) {
            // Why the child stopped to read says more than that it did.
            (_, Err(error)) => Err(error),
            (sent, Ok(())) => sent,
        }
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        self.contents = None;
        let _ = waitpid(Some(self.child), WaitOptions::empty());
    }
}

fn receive_outcome(outcomes: &mut PipeReader) -> io::Result<()> {
    let mut number = [0; 4];
    outcomes.read_exact(&mut number)?;
    match i32::from_le_bytes(number) {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

/// One name in one directory.
struct Place {
    directory: OwnedFd,
    name: OsString,
    readers: Readers,
}

impl Place {
    fn of(path: &Path, readers: Readers) -> io::Result<Self> {
        let Some(Component::Normal(name)) = path.components().next_back() else {
            return Err(Errno::ISDIR.into());
        };
        let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let directory = openat(CWD, parent, flags, Mode::empty())?;
        Ok(Self { directory, name: name.to_owned(), readers })
    }

    /// What is there may be replaced only if it is a file: the name of a device or of a link stands for something else.
    fn check(&self) -> Result<(), Errno> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {}
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => return Err(Errno::ISDIR),
            Ok(_) => return Err(Errno::EXIST),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        Draft::create(self).map(drop)
    }

    /// Takes bytes from the pipe into a file beside, then gives it the name.
    fn publish(&self, contents: &mut impl Read, length: u64) -> io::Result<()> {
        let mut draft = Draft::create(self)?;
        if io::copy(&mut contents.take(length), &mut draft.file)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        fsync(&draft.file)?;
        draft.take_name()?;
        Ok(())
    }
}

/// A file beside the one that it is to become. It is gone with the value unless it got the name.
struct Draft<'p> {
    place: &'p Place,
    name: String,
    file: File,
    is_published: bool,
}

impl<'p> Draft<'p> {
    fn create(place: &'p Place) -> Result<Self, Errno> {
        let name = format!(".pmtu-probe.{}.tmp", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&place.directory, &name, flags, Mode::from_raw_mode(0o666))?;
        let draft = Self { place, name, file: file.into(), is_published: false };
        if place.readers == Readers::All {
            fchmod(&draft.file, Mode::from_raw_mode(0o644))?;
        }
        Ok(draft)
    }

    fn take_name(&mut self) -> Result<(), Errno> {
        renameat(&self.place.directory, &self.name, &self.place.directory, &self.place.name)?;
        self.is_published = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = unlinkat(&self.place.directory, &self.name, AtFlags::empty());
        }
    }
}

/// The life of the child: says whether the file can be written, then publishes what comes until the pipe closes.
fn serve(place: &Place, mut contents: PipeReader, mut answers: PipeWriter) {
    let kept: [BorrowedFd<'_>; 3] = [place.directory.as_fd(), contents.as_fd(), answers.as_fd()];
    sys::close_all_but(&kept.map(|descriptor| descriptor.as_raw_fd()));
    // Ctrl-C and an orderly end reach this process too, and the report comes after them.
    sys::ignore_signals(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP]);
    let ready = privilege::keep_rights_to_files().map_err(|_| Errno::PERM).and_then(|()| place.check());
    if answer(&mut answers, ready.map_err(io::Error::from)).is_err() || ready.is_err() {
        return;
    }
    let mut length = [0; 8];
    while contents.read_exact(&mut length).is_ok() {
        let published = place.publish(&mut contents, u64::from_le_bytes(length));
        // Behind a part that was not read, nothing has a beginning.
        let is_over = published.is_err();
        if answer(&mut answers, published).is_err() || is_over {
            return;
        }
    }
}

fn answer(answers: &mut PipeWriter, outcome: io::Result<()>) -> io::Result<()> {
    let number = outcome.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
    answers.write_all(&number.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A directory that is gone when the test is.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pmtu-probe-publish-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).expect("a scratch directory");
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).expect("the directory");
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_in_one_step_and_as_often_as_wanted() {
        let scratch = Scratch::new("replaced");
        let path = scratch.0.join("out");
        std::fs::write(&path, "old").expect("a file");
        let mut file = WholeFile::prepare(&path, Readers::All).expect("a file");
        assert_eq!(std::fs::read(&path).expect("the old one"), b"old");
        for bytes in [b"one".repeat(100_000), b"two".to_vec()] {
            file.publish(&bytes).expect("room");
            assert_eq!(std::fs::read(&path).expect("the new one"), bytes);
        }
        assert_eq!(path.metadata().expect("the file").permissions().mode() & 0o777, 0o644);
        drop(file);
        assert_eq!(scratch.names(), ["out"]);
    }

    #[test]
    fn what_is_never_published_leaves_nothing() {
        let scratch = Scratch::new("nothing");
        drop(WholeFile::prepare(&scratch.0.join("out"), Readers::ByUmask).expect("a file"));
        assert!(scratch.names().is_empty());
    }

    /// As when this process is killed in the middle of its words.
    #[test]
    fn what_arrives_in_part_is_not_published() {
        let scratch = Scratch::new("part");
        let path = scratch.0.join("out");
        std::fs::write(&path, "old").expect("a file");
        let mut file = WholeFile::prepare(&path, Readers::ByUmask).expect("a file");
        let contents = file.contents.as_mut().expect("open");
        contents.write_all(&100_u64.to_le_bytes()).and_then(|()| contents.write_all(b"only this")).expect("a pipe");
        drop(file);
        assert_eq!(std::fs::read(&path).expect("the old one"), b"old");
        assert_eq!(scratch.names(), ["out"]);
    }

    #[test]
    fn only_files_are_replaced() {
        let scratch = Scratch::new("links");
        let link = scratch.0.join("link");
        symlink(scratch.0.join("elsewhere"), &link).expect("a link");
        for path in [link.as_path(), Path::new("/dev/null"), Path::new("/dev/stdout")] {
            assert!(matches!(WholeFile::prepare(path, Readers::ByUmask), Err(PrepareError::NoFile)), "{path:?}");
        }
        let refusal = |path: &Path| match WholeFile::prepare(path, Readers::ByUmask) {
            Err(PrepareError::Io(error)) => error.raw_os_error(),
            _ => None,
        };
        assert_eq!(refusal(&scratch.0), Some(libc::EISDIR));
        assert_eq!(refusal(Path::new("/")), Some(libc::EISDIR));
        assert_eq!(refusal(Path::new("/nowhere/at/all")), Some(libc::ENOENT));
        assert_eq!(scratch.names(), ["link"]);
    }
}
